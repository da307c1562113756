//! Physical operators: plain data that can travel, and the runtime they find at execution.

mod bind_join;
pub(crate) mod demand;
mod legs;
mod optional_side;
mod runtime;
mod scan;
mod spec;

pub use crate::plan::bindings::Source;
pub(crate) use bind_join::{BindJoinExec, JoinParts};
pub(crate) use optional_side::MarkOptionalSides;
pub(crate) use runtime::{BoundKeys, CallRuntime};
pub(crate) use scan::ScanExec;
pub use spec::ScanSpec;
