//! Sessions: SQL text in, streams of Arrow batches out.
//!
//! Owns: names, method choice, predicates as parameters, scans, bind joins, EXPLAIN, SHOW and
//! DESCRIBE; everything that touches DataFusion but the functions (`functions`).
//! Refuses: HTTP and decoding (`call`, `net`), reading documents (`registry`, `spec`), printing.
//! Surprise: DataFusion never sees SQL text. Our front turns text into a logical plan, DataFusion
//! optimises it, and our query planner chooses which method each scan calls just before the
//! physical plan is made.

mod activity;
mod answers;
mod assertion;
mod budget;
mod catalog;
mod engine;
mod error;
mod explain;
mod front;
mod journal;
mod local;
mod meta;
mod operators;
mod outcome;
mod parameters;
mod partial;
mod plan;
mod predicate;
mod query_engine;
mod read_only;
mod recording;
mod relations;
mod resource;
mod resource_table;
mod result_set;
mod run;
mod session;
mod settings;
mod statement;
#[cfg(test)]
mod testing;
mod text_table;
mod transaction;
mod write;

pub use activity::Activity;
pub use engine::{Engine, EngineConfig};
pub use error::report_of;
pub use local::stored_views;
pub use operators::{ParameterSource, ScanColumn, ScanSpec};
pub use outcome::{Completeness, Issue, Outcome, ScanProgress};
pub use parameters::Parameters;
pub use plan::method_choice::{Choice, Lack, Needs, NoChoice, choose};
pub use recording::Recording;
pub use result_set::{Batches, ResultSet};
pub use session::Session;
pub use settings::{SETTINGS, Setting, Settings};
pub use strataql_sql::Parsed;
pub use transaction::OpenTransaction;
