//! Validating a JSON value against its schema before it is sent.
//!
//! Owns: types, unknown fields and missing fields, at any depth.
//! Refuses: `enum` (services add values faster than documents) and everything else that only the
//! service can decide.

use serde_json::Value as Json;
use strataql_diag::did_you_mean;
use strataql_spec::{SchemaId, SchemaKind, Schemas};

use crate::exact;

/// Validates a value; `path` is its position in the column.
pub(super) fn check(
    schemas: &Schemas,
    id: SchemaId,
    json: &Json,
    path: &str,
) -> Result<(), String> {
    let schema = &schemas[id];
    let at = if path.is_empty() { String::new() } else { format!(" at `{path}`") };
    match (schema.kind, json) {
        (_, Json::Null) | (SchemaKind::Any, _) => Ok(()),
        (SchemaKind::Object, Json::Object(fields)) => {
            let closed = !schema.properties.is_empty() && !schema.open;
            for (name, value) in fields {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match schema.properties.get(name).copied().or(schema.additional) {
                    Some(id) => check(schemas, id, value, &inner)?,
                    None if closed => {
                        let known = schema.properties.keys().map(String::as_str);
                        let hint = did_you_mean(name, known)
                            .map(|hint| format!(" ({hint})"))
                            .unwrap_or_default();
                        return Err(format!(
                            "no field `{inner}`: its schema has none of that name{hint}"
                        ));
                    }
                    None => {}
                }
            }
            // documents also list names that are no property, which nobody can give
            let missing = schema
                .required
                .iter()
                .find(|name| !fields.contains_key(*name) && schema.properties.contains_key(*name));
            match missing {
                Some(name) => Err(format!("the field `{name}`{at} too; it is required")),
                None => Ok(()),
            }
        }
        (SchemaKind::Array, Json::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                if let Some(id) = schema.items {
                    check(schemas, id, item, &format!("{path}[{index}]"))?;
                }
            }
            Ok(())
        }
        (SchemaKind::Boolean, Json::Bool(_)) | (SchemaKind::Number, Json::Number(_)) => Ok(()),
        (SchemaKind::Integer, Json::Number(number)) if !number.is_f64() => Ok(()),
        (SchemaKind::Number, json) if exact::digits(json).is_some() => Ok(()),
        (SchemaKind::Integer, json)
            if exact::digits(json).is_some_and(|digits| !digits.contains(['.', 'e', 'E'])) =>
        {
            Ok(())
        }
        (SchemaKind::String, Json::String(_)) if exact::digits(json).is_none() => Ok(()),
        // 64-bit integers may be sent as text
        (SchemaKind::Integer, Json::String(text)) if text.parse::<i64>().is_ok() => Ok(()),
        (SchemaKind::String, _) if schema.string_only => Ok(()),
        (kind, _) => Err(format!("{}{at}", wanted(kind))),
    }
}

const fn wanted(kind: SchemaKind) -> &'static str {
    match kind {
        SchemaKind::String => "text",
        SchemaKind::Integer => "a whole number",
        SchemaKind::Number => "a number",
        SchemaKind::Boolean => "`true` or `false`",
        SchemaKind::Object => "a JSON object",
        SchemaKind::Array => "a JSON array",
        SchemaKind::Any => "a value",
    }
}
