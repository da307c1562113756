//! Responses in the shape that the response schema documents.
//!
//! Owns: projection to documented fields, envelopes and wrappers, reading wrapped request bodies.
//! Refuses: state.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};
use strataql_spec::{RowShape, Schema, SchemaId, SchemaKind, Schemas};

use crate::collection::{Kind, Object};
use crate::pages::put_at;
use crate::random::derive;
use crate::routes::Route;
use crate::synthesis::Synthesis;

/// The fields of an object in a response: those that its schema documents, and those that no schema
/// documents (a scenario may have them on purpose).
pub(crate) fn projected(object: &Object, schemas: &Schemas, row: SchemaId, kind: &Kind) -> Object {
    let schema = &schemas[row];
    if schema.open || schema.properties.is_empty() {
        return object.clone();
    }
    let documented = kind.documented().unwrap_or_default();
    let shown = |name: &str| schema.properties.contains_key(name) || !documented.contains(name);
    object
        .iter()
        .filter(|(name, _)| shown(name))
        .map(|(name, value)| {
            let property = schema.properties.get(name).map(|id| &schemas[*id]);
            (name.clone(), fitting(property, value, kind.seed))
        })
        .collect()
}

/// A value of a field. What names an object in a path may be its name where the field is a number.
fn fitting(property: Option<&Schema>, value: &Json, seed: u64) -> Json {
    match (property.map(|property| property.kind), value) {
        (Some(SchemaKind::Integer), Json::String(text)) if text.parse::<i64>().is_err() => {
            // below 2^31, for fields of any width
            Json::from(derive(seed, text) >> 33)
        }
        _ => value.clone(),
    }
}

/// The body of a response with one object.
///
/// Fields that the response documents and no row schema has (a secret that only a create returns)
/// are generated.
pub(crate) fn object_body(route: &Route, object: &Object, kind: &Kind) -> Json {
    let response = &route.method().response;
    let schemas = route.schemas();
    let Some(schema) = response.schema else { return Json::Object(Map::new()) };
    let row = response.row_schema.unwrap_or(schema);
    let mut body = Json::Object(Map::new());
    match &response.rows {
        RowShape::Object { path } => {
            let value = Json::Object(wrapped(route, object, row, kind));
            put_at(&mut body, path, value);
        }
        RowShape::List { path } => {
            let value = Json::Object(projected(object, schemas, row, kind));
            put_at(&mut body, path, Json::Array(vec![value]));
        }
        RowShape::Scalars { path } | RowShape::MapValues { path } => {
            let value = Synthesis::new(schemas, kind.clock, true).value("value", row, kind.seed);
            let holder = schemas.at_path(schema, path).map(|id| schemas[id].kind);
            let is_list = holder.is_none_or(|kind| kind.is_nested());
            put_at(&mut body, path, if is_list { Json::Array(vec![value]) } else { value });
        }
        RowShape::Nothing { .. } => {
            return Synthesis::new(schemas, kind.clock, true).value("value", schema, kind.seed);
        }
    }
    body
}

fn wrapped(route: &Route, object: &Object, row: SchemaId, kind: &Kind) -> Object {
    let schemas = route.schemas();
    let schema = &schemas[row];
    let known = |name: &String| schema.properties.contains_key(name);
    if !schema.properties.is_empty() && !object.keys().any(known) {
        let inner = schema.properties.iter().find(|(_, id)| shares_fields(schemas, **id, object));
        if let Some((name, id)) = inner {
            let value = Json::Object(projected(object, schemas, *id, kind));
            return [(name.clone(), value)].into_iter().collect();
        }
    }
    let mut shown = projected(object, schemas, row, kind);
    let documented = kind.documented().unwrap_or_default();
    let absent = |name: &str| !documented.contains(name) && !object.contains_key(name);
    if schema.properties.keys().any(|name| absent(name)) {
        let seed = derive(kind.seed, &Json::Object(object.clone()).to_string());
        let whole = Synthesis::new(schemas, kind.clock, true).object(row, seed);
        shown.extend(whole.into_iter().filter(|(name, _)| absent(name)));
    }
    shown
}

fn shares_fields(schemas: &Schemas, id: SchemaId, object: &Object) -> bool {
    let schema = &schemas[id];
    schema.kind == SchemaKind::Object
        && object.keys().any(|name| schema.properties.contains_key(name))
}

/// The fields that a client may set, and those that it set.
pub(crate) struct Sent {
    /// Names of all fields of the request.
    pub(crate) settable: BTreeSet<String>,
    /// The fields that were sent.
    pub(crate) fields: Object,
}

/// Reads a body; a single property that wraps the object (`{"budget": {…}}`) is unwrapped.
pub(crate) fn sent(route: &Route, body: Object, kind: &Kind) -> Sent {
    let schemas = route.schemas();
    let declared = route.method().body.as_ref().and_then(|body| body.schema);
    let read_only = |id: SchemaId, name: &str| {
        schemas.property(id, name).is_some_and(|property| schemas[property].read_only)
    };
    // fields that a service fills in are ignored in requests, as services do
    let names = |id: SchemaId| {
        let names = schemas[id].properties.keys().filter(|name| !read_only(id, name));
        names.cloned().collect::<BTreeSet<_>>()
    };
    let mut settable = declared.map(names).unwrap_or_default();
    let documented = kind.documented().unwrap_or_default();
    let mut fields = Object::new();
    for (name, value) in body {
        let id = declared.and_then(|id| schemas.property(id, &name));
        let inner = id.map(names).unwrap_or_default();
        let wraps = !documented.is_empty()
            && !documented.contains(name.as_str())
            && inner.iter().any(|name| documented.contains(name.as_str()));
        match value {
            Json::Object(inside) if wraps => {
                let id = id.expect("only a declared property wraps");
                fields.extend(inside.into_iter().filter(|(name, _)| !read_only(id, name)));
                settable.extend(inner);
            }
            value => {
                if !declared.is_some_and(|id| read_only(id, &name)) {
                    fields.insert(name, value);
                }
            }
        }
    }
    Sent { settable, fields }
}

/// The default of a field in a request schema.
pub(crate) fn default_of(route: &Route, name: &str) -> Option<Json> {
    let declared = route.method().body.as_ref()?.schema?;
    let id = route.schemas().property(declared, name)?;
    route.schemas()[id].default.clone()
}
