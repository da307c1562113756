//! The stream of pages of one call.
//!
//! Owns: sending page after page, reading statuses, decoding, and the single-pass hand-over from
//! rows to the next request.
//! Refuses: running ahead of its consumer; look-ahead is the operator's choice.

use std::sync::Arc;

use arrow_array::RecordBatch;
use bytes::Bytes;
use futures::Stream;
use http::{HeaderName, HeaderValue};
use strataql_diag::Report;
use strataql_net::{Repeat, Request, status_report};
use strataql_spec::paging::TokenLocation;
use url::Url;

use crate::bind::BoundCall;
use crate::chain::Chain;
use crate::decode::{DecodePlan, Decoded, Decoder};
use crate::exchange::Exchange;
use crate::metrics::CallMetrics;
use crate::pager::{PageAddress, PageFacts, Pager};

/// Bytes of a body that takes long enough to decode to let others go first.
const LARGE_BODY: usize = 16 << 10;

/// One page of rows.
#[derive(Debug)]
pub struct Page {
    /// The rows, in the schema of the [`DecodePlan`].
    pub batch: RecordBatch,
    /// False when the lookup found nothing (404).
    pub found: bool,
}

/// What the pages of one call are read with.
#[derive(Clone)]
pub struct CallContext {
    /// The way to the network.
    pub exchange: Arc<dyn Exchange>,
    /// Counters.
    pub metrics: Arc<CallMetrics>,
    /// A 404 means "no such row" (lookup) or "no rows" (`missing: empty`).
    pub missing_is_empty: bool,
    /// Set when the same call is read more than once in the statement: its pages are kept.
    pub shared: Option<Arc<Chain>>,
}

/// The pages of a call, in order.
///
/// The stream ends after the last page, or with the first error.
pub fn pages(
    context: CallContext,
    call: Arc<BoundCall>,
    plan: DecodePlan,
    pager: Pager,
) -> impl Stream<Item = Result<Page, Box<Report>>> + Send {
    let reader = Reader { decoder: Arc::new(Decoder::new(plan)), context, call };
    reader.context.metrics.count_call();
    let state = State { reader, pager, next: Some(PageAddress::First), index: 0 };
    futures::stream::try_unfold(state, |mut state| async move {
        let Some(address) = state.next.take() else { return Ok(None) };
        let page = if let Some(chain) = state.reader.context.shared.clone() {
            let raw = chain.page(state.index, &state.reader).await?;
            let Some(raw) = raw else { return Ok(None) };
            state.index += 1;
            // the chain knows its own end; any address asks it for the next page
            state.next = Some(PageAddress::First);
            state.reader.decoded(&raw)?
        } else {
            let raw = state.reader.fetch(&address).await?;
            if raw.size() > LARGE_BODY {
                // other answers that have come are taken in, and their requests made room
                // for, before this thread is busy with decoding
                tokio::task::yield_now().await;
            }
            let decoded = state.reader.decode(&raw)?;
            state.next = state.pager.next(&raw.facts(&decoded))?;
            page(decoded, &raw)
        };
        Ok(Some((page, state)))
    })
}

struct State {
    reader: Reader,
    pager: Pager,
    next: Option<PageAddress>,
    index: usize,
}

/// An answer whose status was accepted.
#[derive(Debug, Clone)]
pub(crate) struct RawPage {
    url: Url,
    headers: http::HeaderMap,
    body: Bytes,
    content: Content,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Body,
    /// 204: nothing to read, no rows.
    None,
    /// 404 of a lookup.
    Missing,
}

impl RawPage {
    pub(crate) fn facts(&self, decoded: &Decoded) -> PageFacts {
        PageFacts {
            url: Some(self.url.clone()),
            headers: self.headers.clone(),
            captured: decoded.captured.clone(),
            rows: decoded.batch.num_rows(),
        }
    }

    /// Bytes held in memory.
    pub(crate) fn size(&self) -> usize {
        self.body.len()
    }
}

/// Fetches and decodes pages of one call.
pub(crate) struct Reader {
    decoder: Arc<Decoder>,
    context: CallContext,
    call: Arc<BoundCall>,
}

impl Reader {
    /// A reader of the same call that knows no chain, for the chain itself.
    pub(crate) fn alone(&self) -> Self {
        Self {
            decoder: Arc::clone(&self.decoder),
            context: CallContext { shared: None, ..self.context.clone() },
            call: Arc::clone(&self.call),
        }
    }

    /// Sends the request for a page and checks the status.
    pub(crate) async fn fetch(&self, address: &PageAddress) -> Result<RawPage, Box<Report>> {
        let request = self.request(address)?;
        let response = self.context.exchange.exchange(request).await?;
        self.context.metrics.count_answer(response.attempts, response.body.len(), response.waited);
        let content = match response.status {
            204 => Content::None,
            200..=299 => Content::Body,
            404 if self.context.missing_is_empty => {
                self.context.metrics.count_missing();
                Content::Missing
            }
            _ => return Err(Box::new(status_report(&response.facts, &response))),
        };
        Ok(RawPage { url: response.url, headers: response.headers, body: response.body, content })
    }

    pub(crate) fn decode(&self, raw: &RawPage) -> Result<Decoded, Box<Report>> {
        let decoded = self.decode_facts(raw)?;
        self.context.metrics.count_rows(
            decoded.batch.num_rows(),
            decoded.dropped,
            decoded.mismatches,
        );
        Ok(decoded)
    }

    /// Decodes a page for its page address only; rows are counted by those who read them.
    pub(crate) fn decode_facts(&self, raw: &RawPage) -> Result<Decoded, Box<Report>> {
        match raw.content {
            Content::Body if raw.body.iter().all(u8::is_ascii_whitespace) => {
                Err(self.decoder.unexpected("is empty", &raw.body))
            }
            Content::Body => self.decoder.decode(&raw.body),
            Content::None | Content::Missing => Ok(self.decoder.empty()),
        }
    }

    fn decoded(&self, raw: &RawPage) -> Result<Page, Box<Report>> {
        let decoded = self.decode(raw)?;
        Ok(page(decoded, raw))
    }

    fn request(&self, address: &PageAddress) -> Result<Request, Box<Report>> {
        let call = &self.call;
        let mut headers = call.headers.clone();
        let (url, body) = match address {
            PageAddress::First => (call.url(&[]), call.body_bytes(None)?),
            PageAddress::Url(url) => (url.clone(), call.body_bytes(None)?),
            PageAddress::Value { target, value } => match target.location {
                TokenLocation::Query => {
                    (call.url(&[(&target.name, value)]), call.body_bytes(None)?)
                }
                TokenLocation::Body => {
                    (call.url(&[]), call.body_bytes(Some((&target.name, value)))?)
                }
                TokenLocation::Header => {
                    if let (Ok(name), Ok(value)) =
                        (HeaderName::try_from(target.name.as_str()), HeaderValue::from_str(value))
                    {
                        headers.insert(name, value);
                    }
                    (call.url(&[]), call.body_bytes(None)?)
                }
            },
        };
        let (verb, url, body) = translate(call, url, body, &mut headers);
        Ok(Request {
            verb,
            url,
            headers,
            body,
            provider: call.provider.clone(),
            // pages are only ever read, also where the document reads with POST
            repeat: Repeat::Safe,
        })
    }
}

fn page(decoded: Decoded, raw: &RawPage) -> Page {
    Page { batch: decoded.batch, found: raw.content != Content::Missing }
}

/// `requestTranslate`: the query string of a GET as the form body of a POST.
fn translate(
    call: &BoundCall,
    mut url: Url,
    body: Option<Bytes>,
    headers: &mut http::HeaderMap,
) -> (strataql_spec::HttpVerb, Url, Option<Bytes>) {
    if call.translate.as_deref() != Some("get_query_to_post_form_utf_8") || body.is_some() {
        return (call.verb, url, body);
    }
    let form = url.query().unwrap_or_default().to_owned();
    url.set_query(None);
    headers.insert(
        http::header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8"),
    );
    (strataql_spec::HttpVerb::Post, url, Some(Bytes::from(form)))
}
