//! GraphQL operations (`x-stackQL-graphQL`).
//!
//! Owns: the block as data.
//! Refuses: rendering the query and sending it.
//! Surprise: the method's parameters feed the query template, so that a declared path parameter
//! counts even when the path does not have it.

use serde::{Deserialize, Serialize};

use crate::node::Node;
use crate::paging::{Paging, TokenLocation, TokenSource, TokenTarget, body_path};
use crate::pushdown::{ClausePushdown, Pushdown};

/// The GraphQL side of a method.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphQl {
    /// Go template of the query; parameters by SQL name, and `.cursor`, `.limit`.
    pub query: String,
    /// JSON path of the rows, as written.
    pub rows: String,
    /// Paging of the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<GraphQlCursor>,
}

/// Paging of a GraphQL query.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GraphQlCursor {
    /// `cursor_after` (the default), `page_info`, `keyset` or `offset`.
    pub strategy: String,
    /// JSON path of the cursor in the response.
    pub path: String,
    /// Go template for `.cursor`; `.value` is the cursor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// JSON path of a flag that is false on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more: Option<String>,
    /// Number of rows of a full page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<i64>,
}

impl GraphQlCursor {
    /// True if pages are asked for by the number of rows before them.
    pub fn is_offset(&self) -> bool {
        self.strategy == "offset"
    }
}

impl GraphQl {
    /// How the query goes on. A cursor that would be one in each row is none.
    pub(crate) fn paging(&self) -> Paging {
        let Some(cursor) = &self.cursor else { return Paging::None };
        let request = TokenTarget { location: TokenLocation::Body, name: "cursor".to_owned() };
        if cursor.is_offset() {
            return Paging::Offset { request, start: 0, total: None, more: None, size: None };
        }
        let path = |text: &str| Some(text).filter(|text| !text.contains('[')).map(body_path);
        let Some(found) = path(&cursor.path).filter(|path| !path.is_empty()) else {
            return Paging::None;
        };
        let more = cursor.more.as_deref().and_then(path).map(TokenSource::Body);
        Paging::Token { request, response: TokenSource::Body(found), size: None, more }
    }

    /// The row limit, if the query takes one.
    pub(crate) fn pushdown(&self) -> Option<Pushdown> {
        let takes_limit = self.query.split("{{").skip(1).any(|action| {
            let action = action.split("}}").next().unwrap_or_default();
            action.split_whitespace().any(|word| word.trim_matches('-') == ".limit")
        });
        takes_limit.then(|| Pushdown {
            top: Some(ClausePushdown {
                dialect: "custom".to_owned(),
                param: "limit".to_owned(),
                ..ClausePushdown::default()
            }),
            ..Pushdown::default()
        })
    }

    /// Parses the block of an operation; `None` without a query.
    pub(crate) fn read(operation: &Node) -> Option<Self> {
        let block = operation.get("x-stackQL-graphQL")?;
        let cursor = block.get("cursor").map(|cursor| GraphQlCursor {
            strategy: cursor.string_at("strategy").unwrap_or_else(|| "cursor_after".to_owned()),
            path: cursor.string_at("jsonPath").unwrap_or_default(),
            format: cursor.string_at("format"),
            more: cursor.string_at("terminateOnJsonPath"),
            page_size: cursor.get("pageSize").and_then(Node::integer),
        });
        let rows = block.get("responseSelection").and_then(|part| part.string_at("jsonPath"));
        Some(Self { query: block.string_at("query")?, rows: rows.unwrap_or_default(), cursor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    #[test]
    fn the_block_is_read_with_its_defaults() {
        let operation = yaml::parse(
            "x-stackQL-graphQL:\n  query: 'query { a }'\n  responseSelection: {jsonPath: '$.data.a[*]'}\n  \
             cursor: {jsonPath: $.data.end, terminateOnJsonPath: $.data.more}\n",
        )
        .expect("valid")
        .0;
        let graphql = GraphQl::read(&operation).expect("has a query");
        let cursor = graphql.cursor.expect("has a cursor");
        assert_eq!(
            (graphql.rows.as_str(), cursor.strategy.as_str()),
            ("$.data.a[*]", "cursor_after")
        );
        assert_eq!(cursor.more.as_deref(), Some("$.data.more"));
        let graphql = GraphQl { cursor: Some(cursor), ..graphql };
        let Paging::Token { response, more, .. } = graphql.paging() else { panic!("{graphql:?}") };
        let path =
            |keys: &[&str]| TokenSource::Body(keys.iter().map(|it| (*it).to_owned()).collect());
        assert_eq!((response, more), (path(&["data", "end"]), Some(path(&["data", "more"]))));
        assert_eq!(graphql.pushdown(), None);
        let limited = GraphQl { query: "{ a(first: {{- .limit -}}) }".to_owned(), ..graphql };
        assert_eq!(
            limited.pushdown().and_then(|it| it.top).map(|it| it.param).as_deref(),
            Some("limit")
        );
        assert_eq!(GraphQl::read(&yaml::parse("x-stackQL-graphQL: {}").expect("valid").0), None);
    }
}
