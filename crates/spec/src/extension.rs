//! The `x-strataql` block: facts that `x-stackQL-*` keys cannot express.
//!
//! Why: docs/decisions/0009-extension-block.md.
//! Owns: its keys, their inheritance (per sub-key, most specific level first) and their lint.
//! The JSON Schema is `schemas/x-strataql.schema.json` in the repository.
//! Paging is read by [`crate::paging`].

mod check;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::node::Node;
use crate::paging::{TokenLocation, TokenTarget};

pub(crate) use check::problems;

/// The effective block of a method.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Extension {
    /// `missing: empty`: a 404 of a list means that there are no rows.
    pub missing_is_empty: bool,
    /// `paging.ignore`: keys of answers whose word on the end of a list does not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paging_ignore: Vec<String>,
    /// Whether the method only reads, if the document says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safe: Option<bool>,
    /// Path parameters whose values may be several segments of the path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<String>,
    /// Optional parameters, by SQL name, whose filter need not be repeated on the rows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exact: Vec<String>,
    /// Wire name of a parameter → its name in SQL.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub param_alias: IndexMap<String, String>,
    /// A column that wraps the whole body in older documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_wrapper: Option<String>,
    /// Where the list of changed fields of an UPDATE is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_mask: Option<TokenTarget>,
    /// Where a key is sent that makes repeating a write harmless.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<TokenTarget>,
    /// How to wait for a long-running operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// OAuth scopes or permissions that the method needs (informational).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Additional origins that server-supplied URLs of this method may name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
    /// Fields (dotted paths) of requests and responses that hold secrets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secret: Vec<String>,
}

/// How to wait for a long-running operation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Wait {
    /// The method to poll, of the same resource or as `resource.method`; absent for operations with
    /// a URL of their own, and for `Location`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poll: Option<String>,
    /// Path to the status in the polled response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Statuses that mean success.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub success: Vec<String>,
    /// Statuses that mean failure.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failure: Vec<String>,
    /// Path to a message that explains the status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Extension {
    /// The effective block. `levels` are `config` blocks, most specific first.
    pub(crate) fn resolve(levels: &[&Node]) -> Self {
        let part = |key: &str| levels.iter().find_map(|level| level.get("x-strataql")?.get(key));
        let texts = |key: &str| {
            levels
                .iter()
                .find_map(|level| {
                    let block = level.get("x-strataql")?;
                    block.get(key).map(|_| block.texts_at(key))
                })
                .unwrap_or_default()
        };
        Self {
            missing_is_empty: part("missing").and_then(Node::text) == Some("empty"),
            paging_ignore: levels
                .iter()
                .filter_map(|level| level.get("x-strataql")?.get("paging"))
                .find(|paging| paging.get("ignore").is_some())
                .map(|paging| paging.texts_at("ignore"))
                .unwrap_or_default(),
            safe: part("safe").and_then(Node::flag),
            path: texts("path"),
            exact: texts("exact"),
            param_alias: part("paramAlias")
                .into_iter()
                .flat_map(Node::entries)
                .filter_map(|(wire, sql)| Some((wire.to_owned(), sql.text()?.to_owned())))
                .collect(),
            body_wrapper: part("bodyWrapper").and_then(Node::text).map(str::to_owned),
            update_mask: part("updateMask").and_then(target),
            idempotency_key: part("idempotencyKey").and_then(target),
            wait: part("wait").map(|wait| Wait {
                poll: wait.string_at("poll"),
                status: wait.string_at("status"),
                success: wait.texts_at("success"),
                failure: wait.texts_at("failure"),
                message: wait.string_at("message"),
            }),
            scopes: texts("scopes"),
            origins: texts("origins"),
            secret: texts("secret"),
        }
    }
}

fn target(node: &Node) -> Option<TokenTarget> {
    if let Some(name) = node.text() {
        return Some(TokenTarget { location: TokenLocation::Body, name: name.to_owned() });
    }
    let location = match node.text_at("location")? {
        "header" => TokenLocation::Header,
        "query" => TokenLocation::Query,
        _ => TokenLocation::Body,
    };
    Some(TokenTarget { location, name: node.string_at("key")? })
}
