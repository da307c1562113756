//! Budgets: what a statement may spend before it fails.
//!
//! Owns: `budget.requests`, `budget.rows`, `budget.seconds` and `timeout`; counting; the report of a
//! budget that is used up.
//! Refuses: cutting a result short without saying so.
//! Surprise: once a statement has written something, `budget.rows` no longer makes it fail. Time does:
//! a write without a response then has an unknown outcome, and what has not left stays unsent.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use strataql_call::{Exchange, Layer, WriteFailure};
use strataql_diag::{Code, Report, counted};
use strataql_net::{Request, Response};
use tokio::time::{Instant, timeout_at};

use crate::settings::Settings;

/// How long the writes of a statement whose time is up may take to be recorded.
const GRACE: Duration = Duration::from_millis(400);

/// What one statement may spend, and what it has spent.
pub struct Budget {
    requests: Option<u64>,
    rows: Option<u64>,
    deadline: Option<Deadline>,
    sent: AtomicU64,
    read: AtomicU64,
    /// Writes that have left.
    writes: AtomicU64,
    /// Those of them without a response.
    in_flight: AtomicU64,
    max_writes: usize,
    /// Writes that were taken out of them.
    written: AtomicUsize,
}

/// When a statement has to end.
#[derive(Debug, Clone, Copy)]
struct Deadline {
    at: Instant,
    limit: Limit,
}

/// The setting that a deadline comes from.
#[derive(Debug, Clone, Copy)]
enum Limit {
    Timeout(Duration),
    Seconds(Duration),
}

impl Deadline {
    /// The earlier one of the two that the settings may give a statement that starts now.
    fn of(settings: &Settings) -> Option<Self> {
        let now = Instant::now();
        // a limit beyond the clock is none
        let at = |limit: Limit, after: Duration| Some(Self { at: now.checked_add(after)?, limit });
        let timeout = settings.timeout.and_then(|after| at(Limit::Timeout(after), after));
        let seconds = settings.budget_time.and_then(|after| at(Limit::Seconds(after), after));
        timeout.into_iter().chain(seconds).min_by_key(|deadline| deadline.at)
    }
}

impl Budget {
    /// The budget of a statement that starts now.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            requests: settings.budget_requests,
            rows: settings.budget_rows,
            deadline: Deadline::of(settings),
            sent: AtomicU64::new(0),
            read: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            max_writes: settings.max_writes,
            written: AtomicUsize::new(0),
        }
    }

    /// Counts rows that came from a service.
    pub(crate) fn count_read(&self, rows: usize) {
        self.read.fetch_add(rows as u64, Ordering::Relaxed);
    }

    /// Another statement of a COMMIT begins: what a statement may write is counted anew.
    pub fn restart_writes(&self) {
        self.written.store(0, Ordering::SeqCst);
    }

    /// Takes writes out of what a statement may write; refuses those of which only a part could be sent.
    ///
    /// # Errors
    /// `max-writes`, `budget`.
    pub fn take_writes(&self, count: usize) -> Result<(), Box<Report>> {
        let limit = self.max_writes;
        let taken = self.written.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |written| {
            written.checked_add(count).filter(|all| *all <= limit)
        });
        if let Err(written) = taken {
            let sent = match written {
                0 => "nothing was sent".to_owned(),
                _ => format!("{} had been sent before", counted(written as u64, "write")),
            };
            return Err(Box::new(too_many_writes(limit).with_note(sent)));
        }
        let Some(limit) = self.requests else { return Ok(()) };
        let sent = self.sent.load(Ordering::SeqCst);
        if sent.saturating_add(count as u64) <= limit {
            return Ok(());
        }
        let writes = counted(count as u64, "write");
        let report = self.report(
            format!(
                "{writes} would exceed the {} that `budget.requests` allows",
                counted(limit, "request")
            ),
            &format!("SET budget.requests = {}", sent.saturating_add(count as u64)),
        );
        Err(Box::new(report.with_note("nothing was written")))
    }

    /// Takes one request out of the budget.
    fn take(&self) -> Result<(), Box<Report>> {
        self.check_time()?;
        let limit = self.requests.unwrap_or(u64::MAX);
        let taken = self.sent.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |sent| {
            (sent < limit).then_some(sent.saturating_add(1))
        });
        match taken {
            Ok(_) => Ok(()),
            Err(_) => Err(Box::new(self.report(
                format!(
                    "the statement needs more than the {} that `budget.requests` allows",
                    counted(limit, "request")
                ),
                &format!("SET budget.requests = {}", doubled(limit)),
            ))),
        }
    }

    /// Fails once the time is up.
    ///
    /// # Errors
    /// `timeout`, `budget`.
    pub(crate) fn check_time(&self) -> Result<(), Box<Report>> {
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline.at => Err(self.late(deadline)),
            _ => Ok(()),
        }
    }

    /// Runs a part of the statement, which fails once the time is up.
    ///
    /// # Errors
    /// `timeout`, `budget`.
    pub async fn in_time<T>(&self, part: impl Future<Output = T>) -> Result<T, Box<Report>> {
        let Some(deadline) = self.deadline else { return Ok(part.await) };
        timeout_at(deadline.at, part).await.map_err(|_| self.late(deadline))
    }

    /// Waits for the statement, or abandons it once its time is up. Writes that have left get a
    /// moment to be recorded.
    ///
    /// # Errors
    /// `timeout`, `budget`; `write-outcome-unknown` when a write has no response.
    pub(crate) async fn enforce<T>(&self, work: impl Future<Output = T>) -> Result<T, Box<Report>> {
        let Some(deadline) = self.deadline else { return Ok(work.await) };
        let mut work = pin!(work);
        if let Ok(done) = timeout_at(deadline.at, &mut work).await {
            return Ok(done);
        }
        if self.has_written()
            && let Ok(done) = timeout_at(deadline.at + GRACE, &mut work).await
        {
            return Ok(done);
        }
        let report = self.late(deadline);
        let open = self.in_flight.load(Ordering::SeqCst);
        if open == 0 {
            return Err(match self.writes.load(Ordering::SeqCst) {
                0 => report,
                sent => {
                    Box::new(report.with_note(format!("{} had been sent", counted(sent, "write"))))
                }
            });
        }
        let message = match open {
            1 => format!("the outcome of a write is unknown: {}", report.message),
            open => format!("the outcomes of {open} writes are unknown: {}", report.message),
        };
        Err(Box::new(Report::new(Code::WriteOutcomeUnknown, message).with_help(
            "read each object to see whether the change happened before you repeat the statement",
        )))
    }

    /// True once a write has left.
    fn has_written(&self) -> bool {
        self.writes.load(Ordering::SeqCst) > 0
    }

    fn late(&self, deadline: Deadline) -> Box<Report> {
        match deadline.limit {
            Limit::Timeout(limit) => Box::new(
                Report::new(
                    Code::Timeout,
                    format!("the statement did not end within {} ms", limit.as_millis()),
                )
                .with_help("narrow it with WHERE or LIMIT, or raise the timeout"),
            ),
            Limit::Seconds(limit) => {
                let seconds = limit.as_secs_f64();
                Box::new(self.report(
                    format!(
                        "the statement takes longer than the {seconds} s that `budget.seconds` allows"
                    ),
                    &format!("SET budget.seconds = {}", seconds * 2.0),
                ))
            }
        }
    }

    fn too_many_rows(&self, limit: u64) -> Box<Report> {
        Box::new(self.report(
            format!(
                "the statement gives more than the {} that `budget.rows` allows",
                counted(limit, "row")
            ),
            &format!("SET budget.rows = {}", doubled(limit)),
        ))
    }

    fn report(&self, message: String, raise: &str) -> Report {
        let sent = self.sent.load(Ordering::SeqCst);
        let read = self.read.load(Ordering::Relaxed);
        Report::new(Code::Budget, message)
            .with_help(format!(
                "narrow it with WHERE or LIMIT (`EXPLAIN` shows its requests), or raise the budget: `{raise}`"
            ))
            .with_note(format!(
                "{} had been sent and {} read",
                counted(sent, "request"),
                counted(read, "row")
            ))
    }
}

/// A statement that would write more than `max_writes` allows.
pub fn too_many_writes(limit: usize) -> Report {
    Report::new(Code::MaxWrites, format!("the statement would write more than {limit} rows"))
        .with_help("narrow it, or allow more with `--max-writes N` (`SET max_writes = N`)")
}

/// The rows of a statement, which fails when there are more than its budget allows.
pub(crate) fn within(
    rows: BoxStream<'static, Result<RecordBatch, Box<Report>>>,
    budget: Arc<Budget>,
) -> BoxStream<'static, Result<RecordBatch, Box<Report>>> {
    if budget.rows.is_none() && budget.deadline.is_none() {
        return rows;
    }
    let state = (rows, budget, 0_u64);
    futures::stream::try_unfold(state, |(mut rows, budget, given)| async move {
        // between batches, since those of a computation may be there without a wait
        budget.check_time()?;
        let Some(batch) = rows.next().await.transpose()? else { return Ok(None) };
        let given = given.saturating_add(batch.num_rows() as u64);
        match budget.rows {
            Some(limit) if given > limit && !budget.has_written() => {
                Err(budget.too_many_rows(limit))
            }
            _ => Ok(Some((batch, (rows, budget, given)))),
        }
    })
    .boxed()
}

/// An exchange that sends no more than the budget allows.
pub(crate) struct BudgetExchange {
    pub(crate) inner: Arc<dyn Exchange>,
    pub(crate) budget: Arc<Budget>,
}

impl Layer for BudgetExchange {
    fn inner(&self) -> &Arc<dyn Exchange> {
        &self.inner
    }

    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, Box<Report>>> {
        Box::pin(async move {
            self.budget.take()?;
            self.budget.in_time(self.inner.exchange(request)).await?
        })
    }

    fn write(&self, request: Request) -> BoxFuture<'_, Result<Response, WriteFailure>> {
        Box::pin(async move {
            self.budget.take().map_err(|report| WriteFailure {
                report,
                maybe_applied: false,
                status: None,
            })?;
            let _in_flight = InFlight::begin(&self.budget);
            match self.budget.in_time(self.inner.write(request)).await {
                Ok(result) => result,
                Err(report) => Err(WriteFailure { report, maybe_applied: true, status: None }),
            }
        })
    }
}

/// A write on its way.
struct InFlight<'a>(&'a Budget);

impl<'a> InFlight<'a> {
    fn begin(budget: &'a Budget) -> Self {
        budget.in_flight.fetch_add(1, Ordering::SeqCst);
        budget.writes.fetch_add(1, Ordering::SeqCst);
        Self(budget)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

fn doubled(limit: u64) -> u64 {
    limit.saturating_mul(2).max(10)
}
