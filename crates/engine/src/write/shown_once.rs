//! Secrets in the response to an INSERT, which most services show once.
//!
//! Surprise: the warning comes when the secret is already lost. Whether a response has one is known only
//! then: documents have the same field in methods that never return it.

use serde_json::Value as Json;
use strataql_call::is_secret;
use strataql_diag::{Code, Report, is_secret_name};
use strataql_net::Response;
use strataql_spec::{Method, SqlVerb};

use super::returning::Returning;
use super::writer::{Chosen, Writer};

/// The warning about secrets that the statement has neither given nor returned.
pub(super) fn warning<'a>(
    writer: &Writer<'_>,
    chosen: &Chosen,
    returning: Option<&Returning>,
    responses: impl Iterator<Item = &'a Response>,
) -> Option<Report> {
    if chosen.verb != SqlVerb::Insert {
        return None;
    }
    let mut names: Vec<String> = Vec::new();
    for response in responses {
        if let Ok(body) = serde_json::from_slice::<Json>(&response.body) {
            collect(chosen.method(), &body, &mut names);
        }
    }
    names.retain(|name| {
        let is_named = writer.mentioned_identifiers.contains(&name.to_lowercase());
        let is_returned = returning
            .is_some_and(|returning| returning.columns().iter().any(|(column, _)| column == name));
        !is_named && !is_returned
    });
    let first = names.first()?;
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    Some(
        Report::warning(
            Code::SecretNotReturned,
            format!(
                "the response holds {}, which is not shown again and was not returned",
                quoted.join(", ")
            ),
        )
        .with_help(format!(
            "add `RETURNING {first}` to the statement; for this object, create another secret"
        )),
    )
}

/// Names of fields with a secret in them.
fn collect(method: &Method, body: &Json, names: &mut Vec<String>) {
    match body {
        Json::Object(fields) => {
            for (name, value) in fields {
                let is_text = value.as_str().is_some_and(|text| !text.is_empty());
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
