//! Statements run in tasks of their own.
//!
//! Owns: the runtime that they run on, their rows on the way to the caller, and abandoning what does
//! not end in time.
//! Refuses: running ahead of the caller: a batch is made when it is wanted.
//! Surprise: a task that computes without a pause cannot be stopped, only abandoned. Its caller
//! returns at once, and the task ends at its next pause.

use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use futures::StreamExt;
use strataql_diag::Report;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tracing::{Instrument, Span};

use crate::budget::Budget;
use crate::result_set::Batches;

type Batch = Result<RecordBatch, Box<Report>>;

/// Where the statements of a session run.
#[derive(Clone)]
pub struct Workers {
    /// `None` is the runtime of the caller.
    runtime: Option<Handle>,
    /// The number of tasks.
    running: Arc<watch::Sender<usize>>,
}

impl Default for Workers {
    fn default() -> Self {
        Self { runtime: None, running: Arc::new(watch::Sender::new(0)) }
    }
}

impl Workers {
    /// The same on another runtime.
    #[must_use]
    pub fn on(self, runtime: Handle) -> Self {
        Self { runtime: Some(runtime), ..self }
    }

    /// Waits until no task runs, at most that long.
    pub async fn idle(&self, limit: Duration) {
        let mut running = self.running.subscribe();
        let ended = running.wait_for(|count| *count == 0);
        // after the limit the rest is abandoned
        drop(tokio::time::timeout(limit, ended).await);
    }

    /// Runs `work` to its end, or until the time of its statement is up.
    ///
    /// # Errors
    /// Those of the work; the report of the time limit.
    pub async fn run<T: Send + 'static>(
        &self,
        budget: &Budget,
        work: impl Future<Output = Result<T, Box<Report>>> + Send + 'static,
    ) -> Result<T, Box<Report>> {
        let mut task = self.spawn(work);
        match budget.enforce(&mut task.handle).await? {
            Ok(result) => result,
            Err(error) => Err(Box::new(failed(error))),
        }
    }

    /// The rows, made by a task that ends with the stream or when the time of the statement is up.
    pub fn rows(&self, budget: Arc<Budget>, rows: Batches, span: Span) -> Batches {
        let state = Reading { workers: self.clone(), budget, span, source: Source::Waiting(rows) };
        futures::stream::try_unfold(state, |mut state| async move {
            let batch = state.next().await.transpose()?;
            Ok(batch.map(|batch| (batch, state)))
        })
        .boxed()
    }

    fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Task<T> {
        self.running.send_modify(|count| *count += 1);
        let running = Running(Arc::clone(&self.running));
        let work = async move {
            let _running = running;
            work.await
        };
        let runtime = self.runtime.clone().unwrap_or_else(Handle::current);
        Task { handle: runtime.spawn(work) }
    }
}

/// A task that is abandoned when this is dropped.
struct Task<T> {
    handle: JoinHandle<T>,
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

/// One of the tasks that are counted.
struct Running(Arc<watch::Sender<usize>>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// Rows that are read in a task.
struct Reading {
    workers: Workers,
    budget: Arc<Budget>,
    span: Span,
    source: Source,
}

enum Source {
    /// Nothing was read yet.
    Waiting(Batches),
    Task {
        wanted: mpsc::Sender<oneshot::Sender<Option<Batch>>>,
        task: Task<()>,
    },
    Ended,
}

impl Reading {
    async fn next(&mut self) -> Option<Batch> {
        self.source = match std::mem::replace(&mut self.source, Source::Ended) {
            Source::Waiting(rows) => self.start(rows),
            source => source,
        };
        let Source::Task { wanted, task } = &mut self.source else { return None };
        let (reply, batch) = oneshot::channel();
        // a closed channel closes the reply, too
        drop(wanted.send(reply).await);
        let item = match self.budget.enforce(batch).await {
            Ok(Ok(item)) => item,
            // the task failed: its end says why
            Ok(Err(_)) => (&mut task.handle).await.err().map(|error| Err(Box::new(failed(error)))),
            Err(report) => Some(Err(report)),
        };
        if !matches!(item, Some(Ok(_))) {
            self.source = Source::Ended;
        }
        item
    }

    fn start(&self, mut rows: Batches) -> Source {
        let (wanted, mut requests) = mpsc::channel::<oneshot::Sender<Option<Batch>>>(1);
        let read = async move {
            while let Some(reply) = requests.recv().await {
                let item = rows.next().await;
                let has_more = item.is_some();
                // whoever wanted it may be gone
                drop(reply.send(item));
                if !has_more {
                    break;
                }
            }
        };
        Source::Task { wanted, task: self.workers.spawn(read.instrument(self.span.clone())) }
    }
}

/// The report of a task without a result.
fn failed(error: tokio::task::JoinError) -> Report {
    let Ok(panic) = error.try_into_panic() else {
        return Report::internal("the task of the statement was cancelled");
    };
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    Report::internal(text.unwrap_or_else(|| "the task of the statement failed".to_owned()))
}

#[cfg(test)]
mod tests;
