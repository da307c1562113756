//! Budgets: what a statement may spend before it fails.
//!
//! Owns: `budget.requests`, `budget.rows` and `budget.seconds`; counting; the report of a budget that
//! is used up.
//! Refuses: cutting a result short without saying so.
//! Surprise: once a statement has written something, rows and seconds no longer make it fail: that
//! would hide what was done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use strataql_call::{Exchange, Layer, WriteFailure};
use strataql_diag::{Code, Report, counted};
use strataql_net::{Request, Response};
use tokio::time::Instant;

use crate::settings::Settings;

/// What one statement may spend, and what it has spent.
pub(crate) struct Budget {
    requests: Option<u64>,
    rows: Option<u64>,
    time: Option<Duration>,
    started: Instant,
    sent: AtomicU64,
    read: AtomicU64,
    has_written: AtomicBool,
    max_writes: usize,
    written: AtomicUsize,
}

impl Budget {
    /// The budget of a statement that starts now.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            requests: settings.budget_requests,
            rows: settings.budget_rows,
            time: settings.budget_time,
            started: Instant::now(),
            sent: AtomicU64::new(0),
            read: AtomicU64::new(0),
            has_written: AtomicBool::new(false),
            max_writes: settings.max_writes,
            written: AtomicUsize::new(0),
        }
    }

    /// Counts rows that came from a service.
    pub(crate) fn count_read(&self, rows: usize) {
        self.read.fetch_add(rows as u64, Ordering::Relaxed);
    }

    /// Another statement of a COMMIT begins: what a statement may write is counted anew.
    pub(crate) fn restart_writes(&self) {
        self.written.store(0, Ordering::SeqCst);
    }

    /// Takes writes out of what a statement may write; refuses those of which only a part could be sent.
    ///
    /// # Errors
    /// `max-writes`, `budget`.
    pub(crate) fn take_writes(&self, count: usize) -> Result<(), Box<Report>> {
        let limit = self.max_writes;
        let taken = self.written.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |written| {
            written.checked_add(count).filter(|all| *all <= limit)
        });
        if let Err(written) = taken {
            let sent = match written {
                0 => "nothing was sent".to_owned(),
                _ => format!("{} had been sent before", counted(written as u64, "write")),
            };
            return Err(Box::new(
                Report::new(
                    Code::MaxWrites,
                    format!("the statement would write more than {limit} rows"),
                )
                .with_help("narrow it, or allow more with `--max-writes N` (`SET max_writes = N`)")
                .with_note(sent),
            ));
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
        if let Some(limit) = self.time
            && self.started.elapsed() >= limit
        {
            return Err(self.late(limit));
        }
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

    fn late(&self, limit: Duration) -> Box<Report> {
        let seconds = limit.as_secs_f64();
        Box::new(self.report(
            format!("the statement takes longer than the {seconds} s that `budget.seconds` allows"),
            &format!("SET budget.seconds = {}", seconds * 2.0),
        ))
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

/// The rows of a statement, which fails when they, or the time they take, exceed its budget.
pub(crate) fn within(
    rows: BoxStream<'static, Result<RecordBatch, Box<Report>>>,
    budget: Arc<Budget>,
) -> BoxStream<'static, Result<RecordBatch, Box<Report>>> {
    if budget.rows.is_none() && budget.time.is_none() {
        return rows;
    }
    let state = (rows, budget, 0_u64);
    futures::stream::try_unfold(state, |(mut rows, budget, given)| async move {
        let Some(batch) = next(&mut rows, &budget).await.transpose()? else { return Ok(None) };
        let given = given.saturating_add(batch.num_rows() as u64);
        match budget.rows {
            Some(limit) if given > limit && !budget.has_written.load(Ordering::SeqCst) => {
                Err(budget.too_many_rows(limit))
            }
            _ => Ok(Some((batch, (rows, budget, given)))),
        }
    })
    .boxed()
}

async fn next(
    rows: &mut BoxStream<'static, Result<RecordBatch, Box<Report>>>,
    budget: &Budget,
) -> Option<Result<RecordBatch, Box<Report>>> {
    match budget.time {
        Some(limit) if !budget.has_written.load(Ordering::SeqCst) => {
            match tokio::time::timeout_at(budget.started + limit, rows.next()).await {
                Ok(batch) => batch,
                Err(_) => Some(Err(budget.late(limit))),
            }
        }
        _ => rows.next().await,
    }
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
            self.inner.exchange(request).await
        })
    }

    fn write(&self, request: Request) -> BoxFuture<'_, Result<Response, WriteFailure>> {
        Box::pin(async move {
            self.budget.take().map_err(|report| WriteFailure {
                report,
                maybe_applied: false,
                status: None,
            })?;
            self.budget.has_written.store(true, Ordering::SeqCst);
            self.inner.write(request).await
        })
    }
}

fn doubled(limit: u64) -> u64 {
    limit.saturating_mul(2).max(10)
}
