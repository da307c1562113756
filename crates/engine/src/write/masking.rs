//! Secrets in request bodies, addresses and statements: masked wherever these are shown or kept.
//!
//! Owns: what counts as a secret of a write, and masking it.
//! Surprise: a secret that stands in no literal of its statement was computed there, so every literal
//! may be a part of it and all are masked.

use serde_json::Value as Json;
use strataql_call::is_secret;
use strataql_diag::{MASK, is_secret_name};
use strataql_spec::{Method, Piece};
use strataql_sql::sqlparser::tokenizer::TokenWithSpan;
use strataql_sql::{Parsed, byte_span, literal_text};
use url::Url;

/// The body with the method's secret fields masked, and fields whose names speak of secrets.
pub(crate) fn masked(method: &Method, body: &Json) -> Json {
    let mut body = body.clone();
    hide(method, &mut body, &mut Vec::new());
    body
}

/// Texts of a body that must not be shown.
pub(crate) fn secrets(method: &Method, body: &Json) -> Vec<String> {
    let mut found = Vec::new();
    hide(method, &mut body.clone(), &mut found);
    found
}

fn hide(method: &Method, body: &mut Json, found: &mut Vec<String>) {
    for path in &method.extension.secret {
        let steps: Vec<&str> = path.split('.').collect();
        mask(body, &steps, found);
    }
    mask_named(body, found);
}

/// Masks what is at a path.
fn mask(json: &mut Json, steps: &[&str], found: &mut Vec<String>) {
    let Some((step, rest)) = steps.split_first() else {
        if !json.is_null() {
            collect(json, found);
            *json = Json::String(MASK.to_owned());
        }
        return;
    };
    match json {
        Json::Object(fields) => {
            if let Some(field) = fields.get_mut(*step) {
                mask(field, rest, found);
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| mask(item, steps, found)),
        _ => {}
    }
}

/// Masks values whose names suggest secrets, also in JSON that is given as text.
fn mask_named(json: &mut Json, found: &mut Vec<String>) {
    match json {
        Json::Object(fields) => {
            for (name, field) in fields {
                let is_masked = field.as_str() == Some(MASK);
                if is_secret_name(name) && !field.is_object() && !is_masked {
                    mask_scalars(field, found);
                } else {
                    mask_named(field, found);
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| mask_named(item, found)),
        Json::String(text) if text.trim_start().starts_with(['{', '[']) => {
            let Ok(mut inner) = serde_json::from_str::<Json>(text) else { return };
            let before = found.len();
            mask_named(&mut inner, found);
            if found.len() > before {
                *text = inner.to_string();
            }
        }
        _ => {}
    }
}

/// Masks the texts and numbers of a value or an array.
fn mask_scalars(json: &mut Json, found: &mut Vec<String>) {
    match json {
        Json::Null | Json::Bool(_) => {}
        Json::Array(items) => items.iter_mut().for_each(|item| mask_scalars(item, found)),
        Json::Object(_) => mask_named(json, found),
        Json::String(_) | Json::Number(_) => {
            collect(json, found);
            *json = Json::String(MASK.to_owned());
        }
    }
}

/// Every text and number of a value.
fn collect(json: &Json, found: &mut Vec<String>) {
    match json {
        Json::String(text) => found.push(text.clone()),
        Json::Number(number) => found.push(number.to_string()),
        Json::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Json::Object(fields) => fields.values().for_each(|field| collect(field, found)),
        Json::Null | Json::Bool(_) => {}
    }
}

/// An address with the values of parameters masked whose names suggest secrets.
pub(crate) fn masked_url(method: &Method, url: &Url) -> String {
    let mut shown = url.clone();
    if let Some(path) = masked_path(method, url.path()) {
        shown.set_path(&path);
    }
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    if pairs.iter().any(|(name, _)| is_secret(method, name)) {
        shown.query_pairs_mut().clear().extend_pairs(pairs.iter().map(|(name, value)| {
            (name.as_str(), if is_secret(method, name) { MASK } else { value.as_str() })
        }));
    }
    shown.into()
}

/// The path with the values of secret parameters masked; `None` if there are none.
fn masked_path(method: &Method, path: &str) -> Option<String> {
    let pieces = &method.path.path;
    let is_hidden = |piece: &Piece| matches!(piece, Piece::Param(name) if is_secret(method, name));
    pieces.iter().find(|piece| is_hidden(piece))?;
    let mut masked = String::new();
    let mut rest = path;
    for (at, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Literal(text) => {
                // the path of the server comes before the first
                let start = rest.find(text.as_str())? + text.len();
                masked.push_str(&rest[..start]);
                rest = &rest[start..];
            }
            Piece::Param(_) => {
                let end = match pieces.get(at + 1) {
                    Some(Piece::Literal(next)) => rest.find(next.as_str())?,
                    _ => rest.len(),
                };
                masked.push_str(if is_hidden(piece) { MASK } else { &rest[..end] });
                rest = &rest[end..];
            }
        }
    }
    masked.push_str(rest);
    Some(masked)
}

/// The text of a statement with the literals masked that hold a secret.
pub(crate) fn statement(text: &str, parsed: &Parsed, secrets: &[String]) -> String {
    let literals: Vec<(&TokenWithSpan, String)> = parsed
        .tokens
        .iter()
        .filter_map(|token| Some((token, literal_text(&token.token)?)))
        .collect();
    let secrets: Vec<&String> = secrets.iter().filter(|secret| !secret.is_empty()).collect();
    let holds = |literal: &str, secret: &str| {
        let quoted = Json::from(secret).to_string();
        literal.contains(secret) || literal.contains(&quoted[1..quoted.len() - 1])
    };
    let computed =
        secrets.iter().any(|secret| !literals.iter().any(|(_, literal)| holds(literal, secret)));
    let mut masked = String::new();
    let mut at = parsed.span.start;
    for (token, literal) in &literals {
        if !computed && !secrets.iter().any(|secret| holds(literal, secret)) {
            continue;
        }
        let span = byte_span(text, token);
        masked.push_str(text.get(at..span.start).unwrap_or_default());
        masked.extend(["'", MASK, "'"]);
        at = span.end.max(at);
    }
    masked.push_str(text.get(at..parsed.span.end).unwrap_or_default());
    masked
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_masked_at_any_depth() {
        let mut body = json!({"a": {"s": "x"}, "l": [{"s": "y"}], "s": null, "n": {"s": 7}});
        let mut found = Vec::new();
        for path in [&["a", "s"][..], &["l", "s"], &["s"], &["none"], &["n"]] {
            mask(&mut body, path, &mut found);
        }
        assert_eq!(body, json!({"a": {"s": MASK}, "l": [{"s": MASK}], "s": null, "n": MASK}));
        assert_eq!(found, ["x", "y", "7"]);
    }

    #[test]
    fn texts_named_like_secrets_are_masked() {
        let mut body = json!({"password": "x", "token_policy": {"ttl": 5}, "l": [{"api_key": "y"}], "pwd": [7, "z"],
                "text": "{\"secret\": \"t\", \"a\": 1}", "plain": "{\"a\": 1}", "has_secret": true});
        let mut found = Vec::new();
        mask_named(&mut body, &mut found);
        let expected = json!({"password": MASK, "token_policy": {"ttl": 5}, "l": [{"api_key": MASK}], "pwd": [MASK, MASK],
                "text": "{\"secret\":\"***\",\"a\":1}", "plain": "{\"a\": 1}", "has_secret": true});
        assert_eq!(body, expected);
        assert_eq!(found, ["x", "y", "7", "z", "t"]);
    }

    #[test]
    fn literals_with_a_secret_are_masked_and_all_when_it_is_computed() {
        let text = "SELECT 1; INSERT INTO t (a, b) VALUES ('it''s', '{\"p\": \"x\\\"y\"}', 5)";
        let parsed = strataql_sql::parse(text).expect("valid").remove(1);
        let check = |secrets: &[&str], expected: &str| {
            let secrets: Vec<String> = secrets.iter().map(|text| (*text).to_owned()).collect();
            assert_eq!(statement(text, &parsed, &secrets), expected, "{secrets:?}");
        };
        let plain = &text[10..];
        check(&[], plain);
        check(&[""], plain);
        check(&["it's"], "INSERT INTO t (a, b) VALUES ('***', '{\"p\": \"x\\\"y\"}', 5)");
        check(&["x\"y"], "INSERT INTO t (a, b) VALUES ('it''s', '***', 5)");
        check(&["elsewhere"], "INSERT INTO t (a, b) VALUES ('***', '***', '***')");
    }
}
