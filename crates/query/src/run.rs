//! The run of one statement: what it may spend, and the ways to the network that it has.
//!
//! Owns: the order in which requests pass: kept answers, then the budget, then the journal.
//! Surprise: what a query reads may be kept and may be partial; what a statement reads in order to
//! write is neither.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use strataql_call::Exchange;
use strataql_diag::{Code, Report};
use tracing::Span;

use crate::budget::{Budget, BudgetExchange};
use crate::journal::{Journal, JournalExchange};
use crate::outcome::Outcome;
use crate::response_cache::{ForgettingExchange, KeepingExchange, ResponseCache};
use crate::settings::Settings;
use crate::trace;
use crate::traffic::Traffic;

/// What a session keeps from one statement to the next.
#[derive(Default)]
pub struct Memory {
    /// The journal of the session that the statement belongs to.
    pub journal: Arc<Journal>,
    pub(crate) response_cache: Arc<ResponseCache>,
}

/// One statement that runs.
pub struct Run {
    number: u64,
    /// The span of the statement, for calls in tasks that DataFusion starts.
    pub(crate) span: Span,
    /// What the statement may still spend.
    pub budget: Arc<Budget>,
    /// True if a write to a service follows from what is read.
    decides_write: AtomicBool,
    /// True if calls may fail without failing the statement.
    pub(crate) is_partial: bool,
    /// True if a refused credential is a failure of its call alone, too.
    pub(crate) outlives_refusals: bool,
    /// Pages that a call reads at most.
    pub(crate) most_pages: Option<usize>,
    /// True if no method may be called that may change something.
    pub(crate) is_read_only: bool,
    ttl: Option<Duration>,
    /// The journal of the session that the statement belongs to.
    pub journal: Arc<Journal>,
    response_cache: Arc<ResponseCache>,
    /// What it sent so far.
    pub traffic: Arc<Traffic>,
}

impl Run {
    /// A statement starts. `is_query` tells that it writes and keeps nothing.
    pub fn begin(memory: &Memory, settings: &Settings, is_query: bool) -> Self {
        if settings.cache_ttl.is_none() {
            memory.response_cache.clear();
        }
        Self::numbered(memory.journal.begin(), memory, settings, is_query)
    }

    /// A statement that is not run: it has no number, and what is kept stays.
    pub fn unnumbered(memory: &Memory, settings: &Settings) -> Self {
        Self::numbered(0, memory, settings, false)
    }

    fn numbered(number: u64, memory: &Memory, settings: &Settings, is_query: bool) -> Self {
        Self {
            number,
            span: trace::numbered(number),
            budget: Arc::new(Budget::new(settings)),
            decides_write: AtomicBool::new(false),
            is_partial: is_query && settings.keeps_partial,
            outlives_refusals: settings.profile.is_some(),
            most_pages: settings.profile.and_then(|profile| profile.most_pages),
            is_read_only: settings.read_only,
            ttl: settings.cache_ttl.filter(|_| is_query),
            journal: Arc::clone(&memory.journal),
            response_cache: Arc::clone(&memory.response_cache),
            traffic: Arc::default(),
        }
    }

    /// From now on, what is read decides a write: a lookup has to show the object that was asked for.
    pub fn decide_write(&self) {
        self.decides_write.store(true, Ordering::Relaxed);
    }

    /// True if a write to a service follows from what is read.
    pub(crate) fn decides_write(&self) -> bool {
        self.decides_write.load(Ordering::Relaxed)
    }

    /// The way to the network for scans.
    pub(crate) fn reading(
        &self,
        transport: &Arc<dyn Exchange>,
        outcome: &Outcome,
    ) -> Arc<dyn Exchange> {
        let inner = self.counted(transport);
        match self.ttl {
            None => inner,
            Some(ttl) => Arc::new(KeepingExchange {
                inner,
                response_cache: Arc::clone(&self.response_cache),
                ttl,
                outcome: outcome.clone(),
            }),
        }
    }

    /// A way to the network for something that may change what was kept.
    pub fn forgetting(&self, inner: &Arc<dyn Exchange>) -> Arc<dyn Exchange> {
        Arc::new(ForgettingExchange {
            inner: Arc::clone(inner),
            response_cache: Arc::clone(&self.response_cache),
        })
    }

    /// The way to the network for writes, and for what is read to settle them.
    pub(crate) fn writing(&self, transport: &Arc<dyn Exchange>) -> Arc<dyn Exchange> {
        self.forgetting(&self.counted(transport))
    }

    /// Tells that a scan begins.
    pub(crate) fn reads(&self, outcome: &Outcome) {
        self.journal.reads(outcome);
    }

    fn counted(&self, transport: &Arc<dyn Exchange>) -> Arc<dyn Exchange> {
        let journal = JournalExchange {
            inner: Arc::clone(transport),
            journal: Arc::clone(&self.journal),
            traffic: Arc::clone(&self.traffic),
            statement: self.number,
            span: self.span.clone(),
        };
        Arc::new(BudgetExchange { inner: Arc::new(journal), budget: Arc::clone(&self.budget) })
    }
}

/// The report of something that may write.
pub fn read_only_refusal(what: &str) -> Box<Report> {
    Box::new(
        Report::new(Code::ReadOnly, format!("the session is read-only: {what} is refused"))
            .with_help("start a session without `--read-only` to change something"),
    )
}
