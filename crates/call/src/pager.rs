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
            Paging::Token { response, more, .. } => vec![Some(response), more.as_ref()],
            Paging::Link { source } | Paging::Next { source, .. } => vec![Some(source)],
            Paging::PageNumber { current, total, rows, more, .. } => {
                vec![current.as_ref(), total.as_ref(), rows.as_ref(), more.as_ref()]
            }
            Paging::Offset { total, more, .. } => vec![total.as_ref(), more.as_ref()],
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
            // a header that every client understands needs no declaration
            Paging::None if !facts.is_single && !self.walks_by_hand(facts) => {
                let link = self.link(facts)?;
                self.followed(link, facts)
            }
            Paging::None => Ok(None),
            Paging::Token { request, response, more, .. } => {
                let token = self.token(&response, facts, 0)?;
                let Some(token) = token else { return Ok(None) };
                if self.flag(more.as_ref(), facts, 1)? == Some(false) {
                    return Ok(None);
                }
                self.first_time(&token)?;
                Ok(Some(PageAddress::Value { target: request, value: token }))
            }
            Paging::Link { source } => {
                let link = match &source {
                    TokenSource::Header(name) if name.eq_ignore_ascii_case("link") => {
                        self.link(facts)?
                    }
                    source => self.token(source, facts, 0)?,
                };
                self.followed(link, facts)
            }
            Paging::Next { source, request } => {
                let Some(next) = self.token(&source, facts, 0)? else { return Ok(None) };
                if is_address(&next) {
                    return self.followed(Some(next), facts);
                }
                let Some(target) = request else {
                    let key = complete::shown(&source);
                    if self.ignores(&key) {
                        return Ok(None);
                    }
                    let what = format!("has a token at `{key}`, and no parameter takes it");
                    return Err(self.incomplete(&key, &what));
                };
                self.first_time(&next)?;
                Ok(Some(PageAddress::Value { target, value: next }))
            }
            Paging::PageNumber { request, current, total, rows, more, .. } => {
                if let Some(reported) = self.number(current.as_ref(), facts, 0)?
                    && reported != self.position
                {
                    return Err(
                        self.circle(&format!("page {reported} in place of {}", self.position))
                    );
                }
                let before = self.total;
                let pages = self.counted(total.as_ref(), facts, 1)?;
                let more = match pages {
                    Some((total, counts)) => {
                        let more = self.position < total;
                        if counts {
                            self.consistent(before, total, self.position, facts.rows, "pages")?;
                        }
                        more
                    }
                    None => self.counts_more(rows.as_ref(), more.as_ref(), facts)?,
                };
                if !more {
                    return Ok(None);
                }
                self.position += 1;
                Ok(Some(PageAddress::Value { target: request, value: self.position.to_string() }))
            }
            Paging::Offset { request, start, total, more, .. } => {
                let rows = i64::try_from(facts.rows).unwrap_or(i64::MAX);
                self.position = self.position.saturating_add(rows);
                let before = self.total;
                let total = self.counted(total.as_ref(), facts, 0)?;
                let reached = self.position - start;
                if let Some((total, true)) = total {
                    self.consistent(before, total, reached, facts.rows, "rows")?;
                }
                let more = match total {
                    Some((total, _)) => Some(reached < total),
                    None => self.flag(more.as_ref(), facts, 1)?,
                };
                if rows == 0 || more == Some(false) {
                    return Ok(None);
                }
                Ok(Some(PageAddress::Value { target: request, value: self.position.to_string() }))
            }
        }
    }

    /// The request of an address, within its origin.
    fn followed(
        &mut self,
        link: Option<String>,
        facts: &PageFacts,
    ) -> Result<Option<PageAddress>, Box<Report>> {
        let Some(link) = link.filter(|link| !link.is_empty()) else { return Ok(None) };
        let Some(asked) = &facts.url else { return Ok(None) };
        let url = check_same_origin(asked, &link, &self.origins)?;
        self.seen.insert(asked.to_string());
        self.first_time(url.as_str())?;
        Ok(Some(PageAddress::Url(url)))
    }

    /// Whether a list of numbered pages goes on, by the number of its rows or a flag; with neither an empty
    /// page is the end.
    fn counts_more(
        &mut self,
        rows: Option<&TokenSource>,
        more: Option<&TokenSource>,
        facts: &PageFacts,
    ) -> Result<bool, Box<Report>> {
        let before = self.total;
        // someone who begins in the middle cannot tell how many rows came before
        if !self.is_given
            && let Some((total, counts)) = self.counted(rows, facts, 2)?
        {
            if counts {
                self.consistent(before, total, self.rows, facts.rows, "rows")?;
            }
            return Ok(facts.rows > 0 && self.rows < total);
        }
        Ok(self.flag(more, facts, 3)?.unwrap_or(facts.rows > 0))
    }

    /// The addresses of the pages after the first, as far as its counts tell them.
    ///
    /// They are a guess that saves time: each page still passes [`Self::next`], and its address counts.
    pub(crate) fn predicted(&self, rows: usize, pages: usize) -> Vec<PageAddress> {
        let size = i64::try_from(rows).unwrap_or(i64::MAX);
        let Some(total) = self.total.filter(|_| size > 0 && self.pages == 1) else {
            return Vec::new();
        };
        let value = |target: &TokenTarget, number: i64| PageAddress::Value {
            target: target.clone(),
            value: number.to_string(),
        };
        let (target, step, count) = match &self.paging {
            Paging::PageNumber { request, total: Some(_), .. } => {
                (request, 1, total - self.position + 1)
            }
            Paging::PageNumber { request, rows: Some(_), .. } => (
                request,
                1,
                (total - size).div_euclid(size) + i64::from(total.rem_euclid(size) > 0),
            ),
            // the position is already that of the next page
            Paging::Offset { request, start, .. } => {
                let left = total - (self.position - start);
                (request, size, left.div_euclid(size) + i64::from(left.rem_euclid(size) > 0))
            }
            _ => return Vec::new(),
        };
        let count = count.clamp(0, i64::try_from(pages).unwrap_or(i64::MAX));
        (0..count)
            .map(|number| value(target, self.position.saturating_add(number * step)))
            .collect()
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

    /// A token or an address; absent, empty and `false` are none.
    fn token(
        &self,
        source: &TokenSource,
        facts: &PageFacts,
        index: usize,
    ) -> Result<Option<String>, Box<Report>> {
        let found = self.found(source, facts, index)?;
        let found = found.filter(|token| !token.is_empty() && token != "false");
        if found.as_deref() == Some("true") && !self.ignores(&complete::shown(source)) {
            let key = complete::shown(source);
            return Err(
                self.incomplete(&key, "has a boolean where the address of the next page should be")
            );
        }
        Ok(found)
    }

    /// A flag that says whether there is more.
    fn flag(
        &self,
        source: Option<&TokenSource>,
        facts: &PageFacts,
        index: usize,
    ) -> Result<Option<bool>, Box<Report>> {
        let Some(source) = source else { return Ok(None) };
        let text = self.found(source, facts, index)?;
        Ok(text.map(|text| {
            !matches!(text.trim().to_ascii_lowercase().as_str(), "" | "false" | "no" | "0")
        }))
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

/// True for an address, in full or from the root or query of the list's own.
fn is_address(next: &str) -> bool {
    next.starts_with(['/', '?'])
        || next
            .split_once("://")
            .is_some_and(|(scheme, _)| scheme.chars().all(|c| c.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests;
