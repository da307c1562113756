//! A server of the PostgreSQL protocol.
//!
//! Owns: the protocol (start-up, simple and extended queries, cursors, COPY of results), its types and
//! formats, authentication and TLS, limits of connections, figures.
//! Refuses: SQL. Statements are run by whoever implements [`Backend`]; no engine is linked here.
//! Surprise: frames are read by this crate itself, because no length in them may be trusted.

#![expect(
    clippy::format_push_string,
    reason = "texts are short, and `write!` into a text has an error that cannot happen"
)]
#![expect(clippy::disallowed_methods, reason = "a server starts tasks and waits")]

mod backend;
mod cells;
mod client;
mod commands;
mod frame;
mod kinds;
mod login;
mod messages;
mod metrics;
mod options;
mod pieces;
mod portal;
mod report;
mod server;
mod state;
mod structures;
mod tls;
mod users;
mod values;
mod wire;

pub use backend::{Answer, Backend, Description, Login, Notice, Session};
pub use commands::VERSION;
pub use options::Options;
pub use server::Server;
pub use tls::Tls;
pub use users::Users;

/// For implementations of the traits.
pub use async_trait::async_trait;
