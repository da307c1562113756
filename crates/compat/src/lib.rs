//! The StackQL profile: what its command line, results and messages look like.
//!
//! Owns: recognising that the profile is wanted, flags, templates over statements, layouts of results,
//! shapes of SHOW and DESCRIBE, message texts.
//! Refuses: running statements (`engine`), printing and the environment (`cli`).
//! Surprise: nothing here knows of Arrow or DataFusion: results come as tables of texts.

mod called;
mod command;
pub mod documents;
pub mod flags;
pub mod go_json;
mod help;
mod jsonnet;
pub mod layout;
mod line;
pub mod messages;
mod pieces;
pub mod shapes;
mod template;

pub use called::{Called, called};
pub use command::{Command, Show};
pub use help::{Build, COMMANDS, help};
pub use line::Line;
pub use pieces::pieces;
pub use template::Script;
