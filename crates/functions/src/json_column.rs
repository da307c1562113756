//! Columns that hold JSON, by the metadata of their fields.
//!
//! Owns: the metadata keys, and the type of a path by the documented schema, which comes in the compact
//! form that `spec` writes (`Schemas::compact`).

use arrow::datatypes::{DataType, Field};
use serde_json::Value as Json;
use strataql_json::is_index;

/// Field metadata: the documented schema of a JSON column, in its compact form.
pub const JSON_SCHEMA: &str = "strataql:schema";
/// Field metadata: the text is JSON, whatever it is.
pub(super) const EXACT_JSON: &str = "strataql:json";
/// Field metadata: the name of Arrow's extension type.
const EXTENSION: &str = "ARROW:extension:name";

/// True if the field is one of JSON text.
pub fn is_json(field: &Field) -> bool {
    field.metadata().get(EXTENSION).is_some_and(|name| name == "arrow.json")
}

/// A field that holds JSON and nothing else.
pub fn json_field(name: &str) -> Field {
    let metadata =
        [(EXTENSION.to_owned(), "arrow.json".to_owned()), (EXACT_JSON.to_owned(), "1".to_owned())];
    Field::new(name, DataType::Utf8, true).with_metadata(metadata.into())
}

/// The type and schema at a path.
pub(super) fn type_at(field: &Field, path: &[String]) -> (DataType, Option<String>) {
    schema_at(field, path).map_or((DataType::Utf8, None), |schema| typed(&schema))
}

/// The compact schema at a path of a JSON column.
pub(super) fn schema_at(field: &Field, path: &[String]) -> Option<Json> {
    let text = field.metadata().get(JSON_SCHEMA)?;
    let root = serde_json::from_str::<Json>(text).ok()?;
    let mut at = &root;
    for step in path {
        at = match at.get("o") {
            Some(properties) => properties.get(step).or_else(|| at.get("r"))?,
            None if is_index(step) => at.get("a")?,
            None => return None,
        };
    }
    Some(at.clone())
}

/// The type of a compact schema, and the schema that its column carries on.
pub(super) fn typed(schema: &Json) -> (DataType, Option<String>) {
    match schema.as_str() {
        Some("i") => (DataType::Int64, None),
        Some("n") => (DataType::Float64, None),
        Some("b") => (DataType::Boolean, None),
        _ if schema.is_object() => (DataType::Utf8, Some(schema.to_string())),
        _ => (DataType::Utf8, None),
    }
}

/// A field of a type; with a schema, JSON text of that schema.
pub(super) fn typed_field(name: &str, kind: DataType, schema: Option<String>) -> Field {
    let field = Field::new(name, kind, true);
    match schema {
        Some(schema) => field.with_metadata(
            [(EXTENSION.to_owned(), "arrow.json".to_owned()), (JSON_SCHEMA.to_owned(), schema)]
                .into(),
        ),
        None => field,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_come_from_the_schema_in_the_metadata() {
        let schema = r#"{"o":{"n":"i","l":{"a":{"o":{"f":"b"}}}},"r":"n"}"#;
        let field = Field::new("c", DataType::Utf8, true)
            .with_metadata([(JSON_SCHEMA.to_owned(), schema.to_owned())].into());
        let kind = |path: &[&str]| {
            type_at(&field, &path.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()).0
        };
        assert_eq!(kind(&["n"]), DataType::Int64);
        assert_eq!(kind(&["l", "0", "f"]), DataType::Boolean);
        assert_eq!(kind(&["l", "-1", "f"]), DataType::Boolean);
        assert_eq!(kind(&["other"]), DataType::Float64);
        assert_eq!(kind(&["l"]), DataType::Utf8);
        assert_eq!(kind(&["l", "x"]), DataType::Utf8);
    }
}
