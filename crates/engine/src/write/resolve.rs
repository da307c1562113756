//! A write whose outcome is unknown: read the object and see.
//!
//! Owns: finding a lookup for the object, and comparing what it shows with what was sent.
//! Refuses: sending the write again.

use serde_json::Value as Json;
use strataql_call::{CallMetrics, Exchange, MethodCall, Sight, is_same_scalar};
use strataql_net::Response;
use strataql_spec::{HttpVerb, SqlVerb};

use super::prepared::{Before, PreparedWrite};

/// What reading the object tells.
pub(crate) enum Seen {
    /// The change is there.
    Applied(Response),
    /// The object is as if nothing had been sent.
    NotApplied,
    /// There is no way to tell.
    Unclear,
}

/// Reads the object that a write was about. `is_refusal` tells that its answer said itself that it
/// failed, under a status of success.
pub(crate) async fn look(
    exchange: &dyn Exchange,
    metrics: &CallMetrics,
    write: &PreparedWrite,
    is_refusal: bool,
) -> Seen {
    let Some(change) = change_of(&write.call) else { return Seen::Unclear };
    let Ok(Some(lookup)) = write.call.lookup() else { return Seen::Unclear };
    let Ok(sight) = lookup.look_up(exchange, metrics).await else { return Seen::Unclear };
    match (change, sight) {
        (_, Sight::Unclear(_)) | (Change::Altered, Sight::Missing(_)) => Seen::Unclear,
        (Change::Gone, Sight::Missing(answer)) => Seen::Applied(answer),
        (Change::Gone, Sight::Object(_)) | (Change::Made, Sight::Missing(_)) => Seen::NotApplied,
        (Change::Made | Change::Altered, Sight::Object(shown)) => {
            // an object that is as it was sent may have been there before
            let is_new = match write.before {
                Before::Absent => true,
                Before::Unread => false,
                Before::Unasked => !is_refusal,
            };
            let sent = write.call.body();
            match sent.and_then(|sent| shows(&sent, &shown.object)) {
                Some(true) if change == Change::Altered || is_new => Seen::Applied(shown.response),
                Some(true) => Seen::Unclear,
                // an object of that name may have been there before
                Some(false) if change == Change::Altered => Seen::NotApplied,
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

/// Whether every field that was sent is shown with its value; `None` if one is not shown at all.
fn shows(sent: &Json, shown: &Json) -> Option<bool> {
    match (sent, shown) {
        (Json::Object(sent), Json::Object(shown)) => {
            let mut all = true;
            for (name, value) in sent {
                match shown.get(name) {
                    Some(shown) => all &= shows(value, shown)?,
                    None if value.is_null() => {}
                    None => return None,
                }
            }
            Some(all)
        }
        (Json::Array(sent), Json::Array(shown)) if sent.len() == shown.len() => {
            let mut all = true;
            for (sent, shown) in sent.iter().zip(shown) {
                all &= shows(sent, shown)?;
            }
            Some(all)
        }
        // the service may have added items of its own
        (Json::Array(sent), Json::Array(shown)) => {
            let has = |item: &Json| shown.iter().any(|shown| shows(item, shown) == Some(true));
            if sent.iter().all(has) { None } else { Some(false) }
        }
        (sent, shown) => Some(is_same_scalar(sent, shown)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_sent_must_be_shown() {
        let shown = json!({"id": "1", "policy": {"ttl": 60, "on": true}, "tags": ["a"]});
        assert_eq!(shows(&json!({"policy": {"ttl": 60}}), &shown), Some(true));
        assert_eq!(shows(&json!({"gone": null, "tags": ["a"]}), &shown), Some(true));
        assert_eq!(shows(&json!({"policy": {"ttl": 61}}), &shown), Some(false));
        assert_eq!(shows(&json!({"tags": ["a", "b"]}), &shown), Some(false));
        assert_eq!(shows(&json!({"policy": {"ttl": "60", "on": true}}), &shown), Some(true));
        // what is not shown tells nothing
        assert_eq!(shows(&json!({"name": "x"}), &shown), None);
        assert_eq!(shows(&json!({"policy": {"name": "x"}}), &shown), None);
        let listed = json!({"rules": [{"a": 1, "id": "r1"}, {"a": 2, "id": "r2"}]});
        assert_eq!(shows(&json!({"rules": [{"a": 1}, {"a": 2}]}), &listed), Some(true));
        assert_eq!(shows(&json!({"rules": [{"a": 1}]}), &listed), None);
        assert_eq!(shows(&json!({"rules": [{"a": 3}]}), &listed), Some(false));
    }
}
