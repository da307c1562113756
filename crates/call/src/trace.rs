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

    /// Pages that are read within the span; `rows` counts those of one.
    pub(crate) fn pages<P, S>(
        self,
        rows: fn(&P) -> usize,
        pages: S,
    ) -> impl Stream<Item = Read<P>> + Send + use<P, S>
    where
        P: Send + 'static,
        S: Stream<Item = Read<P>> + Send + 'static,
    {
        if self.span.is_disabled() {
            return Either::Left(pages);
        }
        Either::Right(Traced { since: Instant::now(), trace: self, rows, pages: pages.boxed() })
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

type Read<P> = Result<P, Box<Report>>;

struct Traced<P> {
    trace: Trace,
    /// The end of the page before.
    since: Instant,
    rows: fn(&P) -> usize,
    pages: BoxStream<'static, Read<P>>,
}

impl<P> Stream for Traced<P> {
    type Item = Read<P>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { trace, since, rows, pages } = &mut *self;
        let _entered = trace.span.enter();
        let item = pages.poll_next_unpin(context);
        match &item {
            Poll::Ready(Some(Ok(page))) => {
                let rows = rows(page);
                trace.pages += 1;
                trace.rows += rows;
                tracing::debug!(
                    page = trace.pages,
                    rows,
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
