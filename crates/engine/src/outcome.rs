//! What a statement did, beside its rows.
//!
//! Owns: notes, completeness and live counters of a statement (truth contract, decision 4).
//! Refuses: printing them; doors choose where they go.

use std::sync::{Arc, Mutex, PoisonError};

use strataql_call::{CallMetrics, MetricsSnapshot};

/// Whether a result holds everything that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Completeness {
    /// Every page of every call is in it.
    #[default]
    Complete,
    /// Values were replaced by NULL because the user allowed it (`on_mismatch = 'null'`).
    Partial,
}

/// What a statement did; clones share it, and it grows while rows flow.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    notes: Mutex<Vec<String>>,
    scans: Mutex<Vec<Scan>>,
}

#[derive(Debug)]
struct Scan {
    name: String,
    metrics: Arc<CallMetrics>,
}

/// The counters of one scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanProgress {
    /// `provider.service.resource.method`.
    pub name: String,
    /// Its counters.
    pub metrics: MetricsSnapshot,
}

impl Outcome {
    /// Adds a fact for the user, once.
    pub(crate) fn note(&self, text: String) {
        let mut notes = self.inner.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if !notes.contains(&text) {
            notes.push(text);
        }
    }

    /// Adds a scan whose counters are shown.
    pub(crate) fn add_scan(&self, name: String, metrics: Arc<CallMetrics>) {
        let mut scans = self.inner.scans.lock().unwrap_or_else(PoisonError::into_inner);
        scans.push(Scan { name, metrics });
    }

    /// Facts for the user: what was assumed, what was not found, what was dropped.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.inner.notes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for scan in self.scans() {
            let m = scan.metrics;
            if m.missing > 0 {
                let rows = if m.missing == 1 { "one lookup" } else { "lookups" };
                let count = if m.missing == 1 { String::new() } else { format!("{} ", m.missing) };
                notes.push(format!("{count}{rows} by `{}` found nothing (404)", scan.name));
            }
            if m.mismatches > 0 {
                notes.push(format!(
                    "{} values of `{}` did not fit their columns and are NULL",
                    m.mismatches, scan.name
                ));
            }
        }
        notes
    }

    /// The scans of the statement with their counters now.
    pub fn scans(&self) -> Vec<ScanProgress> {
        let scans = self.inner.scans.lock().unwrap_or_else(PoisonError::into_inner);
        scans
            .iter()
            .map(|scan| ScanProgress { name: scan.name.clone(), metrics: scan.metrics.snapshot() })
            .collect()
    }

    /// All counters added up.
    pub fn totals(&self) -> MetricsSnapshot {
        let mut totals = MetricsSnapshot::default();
        for scan in self.scans() {
            totals += scan.metrics;
        }
        totals
    }

    /// Whether the result is whole; final once the rows have ended.
    pub fn completeness(&self) -> Completeness {
        if self.totals().mismatches > 0 { Completeness::Partial } else { Completeness::Complete }
    }
}
