//! Secrets in request bodies, addresses and statements: masked wherever these are shown or kept.
//!
//! Owns: what counts as a secret of a write, and masking it.
//! Surprise: a secret that stands in no literal of its statement was computed there, so every literal
//! may be a part of it and all are masked.

use serde_json::Value as Json;
use strataql_call::{is_secret, masked_body};
use strataql_diag::MASK;
use strataql_spec::{Method, Piece};
use strataql_sql::sqlparser::tokenizer::TokenWithSpan;
use strataql_sql::{Parsed, byte_span, literal_text};
use url::Url;

/// The body with its secrets masked.
pub(crate) fn masked(method: &Method, body: &Json) -> Json {
    masked_body(method, body).0
}

/// Texts of a body that must not be shown.
pub(crate) fn secrets(method: &Method, body: &Json) -> Vec<String> {
    masked_body(method, body).1
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
    use super::*;

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
