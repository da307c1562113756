//! Parsing operations in the formats of services.
//!
//! Owns: `done`/`error` (long-running operations), `endTime`/`status` (compute operations), `status` of
//! asynchronous requests (`Succeeded`, `Failed`), and the schemas of each.
//! Surprise: `done` may be absent while it is false, as in proto3 JSON.

use serde_json::Value as Json;
use strataql_spec::{SchemaId, Schemas};

use crate::error_object::says_something;
use crate::value::json_text;

/// State of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Pending, with its status if it has one.
    Pending(Option<String>),
    /// Done.
    Done,
    /// Failed, with the reason.
    Failed(String),
}

/// True if a schema describes an operation.
pub(super) fn is_operation(schemas: &Schemas, id: Option<SchemaId>) -> bool {
    let Some(schema) = id.map(|id| &schemas[id]) else { return false };
    let has = |name: &str| schema.properties.contains_key(name);
    let named = schema.name.as_deref().is_some_and(|name| name.ends_with("Operation"));
    (has("name") && has("done"))
        || (has("selfLink") && (has("operationType") || has("targetLink") || has("endTime")))
        || (named && (has("done") || has("status") || has("endTime")))
}

/// True if a response has a state.
pub(super) fn has_state(json: &Json) -> bool {
    json.get("done").is_some() || status(json).is_some()
}

/// The state of an operation.
pub(super) fn state(json: &Json) -> State {
    if let Some(error) = json.get("error").filter(|error| says_something(error)) {
        return State::Failed(message(error));
    }
    if let Some(text) = json.get("httpErrorMessage").and_then(text) {
        return State::Failed(text);
    }
    let status = status(json);
    let word = status.as_deref().map(str::to_ascii_lowercase).unwrap_or_default();
    if matches!(word.as_str(), "failed" | "canceled" | "cancelled" | "error" | "aborted") {
        return State::Failed(format!("its status is `{}`", status.unwrap_or_default()));
    }
    match json.get("done").and_then(Json::as_bool) {
        Some(true) => return State::Done,
        Some(false) => return State::Pending(status),
        None => {}
    }
    let has_ended = json.get("endTime").and_then(text).is_some_and(|time| !time.is_empty());
    let is_done = matches!(
        word.as_str(),
        "done" | "succeeded" | "success" | "successful" | "completed" | "complete"
    );
    if has_ended || is_done { State::Done } else { State::Pending(status) }
}

/// The status of an operation.
pub(super) fn status(json: &Json) -> Option<String> {
    ["status", "state", "provisioningState"]
        .iter()
        .find_map(|name| json.get(name).or_else(|| json.get("properties")?.get(name)))
        .and_then(text)
}

/// The text of an error: its message with its code, or the whole error.
fn message(error: &Json) -> String {
    let first = error.get("errors").and_then(|errors| errors.get(0)).unwrap_or(error);
    let code = ["code", "error_code", "status"].iter().find_map(|name| first.get(name));
    let words = ["message", "error_message", "details"].iter().find_map(|name| first.get(name));
    match (code.and_then(text), words.and_then(text)) {
        (Some(code), Some(words)) => format!("{words} ({code})"),
        (None, Some(words)) => words,
        _ => text(first).unwrap_or_else(|| json_text(first)),
    }
}

/// The text of a scalar.
pub(super) fn text(json: &Json) -> Option<String> {
    match json {
        Json::Null | Json::Array(_) | Json::Object(_) => None,
        scalar => Some(json_text(scalar)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(json: &Json, expected: State) {
        assert_eq!(state(json), expected, "{json}");
    }

    #[test]
    fn long_running_operations() {
        check(&json!({"name": "operations/1"}), State::Pending(None));
        check(&json!({"name": "operations/1", "done": false}), State::Pending(None));
        check(&json!({"name": "operations/1", "done": true, "response": {}}), State::Done);
        check(
            &json!({"done": true, "error": {"code": 8, "message": "no quota"}}),
            State::Failed("no quota (8)".to_owned()),
        );
        check(&json!({"done": true, "error": {}}), State::Done);
    }

    #[test]
    fn compute_operations() {
        let running = Some("RUNNING".to_owned());
        check(&json!({"status": "RUNNING", "selfLink": "x"}), State::Pending(running));
        check(&json!({"status": "DONE", "selfLink": "x"}), State::Done);
        check(&json!({"selfLink": "x", "endTime": "2024-05-01"}), State::Done);
        check(
            &json!({"status": "DONE", "error": {"errors": [{"code": "Q", "message": "full"}]}}),
            State::Failed("full (Q)".to_owned()),
        );
    }

    #[test]
    fn asynchronous_requests() {
        check(&json!({"status": "InProgress"}), State::Pending(Some("InProgress".to_owned())));
        check(&json!({"properties": {"provisioningState": "Succeeded"}}), State::Done);
        check(&json!({"status": "Canceled"}), State::Failed("its status is `Canceled`".to_owned()));
    }
}
