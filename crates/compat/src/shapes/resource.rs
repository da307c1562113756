//! DESCRIBE of resources and methods.

use serde_json::{Map, Value as Json, json};
use strataql_registry::Registry;
use strataql_spec::{Location, SchemaId, Service, SqlVerb};

use super::{Result, owned, resource, service};
use crate::go_json;
use crate::layout::Table;
use crate::messages;

/// Columns that come first.
const FIRST: [&str; 3] = ["id", "name", "description"];

/// How deep the shape of a nested value is shown.
const DEEPEST: usize = 6;

/// DESCRIBE of a resource: the fields of a row of its first method for SELECT.
///
/// # Errors
/// The message for what is not there.
pub fn describe(registry: &Registry, name: [&str; 3], extended: bool) -> Result<Table> {
    let service = service(registry, name[0], name[1])?;
    let resource = resource(&service, name[2])?;
    let Some(method) = resource.candidates(SqlVerb::Select).next() else {
        let cause = "no appropriate method = 'select' for resource = ";
        return Err(messages::no_operation(&name.join("."), &format!("{cause}'{}'", name[2])));
    };
    let mut columns: Vec<(&str, SchemaId)> = method
        .response
        .columns
        .iter()
        .map(|column| (column.name.as_str(), column.schema))
        .collect();
    columns.sort_by_key(|(name, _)| (FIRST.iter().position(|it| it == name).unwrap_or(3), *name));
    let rows = columns.into_iter().map(|(name, id)| {
        let mut row = vec![Some(name.to_owned()), Some(type_name(&service, id).to_owned())];
        if extended {
            row.push(Some(service.schemas[id].description.clone().unwrap_or_default()));
        }
        row
    });
    let labels: &[&str] =
        if extended { &["name", "type", "description"] } else { &["name", "type"] };
    Ok(Table { labels: owned(labels), rows: rows.collect() })
}

/// DESCRIBE METHOD: what it takes and what it gives.
///
/// # Errors
/// The message for what is not there.
pub fn describe_method(registry: &Registry, name: [&str; 4], extended: bool) -> Result<Table> {
    let service = service(registry, name[0], name[1])?;
    let resource = resource(&service, name[2])?;
    let method = resource.methods.get(name[3]).ok_or_else(|| messages::no_method_key(name[3]))?;
    let mut rows = Vec::new();
    let mut push = |name: &str, id: SchemaId, role: &str, text: Option<&str>| {
        let schema = &service.schemas[id];
        let shape = if schema.kind.is_nested() {
            go_json::compact(&shape(&service, id, 0))
        } else {
            String::new()
        };
        let mut row =
            vec![name.to_owned(), type_name(&service, id).to_owned(), role.to_owned(), shape];
        if extended {
            row.push(text.or(schema.description.as_deref()).unwrap_or_default().to_owned());
        }
        rows.push(row.into_iter().map(Some).collect());
    };
    for is_required in [true, false] {
        let role = if is_required { "input_required" } else { "input_optional" };
        let mut inputs: Vec<(&str, SchemaId, Option<&str>)> = method
            .params
            .iter()
            .filter(|param| param.required == is_required && param.location != Location::Server)
            .map(|param| (param.name.as_str(), param.schema, param.description.as_deref()))
            .collect();
        inputs.sort_by_key(|input| input.0);
        let mut attributes: Vec<(&str, SchemaId, Option<&str>)> = method
            .body
            .iter()
            .flat_map(|body| &body.properties)
            .filter(|property| property.required == is_required)
            .map(|property| (property.name.as_str(), property.schema, None))
            .collect();
        attributes.sort_by_key(|input| input.0);
        let mut servers: Vec<(&str, SchemaId, Option<&str>)> = method
            .params
            .iter()
            .filter(|param| param.required == is_required && param.location == Location::Server)
            .map(|param| (param.name.as_str(), param.schema, param.description.as_deref()))
            .collect();
        servers.sort_by_key(|input| input.0);
        for (name, id, text) in inputs.into_iter().chain(attributes).chain(servers) {
            push(name, id, role, text);
        }
    }
    let mut outputs: Vec<_> = method.response.columns.iter().collect();
    outputs.sort_by(|one, other| one.name.cmp(&other.name));
    for column in outputs {
        push(&column.name, column.schema, "output", None);
    }
    let mut labels = vec!["name", "type", "param_type", "shape"];
    if extended {
        labels.push("description");
    }
    Ok(Table { labels: owned(&labels), rows })
}

/// The type as documents name it; what has none is text.
fn type_name(service: &Service, id: SchemaId) -> &'static str {
    match service.schemas[id].kind.name() {
        "any" => "string",
        name => name,
    }
}

/// The part of a schema that tells what a value looks like.
fn shape(service: &Service, id: SchemaId, depth: usize) -> Json {
    let schema = &service.schemas[id];
    let mut out = Map::new();
    out.insert("type".to_owned(), Json::from(type_name(service, id)));
    if depth >= DEEPEST {
        return Json::Object(out);
    }
    if let Some(items) = schema.items {
        out.insert("items".to_owned(), shape(service, items, depth + 1));
    }
    if !schema.properties.is_empty() {
        let properties = schema.properties.iter();
        let properties: Map<String, Json> =
            properties.map(|(key, id)| (key.clone(), shape(service, *id, depth + 1))).collect();
        out.insert("properties".to_owned(), Json::Object(properties));
    }
    if let Some(additional) = schema.additional {
        out.insert("additionalProperties".to_owned(), shape(service, additional, depth + 1));
    }
    if !schema.required.is_empty() && !schema.properties.is_empty() {
        out.insert("required".to_owned(), json!(schema.required));
    }
    Json::Object(out)
}
