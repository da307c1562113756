//! The site's pages: plain Markdown from the model, with statements that run.
//!
//! Owns: the page of a resource (the terminal shows the same), of a service, of a provider, and
//! `llms.txt`.
//! Surprise: what is shown is what the engine uses, so a page cannot promise a column that a statement
//! does not have.

use strataql_spec::schema::SchemaKind;
use strataql_spec::{
    Column, Location, Method, Paging, Provider, Resource, SchemaId, Service, SqlVerb,
};

use super::Page;

/// Words that a statement quotes where they are names.
const RESERVED: &[&str] = &[
    "all",
    "and",
    "any",
    "as",
    "between",
    "by",
    "case",
    "cast",
    "check",
    "column",
    "create",
    "cross",
    "current",
    "default",
    "delete",
    "desc",
    "distinct",
    "drop",
    "else",
    "end",
    "except",
    "exists",
    "false",
    "fetch",
    "filter",
    "for",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "in",
    "inner",
    "insert",
    "intersect",
    "interval",
    "into",
    "is",
    "join",
    "left",
    "like",
    "limit",
    "not",
    "null",
    "offset",
    "on",
    "or",
    "order",
    "outer",
    "partition",
    "primary",
    "references",
    "returning",
    "right",
    "select",
    "set",
    "some",
    "table",
    "then",
    "to",
    "true",
    "union",
    "unique",
    "update",
    "user",
    "using",
    "values",
    "when",
    "where",
    "window",
    "with",
];
/// Enum values that are listed before the rest is counted.
const MAX_VALUES: usize = 12;
/// Verbs in the order of pages.
const VERBS: [SqlVerb; 5] =
    [SqlVerb::Select, SqlVerb::Insert, SqlVerb::Update, SqlVerb::Replace, SqlVerb::Delete];

/// A name as a statement writes it.
fn identifier(name: &str) -> String {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_plain = starts && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_plain && !RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

fn full_name(service: &Service, resource: &Resource) -> String {
    let Service { provider, name, .. } = service;
    format!("{}.{}.{}", identifier(provider), identifier(name), identifier(&resource.name))
}

/// A variable in the place of a value.
fn placeholder(service: &Service, name: &str, schema: SchemaId) -> String {
    let variable: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    match service.schemas[schema].kind {
        SchemaKind::Integer | SchemaKind::Number | SchemaKind::Boolean => {
            format!("{{{{ {variable} }}}}")
        }
        _ => format!("'{{{{ {variable} }}}}'"),
    }
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\r', '\n'], " ")
}

fn kind(service: &Service, schema: SchemaId) -> String {
    let schema = &service.schemas[schema];
    let name = match schema.kind {
        SchemaKind::Array => match schema.items.map(|items| &service.schemas[items]) {
            Some(items) => format!("array of {}", items.kind.name()),
            None => "array".to_owned(),
        },
        kind => kind.name().to_owned(),
    };
    match &schema.format {
        Some(format) => format!("{name} ({format})"),
        None => name,
    }
}

/// What is known of a value beyond its type: its text, its enum, its fields.
fn about(service: &Service, schema: SchemaId, text: Option<&str>) -> String {
    let own = &service.schemas[schema];
    let mut parts: Vec<String> = Vec::new();
    parts.extend(text.or(own.description.as_deref()).map(cell).filter(|text| !text.is_empty()));
    if !own.values.is_empty() {
        let mut values: Vec<String> = own
            .values
            .iter()
            .take(MAX_VALUES)
            .map(|value| {
                format!("`{}`", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            })
            .collect();
        if own.values.len() > MAX_VALUES {
            values.push(format!("{} more", own.values.len() - MAX_VALUES));
        }
        parts.push(format!("One of {}.", values.join(", ")));
    }
    let holder = own.items.map_or(own, |items| &service.schemas[items]);
    if !holder.properties.is_empty() {
        let fields: Vec<String> =
            holder.properties.keys().take(MAX_VALUES).map(|field| format!("`{field}`")).collect();
        let more = holder.properties.len().saturating_sub(MAX_VALUES);
        let more = if more > 0 { format!(", {more} more") } else { String::new() };
        parts.push(format!("Fields: {}{more}.", fields.join(", ")));
    }
    parts.join(" ")
}

/// The verb that a method is reached by.
fn verb_of(resource: &Resource, method: &Method) -> SqlVerb {
    resource.verb_of(&method.name)
}

/// Methods in the order of verbs, those of EXEC last.
fn ordered(resource: &Resource) -> Vec<&Method> {
    let listed = VERBS.into_iter().flat_map(|verb| resource.candidates(verb));
    let mut methods: Vec<&Method> = Vec::new();
    for method in listed.chain(resource.methods.values()) {
        if !methods.iter().any(|found| found.name == method.name) {
            methods.push(method);
        }
    }
    methods
}

/// The page of a resource, in Markdown. `None` if the service has no such resource.
pub fn resource_page(service: &Service, name: &str) -> Option<String> {
    let resource = service.resources.get(name)?;
    let mut out = format!("# {}\n", full_name(service, resource));
    if !resource.description.is_empty() {
        out.push_str(&format!("\n{}\n", resource.description.trim()));
    }
    if !resource.views.is_empty() {
        out.push_str("\nThis resource is a view.\n");
        for view in &resource.views {
            if !view.required.is_empty() {
                let names: Vec<String> =
                    view.required.iter().map(|name| format!("`{name}`")).collect();
                out.push_str(&format!("\nRequired parameters: {}.\n", names.join(", ")));
            }
            out.push_str(&format!("\n```sql\n{}\n```\n", view.ddl));
        }
        return Some(out);
    }
    out.push_str(&methods(resource));
    out.push_str(&columns(service, resource));
    out.push_str(&parameters(service, resource));
    out.push_str("\n## Examples\n");
    for method in ordered(resource) {
        out.push_str(&example(service, resource, method));
    }
    Some(out)
}

fn methods(resource: &Resource) -> String {
    let mut out =
        "\n## Methods\n\n| method | statement | request | needs | pages |\n|---|---|---|---|---|\n"
            .to_owned();
    for method in ordered(resource) {
        let needs: Vec<String> = method
            .required_params()
            .map(|param| param.name.as_str())
            .chain(required_body(method).map(|(name, _)| name))
            .map(|name| format!("[`{name}`](#{})", anchor(name)))
            .collect();
        let pages = match &method.paging {
            Paging::None => "",
            _ if verb_of(resource, method) != SqlVerb::Select => "",
            paging => paging.name(),
        };
        out.push_str(&format!(
            "| [`{0}`](#{1}) | {2} | `{3} {4}` | {5} | {pages} |\n",
            method.name,
            anchor(&method.name),
            verb_of(resource, method).as_str(),
            method.verb,
            method.path.raw,
            needs.join(", "),
        ));
    }
    out
}

/// The anchor that code hosts and static sites give to a heading or cell of that name.
fn anchor(name: &str) -> String {
    name.to_ascii_lowercase()
}

fn required_body(method: &Method) -> impl Iterator<Item = (&str, SchemaId)> {
    let properties = method.body.iter().flat_map(|body| &body.properties);
    properties
        .filter(|property| property.required)
        .map(|property| (property.name.as_str(), property.schema))
}

fn columns(service: &Service, resource: &Resource) -> String {
    let selects: Vec<&Method> = resource.candidates(SqlVerb::Select).collect();
    let mut seen: Vec<(&Column, Vec<&str>)> = Vec::new();
    for method in &selects {
        for column in &method.response.columns {
            match seen.iter_mut().find(|(found, _)| found.name == column.name) {
                Some((_, methods)) => methods.push(&method.name),
                None => seen.push((column, vec![&method.name])),
            }
        }
    }
    if seen.is_empty() {
        return "\nNo method of this resource returns rows.\n".to_owned();
    }
    let mut out = "\n## Columns\n\n| column | type | |\n|---|---|---|\n".to_owned();
    for (column, methods) in seen {
        let mut text = about(service, column.schema, None);
        if methods.len() < selects.len() {
            let names: Vec<String> = methods.iter().map(|name| format!("`{name}`")).collect();
            let gap = if text.is_empty() { "" } else { " " };
            text.push_str(&format!("{gap}Returned by {}.", names.join(", ")));
        }
        out.push_str(&format!(
            "| `{}` | {} | {text} |\n",
            column.name,
            kind(service, column.schema)
        ));
    }
    out
}

fn parameters(service: &Service, resource: &Resource) -> String {
    struct Row {
        name: String,
        kind: String,
        place: &'static str,
        text: String,
        methods: Vec<String>,
        required: bool,
    }
    let mut rows: Vec<Row> = Vec::new();
    let mut add = |name: &str, schema, place, text: Option<&str>, required, method: &str| match rows
        .iter_mut()
        .find(|row| row.name == name && row.place == place)
    {
        Some(row) => {
            row.required |= required;
            row.methods.push(method.to_owned());
            if row.text.is_empty() {
                row.text = about(service, schema, text);
            }
        }
        None => rows.push(Row {
            name: name.to_owned(),
            kind: kind(service, schema),
            place,
            text: about(service, schema, text),
            methods: vec![method.to_owned()],
            required,
        }),
    };
    let methods = ordered(resource);
    for method in &methods {
        for param in &method.params {
            let place = match param.location {
                Location::Path => "path",
                Location::Query => "query",
                Location::Header => "header",
                Location::Server => "server",
            };
            let text = param.description.as_deref();
            add(&param.name, param.schema, place, text, param.required, &method.name);
        }
        for property in method.body.iter().flat_map(|body| &body.properties) {
            add(&property.name, property.schema, "body", None, property.required, &method.name);
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let total = methods.len();
    let mut out = "\n## Parameters\n\n| parameter | type | in | |\n|---|---|---|---|\n".to_owned();
    let mut anchored: Vec<String> = Vec::new();
    for row in rows {
        let mut text = row.text;
        if row.methods.len() < total {
            let names: Vec<String> = row.methods.iter().map(|name| format!("`{name}`")).collect();
            let gap = if text.is_empty() { "" } else { " " };
            text.push_str(&format!("{gap}For {}.", names.join(", ")));
        }
        let id = anchor(&row.name);
        // the first row of a name is the one that links point to; a method of that name is linked instead
        let is_first = !anchored.contains(&id) && !resource.methods.contains_key(&row.name);
        let mark = if is_first { format!("<a id=\"{id}\"></a>") } else { String::new() };
        anchored.push(id);
        let required = if row.required { " (required)" } else { "" };
        out.push_str(&format!(
            "| {mark}`{}`{required} | {} | {} | {text} |\n",
            row.name, row.kind, row.place
        ));
    }
    out
}

/// The text of a method and its statement.
fn example(service: &Service, resource: &Resource, method: &Method) -> String {
    let text = method.summary.as_deref().or(method.description.as_deref()).unwrap_or_default();
    let text = if text.is_empty() { String::new() } else { format!("{}\n\n", text.trim()) };
    let wait = match &method.extension.wait {
        Some(_) => "With `AWAIT` in front, the statement returns when the change is done.\n\n",
        None => "",
    };
    format!(
        "\n### {}\n\n{text}{wait}```sql\n{}\n```\n",
        method.name,
        statement(service, resource, method)
    )
}

/// A statement that runs the method: required parameters, and every field that it sets.
pub(super) fn statement(service: &Service, resource: &Resource, method: &Method) -> String {
    let name = full_name(service, resource);
    let value = |name: &str, schema| placeholder(service, name, schema);
    let required: Vec<(&str, SchemaId)> =
        method.required_params().map(|param| (param.name.as_str(), param.schema)).collect();
    let in_mask =
        |wire: &str| method.extension.update_mask.as_ref().is_some_and(|mask| mask.name == wire);
    let conditions = |more: &[(&str, SchemaId)]| {
        let all: Vec<String> = required
            .iter()
            .filter(|(name, _)| !in_mask(method.param(name).map_or(*name, |param| &param.wire)))
            .chain(more)
            .map(|(name, schema)| format!("{} = {}", identifier(name), value(name, *schema)))
            .collect();
        if all.is_empty() { String::new() } else { format!("\nWHERE {}", all.join("\n  AND ")) }
    };
    let body: Vec<(&str, SchemaId, bool)> = method
        .body
        .iter()
        .flat_map(|body| &body.properties)
        .filter(|property| !in_mask(&property.wire))
        .map(|property| (property.name.as_str(), property.schema, property.required))
        .collect();
    let columns: Vec<String> =
        method.response.columns.iter().map(|column| identifier(&column.name)).collect();
    match verb_of(resource, method) {
        SqlVerb::Select => {
            let needed: Vec<(&str, SchemaId)> = required_body(method).collect();
            let needed: &[(&str, SchemaId)] = if method.verb.is_safe() { &[] } else { &needed };
            let columns = if columns.is_empty() { "*".to_owned() } else { columns.join(",\n  ") };
            format!("SELECT\n  {columns}\nFROM {name}{};", conditions(needed))
        }
        SqlVerb::Insert => {
            let own = |field: &str| required.iter().any(|(name, _)| *name == field);
            let all: Vec<(&str, SchemaId)> = required
                .iter()
                .copied()
                .chain(body.iter().filter(|(field, ..)| !own(field)).map(|(n, s, _)| (*n, *s)))
                .collect();
            let names: Vec<String> = all.iter().map(|(name, _)| identifier(name)).collect();
            let values: Vec<String> =
                all.iter().map(|(name, schema)| value(name, *schema)).collect();
            format!(
                "INSERT INTO {name} (\n  {}\n) VALUES (\n  {}\n);",
                names.join(",\n  "),
                values.join(",\n  ")
            )
        }
        verb @ (SqlVerb::Update | SqlVerb::Replace) => {
            let set: Vec<String> = body
                .iter()
                .map(|(field, schema, _)| {
                    format!("{} = {}", identifier(field), value(field, *schema))
                })
                .collect();
            format!("{} {name}\nSET\n  {}{};", verb.as_str(), set.join(",\n  "), conditions(&[]))
        }
        SqlVerb::Delete => {
            let needed: Vec<(&str, SchemaId)> = required_body(method).collect();
            format!("DELETE FROM {name}{};", conditions(&needed))
        }
        SqlVerb::Exec => {
            let own = |field: &str| required.iter().any(|(name, _)| *name == field);
            let arguments: Vec<String> = required
                .iter()
                .copied()
                .chain(body.iter().filter(|(field, ..)| !own(field)).map(|(n, s, _)| (*n, *s)))
                .map(|(name, schema)| format!("@{} = {}", identifier(name), value(name, schema)))
                .collect();
            let gap = if arguments.is_empty() { "" } else { "\n  " };
            format!("EXEC {name}.{}{gap}{};", identifier(&method.name), arguments.join(",\n  "))
        }
    }
}

/// The pages of a service: one per resource, and the list of them.
pub(super) fn service_pages(provider: &Provider, service: &Service) -> Vec<Page> {
    let folder = format!("services/{}", service.name);
    let mut list =
        format!("# {}.{}\n\n{}\n", provider.name, service.name, service.description.trim());
    list.push_str("\n| resource | statements | |\n|---|---|---|\n");
    let mut pages = Vec::new();
    for (name, resource) in &service.resources {
        let mut verbs: Vec<&str> = VERBS
            .into_iter()
            .filter(|verb| resource.candidates(*verb).next().is_some())
            .map(SqlVerb::as_str)
            .collect();
        if resource.methods.keys().any(|method| resource.verb_of(method) == SqlVerb::Exec) {
            verbs.push("EXEC");
        }
        if !resource.views.is_empty() {
            verbs = vec!["SELECT (view)"];
        }
        let text = resource.description.lines().next().unwrap_or_default();
        list.push_str(&format!(
            "| [{name}]({name}/index.md) | {} | {} |\n",
            verbs.join(", "),
            cell(text)
        ));
        if let Some(page) = resource_page(service, name) {
            pages.push((format!("{folder}/{name}/index.md"), page));
        }
    }
    pages.insert(0, (format!("{folder}/index.md"), list));
    pages
}

/// The page of a provider, and `llms.txt`: every resource with its page, one a line. Services are name,
/// description and resources.
pub(super) fn provider_pages(
    provider: &Provider,
    services: &[(String, String, Vec<String>)],
) -> Vec<Page> {
    let text = provider.description.as_deref().unwrap_or_default();
    let mut index =
        format!("# {}\n\n{text}\n\n| service | resources | |\n|---|---|---|\n", provider.name);
    let mut llms = format!("# {}\n\n> {text}\n", provider.name);
    for (name, text, resources) in services {
        index.push_str(&format!(
            "| [{name}](services/{name}/index.md) | {} | {} |\n",
            resources.len(),
            cell(text)
        ));
        llms.push_str(&format!("\n## {name}\n\n"));
        for resource in resources {
            llms.push_str(&format!(
                "- [{}.{name}.{resource}](services/{name}/{resource}/index.md)\n",
                provider.name
            ));
        }
    }
    vec![("index.md".to_owned(), index), ("llms.txt".to_owned(), llms)]
}
