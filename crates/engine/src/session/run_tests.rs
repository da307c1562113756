//! Budgets and partial results of statements that talk to a service.

use std::sync::Arc;

use strataql_diag::Code;
use strataql_net::Request;
use strataql_spec::HttpVerb;

use crate::testing::{Service, failure, rows, run, session};
use crate::{Completeness, Session};

/// Pages of two apps each: `a1` has three pages, every other account one. Writes succeed.
fn answer(request: &Request) -> (u16, String) {
    if request.verb != HttpVerb::Get {
        return (200, "{}".to_owned());
    }
    let path = request.url.path();
    let account = path.split('/').nth(4).unwrap_or_default().to_owned();
    let token = request.url.query_pairs().find(|(name, _)| name == "page_token");
    let page: usize = token.and_then(|(_, text)| text.parse().ok()).unwrap_or(1);
    let apps: Vec<String> =
        [1, 2].map(|app| format!(r#"{{"name":"{account}-{page}-{app}"}}"#)).to_vec();
    let next = match account.as_str() {
        "a1" if page < 3 => format!(r#","next_page_token":"{}""#, page + 1),
        _ => String::new(),
    };
    (200, format!(r#"{{"apps":[{}]{next}}}"#, apps.join(",")))
}

fn service() -> Arc<Service> {
    Service::new(answer)
}

/// The service, of which one account and one page fail with this status.
fn failing(status: u16) -> Arc<Service> {
    Service::new(move |request| {
        let url = request.url.as_str();
        let body = r#"{"error_code":"BROKEN","message":"not now","request_id":"r7"}"#;
        if url.contains("/a2/") || url.contains("page_token=3") {
            return (status, body.to_owned());
        }
        answer(request)
    })
}

fn set(session: &Session, name: &str, value: &str) {
    session.set(name, value).expect("fits");
}

const APPS: &str = "databricks_account.oauth2.published_app_integration";

fn apps_of(accounts: &[&str]) -> String {
    let list: Vec<String> = accounts.iter().map(|account| format!("'{account}'")).collect();
    format!("SELECT name FROM {APPS} WHERE account_id IN ({})", list.join(", "))
}

#[tokio::test]
async fn the_request_beyond_the_budget_is_never_sent() {
    let service = service();
    let session = session(&service);
    set(&session, "budget.requests", "2");
    let report = failure(&session, &apps_of(&["a1"])).await;
    assert_eq!(report.code, Code::Budget);
    assert_eq!(
        report.message,
        "the statement needs more than the 2 requests that `budget.requests` allows"
    );
    assert_eq!(report.notes[0], "2 requests had been sent and 4 rows read");
    assert!(report.notes[1].starts_with("page 3 of the response"), "{report:?}");
    assert!(report.help[0].contains("SET budget.requests = 10"), "{report:?}");
    assert_eq!(service.asked().len(), 2);
}

#[tokio::test]
async fn a_statement_within_its_budget_is_whole_and_the_next_one_starts_anew() {
    let service = service();
    let session = session(&service);
    set(&session, "budget.requests", "3");
    set(&session, "budget.rows", "6");
    set(&session, "budget.seconds", "60");
    for _ in 0..2 {
        let (lines, outcome) = run(&session, &apps_of(&["a1"])).await.expect("within");
        assert_eq!(lines.len(), 6);
        assert_eq!(outcome.completeness(), Completeness::Complete);
    }
    assert_eq!(service.asked().len(), 6);
}

#[tokio::test]
async fn all_calls_of_a_statement_share_its_budget() {
    let service = service();
    let session = session(&service);
    set(&session, "budget.requests", "5");
    let accounts: Vec<String> = (2..20).map(|number| format!("a{number}")).collect();
    let accounts: Vec<&str> = accounts.iter().map(String::as_str).collect();
    let report = failure(&session, &apps_of(&accounts)).await;
    assert_eq!((report.code, service.asked().len()), (Code::Budget, 5));
    let keyed = format!(
        "SELECT p.name FROM (VALUES ('b1'), ('b2'), ('b3'), ('b4'), ('b5'), ('b6')) v(account_id) \
         JOIN {APPS} p ON p.account_id = v.account_id"
    );
    let report = failure(&session, &keyed).await;
    assert_eq!((report.code, service.asked().len()), (Code::Budget, 10));
}

#[tokio::test]
async fn more_rows_than_the_budget_are_an_error_not_a_cut() {
    let service = service();
    let session = session(&service);
    set(&session, "budget.rows", "5");
    let report = failure(&session, &apps_of(&["a1"])).await;
    assert_eq!(
        report.message,
        "the statement gives more than the 5 rows that `budget.rows` allows"
    );
    assert_eq!(rows(&session, &format!("{} LIMIT 5", apps_of(&["a1"]))).await.len(), 5);
    // what is counted here is no row of the result
    let count = format!("SELECT count(*) FROM ({})", apps_of(&["a1"]));
    assert_eq!(rows(&session, &count).await, ["6"]);
    let report = failure(&session, "SELECT * FROM generate_series(1, 6)").await;
    assert_eq!(report.code, Code::Budget);
}

#[tokio::test]
async fn a_statement_that_takes_too_long_fails() {
    let service = service();
    let session = session(&service);
    set(&session, "budget.seconds", "0.0001");
    let report = failure(&session, &apps_of(&["a1"])).await;
    assert_eq!(report.code, Code::Budget);
    assert!(report.message.contains("`budget.seconds`"), "{report}");
    assert!(service.asked().is_empty());
}

#[tokio::test]
async fn writes_beyond_the_budget_are_refused_before_the_first() {
    let service = service();
    let session = session(&service);
    set(&session, "budget.requests", "2");
    let insert = format!(
        "INSERT INTO {APPS} (account_id, app_id) VALUES ('a1', 'x'), ('a1', 'y'), ('a1', 'z')"
    );
    let report = failure(&session, &insert).await;
    assert_eq!(
        report.message,
        "3 writes would exceed the 2 requests that `budget.requests` allows"
    );
    assert!(report.notes.contains(&"nothing was written".to_owned()), "{report:?}");
    assert!(service.asked().is_empty());
    set(&session, "budget.requests", "3");
    assert!(run(&session, &insert).await.is_ok());
    assert_eq!(service.asked().len(), 3);
}

#[tokio::test]
async fn a_failing_call_fails_the_statement_unless_partial_results_are_accepted() {
    let service = failing(503);
    let session = session(&service);
    let report = failure(&session, &apps_of(&["a3", "a2"])).await;
    assert_eq!(report.code, Code::RemoteUnavailable);
    set(&session, "on_error", "partial");
    let (lines, outcome) = run(&session, &apps_of(&["a3", "a2", "a4"])).await.expect("partial");
    assert_eq!(lines, ["a3-1-1", "a3-1-2", "a4-1-1", "a4-1-2"]);
    assert_eq!(outcome.completeness(), Completeness::Partial);
    let notes = outcome.notes();
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].contains("account_id=a2") && notes[0].contains("not now"), "{notes:?}");
    let issues = rows(&session, "SELECT * FROM sys.last_query_issues").await;
    assert_eq!(
        issues,
        [format!(
            "{APPS}.published_app_integration_list(account_id=a2)|r7|503|remote-unavailable|\
             the API answered 503 BROKEN: \"not now\" (request id r7)|NULL"
        )]
    );
    // looking at them does not change them, the next query does
    assert_eq!(rows(&session, "SELECT scope FROM sys.last_query_issues").await.len(), 1);
    assert_eq!(rows(&session, &apps_of(&["a3"])).await.len(), 2);
    assert!(rows(&session, "SELECT * FROM sys.last_query_issues").await.is_empty());
}

#[tokio::test]
async fn the_rows_before_a_page_that_fails_are_kept() {
    let session = session(&failing(500));
    set(&session, "on_error", "partial");
    let (lines, outcome) = run(&session, &apps_of(&["a1"])).await.expect("partial");
    assert_eq!(lines, ["a1-1-1", "a1-1-2", "a1-2-1", "a1-2-2"]);
    assert_eq!(outcome.issues().len(), 1);
}

#[tokio::test]
async fn keys_of_a_join_fail_alone() {
    let session = session(&failing(404));
    set(&session, "on_error", "partial");
    let text = format!(
        "SELECT v.account_id, p.name FROM (VALUES ('a2'), ('a3')) v(account_id) \
         LEFT JOIN {APPS} p ON p.account_id = v.account_id"
    );
    let (lines, outcome) = run(&session, &text).await.expect("partial");
    assert_eq!(lines, ["a2|NULL", "a3|a3-1-1", "a3|a3-1-2"]);
    assert_eq!(outcome.completeness(), Completeness::Partial);
}

#[tokio::test]
async fn a_refused_credential_is_never_partial_but_a_forbidden_object_is() {
    let refused = session(&failing(401));
    set(&refused, "on_error", "partial");
    let report = failure(&refused, &apps_of(&["a3", "a2"])).await;
    assert_eq!(report.code, Code::CredentialRefused);
    let forbidden = session(&failing(403));
    set(&forbidden, "on_error", "partial");
    assert_eq!(rows(&forbidden, &apps_of(&["a3", "a2"])).await.len(), 2);
}

#[tokio::test]
async fn what_is_written_or_kept_is_never_made_of_partial_results() {
    let service = failing(503);
    let session = session(&service);
    set(&session, "on_error", "partial");
    let insert = format!(
        "INSERT INTO {APPS} (account_id, app_id) SELECT 'a9', name FROM ({})",
        apps_of(&["a3", "a2"])
    );
    assert_eq!(failure(&session, &insert).await.code, Code::RemoteUnavailable);
    let table = format!("CREATE TABLE kept AS {}", apps_of(&["a3", "a2"]));
    assert_eq!(failure(&session, &table).await.code, Code::RemoteUnavailable);
    assert!(service.asked().iter().all(|line| line.starts_with("GET")));
}

#[tokio::test]
async fn a_budget_is_a_limit_in_partial_mode_too() {
    let session = session(&service());
    set(&session, "on_error", "partial");
    set(&session, "budget.requests", "1");
    assert_eq!(failure(&session, &apps_of(&["a1"])).await.code, Code::Budget);
}

#[tokio::test]
async fn requests_of_the_session_are_listed() {
    let session = session(&failing(404));
    assert!(rows(&session, "SELECT * FROM sys.requests").await.is_empty());
    rows(&session, &apps_of(&["a3"])).await;
    failure(&session, &apps_of(&["a2"])).await;
    let host = "https://accounts.cloud.databricks.com/api/2.0/accounts";
    let lines = rows(
        &session,
        "SELECT statement, provider, verb, url, status, error, bytes > 10, attempts FROM sys.requests",
    )
    .await;
    let list = "oauth2/published-app-integrations";
    assert_eq!(
        lines,
        [
            format!("2|databricks_account|GET|{host}/a3/{list}|200|NULL|true|1"),
            format!("3|databricks_account|GET|{host}/a2/{list}|404|NULL|true|1"),
        ]
    );
}
