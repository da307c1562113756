//! What a statement sent and received: its reads and writes, and what it looked up to decide them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use strataql_call::MetricsSnapshot;

/// Counters of all requests of a statement.
#[derive(Debug, Default)]
pub struct Traffic {
    requests: AtomicU64,
    retries: AtomicU64,
    bytes: AtomicU64,
    waited_ms: AtomicU64,
}

impl Traffic {
    /// Counts a request that has ended: how often it was sent, the bytes of the answer, and how long it
    /// waited in gates and back-off.
    pub(crate) fn add(&self, attempts: u32, bytes: u64, waited: Duration) {
        let attempts = u64::from(attempts);
        self.requests.fetch_add(attempts, Ordering::Relaxed);
        self.retries.fetch_add(attempts.saturating_sub(1), Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let waited = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        self.waited_ms.fetch_add(waited, Ordering::Relaxed);
    }

    /// Replaces the counters of calls, which miss what decides a write.
    pub(crate) fn put_into(&self, totals: &mut MetricsSnapshot) {
        totals.requests = self.requests.load(Ordering::Relaxed);
        totals.retries = self.retries.load(Ordering::Relaxed);
        totals.bytes = self.bytes.load(Ordering::Relaxed);
        totals.waited_ms = self.waited_ms.load(Ordering::Relaxed);
    }
}
