//! The stream of pages of one call.
//!
//! Owns: sending page requests, checking statuses, decoding, and starting the next request after a
//! single pass.
//! Surprise: where the first page tells how many there are, the others are fetched together and read in
//! their order, if the operator allows it. Each still says itself what comes next.

use std::sync::Arc;

use arrow_array::RecordBatch;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use http::header::CONTENT_RANGE;
use strataql_diag::{Code, RemoteFailure, Report};
use strataql_net::{HtmlPage, Response, status_report};

use crate::bind::{BoundCall, slash_note};
use crate::decode::media::Body;
use crate::decode::{DecodePlan, Decoded, Decoder};
use crate::exchange::Exchange;
use crate::method_call::MethodCall;
use crate::metrics::CallMetrics;
use crate::pager::{Next, PageAddress, PageFacts, Pager};
use crate::shared_pages::{KeptPages, SharedChains};
use crate::trace::Trace;

/// Most pages that are asked for on the word of the first one.
const FORESEEN: usize = 10_000;

/// Size of a body from which decoding yields to other tasks first.
const LARGE_BODY: usize = 16 << 10;

/// One page of rows.
#[derive(Debug)]
pub struct Page {
    /// The rows, in the schema of the [`DecodePlan`].
    pub batch: RecordBatch,
}

/// The context in which the pages of a call are read.
#[derive(Clone)]
pub struct CallContext {
    /// The exchange.
    pub exchange: Arc<dyn Exchange>,
    /// Counters.
    pub metrics: Arc<CallMetrics>,
    /// A 404 means "no such row" (lookup) or "no rows" (`missing: empty`).
    pub missing_is_empty: bool,
    /// A write follows from the rows: an answer that is not the object, and does not say that there is none,
    /// is an error.
    pub decides_write: bool,
    /// Set when the same call is read more than once in the statement: its pages are kept there.
    pub shared: Option<Arc<SharedChains>>,
    /// How many pages may be fetched at a time, once the first has told how many there are; 1 for a reader
    /// that may not want all.
    pub ahead: usize,
    /// Pages that are read at most; what is behind them is counted as cut, not read.
    pub most_pages: Option<usize>,
}

impl CallContext {
    /// The context of a call that is read once, page by page, and whose 404 is a failure.
    pub fn new(exchange: Arc<dyn Exchange>, metrics: Arc<CallMetrics>) -> Self {
        Self {
            exchange,
            metrics,
            missing_is_empty: false,
            decides_write: false,
            shared: None,
            ahead: 1,
            most_pages: None,
        }
    }
}

impl MethodCall {
    /// The pages of the call, in order.
    ///
    /// The stream ends after the last page, or with the first error.
    pub fn pages(
        &self,
        mut context: CallContext,
        plan: DecodePlan,
    ) -> impl Stream<Item = Result<Page, Box<Report>>> + Send + use<> {
        self.introduce(context.exchange.as_ref());
        let pager = self.target().pager(self.arguments());
        // a page on its way keeps its reader, which must not keep those of all calls
        let shared = context.shared.take();
        let kept = shared.map(|shared| shared.of(self.identity(), &pager));
        let call = Arc::clone(self.bound());
        let reader = Reader { decoder: Arc::new(Decoder::new(plan)), context, call };
        reader.context.metrics.count_call();
        let next = Some(PageAddress::First);
        let state = State { reader, pager, kept, next, cut: None, index: 0, ahead: None };
        let trace = Trace::begin(self.target());
        let pages = futures::stream::try_unfold(state, |mut state| async move {
            if let Some(report) = state.cut.take() {
                return Err(report);
            }
            let Some(address) = state.next.take() else { return Ok(None) };
            if state.reader.context.most_pages.is_some_and(|most| state.index >= most) {
                state.reader.context.metrics.count_cut();
                return Ok(None);
            }
            let page = if let Some(kept) = state.kept.clone() {
                let raw = kept.page(state.index, &state.reader).await?;
                let Some(raw) = raw else { return Ok(None) };
                state.index += 1;
                // they know their own end; any address asks it for the next page
                state.next = Some(PageAddress::First);
                Page { batch: state.reader.decode(&raw)?.batch }
            } else {
                let raw = state.raw(&address).await?;
                state.index += 1;
                if raw.size() > LARGE_BODY {
                    // other responses are received, and new requests sent, before this thread is
                    // busy decoding
                    tokio::task::yield_now().await;
                }
                let decoded = state.reader.decode(&raw)?;
                let facts = state.reader.facts(&raw, &decoded);
                let next = state.pager.next(&facts).map_err(|report| raw.blamed(report))?;
                if state.index == 1 {
                    state.look_ahead(facts.rows);
                }
                (state.next, state.cut) = match next {
                    Next::Page(address) => (Some(address), None),
                    Next::End => (None, None),
                    Next::Cut(report) => (None, Some(raw.blamed(report))),
                };
                Page { batch: decoded.batch }
            };
            Ok(Some((page, state)))
        });
        trace.pages(|page: &Page| page.batch.num_rows(), pages)
    }
}

struct State {
    reader: Reader,
    pager: Pager,
    kept: Option<Arc<KeptPages>>,
    next: Option<PageAddress>,
    /// Why the list is not complete, told after the rows that came.
    cut: Option<Box<Report>>,
    index: usize,
    /// Pages that were asked for before their turn, in order.
    ahead: Option<BoxStream<'static, Foreseen>>,
}

/// The address of a page, and what came.
type Foreseen = (PageAddress, Result<RawPage, Box<Report>>);

impl State {
    /// The page at an address: one that is on its way, or a new request.
    async fn raw(&mut self, address: &PageAddress) -> Result<RawPage, Box<Report>> {
        if let Some(ahead) = &mut self.ahead {
            match ahead.next().await {
                Some((own, page)) if own == *address => return page,
                // the pages are not what the first one said: they are followed one by one
                _ => self.ahead = None,
            }
        }
        self.reader.fetch(address, self.index).await
    }

    /// Asks for the pages that the first one has told of.
    fn look_ahead(&mut self, rows: usize) {
        let width = self.reader.context.ahead;
        let addresses = if width > 1 { self.pager.predicted(rows, FORESEEN) } else { Vec::new() };
        if addresses.len() < 2 {
            return;
        }
        let reader = self.reader.clone();
        let pages = addresses.into_iter().enumerate().map(move |(number, address)| {
            let reader = reader.clone();
            async move {
                let page = reader.fetch(&address, number + 1).await;
                (address, page)
            }
        });
        self.ahead = Some(futures::stream::iter(pages).buffered(width).boxed());
    }
}

/// A response with an accepted status.
#[derive(Debug, Clone)]
pub(crate) struct RawPage {
    response: Response,
    content: Content,
    /// `page 2 of …`, for messages.
    place: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Body,
    /// 206 with a range: a part of what was asked for.
    Part,
    /// Nothing to read, no rows: 204, or 404 of a lookup.
    None,
}

impl RawPage {
    /// Bytes held in memory.
    pub(crate) fn size(&self) -> usize {
        self.response.body.len()
    }

    /// An error of the page, with its request.
    pub(crate) fn blamed(&self, report: Box<Report>) -> Box<Report> {
        let (mut report, response) = (*report, &self.response);
        if report.remote.is_none() {
            report = report.with_remote(RemoteFailure {
                status: Some(response.status),
                request_id: response.request_id(),
                verb: response.facts.verb.to_string(),
                url: response.facts.url.clone(),
                attempts: response.attempts,
                ..RemoteFailure::default()
            });
        }
        // it may quote the body
        Box::new(response.redacted(placed(report, &self.place)))
    }
}

/// Fetches and decodes pages of one call.
#[derive(Clone)]
pub(crate) struct Reader {
    decoder: Arc<Decoder>,
    context: CallContext,
    call: Arc<BoundCall>,
}

impl Reader {
    /// Sends the request for the page at `index` and checks the status.
    pub(crate) async fn fetch(
        &self,
        address: &PageAddress,
        index: usize,
    ) -> Result<RawPage, Box<Report>> {
        let place = self.decoder.place(index);
        let request = self.call.request(address, self.call.repeat())?;
        let response = self
            .context
            .exchange
            .exchange(request)
            .await
            .map_err(|report| Box::new(placed(*report, &place)))?;
        self.context.metrics.count_answer(response.attempts, response.body.len(), response.waited);
        let content = match response.status {
            204 => Content::None,
            206 if response.headers.contains_key(CONTENT_RANGE) => Content::Part,
            200..=299 => Content::Body,
            // a page of a gateway says nothing about the object
            404 if self.context.missing_is_empty
                && !(self.context.decides_write && HtmlPage::read(&response.body).is_some()) =>
            {
                self.context.metrics.count_missing(slash_note(&response.url).is_some());
                Content::None
            }
            _ => return Err(Box::new(placed(refusal(&response), &place))),
        };
        Ok(RawPage { response, content, place })
    }

    pub(crate) fn decode(&self, raw: &RawPage) -> Result<Decoded, Box<Report>> {
        let decoded = self.decode_facts(raw)?;
        let is_empty = decoded.batch.num_rows() == 0 && raw.content == Content::Body;
        if self.context.decides_write && self.decoder.is_single() && is_empty {
            let message =
                format!("{} shows no object, and does not say that there is none", raw.place);
            return Err(raw.blamed(Box::new(
                Report::new(Code::UnexpectedBody, message)
                    .with_help("read the object with SELECT to see what comes")
                    .with_note("nothing was sent"),
            )));
        }
        self.context.metrics.count_rows(
            decoded.batch.num_rows(),
            decoded.dropped,
            decoded.mismatches,
        );
        Ok(decoded)
    }

    /// Decodes a page for its page address only; rows are counted by their readers.
    pub(crate) fn decode_facts(&self, raw: &RawPage) -> Result<Decoded, Box<Report>> {
        match raw.content {
            Content::Body | Content::Part => {
                let body = Body::of(&raw.response);
                self.decoder.decode(body).map_err(|report| raw.blamed(report))
            }
            Content::None => Ok(self.decoder.empty()),
        }
    }

    /// What the page driver is told about a page.
    pub(crate) fn facts(&self, raw: &RawPage, decoded: &Decoded) -> PageFacts {
        PageFacts {
            url: Some(raw.response.url.clone()),
            headers: raw.response.headers.clone(),
            captured: decoded.captured.clone(),
            rows: decoded.batch.num_rows(),
            signs: decoded.signs.clone(),
            is_part: raw.content == Content::Part,
            is_single: self.decoder.is_single(),
        }
    }
}

/// The report of a page, which names the page.
fn placed(report: Report, place: &str) -> Report {
    if report.message.contains(place) { report } else { report.with_note(place) }
}

/// The report of an error response.
pub(crate) fn refusal(response: &Response) -> Report {
    let report = status_report(&response.facts, response);
    let note = (response.status == 404).then(|| slash_note(&response.url)).flatten();
    note.into_iter().fold(report, Report::with_note)
}
