//! What a statement did, beside its rows.
//!
//! Owns: notes, completeness and live counters of a statement
//! (docs/decisions/0002-complete-or-an-error.md).
//! Refuses: printing them; doors choose where they go.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use strataql_call::{CallMetrics, MetricsSnapshot};
use strataql_diag::{Code, Report, counted};

use crate::traffic::Traffic;

/// Whether a result holds everything that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Completeness {
    /// Every page of every call is in it.
    #[default]
    Complete,
    /// Values were replaced by NULL, or rows of failed calls are missing, because the user allowed it
    /// (`on_mismatch = 'null'`, `on_error = 'partial'`).
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
    warnings: Mutex<Vec<Report>>,
    scans: Mutex<Vec<Scan>>,
    issues: Mutex<Vec<Issue>>,
    traffic: OnceLock<Arc<Traffic>>,
    kept: AtomicU64,
    oldest_kept_ms: AtomicU64,
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

/// Why rows or values are missing from a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// The call: `provider.service.resource.method(parameter=value)`.
    pub scope: String,
    /// The service's request identifier.
    pub request_id: Option<String>,
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// What kind of failure.
    pub code: Code,
    /// The sentence of its report.
    pub message: String,
    /// Rows that are missing, where that is known.
    pub rows_lost: Option<u64>,
}

impl Issue {
    pub(crate) fn of(scope: String, report: &Report) -> Self {
        let remote = report.remote.as_deref();
        Self {
            scope,
            request_id: remote.and_then(|remote| remote.request_id.clone()),
            status: remote.and_then(|remote| remote.status),
            code: report.code,
            message: report.message.clone(),
            rows_lost: None,
        }
    }
}

impl Outcome {
    /// Adds a fact for the user, once.
    pub fn note(&self, text: String) {
        let mut notes = self.inner.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if !notes.contains(&text) {
            notes.push(text);
        }
    }

    /// Adds a warning, once.
    pub fn warn(&self, report: Report) {
        let mut warnings = self.inner.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if !warnings.contains(&report) {
            warnings.push(report);
        }
    }

    /// What the user can act on, although the statement did not fail.
    pub fn warnings(&self) -> Vec<Report> {
        self.inner.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds a failure that the statement outlived, once.
    pub(crate) fn add_issue(&self, issue: Issue) {
        let mut issues = self.inner.issues.lock().unwrap_or_else(PoisonError::into_inner);
        if !issues.contains(&issue) {
            issues.push(issue);
        }
    }

    /// Counts an answer that was kept from before.
    pub(crate) fn count_kept(&self, age: Duration) {
        let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        self.inner.kept.fetch_add(1, Ordering::Relaxed);
        self.inner.oldest_kept_ms.fetch_max(age, Ordering::Relaxed);
    }

    /// Adds a scan whose counters are shown.
    pub fn add_scan(&self, name: String, metrics: Arc<CallMetrics>) {
        let mut scans = self.inner.scans.lock().unwrap_or_else(PoisonError::into_inner);
        scans.push(Scan { name, metrics });
    }

    /// Takes over the notes and counters of a part of the statement.
    pub fn absorb(&self, part: &Self) {
        if Arc::ptr_eq(&self.inner, &part.inner) {
            return;
        }
        for note in part.inner.notes.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            self.note(note.clone());
        }
        for warning in part.warnings() {
            self.warn(warning);
        }
        for scan in part.inner.scans.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            self.add_scan(scan.name.clone(), Arc::clone(&scan.metrics));
        }
    }

    /// Facts for the user: what was assumed, what was not found, what was dropped.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.inner.notes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for scan in self.scans() {
            let m = scan.metrics;
            if m.missing > 0 {
                let rows = if m.missing == 1 { "one lookup" } else { "lookups" };
                let count = if m.missing == 1 { String::new() } else { format!("{} ", m.missing) };
                let how = if m.missing_slashed > 0 {
                    "; the `/` in a path value was sent as `%2F`, in one segment"
                } else {
                    ""
                };
                notes.push(format!("{count}{rows} by `{}` found nothing (404){how}", scan.name));
            }
            if m.cut > 0 {
                let lists = counted(m.cut, "list");
                notes.push(format!(
                    "{lists} of `{}` ended at the limit of pages; rows are missing",
                    scan.name
                ));
            }
            if m.mismatches > 0 {
                notes.push(format!(
                    "{} values of `{}` did not fit their columns and are NULL",
                    m.mismatches, scan.name
                ));
            }
        }
        notes.extend(self.notes_of_failures());
        let kept = self.inner.kept.load(Ordering::Relaxed);
        if kept > 0 {
            let age = self.inner.oldest_kept_ms.load(Ordering::Relaxed) / 1000;
            let answers = counted(kept, "answer");
            notes.push(format!("kept from before (`cache.ttl`): {answers}, up to {age} s old"));
        }
        notes
    }

    fn notes_of_failures(&self) -> Vec<String> {
        let issues = self.inner.issues.lock().unwrap_or_else(PoisonError::into_inner);
        let mut notes: Vec<String> = issues
            .iter()
            .take(3)
            .map(|issue| format!("rows of `{}` are missing: {}", issue.scope, issue.message))
            .collect();
        if !notes.is_empty() {
            let calls = counted(issues.len() as u64, "call");
            notes.push(format!(
                "the result is partial: {calls} failed; see `sys.last_query_issues`"
            ));
        }
        notes
    }

    /// Why the result is not whole.
    pub fn issues(&self) -> Vec<Issue> {
        let mut issues = self.inner.issues.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for scan in self.scans() {
            if scan.metrics.mismatches > 0 {
                issues.push(Issue {
                    scope: scan.name,
                    request_id: None,
                    status: None,
                    code: Code::BadRemoteValue,
                    message: format!(
                        "{} values did not fit their columns and are NULL",
                        scan.metrics.mismatches
                    ),
                    rows_lost: Some(0),
                });
            }
        }
        issues
    }

    /// The scans of the statement with their counters now.
    pub fn scans(&self) -> Vec<ScanProgress> {
        let scans = self.inner.scans.lock().unwrap_or_else(PoisonError::into_inner);
        scans
            .iter()
            .map(|scan| ScanProgress { name: scan.name.clone(), metrics: scan.metrics.snapshot() })
            .collect()
    }

    /// Counts requests where all of the statement's pass, from now on. The first one given stays.
    pub fn count(&self, traffic: &Arc<Traffic>) {
        self.inner.traffic.get_or_init(|| Arc::clone(traffic));
    }

    /// All counters added up; requests and bytes of lookups that decide a write count, too.
    pub fn totals(&self) -> MetricsSnapshot {
        let mut totals = MetricsSnapshot::default();
        for scan in self.scans() {
            totals += scan.metrics;
        }
        if let Some(traffic) = self.inner.traffic.get() {
            traffic.put_into(&mut totals);
        }
        totals
    }

    /// Whether the result is whole; final once the rows have ended.
    pub fn completeness(&self) -> Completeness {
        if self.issues().is_empty() { Completeness::Complete } else { Completeness::Partial }
    }
}

/// The note about a parameter that a statement does not give.
pub fn default_note(name: &str, value: &str) -> String {
    format!("`{name}` is not given; its default is `{value}`")
}
