//! Query-parameter pushdown: the clauses of a SELECT that a method supports (`queryParamPushdown`).
//!
//! Owns: the block as data, with the defaults of its dialects.
//! Refuses: deciding what is pushed; the planner does, and only if the result stays the same.

use serde::{Deserialize, Serialize};

use crate::node::Node;

/// The effective `queryParamPushdown` of a method.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Pushdown {
    /// Column projection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub select: Option<ClausePushdown>,
    /// Row filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<ClausePushdown>,
    /// Sort.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_by: Option<ClausePushdown>,
    /// Row limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top: Option<ClausePushdown>,
    /// Row offset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip: Option<ClausePushdown>,
    /// Row count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<ClausePushdown>,
}

/// One clause of the block.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClausePushdown {
    /// `odata` or `custom`.
    pub dialect: String,
    /// The query parameter.
    pub param: String,
    /// Filter and sort syntax; only `odata` is supported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syntax: Option<String>,
    /// Separator between columns, for `select`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// Operators (`eq`, `and`, `startswith`, …); empty means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<String>,
    /// Columns; empty or `*` means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Largest value, for `top` and `skip`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<i64>,
    /// The value to send, for `count`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Location of the count in the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_key: Option<String>,
}

impl Pushdown {
    /// Parses the block of the first level that has one.
    pub(crate) fn resolve(levels: &[&Node]) -> Option<Self> {
        let block = levels.iter().find_map(|level| level.get("queryParamPushdown"))?;
        Some(Self {
            select: clause(block, "select", "$select"),
            filter: clause(block, "filter", "$filter"),
            order_by: clause(block, "orderBy", "$orderby"),
            top: clause(block, "top", "$top"),
            skip: clause(block, "skip", "$skip"),
            count: clause(block, "count", "$count"),
        })
    }
}

fn clause(block: &Node, key: &str, odata: &str) -> Option<ClausePushdown> {
    let node = block.get(key)?;
    let dialect = node.text_at("dialect").unwrap_or("custom").to_owned();
    let is_odata = dialect == "odata";
    let param = node.string_at("paramName").or_else(|| is_odata.then(|| odata.to_owned()))?;
    let or_odata = |value: Option<String>, default: &str| {
        value.or_else(|| is_odata.then(|| default.to_owned()))
    };
    let is_count = key == "count";
    Some(ClausePushdown {
        syntax: or_odata(node.string_at("syntax"), "odata"),
        delimiter: node
            .string_at("delimiter")
            .or_else(|| (key == "select").then(|| ",".to_owned())),
        operators: node.texts_at("supportedOperators"),
        columns: node.texts_at("supportedColumns"),
        max: node.get("maxValue").and_then(Node::integer),
        value: if is_count { or_odata(node.string_at("paramValue"), "true") } else { None },
        response_key: if is_count {
            or_odata(node.string_at("responseKey"), "@odata.count")
        } else {
            None
        },
        dialect,
        param,
    })
}
