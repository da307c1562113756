//! Whether a list is complete when its pages end.
//!
//! Owns: judging what a response says about rows that are not in it, and the keys that a document
//! ignores.
//! Surprise: a total counts only when the list was read from its beginning. Someone who gives a
//! position reads one part of it on purpose.

use http::HeaderMap;
use strataql_diag::{Code, Report};
use strataql_net::next_link;
use strataql_spec::{Paging, TokenSource};

use super::{PageFacts, Pager};
use crate::decode::{Sign, SignKind, header_sign};

/// Query parameters by which people walk through a list themselves.
const POSITIONS: &[&str] = &[
    "page",
    "pagenumber",
    "pagetoken",
    "nexttoken",
    "cursor",
    "offset",
    "skip",
    "startindex",
    "marker",
    "continuationtoken",
];

/// The name of a source in messages and among the keys to ignore.
pub(super) fn shown(source: &TokenSource) -> String {
    match source {
        TokenSource::Body(path) => path.join("."),
        TokenSource::Header(name) => name.clone(),
    }
}

impl Pager {
    /// Refuses a page of which rows are missing.
    pub(super) fn refuse_missing(&self, facts: &PageFacts) -> Result<(), Box<Report>> {
        let has_all = || {
            let range = facts.headers.get("content-range").and_then(|value| value.to_str().ok());
            let total = range.and_then(|range| header_sign("content-range", range));
            let rows = i64::try_from(facts.rows).unwrap_or(i64::MAX);
            total.is_some_and(|sign| sign.kind == SignKind::Total(rows))
        };
        if facts.is_part && !self.ignores("206") && !has_all() {
            return Err(self.incomplete("206", "has status 206: it is a part of the list"));
        }
        for Sign { key, kind } in &facts.signs {
            if let SignKind::Missing(what) = kind
                && !self.ignores(key)
            {
                return Err(self.incomplete(key, &format!("{what}, at `{key}`")));
            }
        }
        Ok(())
    }

    /// Refuses a total that is smaller than on an earlier page.
    ///
    /// A total that is no larger than the rows so far may count those of one page.
    pub(super) fn refuse_shrinking(&mut self, facts: &PageFacts) -> Result<(), Box<Report>> {
        if facts.is_single || self.walks_by_hand(facts) {
            return Ok(());
        }
        for sign in facts.signs.iter().chain(&self.header_signs(&facts.headers)) {
            let SignKind::Total(total) = sign.kind else { continue };
            if self.ignores(&sign.key) {
                continue;
            }
            let before = self.promised.iter_mut().find(|(key, _)| *key == sign.key);
            match before {
                Some((_, before)) if total < *before => {
                    let problem = format!(
                        "states {total} rows in all at `{}`, and an earlier page stated {before}",
                        sign.key
                    );
                    return Err(self.incomplete(&sign.key, &problem));
                }
                Some((_, before)) => *before = total,
                None if total > self.rows => self.promised.push((sign.key.clone(), total)),
                None => {}
            }
        }
        Ok(())
    }

    /// Refuses a count that the pages contradict: `reached` is how far they have come, `before` what
    /// the count was until now.
    pub(super) fn consistent(
        &self,
        before: Option<i64>,
        total: i64,
        reached: i64,
        rows: usize,
        what: &str,
    ) -> Result<(), Box<Report>> {
        let source = match &self.paging {
            Paging::PageNumber { total, rows, .. } => total.as_ref().or(rows.as_ref()),
            Paging::Offset { total, .. } => total.as_ref(),
            _ => None,
        };
        let key = source.map(shown).unwrap_or_default();
        let problem = if let Some(before) = before.filter(|before| total < *before) {
            format!("says that there are {total} {what} in all, and an earlier page said {before}")
        } else if rows == 0 && reached < total {
            format!("has no rows, although there are {total} {what} in all")
        } else if rows > 0 && reached > total {
            format!("says that there are {total} {what} in all, fewer than have come")
        } else {
            return Ok(());
        };
        Err(self.incomplete(&key, &problem))
    }

    /// Why a list that has ended is not complete.
    pub(super) fn cut(&self, facts: &PageFacts) -> Option<Box<Report>> {
        if facts.is_single || self.walks_by_hand(facts) {
            return None;
        }
        let headers = self.header_signs(&facts.headers);
        facts.signs.iter().chain(&headers).filter(|sign| !self.ignores(&sign.key)).find_map(
            |sign| {
                let key = &sign.key;
                let problem = match &sign.kind {
                    SignKind::More(what) => format!("is not the last one: `{key}` is {what}"),
                    SignKind::Total(total) if !self.is_given && *total > self.rows => {
                        format!("ends after {} of {total} rows, according to `{key}`", self.rows)
                    }
                    SignKind::Pages(pages) if self.pages_matter() && *pages > self.pages => {
                        format!("ends after {} of {pages} pages, according to `{key}`", self.pages)
                    }
                    _ => return None,
                };
                Some(self.incomplete(key, &problem))
            },
        )
    }

    fn pages_matter(&self) -> bool {
        !self.is_given && !matches!(self.paging, Paging::PageNumber { .. })
    }

    /// True if the call names a position in a list whose paging the document does not declare.
    pub(super) fn walks_by_hand(&self, facts: &PageFacts) -> bool {
        let plain = |name: &str| -> String {
            name.chars()
                .filter(char::is_ascii_alphanumeric)
                .map(|c| c.to_ascii_lowercase())
                .collect()
        };
        let mut pairs = facts.url.iter().flat_map(url::Url::query_pairs);
        self.paging == Paging::None
            && pairs.any(|(name, _)| POSITIONS.contains(&plain(&name).as_str()))
    }

    /// What headers say that the document does not read.
    fn header_signs(&self, headers: &HeaderMap) -> Vec<Sign> {
        let read = match &self.paging {
            Paging::Token { response: TokenSource::Header(name), .. }
            | Paging::Link { source: TokenSource::Header(name) } => Some(name),
            _ => None,
        };
        let is_read = |header: &str| read.is_some_and(|name| name.eq_ignore_ascii_case(header));
        let mut signs: Vec<Sign> = headers
            .iter()
            .filter(|(name, _)| !is_read(name.as_str()))
            .filter_map(|(name, value)| header_sign(name.as_str(), value.to_str().ok()?))
            .collect();
        if !is_read("link") && matches!(next_link(headers), Ok(Some(_))) {
            let kind = SignKind::More("a next page".to_owned());
            signs.push(Sign { key: "link".to_owned(), kind });
        }
        signs
    }

    /// True if a key's word on the end of the list does not count.
    pub(super) fn ignores(&self, key: &str) -> bool {
        self.ignored.iter().any(|ignored| {
            let ignored = ignored.strip_prefix("$.").unwrap_or(ignored);
            ignored.eq_ignore_ascii_case(key)
                || key.rsplit('.').next().is_some_and(|last| ignored == last)
        })
    }

    pub(super) fn incomplete(&self, key: &str, what: &str) -> Box<Report> {
        Box::new(
            Report::new(
                Code::IncompleteList,
                format!("page {} of the response to `{}` {what}", self.pages, self.method),
            )
            .with_help(format!(
                "if the list is complete anyway, set `x-strataql: {{paging: {{ignore: ['{key}']}}}}` in its document"
            ))
            .with_note("a list ends only where the paging of its document ends it"),
        )
    }
}

#[cfg(test)]
mod tests {
    use strataql_spec::paging::{TokenLocation, TokenTarget};
    use url::Url;

    use super::super::Next;
    use super::*;

    fn facts(rows: usize, signs: &[(&str, SignKind)]) -> PageFacts {
        let signs = signs.iter().map(|(key, kind)| Sign { key: (*key).into(), kind: kind.clone() });
        PageFacts {
            rows,
            signs: signs.collect(),
            captured: vec![None],
            url: Url::parse("https://api.example.com/things?x=1").ok(),
            ..PageFacts::default()
        }
    }

    fn is_cut(paging: Paging, first: Option<&str>, facts: &PageFacts) -> bool {
        let mut pager = Pager::new(paging, "m", first.map(str::to_owned), &[]);
        let next = pager.next(facts).expect("a page");
        matches!(next, Next::Cut(report) if report.code == Code::IncompleteList)
    }

    fn token() -> Paging {
        Paging::Token {
            request: TokenTarget { location: TokenLocation::Query, name: "t".into() },
            response: TokenSource::Body(vec!["next".into()]),
            size: None,
            more: None,
        }
    }

    #[test]
    fn signs_of_more_cut_the_list_where_it_would_end() {
        let more = SignKind::More("`true`".into());
        for paging in [Paging::None, token()] {
            assert!(is_cut(paging.clone(), None, &facts(1, &[("has_more", more.clone())])));
            assert!(is_cut(paging.clone(), None, &facts(1, &[("total", SignKind::Total(2))])));
            assert!(is_cut(paging.clone(), None, &facts(1, &[("pages", SignKind::Pages(2))])));
            assert!(!is_cut(paging.clone(), None, &facts(2, &[("total", SignKind::Total(2))])));
            assert!(!is_cut(paging, Some("mine"), &facts(1, &[("total", SignKind::Total(2))])));
        }
        let single = PageFacts { is_single: true, ..facts(1, &[("has_more", more.clone())]) };
        assert!(!is_cut(Paging::None, None, &single));
        let mut by_hand = facts(1, &[("has_more", more)]);
        by_hand.url = Url::parse("https://api.example.com/things?offset=2").ok();
        assert!(!is_cut(Paging::None, None, &by_hand));
        assert!(is_cut(token(), None, &by_hand));
    }

    #[test]
    fn pages_add_up_to_their_total() {
        let mut pager = Pager::new(token(), "m", None, &[]);
        let total = |rows| facts(rows, &[("total", SignKind::Total(5))]);
        let going = PageFacts { captured: vec![Some("t2".into())], ..total(3) };
        assert!(matches!(pager.next(&going), Ok(Next::Page(_))));
        assert_eq!(pager.next(&total(2)), Ok(Next::End));
    }

    #[test]
    fn totals_do_not_shrink() {
        let read = |pages: &[(usize, i64)], keys: &[String]| {
            let mut pager = Pager::new(token(), "m", None, &[]).ignoring(keys);
            pages.iter().enumerate().find_map(|(at, (rows, total))| {
                let is_last = at + 1 == pages.len();
                let next = (!is_last).then(|| format!("t{at}"));
                let page = facts(*rows, &[("meta.total", SignKind::Total(*total))]);
                pager.next(&PageFacts { captured: vec![next], ..page }).err()
            })
        };
        let report = read(&[(2, 6), (2, 4)], &[]).expect("a smaller total");
        assert_eq!(report.code, Code::IncompleteList);
        assert!(report.message.starts_with("page 2 of the response to `m` states 4"), "{report}");
        assert_eq!(read(&[(2, 6), (2, 4)], &["total".to_owned()]), None);
        // each page counts its own rows
        assert_eq!(read(&[(2, 2), (2, 2), (1, 1)], &[]), None);
        assert_eq!(read(&[(2, 3), (2, 4)], &[]), None);
    }

    #[test]
    fn headers_speak_too() {
        for (name, value, expected) in [
            ("link", "</2>; rel=prev", false),
            ("content-range", "items 0-0/500", true),
            ("content-range", "bytes 0-9/500", false),
            ("content-range", "items 0-0/*", false),
            ("x-total-count", "500", true),
            ("x-total-count", "1", false),
            ("x-next-page", "2", true),
            ("x-next-page", "", false),
            ("x-ms-continuation", "abc", true),
            ("x-error", "500", false),
        ] {
            let mut facts = facts(1, &[]);
            facts.headers.insert(name, value.parse().expect("a value"));
            assert_eq!(is_cut(Paging::None, None, &facts), expected, "{name}: {value}");
        }
    }

    #[test]
    fn missing_rows_are_an_error_at_once_unless_ignored() {
        let missing = SignKind::Missing("has `[\"eu\"]`".into());
        let page = facts(1, &[("meta.unreachable", missing)]);
        let part = PageFacts { is_part: true, ..facts(1, &[]) };
        for (page, key) in [(page, "unreachable"), (part, "206")] {
            let mut strict = Pager::new(Paging::None, "m", None, &[]);
            assert_eq!(strict.next(&page).expect_err("missing").code, Code::IncompleteList);
            let mut lax = Pager::new(Paging::None, "m", None, &[]).ignoring(&[key.to_owned()]);
            assert_eq!(lax.next(&page), Ok(Next::End));
        }
    }
}
