//! What a Databricks SDK package says about the API, read from its source text.
//!
//! Owns: opening a package (folder or wheel), the facts of messages, enums and operations.
//! Refuses: running the package, and the words of its documentation: docstrings are kept apart, so
//! that documents can be made without them.

mod archive;
mod body;
mod facts;
mod messages;
mod operation;
mod package;
mod paging;
mod types;
mod waiter;

pub(crate) use facts::{
    Answer, Api, Body, Field, Module, Operation, Paging, PathPart, Sdk, Source, Type, Waiter,
};
pub(crate) use package::read;

#[cfg(test)]
mod tests;
