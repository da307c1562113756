//! Sessions: SQL text in, streams of Arrow batches out.
//!
//! Owns: names, method choice, predicates as parameters, scans, bind joins, EXPLAIN, SHOW and
//! DESCRIBE; everything that touches DataFusion but the functions (`functions`).
//! Refuses: HTTP and decoding (`call`, `net`), reading documents (`registry`, `spec`), printing.
//! Surprise: DataFusion never sees SQL text. Our front turns text into a logical plan, DataFusion
//! optimises it, and our query planner settles which method each scan calls just before the
//! physical plan is made.

mod activity;
mod answers;
mod budget;
mod catalog;
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
mod read_only;
mod recording;
mod run;
mod session;
mod settings;
mod table;
#[cfg(test)]
mod testing;
mod text_table;
mod transaction;
mod write;

pub use activity::Activity;
pub use error::report_of;
pub use local::stored_views;
pub use operators::{ScanSpec, Source};
pub use outcome::{Completeness, Issue, Outcome, ScanProgress};
pub use parameters::Parameters;
pub use plan::method_choice::{Choice, Lack, Needs, NoChoice, choose};
pub use recording::Recording;
pub use session::{ResultSet, Session, SessionConfig};
pub use settings::{SETTINGS, SettingInfo, Settings};
pub use strataql_sql::Parsed;
pub use transaction::OpenTransaction;
