//! Sending one write: record the intent, send, look up an unknown outcome, record the outcome.
//!
//! Owns: that order, and the outcome of the write.
//! Refuses: retries; the transport retries where that is safe.
//! Surprise: a write may be recorded and then not sent, when another one fails while its intent is
//! written to disk. The next write starts as soon as a response arrives, not when its outcome is on disk.

use std::sync::atomic::{AtomicBool, Ordering};

use strataql_call::{CallMetrics, Exchange, WriteFailure};
use strataql_diag::{Code, Report};
use strataql_ledger::{OutcomeKind, WriteId};
use strataql_net::{Request, Response};
use strataql_query::outcome::Outcome;
use tokio::sync::Semaphore;

use super::prepared::PreparedWrite;
use super::record::{End, Record};
use super::resolve::{Seen, look};
use super::{image, masking};

/// How a write ended.
pub(crate) enum WriteOutcome {
    Applied(Response),
    Failed(Box<Report>),
    /// It is not known whether the change was made.
    Unknown(Box<Report>),
    NotSent,
}

impl WriteOutcome {
    /// The response of the only write of a statement.
    ///
    /// # Errors
    /// The report of a write that was not applied.
    pub(crate) fn response(self) -> Result<Response, Box<Report>> {
        match self {
            Self::Applied(response) => Ok(response),
            Self::Failed(report) | Self::Unknown(report) => Err(report),
            Self::NotSent => Err(Box::new(Report::internal("the write was not sent"))),
        }
    }
}

/// A recorded write, and its outcome.
type Ending = (Option<WriteId>, End);

/// Sends the writes of one statement.
pub(crate) struct Sender<'a> {
    pub(super) exchange: &'a dyn Exchange,
    pub(super) metrics: &'a CallMetrics,
    record: &'a Record<'a>,
    /// Receives a note when an outcome could not be recorded.
    pub(super) outcome: &'a Outcome,
    /// Limits the writes in flight.
    slots: Semaphore,
    /// Set when a write has failed.
    stop: AtomicBool,
    /// True if no write is sent after a failure.
    stops: bool,
}

impl<'a> Sender<'a> {
    /// A sender of one write at a time, which stops at the first failure.
    pub(crate) fn new(
        exchange: &'a dyn Exchange,
        metrics: &'a CallMetrics,
        record: &'a Record<'a>,
        outcome: &'a Outcome,
    ) -> Self {
        let (slots, stop) = (Semaphore::new(1), AtomicBool::new(false));
        Self { exchange, metrics, record, outcome, slots, stop, stops: true }
    }

    /// The same sender with several writes in flight.
    pub(crate) fn concurrent(self, writes: usize) -> Self {
        Self { slots: Semaphore::new(writes), ..self }
    }

    /// The same sender; `stops` is true if no write is sent after a failure.
    pub(crate) fn stopping(self, stops: bool) -> Self {
        Self { stops, ..self }
    }

    /// Records and sends one write, unless an earlier one failed.
    pub(crate) async fn write(&self, position: usize, write: &PreparedWrite) -> WriteOutcome {
        let (outcome, ending) = {
            let _slot = self.slots.acquire().await;
            if self.is_stopped() {
                return WriteOutcome::NotSent;
            }
            let (outcome, ending) = self.attempt(position, write).await;
            // while the slot is taken: no other write may slip through
            if matches!(outcome, WriteOutcome::Failed(_) | WriteOutcome::Unknown(_)) {
                self.fail();
            }
            (outcome, ending)
        };
        if let Some((id, end)) = ending
            && let Some(note) = self.record.end(id, end).await
        {
            self.outcome.note(note);
        }
        outcome
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Reports that a write has failed, perhaps after it was accepted.
    pub(crate) fn fail(&self) {
        if self.stops {
            self.stop.store(true, Ordering::SeqCst);
        }
    }

    /// Records the intent and sends; returns the outcome that is to be recorded.
    async fn attempt(
        &self,
        position: usize,
        write: &PreparedWrite,
    ) -> (WriteOutcome, Option<Ending>) {
        let (request, id) = match self.begin(position, write).await {
            Ok(begun) => begun,
            Err(report) => return (WriteOutcome::Failed(report), None),
        };
        // another write may have failed while the intent was written to disk
        if self.is_stopped() {
            return (WriteOutcome::NotSent, Some((id, End::not_sent("another row failed"))));
        }
        let (outcome, end) = match write.call.send(self.exchange, self.metrics, request).await {
            Ok(response) => {
                let end = End::applied(&response);
                (WriteOutcome::Applied(response), end)
            }
            Err(failure) if failure.maybe_applied => {
                let is_success = failure.status.is_some_and(|status| (200..300).contains(&status));
                let is_refusal = is_success && failure.report.code == Code::RemoteRejected;
                let seen = look(self.exchange, self.metrics, write, is_refusal).await;
                decided(failure, seen)
            }
            Err(failure) => {
                let end = End::failed(&failure);
                (WriteOutcome::Failed(failure.report), end)
            }
        };
        (outcome, Some((id, end)))
    }

    /// The request of a write, after its intent is on disk.
    async fn begin(
        &self,
        position: usize,
        write: &PreparedWrite,
    ) -> Result<(Request, Option<WriteId>), Box<Report>> {
        let request = write.call.request()?;
        let before = if let Some(image) = &write.image {
            Some(masking::masked(write.call.method(), image))
        } else if self.record.has_images() {
            image::read(self.exchange, self.metrics, write).await?
        } else {
            None
        };
        let id = self.record.begin(position, write, &request, before).await?;
        Ok((request, id))
    }
}

impl End {
    fn applied(response: &Response) -> Self {
        Self {
            kind: OutcomeKind::Applied,
            status: Some(response.status),
            request_id: response.request_id(),
            message: None,
        }
    }

    fn failed(failure: &WriteFailure) -> Self {
        let kind = match failure.status {
            _ if failure.maybe_applied => OutcomeKind::Unknown,
            None => OutcomeKind::NotSent,
            Some(500..) => OutcomeKind::Failed,
            Some(_) => OutcomeKind::Refused,
        };
        let remote = failure.report.remote.as_deref();
        Self {
            kind,
            status: failure.status,
            request_id: remote.and_then(|remote| remote.request_id.clone()),
            message: Some(failure.report.message.clone()),
        }
    }

    fn not_sent(why: &str) -> Self {
        Self {
            kind: OutcomeKind::NotSent,
            status: None,
            request_id: None,
            message: Some(why.to_owned()),
        }
    }
}

/// The outcome of a write without a usable response, after its object was read.
fn decided(failure: WriteFailure, seen: Seen) -> (WriteOutcome, End) {
    let end = End::failed(&failure);
    match seen {
        Seen::Applied(response) => {
            let found = "the object was read afterwards and shows the change";
            let message = end.message.map(|said| format!("{found}; before that: {said}"));
            let end = End { kind: OutcomeKind::Applied, message, ..end };
            (WriteOutcome::Applied(response), end)
        }
        // a gateway error or a timeout: the service may still be working
        Seen::NotApplied if failure.status.is_some() || failure.report.code == Code::Timeout => {
            let note = "the object was read afterwards and does not show the change, but the service \
                        may still be at work on it";
            (WriteOutcome::Unknown(Box::new(unknown(*failure.report).with_note(note))), end)
        }
        Seen::NotApplied => {
            let report = not_applied(*failure.report);
            let message = Some(report.message.clone());
            let end = End { kind: OutcomeKind::Failed, message, ..end };
            (WriteOutcome::Failed(Box::new(report)), end)
        }
        Seen::Unclear => (WriteOutcome::Unknown(Box::new(unknown(*failure.report))), end),
    }
}

fn unknown(cause: Report) -> Report {
    let message = format!("the outcome of a write is unknown: {}", cause.message);
    let help = "read the object to see whether the change happened before you repeat the statement";
    caused(Report::new(Code::WriteOutcomeUnknown, message).with_help(help), cause)
}

fn not_applied(cause: Report) -> Report {
    let message = format!("a write was not applied, as the object shows: {}", cause.message);
    caused(
        Report::new(Code::RemoteUnavailable, message).with_help("run the statement again"),
        cause,
    )
}

fn caused(report: Report, cause: Report) -> Report {
    let mut report = report.with_note("it was not sent again");
    report.remote = cause.remote;
    report
}
