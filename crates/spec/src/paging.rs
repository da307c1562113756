//! Paging: how a list method continues.
//!
//! Owns: the effective paging of a method, from `x-strataql.paging`, `pagination` blocks (each
//! sub-key inherited separately) or, with neither, what the schemas imply (`implied`).
//! Refuses: sending requests; the page drivers are in `call`.

pub(crate) mod implied;

use serde::{Deserialize, Serialize};

use crate::node::Node;
use implied::Evidence;

/// The location of a value in the next request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenTarget {
    /// Query, body or header.
    #[serde(rename = "in")]
    pub location: TokenLocation,
    /// Parameter, top-level body attribute or header name.
    pub name: String,
}

/// The part of a request that carries a page value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenLocation {
    /// Query string.
    Query,
    /// Request body.
    Body,
    /// Request header.
    Header,
}

/// The location of a value in a response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenSource {
    /// A path of keys in the body, before the rows are extracted.
    Body(Vec<String>),
    /// A header.
    Header(String),
}

/// The paging of one method.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "style", rename_all = "snake_case")]
pub enum Paging {
    /// There is a single page.
    #[default]
    None,
    /// The response has a token that the next request repeats; an absent or empty one ends the
    /// list.
    Token {
        /// Location of the token in the request.
        request: TokenTarget,
        /// Location of the token in the response.
        response: TokenSource,
        /// Page size, if a request can set it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size: Option<PageSize>,
        /// A flag that ends the list where it is false, whatever the token.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        more: Option<TokenSource>,
    },
    /// The response has the URL of the next page (RFC 8288 `Link` header, or a body field).
    Link {
        /// Location of the URL.
        source: TokenSource,
    },
    /// The response has either the URL of the next page or a token; the value shows which.
    Next {
        /// Its location.
        source: TokenSource,
        /// Location of a token in the request, if a parameter takes one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<TokenTarget>,
    },
    /// Pages are numbered.
    PageNumber {
        /// Location of the number in the request.
        request: TokenTarget,
        /// The number of this page in the response; counted locally when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        current: Option<TokenSource>,
        /// The number of pages in the response; without any count or flag an empty page ends the list.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total: Option<TokenSource>,
        /// The total number of rows in the response.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rows: Option<TokenSource>,
        /// A flag that is true while there are more pages.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        more: Option<TokenSource>,
        /// The number of the first page.
        start: i64,
    },
    /// Requests have an offset.
    Offset {
        /// Location of the offset in the request.
        request: TokenTarget,
        /// The offset of the first row (0, or 1 in SCIM).
        start: i64,
        /// The total number of rows in the response; without count and flag an empty page ends the list.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total: Option<TokenSource>,
        /// A flag that is true while there are more rows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        more: Option<TokenSource>,
        /// Page size, if a request can set it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size: Option<PageSize>,
    },
}

/// The parameter for the page size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageSize {
    /// Its location.
    pub target: TokenTarget,
    /// The largest value that the service accepts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
}

impl Paging {
    /// The request parameter for the page, if there is one.
    pub fn target(&self) -> Option<&TokenTarget> {
        match self {
            Self::None | Self::Link { .. } => None,
            Self::Next { request, .. } => request.as_ref(),
            Self::Token { request, .. }
            | Self::PageNumber { request, .. }
            | Self::Offset { request, .. } => Some(request),
        }
    }

    /// The name shown by EXPLAIN.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Token { .. } => "token",
            Self::Link { .. } => "link",
            Self::Next { .. } => "next",
            Self::PageNumber { .. } => "page",
            Self::Offset { .. } => "offset",
        }
    }

    /// The effective paging of a method. `levels` are `config` blocks, most specific first;
    /// `evidence` is what the schemas of request and response have.
    pub(crate) fn resolve(levels: &[&Node], provider: &str, evidence: &Evidence) -> Self {
        // a block that only says what to ignore leaves the style to the levels above
        let own = levels.iter().find_map(|level| {
            let paging = level.get("x-strataql")?.get("paging")?;
            (paging.text().is_some() || paging.get("style").is_some()).then_some(paging)
        });
        if let Some(paging) = own.and_then(Self::read_own) {
            return paging;
        }
        let part = |key: &str| levels.iter().find_map(|level| level.get("pagination")?.get(key));
        let (request, response) = (part("requestToken"), part("responseToken"));
        let terminator = part("responseTerminator").and_then(source);
        let algorithm = part("algorithm").and_then(Node::text).unwrap_or_default();
        if request.is_none() && response.is_none() {
            // the defaults of the format
            return match provider {
                "github" | "okta" => Self::Link { source: TokenSource::Header("Link".to_owned()) },
                _ => evidence.paging(),
            };
        }
        let response = response
            .and_then(source)
            .unwrap_or_else(|| TokenSource::Body(vec!["nextPageToken".to_owned()]));
        match request {
            Some(node) if node.text_at("location") == Some("request") => {
                Self::Link { source: response }
            }
            None if response == TokenSource::Header("Link".to_owned()) => {
                Self::Link { source: response }
            }
            request => {
                let request = request.and_then(target).unwrap_or_else(|| query("pageToken"));
                if algorithm == "page_number" {
                    Self::PageNumber {
                        request,
                        current: Some(response),
                        total: terminator,
                        rows: None,
                        more: None,
                        start: 1,
                    }
                } else {
                    // the last row has an id on every page
                    let ends = |path: &Vec<String>| {
                        path.last().is_some_and(|key| implied::plain(key) == "lastid")
                    };
                    let is_row = matches!(&response, TokenSource::Body(path) if ends(path));
                    let more = is_row.then(|| evidence.more()).flatten();
                    Self::Token { request, response, size: None, more }
                }
            }
        }
    }

    /// The paging of a method whose answer is one object (at the root if `at_root`): none that it
    /// inherits, unless the answer documents where the next page is said.
    pub(crate) fn of_single(self, at_root: bool, own: Option<&Node>, evidence: &Evidence) -> Self {
        let declares = |config: &Node| {
            let paging = config.get("x-strataql").and_then(|block| block.get("paging"));
            paging.is_some_and(|paging| paging.get("style").is_some())
                || config.get("pagination").is_some()
        };
        let is_documented = |source: Option<&TokenSource>| match source {
            Some(TokenSource::Body(path)) => {
                path.first().is_some_and(|key| evidence.documents(key))
            }
            _ => false,
        };
        let says_next = match &self {
            Self::None => false,
            Self::Token { response, .. } => is_documented(Some(response)),
            Self::Link { source } | Self::Next { source, .. } => is_documented(Some(source)),
            Self::PageNumber { total, .. } | Self::Offset { total, .. } => {
                is_documented(total.as_ref())
            }
        };
        // an object at the root is the whole answer: nothing beside it could lead on
        if !at_root && (says_next || own.is_some_and(declares)) { self } else { Self::None }
    }

    /// Parses an `x-strataql.paging` block.
    fn read_own(node: &Node) -> Option<Self> {
        if node.text() == Some("none") {
            return Some(Self::None);
        }
        let request = || node.get("request").and_then(target);
        let response = || node.get("response").and_then(source);
        let total = || node.get("total").and_then(source);
        let more = || node.get("more").and_then(source);
        let start = || node.get("start").and_then(Node::integer);
        let size = || {
            let size = node.get("size")?;
            let max = size.get("max").and_then(Node::integer).and_then(|max| max.try_into().ok());
            Some(PageSize { target: target(size)?, max })
        };
        match node.text_at("style")? {
            "none" => Some(Self::None),
            "token" => Some(Self::Token {
                request: request()?,
                response: response()?,
                size: size(),
                more: more(),
            }),
            "next" => Some(Self::Next { source: response()?, request: request() }),
            "link" => {
                let source = response().unwrap_or_else(|| TokenSource::Header("Link".to_owned()));
                Some(Self::Link { source })
            }
            "page" => Some(Self::PageNumber {
                request: request()?,
                current: response(),
                total: total(),
                rows: node.get("rows").and_then(source),
                more: more(),
                start: start().unwrap_or(1),
            }),
            "offset" => Some(Self::Offset {
                request: request()?,
                start: start().unwrap_or(0),
                total: total(),
                more: more(),
                size: size(),
            }),
            _ => None,
        }
    }
}

fn query(name: &str) -> TokenTarget {
    TokenTarget { location: TokenLocation::Query, name: name.to_owned() }
}

/// `{key, location}` of a request; plain text is a query parameter.
fn target(node: &Node) -> Option<TokenTarget> {
    if let Some(name) = node.text() {
        return Some(query(name));
    }
    let location = match node.text_at("location").unwrap_or("query") {
        "body" => TokenLocation::Body,
        "header" => TokenLocation::Header,
        _ => TokenLocation::Query,
    };
    Some(TokenTarget { location, name: node.string_at("key")? })
}

/// `{key, location}` of a response; plain text is a body path.
fn source(node: &Node) -> Option<TokenSource> {
    let key = node.text().or_else(|| node.text_at("key"))?;
    match node.text_at("location") {
        Some("header") => Some(TokenSource::Header(key.to_owned())),
        _ => Some(TokenSource::Body(body_path(key))),
    }
}

/// `$.a.b`, `$['@odata.nextLink']` or a plain top-level name as a path of keys.
pub fn body_path(key: &str) -> Vec<String> {
    let Some(rest) = key.strip_prefix('$') else { return vec![key.to_owned()] };
    let mut path = Vec::new();
    let mut rest = rest;
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix("['").or_else(|| rest.strip_prefix("[\"")) {
            let end = quoted.find("']").or_else(|| quoted.find("\"]")).unwrap_or(quoted.len());
            path.push(quoted[..end].to_owned());
            rest = quoted.get(end + 2..).unwrap_or("");
        } else if let Some(index) = rest.strip_prefix('[') {
            let end = index.find(']').unwrap_or(index.len());
            path.push(index[..end].to_owned());
            rest = index.get(end + 1..).unwrap_or("");
        } else {
            let name = rest.strip_prefix('.').unwrap_or(rest);
            let end = name.find(['.', '[']).unwrap_or(name.len());
            if end > 0 {
                path.push(name[..end].to_owned());
            }
            rest = &name[end..];
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::SchemaKind;
    use crate::yaml;

    fn resolve(config: &[&str]) -> Paging {
        let nodes: Vec<Node> =
            config.iter().map(|text| yaml::parse(text).expect("valid").0).collect();
        let levels: Vec<&Node> = nodes.iter().collect();
        Paging::resolve(&levels, "p", &Evidence::default())
    }

    #[test]
    fn sub_keys_are_inherited_one_by_one() {
        let paging = resolve(&[
            "pagination: {requestToken: {key: page_token, location: body}}",
            "pagination: {requestToken: {key: x}, responseToken: {key: $.meta.next}}",
        ]);
        let Paging::Token { request, response, .. } = paging else { panic!("{paging:?}") };
        assert_eq!((request.location, request.name.as_str()), (TokenLocation::Body, "page_token"));
        assert_eq!(response, TokenSource::Body(vec!["meta".into(), "next".into()]));
    }

    #[test]
    fn links_page_numbers_and_own_blocks() {
        assert_eq!(
            resolve(&[
                "pagination: {requestToken: {location: request}, responseToken: {key: Link, location: header}}"
            ]),
            Paging::Link { source: TokenSource::Header("Link".into()) }
        );
        let paging = resolve(&[
            "pagination: {algorithm: page_number, requestToken: {key: page}, responseToken: {key: $.page}, responseTerminator: {key: $.pages}}",
        ]);
        assert!(
            matches!(paging, Paging::PageNumber { total: Some(_), start: 1, .. }),
            "{paging:?}"
        );
        let paging = resolve(&[
            "x-strataql: {paging: {style: offset, request: startIndex, start: 1, total: totalResults, size: {key: count, max: 100}}}",
            "pagination: {requestToken: {key: x}}",
        ]);
        assert!(
            matches!(&paging, Paging::Offset { start: 1, size: Some(size), .. } if size.max == Some(100)),
            "{paging:?}"
        );
        assert_eq!(resolve(&["{}"]), Paging::None);
        assert_eq!(resolve(&["x-strataql: {paging: none}"]), Paging::None);
    }

    #[test]
    fn what_is_ignored_does_not_hide_the_style() {
        let paging = resolve(&[
            "x-strataql: {paging: {ignore: [total]}}",
            "x-strataql: {paging: {style: link}}",
        ]);
        assert_eq!(paging, Paging::Link { source: TokenSource::Header("Link".into()) });
    }

    #[test]
    fn single_objects_do_not_page_because_lists_do() {
        let number = || Paging::PageNumber {
            request: query("page"),
            current: None,
            total: Some(TokenSource::Body(vec!["pages".into()])),
            rows: None,
            more: None,
            start: 1,
        };
        let own = yaml::parse("pagination: {requestToken: {key: page}}").expect("valid").0;
        let single = |paging: Paging, at_root, own, documented: bool| {
            let path = vec!["pages".to_owned()];
            let pages = implied::Beside { path, kind: SchemaKind::Integer };
            let beside = documented.then_some(pages).into_iter().collect();
            let evidence = Evidence { beside, ..Evidence::default() };
            paging.of_single(at_root, own, &evidence) != Paging::None
        };
        assert!(!single(number(), true, None, true));
        assert!(!single(number(), true, Some(&own), true));
        assert!(!single(number(), false, None, false));
        assert!(single(number(), false, None, true));
        assert!(single(number(), false, Some(&own), false));
        let header = Paging::Link { source: TokenSource::Header("Link".into()) };
        assert!(!single(header, false, None, true));
    }

    #[test]
    fn body_paths_know_dots_and_brackets() {
        assert_eq!(body_path("$.a.b"), ["a", "b"]);
        assert_eq!(body_path("$['@odata.nextLink']"), ["@odata.nextLink"]);
        assert_eq!(body_path("next"), ["next"]);
        assert_eq!(body_path("$"), Vec::<String>::new());
        assert_eq!(body_path("$.a[0].b"), ["a", "0", "b"]);
    }
}
