//! A server of the Model Context Protocol: statements for agents, over stdio and streamable HTTP.
//!
//! Owns: the tools and what they take, which mode lets which statement run, approvals, results that fit
//! a budget of tokens, the two transports.
//! Refuses: running statements. A [`Backend`] does that, and `cli` implements it over the engine.
//! Surprise: nothing here looks at the text of a statement. What it may change is told by the backend,
//! from the parsed tree.

#![expect(clippy::disallowed_methods, reason = "a server starts tasks, and dates what it records")]

mod answer;
mod approval;
mod arguments;
mod backend;
mod calls;
mod cursors;
mod digest;
mod documents;
mod http;
mod library;
mod mode;
mod options;
mod prompts;
mod server;
mod stdio;
mod text;
mod tools;

pub use backend::{
    About, Backend, Cell, Column, Credential, Described, Done, Effect, Facts, Found, FoundMethod,
    Planned, Row, Statement, Stopped, Table,
};
pub use http::{HttpOptions, Listening};
pub use mode::Mode;
pub use options::{Options, Rendering};
pub use server::Server;
