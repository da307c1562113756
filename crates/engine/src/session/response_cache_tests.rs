//! Answers of a session that are kept.

use strataql_net::Request;
use strataql_spec::HttpVerb;

use crate::testing::{Service, failure, rows, run, session};

const APPS: &str = "databricks_account.oauth2.published_app_integration";

fn answer(request: &Request) -> (u16, String) {
    if request.verb != HttpVerb::Get {
        return (200, "{}".to_owned());
    }
    if request.url.path().contains("/broken/") {
        return (404, "{}".to_owned());
    }
    (200, r#"{"apps":[{"name":"x"}]}"#.to_owned())
}

fn list(account: &str) -> String {
    format!("SELECT name FROM {APPS} WHERE account_id = '{account}'")
}

#[tokio::test]
async fn nothing_is_kept_unless_it_is_asked_for() {
    let service = Service::new(answer);
    let session = session(&service);
    for _ in 0..2 {
        rows(&session, &list("a1")).await;
    }
    assert_eq!(service.asked().len(), 2);
}

#[tokio::test]
async fn a_kept_answer_costs_no_request_and_the_user_is_told() {
    let service = Service::new(answer);
    let session = session(&service);
    session.set("cache.ttl", "5m").expect("fits");
    let (first, fresh) = run(&session, &list("a1")).await.expect("runs");
    let (second, kept) = run(&session, &list("a1")).await.expect("runs");
    assert_eq!((first, service.asked().len()), (second, 1));
    assert_eq!((fresh.totals().requests, kept.totals().requests), (1, 0));
    assert!(fresh.notes().is_empty(), "{:?}", fresh.notes());
    assert!(kept.notes()[0].contains("`cache.ttl`"), "{:?}", kept.notes());
    // a budget counts what is sent
    session.set("budget.requests", "0").expect("fits");
    assert_eq!(rows(&session, &list("a1")).await, ["x"]);
    assert!(run(&session, &list("a2")).await.is_err());
}

#[tokio::test]
async fn switching_off_forgets() {
    let service = Service::new(answer);
    let session = session(&service);
    for ttl in ["5m", "0", "5m"] {
        session.set("cache.ttl", ttl).expect("fits");
        rows(&session, &list("a1")).await;
    }
    assert_eq!(service.asked().len(), 3);
}

#[tokio::test]
async fn failures_are_not_kept() {
    let service = Service::new(answer);
    let session = session(&service);
    session.set("cache.ttl", "5m").expect("fits");
    for _ in 0..2 {
        failure(&session, &list("broken")).await;
    }
    assert_eq!(service.asked().len(), 2);
}

#[tokio::test]
async fn a_write_drops_what_is_kept_of_its_provider() {
    let service = Service::new(answer);
    let session = session(&service);
    session.set("cache.ttl", "5m").expect("fits");
    rows(&session, &list("a1")).await;
    let insert = format!("INSERT INTO {APPS} (account_id, app_id) VALUES ('a1', 'x')");
    assert!(run(&session, &insert).await.is_ok());
    rows(&session, &list("a1")).await;
    let reads = service.asked().into_iter().filter(|line| line.starts_with("GET")).count();
    assert_eq!(reads, 2);
}

#[tokio::test]
async fn equal_requests_at_the_same_time_are_one() {
    let service = Service::new(answer);
    let session = session(&service);
    session.set("cache.ttl", "5m").expect("fits");
    let (text, other) = (list("a1"), list("a1"));
    let (left, right) = futures::join!(rows(&session, &text), rows(&session, &other));
    assert_eq!((left, service.asked().len()), (right, 1));
}
