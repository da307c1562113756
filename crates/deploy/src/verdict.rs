//! What rows of checks mean.
//!
//! Owns: the rules of the reference for `exists`, `statecheck` and callbacks, and which failures say
//! that an object is not there.

use serde_json::{Map, Value as Json};
use strataql_diag::{Class, Code, Report};

use crate::runner::Row;

/// Whether an object is there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Presence {
    /// It is not.
    Absent,
    /// It is; with the columns that name it.
    Present(Map<String, Json>),
    /// Several are.
    Many(u64),
}

/// The verdict of an `exists` or a `statecheck` on its rows.
pub(crate) fn presence(rows: &[Row]) -> Presence {
    let Some(first) = rows.first() else { return Presence::Absent };
    match first.get("count").and_then(whole) {
        Some(1) => {
            let others = first.iter().filter(|(name, _)| *name != "count");
            Presence::Present(others.map(|(k, v)| (k.clone(), v.clone())).collect())
        }
        Some(0) => Presence::Absent,
        Some(count) => u64::try_from(count).map_or(Presence::Absent, Presence::Many),
        None if rows.len() > 1 => Presence::Many(rows.len() as u64),
        None if first.values().all(is_nothing) => Presence::Absent,
        None => Presence::Present(first.clone()),
    }
}

/// The verdict of a callback on its rows.
pub(crate) fn succeeded(rows: &[Row]) -> bool {
    let Some(first) = rows.first() else { return false };
    let success = first.get("success").is_some_and(|value| match value {
        Json::Bool(flag) => *flag,
        other => {
            matches!(crate::template::json::plain(other).to_lowercase().as_str(), "1" | "true")
        }
    });
    success || first.get("count").and_then(whole) == Some(1)
}

/// A whole number, also as text or as a boolean.
fn whole(value: &Json) -> Option<i64> {
    match value {
        Json::Bool(flag) => Some(i64::from(*flag)),
        Json::Number(number) => number.as_i64().or_else(|| {
            let float = number.as_f64()?;
            float.to_string().parse().ok()
        }),
        Json::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Null, and how texts say null.
pub(crate) fn is_nothing(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => matches!(text.as_str(), "" | "null" | "NULL"),
        _ => false,
    }
}

/// True for a failure that says that the object is not there.
pub(crate) fn is_missing(report: &Report) -> bool {
    if report.code == Code::RemoteMissing {
        return true;
    }
    let Some(remote) = &report.remote else { return false };
    if !remote.status.is_some_and(|status| (400..500).contains(&status)) {
        return false;
    }
    let says = |text: &Option<String>| {
        text.as_ref().is_some_and(|text| {
            let text = text.to_lowercase().replace([' ', '_', '-'], "");
            ["notfound", "wasnotfound", "nosuch", "doesnotexist"].iter().any(|w| text.contains(w))
        })
    };
    says(&remote.code) || report.code == Code::RemoteRejected && says(&remote.message)
}

/// True for a failure that may be over the next time.
pub(crate) fn is_passing(report: &Report) -> bool {
    report.code.class() == Class::Transient
}

/// True for a refusal after which nothing was written, so that sending again does nothing twice.
pub(crate) fn is_refusal(report: &Report) -> bool {
    matches!(
        report.code,
        Code::RemoteRejected | Code::RemoteMissing | Code::RemoteConflict | Code::RateLimited
    ) || report.code == Code::CredentialRefused
        && report.remote.as_ref().is_some_and(|remote| remote.status == Some(403))
}

/// A returned row with the members of its objects as objects.
pub(crate) fn returned(row: &Row) -> Map<String, Json> {
    row.iter()
        .map(|(name, value)| {
            let value = match value {
                Json::String(text) => {
                    crate::template::json::structured(text).unwrap_or_else(|| value.clone())
                }
                other => other.clone(),
            };
            (name.clone(), value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use strataql_diag::RemoteFailure;

    use super::*;

    fn row(value: Json) -> Row {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn rows_of_exists() {
        assert_eq!(presence(&[]), Presence::Absent);
        assert_eq!(presence(&[row(json!({"count": 0}))]), Presence::Absent);
        assert_eq!(presence(&[row(json!({"count": "2"}))]), Presence::Many(2));
        for one in [json!(1), json!("1"), json!(true), json!(1.0)] {
            let Presence::Present(names) = presence(&[row(json!({"count": one, "id": "x"}))])
            else {
                panic!("{one}")
            };
            assert_eq!(Json::Object(names), json!({"id": "x"}));
        }
        assert_eq!(presence(&[row(json!({"id": null}))]), Presence::Absent);
        assert_eq!(presence(&[row(json!({"id": "NULL", "b": ""}))]), Presence::Absent);
        assert_eq!(presence(&[row(json!({"id": 1})), row(json!({"id": 2}))]), Presence::Many(2));
        assert!(matches!(presence(&[row(json!({"id": 1, "x": null}))]), Presence::Present(_)));
    }

    #[test]
    fn rows_of_callbacks() {
        assert!(succeeded(&[row(json!({"success": "TRUE"}))]));
        assert!(succeeded(&[row(json!({"success": 1}))]));
        assert!(succeeded(&[row(json!({"count": "1"}))]));
        assert!(!succeeded(&[row(json!({"success": 0}))]));
        assert!(!succeeded(&[]));
    }

    #[test]
    fn only_not_found_is_absent() {
        let rejected = |code: &str, status| Report {
            remote: Some(Box::new(RemoteFailure {
                status: Some(status),
                code: Some(code.to_owned()),
                ..RemoteFailure::default()
            })),
            ..Report::new(Code::RemoteRejected, "x")
        };
        assert!(is_missing(&Report::new(Code::RemoteMissing, "x")));
        assert!(is_missing(&rejected("ResourceNotFoundException", 400)));
        assert!(is_missing(&rejected("NoSuchBucket", 404)));
        assert!(!is_missing(&rejected("INVALID_PARAMETER", 400)));
        assert!(!is_missing(&rejected("NotFound", 500)));
        assert!(!is_missing(&Report::new(Code::Syntax, "no such table")));
        assert!(is_refusal(&rejected("X", 400)));
        assert!(!is_refusal(&Report::new(Code::WriteOutcomeUnknown, "x")));
        assert!(is_passing(&Report::new(Code::RateLimited, "x")));
    }
}
