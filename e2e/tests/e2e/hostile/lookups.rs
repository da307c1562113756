//! Lookups that decide a write: what does not show the object, and does not say that there is none, is followed
//! by no write.

use std::sync::Arc;

use strataql_diag::Code;

use super::cases::T;
use super::server::{Asked, Hostile, Wire};
use super::{session, statement};

const JSON: &str = "application/json";
const HTML: &str = "text/html";

/// Answers to a lookup of `m1`, and the code of the error that each is.
const ANSWERS: &[(u16, &str, &str, Code)] = &[
    (200, JSON, r#"{"machine_id":"m2","name":"beta","zone":"z1"}"#, Code::WrongObject),
    (200, JSON, r#"{"machine_id":7,"name":"beta"}"#, Code::WrongObject),
    (200, JSON, r#"{"machine_id":"m2","machine_id":"m1","name":"beta"}"#, Code::UnexpectedBody),
    (200, JSON, "{}", Code::UnexpectedBody),
    (200, JSON, "null", Code::UnexpectedBody),
    (200, JSON, "[]", Code::UnexpectedBody),
    (200, JSON, r#"{"error":{"code":5}}"#, Code::UnexpectedBody),
    (200, JSON, r#"{"errorMessages":["no"],"machine_id":"m1"}"#, Code::UnexpectedBody),
    (200, HTML, "<html><title>Sign in</title></html>", Code::UnexpectedBody),
    (404, HTML, "<html><title>404</title></html>", Code::RemoteMissing),
];

fn wire(status: u16, kind: &str, body: &str) -> Wire {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    Wire::Bytes(format!("{head}{body}").into_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_write_follows_a_lookup_that_does_not_show_the_object() {
    let columns = "(zone, machine_id, name) VALUES ('z1', 'm1', 'new')";
    let one = "WHERE zone = 'z1' AND machine_id = 'm1'";
    let statements = [
        format!("INSERT INTO {T} {columns} ON CONFLICT (machine_id) DO UPDATE"),
        format!("INSERT INTO {T} {columns} ON CONFLICT (machine_id) DO NOTHING"),
        format!("UPDATE {T} SET name = name || 'x' {one}"),
        format!("DELETE FROM {T} {one} AND size < 5"),
        format!("INSERT INTO {T} (zone, name) SELECT zone, name FROM {T} {one}"),
    ];
    for (status, kind, body, code) in ANSWERS.iter().copied() {
        for sql in &statements {
            let script = move |_: &[Asked], asked: &Asked| match asked.verb.as_str() {
                "GET" => wire(status, kind, body),
                _ => wire(200, JSON, "{}"),
            };
            let server = Hostile::start(Arc::new(script)).await;
            let home = tempfile::tempdir().expect("a folder");
            let session = session(&server.url, home.path());
            let mut text = String::new();
            let report =
                statement(&session, sql, &mut text).await.expect_err(&format!("{sql}: {body}"));
            assert_eq!(report.code, code, "{sql}: {body}: {report}");
            let sent = server.asked();
            assert!(sent.iter().all(|asked| asked.verb == "GET"), "{sql}: {body}: {sent:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_lookup_shows_keeps_its_digits() {
    let object = r#"{"machine_id":"m1","name":"alpha","size":12345678901234567890123,"spec":{"memory":1.10,"cpus":18446744073709551616}}"#;
    let server = Hostile::start(Arc::new(move |_, asked| match asked.verb.as_str() {
        "GET" => wire(200, JSON, object),
        _ => wire(200, JSON, "{}"),
    }))
    .await;
    let home = tempfile::tempdir().expect("a folder");
    let session = session(&server.url, home.path());
    let mut text = String::new();
    let change = format!(
        "UPDATE {T} SET spec.memory = 2.50, spec.cpus = 3, size = 4 WHERE zone = 'z1' AND machine_id = 'm1'"
    );
    for sql in ["BEGIN", &change, "ROLLBACK"] {
        statement(&session, sql, &mut text).await.expect(sql);
    }
    let bodies: Vec<String> = server.asked().into_iter().map(|asked| asked.body).collect();
    let sent: Vec<&str> =
        bodies.iter().map(String::as_str).filter(|body| !body.is_empty()).collect();
    assert_eq!(
        sent,
        [
            r#"{"spec":{"memory":2.50,"cpus":3},"size":4}"#,
            r#"{"spec":{"memory":1.10,"cpus":18446744073709551616},"size":12345678901234567890123}"#,
        ]
    );
    for file in std::fs::read_dir(home.path()).expect("readable") {
        text.push_str(&std::fs::read_to_string(file.expect("readable").path()).unwrap_or_default());
    }
    // the record has the body as it was sent, and the object as it was
    assert!(text.contains(r#""memory":2.50"#) && text.contains("18446744073709551616"), "{text}");
}
