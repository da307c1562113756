//! Query strings.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;
use strataql_diag::Report;
use strataql_spec::{Location, Piece, SchemaKind};

use super::Binder;
use crate::exact;
use crate::value::{Value, json_text};

/// All characters but the unreserved ones of RFC 3986; a space becomes `+` (form encoding).
const COMPONENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b' ');

type Pairs = Vec<(String, Option<String>)>;

/// Pairs in the path key itself (`/?Action=List`), in its order.
pub(super) fn of_path_key(binder: &Binder<'_>) -> Result<Pairs, Box<Report>> {
    let mut text = String::new();
    for piece in &binder.method.path.query {
        match piece {
            Piece::Literal(literal) => text.push_str(literal),
            Piece::Param(name) => {
                let param = binder.params(Location::Path).find(|param| &param.wire == name);
                if let Some(param) = param {
                    match binder.args.value(param) {
                        Some(value) => {
                            let value = binder.text(param, value)?;
                            text.extend(utf8_percent_encode(&value, NON_ALPHANUMERIC));
                        }
                        None => binder.require(param)?,
                    }
                }
            }
        }
    }
    let decode = |part: &str| {
        let plus = part.replace('+', " ");
        percent_encoding::percent_decode_str(&plus).decode_utf8_lossy().into_owned()
    };
    Ok(text
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) => (decode(name), Some(decode(value))),
            None => (decode(pair), None),
        })
        .collect())
}

/// Pairs of query parameters, sorted by name; values of one name keep their order.
pub(super) fn of_params(binder: &Binder<'_>) -> Result<Pairs, Box<Report>> {
    let mut pairs: Pairs = Vec::new();
    for param in binder.params(Location::Query) {
        let Some(value) = binder.args.value(param) else {
            binder.require(param)?;
            continue;
        };
        let kind = binder.service.schemas[param.schema].kind;
        if binder.method.query_transpose.as_deref() == Some("AWSCanonical")
            && let Some(json) = structure(value, kind)
        {
            number(&param.wire, &json, &mut pairs);
            continue;
        }
        if kind == SchemaKind::Object
            && let Some(object) = object(value)
        {
            flatten(&param.wire, &object, &mut pairs);
            continue;
        }
        let texts = binder.texts(param, value)?;
        if kind == SchemaKind::Array && param.explode == Some(false) {
            pairs.push((param.wire.clone(), Some(texts.join(","))));
        } else {
            pairs.extend(texts.into_iter().map(|text| (param.wire.clone(), Some(text))));
        }
    }
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(pairs)
}

/// What `AWSCanonical` takes apart: a structure, given as such or as text, and a lone value of a list.
fn structure(value: &Value, kind: SchemaKind) -> Option<Json> {
    let json = match value {
        Value::Json(json) => Some(json.clone()),
        Value::Text(text)
            if text.trim_start().starts_with(['[', '{']) && kind != SchemaKind::String =>
        {
            exact::read_json(text).ok()
        }
        _ => None,
    };
    match json.filter(|json| json.is_array() || json.is_object()) {
        None if kind == SchemaKind::Array => Some(Json::Array(vec![Json::from(value.text())])),
        found => found,
    }
}

/// Items are counted from 1, members are named: `Filter.1.Name=x`.
fn number(name: &str, json: &Json, pairs: &mut Pairs) {
    match json {
        Json::Object(fields) => {
            for (key, value) in fields {
                number(&format!("{name}.{key}"), value, pairs);
            }
        }
        Json::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                number(&format!("{name}.{}", at + 1), item, pairs);
            }
        }
        Json::Null => {}
        scalar => pairs.push((name.to_owned(), Some(json_text(scalar)))),
    }
}

/// A structure, given as such or as text.
fn object(value: &Value) -> Option<Json> {
    let json = match value {
        Value::Json(json) => json.clone(),
        Value::Text(text) => exact::read_json(text).ok()?,
        _ => return None,
    };
    json.is_object().then_some(json)
}

/// Nested messages become dotted names, lists repeat theirs (`filter.ids=1&filter.ids=2`).
fn flatten(name: &str, json: &Json, pairs: &mut Pairs) {
    match json {
        Json::Object(fields) => {
            for (key, value) in fields {
                flatten(&format!("{name}.{key}"), value, pairs);
            }
        }
        Json::Array(items) => items.iter().for_each(|item| flatten(name, item, pairs)),
        Json::Null => {}
        scalar => pairs.push((name.to_owned(), Some(json_text(scalar)))),
    }
}

/// `a=1&b` of pairs, form-encoded.
pub(super) fn encode(pairs: &[(&str, Option<&str>)]) -> String {
    let component = |text: &str| utf8_percent_encode(text, COMPONENT).to_string().replace(' ', "+");
    let parts: Vec<String> = pairs
        .iter()
        .map(|(name, value)| match value {
            Some(value) => format!("{}={}", component(name), component(value)),
            None => component(name),
        })
        .collect();
    parts.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_form_encoded() {
        let pairs = [("a", Some("x y&z=*~")), ("acl", None), ("ü", Some(""))];
        assert_eq!(encode(&pairs), "a=x+y%26z%3D%2A~&acl&%C3%BC=");
    }

    #[test]
    fn lists_are_numbered_for_the_query_protocol() {
        let check = |value: Value, kind, expected: &[&str]| {
            let mut pairs = Vec::new();
            if let Some(json) = structure(&value, kind) {
                number("Filter", &json, &mut pairs);
            }
            let shown: Vec<String> = pairs
                .iter()
                .map(|(name, value)| format!("{name}={}", value.as_deref().unwrap_or("")))
                .collect();
            assert_eq!(shown, expected);
        };
        let text = |text: &str| Value::Text(text.to_owned());
        check(
            text(r#"[{"Name":"vpc-id","Values":["a",true]}]"#),
            SchemaKind::Array,
            &["Filter.1.Name=vpc-id", "Filter.1.Values.1=a", "Filter.1.Values.2=true"],
        );
        check(text("i-1"), SchemaKind::Array, &["Filter.1=i-1"]);
        check(text(r#"{"A":{"B":1.10}}"#), SchemaKind::Object, &["Filter.A.B=1.10"]);
        // a policy is text, although it looks like JSON
        check(text(r#"{"A":1}"#), SchemaKind::String, &[]);
    }

    #[test]
    fn structures_flatten_to_dotted_names() {
        let mut pairs = Vec::new();
        flatten("f", &serde_json::json!({"ids": [1, 2], "by": {"n": "x"}, "z": null}), &mut pairs);
        let shown: Vec<String> = pairs
            .iter()
            .map(|(name, value)| format!("{name}={}", value.as_deref().unwrap_or("")))
            .collect();
        assert_eq!(shown, ["f.ids=1", "f.ids=2", "f.by.n=x"]);
    }
}
