//! Counters of requests.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of requests.
#[derive(Debug, Default)]
pub(super) struct Counter {
    api: AtomicU64,
    tokens: AtomicU64,
    in_flight: AtomicU64,
    most_in_flight: AtomicU64,
}

impl Counter {
    /// A request of the API has arrived.
    pub(super) fn arrived(&self) {
        self.api.fetch_add(1, Ordering::Relaxed);
        let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_in_flight.fetch_max(now, Ordering::Relaxed);
    }

    /// The answer is about to be written.
    pub(super) fn answered(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// A token has been asked for.
    pub(super) fn token(&self) {
        self.tokens.fetch_add(1, Ordering::Relaxed);
    }

    /// The counts as JSON; they start anew.
    pub(super) fn take(&self) -> String {
        format!(
            r#"{{"requests":{},"tokens":{},"most_in_flight":{}}}"#,
            self.api.swap(0, Ordering::Relaxed),
            self.tokens.swap(0, Ordering::Relaxed),
            self.most_in_flight.swap(0, Ordering::Relaxed),
        )
    }
}
