//! Examples of INSERT, UPDATE, REPLACE, DELETE and EXEC, as the public pages print them.
//!
//! Surprise: their odd spaces and semicolons are kept; the site's own pages print other ones.

use serde_json::Value as Json;

use super::facts::{Method, Resource};
use super::manifest::manifest;
use super::resolve::text;
use super::seed::{method_text, ordered, tabs};

/// Headings with the verbs below them.
const SECTIONS: [(&str, &str); 5] = [
    ("## `INSERT` examples", "insert"),
    ("## `UPDATE` examples", "update"),
    ("## `REPLACE` examples", "replace"),
    ("## `DELETE` examples", "delete"),
    ("## Lifecycle Methods", "exec"),
];

/// All sections.
pub(super) fn sections(resource: &Resource) -> String {
    let mut out = String::new();
    for (heading, verb) in SECTIONS {
        let methods: Vec<&Method> = resource.of_verb(verb).collect();
        if methods.is_empty() {
            continue;
        }
        let mut labels: Vec<(&str, &str)> =
            methods.iter().map(|method| (method.name.as_str(), method.name.as_str())).collect();
        if verb == "insert" {
            labels.push(("Manifest", "manifest"));
        }
        out.push_str(&format!("\n\n{heading}\n\n{}", tabs(&labels)));
        for method in &methods {
            let statement = match verb {
                "insert" => insert(resource, method),
                "delete" => delete(resource, method),
                "exec" => exec(resource, method),
                _ => update(resource, method, verb),
            };
            out.push_str(&format!(
                "<TabItem value=\"{}\">\n\n{}\n\n```sql\n{statement}\n```\n</TabItem>\n",
                method.name,
                method_text(method)
            ));
        }
        if verb == "insert" {
            let yaml = manifest(resource, &methods);
            out.push_str(&format!("<TabItem value=\"manifest\">\n\n{yaml}\n</TabItem>\n"));
        }
        out.push_str("</Tabs>\n");
    }
    out
}

fn is_number(schema: &Json) -> bool {
    matches!(text(schema, "type"), Some("number" | "integer" | "boolean"))
}

fn is_boolean(schema: &Json) -> bool {
    text(schema, "type") == Some("boolean")
}

fn writable(method: &Method) -> impl Iterator<Item = (&String, &Json)> {
    method.body.iter().filter(|(_, schema)| schema.get("readOnly") != Some(&Json::Bool(true)))
}

fn returning(method: &Method) -> String {
    let fields = ordered(method);
    if fields.is_empty() { String::new() } else { format!("\nRETURNING\n{}", fields.join(",\n")) }
}

fn insert(resource: &Resource, method: &Method) -> String {
    let mut columns = Vec::new();
    let mut values = Vec::new();
    for (name, schema) in writable(method) {
        columns.push(format!("{}{name}", method.prefix));
        let mark = if method.body_required.contains(name) { " /* required */" } else { "" };
        values.push(if is_number(schema) {
            format!("{{{{ {name} }}}}{mark}")
        } else {
            format!("'{{{{ {name} }}}}'{mark}")
        });
    }
    for name in method.required.keys().chain(method.optional.keys()) {
        columns.push(name.clone());
        let is_bare = method.prefix.is_empty() && method.body.get(name).is_some_and(is_number);
        values.push(if is_bare {
            format!("{{{{ {name} }}}}")
        } else {
            format!("'{{{{ {name} }}}}'")
        });
    }
    format!(
        "INSERT INTO {} (\n{}\n)\nSELECT \n{}{}\n;",
        resource.full_name(),
        columns.join(",\n"),
        values.join(",\n"),
        returning(method)
    )
}

fn update(resource: &Resource, method: &Method, verb: &str) -> String {
    let assignments: Vec<String> = writable(method)
        .map(|(name, schema)| {
            let column = format!("{}{name}", method.prefix);
            if is_number(schema) {
                format!("{column} = {{{{ {name} }}}}")
            } else {
                format!("{column} = '{{{{ {name} }}}}'")
            }
        })
        .collect();
    let assignments = if assignments.is_empty() {
        "-- No updatable properties".to_owned()
    } else {
        assignments.join(",\n")
    };
    let mut conditions: Vec<String> = method
        .required
        .keys()
        .map(|name| format!("{name} = '{{{{ {name} }}}}' --required"))
        .collect();
    for name in &method.body_required {
        let column = format!("{}{name}", method.prefix);
        let is_bare = method.body.get(name).is_some_and(is_boolean);
        conditions.push(if is_bare {
            format!("{column} = {{{{ {name} }}}} --required")
        } else {
            format!("{column} = '{{{{ {name} }}}}' --required")
        });
    }
    // the missing space is the public pages' own
    conditions.extend(method.optional.keys().map(|name| format!("{name} = '{{{{ {name}}}}}'")));
    let conditions = if conditions.is_empty() {
        String::new()
    } else {
        format!("\nWHERE \n{}", conditions.join("\nAND "))
    };
    let keyword = verb.to_ascii_uppercase();
    let name = resource.full_name();
    format!("{keyword} {name}\nSET \n{assignments}{conditions}{};", returning(method))
}

fn delete(resource: &Resource, method: &Method) -> String {
    let conditions = conditions(method, "--required");
    format!("DELETE FROM {}{conditions}\n;", resource.full_name())
}

/// WHERE with the parameters of a method; nothing if it has none. The public pages mark what is required in
/// two ways.
pub(super) fn conditions(method: &Method, mark: &str) -> String {
    let required = method.required.keys().map(|name| format!("{name} = '{{{{ {name} }}}}' {mark}"));
    let optional = method.optional.keys().map(|name| format!("{name} = '{{{{ {name} }}}}'"));
    let conditions: Vec<String> = required.chain(optional).collect();
    if conditions.is_empty() {
        String::new()
    } else {
        format!("\nWHERE {}", conditions.join("\nAND "))
    }
}

fn exec(resource: &Resource, method: &Method) -> String {
    let mut parameters: Vec<String> = method
        .required
        .keys()
        .map(|name| format!("@{name}='{{{{ {name} }}}}' --required"))
        .collect();
    parameters.extend(method.optional.iter().map(|(name, input)| {
        if input.kind == "boolean" {
            format!("@{name}={{{{ {name} }}}}")
        } else {
            format!("@{name}='{{{{ {name} }}}}'")
        }
    }));
    let mut out =
        format!("EXEC {}.{} \n{}", resource.full_name(), method.name, parameters.join(", \n"));
    if !method.body.is_empty() {
        if !parameters.is_empty() {
            out.push_str(" \n");
        }
        let lines: Vec<String> = method
            .body
            .iter()
            .map(|(name, schema)| {
                if is_number(schema) {
                    format!("\"{name}\": {{{{ {name} }}}}")
                } else {
                    format!("\"{name}\": \"{{{{ {name} }}}}\"")
                }
            })
            .collect();
        out.push_str(&format!("@@json=\n'{{\n{}\n}}'", lines.join(", \n")));
    }
    out + "\n;"
}
