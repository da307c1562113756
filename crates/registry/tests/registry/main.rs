//! The registry as its callers see it.

mod common;
mod databricks;
mod lint;
mod lookup;
mod samples;
