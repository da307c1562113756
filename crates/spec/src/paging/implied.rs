//! Paging that a document does not declare: what its schemas say about the next page.
//!
//! Owns: the words by which services name next pages, totals and page parameters, in any case and with any
//! separators, beside the rows or in objects such as `meta`, `links` and `pagination`.
//! Refuses: guessing. A token counts only if a parameter takes it, a page number or an offset only if the response
//! says how far the list goes; everything else stays unpaged, and the page driver says what is missing.

use super::{Paging, TokenLocation, TokenSource, TokenTarget, query};
use crate::schema::SchemaKind;

/// Addresses of the next page.
const ADDRESSES: &[&str] = &[
    "nextlink",
    "nextpagelink",
    "nextpageurl",
    "nextpageuri",
    "nexturl",
    "nexturi",
    "nexthref",
    "nextrecordsurl",
];
/// Keys of an object called `next` that hold its address.
const INSIDE_NEXT: &[&str] = &["href", "url", "uri"];
/// Tokens of the next page, best first.
const TOKENS: &[&str] = &[
    "nextpagetoken",
    "nexttoken",
    "nextcursor",
    "nextpagecursor",
    "nextmarker",
    "nextcontinuationtoken",
    "nextkey",
    "nextpage",
    "nextpagenumber",
    "nextstart",
    "nextoffset",
    "nextid",
    "continuationtoken",
    "paginationtoken",
    "continue",
    "lastevaluatedkey",
    "endcursor",
    "pagetoken",
    "marker",
    "cursor",
    "after",
];
/// Words that stand for the next page only where a parameter has the same name, or the object speaks of the list.
const WEAK_TOKENS: &[&str] = &["pagetoken", "marker", "cursor", "after", "continue"];
/// Parameters that take a token, whatever the response calls it.
const TAKERS: &[&str] = &[
    "pagetoken",
    "nexttoken",
    "cursor",
    "token",
    "marker",
    "continuationtoken",
    "continue",
    "nextcursor",
    "nextmarker",
    "nextpagetoken",
    "pagecursor",
    "paginationtoken",
    "after",
    "afterid",
    "startingafter",
    "startingtoken",
    "exclusivestartkey",
    "next",
    "until",
];
/// Parameters that take the id of the last row.
const AFTER_ID: &[&str] = &["after", "afterid", "startingafter"];
/// Parameters that number pages.
const PAGES: &[&str] = &["page", "pagenumber", "pageno", "pagenum"];
/// Parameters that count rows to skip.
const OFFSETS: &[&str] = &["offset", "pageoffset", "skip", "startindex", "startat"];
/// Numbers of all pages.
const PAGE_COUNTS: &[&str] =
    &["totalpages", "pagecount", "numpages", "pagestotal", "numberofpages", "totalpage"];
/// Numbers of all rows.
const TOTALS: &[&str] = &[
    "total",
    "totalcount",
    "totalresults",
    "totalitems",
    "totalrecords",
    "totalrows",
    "totalelements",
    "totalentries",
    "totalsize",
    "totalobjects",
    "totalhits",
    "totalmatches",
    "totalfound",
    "recordstotal",
    "numfound",
];
/// True while there are more rows.
const MORE: &[&str] = &["hasmore", "more", "istruncated", "hasnextpage", "hasnext", "moreresults"];

/// Something beside the rows of a response.
#[derive(Debug, Clone)]
pub(crate) struct Beside {
    /// Keys from the root.
    pub(crate) path: Vec<String>,
    /// Its type.
    pub(crate) kind: SchemaKind,
}

/// Something that a request may carry.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The name on the wire.
    pub(crate) wire: String,
    /// Its location.
    pub(crate) location: TokenLocation,
    /// The default, if it is a number.
    pub(crate) default: Option<i64>,
}

/// What the schemas of a method say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evidence {
    /// Beside the rows.
    pub(crate) beside: Vec<Beside>,
    /// In the request.
    pub(crate) asked: Vec<Asked>,
}

/// A name without separators and case; `@odata.nextLink` is `nextlink`.
pub(crate) fn plain(key: &str) -> String {
    let key = key.strip_prefix("@odata.").or_else(|| key.strip_prefix("odata.")).unwrap_or(key);
    key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// True for keys whose object speaks of the list.
pub(crate) fn is_holder(key: &str) -> bool {
    const HOLDERS: &[&str] = &[
        "links",
        "meta",
        "metadata",
        "paging",
        "pagination",
        "page",
        "pages",
        "pageinfo",
        "paginginfo",
        "paginationinfo",
        "cursor",
        "cursors",
        "info",
        "resultinfo",
        "resultset",
        "responsemetadata",
        "listmetadata",
        "listmeta",
        "result",
        "response",
        "data",
        "next",
    ];
    HOLDERS.contains(&plain(key).as_str())
}

/// What stands beside the rows of an XML response that no schema describes, by the parameters that take it;
/// `is_rest` for services without actions.
pub(crate) fn beside_xml(asked: &[Asked], is_rest: bool) -> Vec<Beside> {
    let found = asked.iter().find_map(|one| {
        Some(match plain(&one.wire).as_str() {
            "marker" if is_rest => "NextMarker",
            "marker" => "Marker",
            "nexttoken" => "NextToken",
            "continuationtoken" => "NextContinuationToken",
            "paginationtoken" => "PaginationToken",
            _ => return None,
        })
    });
    let beside = |name: &str, kind| Beside { path: vec![name.to_owned()], kind };
    let Some(token) = found else { return Vec::new() };
    vec![beside(token, SchemaKind::String), beside("IsTruncated", SchemaKind::Boolean)]
}

impl Evidence {
    /// True if the response has a property of that name at its root.
    pub(super) fn documents(&self, name: &str) -> bool {
        self.beside.iter().any(|it| it.path.len() == 1 && it.path[0] == name)
    }

    /// The paging that the schemas imply.
    pub(super) fn paging(&self) -> Paging {
        let found = self.address().or_else(|| self.next()).or_else(|| self.token());
        let found = found.or_else(|| self.last_row()).or_else(|| self.page_number());
        found.or_else(|| self.offset()).unwrap_or_default()
    }

    fn named<'a>(&'a self, word: &'a str) -> impl Iterator<Item = &'a Beside> {
        self.beside.iter().filter(move |it| it.path.last().is_some_and(|key| plain(key) == word))
    }

    fn source(&self, words: &[&str], is_kind: impl Fn(SchemaKind) -> bool) -> Option<TokenSource> {
        // in the order of the words, then of the document
        words.iter().find_map(|word| {
            let mut found = self.named(word).filter(|it| is_kind(it.kind));
            found.next().map(|it| TokenSource::Body(it.path.clone()))
        })
    }

    fn takes(&self, words: &[&str]) -> Option<(TokenTarget, &Asked)> {
        words.iter().find_map(|word| {
            let asked = self.asked.iter().find(|it| plain(&it.wire) == *word)?;
            Some((TokenTarget { location: asked.location, name: asked.wire.clone() }, asked))
        })
    }

    pub(super) fn more(&self) -> Option<TokenSource> {
        self.source(MORE, |kind| {
            matches!(kind, SchemaKind::Boolean | SchemaKind::String | SchemaKind::Any)
        })
    }

    fn address(&self) -> Option<Paging> {
        let source = self.source(ADDRESSES, is_text).or_else(|| {
            let inside = |it: &&Beside| {
                let outer = it.path.len().checked_sub(2).map(|at| plain(&it.path[at]));
                outer.as_deref() == Some("next")
            };
            INSIDE_NEXT.iter().find_map(|word| {
                let found = self.named(word).filter(|it| is_text(it.kind)).find(inside)?;
                Some(TokenSource::Body(found.path.clone()))
            })
        })?;
        Some(Paging::Link { source })
    }

    /// `next` alone is an address or a token; the value decides.
    fn next(&self) -> Option<Paging> {
        let source = self.source(&["next"], is_scalar)?;
        let request = self.takes(TAKERS).or_else(|| self.takes(PAGES)).map(|(target, _)| target);
        Some(Paging::Next { source, request })
    }

    fn token(&self) -> Option<Paging> {
        TOKENS.iter().find_map(|word| {
            let response =
                self.named(word).find(|it| is_scalar(it.kind) && self.speaks(word, it))?;
            let bare = word.strip_prefix("next").unwrap_or(word);
            let own = self.takes(&[*word, bare]);
            let pages = || if word.contains("page") { self.takes(PAGES) } else { None };
            let offsets = || {
                if word.ends_with("offset") || word.ends_with("start") {
                    self.takes(OFFSETS)
                } else {
                    None
                }
            };
            let taken = own.or_else(pages).or_else(offsets).or_else(|| self.takes(TAKERS));
            let request = match taken {
                Some((target, _)) => target,
                // the default of the format
                None if *word == "nextpagetoken" => query("pageToken"),
                None => return None,
            };
            let more = self.more();
            Some(Paging::Token {
                request,
                response: TokenSource::Body(response.path.clone()),
                size: None,
                more,
            })
        })
    }

    /// True if a word stands for the next page at this place.
    fn speaks(&self, word: &str, found: &Beside) -> bool {
        let is_held = found.path.len() > 1;
        !WEAK_TOKENS.contains(&word) || is_held || self.takes(&[word]).is_some()
    }

    /// The id of the last row is the token, and a flag says whether there is more.
    fn last_row(&self) -> Option<Paging> {
        let response = self.source(&["lastid"], is_scalar)?;
        let (request, _) = self.takes(AFTER_ID)?;
        let more = Some(self.more()?);
        Some(Paging::Token { request, response, size: None, more })
    }

    fn page_number(&self) -> Option<Paging> {
        let (request, asked) = self.takes(PAGES)?;
        let total = self.source(PAGE_COUNTS, is_number);
        let rows = self.source(TOTALS, is_number);
        let more = self.more();
        if total.is_none() && rows.is_none() && more.is_none() {
            return None;
        }
        let start = asked.default.filter(|start| matches!(start, 0 | 1)).unwrap_or(1);
        Some(Paging::PageNumber { request, current: None, total, rows, more, start })
    }

    fn offset(&self) -> Option<Paging> {
        let (request, asked) = self.takes(OFFSETS)?;
        let total = self.source(TOTALS, is_number);
        let more = self.more();
        if total.is_none() && more.is_none() {
            return None;
        }
        let first = i64::from(plain(&asked.wire) == "startindex");
        let start = asked.default.filter(|start| matches!(start, 0 | 1)).unwrap_or(first);
        Some(Paging::Offset { request, start, total, more, size: None })
    }
}

const fn is_text(kind: SchemaKind) -> bool {
    matches!(kind, SchemaKind::String | SchemaKind::Any)
}

const fn is_number(kind: SchemaKind) -> bool {
    matches!(kind, SchemaKind::Integer | SchemaKind::Number)
}

const fn is_scalar(kind: SchemaKind) -> bool {
    is_text(kind) || is_number(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(beside: &[&str], asked: &[&str]) -> Evidence {
        let kind = |name: &str| match plain(name).as_str() {
            word if word.starts_with("total") || word.contains("pages") => SchemaKind::Integer,
            "hasmore" | "more" | "istruncated" => SchemaKind::Boolean,
            _ => SchemaKind::String,
        };
        let beside = beside.iter().map(|path| {
            let path: Vec<String> = path.split('/').map(str::to_owned).collect();
            let kind = kind(path.last().map_or("", String::as_str));
            Beside { path, kind }
        });
        let asked = asked.iter().map(|name| {
            let (location, wire) = match name.strip_prefix("body ") {
                Some(wire) => (TokenLocation::Body, wire),
                None => (TokenLocation::Query, *name),
            };
            Asked { wire: wire.to_owned(), location, default: None }
        });
        Evidence { beside: beside.collect(), asked: asked.collect() }
    }

    /// `token NextMarker>Marker`, `link links/next/href`, `page page of total`, …
    fn shown(beside: &[&str], asked: &[&str]) -> String {
        let path = |source: &TokenSource| match source {
            TokenSource::Body(path) => path.join("/"),
            TokenSource::Header(name) => name.clone(),
        };
        let optional = |source: &Option<TokenSource>| source.as_ref().map_or("-".to_owned(), path);
        match evidence(beside, asked).paging() {
            Paging::None => "none".to_owned(),
            Paging::Token { request, response, more, .. } => {
                format!("token {}>{} {}", path(&response), request.name, optional(&more))
            }
            Paging::Link { source } => format!("link {}", path(&source)),
            Paging::Next { source, request } => {
                format!(
                    "next {}>{}",
                    path(&source),
                    request.map_or("-".to_owned(), |target| target.name)
                )
            }
            Paging::PageNumber { request, total, rows, more, start, .. } => {
                format!(
                    "page {} {} {} {} from {start}",
                    request.name,
                    optional(&total),
                    optional(&rows),
                    optional(&more)
                )
            }
            Paging::Offset { request, total, more, start, .. } => {
                format!(
                    "offset {} {} {} from {start}",
                    request.name,
                    optional(&total),
                    optional(&more)
                )
            }
        }
    }

    #[test]
    fn names_match_in_any_case_and_place() {
        assert_eq!(shown(&["NextToken"], &["nextToken"]), "token NextToken>nextToken -");
        assert_eq!(shown(&["next-token"], &["next-token"]), "token next-token>next-token -");
        assert_eq!(
            shown(&["NextMarker", "IsTruncated"], &["Marker"]),
            "token NextMarker>Marker IsTruncated"
        );
        assert_eq!(shown(&["data/nextCursor"], &["body cursor"]), "token data/nextCursor>cursor -");
        assert_eq!(
            shown(&["metadata/continue"], &["continue"]),
            "token metadata/continue>continue -"
        );
        assert_eq!(shown(&["next"], &["token"]), "next next>token");
        assert_eq!(shown(&["metadata/next"], &[]), "next metadata/next>-");
        assert_eq!(shown(&["nextPageToken"], &[]), "token nextPageToken>pageToken -");
    }

    #[test]
    fn addresses_come_first() {
        assert_eq!(
            shown(&["nextToken", "@odata.nextLink"], &["nextToken"]),
            "link @odata.nextLink"
        );
        assert_eq!(shown(&["links/next/href"], &["page"]), "link links/next/href");
    }

    #[test]
    fn numbers_need_to_know_where_the_list_ends() {
        assert_eq!(
            shown(&["result_info/total_pages"], &["page"]),
            "page page result_info/total_pages - - from 1"
        );
        assert_eq!(
            shown(&["meta/total"], &["page[number]"]),
            "page page[number] - meta/total - from 1"
        );
        assert_eq!(shown(&["more"], &["offset", "limit"]), "offset offset - more from 0");
        assert_eq!(
            shown(&["totalResults"], &["startIndex"]),
            "offset startIndex totalResults - from 1"
        );
        assert_eq!(shown(&["things"], &["page", "offset"]), "none");
    }

    #[test]
    fn the_last_row_is_a_token_with_a_flag() {
        assert_eq!(
            shown(&["last_id", "has_more"], &["after_id"]),
            "token last_id>after_id has_more"
        );
        assert_eq!(shown(&["last_id"], &["after_id"]), "none");
    }

    #[test]
    fn lists_in_xml_go_on_by_what_their_request_takes() {
        let shown = |name: &str, is_rest| {
            let asked = evidence(&[], &[name]).asked;
            let beside = beside_xml(&asked, is_rest);
            match (Evidence { beside, asked }).paging() {
                Paging::Token { request, response: TokenSource::Body(path), more, .. } => {
                    format!("{}>{} {}", path.join("/"), request.name, more.is_some())
                }
                other => format!("{other:?}"),
            }
        };
        assert_eq!(shown("Marker", false), "Marker>Marker true");
        assert_eq!(shown("marker", true), "NextMarker>marker true");
        assert_eq!(
            shown("continuation-token", true),
            "NextContinuationToken>continuation-token true"
        );
        assert_eq!(shown("NextToken", false), "NextToken>NextToken true");
        assert_eq!(shown("MaxItems", false), "None");
    }

    #[test]
    fn a_word_without_its_parameter_is_no_token() {
        assert_eq!(shown(&["NextMarker"], &["NextMarker2"]), "none");
        assert_eq!(shown(&["cursor"], &["token"]), "none");
        assert_eq!(
            shown(&["result_info/cursor"], &["cursor"]),
            "token result_info/cursor>cursor -"
        );
    }
}
