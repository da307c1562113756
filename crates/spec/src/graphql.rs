//! GraphQL operations (`x-stackQL-graphQL`).
//!
//! Owns: the block as data.
//! Refuses: rendering the query and sending it.
//! Surprise: the method's parameters feed the query template, so that a declared path parameter
//! counts even when the path does not have it.

use serde::{Deserialize, Serialize};

use crate::node::Node;

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

impl GraphQl {
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
        assert_eq!(GraphQl::read(&yaml::parse("x-stackQL-graphQL: {}").expect("valid").0), None);
    }
}
