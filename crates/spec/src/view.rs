//! Views that a document defines on a resource.
//!
//! Owns: the chain of `config.views.select` with its predicates (`sqlDialect`, `requiredParams`).
//! Refuses: SQL; the text is planned by the engine.

mod needs;

use serde::{Deserialize, Serialize};

use crate::node::Node;

/// The SQL dialect a view is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// `sqlite3`.
    Sqlite,
    /// `postgres` (and `snowflake`, which shares it).
    Postgres,
}

/// One view definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The dialect; `None` matches any.
    pub dialect: Option<Dialect>,
    /// Parameters that must be given for this definition to apply.
    pub required: Vec<String>,
    /// The SELECT.
    pub ddl: String,
}

/// Maximum length of a `fallback` chain.
const MAX_CHAIN: usize = 64;

impl View {
    /// Parses the chain of definitions of a resource, in order.
    pub(crate) fn read_chain(config: Option<&Node>) -> Vec<Self> {
        let mut views = Vec::new();
        let mut next = config.and_then(|config| config.get("views")?.get("select"));
        while let Some(node) = next {
            if let Some(ddl) = node.text_at("ddl") {
                let predicate = node.text_at("predicate").unwrap_or_default();
                views.push(Self {
                    dialect: dialect(predicate),
                    required: required(predicate),
                    ddl: ddl.trim().trim_end_matches(';').to_owned(),
                });
            }
            if views.len() >= MAX_CHAIN {
                break;
            }
            next = node.get("fallback");
        }
        views
    }
}

fn dialect(predicate: &str) -> Option<Dialect> {
    let after = predicate.split_once("sqlDialect")?.1.split_once('"')?.1;
    match after.split_once('"')?.0 {
        "sqlite3" => Some(Dialect::Sqlite),
        "postgres" | "snowflake" => Some(Dialect::Postgres),
        _ => None,
    }
}

fn required(predicate: &str) -> Vec<String> {
    let list = predicate
        .split_once("requiredParams")
        .and_then(|(_, rest)| rest.split_once('['))
        .and_then(|(_, rest)| rest.split_once(']'));
    let Some((list, _)) = list else { return Vec::new() };
    list.split(',')
        .map(|name| name.trim().trim_matches(['"', '\'']).to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    #[test]
    fn predicates_and_fallbacks_are_read_in_order() {
        let config = yaml::parse(
            "views:\n  select:\n    predicate: sqlDialect == \"sqlite3\" && requiredParams == [ a, \"b\" ]\n    ddl: SELECT 1;\n    fallback:\n      predicate: sqlDialect == \"postgres\"\n      ddl: SELECT 2\n      fallback: {ddl: SELECT 3}\n",
        )
        .expect("valid")
        .0;
        let views = View::read_chain(Some(&config));
        assert_eq!(views.len(), 3);
        assert_eq!(views[0].dialect, Some(Dialect::Sqlite));
        assert_eq!(views[0].required, ["a", "b"]);
        assert_eq!(
            (views[0].ddl.as_str(), views[1].dialect),
            ("SELECT 1", Some(Dialect::Postgres))
        );
        assert_eq!((views[2].dialect, views[2].required.len()), (None, 0));
    }
}
