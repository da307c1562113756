//! One write on its way: recorded, sent, looked after, recorded again.
//!
//! Owns: that order, and what became of the write.
//! Refuses: sending a write again; the transport does that where it is harmless.
//! Surprise: a write may be recorded and then not sent, when another fails while the disk is waited for.
//! The next write begins as soon as an answer is there; it does not wait until that is on disk.

use std::sync::atomic::{AtomicBool, Ordering};

use strataql_call::{CallMetrics, Exchange, request_of};
use strataql_diag::{Code, Report};
use strataql_ledger::{OutcomeKind, WriteId};
use strataql_net::{Request, Response};
use strataql_spec::Method;
use tokio::sync::Semaphore;

use super::record::{End, Record};
use super::resolve::{Seen, look};
use super::send::Prepared;
use super::{image, masking};
use crate::outcome::Outcome;
use crate::resource::ResourceRef;

/// What became of a write.
pub(crate) enum Fate {
    Applied(Response),
    Failed(Box<Report>),
    /// Nobody knows whether it happened.
    Unknown(Box<Report>),
    NotSent,
}

/// A write that was begun, if it is recorded, and how it ended.
type Ending = (Option<WriteId>, End);

/// Sends the writes of one statement.
pub(crate) struct Sender<'a> {
    pub(crate) exchange: &'a dyn Exchange,
    pub(crate) metrics: &'a CallMetrics,
    pub(crate) resource: &'a ResourceRef,
    pub(crate) method: &'a Method,
    pub(crate) record: &'a Record<'a>,
    /// Where it is said that the end of a write could not be recorded.
    pub(crate) outcome: &'a Outcome,
    /// Writes that may be on their way at once.
    pub(crate) slots: Semaphore,
    /// A write has failed.
    pub(crate) stop: AtomicBool,
    /// True if none is sent after that.
    pub(crate) stops: bool,
}

impl Sender<'_> {
    /// Sends one write, unless an earlier one failed; it is recorded before and after.
    pub(crate) async fn write(&self, position: usize, write: &Prepared) -> Fate {
        let (fate, ending) = {
            let _slot = self.slots.acquire().await;
            if self.is_stopped() {
                return Fate::NotSent;
            }
            let (fate, ending) = self.attempt(position, write).await;
            // while the slot is taken: no other write may slip through
            if self.stops && matches!(fate, Fate::Failed(_) | Fate::Unknown(_)) {
                self.stop.store(true, Ordering::SeqCst);
            }
            (fate, ending)
        };
        if let Some((id, end)) = ending
            && let Some(note) = self.record.end(id, end).await
        {
            self.outcome.note(note);
        }
        fate
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Tells that a write has failed after it was accepted.
    pub(crate) fn fail(&self) {
        if self.stops {
            self.stop.store(true, Ordering::SeqCst);
        }
    }

    /// Records and sends; gives what is to be recorded of the end, too.
    async fn attempt(&self, position: usize, write: &Prepared) -> (Fate, Option<Ending>) {
        let (request, id) = match self.begin(position, write).await {
            Ok(begun) => begun,
            Err(report) => return (Fate::Failed(report), None),
        };
        // another write may have failed while the disk was waited for
        if self.is_stopped() {
            return (Fate::NotSent, Some((id, End::not_sent("another row failed"))));
        }
        let (fate, end) = match self.sent(request).await {
            (Fate::Unknown(report), end) => {
                let seen = look(self.exchange, self.resource, self.method, write).await;
                settled(report, end, seen)
            }
            known => known,
        };
        (fate, Some((id, end)))
    }

    /// The request of a write, its intent on disk.
    async fn begin(
        &self,
        position: usize,
        write: &Prepared,
    ) -> Result<(Request, Option<WriteId>), Box<Report>> {
        let request = request_of(&write.call, write.key.is_some())?;
        let before = if let Some(image) = &write.image {
            Some(masking::masked(self.method, image))
        } else if self.record.has_images() {
            image::read(self.exchange, self.resource, self.method, write).await?
        } else {
            None
        };
        let id = self.record.begin(position, write, &request, before).await?;
        Ok((request, id))
    }

    async fn sent(&self, request: Request) -> (Fate, End) {
        match strataql_call::write(self.exchange, self.metrics, request).await {
            Ok(response) => {
                let end = End {
                    kind: OutcomeKind::Applied,
                    status: Some(response.status),
                    request_id: response.request_id(),
                    message: None,
                    is_pending: false,
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
                    // a gateway that lost its server, or nobody answered in time
                    is_pending: failure.status.is_some() || failure.report.code == Code::Timeout,
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
            is_pending: false,
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
        Seen::NotApplied if end.is_pending => {
            let note = "the object was read afterwards and does not show the change, but the service \
                        may still be at work on it";
            (Fate::Unknown(Box::new(report.with_note(note))), end)
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
