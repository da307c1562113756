//! How many requests are in flight towards one origin with one credential.
//!
//! Owns: the permits, and the time spent waiting for one.
//! Surprise: gates are keyed by credential too, because services meter per principal; two providers
//! that share origin and credential share the gate.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::origin::Origin;

/// All gates of a transport.
pub(crate) struct Gates {
    permits: usize,
    gates: Mutex<HashMap<(Origin, u64), Arc<Semaphore>>>,
}

impl Gates {
    /// Gates of `permits` each.
    pub(crate) fn new(permits: usize) -> Self {
        Self { permits: permits.max(1), gates: Mutex::default() }
    }

    /// Waits until one more request may be sent.
    pub(crate) async fn enter(&self, origin: Origin, credential: u64) -> OwnedSemaphorePermit {
        let gate = {
            let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
            let gate = gates
                .entry((origin, credential))
                .or_insert_with(|| Arc::new(Semaphore::new(self.permits)));
            Arc::clone(gate)
        };
        gate.acquire_owned().await.expect("gates are never closed")
    }
}
