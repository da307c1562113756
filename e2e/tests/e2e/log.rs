//! `--log`: what statements and calls did, one line each, without a secret.

use serde_json::Value as Json;

use crate::output::ACCEPTANCE;
use crate::process::{Ended, Home, exec};

/// The events of a log in JSON with a message.
fn events(ended: &Ended, message: &str) -> Vec<Json> {
    let lines = ended.err.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
    lines.filter(|event| event["message"] == message).collect()
}

/// A field of a span that an event is in.
fn of_span(event: &Json, span: &str, field: &str) -> Json {
    let spans = event["spans"].as_array().expect("spans");
    let span = spans.iter().find(|own| own["name"] == span);
    span.unwrap_or_else(|| panic!("no span in {event}"))[field].clone()
}

#[test]
fn statements_and_calls_are_logged_in_their_spans() {
    let sql = format!("SELECT 1; {ACCEPTANCE}");
    let ended = exec(&["--sandbox", "--log=debug", "--log-format=json", "-o", "csv", &sql]);
    assert_eq!(ended.exit, Some(0), "{ended:?}");
    let statements = events(&ended, "statement ended");
    assert_eq!(statements.len(), 2, "{ended:?}");
    for (at, event) in statements.iter().enumerate() {
        assert_eq!(of_span(event, "statement", "number"), at + 1);
        assert_eq!(of_span(event, "statement", "kind"), "SELECT");
        assert_eq!(event["result"], "complete");
        assert!(event["elapsed_ms"].is_number(), "{event}");
    }
    assert_eq!(statements[0]["rows"], 1);
    let calls = events(&ended, "call ended");
    assert!(!calls.is_empty(), "{ended:?}");
    for event in &calls {
        assert_eq!(of_span(event, "statement", "number"), 2);
        let method = of_span(event, "call", "method");
        assert_eq!(method, "databricks_account.oauth2.published_app_integration.list");
        assert_eq!(event["result"], "complete");
    }
    let pages = events(&ended, "page read");
    assert_eq!(pages[0]["page"], 1);
    let responses = events(&ended, "response");
    assert_eq!(responses.len(), pages.len(), "{ended:?}");
    assert_eq!(responses[0]["status"], 200);
    assert!(responses[0]["bytes"].as_u64().is_some_and(|bytes| bytes > 2), "{responses:?}");
    assert_eq!(of_span(&events(&ended, "http attempt")[0], "statement", "number"), 2);
}

#[test]
fn the_level_chooses_and_off_is_silent() {
    let run = |arguments: &[&str]| exec(&[arguments, &["--sandbox", ACCEPTANCE]].concat());
    assert!(!run(&[]).err.contains("statement ended"));
    assert!(!run(&["--log=off"]).err.contains("statement ended"));
    assert!(!run(&["--log=warn"]).err.contains("statement ended"));
    let info = run(&["--log=info"]);
    assert!(info.err.contains("INFO statement{number=1 kind=\"SELECT\"}"), "{info:?}");
    assert!(!info.err.contains("page read"), "{info:?}");
    let home = Home::new();
    let named = home.exec().env("STRATAQL_LOG", "info").args(["--sandbox", ACCEPTANCE]).output();
    assert!(Ended::of(named.expect("starts")).err.contains("statement ended"));
    run(&["--log=loud"]).out.is_empty().then_some(()).expect("refused");
}

#[test]
fn a_failure_is_logged_by_its_code() {
    let ended = exec(&["--log=info", "--log-format=json", "SELECT nothing"]);
    assert_eq!(events(&ended, "statement ended")[0]["result"], "unknown-column", "{ended:?}");
}

#[test]
fn the_log_holds_no_secret_and_no_value() {
    let registry = format!("file:{}", strataql_e2e::folder().join("documents").display());
    let run = |sql: &str| {
        let common = ["--registry", &registry, "--sandbox=rows=2", "--log=trace"];
        // `Ended` looks for the sandbox's credentials
        exec(&[&common[..], &["--log-format=json", sql]].concat())
    };
    let ended = run("INSERT INTO shop.billing.payments (amount, card, api_key) \
         VALUES (5, '{\"number\": \"4111-canary\", \"holder\": \"ann\"}', 'key-canary')");
    assert_eq!(ended.exit, Some(0), "{ended:?}");
    let call = &events(&ended, "call ended")[0];
    assert_eq!(of_span(call, "call", "method"), "shop.billing.payments.create");
    assert_eq!(of_span(call, "statement", "kind"), "INSERT");
    assert!(!ended.err.contains("canary"), "{ended:?}");
    let ended = run("SELECT 'canary' AS a WHERE 'canary' = 'canary'");
    assert!(!ended.err.contains("canary") && ended.out.contains("canary"), "{ended:?}");
}
