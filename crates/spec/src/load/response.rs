//! Loading a method's response: schema, location of the rows, columns.

use std::collections::HashSet;

use super::Context;
use super::body::{MEDIA_PREFERENCE, choose_media, read_transform};
use crate::column::{ANONYMOUS, Column, ColumnType};
use crate::method::{Response, RowShape, Transform};
use crate::naming::snake;
use crate::node::Node;
use crate::paging::body_path;
use crate::schema::{SchemaBuilder, SchemaId, SchemaKind};

/// Loads the response.
pub(super) fn read_response<'a>(
    context: &Context<'a>,
    method: &'a Node,
    operation: &'a Node,
    schemas: &mut SchemaBuilder<'a>,
) -> Response {
    let block = method.get("response");
    let part = |key: &str| block.and_then(|block| block.get(key));
    let text = |key: &str| part(key).and_then(Node::text).map(str::to_owned);
    let declared_type = text("mediaType");
    let mut media_type = declared_type.clone();
    let schema_node = if let Some(node) = part("schema_override") {
        Some(node)
    } else {
        let found = answer_schema(
            operation,
            declared_type.as_deref(),
            part("openAPIDocKey").and_then(Node::text),
            schemas,
        );
        if media_type.is_none() {
            media_type = found.map(|(name, _)| name.to_owned());
        }
        found.and_then(|(_, media)| media.get("schema"))
    };
    let schema = schema_node.map(|node| schemas.add(node));
    let other_schemas = other_schemas(operation, schema, schemas);
    let object_key = text("objectKey");
    let transform = part("transform").and_then(read_transform);
    let (rows, row_schema) = match schema {
        Some(schema) => {
            let (rows, row) = rows_of(object_key.as_deref(), schema, schemas);
            (made_list(rows, transform.as_ref()), row)
        }
        None => (RowShape::Nothing { reason: "its answer has no schema".to_owned() }, None),
    };
    let columns = match (&rows, row_schema) {
        (RowShape::Nothing { .. }, _) | (_, None) => Vec::new(),
        (_, Some(row)) => columns_of(row, context.provider.snake_case_aliases, schemas),
    };
    Response {
        media_type,
        override_media_type: text("overrideMediaType"),
        schema,
        other_schemas,
        row_schema,
        rows,
        columns,
        transform,
    }
}

/// A template that makes a list makes one of what the document calls an object.
fn made_list(rows: RowShape, transform: Option<&Transform>) -> RowShape {
    let makes_list = transform.is_some_and(|it| it.body.trim_start().starts_with('['));
    match rows {
        RowShape::Object { path } if path.is_empty() && makes_list => RowShape::List { path },
        other => other,
    }
}

/// The `content` entry of the success response: the named one, else the lowest status below 300
/// that has content, or `default` where no such status is declared.
fn answer_schema<'a>(
    operation: &'a Node,
    media: Option<&str>,
    doc_key: Option<&str>,
    schemas: &mut SchemaBuilder<'a>,
) -> Option<(&'a str, &'a Node)> {
    let responses = operation.get("responses")?;
    if let (Some(media), Some(key)) = (media, doc_key) {
        let answer = schemas.resolve(responses.get(key)?)?;
        return choose_media(answer.get("content"), Some(media));
    }
    let mut keys: Vec<&str> = responses
        .entries()
        .map(|(key, _)| key)
        .filter(|key| key.starts_with('2') || key.starts_with('1'))
        .collect();
    keys.sort_unstable();
    // next to a success response, `default` describes errors
    if keys.is_empty() {
        keys.push("default");
    }
    for key in keys {
        let Some(answer) = responses.get(key).and_then(|node| schemas.resolve(node)) else {
            continue;
        };
        let content = answer.get("content");
        let preferred = MEDIA_PREFERENCE
            .iter()
            .find_map(|name| choose_media(content, Some(name)))
            .or_else(|| choose_media(content, media));
        if preferred.is_some() {
            return preferred;
        }
    }
    None
}

/// The schemas of all success responses but the one that is read.
fn other_schemas<'a>(
    operation: &'a Node,
    read: Option<SchemaId>,
    schemas: &mut SchemaBuilder<'a>,
) -> Vec<SchemaId> {
    let Some(responses) = operation.get("responses") else { return Vec::new() };
    let mut others = Vec::new();
    for (_, answer) in responses.entries().filter(|(key, _)| key.starts_with('2')) {
        let content = schemas.target(answer).and_then(|answer| answer.get("content"));
        let schema = choose_media(content, None).and_then(|(_, media)| media.get("schema"));
        let Some(id) = schema.map(|node| schemas.add(node)) else { continue };
        if Some(id) != read && !others.contains(&id) {
            others.push(id);
        }
    }
    others
}

/// The location of the rows, and their schema.
fn rows_of(
    object_key: Option<&str>,
    schema: SchemaId,
    schemas: &mut SchemaBuilder<'_>,
) -> (RowShape, Option<SchemaId>) {
    let mut path = match object_key {
        Some(key) if key.starts_with('/') => element_path(key, schema, schemas),
        Some(key) => body_path(key),
        None => {
            let root = schemas.schema(schema);
            let wrapped = root.kind != SchemaKind::Array && root.properties.contains_key("items");
            if wrapped { vec!["items".to_owned()] } else { Vec::new() }
        }
    };
    let map_values = path.last().is_some_and(|step| step == "*");
    if map_values {
        path.pop();
    }
    let Some(at) = walk(&path, schema, schemas) else {
        // the document does not describe the rows: they are returned as JSON
        let row = schemas.any();
        return (RowShape::List { path }, Some(row));
    };
    let found = schemas.schema(at).clone();
    match found.kind {
        SchemaKind::Array => {
            let row = found.items.unwrap_or_else(|| schemas.any());
            let is_object = is_row_object(schemas, row);
            let shape =
                if is_object { RowShape::List { path } } else { RowShape::Scalars { path } };
            (shape, Some(row))
        }
        SchemaKind::Object if map_values => {
            let row = found.additional.unwrap_or_else(|| schemas.any());
            (RowShape::MapValues { path }, Some(row))
        }
        SchemaKind::Object => (RowShape::Object { path }, Some(at)),
        SchemaKind::Any if object_key.is_some() => (RowShape::List { path }, Some(at)),
        SchemaKind::Any => (RowShape::Object { path }, Some(at)),
        // one row, whose column is the value
        _ => (RowShape::Scalars { path }, Some(at)),
    }
}

/// An `XPath` of element names as keys: the root element is not part of the schema, text nodes and `*` name no
/// element, and what follows a list names its items.
fn element_path(key: &str, schema: SchemaId, schemas: &SchemaBuilder<'_>) -> Vec<String> {
    let steps = key.split('/').filter(|step| !matches!(*step, "" | "*" | "text()"));
    let mut path = Vec::new();
    let mut at = Some(schema);
    for (position, step) in steps.enumerate() {
        match (at.and_then(|id| element(step, id, schemas)), at) {
            (Some((key, id)), _) => {
                path.push(key);
                at = Some(id);
            }
            (None, _) if position == 0 => {}
            (None, Some(id)) if schemas.schema(id).kind == SchemaKind::Array => break,
            (None, _) => {
                path.push(step.to_owned());
                at = None;
            }
        }
    }
    path
}

/// The property of an element's name.
fn element(name: &str, of: SchemaId, schemas: &SchemaBuilder<'_>) -> Option<(String, SchemaId)> {
    let properties = &schemas.schema(of).properties;
    let called = |id: SchemaId| schemas.schema(id).xml_name.as_deref() == Some(name);
    let found = properties.get_key_value(name);
    let found = found.or_else(|| properties.iter().find(|(_, id)| called(**id)));
    found.map(|(key, id)| (key.clone(), *id))
}

fn is_row_object(schemas: &SchemaBuilder<'_>, row: SchemaId) -> bool {
    let schema = schemas.schema(row);
    schema.kind == SchemaKind::Object && !schema.properties.is_empty()
}

fn walk(path: &[String], from: SchemaId, schemas: &SchemaBuilder<'_>) -> Option<SchemaId> {
    path.iter().try_fold(from, |id, step| {
        let schema = schemas.schema(id);
        schema.properties.get(step).copied().or(schema.additional)
    })
}

/// The columns of rows of a schema, in document order; rows that are not objects have one.
fn columns_of(row: SchemaId, snake_case: bool, schemas: &mut SchemaBuilder<'_>) -> Vec<Column> {
    schemas.charge(schemas.schema(row).properties.len() + 1);
    let schema = schemas.schema(row);
    if schema.properties.is_empty() {
        return vec![Column {
            name: ANONYMOUS.to_owned(),
            wire: ANONYMOUS.to_owned(),
            kind: match schema.kind {
                SchemaKind::Any => ColumnType::Json,
                _ => ColumnType::of(schema),
            },
            schema: row,
        }];
    }
    let mut taken: HashSet<String> = HashSet::new();
    let mut columns: Vec<Column> = Vec::with_capacity(schema.properties.len());
    for (key, id) in &schema.properties {
        let property = schemas.schema(*id);
        let short = if snake_case { snake(key) } else { key.clone() };
        // two keys with one SQL name: the key that is spelled so gets it, else the earlier one;
        // others keep theirs
        let is_free = short == *key || !schema.properties.contains_key(&short);
        let name = if is_free && taken.insert(short.clone()) { short } else { key.clone() };
        columns.push(Column {
            name,
            wire: property.xml_name.clone().unwrap_or_else(|| key.clone()),
            kind: ColumnType::of(property),
            schema: *id,
        });
    }
    columns
}
