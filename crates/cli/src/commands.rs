//! The commands, one file each.

pub(crate) mod auth;
pub(crate) mod completions;
pub(crate) mod deploy;
pub(crate) mod docs;
pub(crate) mod exec;
pub(crate) mod ledger;
pub(crate) mod mcp;
pub(crate) mod provider;
pub(crate) mod registry;
pub(crate) mod sandbox;
pub(crate) mod srv;
