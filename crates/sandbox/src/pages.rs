//! Paging as the document declares it: the rows that a request selects, and the link to the next
//! page.
//!
//! Owns: tokens, links, page numbers, offsets, page sizes.
//! Refuses: rows.
//! Surprise: inherited paging whose responses have no place for a token (a bare array, say) is
//! ignored; such a list is one response.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value as Json};
use strataql_spec::paging::TokenLocation;
use strataql_spec::{Location, Paging, SchemaKind, TokenSource, TokenTarget};

use crate::fault::FaultKind;
use crate::graphql;
use crate::options::DEFAULT_PAGE_SIZE;
use crate::problem::Problem;
use crate::random::derive;
use crate::request::Incoming;
use crate::role::is_list;
use crate::routes::Route;

/// Query parameters and body attributes that set the number of rows of a page.
const SIZE_NAMES: &[&str] = &[
    "page_size",
    "max_results",
    "limit",
    "per_page",
    "count",
    "pageSize",
    "maxResults",
    "$top",
    "MaxResults",
    "PageSize",
    "Limit",
];
/// Query parameters that skip rows, and the number of the first row.
const SKIP_NAMES: &[(&str, usize)] =
    &[("startIndex", 1), ("start_index", 1), ("offset", 0), ("$skip", 0), ("skip", 0)];
/// Query parameters that carry the position in next-page URLs.
const LINK_NAMES: &[&str] = &["page_token", "pageToken", "cursor", "after", "$skiptoken"];
/// Envelope fields that hold the total number of rows.
const TOTAL_NAMES: &[&str] =
    &["total", "total_count", "totalcount", "totalresults", "total_results", "totalitems"];

/// The part of a list that a request selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    /// Number of rows before it.
    pub(crate) start: usize,
    /// Maximum number of rows in it.
    pub(crate) size: usize,
    style: Style,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Style {
    /// Everything, or the rows that the request skips and limits to.
    Plain,
    Token,
    /// The query parameter that carries the position; page numbers for `true`.
    Link(String, bool),
    Number(usize),
    Offset(usize),
}

impl Window {
    /// The number of the page, from 1.
    pub(crate) fn page(&self) -> usize {
        self.start.checked_div(self.size).unwrap_or(0) + 1
    }
}

/// The window that a request selects; `limit` is the maximum page size of the server.
pub(crate) fn requested(
    route: &Route,
    request: &Incoming,
    limit: Option<usize>,
) -> Result<Window, Problem> {
    let asked = asked_size(route, request);
    let size = match (limit, asked) {
        (Some(limit), Some(asked)) => limit.min(asked),
        (limit, asked) => limit.or(asked).unwrap_or(DEFAULT_PAGE_SIZE),
    };
    let paging = &route.method().paging;
    if !is_usable(route, paging) {
        return Ok(plain_window(request, asked));
    }
    let (start, style) = match paging {
        Paging::None => return Ok(plain_window(request, asked)),
        Paging::Token { request: target, .. } | Paging::Next { request: Some(target), .. } => {
            (token_position(request, sent(route, request, target))?, Style::Token)
        }
        Paging::Link { .. } | Paging::Next { request: None, .. } => {
            if has_query(route, "page") {
                let page = number(request.query_value("page").map(str::to_owned), 1)?;
                ((page.max(1) - 1) * size, Style::Link("page".to_owned(), true))
            } else {
                let name = LINK_NAMES.iter().find(|name| has_query(route, name));
                let name = (*name.unwrap_or(&LINK_NAMES[0])).to_owned();
                let token = request.query_value(&name).map(str::to_owned);
                (token_position(request, token)?, Style::Link(name, false))
            }
        }
        Paging::PageNumber { request: target, start, .. } => {
            let first = usize::try_from(*start).unwrap_or(0);
            let page = number(sent(route, request, target), first)?;
            (page.saturating_sub(first) * size, Style::Number(first))
        }
        Paging::Offset { request: target, start, .. } => {
            let first = usize::try_from(*start).unwrap_or(0);
            let offset = number(sent(route, request, target), first)?;
            (offset.saturating_sub(first), Style::Offset(first))
        }
    };
    Ok(Window { start, size, style })
}

/// A list without declared paging honours paging parameters of the request, documented or not:
/// clients page through such lists until a page is empty.
fn plain_window(request: &Incoming, asked: Option<usize>) -> Window {
    let skip = SKIP_NAMES.iter().find_map(|(name, first)| {
        let value: usize = request.query_value(name)?.parse().ok()?;
        Some(value.saturating_sub(*first))
    });
    Window { start: skip.unwrap_or(0), size: asked.unwrap_or(usize::MAX), style: Style::Plain }
}

fn asked_size(route: &Route, request: &Incoming) -> Option<usize> {
    let declared = match &route.method().paging {
        Paging::Token { size: Some(size), .. } | Paging::Offset { size: Some(size), .. } => {
            let largest =
                size.max.map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(usize::MAX));
            let wanted =
                sent(route, request, &size.target).and_then(|text| text.parse::<usize>().ok());
            wanted.map(|wanted| wanted.min(largest))
        }
        _ => None,
    };
    let by_name = || {
        SIZE_NAMES.iter().find_map(|name| {
            let in_body = || request.body_value(name)?.as_u64().map(|number| number.to_string());
            request.query_value(name).map(str::to_owned).or_else(in_body)?.parse::<usize>().ok()
        })
    };
    declared.or_else(by_name).filter(|size| *size > 0)
}

/// True for lists with pages.
pub(crate) fn is_paged(route: &Route) -> bool {
    is_list(route) && is_usable(route, &route.method().paging)
}

/// Whether a response has a place for the next-page link.
fn is_usable(route: &Route, paging: &Paging) -> bool {
    let documents = |source: &TokenSource| match source {
        TokenSource::Header(_) => true,
        TokenSource::Body(path) => {
            let Some(envelope) = route.method().response.schema else { return true };
            let schemas = route.schemas();
            let schema = &schemas[envelope];
            let free = schema.kind != SchemaKind::Array && schema.properties.is_empty();
            free || schemas.at_path(envelope, path).is_some()
        }
    };
    match paging {
        Paging::None => false,
        Paging::Token { response, .. } => documents(response),
        Paging::Link { source } | Paging::Next { source, .. } => documents(source),
        Paging::PageNumber { current, total, .. } => {
            current.as_ref().is_none_or(documents) && total.as_ref().is_none_or(documents)
        }
        Paging::Offset { total, .. } => total.as_ref().is_none_or(documents),
    }
}

fn has_query(route: &Route, name: &str) -> bool {
    route.method().params.iter().any(|p| p.location == Location::Query && p.wire == name)
}

/// The value of a page parameter.
fn sent(route: &Route, request: &Incoming, target: &TokenTarget) -> Option<String> {
    if route.method().graphql.is_some() {
        return graphql::position(request);
    }
    match target.location {
        TokenLocation::Query => request.query_value(&target.name).map(str::to_owned),
        TokenLocation::Header => request.header(&target.name).map(str::to_owned),
        TokenLocation::Body => {
            let in_form = || request.form.iter().find(|(name, _)| *name == target.name);
            match request.body_value(&target.name) {
                Some(Json::String(text)) => Some(text.clone()),
                Some(Json::Null) => None,
                Some(other) => Some(other.to_string()),
                None => in_form().map(|(_, value)| value.clone()),
            }
        }
    }
}

fn number(text: Option<String>, default: usize) -> Result<usize, Problem> {
    match text.filter(|text| !text.is_empty()) {
        None => Ok(default),
        Some(text) => text
            .parse()
            .map_err(|_| Problem::invalid(format!("`{text}` is no page number or offset"))),
    }
}

fn check(request: &Incoming, start: usize) -> u64 {
    let place = [request.host.as_str(), request.path.as_str()].join(" ");
    derive(derive(start as u64, "page"), if request.direct { &request.path } else { &place })
}

/// An opaque token of a position; it is only valid for the list that issued it.
fn token(request: &Incoming, start: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("{start}:{:08x}", check(request, start) >> 32))
}

fn token_position(request: &Incoming, token: Option<String>) -> Result<usize, Problem> {
    let Some(text) = token.filter(|text| !text.is_empty()) else { return Ok(0) };
    let read = || {
        let bytes = URL_SAFE_NO_PAD.decode(&text).ok()?;
        let plain = String::from_utf8(bytes).ok()?;
        let (start, sum) = plain.split_once(':')?;
        let start: usize = start.parse().ok()?;
        (format!("{:08x}", check(request, start) >> 32) == sum).then_some(start)
    };
    read().ok_or_else(|| Problem::invalid("the page token is not valid for this list"))
}

/// Writes the next-page link into a response.
///
/// `shown` rows of `total` are in the response; `trick` is a fault that concerns paging.
pub(crate) fn finish(
    route: &Route,
    request: &Incoming,
    window: &Window,
    total: usize,
    trick: Option<FaultKind>,
    body: &mut Json,
    headers: &mut Vec<(String, String)>,
) {
    let end = window.start.saturating_add(window.size);
    let more = end < total || matches!(trick, Some(FaultKind::Endless));
    let next = if trick == Some(FaultKind::RepeatToken) { window.start } else { end };
    let more = more || trick == Some(FaultKind::RepeatToken);
    if let Paging::Token { more: Some(flag), .. }
    | Paging::PageNumber { more: Some(flag), .. }
    | Paging::Offset { more: Some(flag), .. } = &route.method().paging
    {
        put(flag, Json::Bool(more), body, headers);
    }
    match (&route.method().paging, &window.style) {
        (Paging::Token { response, .. } | Paging::Next { source: response, .. }, Style::Token)
            if more =>
        {
            put(response, Json::String(token(request, next)), body, headers);
        }
        (Paging::Link { source } | Paging::Next { source, .. }, Style::Link(name, numbered))
            if more =>
        {
            let value = match numbered {
                true => (next / window.size + 1).to_string(),
                false => token(request, next),
            };
            let address = address(request, name, &value, trick);
            match source {
                TokenSource::Header(header) => {
                    headers.push((header.clone(), format!("<{address}>; rel=\"next\"")));
                }
                TokenSource::Body(_) => put(source, Json::String(address), body, headers),
            }
        }
        (Paging::PageNumber { current, total: pages, rows, .. }, Style::Number(first)) => {
            let page = window.start / window.size + first;
            let last = total.div_ceil(window.size).max(1) - 1 + first;
            let last = if more { last.max(page + 1) } else { last };
            let all = if more { total.max(end + 1) } else { total };
            for (source, value) in [(current, page), (pages, last), (rows, all)] {
                if let Some(source) = source {
                    put(source, Json::from(value), body, headers);
                }
            }
        }
        (Paging::Offset { total: Some(source), .. }, Style::Offset(_)) => {
            let total = if more { total.max(end + 1) } else { total };
            put(source, Json::from(total), body, headers);
        }
        _ => {}
    }
    describe(route, window, total, more, body);
}

/// The absolute URL of a page.
fn address(request: &Incoming, name: &str, value: &str, trick: Option<FaultKind>) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let mut pairs: Vec<String> = request
        .query
        .iter()
        .filter(|(own, _)| own != name)
        .map(|(own, value)| match value {
            Some(value) => format!("{}={}", encode(own), encode(value)),
            None => encode(own),
        })
        .collect();
    pairs.push(format!("{}={}", encode(name), encode(value)));
    let origin = match trick {
        Some(FaultKind::CrossOriginLink) => "https://elsewhere.example.net".to_owned(),
        _ => format!("{}://{}", request.scheme(), request.host),
    };
    format!("{origin}{}?{}", request.path, pairs.join("&"))
}

fn put(source: &TokenSource, value: Json, body: &mut Json, headers: &mut Vec<(String, String)>) {
    match source {
        TokenSource::Header(name) => {
            headers.push((name.clone(), value.as_str().map_or(value.to_string(), str::to_owned)));
        }
        TokenSource::Body(path) => put_at(body, path, value),
    }
}

/// Sets the value at a path of keys, creating objects on the way.
pub(crate) fn put_at(body: &mut Json, path: &[String], value: Json) {
    let mut place = body;
    for key in path {
        if !place.is_object() {
            *place = Json::Object(Map::new());
        }
        place = &mut place[key.as_str()];
    }
    *place = value;
}

/// Fills documented envelope fields with counts.
fn describe(route: &Route, window: &Window, total: usize, more: bool, body: &mut Json) {
    let Some(envelope) = route.method().response.schema else { return };
    let schemas = route.schemas();
    let Some(fields) = body.as_object_mut() else { return };
    for (name, id) in &schemas[envelope].properties {
        if fields.contains_key(name) {
            continue;
        }
        let lower = name.to_ascii_lowercase();
        let value = match schemas[*id].kind {
            SchemaKind::Integer | SchemaKind::Number if TOTAL_NAMES.contains(&lower.as_str()) => {
                Json::from(total)
            }
            SchemaKind::Integer if lower == "startindex" => Json::from(window.start + 1),
            SchemaKind::Integer if lower == "itemsperpage" => {
                Json::from(total.saturating_sub(window.start).min(window.size))
            }
            SchemaKind::Boolean if lower == "has_more" || lower == "hasmore" => Json::Bool(more),
            _ => continue,
        };
        fields.insert(name.clone(), value);
    }
}
