//! Secrets among the values of a call, by the names of its parameters and fields.
//!
//! Owns: which values of a call must not be shown.
//! Refuses: masking; the values are registered with the redactor before a request leaves.

use serde_json::Value as Json;
use strataql_diag::is_secret_name;
use strataql_spec::{Location, Method};

use super::Arguments;
use crate::exact;
use crate::value::{Value, json_text};

/// The values that must not be shown: those of parameters and fields whose names suggest a secret or
/// which the document lists as secret, at any depth, also in JSON that is given as text.
pub(super) fn of_arguments(method: &Method, arguments: &Arguments) -> Vec<String> {
    let mut found = Vec::new();
    for (name, value) in &arguments.0 {
        let json = match value {
            Value::Json(json) => json.clone(),
            other => Json::String(other.text()),
        };
        if is_secret(method, name) {
            leaves(&json, &mut found);
        } else {
            named(&json, &mut found);
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

/// What stands under names of secrets.
fn named(json: &Json, found: &mut Vec<String>) {
    match json {
        Json::Object(fields) => {
            for (name, field) in fields {
                if is_secret_name(name) && !field.is_object() {
                    leaves(field, found);
                } else {
                    named(field, found);
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| named(item, found)),
        Json::String(text) if text.trim_start().starts_with(['{', '[']) => {
            if let Ok(inner) = exact::read_json(text) {
                named(&inner, found);
            }
        }
        _ => {}
    }
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
        let json = json!({
            "password": "a", "pin_secret": 12, "list_secret": ["b", {"x": "c"}], "name": "d",
            "blob": "{\"client_secret\": \"e\", \"name\": \"f\"}", "token_policy": {"ttl": 5},
            "credentials": {"api_key": "g", "user": "h"}, "has_secret": true,
        });
        named(&json, &mut found);
        assert_eq!(found, ["a", "12", "b", "c", "e", "g"]);
    }
}
