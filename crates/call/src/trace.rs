//! Spans of calls, for `--log`.
//!
//! Owns: the span of a call, and the events for its pages and its end.
//! Refuses: URLs, values and bodies.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use futures::future::Either;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use strataql_diag::{Code, Report};
use tracing::Span;

use crate::method_ref::MethodRef;
use crate::stream::Page;

/// A running call; its end is logged when this is dropped.
pub(crate) struct Trace {
    span: Span,
    started: Instant,
    pages: u64,
    rows: usize,
    /// `complete` or the code of an error; absent while more may follow.
    result: Option<&'static str>,
}

impl Trace {
    pub(crate) fn begin(target: &MethodRef) -> Self {
        let span = tracing::info_span!("call", method = target.name());
        Self { span, started: Instant::now(), pages: 0, rows: 0, result: None }
    }

    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// The only request of the call has ended; returns its result.
    pub(crate) fn ended<T, E>(
        mut self,
        result: Result<T, E>,
        code: impl Fn(&E) -> Code,
    ) -> Result<T, E> {
        self.result = Some(match &result {
            Ok(_) => "complete",
            Err(error) => code(error).id(),
        });
        result
    }

    /// Pages that are read within the span.
    pub(crate) fn pages<S>(self, pages: S) -> impl Stream<Item = Read> + Send + use<S>
    where
        S: Stream<Item = Read> + Send + 'static,
    {
        if self.span.is_disabled() {
            return Either::Left(pages);
        }
        Either::Right(Traced { since: Instant::now(), trace: self, pages: pages.boxed() })
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        tracing::info!(
            parent: &self.span,
            result = self.result.unwrap_or("not read to its end"),
            pages = self.pages,
            rows = self.rows,
            elapsed_ms = self.started.elapsed().as_millis(),
            "call ended"
        );
    }
}

type Read = Result<Page, Box<Report>>;

struct Traced {
    trace: Trace,
    /// The end of the page before.
    since: Instant,
    pages: BoxStream<'static, Read>,
}

impl Stream for Traced {
    type Item = Read;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Read>> {
        let Self { trace, since, pages } = &mut *self;
        let _entered = trace.span.enter();
        let item = pages.poll_next_unpin(context);
        match &item {
            Poll::Ready(Some(Ok(page))) => {
                trace.pages += 1;
                trace.rows += page.batch.num_rows();
                tracing::debug!(
                    page = trace.pages,
                    rows = page.batch.num_rows(),
                    elapsed_ms = since.elapsed().as_millis(),
                    "page read"
                );
                *since = Instant::now();
            }
            Poll::Ready(Some(Err(report))) => trace.result = Some(report.code.id()),
            Poll::Ready(None) => {
                trace.result.get_or_insert("complete");
            }
            Poll::Pending => {}
        }
        item
    }
}
