//! Spans of statements, for `--log`.
//!
//! Owns: the span of a statement, which lasts until its rows end.
//! Refuses: texts and values. A statement is known by its number and kind.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use datafusion::arrow::array::RecordBatch;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use strataql_diag::Report;
use tracing::Span;
use tracing::field::Empty;

/// The rows of a statement.
type Rows = BoxStream<'static, Result<RecordBatch, Box<Report>>>;

/// A statement that runs; its end is logged when this is dropped.
pub struct Trace {
    span: Span,
    started: Instant,
    rows: usize,
    /// `complete`, the code of an error, or nothing while rows may follow.
    result: Option<&'static str>,
}

impl Trace {
    /// A statement begins; `numbered` tells its number later.
    pub fn begin(kind: &str) -> Self {
        let span = tracing::info_span!("statement", number = Empty, kind);
        Self { span, started: Instant::now(), rows: 0, result: None }
    }

    /// The span of the statement, for what it starts.
    pub fn span(&self) -> Span {
        self.span.clone()
    }

    /// The statement ends with an error before it has rows.
    pub fn failed(mut self, report: Box<Report>) -> Box<Report> {
        self.result = Some(report.code.id());
        report
    }

    /// Rows that are read within the span.
    pub fn rows(self, rows: Rows) -> Rows {
        if self.span.is_disabled() { rows } else { Traced { trace: self, rows }.boxed() }
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        tracing::info!(
            parent: &self.span,
            result = self.result.unwrap_or("not read to its end"),
            rows = self.rows,
            elapsed_ms = self.started.elapsed().as_millis(),
            "statement ended"
        );
    }
}

/// Gives the current statement its number.
pub(crate) fn numbered(number: u64) -> Span {
    let span = Span::current();
    span.record("number", number);
    span
}

struct Traced {
    trace: Trace,
    rows: Rows,
}

impl Stream for Traced {
    type Item = Result<RecordBatch, Box<Report>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { trace, rows } = &mut *self;
        let _entered = trace.span.enter();
        let item = rows.poll_next_unpin(context);
        match &item {
            Poll::Ready(Some(Ok(batch))) => trace.rows += batch.num_rows(),
            Poll::Ready(Some(Err(report))) => trace.result = Some(report.code.id()),
            Poll::Ready(None) => {
                trace.result.get_or_insert("complete");
            }
            Poll::Pending => {}
        }
        item
    }
}
