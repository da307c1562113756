//! What all writes of a session share: where they are recorded, and what an eager transaction undoes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Undo;
use crate::recording::Recording;

/// Where a session's writes are recorded and noted.
#[derive(Clone)]
pub(crate) struct WriteContext {
    pub(crate) recording: Recording,
    pub(crate) undo: UndoLog,
}

impl WriteContext {
    pub(crate) fn new(recording: Recording) -> Self {
        Self { recording, undo: UndoLog::default() }
    }
}

/// How the writes of an eager transaction are undone; nothing is kept while none is open.
#[derive(Clone, Default)]
pub(crate) struct UndoLog(Arc<Mutex<Option<Vec<Undo>>>>);

impl UndoLog {
    fn state(&self) -> MutexGuard<'_, Option<Vec<Undo>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An eager transaction begins.
    pub(crate) fn open(&self) {
        *self.state() = Some(Vec::new());
    }

    /// An eager transaction ends; gives its changes in their order.
    pub(crate) fn close(&self) -> Vec<Undo> {
        self.state().take().unwrap_or_default()
    }

    /// True if writes have to be undoable.
    pub(crate) fn is_open(&self) -> bool {
        self.state().is_some()
    }

    /// How many changes are noted; `None` while no eager transaction is open.
    pub(crate) fn len(&self) -> Option<usize> {
        self.state().as_ref().map(Vec::len)
    }

    /// Notes how a change is undone.
    pub(crate) fn add(&self, undo: Undo) {
        if let Some(all) = self.state().as_mut() {
            all.push(undo);
        }
    }
}
