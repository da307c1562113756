//! SHOW INSERT: a context and a statement to fill in.

use std::fmt::Write as _;

use strataql_registry::Registry;
use strataql_spec::{Method, SchemaId, SchemaKind, Service, SqlVerb};

use super::{Result, resource, service};
use crate::layout::Table;
use crate::messages;

/// How deep objects are spelt out.
const DEEPEST: usize = 6;

/// What a template holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// EXTENDED: optional parameters, too.
    pub extended: bool,
    /// The hint REQUIRED: only what is required.
    pub required: bool,
    /// Names in parentheses; none means all.
    pub columns: &'a [String],
}

/// SHOW INSERT INTO a resource.
///
/// # Errors
/// The message for what is not there, or for a resource without INSERT.
pub fn insert(registry: &Registry, name: [&str; 3], wanted: Wanted<'_>) -> Result<Table> {
    let service = service(registry, name[0], name[1])?;
    let resource = resource(&service, name[2])?;
    let dotted = name.join(".");
    let Some(method) = resource.candidates(SqlVerb::Insert).next() else {
        return Err(messages::no_operation(&dotted, "cannot resolve Method"));
    };
    let fields = fields(&service, method, wanted);
    let text = template(&service, &dotted, &fields);
    Ok(Table::of(&["insert_statement"], [vec![text.as_str()]]))
}

/// Names with their schemas: parameters, then attributes of the body.
fn fields<'m>(
    _service: &'m Service,
    method: &'m Method,
    wanted: Wanted<'_>,
) -> Vec<(&'m str, SchemaId)> {
    let is_wanted = |name: &str| {
        wanted.columns.is_empty() || wanted.columns.iter().any(|column| column == name)
    };
    let mut params: Vec<(&str, SchemaId)> = method
        .params
        .iter()
        .filter(|param| param.required || wanted.extended && !wanted.required)
        .map(|param| (param.name.as_str(), param.schema))
        .collect();
    params.sort_unstable_by_key(|(name, _)| *name);
    let mut attributes: Vec<(&str, SchemaId)> = method
        .body
        .iter()
        .flat_map(|body| &body.properties)
        .filter(|property| property.required || !wanted.required)
        .map(|property| (property.name.as_str(), property.schema))
        .collect();
    attributes.sort_unstable_by_key(|(name, _)| *name);
    params.extend(attributes);
    params.retain(|(name, _)| is_wanted(name));
    params
}

fn template(service: &Service, target: &str, fields: &[(&str, SchemaId)]) -> String {
    let context: Vec<String> = fields
        .iter()
        .map(|(name, id)| format!("   {name}: {}", hole(service, name, *id, 0)))
        .collect();
    let columns: Vec<String> = fields.iter().map(|(name, _)| format!("  {name}")).collect();
    let values: Vec<String> =
        fields.iter().map(|(name, id)| format!("  {}", value(service, name, *id))).collect();
    let mut text = String::from("<<<jsonnet\n{\n");
    let _ = write!(
        text,
        "{}\n}}\n>>>\nINSERT INTO {target}(\n{}\n)\nSELECT\n{}\n;",
        context.join(",\n"),
        columns.join(",\n"),
        values.join(",\n")
    );
    text
}

/// The value of a field in the context.
fn hole(service: &Service, name: &str, id: SchemaId, depth: usize) -> String {
    let schema = &service.schemas[id];
    match schema.kind {
        SchemaKind::Object if !schema.properties.is_empty() && depth < DEEPEST => {
            let indent = "   ";
            let mut inner: Vec<(&String, &SchemaId)> = schema.properties.iter().collect();
            inner.sort_unstable_by_key(|(key, _)| key.as_str());
            let lines: Vec<String> = inner
                .into_iter()
                .map(|(key, id)| format!("{indent}{key}: {}", hole(service, key, *id, depth + 1)))
                .collect();
            format!("   {{\n{}\n{indent}}}", lines.join(",\n"))
        }
        SchemaKind::Array => match schema.items {
            Some(items) if depth < DEEPEST => {
                format!("   [\n   {}\n   ]", hole(service, name, items, depth + 1))
            }
            _ => format!("<< {name} >>"),
        },
        _ => format!("<< {name} >>"),
    }
}

/// The value of a field in the statement.
fn value(service: &Service, name: &str, id: SchemaId) -> String {
    let place = format!(".values.{name}");
    match service.schemas[id].kind {
        SchemaKind::Boolean | SchemaKind::Integer | SchemaKind::Number => {
            format!("{{{{ {place} }}}}")
        }
        SchemaKind::Object | SchemaKind::Array => format!("'{}'", nested(service, &place, id, 0)),
        _ => format!("'{{{{ {place} }}}}'"),
    }
}

/// A nested value as JSON with holes.
fn nested(service: &Service, place: &str, id: SchemaId, depth: usize) -> String {
    let schema = &service.schemas[id];
    match schema.kind {
        SchemaKind::Object if !schema.properties.is_empty() && depth < DEEPEST => {
            let mut inner: Vec<(&String, &SchemaId)> = schema.properties.iter().collect();
            inner.sort_unstable_by_key(|(key, _)| key.as_str());
            let fields: Vec<String> = inner
                .into_iter()
                .map(|(key, id)| {
                    format!(
                        "\"{key}\": {}",
                        nested(service, &format!("{place}.{key}"), *id, depth + 1)
                    )
                })
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
        SchemaKind::Object => match schema.additional {
            Some(value) if depth < DEEPEST => format!(
                "{{ \"{{{{ {place}[0].key }}}}\": {} }}",
                nested(service, &format!("{place}[0].val"), value, depth + 1)
            ),
            _ => format!("\"{{{{ {place} }}}}\""),
        },
        SchemaKind::Array => match schema.items {
            Some(items) if depth < DEEPEST => {
                format!("[ {} ]", nested(service, &format!("{place}[0]"), items, depth + 1))
            }
            _ => format!("\"{{{{ {place} }}}}\""),
        },
        SchemaKind::Boolean | SchemaKind::Integer | SchemaKind::Number => {
            format!("{{{{ {place} }}}}")
        }
        _ => format!("\"{{{{ {place} }}}}\""),
    }
}
