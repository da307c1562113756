//! The public interface of the registry.

mod common;
mod databricks;
mod lint;
mod lookup;
mod pull;
mod samples;
