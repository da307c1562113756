//! The change ledger: what strataql wrote to whose account, and what came of it.
//!
//! Owns: [`Ledger`] (intents on disk before a request leaves, outcomes after), the format of the
//! folder, [`read()`], [`open_writes`] and [`acknowledge`] for writes whose run was killed, [`verify()`].
//! Refuses: masking (texts and bodies arrive redacted), the clock (callers give times), deciding
//! what a missing outcome means for the account.
//! Surprise: there is one chain over all runs. A run owns its segment file alone, but every group of
//! records continues the newest record of the whole ledger, taken under a lock.

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
    Intent, Outcome, OutcomeKind, Principal, Resolution, ResolutionKind, Run, WriteId,
};
pub use time::Timestamp;
pub use verify::{Verification, verify};
