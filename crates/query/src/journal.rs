//! The journal of a session: the requests it sent, and what the last read of services lacks.
//!
//! Owns: what `sys.requests` and `sys.last_query_issues` show.
//! Refuses: secrets. Addresses come from the transport, which redacts them, or are shown without their
//! query.
//! Surprise: it forgets the oldest requests, so that a long session does not grow.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use strataql_call::{Exchange, Layer, WriteFailure};
use strataql_diag::{Code, Report};
use strataql_net::{Request, Response};
use strataql_spec::HttpVerb;
use tracing::{Instrument, Span};

use crate::outcome::Outcome;
use crate::traffic::Traffic;

/// Requests that are remembered.
const KEPT: usize = 10_000;

/// What a session did so far.
#[derive(Default)]
pub struct Journal {
    statements: AtomicU64,
    sent: Mutex<VecDeque<Sent>>,
    last: Mutex<Outcome>,
}

/// A request that was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The statement, counted from 1 in the session.
    pub statement: u64,
    /// The provider that it was sent to.
    pub provider: String,
    /// Its HTTP verb.
    pub verb: HttpVerb,
    /// Redacted.
    pub url: String,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// Why there was no answer.
    pub error: Option<Code>,
    /// Bytes received.
    pub bytes: u64,
    /// From the first attempt to the end of the answer.
    pub elapsed: Duration,
    /// How often it was sent; absent when it was abandoned.
    pub attempts: Option<u32>,
}

impl Journal {
    /// The number of a statement that starts.
    pub(crate) fn begin(&self) -> u64 {
        self.statements.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The requests that have ended, oldest first.
    pub fn requests(&self) -> Vec<Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Tells that a statement reads services.
    pub(crate) fn reads(&self, outcome: &Outcome) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = outcome.clone();
    }

    /// What the last statement that read services did.
    pub fn last(&self) -> Outcome {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, sent: Sent) {
        let mut all = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() == KEPT {
            all.pop_front();
        }
        all.push_back(sent);
    }
}

/// An exchange that writes down what it sends.
pub(crate) struct JournalExchange {
    pub(crate) inner: Arc<dyn Exchange>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) statement: u64,
    pub(crate) span: Span,
}

impl JournalExchange {
    /// The span of the call, or that of the statement where no call is known.
    fn scope(&self) -> Span {
        let current = Span::current();
        if current.is_none() { self.span.clone() } else { current }
    }

    fn begin(&self, request: &Request) -> Pending {
        let url = &request.url;
        let origin = url.origin().ascii_serialization();
        Pending {
            journal: Arc::clone(&self.journal),
            traffic: Arc::clone(&self.traffic),
            waited: Duration::ZERO,
            started: Instant::now(),
            sent: Sent {
                statement: self.statement,
                provider: request.provider.clone(),
                verb: request.verb,
                url: format!("{origin}{}", url.path()),
                status: None,
                error: Some(Code::Cancelled),
                bytes: 0,
                elapsed: Duration::ZERO,
                attempts: None,
            },
        }
    }
}

impl Layer for JournalExchange {
    fn inner(&self) -> &Arc<dyn Exchange> {
        &self.inner
    }

    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, Box<Report>>> {
        Box::pin(async move {
            let mut pending = self.begin(&request);
            let result = self.inner.exchange(request).instrument(self.scope()).await;
            match &result {
                Ok(response) => {
                    self.scope().in_scope(|| log(response));
                    pending.answered(response);
                }
                Err(report) => pending.failed(report),
            }
            result
        })
    }

    fn write(&self, request: Request) -> BoxFuture<'_, Result<Response, WriteFailure>> {
        Box::pin(async move {
            let mut pending = self.begin(&request);
            let result = self.inner.write(request).instrument(self.scope()).await;
            match &result {
                Ok(response) => {
                    self.scope().in_scope(|| log(response));
                    pending.answered(response);
                }
                Err(failure) => pending.failed(&failure.report),
            }
            result
        })
    }
}

/// Logs a response in the current span.
fn log(response: &Response) {
    tracing::debug!(
        status = response.status,
        bytes = response.body.len(),
        attempts = response.attempts,
        waited_ms = response.waited.as_millis(),
        "response"
    );
}

/// A request on its way; written down when it ends, and when nobody waits for it any more.
struct Pending {
    journal: Arc<Journal>,
    traffic: Arc<Traffic>,
    waited: Duration,
    started: Instant,
    sent: Sent,
}

impl Pending {
    fn answered(&mut self, response: &Response) {
        self.sent.url.clone_from(&response.facts.url);
        self.sent.status = Some(response.status);
        self.sent.error = None;
        self.sent.bytes = response.received;
        self.sent.attempts = Some(response.attempts);
        self.waited = response.waited;
    }

    fn failed(&mut self, report: &Report) {
        self.sent.error = Some(report.code);
        self.sent.attempts = Some(0);
        if let Some(remote) = &report.remote {
            self.sent.url.clone_from(&remote.url);
            self.sent.status = remote.status;
            self.sent.attempts = Some(remote.attempts);
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.sent.elapsed = self.started.elapsed();
        // one that was abandoned was sent once at least
        let attempts = self.sent.attempts.unwrap_or(1);
        self.traffic.add(attempts, self.sent.bytes, self.waited);
        self.journal.add(self.sent.clone());
    }
}
