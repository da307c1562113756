//! Functions that only strataql has.

mod json_path;

pub(crate) use json_path::{JsonPlanner, schema_text};
