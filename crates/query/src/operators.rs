//! Physical operators: plain data that can travel, and the runtime they find at execution.

mod bind_join;
mod call;
pub(crate) mod demand;
mod fan_out;
mod identity;
mod partitions;
mod pauses;
mod runtime;
mod scan;
mod shared_rows;
mod spec;

pub use crate::predicate::bindings::ParameterSource;
pub(crate) use bind_join::{BindJoinExec, JoinParts};
pub use call::{CallRelation, CallTable, call_of};
pub(crate) use partitions::{OrderedPartitionsExec, PartitionsInOrder, merged};
pub(crate) use pauses::PauseInJoins;
pub use runtime::{BoundKeys, CallRuntime};
pub(crate) use scan::ScanExec;
pub(crate) use shared_rows::{SharedRows, SharedRowsExec};
pub use spec::{ScanColumn, ScanSpec};
