//! Whether and where a session records its writes.
//!
//! Owns: the choice; what is recorded stands in `write`.
//! Surprise: a session that has nowhere to record refuses to write, and reads as usual.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use strataql_ledger::Ledger;
use strataql_net::Clock;

/// Whether and where writes are recorded.
#[derive(Debug, Clone)]
pub enum Recording {
    /// Nothing is recorded.
    Off {
        /// Folder of the ledger that earlier sessions left, for `sys.changes`.
        folder: Option<PathBuf>,
    },
    /// Writes are to be recorded and nothing says where, so every write is refused.
    Nowhere,
    /// A write is recorded before its request leaves, or it does not leave.
    On {
        /// The ledger.
        ledger: Arc<Ledger>,
        /// The clock that its times come from.
        clock: Arc<dyn Clock>,
    },
}

impl Recording {
    /// The folder of the ledger.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Off { folder } => folder.as_deref(),
            Self::Nowhere => None,
            Self::On { ledger, .. } => Some(ledger.dir()),
        }
    }
}
