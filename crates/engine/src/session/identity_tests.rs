//! Responses about another object than the one that was requested.

use std::sync::Arc;

use crate::testing::{Service, rows, run, session};

const APPS: &str = "databricks_account.oauth2.custom_app_integration";

/// A service that returns what `object` makes of the last part of the path, and of the account.
fn service(object: fn(&str, &str) -> String) -> Arc<Service> {
    Service::new(move |request| {
        let parts: Vec<&str> = request.url.path().split('/').collect();
        let account = parts.get(4).copied().unwrap_or_default();
        let id = parts.last().copied().unwrap_or_default();
        (200, format!(r#"{{"integration_id":"{}","name":"n"}}"#, object(account, id)))
    })
}

fn select(columns: &str, condition: &str) -> String {
    format!("SELECT {columns} FROM {APPS} WHERE account_id IN ('a1') AND {condition}")
}

#[tokio::test]
async fn a_row_about_another_object_stays_with_a_note() {
    let session = session(&service(|_, _| "other".to_owned()));
    for columns in ["integration_id", "name", "count(*)"] {
        let text = select(columns, "integration_id = 'x'");
        let (lines, outcome) = run(&session, &text).await.expect("rows");
        assert_eq!(lines.len(), 1, "{columns}");
        let notes = outcome.notes();
        let expected = "`integration_id` 'other' and not 'x': the service returned another object";
        assert!(notes.iter().any(|note| note.contains(expected)), "{columns}: {notes:?}");
    }
}

#[tokio::test]
async fn the_same_object_needs_no_note() {
    for object in [|_: &str, id: &str| id.to_owned(), |_: &str, id: &str| id.to_uppercase()] {
        let session = session(&service(object));
        let text = select("name", "integration_id IN ('x', 'y')");
        let (lines, outcome) = run(&session, &text).await.expect("rows");
        assert_eq!((lines.len(), outcome.notes().len()), (2, 0), "{:?}", outcome.notes());
    }
}

#[tokio::test]
async fn an_object_counts_once_in_a_list() {
    let same = session(&service(|_, _| "other".to_owned()));
    let text = select("integration_id", "integration_id IN ('x', 'y', 'z')");
    assert_eq!(rows(&same, &text).await, ["other"]);
    let text = select("count(*)", "integration_id IN ('x', 'y', 'z')");
    assert_eq!(rows(&same, &text).await, ["1"]);

    // a service that ignores case
    let upper = session(&service(|_, id| id.to_uppercase()));
    let text = select("integration_id", "integration_id IN ('x', 'X', 'y')");
    assert_eq!(rows(&upper, &text).await, ["X", "Y"]);

    // one name in two accounts is two objects
    let own = session(&service(|_, id| id.to_owned()));
    let text = format!(
        "SELECT account_id, integration_id FROM {APPS} \
         WHERE account_id IN ('a1', 'a2') AND integration_id IN ('x', 'y') ORDER BY 1, 2"
    );
    assert_eq!(rows(&own, &text).await, ["a1|x", "a1|y", "a2|x", "a2|y"]);
}
