//! Manifests: plan, apply, drift and teardown of a stack.
//!
//! Owns: the manifest and its query files, templates, the flows of the reference tool, and what a run
//! tells.
//! Refuses: SQL, HTTP, processes, printing. [`Runner`] and [`Host`] are implemented by the command line.
//! Surprise: there is no state file. What is there is asked of the services each time.

#![expect(
    clippy::format_push_string,
    reason = "texts are short, and `write!` into a text has an error that cannot happen"
)]

mod condition;
pub mod flow;
mod graph;
mod import;
mod iql;
mod journal;
mod lint;
mod manifest;
mod merge;
mod moment;
mod plan;
mod random;
mod runner;
mod scaffold;
mod scope;
mod template;
mod verdict;
mod words;
mod yaml;

pub use graph::{dot, svg};
pub use import::{from_state, import};
pub use journal::{Entry, Journal, Operation, Outcome};
pub use lint::lint;
pub use manifest::{MANIFEST, Stack};
pub use moment::Moment;
pub use plan::{Action, Change, FieldChange, Plan};
pub use runner::{
    Answer, Ask, Described, DescribedMethod, EnvironmentLookup, Field, Host, Level, Request, Row,
    Runner, Script,
};
pub use scaffold::scaffold;
