//! The page driver: which page comes after this one.
//!
//! Owns: the state machine of every paging style, and the guard against going in circles.
//! Refuses: requests and bodies; it sees [`PageFacts`] only, so any split of any list can be tested
//! without a network.
//! Surprise: a service that repeats a page address is an error, not an end: rows would be missing or
//! double.

use std::collections::HashSet;

use strataql_diag::{Code, Report};
use strataql_net::{check_same_origin, next_link};
use strataql_spec::{Paging, TokenSource, TokenTarget};
use url::Url;

/// How to ask for a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PageAddress {
    /// The first page: the call as it was bound.
    First,
    /// A value in the query, body or a header.
    Value {
        /// Where it goes.
        target: TokenTarget,
        /// The value.
        value: String,
    },
    /// A whole URL that the service supplied, already checked to be of the same origin.
    Url(Url),
}

/// What a page says about the pages after it.
#[derive(Debug, Clone, Default)]
pub(crate) struct PageFacts {
    /// The logical URL that was asked.
    pub(crate) url: Option<Url>,
    /// Answer headers.
    pub(crate) headers: http::HeaderMap,
    /// Scalars found at [`Pager::captures`], in that order.
    pub(crate) captured: Vec<Option<String>>,
    /// Rows on the page.
    pub(crate) rows: usize,
}

/// The driver of one chain of pages.
#[derive(Debug, Clone)]
pub(crate) struct Pager {
    paging: Paging,
    origins: Vec<String>,
    method: String,
    seen: HashSet<String>,
    position: i64,
}

impl Pager {
    /// A driver for one call. `first` is the page value that the user gave (`page_token = '…'`),
    /// `origins` are further origins that the document allows for page addresses.
    pub(crate) fn new(
        paging: Paging,
        method: &str,
        first: Option<String>,
        origins: &[String],
    ) -> Self {
        let position = match &paging {
            Paging::PageNumber { start, .. } | Paging::Offset { start, .. } => {
                first.as_deref().and_then(|text| text.parse().ok()).unwrap_or(*start)
            }
            _ => 0,
        };
        Self {
            paging,
            origins: origins.to_vec(),
            method: method.to_owned(),
            seen: first.into_iter().collect(),
            position,
        }
    }

    /// Body paths whose scalars [`PageFacts::captured`] must hold, in that order.
    pub(crate) fn captures(paging: &Paging) -> Vec<Vec<String>> {
        let sources: Vec<Option<&TokenSource>> = match paging {
            Paging::None => vec![],
            Paging::Token { response, .. } => vec![Some(response)],
            Paging::Link { source } => vec![Some(source)],
            Paging::PageNumber { current, total, .. } => vec![current.as_ref(), total.as_ref()],
            Paging::Offset { total, .. } => vec![total.as_ref()],
        };
        sources
            .into_iter()
            .map(|source| match source {
                Some(TokenSource::Body(path)) => path.clone(),
                _ => Vec::new(),
            })
            .collect()
    }

    /// The page after the one described, `None` at the end of the list.
    ///
    /// # Errors
    /// `page-loop` when an address comes twice, `cross-origin` when it leads elsewhere,
    /// `unexpected-body` when a page counter is no number.
    pub(crate) fn next(&mut self, facts: &PageFacts) -> Result<Option<PageAddress>, Box<Report>> {
        match self.paging.clone() {
            Paging::None => Ok(None),
            Paging::Token { request, response, .. } => {
                let token = found(&response, facts, 0);
                let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
                self.first_time(&token)?;
                Ok(Some(PageAddress::Value { target: request, value: token }))
            }
            Paging::Link { source } => {
                let link = match &source {
                    TokenSource::Header(name) if name.eq_ignore_ascii_case("link") => {
                        next_link(&facts.headers)
                    }
                    source => found(source, facts, 0),
                };
                let Some(link) = link.filter(|link| !link.is_empty()) else { return Ok(None) };
                let Some(asked) = &facts.url else { return Ok(None) };
                let url = check_same_origin(asked, &link, &self.origins)?;
                self.seen.insert(asked.to_string());
                self.first_time(url.as_str())?;
                Ok(Some(PageAddress::Url(url)))
            }
            Paging::PageNumber { request, current, total, .. } => {
                let total = self.number(total.as_ref(), facts, 1)?;
                if let Some(reported) = self.number(current.as_ref(), facts, 0)?
                    && reported != self.position
                {
                    return Err(
                        self.circle(&format!("page {reported} in place of {}", self.position))
                    );
                }
                let more = match total {
                    Some(total) => self.position < total,
                    // without any count an empty page is the end
                    None => facts.rows > 0,
                };
                if !more {
                    return Ok(None);
                }
                self.position += 1;
                Ok(Some(PageAddress::Value { target: request, value: self.position.to_string() }))
            }
            Paging::Offset { request, start, total, .. } => {
                let rows = i64::try_from(facts.rows).unwrap_or(i64::MAX);
                if rows == 0 {
                    return Ok(None);
                }
                self.position = self.position.saturating_add(rows);
                let total = self.number(total.as_ref(), facts, 0)?;
                if total.is_some_and(|total| self.position - start >= total) {
                    return Ok(None);
                }
                Ok(Some(PageAddress::Value { target: request, value: self.position.to_string() }))
            }
        }
    }

    fn first_time(&mut self, address: &str) -> Result<(), Box<Report>> {
        if self.seen.insert(address.to_owned()) {
            return Ok(());
        }
        Err(self.circle("a page address that was used before"))
    }

    fn circle(&self, what: &str) -> Box<Report> {
        Box::new(
            Report::new(
                Code::PageLoop,
                format!("the answer to method `{}` gives {what}", self.method),
            )
            .with_help(
                "run the statement again; if it stays so, the list cannot be read to its end",
            )
            .with_note("rows read so far are not shown, since the list is incomplete"),
        )
    }

    fn number(
        &self,
        source: Option<&TokenSource>,
        facts: &PageFacts,
        index: usize,
    ) -> Result<Option<i64>, Box<Report>> {
        let Some(text) = source.and_then(|source| found(source, facts, index)) else {
            return Ok(None);
        };
        text.trim().parse().map(Some).map_err(|_| {
            Box::new(
                Report::new(
                    Code::UnexpectedBody,
                    format!(
                        "the answer to method `{}` counts its pages with `{text}`",
                        self.method
                    ),
                )
                .with_help("run the statement again; if it stays so, report it to the provider"),
            )
        })
    }
}

/// The value at a source: a captured scalar or a header.
fn found(source: &TokenSource, facts: &PageFacts, index: usize) -> Option<String> {
    match source {
        TokenSource::Body(_) => facts.captured.get(index).cloned().flatten(),
        TokenSource::Header(name) => {
            facts.headers.get(name.as_str())?.to_str().ok().map(str::to_owned)
        }
    }
}

#[cfg(test)]
mod tests {
    use strataql_spec::paging::TokenLocation;

    use super::*;

    fn query(name: &str) -> TokenTarget {
        TokenTarget { location: TokenLocation::Query, name: name.to_owned() }
    }

    fn body(name: &str) -> TokenSource {
        TokenSource::Body(vec![name.to_owned()])
    }

    fn page(rows: usize, captured: &[Option<&str>]) -> PageFacts {
        PageFacts {
            rows,
            captured: captured.iter().map(|text| text.map(str::to_owned)).collect(),
            url: Url::parse("https://api.example.com/things?x=1").ok(),
            ..PageFacts::default()
        }
    }

    fn value(address: Option<PageAddress>) -> Option<String> {
        match address {
            Some(PageAddress::Value { value, .. }) => Some(value),
            _ => None,
        }
    }

    #[test]
    fn tokens_end_when_absent_and_repeat_is_an_error() {
        let paging = Paging::Token { request: query("t"), response: body("next"), size: None };
        let mut pager = Pager::new(paging, "m", Some("mine".into()), &[]);
        let next = pager.next(&page(2, &[Some("a")])).expect("fine");
        assert_eq!(value(next).as_deref(), Some("a"));
        assert!(pager.next(&page(0, &[Some("b")])).expect("an empty page may go on").is_some());
        assert_eq!(pager.next(&page(2, &[Some("a")])).expect_err("loop").code, Code::PageLoop);
        assert_eq!(pager.next(&page(2, &[Some("mine")])).expect_err("loop").code, Code::PageLoop);
        assert!(pager.next(&page(2, &[None])).expect("the end").is_none());
        assert!(pager.next(&page(2, &[Some("")])).expect("the end").is_none());
    }

    #[test]
    fn links_stay_on_their_origin() {
        let mut pager = Pager::new(Paging::Link { source: body("next") }, "m", None, &[]);
        let next = pager.next(&page(1, &[Some("/things?page=2")])).expect("fine");
        let Some(PageAddress::Url(url)) = next else { panic!("{next:?}") };
        assert_eq!(url.as_str(), "https://api.example.com/things?page=2");
        let away = pager.next(&page(1, &[Some("https://evil.example.com/")]));
        assert_eq!(away.expect_err("elsewhere").code, Code::CrossOrigin);
        let own = pager.next(&page(1, &[Some("https://api.example.com/things?x=1")]));
        assert_eq!(own.expect_err("itself").code, Code::PageLoop);
    }

    #[test]
    fn page_numbers_follow_the_total_and_refuse_a_standstill() {
        let paging = || Paging::PageNumber {
            request: query("page"),
            current: Some(body("page")),
            total: Some(body("pages")),
            start: 1,
        };
        let mut pager = Pager::new(paging(), "m", None, &[]);
        let next = pager.next(&page(1, &[Some("1"), Some("2")])).expect("fine");
        assert_eq!(value(next).as_deref(), Some("2"));
        assert!(pager.next(&page(1, &[Some("2"), Some("2")])).expect("the end").is_none());
        let mut pager = Pager::new(paging(), "m", None, &[]);
        assert!(pager.next(&page(1, &[Some("1"), Some("3")])).is_ok());
        assert_eq!(
            pager.next(&page(1, &[Some("1"), Some("3")])).expect_err("stuck").code,
            Code::PageLoop
        );
    }

    #[test]
    fn offsets_count_rows_from_their_start() {
        let paging = Paging::Offset {
            request: query("startIndex"),
            start: 1,
            total: Some(body("totalResults")),
            size: None,
        };
        let mut pager = Pager::new(paging, "m", None, &[]);
        let next = pager.next(&page(2, &[Some("5")])).expect("fine");
        assert_eq!(value(next).as_deref(), Some("3"));
        let next = pager.next(&page(2, &[Some("5")])).expect("fine");
        assert_eq!(value(next).as_deref(), Some("5"));
        assert!(pager.next(&page(1, &[Some("5")])).expect("the end").is_none());
    }
}
