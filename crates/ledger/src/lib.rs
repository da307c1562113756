//! The change ledger: a durable log of writes and their outcomes.
//!
//! Owns: [`Ledger`] (intents on disk before a request is sent, outcomes after), the format of the
//! folder, [`read()`], [`open_writes`] and [`acknowledge`] for writes of killed runs, [`verify()`].
//! Refuses: masking (texts and bodies arrive redacted), the clock (callers pass times),
//! interpreting a missing outcome.
//! Surprise: there is one chain over all runs. Each run has a segment file of its own, but every
//! group of records continues the newest record of the whole ledger, under a lock.

mod acknowledge;
mod chain;
mod digest;
mod failure;
mod folder;
mod head;
mod ledger;
mod line;
mod read;
mod record;
mod segment;
mod thread;
mod time;
mod verify;
mod writer;

pub use acknowledge::acknowledge;
pub use digest::{request_digest, statement_digest};
pub use ledger::Ledger;
pub use read::{Entry, open_writes, read};
pub use record::{
    Intent, JsonText, Outcome, OutcomeKind, Principal, Resolution, ResolutionKind, Run, WriteId,
};
pub use time::Timestamp;
pub use verify::{Verification, verify};
