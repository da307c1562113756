//! The table of tools: names, what they take, what they do.
//!
//! Owns: what `tools/list` says. The names are API.

use std::sync::Arc;

use rmcp::model::{Tool, ToolAnnotations};
use serde_json::{Map, Value, json};

/// An argument of a tool: name, type, whether it is needed, meaning.
type Argument = (&'static str, &'static str, bool, &'static str);

/// What a tool does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Reads; `true` if it sends requests.
    Reads(bool),
    /// Changes what is here and can be repeated.
    Local,
    /// Changes objects.
    Destroys,
}

struct Row {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    arguments: &'static [Argument],
    kind: Kind,
}

const SQL: Argument = ("sql", "string", true, "one SQL statement");
const PROVIDER: Argument =
    ("provider", "string", true, "the provider's name, as `list_providers` gives it");
const SERVICE: Argument = ("service", "string", true, "the service's name");
const RESOURCE: Argument = ("resource", "string", true, "the resource's name");
const LIMIT: Argument =
    ("row_limit", "integer", false, "most rows of this answer; the rest can be continued");
const TOKENS: Argument =
    ("max_tokens", "integer", false, "most tokens of this answer, up to the server's limit");
const SOURCE: Argument = (
    "source",
    "string",
    false,
    "where the statement comes from, for the log: for example the id of a template",
);

const ROWS: &[Row] = &[
    Row {
        name: "server_info",
        title: "About this server",
        description: "Version, mode and transport of this server. In mode `read_only` only queries run; in `safe` and `delete_safe` a person approves changes.",
        arguments: &[],
        kind: Kind::Reads(false),
    },
    Row {
        name: "list_providers",
        title: "List providers",
        description: "Providers whose services can be queried, with version and source.",
        arguments: &[LIMIT],
        kind: Kind::Reads(false),
    },
    Row {
        name: "list_services",
        title: "List services",
        description: "Services of a provider.",
        arguments: &[PROVIDER, LIMIT],
        kind: Kind::Reads(false),
    },
    Row {
        name: "list_resources",
        title: "List resources",
        description: "Resources of a service. A resource is queried as `provider.service.resource`.",
        arguments: &[PROVIDER, SERVICE, LIMIT],
        kind: Kind::Reads(false),
    },
    Row {
        name: "list_methods",
        title: "List methods",
        description: "Methods of a resource: the SQL verb of each and the parameters that it needs in WHERE.",
        arguments: &[PROVIDER, SERVICE, RESOURCE, LIMIT],
        kind: Kind::Reads(false),
    },
    Row {
        name: "describe_resource",
        title: "Describe a resource",
        description: "Columns and parameters of a resource with their types.",
        arguments: &[PROVIDER, SERVICE, RESOURCE],
        kind: Kind::Reads(false),
    },
    Row {
        name: "describe_method",
        title: "Describe a method",
        description: "Parameters and body of a method.",
        arguments: &[PROVIDER, SERVICE, RESOURCE, ("method", "string", true, "the method's name")],
        kind: Kind::Reads(false),
    },
    Row {
        name: "search_schema",
        title: "Search resources",
        description: "Resources whose names or descriptions hold the words, with their methods and what these need.",
        arguments: &[
            ("query", "string", true, "words to look for"),
            ("provider", "string", false, "only in this provider"),
            ("service", "string", false, "only in this service"),
            ("limit", "integer", false, "most hits, 10 without it and 50 at most"),
        ],
        kind: Kind::Reads(false),
    },
    Row {
        name: "describe",
        title: "Describe a statement",
        description: "Columns and parameters of a statement without running it. No request is sent.",
        arguments: &[SQL],
        kind: Kind::Reads(false),
    },
    Row {
        name: "explain_requests",
        title: "Preview requests",
        description: "The HTTP requests that statements would send, with method, URL, body and number. No request is sent. Use it before a change.",
        arguments: &[("sql", "string", true, "SQL statements, separated by `;`")],
        kind: Kind::Reads(false),
    },
    Row {
        name: "validate_select_query",
        title: "Check a query",
        description: "Whether a query can be planned. No request is sent.",
        arguments: &[SQL],
        kind: Kind::Reads(false),
    },
    Row {
        name: "run_select_query",
        title: "Run a query",
        description: "Runs one SELECT, SHOW, DESCRIBE or EXPLAIN and returns its rows. A result that does not fit is marked `truncated` and has a `continuation`.",
        arguments: &[SQL, LIMIT, TOKENS, SOURCE],
        kind: Kind::Reads(true),
    },
    Row {
        name: "continue_result",
        title: "More rows",
        description: "The next rows of a result that was truncated.",
        arguments: &[
            ("continuation", "string", true, "from the earlier answer; it works once"),
            LIMIT,
            TOKENS,
        ],
        kind: Kind::Reads(true),
    },
    Row {
        name: "run_mutation_query",
        title: "Change objects",
        description: "Runs INSERT, UPDATE, REPLACE and DELETE. Depending on the mode it is refused, or a person is asked, who sees the requests.",
        arguments: &[("sql", "string", true, "SQL statements, separated by `;`"), SOURCE],
        kind: Kind::Destroys,
    },
    Row {
        name: "run_lifecycle_operation",
        title: "Run an operation",
        description: "Runs EXEC of a method, such as starting or stopping something. Depending on the mode it is refused, or a person is asked.",
        arguments: &[("sql", "string", true, "EXEC statements, separated by `;`")],
        kind: Kind::Destroys,
    },
    Row {
        name: "reload_credentials",
        title: "Reload credentials",
        description: "Reads files of variables again and tells which provider has a credential. Values are never shown.",
        arguments: &[("provider", "string", false, "only this provider")],
        kind: Kind::Local,
    },
    Row {
        name: "query_library_search",
        title: "Search templates",
        description: "Templates of statements that fit an intent. Each method of a resource has one.",
        arguments: &[
            ("intent", "string", true, "what is to be done, in words"),
            ("provider", "string", false, "only of this provider"),
            ("service", "string", false, "only of this service"),
            ("tags", "array", false, "words that have to be in it, too"),
            ("include_mutations", "boolean", false, "templates that change something, too"),
            ("limit", "integer", false, "most hits, 5 without it and 20 at most"),
        ],
        kind: Kind::Reads(false),
    },
    Row {
        name: "query_library_get",
        title: "A template",
        description: "A template by its id; with `params` it is filled in.",
        arguments: &[
            ("id", "string", true, "from `query_library_search`"),
            ("params", "object", false, "values by name"),
        ],
        kind: Kind::Reads(false),
    },
];

/// The tools that are offered: those of the list, or all if it is empty.
pub(crate) fn offered(list: &[String]) -> Vec<Tool> {
    let is_offered = |row: &&Row| list.is_empty() || list.iter().any(|name| name == row.name);
    ROWS.iter().filter(is_offered).map(tool).collect()
}

/// The names of all tools.
pub(crate) fn names() -> Vec<&'static str> {
    ROWS.iter().map(|row| row.name).collect()
}

/// The arguments that a tool knows.
pub(crate) fn arguments(name: &str) -> Vec<&'static str> {
    let row = ROWS.iter().find(|row| row.name == name);
    let own = row.into_iter().flat_map(|row| row.arguments).map(|argument| argument.0);
    own.chain(["format"]).collect()
}

fn tool(row: &Row) -> Tool {
    let mut properties = Map::new();
    for (name, kind, _, meaning) in row.arguments {
        let mut property = json!({ "type": kind, "description": meaning });
        match *kind {
            "integer" => property["minimum"] = 1.into(),
            "array" => property["items"] = json!({ "type": "string" }),
            _ => {}
        }
        properties.insert((*name).to_owned(), property);
    }
    let format = json!({ "type": "string", "enum": ["markdown", "json"], "description": "how the text of the answer is written; structured content is always there" });
    properties.insert("format".to_owned(), format);
    let required: Vec<&str> =
        row.arguments.iter().filter(|argument| argument.2).map(|argument| argument.0).collect();
    let mut schema = Map::new();
    schema.insert("type".to_owned(), "object".into());
    schema.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema.insert("additionalProperties".to_owned(), false.into());
    let hints = ToolAnnotations::with_title(row.title);
    let hints = match row.kind {
        Kind::Reads(is_remote) => hints.read_only(true).open_world(is_remote),
        Kind::Local => hints.read_only(false).destructive(false).idempotent(true).open_world(true),
        Kind::Destroys => {
            hints.read_only(false).destructive(true).idempotent(false).open_world(true)
        }
    };
    Tool::new(row.name, row.description, Arc::new(schema))
        .with_title(row.title)
        .with_annotations(hints)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_has_a_schema_that_names_what_it_needs() {
        let tools = offered(&[]);
        assert_eq!(tools.len(), names().len());
        for tool in &tools {
            let schema = Value::Object(tool.input_schema.as_ref().clone());
            for name in schema["required"].as_array().into_iter().flatten() {
                let name = name.as_str().expect("a name");
                assert!(schema["properties"].get(name).is_some(), "{}: {name}", tool.name);
            }
            assert!(arguments(&tool.name).contains(&"format"));
        }
        assert_eq!(offered(&["server_info".to_owned()]).len(), 1);
    }
}
