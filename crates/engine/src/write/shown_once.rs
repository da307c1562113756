//! Secrets in the response to an INSERT, which most services show once.
//!
//! Surprise: the warning comes when the secret is already lost. Whether a response has one is known only
//! then: documents have the same field in methods that never return it.

use serde_json::Value as Json;
use strataql_call::is_secret;
use strataql_diag::{Code, Report, is_secret_name};
use strataql_net::Response;
use strataql_spec::{Method, SqlVerb};

/// The warning about secrets in responses that the statement neither gives nor returns; `is_known` is
/// true for the fields that it does.
pub(super) fn warning<'a>(
    method: &Method,
    verb: SqlVerb,
    responses: impl Iterator<Item = &'a Response>,
    is_known: impl Fn(&str) -> bool,
) -> Option<Report> {
    if verb != SqlVerb::Insert {
        return None;
    }
    let mut names: Vec<String> = Vec::new();
    for response in responses {
        if let Ok(body) = serde_json::from_slice::<Json>(&response.body) {
            collect(method, &body, &mut names);
        }
    }
    names.retain(|name| !is_known(name));
    let first = names.first()?;
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let message = format!(
        "the response holds {}, which is not shown again and was not returned",
        quoted.join(", ")
    );
    Some(Report::warning(Code::SecretNotReturned, message).with_help(format!(
        "add `RETURNING {first}` to the statement; for this object, create another secret"
    )))
}

/// True for what is computed from a secret, and is of no use without it.
fn is_digest(name: &str) -> bool {
    ["hash", "digest", "fingerprint"].iter().any(|word| name.to_lowercase().ends_with(word))
}

/// Names of fields with a secret in them.
fn collect(method: &Method, body: &Json, names: &mut Vec<String>) {
    match body {
        Json::Object(fields) => {
            for (name, value) in fields {
                let is_text = value.as_str().is_some_and(|text| !text.is_empty());
                let is_text = is_text && !is_digest(name);
                if is_text && (is_secret(method, name) || is_secret_name(name)) {
                    if !names.contains(name) {
                        names.push(name.clone());
                    }
                } else {
                    collect(method, value, names);
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| collect(method, item, names)),
        _ => {}
    }
}
