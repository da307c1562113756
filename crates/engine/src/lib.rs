//! Sessions: SQL text in, streams of Arrow batches out.
//!
//! Owns: names, method choice, predicates as parameters, scans, bind joins, EXPLAIN, SHOW and
//! DESCRIBE; everything that touches DataFusion but the functions (`functions`).
//! Refuses: HTTP and decoding (`call`, `net`), reading documents (`registry`, `spec`), printing.
//! Surprise: DataFusion never sees SQL text. Our front turns text into a logical plan, DataFusion
//! optimises it, and our query planner chooses which method each scan calls just before the
//! physical plan is made.
//!
//! ```
//! use std::sync::Arc;
//!
//! use futures::TryStreamExt;
//! use futures::future::BoxFuture;
//! use strataql_call::Exchange;
//! use strataql_diag::{Code, Report};
//! use strataql_engine::{Engine, EngineConfig, Parameters, Recording, Session, Settings};
//! use strataql_net::{Request, Response};
//! use strataql_registry::{Registry, Settings as Documents, Source};
//!
//! /// No network; `strataql_net::Transport` is the real one.
//! struct Offline;
//!
//! impl Exchange for Offline {
//!     fn exchange(&self, _: Request) -> BoxFuture<'_, Result<Response, Box<Report>>> {
//!         Box::pin(async { Err(Box::new(Report::new(Code::RemoteUnavailable, "no network"))) })
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<Report>> {
//! let documents = Documents { sources: vec![Source::embedded()], cache_dir: None };
//! let engine = Engine::new(EngineConfig {
//!     registry: Arc::new(Registry::new(documents)?),
//!     exchange: Arc::new(Offline),
//!     environment: Arc::new(|_: &str| None),
//!     tables: None,
//!     recording: Recording::Off { folder: None },
//! })?;
//! let session = engine.session(Settings::default());
//! session.set("timeout", "10s")?;
//!
//! let text = "SELECT value * 2 AS twice FROM generate_series(1, 3)";
//! let described = session.describe(text).await?;
//! assert_eq!(described.labels, ["twice"]);
//!
//! let parsed = &Session::parse(text)?[0];
//! let result = session.run_statement(text, parsed, &Parameters::default()).await?;
//! let batches: Vec<_> = result.rows.try_collect().await?;
//! assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 3);
//!
//! let choices = session.complete("SELECT * FROM databricks_account.oa", 35);
//! assert_eq!(choices.items[0].text, "oauth2");
//! # Ok(())
//! # }
//! ```

mod complete;
mod description;
mod engine;
mod local;
mod meta;
mod read_only;
mod recording;
mod relations;
mod session;
#[cfg(test)]
mod testing;
mod transaction;
mod write;

pub use complete::{Completion, CompletionKind, Completions};
pub use description::{Description, Placeholder};
pub use engine::{Engine, EngineConfig};
pub use local::stored_views;
pub use read_only::Effect;
pub use recording::Recording;
pub use session::Session;
pub use strataql_query::activity::Activity;
pub use strataql_query::error::report_of;
pub use strataql_query::operators::{ParameterSource, ScanColumn, ScanSpec};
pub use strataql_query::outcome::{Completeness, Issue, Outcome, ScanProgress};
pub use strataql_query::parameters::Parameters;
pub use strataql_query::plan::method_choice::{Choice, Lack, Needs, NoChoice, choose};
pub use strataql_query::result_set::{Batches, ResultSet};
pub use strataql_query::settings::{Login, Profile, SETTINGS, Setting, Settings};
pub use strataql_sql::Parsed;
pub use transaction::OpenTransaction;
