//! Servers: the URLs of a method.
//!
//! Owns: server templates and their variables. A default is trusted only when it is one
//! of the variable's own `enum` values (docs/decisions/0008-server-variables.md).

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::node::Node;
use crate::path::{Piece, pieces};

/// A server URL template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// The template as written, without a trailing `/`.
    pub url: String,
    /// Its pieces.
    pub pieces: Vec<Piece>,
    /// Its variables.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub variables: IndexMap<String, ServerVariable>,
}

/// A variable of a server URL.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerVariable {
    /// The default, trusted or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Allowed values; empty when the document lists none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// `x-stackQL-envVar`: the environment variable that may supply the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env_var: Option<String>,
    /// Description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl ServerVariable {
    /// The default, if it is trusted.
    pub fn trusted_default(&self) -> Option<&str> {
        self.default.as_deref().filter(|default| self.values.iter().any(|value| value == default))
    }
}

impl Server {
    /// Parses one entry of a `servers` list.
    pub(crate) fn read(node: &Node) -> Option<Self> {
        let url = node.text_at("url")?.trim_end_matches('/').to_owned();
        let pieces = pieces(&url);
        let mut variables: IndexMap<String, ServerVariable> = node
            .get("variables")
            .into_iter()
            .flat_map(Node::entries)
            .map(|(name, variable)| {
                let variable = ServerVariable {
                    default: variable.string_at("default").filter(|text| !text.is_empty()),
                    values: variable.texts_at("enum"),
                    env_var: variable.string_at("x-stackQL-envVar"),
                    description: variable.string_at("description"),
                };
                (name.to_owned(), variable)
            })
            .collect();
        for piece in &pieces {
            if let Piece::Param(name) = piece {
                // an undeclared placeholder is a variable without a default
                variables.entry(name.clone()).or_default();
            }
        }
        Some(Self { url, pieces, variables })
    }

    /// Parses a `servers` list; entries without a URL are skipped.
    pub(crate) fn read_all(node: Option<&Node>) -> Vec<Self> {
        node.map(|list| list.items().iter().filter_map(Self::read).collect()).unwrap_or_default()
    }
}
