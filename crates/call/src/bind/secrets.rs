//! Secrets among the values of a call, by the names of its parameters and fields.
//!
//! Owns: which values of a call must not be shown, and bodies without them.
//! Refuses: masking by value; the values are registered with the redactor before a request leaves.

use serde_json::{Map, Value as Json};
use strataql_diag::{MASK, is_secret_name, is_secret_value_name, secrets_in_text};
use strataql_spec::{Location, Method};

use super::{Arguments, Fields};
use crate::exact;
use crate::value::{Value, json_text};

/// The values that must not be shown: those of parameters and fields whose names suggest a secret or
/// which the document lists as secret, at any depth, also in JSON that is given as text.
pub(super) fn of_arguments(method: &Method, arguments: &Arguments, fields: &Fields) -> Vec<String> {
    let mut found = Vec::new();
    for (name, value) in arguments.0.iter().chain(&fields.0) {
        let mut json = match value {
            Value::Json(json) => json.clone(),
            other => Json::String(other.text()),
        };
        if is_secret(method, name) {
            leaves(&json, &mut found);
        } else {
            mask_named(&mut json, false, &mut found);
        }
    }
    found.retain(|text| !text.is_empty());
    found
}

/// True if what that name means holds a secret. The page token of a method is none, whatever its name.
pub fn is_secret(method: &Method, name: &str) -> bool {
    let param = method.param(name);
    let wire = param.map_or(name, |param| param.wire.as_str());
    let pages = method.paging.target().is_some_and(|target| target.name == wire);
    // the placeholders of a host are no secrets
    let is_host = param.is_some_and(|param| param.location == Location::Server);
    let listed = method.extension.secret.iter().any(|secret| secret == name || secret == wire);
    listed || (!pages && !is_host && (is_secret_name(name) || is_secret_name(wire)))
}

/// A body with its secrets masked, and their texts: the fields that the document lists as secret, and those
/// whose names suggest a secret.
pub fn masked_body(method: &Method, body: &Json) -> (Json, Vec<String>) {
    let (mut body, mut found) = (body.clone(), Vec::new());
    for path in &method.extension.secret {
        let steps: Vec<&str> = path.split('.').collect();
        mask_at(&mut body, &steps, &mut found);
    }
    mask_named(&mut body, false, &mut found);
    found.retain(|text| !text.is_empty());
    (body, found)
}

/// Masks what is at a path.
fn mask_at(json: &mut Json, steps: &[&str], found: &mut Vec<String>) {
    let Some((step, rest)) = steps.split_first() else { return mask_whole(json, found) };
    match json {
        Json::Object(fields) => {
            if let Some(field) = fields.get_mut(*step) {
                mask_at(field, rest, found);
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| mask_at(item, steps, found)),
        _ => {}
    }
}

/// Masks what stands under names of secrets, also in JSON that is given as text. `inside`: the object itself
/// is called like a secret.
fn mask_named(json: &mut Json, inside: bool, found: &mut Vec<String>) {
    match json {
        Json::Object(fields) => {
            let is_setting = names_a_secret(fields);
            for (name, field) in fields {
                let is_value =
                    is_setting && matches!(name.to_ascii_lowercase().as_str(), "value" | "values");
                let is_secret =
                    is_value || is_secret_name(name) || (inside && is_secret_value_name(name));
                match field {
                    Json::Object(_) => mask_named(field, is_secret, found),
                    _ if is_secret => mask_scalars(field, found),
                    _ => mask_named(field, false, found),
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| mask_named(item, inside, found)),
        Json::String(text) if text.trim_start().starts_with(['{', '[']) => {
            let Ok(mut inner) = exact::read_json(text) else { return mask_text(text, found) };
            let before = found.len();
            mask_named(&mut inner, inside, found);
            if found.len() > before {
                *text = exact::json_text(&inner);
            }
        }
        Json::String(text) => mask_text(text, found),
        _ => {}
    }
}

/// True for `{"name": "DB_PASSWORD", "value": …}`.
fn names_a_secret(fields: &Map<String, Json>) -> bool {
    fields.iter().any(|(name, field)| {
        matches!(name.to_ascii_lowercase().as_str(), "name" | "key")
            && field.as_str().is_some_and(is_secret_name)
    })
}

/// Masks the secrets inside of a text.
fn mask_text(text: &mut String, found: &mut Vec<String>) {
    for range in secrets_in_text(text).into_iter().rev() {
        found.push(text[range.clone()].to_owned());
        text.replace_range(range, MASK);
    }
}

/// Masks the texts and numbers of a secret, which may be an array; objects in it by their names.
fn mask_scalars(json: &mut Json, found: &mut Vec<String>) {
    match json {
        Json::Null | Json::Bool(_) => {}
        Json::Array(items) => items.iter_mut().for_each(|item| mask_scalars(item, found)),
        Json::Object(_) => mask_named(json, true, found),
        Json::String(_) | Json::Number(_) => mask_whole(json, found),
    }
}

fn mask_whole(json: &mut Json, found: &mut Vec<String>) {
    if json.is_null() || json.as_str() == Some(MASK) {
        return;
    }
    leaves(json, found);
    *json = Json::String(MASK.to_owned());
}

/// Every text and number of a value.
fn leaves(json: &Json, found: &mut Vec<String>) {
    match json {
        Json::Null | Json::Bool(_) => {}
        Json::Array(items) => items.iter().for_each(|item| leaves(item, found)),
        Json::Object(fields) => fields.values().for_each(|field| leaves(field, found)),
        scalar => {
            let text = json_text(scalar);
            if text.trim_start().starts_with(['{', '['])
                && let Ok(inner) = exact::read_json(&text)
            {
                leaves(&inner, found);
            }
            found.push(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_under_names_of_secrets_are_found_at_any_depth() {
        let mut found = Vec::new();
        let mut json = json!({
            "password": "a", "pin_secret": 12, "list_secret": ["b", {"secret": "c"}], "name": "d",
            "blob": "{\"client_secret\": \"e\", \"name\": \"f\"}", "token_policy": {"ttl": 5},
            "credentials": {"api_key": "g", "user": "h", "password": {"value": "i", "hash": {"salt": "j"}}},
            "has_secret": true, "secrets": [{"key": "k", "value": "l"}], "plain": "{\"a\": 1}",
        });
        mask_named(&mut json, false, &mut found);
        assert_eq!(found, ["a", "12", "b", "c", "e", "g", "i", "j", "k", "l"]);
        let expected = json!({
            "password": MASK, "pin_secret": MASK, "list_secret": [MASK, {"secret": MASK}], "name": "d",
            "blob": "{\"client_secret\":\"***\",\"name\":\"f\"}", "token_policy": {"ttl": 5},
            "credentials": {"api_key": MASK, "user": "h", "password": {"value": MASK, "hash": {"salt": MASK}}},
            "has_secret": true, "secrets": [{"key": MASK, "value": MASK}], "plain": "{\"a\": 1}",
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn texts_are_searched_for_secrets() {
        let mut found = Vec::new();
        let mut json = json!({
            "url": "postgres://app:canary-1@db/x", "script": "export DB_PASSWORD=canary-2\nrun",
            "env": [{"name": "DB_PASSWORD", "value": "canary-3"}, {"name": "MODE", "value": "fast"}],
            "notes": "a token is a word", "broken": "{\"password\": \"x",
        });
        mask_named(&mut json, false, &mut found);
        assert_eq!(found, ["canary-1", "canary-2", "canary-3"]);
        let expected = json!({
            "url": "postgres://app:***@db/x", "script": "export DB_PASSWORD=***\nrun",
            "env": [{"name": "DB_PASSWORD", "value": MASK}, {"name": "MODE", "value": "fast"}],
            "notes": "a token is a word", "broken": "{\"password\": \"x",
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn what_a_document_lists_is_masked_as_a_whole() {
        let mut body = json!({"a": {"s": "x"}, "l": [{"s": "y"}], "s": null, "n": {"s": 7}});
        let mut found = Vec::new();
        for path in [&["a", "s"][..], &["l", "s"], &["s"], &["none"], &["n"]] {
            mask_at(&mut body, path, &mut found);
        }
        assert_eq!(body, json!({"a": {"s": MASK}, "l": [{"s": MASK}], "s": null, "n": MASK}));
        assert_eq!(found, ["x", "y", "7"]);
    }
}
