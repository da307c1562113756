//! A write whose outcome is unknown: read the object and see.
//!
//! Owns: finding a lookup for the object, and comparing what it shows with what was sent.
//! Refuses: sending the write again.

use serde_json::Value as Json;
use strataql_call::{CallMetrics, Exchange, MethodCall};
use strataql_net::Response;
use strataql_spec::{HttpVerb, SqlVerb};

use super::prepared::PreparedWrite;

/// What reading the object tells.
pub(crate) enum Seen {
    /// The change is there.
    Applied(Response),
    /// The object is as if nothing had been sent.
    NotApplied,
    /// There is no way to tell.
    Unclear,
}

/// Reads the object that a write was about.
pub(crate) async fn look(
    exchange: &dyn Exchange,
    metrics: &CallMetrics,
    write: &PreparedWrite,
) -> Seen {
    let Some(change) = change_of(&write.call) else { return Seen::Unclear };
    let Ok(Some(lookup)) = write.call.lookup() else { return Seen::Unclear };
    let Ok(answer) = lookup.read(exchange, metrics).await else { return Seen::Unclear };
    let is_there = match answer.status {
        200..=299 => true,
        404 => false,
        _ => return Seen::Unclear,
    };
    match (change, is_there) {
        (Change::Gone, false) => Seen::Applied(answer),
        (Change::Gone, true) | (Change::Made, false) => Seen::NotApplied,
        (Change::Altered, false) => Seen::Unclear,
        (Change::Made | Change::Altered, true) => {
            let sent = write.call.body();
            let shown: Option<Json> = serde_json::from_slice(&answer.body).ok();
            match (sent, shown) {
                (Some(sent), Some(shown)) if shows(&sent, &shown) => Seen::Applied(answer),
                // an object of that name may have been there before
                (Some(_), Some(_)) if change == Change::Altered => Seen::NotApplied,
                _ => Seen::Unclear,
            }
        }
    }
}

/// What a write does to its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Made,
    Altered,
    Gone,
}

/// What a method does, from the statement it serves; `None` for an action of another kind.
fn change_of(call: &MethodCall) -> Option<Change> {
    let method = call.method();
    match (call.target().resource().verb_of(&method.name), method.verb) {
        (SqlVerb::Insert, _) => Some(Change::Made),
        (SqlVerb::Delete, _) | (SqlVerb::Exec, HttpVerb::Delete) => Some(Change::Gone),
        (SqlVerb::Update | SqlVerb::Replace, _)
        | (SqlVerb::Exec, HttpVerb::Put | HttpVerb::Patch) => Some(Change::Altered),
        _ => None,
    }
}

/// True if every field that was sent is shown with its value.
fn shows(sent: &Json, shown: &Json) -> bool {
    match (sent, shown) {
        (Json::Object(sent), Json::Object(shown)) => sent.iter().all(|(name, value)| {
            shown.get(name).map_or(value.is_null(), |shown| shows(value, shown))
        }),
        (sent, shown) => sent == shown,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_sent_must_be_shown() {
        let shown = json!({"id": "1", "policy": {"ttl": 60, "on": true}, "tags": ["a"]});
        assert!(shows(&json!({"policy": {"ttl": 60}}), &shown));
        assert!(shows(&json!({"gone": null, "tags": ["a"]}), &shown));
        assert!(!shows(&json!({"policy": {"ttl": 61}}), &shown));
        assert!(!shows(&json!({"tags": ["a", "b"]}), &shown));
        assert!(!shows(&json!({"name": "x"}), &shown));
    }
}
