//! Counters of a scan, shared by all its calls.
//!
//! Owns: the counters for EXPLAIN ANALYZE, the progress line and `--timing`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// Live counters; cheap to update from many tasks.
        #[derive(Debug, Default)]
        pub struct CallMetrics { $($name: AtomicU64,)+ }

        /// A snapshot of the counters.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct MetricsSnapshot { $($(#[doc = $doc])+ pub $name: u64,)+ }

        impl CallMetrics {
            /// Takes a snapshot.
            pub fn snapshot(&self) -> MetricsSnapshot {
                MetricsSnapshot { $($name: self.$name.load(Ordering::Relaxed),)+ }
            }
        }

        impl std::ops::AddAssign for MetricsSnapshot {
            fn add_assign(&mut self, other: Self) { $(self.$name += other.$name;)+ }
        }
    };
}

counters! {
    /// Calls, one per set of bound values.
    calls,
    /// Requests sent, retries included.
    requests,
    /// Pages received.
    pages,
    /// Body bytes received.
    bytes,
    /// Requests beyond the first for one page.
    retries,
    /// Milliseconds spent in gates and back-off.
    waited_ms,
    /// Rows decoded.
    rows,
    /// Response fields that are not documented.
    dropped_fields,
    /// Values that did not fit and became NULL (`SET on_mismatch = 'null'`).
    mismatches,
    /// Lookups that found nothing (404).
    missing,
    /// Those of them whose address holds an encoded `/` of a value.
    missing_slashed,
    /// Lists that end before their last page, because no more pages were wanted.
    cut,
}

impl CallMetrics {
    pub(crate) fn count_call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_missing(&self, slashed: bool) {
        self.missing.fetch_add(1, Ordering::Relaxed);
        self.missing_slashed.fetch_add(u64::from(slashed), Ordering::Relaxed);
    }

    pub(crate) fn count_cut(&self) {
        self.cut.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_answer(&self, attempts: u32, bytes: usize, waited: Duration) {
        self.requests.fetch_add(u64::from(attempts), Ordering::Relaxed);
        self.retries.fetch_add(u64::from(attempts.saturating_sub(1)), Ordering::Relaxed);
        self.pages.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        let waited = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        self.waited_ms.fetch_add(waited, Ordering::Relaxed);
    }

    pub(crate) fn count_rows(&self, rows: usize, dropped: u64, mismatches: u64) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
        self.dropped_fields.fetch_add(dropped, Ordering::Relaxed);
        self.mismatches.fetch_add(mismatches, Ordering::Relaxed);
    }
}
