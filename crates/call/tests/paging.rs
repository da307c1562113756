//! Property: any list, split into pages in any way and served in any style, reads as the same rows.
//!
//! `STRATAQL_FULL=1` tries 5000 lists in place of 256.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, RecordBatch};
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use strataql_call::{
    Arguments, CallContext, CallMetrics, Exchange, MethodCall, MethodRef, Mismatch,
    ServerVariables, SharedChains,
};
use strataql_diag::{Code, Report};
use strataql_net::{Request, Response};
use strataql_spec::paging::{PageSize, TokenLocation};
use strataql_spec::{Paging, TokenSource, TokenTarget, load_provider, load_service};
use url::Url;

const LIST: &str = "https://api.example.com/v1/list";
const PROVIDER: &str = r"
name: fake
version: v1
providerServices: {lists: {id: 'lists:v1', name: lists, service: {$ref: lists.yaml}}}
";
const DOCUMENT: &str = r"
openapi: 3.0.3
info: {title: lists, version: v1}
servers: [{url: 'https://api.example.com/v1'}]
paths:
  /list:
    get:
      operationId: list
      responses: {'200': {description: items, content: {application/json: {schema: {$ref: '#/components/schemas/Page'}}}}}
components:
  schemas:
    Item: {type: object, properties: {id: {type: integer}, text: {type: string}}}
    Page:
      type: object
      properties:
        items: {type: array, items: {$ref: '#/components/schemas/Item'}}
        next: {type: string}
        meta: {type: object}
        page: {type: integer}
        pages: {type: integer}
        total: {type: integer}
  x-stackQL-resources:
    items:
      id: fake.lists.items
      name: items
      methods:
        list: {operation: {$ref: '#/paths/~1list/get'}, response: {mediaType: application/json, openAPIDocKey: '200', objectKey: $.items}}
";

/// A row: what is read back.
type Row = (i64, Option<String>);

/// The paging style of the fake service.
#[derive(Debug, Clone)]
enum Style {
    Token { sent_in: TokenLocation, found: Found, ending: Ending },
    Link { found: Found, relative: bool },
    Number { start: i64, says_current: bool, says_total: bool },
    Offset { start: i64, says_total: bool },
}

/// The location of a token or URL in a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Top,
    Nested,
    Header,
}

/// Its value on the last page.
#[derive(Debug, Clone, Copy)]
enum Ending {
    Absent,
    Null,
    Empty,
}

/// A list, its split and how it is served.
#[derive(Debug, Clone)]
struct List {
    style: Style,
    pages: Vec<Vec<Row>>,
    /// The token or URL of each page; the first one is not used.
    tokens: Vec<String>,
    /// The page that repeats the address of an earlier page.
    loop_at: Option<usize>,
}

impl List {
    fn paging(&self) -> Paging {
        let target = |location, name: &str| TokenTarget { location, name: name.to_owned() };
        let body = |name: &str| TokenSource::Body(vec![name.to_owned()]);
        match &self.style {
            Style::Token { sent_in, found, .. } => {
                let name = if *sent_in == TokenLocation::Header { "x-next" } else { "next token" };
                Paging::Token {
                    request: target(*sent_in, name),
                    response: source(*found),
                    size: None,
                    more: None,
                }
            }
            Style::Link { found: Found::Header, .. } => {
                Paging::Link { source: TokenSource::Header("Link".to_owned()) }
            }
            Style::Link { found, .. } => Paging::Link { source: source(*found) },
            Style::Number { start, says_current, says_total } => Paging::PageNumber {
                request: target(TokenLocation::Query, "page"),
                current: says_current.then(|| body("page")),
                total: says_total.then(|| body("pages")),
                rows: None,
                more: None,
                start: *start,
            },
            Style::Offset { start, says_total } => Paging::Offset {
                request: target(TokenLocation::Query, "offset"),
                start: *start,
                total: says_total.then(|| body("total")),
                more: None,
                size: Some(PageSize { target: target(TokenLocation::Query, "limit"), max: None }),
            },
        }
    }

    fn rows(&self) -> Vec<Row> {
        self.pages.concat()
    }

    /// Number of requests for the whole list.
    fn requests(&self) -> usize {
        let is_counted = match self.style {
            Style::Number { says_total, .. } | Style::Offset { says_total, .. } => says_total,
            _ => true,
        };
        // without any count, an empty page is the end
        let is_empty = self.pages.iter().all(Vec::is_empty);
        self.pages.len() + usize::from(!is_counted && !is_empty)
    }

    /// The response to a request.
    fn answer(&self, request: &Request) -> (HeaderMap, Json) {
        let query: HashMap<String, String> = request.url.query_pairs().into_owned().collect();
        let number = |name: &str, start: i64| {
            query.get(name).map_or(start, |text| text.parse().expect("a number")) - start
        };
        let index = match &self.style {
            Style::Token { sent_in, .. } => self.position(sent(request, *sent_in)),
            Style::Link { .. } => self.position(query.get("cursor").cloned()),
            Style::Number { start, .. } => usize::try_from(number("page", *start)).expect("a page"),
            Style::Offset { start, .. } => {
                let offset = usize::try_from(number("offset", *start)).expect("an offset");
                let starts = (0..self.pages.len()).map(|at| self.pages[..at].concat().len());
                let found = starts.enumerate().rfind(|(_, start)| *start == offset);
                found.map_or(self.pages.len(), |(at, _)| at)
            }
        };
        self.page(index)
    }

    fn position(&self, token: Option<String>) -> usize {
        let Some(token) = token else { return 0 };
        self.tokens
            .iter()
            .position(|own| *own == token)
            .unwrap_or_else(|| panic!("who gave `{token}`?"))
    }

    fn page(&self, index: usize) -> (HeaderMap, Json) {
        let none = Vec::new();
        let rows = self.pages.get(index).unwrap_or(&none);
        let items: Vec<Json> =
            rows.iter().map(|(id, text)| json!({"id": id, "text": text})).collect();
        let mut body = json!({ "items": items });
        let mut headers = HeaderMap::new();
        let next = self.loop_at.filter(|at| *at == index).map(|at| at.saturating_sub(1).max(1));
        let next = next.or_else(|| (index + 1 < self.pages.len()).then_some(index + 1));
        match &self.style {
            Style::Token { found, ending, .. } => match (next, ending) {
                (Some(next), _) => put(*found, &self.tokens[next], &mut body, &mut headers),
                (None, Ending::Absent) => {}
                (None, Ending::Null) if *found == Found::Top => body["next"] = Json::Null,
                (None, _) => put(*found, "", &mut body, &mut headers),
            },
            Style::Link { found, relative } => {
                if let Some(next) = next {
                    let mut url = Url::parse(LIST).expect("a URL");
                    url.query_pairs_mut().append_pair("cursor", &self.tokens[next]);
                    let path = format!("{}?{}", url.path(), url.query().unwrap_or_default());
                    let address = if *relative { path } else { url.to_string() };
                    let is_header = *found == Found::Header;
                    let text =
                        if is_header { format!("<{address}>; rel=\"next\"") } else { address };
                    put(*found, &text, &mut body, &mut headers);
                }
            }
            Style::Number { start, says_current, says_total } => {
                let count = |number: usize| i64::try_from(number).expect("small");
                if *says_current {
                    body["page"] = json!(count(index) + start);
                }
                if *says_total {
                    body["pages"] = json!(count(self.pages.len()) - 1 + start);
                }
            }
            Style::Offset { says_total, .. } => {
                if *says_total {
                    body["total"] = json!(self.rows().len());
                }
            }
        }
        (headers, body)
    }
}

fn source(found: Found) -> TokenSource {
    match found {
        Found::Top => TokenSource::Body(vec!["next".to_owned()]),
        Found::Nested => TokenSource::Body(vec!["meta".to_owned(), "next".to_owned()]),
        Found::Header => TokenSource::Header("X-Next".to_owned()),
    }
}

fn put(found: Found, text: &str, body: &mut Json, headers: &mut HeaderMap) {
    match found {
        Found::Top => body["next"] = json!(text),
        Found::Nested => body["meta"] = json!({ "next": text }),
        Found::Header => {
            let name = if text.ends_with("; rel=\"next\"") { "link" } else { "x-next" };
            let value = HeaderValue::from_bytes(text.as_bytes()).expect("a header");
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// The token of a request.
fn sent(request: &Request, location: TokenLocation) -> Option<String> {
    match location {
        TokenLocation::Query => {
            let mut pairs = request.url.query_pairs();
            pairs.find(|(name, _)| name == "next token").map(|(_, value)| value.into_owned())
        }
        TokenLocation::Header => {
            request.headers.get("x-next").map(|value| value.to_str().expect("text").to_owned())
        }
        TokenLocation::Body => {
            let body: Json = serde_json::from_slice(request.body.as_ref()?).expect("JSON");
            body["next token"].as_str().map(str::to_owned)
        }
    }
}

/// The fake service.
struct Service {
    list: List,
    requests: AtomicUsize,
    seen: Mutex<Vec<String>>,
}

impl Exchange for Service {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, Box<Report>>> {
        let count = self.requests.fetch_add(1, Ordering::Relaxed);
        assert!(count < 1000, "no end");
        let asked = format!("{} {:?} {:?}", request.url, request.headers, request.body);
        self.seen.lock().expect("whole").push(asked);
        let (headers, body) = self.list.answer(&request);
        let response = Response::new(200, headers, body.to_string(), &request);
        let mut has_waited = false;
        async move {
            // responses are never ready at once
            futures::future::poll_fn(|context| {
                if std::mem::replace(&mut has_waited, true) {
                    return Poll::Ready(());
                }
                context.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
            Ok(response)
        }
        .boxed()
    }
}

/// The call of a list that is paged like this.
fn call(paging: Paging) -> MethodCall {
    let (provider, _) = load_provider(PROVIDER, "provider.yaml").expect("loads");
    let entry = &provider.services["lists"];
    let (mut service, _) = load_service(DOCUMENT, &provider, entry, "lists.yaml").expect("loads");
    service.resources["items"].methods["list"].paging = paging;
    let (provider, service) = (Arc::new(provider), Arc::new(service));
    let target = MethodRef::find(&provider, &service, "items", "list").expect("known");
    MethodCall::new(target, Arguments::default(), &ServerVariables::none()).expect("bound")
}

/// Reads the list `readers` times within one statement; gives the rows of each and the requests.
fn read(list: &List, readers: usize) -> (Vec<Result<Vec<Row>, Code>>, usize) {
    read_ahead(list, readers, 1)
}

/// The same, with so many pages at a time.
fn read_ahead(list: &List, readers: usize, ahead: usize) -> (Vec<Result<Vec<Row>, Code>>, usize) {
    let service = Arc::new(Service {
        list: list.clone(),
        requests: AtomicUsize::new(0),
        seen: Mutex::default(),
    });
    let call = call(list.paging());
    let columns = call.target().columns(|_| false);
    let plan = call.decode_plan(columns, Mismatch::Error).expect("readable");
    let chains = Arc::new(SharedChains::default());
    let is_shared = readers > 1;
    let readers = (0..readers).map(|_| {
        let exchange: Arc<dyn Exchange> = Arc::<Service>::clone(&service);
        let context = CallContext {
            shared: is_shared.then(|| Arc::clone(&chains)),
            ahead,
            ..CallContext::new(exchange, Arc::new(CallMetrics::default()))
        };
        let stream = call.pages(context, plan.clone());
        stream.map_ok(|page| rows(&page.batch)).try_concat().boxed()
    });
    let mut readers: Vec<_> = readers.collect();
    let stalled = readers.pop().map(|mut reader| {
        // it has started a request, and is not polled before the others are done
        assert!((&mut reader).now_or_never().is_none());
        reader
    });
    let all = async {
        let mut results = futures::future::join_all(readers).await;
        results.extend(futures::future::join_all(stalled).await);
        results
    };
    let results = futures::executor::block_on(all);
    let results = results.into_iter().map(|result| result.map_err(|report| report.code)).collect();
    let requests = service.requests.load(Ordering::Relaxed);
    let mut seen = service.seen.lock().expect("whole").clone();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), requests, "no page is asked for twice");
    (results, requests)
}

fn rows(batch: &RecordBatch) -> Vec<Row> {
    let ids = batch.column(0).as_primitive::<Int64Type>();
    let texts = batch.column(1).as_string::<i32>();
    (0..batch.num_rows())
        .map(|row| (ids.value(row), texts.is_valid(row).then(|| texts.value(row).to_owned())))
        .collect()
}

fn found() -> impl Strategy<Value = Found> {
    prop_oneof![Just(Found::Top), Just(Found::Nested), Just(Found::Header)]
}

fn style() -> impl Strategy<Value = Style> {
    prop_oneof![2 => leading(), 2 => counting()]
}

/// Styles whose responses name the next page.
fn leading() -> impl Strategy<Value = Style> {
    let sent_in = prop_oneof![
        Just(TokenLocation::Query),
        Just(TokenLocation::Body),
        Just(TokenLocation::Header)
    ];
    let ending = prop_oneof![Just(Ending::Absent), Just(Ending::Null), Just(Ending::Empty)];
    let token = |(sent_in, found, ending)| Style::Token { sent_in, found, ending };
    prop_oneof![
        2 => (sent_in, found(), ending).prop_map(token),
        1 => (found(), any::<bool>()).prop_map(|(found, relative)| Style::Link { found, relative }),
    ]
}

/// Styles whose requests count pages or rows.
fn counting() -> impl Strategy<Value = Style> {
    let number = (0..2i64, any::<bool>(), any::<bool>());
    let offset = (0..2i64, any::<bool>());
    prop_oneof![
        number.prop_map(|(start, says_current, says_total)| {
            Style::Number { start, says_current, says_total }
        }),
        offset.prop_map(|(start, says_total)| Style::Offset { start, says_total }),
    ]
}

/// Rows of pages; only tokens and links can continue after an empty page.
fn split(style: &Style, fewest: usize) -> BoxedStrategy<Vec<Vec<Row>>> {
    let row = (any::<i64>(), proptest::option::of(".{0,12}"));
    let full = usize::from(!matches!(style, Style::Token { .. } | Style::Link { .. }));
    let page = proptest::collection::vec(row, full..6);
    let all = proptest::collection::vec(page, fewest..9);
    prop_oneof![9 => all, 1 => Just(vec![Vec::new(); fewest])].boxed()
}

/// Distinct texts, with everything that a URL must escape.
fn tokens(style: &Style, count: usize) -> BoxedStrategy<Vec<String>> {
    let is_header = matches!(
        style,
        Style::Token { sent_in: TokenLocation::Header, .. }
            | Style::Token { found: Found::Header, .. }
    );
    let text = if is_header { "[!-~]{1,12}" } else { "[ -~äß漢]{1,12}" };
    proptest::collection::hash_set(text, count)
        .prop_map(|set| {
            let mut tokens: Vec<String> = set.into_iter().collect();
            tokens.sort();
            tokens
        })
        .boxed()
}

fn list() -> impl Strategy<Value = List> {
    list_of(style(), 1)
}

/// A list of at least `fewest` pages.
fn list_of(style: impl Strategy<Value = Style>, fewest: usize) -> impl Strategy<Value = List> {
    style
        .prop_flat_map(move |style| (split(&style, fewest), Just(style)))
        .prop_flat_map(|(pages, style)| (tokens(&style, pages.len()), Just(pages), Just(style)))
        .prop_map(|(tokens, pages, style)| List { style, pages, tokens, loop_at: None })
}

fn config() -> ProptestConfig {
    let cases = if std::env::var_os("STRATAQL_FULL").is_some() { 5000 } else { 256 };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_style_and_any_split_give_the_same_rows(list in list()) {
        let (results, requests) = read(&list, 1);
        prop_assert_eq!(&results, &[Ok(list.rows())]);
        prop_assert_eq!(requests, list.requests());
    }

    #[test]
    fn readers_of_one_call_share_its_pages(list in list(), readers in 2..4usize) {
        let (results, requests) = read(&list, readers);
        prop_assert_eq!(results, vec![Ok(list.rows()); readers]);
        prop_assert_eq!(requests, list.requests());
    }

    #[test]
    fn a_circle_is_an_error_and_never_an_end(list in list_of(leading(), 2), at in 1..8usize) {
        let at = at.min(list.pages.len() - 1);
        let list = List { loop_at: Some(at), ..list };
        let (results, _) = read(&list, 1);
        prop_assert_eq!(results, vec![Err(Code::PageLoop)]);
    }
}

#[test]
fn counted_pages_are_fetched_together_and_read_in_order() {
    for count in [1usize, 2, 3, 7, 40] {
        for style in [
            Style::Number { start: 1, says_current: true, says_total: true },
            Style::Number { start: 0, says_current: false, says_total: true },
            Style::Offset { start: 1, says_total: true },
            Style::Offset { start: 0, says_total: false },
        ] {
            let row = |page: usize, at: usize| -> Row {
                (i64::try_from(page * 3 + at).expect("small"), Some(format!("{page} {at}")))
            };
            let whole = |page| (0..3).map(|at| row(page, at)).collect::<Vec<Row>>();
            let mut pages: Vec<Vec<Row>> = (0..count).map(whole).collect();
            if let Some(last) = pages.last_mut() {
                last.truncate(2);
            }
            let says_total = !matches!(style, Style::Offset { says_total: false, .. });
            let tokens = vec![String::new(); count];
            let list = List { style, pages, tokens, loop_at: None };
            let (mut results, requests) = read_ahead(&list, 1, 4);
            assert_eq!(results.pop(), Some(Ok(list.rows())), "{:?}", list.style);
            assert_eq!(requests, count + usize::from(!says_total), "{:?}", list.style);
        }
    }
}
