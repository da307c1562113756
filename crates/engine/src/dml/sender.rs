//! One write on its way: recorded, sent, looked after, recorded again.
//!
//! Owns: that order, and what became of the write.
//! Refuses: sending a write again; the transport does that where it is harmless.
//! Surprise: a write may be recorded and then not sent, when another fails while the disk is waited for.

use std::sync::atomic::{AtomicBool, Ordering};

use strataql_call::{CallMetrics, Exchange, request_of};
use strataql_diag::{Code, Report};
use strataql_ledger::OutcomeKind;
use strataql_net::{Request, Response};
use strataql_spec::Method;

use super::image;
use super::record::{End, Record};
use super::resolve::{Seen, look};
use super::send::Prepared;
use crate::outcome::Outcome;
use crate::table::ResourceRef;

/// What became of a write.
pub(crate) enum Fate {
    Applied(Response),
    Failed(Box<Report>),
    /// Nobody knows whether it happened.
    Unknown(Box<Report>),
    NotSent,
}

/// Sends the writes of one statement.
pub(crate) struct Sender<'a> {
    pub(crate) exchange: &'a dyn Exchange,
    pub(crate) metrics: &'a CallMetrics,
    pub(crate) resource: &'a ResourceRef,
    pub(crate) method: &'a Method,
    pub(crate) record: &'a Record<'a>,
    /// Where it is said that the end of a write could not be recorded.
    pub(crate) outcome: &'a Outcome,
    /// A write has failed.
    pub(crate) stop: AtomicBool,
    /// True if none is sent after that.
    pub(crate) stops: bool,
}

impl Sender<'_> {
    /// Sends one write, unless an earlier one failed; it is recorded before and after.
    pub(crate) async fn write(&self, position: usize, write: &Prepared) -> Fate {
        if self.stop.load(Ordering::SeqCst) {
            return Fate::NotSent;
        }
        let fate = self.recorded(position, write).await;
        if self.stops && matches!(fate, Fate::Failed(_) | Fate::Unknown(_)) {
            self.stop.store(true, Ordering::SeqCst);
        }
        fate
    }

    async fn recorded(&self, position: usize, write: &Prepared) -> Fate {
        let request = match request_of(&write.call, write.key.is_some()) {
            Ok(request) => request,
            Err(report) => return Fate::Failed(report),
        };
        let before = if self.record.has_images() {
            match image::read(self.exchange, self.resource, self.method, write).await {
                Ok(before) => before,
                Err(report) => return Fate::Failed(report),
            }
        } else {
            None
        };
        let id = match self.record.begin(position, write, &request, before).await {
            Ok(id) => id,
            Err(report) => return Fate::Failed(report),
        };
        // another write may have failed while the disk was waited for
        let (fate, end) = if self.stop.load(Ordering::SeqCst) {
            (Fate::NotSent, End::not_sent("another row failed"))
        } else {
            let (fate, end) = self.sent(request).await;
            // this is set before the end is recorded: the disk must not let others slip through
            if self.stops && matches!(fate, Fate::Failed(_)) {
                self.stop.store(true, Ordering::SeqCst);
            }
            match fate {
                Fate::Unknown(report) => {
                    let seen = look(self.exchange, self.resource, self.method, write).await;
                    settled(report, end, seen)
                }
                fate => (fate, end),
            }
        };
        if let Some(note) = self.record.end(id, end).await {
            self.outcome.note(note);
        }
        fate
    }

    async fn sent(&self, request: Request) -> (Fate, End) {
        match strataql_call::write(self.exchange, self.metrics, request).await {
            Ok(response) => {
                let end = End {
                    kind: OutcomeKind::Applied,
                    status: Some(response.status),
                    request_id: response.request_id(),
                    message: None,
                };
                (Fate::Applied(response), end)
            }
            Err(failure) => {
                let kind = match failure.status {
                    _ if failure.maybe_applied => OutcomeKind::Unknown,
                    None => OutcomeKind::NotSent,
                    Some(500..) => OutcomeKind::Failed,
                    Some(_) => OutcomeKind::Refused,
                };
                let remote = failure.report.remote.as_deref();
                let end = End {
                    kind,
                    status: failure.status,
                    request_id: remote.and_then(|remote| remote.request_id.clone()),
                    message: Some(failure.report.message.clone()),
                };
                if failure.maybe_applied {
                    (Fate::Unknown(unknown(*failure.report)), end)
                } else {
                    (Fate::Failed(failure.report), end)
                }
            }
        }
    }
}

impl End {
    fn not_sent(why: &str) -> Self {
        Self {
            kind: OutcomeKind::NotSent,
            status: None,
            request_id: None,
            message: Some(why.to_owned()),
        }
    }
}

/// The fate of a write after the object was read.
fn settled(report: Box<Report>, end: End, seen: Seen) -> (Fate, End) {
    match seen {
        Seen::Applied(response) => {
            let found = "the object was read afterwards and shows the change";
            let message = end.message.map(|said| format!("{found}; before that: {said}"));
            (Fate::Applied(response), End { kind: OutcomeKind::Applied, message, ..end })
        }
        Seen::NotApplied => {
            let mut failed = report.as_ref().clone();
            failed.code = Code::RemoteUnavailable;
            failed.message = failed.message.replacen(
                "the outcome of a write is unknown",
                "a write was not applied, as the object shows",
                1,
            );
            failed.help = vec!["run the statement again".to_owned()];
            let end =
                End { kind: OutcomeKind::Failed, message: Some(failed.message.clone()), ..end };
            (Fate::Failed(Box::new(failed)), end)
        }
        Seen::Unclear => (Fate::Unknown(report), end),
    }
}

fn unknown(report: Report) -> Box<Report> {
    let mut unknown = Report::new(
        Code::WriteOutcomeUnknown,
        format!("the outcome of a write is unknown: {}", report.message),
    )
    .with_help("read the object to see whether the change happened before you repeat the statement")
    .with_note("it was not sent again");
    unknown.remote = report.remote;
    Box::new(unknown)
}
