//! The page driver: computes the request of the next page.
//!
//! Owns: the state machine of every paging style, and the guard against cycles.
//! Refuses: requests and bodies; it sees [`PageFacts`] only, so any split of any list can be tested
//! without a network.
//! Surprise: a service that repeats a page address is an error, not an end: rows would be missing or
//! double. What cannot be read is no end either, nor is an end that the answer itself contradicts.

mod complete;

use std::collections::HashSet;

use strataql_diag::{Code, Report};
use strataql_net::{LinkProblem, check_same_origin, next_link};
use strataql_spec::{Paging, TokenSource, TokenTarget};
use url::Url;

use crate::decode::Sign;

/// The request of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PageAddress {
    /// The first page: the bound call.
    First,
    /// A value in the query, body or a header.
    Value {
        /// Its location.
        target: TokenTarget,
        /// The value.
        value: String,
    },
    /// A URL from the service, already checked to be of the same origin.
    Url(Url),
}

/// What comes after a page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Next {
    /// Another page.
    Page(PageAddress),
    /// Nothing: the list is complete.
    End,
    /// Nothing, although the answer says that there is more. The rows so far are right.
    Cut(Box<Report>),
}

/// The facts of a page that determine the next one.
#[derive(Debug, Clone, Default)]
pub(crate) struct PageFacts {
    /// The logical URL of the request.
    pub(crate) url: Option<Url>,
    /// Response headers.
    pub(crate) headers: http::HeaderMap,
    /// Scalars found at [`Pager::captures`], in that order.
    pub(crate) captured: Vec<Option<String>>,
    /// Rows on the page.
    pub(crate) rows: usize,
    /// What speaks of rows that are not on it.
    pub(crate) signs: Vec<Sign>,
    /// The status was 206, with a range.
    pub(crate) is_part: bool,
    /// The answer is one object, no list.
    pub(crate) is_single: bool,
}

/// The page driver of one call.
#[derive(Debug, Clone)]
pub(crate) struct Pager {
    paging: Paging,
    origins: Vec<String>,
    method: String,
    seen: HashSet<String>,
    position: i64,
    /// The user said where to begin.
    is_given: bool,
    ignored: Vec<String>,
    /// The largest number of rows or pages that the service has named so far.
    total: Option<i64>,
    /// Totals that exceeded the rows so far, by key: what the paging of the document does not read.
    promised: Vec<(String, i64)>,
    rows: i64,
    pages: i64,
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
            is_given: first.is_some(),
            seen: first.into_iter().collect(),
            position,
            ignored: Vec::new(),
            total: None,
            promised: Vec::new(),
            rows: 0,
            pages: 0,
        }
    }

    /// The driver, with keys whose word on the end of the list does not count
    /// (`x-strataql.paging.ignore`).
    #[must_use]
    pub(crate) fn ignoring(mut self, keys: &[String]) -> Self {
        self.ignored = keys.to_vec();
        self
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

    /// What comes after the page described.
    ///
    /// # Errors
    /// `page-loop` when an address comes twice, `cross-origin` when it leads elsewhere,
    /// `incomplete-list` when rows of the page are missing or it does not say whether it is the last.
    pub(crate) fn next(&mut self, facts: &PageFacts) -> Result<Next, Box<Report>> {
        self.pages += 1;
        self.rows = self.rows.saturating_add(i64::try_from(facts.rows).unwrap_or(i64::MAX));
        self.refuse_missing(facts)?;
        self.refuse_shrinking(facts)?;
        Ok(match self.address(facts)? {
            Some(address) => Next::Page(address),
            None => self.cut(facts).map_or(Next::End, Next::Cut),
        })
    }

    fn address(&mut self, facts: &PageFacts) -> Result<Option<PageAddress>, Box<Report>> {
        match self.paging.clone() {
            Paging::None => Ok(None),
            Paging::Token { request, response, .. } => {
                let token = self.found(&response, facts, 0)?;
                let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
                self.first_time(&token)?;
                Ok(Some(PageAddress::Value { target: request, value: token }))
            }
            Paging::Link { source } => {
                let link = match &source {
                    TokenSource::Header(name) if name.eq_ignore_ascii_case("link") => {
                        self.link(facts)?
                    }
                    source => self.found(source, facts, 0)?,
                };
                let Some(link) = link.filter(|link| !link.is_empty()) else { return Ok(None) };
                let Some(asked) = &facts.url else { return Ok(None) };
                let url = check_same_origin(asked, &link, &self.origins)?;
                self.seen.insert(asked.to_string());
                self.first_time(url.as_str())?;
                Ok(Some(PageAddress::Url(url)))
            }
            Paging::PageNumber { request, current, total, .. } => {
                let before = self.total;
                let total = self.counted(total.as_ref(), facts, 1)?;
                if let Some(reported) = self.number(current.as_ref(), facts, 0)?
                    && reported != self.position
                {
                    return Err(
                        self.circle(&format!("page {reported} in place of {}", self.position))
                    );
                }
                let more = match total {
                    Some((total, counts)) => {
                        let more = self.position < total;
                        if counts {
                            self.consistent(before, total, self.position, facts.rows, "pages")?;
                        }
                        more
                    }
                    // without a count an empty page is the end
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
                self.position = self.position.saturating_add(rows);
                let before = self.total;
                let total = self.counted(total.as_ref(), facts, 0)?;
                let reached = self.position - start;
                if let Some((total, true)) = total {
                    self.consistent(before, total, reached, facts.rows, "rows")?;
                }
                if rows == 0 || total.is_some_and(|(total, _)| reached >= total) {
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
                format!("page {} of the response to `{}` gives {what}", self.pages, self.method),
            )
            .with_help(
                "run the statement again; if it stays so, the list cannot be read to its end",
            )
            .with_note("rows read so far are not shown, since the list is incomplete"),
        )
    }

    /// The value of a count, remembered for pages that do not name it, and whether it is to be
    /// believed.
    fn counted(
        &mut self,
        source: Option<&TokenSource>,
        facts: &PageFacts,
        index: usize,
    ) -> Result<Option<(i64, bool)>, Box<Report>> {
        let Some(source) = source else { return Ok(None) };
        let total = self.number(Some(source), facts, index)?.or(self.total);
        self.total = total;
        Ok(total.map(|total| (total, !self.ignores(&complete::shown(source)))))
    }

    fn number(
        &self,
        source: Option<&TokenSource>,
        facts: &PageFacts,
        index: usize,
    ) -> Result<Option<i64>, Box<Report>> {
        let Some(source) = source else { return Ok(None) };
        let Some(text) = self.found(source, facts, index)? else { return Ok(None) };
        match text.trim().parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) if self.ignores(&complete::shown(source)) => Ok(None),
            Err(_) => {
                let key = complete::shown(source);
                Err(self.incomplete(&key, &format!("counts its pages with `{text}` in `{key}`")))
            }
        }
    }

    /// The next page of the `Link` header.
    fn link(&self, facts: &PageFacts) -> Result<Option<String>, Box<Report>> {
        next_link(&facts.headers).or_else(|problem| match problem {
            _ if self.ignores("link") => Ok(None),
            LinkProblem::Unreadable => {
                Err(self.incomplete("link", "has a `Link` header that cannot be parsed"))
            }
            LinkProblem::Contradiction => {
                Err(self.incomplete("link", "names two next pages in its `Link` header"))
            }
        })
    }

    /// The value at a source: a captured scalar or a header.
    fn found(
        &self,
        source: &TokenSource,
        facts: &PageFacts,
        index: usize,
    ) -> Result<Option<String>, Box<Report>> {
        let name = match source {
            TokenSource::Body(_) => return Ok(facts.captured.get(index).cloned().flatten()),
            TokenSource::Header(name) => name,
        };
        let mut found: Option<&str> = None;
        for value in facts.headers.get_all(name.as_str()) {
            let problem = match (value.to_str(), found) {
                (Err(_), _) => "cannot be read",
                (Ok(text), Some(other)) if text != other => "comes twice, with different values",
                (Ok(text), _) => {
                    found = Some(text);
                    continue;
                }
            };
            if !self.ignores(name) {
                return Err(self.incomplete(name, &format!("has a header `{name}` that {problem}")));
            }
        }
        Ok(found.map(str::to_owned))
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

    fn value(next: Next) -> Option<String> {
        match next {
            Next::Page(PageAddress::Value { value, .. }) => Some(value),
            _ => None,
        }
    }

    #[test]
    fn tokens_end_when_absent_and_repeat_is_an_error() {
        let paging = Paging::Token { request: query("t"), response: body("next"), size: None };
        let mut pager = Pager::new(paging, "m", Some("mine".into()), &[]);
        let next = pager.next(&page(2, &[Some("a")])).expect("fine");
        assert_eq!(value(next).as_deref(), Some("a"));
        let next = pager.next(&page(0, &[Some("b")])).expect("an empty page may go on");
        assert_eq!(value(next).as_deref(), Some("b"));
        assert_eq!(pager.next(&page(2, &[Some("a")])).expect_err("loop").code, Code::PageLoop);
        assert_eq!(pager.next(&page(2, &[Some("mine")])).expect_err("loop").code, Code::PageLoop);
        assert_eq!(pager.next(&page(2, &[None])).expect("the end"), Next::End);
        assert_eq!(pager.next(&page(2, &[Some("")])).expect("the end"), Next::End);
    }

    #[test]
    fn links_stay_on_their_origin() {
        let mut pager = Pager::new(Paging::Link { source: body("next") }, "m", None, &[]);
        let next = pager.next(&page(1, &[Some("/things?page=2")])).expect("fine");
        let Next::Page(PageAddress::Url(url)) = next else { panic!("{next:?}") };
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
        assert_eq!(pager.next(&page(1, &[Some("2"), Some("2")])).expect("the end"), Next::End);
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
        assert_eq!(pager.next(&page(1, &[Some("5")])).expect("the end"), Next::End);
    }

    #[test]
    fn empty_pages_and_falling_totals_are_no_end() {
        let offset = || Paging::Offset {
            request: query("skip"),
            start: 0,
            total: Some(body("total")),
            size: None,
        };
        let number = || Paging::PageNumber {
            request: query("page"),
            current: None,
            total: Some(TokenSource::Body(vec!["pages".to_owned()])),
            start: 1,
        };
        let refused = |paging: Paging, pages: &[(usize, Option<&str>)], keys: &[String]| {
            let mut pager = Pager::new(paging, "m", None, &[]).ignoring(keys);
            let at = usize::from(matches!(pager.paging, Paging::PageNumber { .. }));
            pages.iter().find_map(|(rows, total)| {
                let captured = if at == 0 { vec![*total] } else { vec![None, *total] };
                pager.next(&page(*rows, &captured)).err().map(|report| report.code)
            })
        };
        let incomplete = Some(Code::IncompleteList);
        assert_eq!(refused(offset(), &[(2, Some("6")), (0, Some("6"))], &[]), incomplete);
        assert_eq!(refused(offset(), &[(2, Some("6")), (0, None)], &[]), incomplete);
        assert_eq!(refused(offset(), &[(2, Some("6")), (2, Some("4"))], &[]), incomplete);
        assert_eq!(refused(offset(), &[(2, Some("0"))], &[]), incomplete);
        assert_eq!(refused(offset(), &[(0, Some("0"))], &[]), None);
        assert_eq!(refused(offset(), &[(2, Some("some"))], &[]), incomplete);
        assert_eq!(refused(number(), &[(1, Some("3")), (0, Some("3"))], &[]), incomplete);
        assert_eq!(refused(number(), &[(1, Some("3")), (1, Some("1"))], &[]), incomplete);
        assert_eq!(refused(number(), &[(1, Some("-1"))], &[]), incomplete);
        assert_eq!(refused(number(), &[(0, Some("0"))], &[]), None);
        let ignored = ["total".to_owned()];
        assert_eq!(refused(offset(), &[(2, Some("6")), (0, Some("6"))], &ignored), None);
    }

    #[test]
    fn headers_that_cannot_be_read_are_no_end() {
        let paging = || Paging::Token {
            request: query("t"),
            response: TokenSource::Header("x-next".into()),
            size: None,
        };
        let asked = |paging: Paging, values: &[&[u8]], name: &'static str, keys: &[String]| {
            let mut facts = page(1, &[]);
            for value in values {
                facts.headers.append(name, http::HeaderValue::from_bytes(value).expect("bytes"));
            }
            Pager::new(paging, "m", None, &[]).ignoring(keys).next(&facts).map_err(|r| r.code)
        };
        let incomplete = Err(Code::IncompleteList);
        assert_eq!(asked(paging(), &[b"t\xff"], "x-next", &[]), incomplete);
        assert_eq!(asked(paging(), &[b"a", b""], "x-next", &[]), incomplete);
        assert!(matches!(asked(paging(), &[b"a", b"a"], "x-next", &[]), Ok(Next::Page(_))));
        assert_eq!(asked(paging(), &[b""], "x-next", &[]), Ok(Next::End));
        let link = || Paging::Link { source: TokenSource::Header("Link".into()) };
        assert_eq!(asked(link(), &[b"</things?page=2; rel=next"], "link", &[]), incomplete);
        assert_eq!(asked(link(), &[b"<a>; rel=prev"], "link", &[]), Ok(Next::End));
        let ignored = ["Link".to_owned()];
        assert_eq!(asked(link(), &[b"</t; rel=next"], "link", &ignored), Ok(Next::End));
    }
}
