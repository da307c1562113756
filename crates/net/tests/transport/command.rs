//! Secrets that a program prints, and requests without a credential.

use serde_json::json;
use strataql_diag::Code;

use crate::machine::{Case, Machine};
use crate::server::{Seen, Step, answer};

const URL: &str = "https://h.test/x";

/// Refuses the first token that is printed.
fn services(number: usize, seen: &Seen) -> Vec<Step> {
    let is_old = number == 0 && seen.header("authorization") == Some("Bearer old");
    answer(if is_old { 401 } else { 200 }, &[], "{}")
}

#[tokio::test]
async fn a_program_is_run_once_and_again_when_its_secret_is_refused() {
    let machine = Machine::new(&[], &[]).with("vault", Ok("printed-s3cret\n"));
    let ran = std::sync::Arc::clone(&machine.ran);
    let config = json!({"type": "api_key", "name": "X-Key", "location": "header",
        "credentialscommand": "vault read 'my key'"});
    let case = Case::of_user(machine, config, services).await;
    for _ in 0..2 {
        assert_eq!(case.sent(URL).await.header("x-key"), Some("printed-s3cret"));
    }
    assert_eq!(*ran.lock().expect("no panic"), ["vault read|my key"]);
    assert_eq!(case.source().await, "`vault`");
    assert_eq!(case.bench.redactor.redact("a printed-s3cret b"), "a *** b");
}

#[tokio::test]
async fn what_a_program_says_when_it_fails_is_shown() {
    let machine = Machine::new(&[], &[]).with("vault", Err("warning: x\npermission denied\n"));
    let config = json!({"type": "bearer", "credentialscommand": "vault"});
    let report = Case::of_user(machine, config, services).await.failed(URL).await;
    assert_eq!(report.code, Code::NoCredential);
    assert!(report.message.ends_with("`vault` failed: permission denied"), "{report}");
}

#[tokio::test]
async fn a_document_runs_no_program() {
    let machine = Machine::new(&[], &[]).with("vault", Ok("printed-s3cret\n"));
    let ran = std::sync::Arc::clone(&machine.ran);
    let config = json!({"type": "bearer", "credentialscommand": "vault"});
    let report = Case::of_document(machine, config, services).await.failed(URL).await;
    assert!(report.message.contains("no credential configured"), "{report}");
    assert!(ran.lock().expect("no panic").is_empty());
}

#[tokio::test]
async fn where_a_credential_is_optional_none_is_sent_if_there_is_none() {
    let config = |is_optional: bool| json!({"type": "basic", "username_var": "U", "password_var": "P", "optional": is_optional});
    let case = Case::of_document(Machine::new(&[], &[]), config(true), services).await;
    assert_eq!(case.sent(URL).await.header("authorization"), None);
    let case = Case::of_document(Machine::new(&[], &[]), config(false), services).await;
    assert!(case.failed(URL).await.message.contains("`U` and `P`"));
    let machine = Machine::new(&[("U", "ada"), ("P", "pass-w0rd")], &[]);
    let case = Case::of_document(machine, config(true), services).await;
    let sent = case.sent(URL).await;
    assert_eq!(sent.header("authorization"), Some("Basic YWRhOnBhc3MtdzByZA=="));
}
