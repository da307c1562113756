//! Answers as the service itself gives them, before the template of a document rewrites them.
//!
//! Owns: the inverse of the templates that documents use most: one that wraps the whole answer under a key,
//! one that makes rows of scalars, and one that lifts members of `properties` into their row.
//! Surprise: of any other template the answer is what the template should make. Templates that only copy
//! give it again.

use serde_json::{Map, Value as Json};
use strataql_spec::{Method, RowShape, Transform};

/// Fields of a row that services keep beside `properties`.
const OUTSIDE: &[&str] = &[
    "id",
    "name",
    "type",
    "location",
    "tags",
    "kind",
    "sku",
    "identity",
    "zones",
    "etag",
    "plan",
    "managedBy",
    "systemData",
    "extendedLocation",
];

/// The answer before it is rewritten.
pub(crate) fn original(method: &Method, body: Json) -> Json {
    let Some(transform) = &method.response.transform else { return body };
    match transform.family() {
        "golang_template_json" if transform.body.contains("\"_flattened\"") => {
            unflattened(&method.response.rows, body)
        }
        "golang_template_json" | "golang_template_text" | "golang_template" => {
            unwrapped(transform, body)
        }
        _ => body,
    }
}

/// Takes away the key under which a template puts the whole answer, or each scalar of it.
fn unwrapped(transform: &Transform, body: Json) -> Json {
    let text = &transform.body;
    // printf "{\"key\":%s}" .
    if let Some((key, _)) =
        text.split_once("printf \"{\\\"").and_then(|(_, rest)| rest.split_once("\\\":%s}\""))
    {
        return match body {
            Json::Object(mut fields) => match fields.shift_remove(key) {
                Some(inner) => inner,
                None => Json::Object(fields),
            },
            other => other,
        };
    }
    // [{"key": {{ toJson . }}}]
    let compact: String = text.split_whitespace().collect();
    if let Some((key, _)) =
        compact.strip_prefix("[{\"").and_then(|rest| rest.split_once("\":{{toJson.}}}]"))
    {
        let row = match body {
            Json::Array(rows) => rows.into_iter().next().unwrap_or(Json::Null),
            other => other,
        };
        return match row {
            Json::Object(mut fields) => fields.shift_remove(key).unwrap_or(Json::Null),
            other => other,
        };
    }
    // {"list": [{{ range $i, $v := . }}…{"key": {{ toJson $v }}}…]}
    let items = compact
        .split_once("range$i,$v:=.}}")
        .and_then(|(_, rest)| rest.split_once("{{end}}{\""))
        .and_then(|(_, rest)| rest.split_once("\":{{toJson$v}}}"));
    if let Some((key, _)) = items
        && let Json::Object(fields) = &body
        && let Some(Json::Array(rows)) = fields.values().find(|value| value.is_array())
    {
        return Json::Array(rows.iter().filter_map(|row| row.get(key).cloned()).collect());
    }
    body
}

/// Puts the fields of rows back under `properties`.
fn unflattened(rows: &RowShape, body: Json) -> Json {
    if rows.is_single() {
        return nested(body);
    }
    let Json::Object(mut fields) = body else { return body };
    if let Some(Json::Array(rows)) = rows.path().first().and_then(|key| fields.get_mut(key)) {
        for row in rows {
            *row = nested(std::mem::take(row));
        }
    }
    Json::Object(fields)
}

fn nested(row: Json) -> Json {
    let Json::Object(fields) = row else { return row };
    let (mut own, mut inner) = (Map::new(), Map::new());
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("properties", Json::Object(given)) => {
                for (name, value) in given {
                    inner.entry(name).or_insert(value);
                }
            }
            ("properties" | "_flattened", _) => {}
            (name, value) if OUTSIDE.contains(&name) => {
                own.insert(name.to_owned(), value);
            }
            (name, value) => {
                inner.insert(name.to_owned(), value);
            }
        }
    }
    own.insert("properties".to_owned(), Json::Object(inner));
    Json::Object(own)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(body: &str, made: Json, expected: &Json) {
        let kind = "golang_template_text_v0.3.0".to_owned();
        assert_eq!(
            &unwrapped(&Transform { kind, body: body.to_owned() }, made),
            expected,
            "{body}"
        );
    }

    #[test]
    fn wrappers_are_taken_away() {
        check(
            "{{- $w := printf \"{\\\"apps\\\":%s}\" . -}}{{- $w -}}",
            json!({"apps": [{"id": 1}]}),
            &json!([{"id": 1}]),
        );
        check("[{\"contents\": {{ toJson . }}}]", json!([{"contents": "x"}]), &json!("x"));
        check(
            "{\"value\": [{{- range $i, $v := . }}{{ if $i }},{{ end }}{\"name\": {{ toJson $v }}}{{- end }}]}",
            json!({"value": [{"name": "a"}, {"name": "b"}]}),
            &json!(["a", "b"]),
        );
        check("{{ toJson . }}", json!({"a": 1}), &json!({"a": 1}));
    }

    #[test]
    fn fields_go_back_under_properties() {
        let rows = RowShape::List { path: vec!["value".to_owned()] };
        let made = json!({"value": [{"id": "1", "size": 5, "properties": {"size": 1, "deep": {}}, "_flattened": true}], "nextLink": "u"});
        assert_eq!(
            unflattened(&rows, made),
            json!({"value": [{"id": "1", "properties": {"size": 5, "deep": {}}}], "nextLink": "u"})
        );
        let single = RowShape::Object { path: Vec::new() };
        assert_eq!(
            unflattened(&single, json!({"name": "n", "a": [1]})),
            json!({"name": "n", "properties": {"a": [1]}})
        );
    }
}
