//! ROLLBACK: what was there before a statement stays, and what is called undone is undone.

use std::sync::{Arc, Mutex};

use super::cases::T;
use super::server::{Asked, Hostile, Wire};
use super::{session, statement};

const JSON: &str = "application/json";
const OLD: &str = r#"{"machine_id":"m1","name":"old","size":1}"#;

fn answer(status: u16, kind: &str, body: &str) -> Wire {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    Wire::Bytes(format!("{head}{body}").into_bytes())
}

/// Runs a statement in a transaction and rolls it back; gives the requests, and the texts of both.
async fn rolled_back(
    script: impl Fn(&Asked) -> Wire + Send + Sync + 'static,
    sql: &str,
) -> (Vec<Asked>, Option<String>, Result<(), String>) {
    let server = Hostile::start(Arc::new(move |_: &[Asked], asked: &Asked| script(asked))).await;
    let home = tempfile::tempdir().expect("a folder");
    let session = session(&server.url, home.path());
    let mut text = String::new();
    statement(&session, "BEGIN", &mut text).await.expect("begins");
    let failure = statement(&session, sql, &mut text).await.err().map(|report| report.to_string());
    let end = statement(&session, "ROLLBACK", &mut text).await;
    (server.asked(), failure, end.map(drop).map_err(|report| report.to_string()))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_was_there_before_is_not_deleted() {
    let failures: &[(u16, &str, &str)] = &[
        (500, JSON, "{}"),
        (504, JSON, "{}"),
        (200, "text/html", "<html><title>Sign in</title></html>"),
        (200, JSON, r#"{"success":false,"error":"it exists"}"#),
        // a service that answers as if it had made the object
        (200, JSON, OLD),
    ];
    for (status, kind, body) in failures.iter().copied() {
        for name in ["old", "other"] {
            let script = move |asked: &Asked| match asked.verb.as_str() {
                "GET" => answer(200, JSON, OLD),
                _ => answer(status, kind, body),
            };
            let sql = format!(
                "INSERT INTO {T} (zone, machine_id, name, size) VALUES ('z1', 'm1', '{name}', 1)"
            );
            let (asked, failure, end) = rolled_back(script, &sql).await;
            let cell = format!("{status} {body} {name}: {failure:?} {end:?} {asked:?}");
            assert!(asked.iter().all(|asked| asked.verb != "DELETE"), "{cell}");
            assert_eq!(failure.is_none(), body == OLD, "{cell}");
            assert!(end.is_err(), "{cell}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_without_an_answer_is_undone_if_its_object_was_not_there() {
    for (is_there, deletions) in [(true, 1), (false, 0)] {
        let state = Arc::new(Mutex::new(false));
        let script = move |asked: &Asked| {
            let mut state = state.lock().expect("not poisoned");
            match asked.verb.as_str() {
                "GET" if *state => answer(200, JSON, OLD),
                "GET" => answer(404, JSON, r#"{"code":"NOT_FOUND","message":"no"}"#),
                "POST" => {
                    *state = is_there;
                    answer(504, JSON, "{}")
                }
                _ => {
                    *state = false;
                    answer(200, JSON, "{}")
                }
            }
        };
        let sql =
            format!("INSERT INTO {T} (zone, machine_id, name, size) VALUES ('z1', 'm1', 'old', 1)");
        let (asked, failure, end) = rolled_back(script, &sql).await;
        let deleted = asked.iter().filter(|asked| asked.verb == "DELETE").count();
        assert!(deleted >= deletions, "{failure:?} {end:?} {asked:?}");
        assert_eq!(failure.is_none(), is_there, "{failure:?}");
        assert!(end.is_ok(), "{end:?} {asked:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exec_is_undone_with_the_values_of_before() {
    let calls = [
        ("update", "@name = 'new', @size = 9", r#"{"name":"old","size":1}"#),
        ("update", "@@json = '{\"size\": 9}'", r#"{"size":1}"#),
        ("replace", "@name = 'new'", r#"{"name":"old","size":1}"#),
    ];
    for (method, given, undone) in calls {
        let script = |asked: &Asked| match asked.verb.as_str() {
            "GET" => answer(
                200,
                JSON,
                r#"{"machine_id":"m1","name":"old","size":1,"spec":null,"tags":null}"#,
            ),
            _ => answer(200, JSON, "{}"),
        };
        let sql = format!("EXEC {T}.{method} @zone = 'z1', @machine_id = 'm1', {given}");
        let (asked, failure, end) = rolled_back(script, &sql).await;
        assert_eq!((failure.as_ref(), end.as_ref()), (None, Ok(&())), "{sql}");
        let last: serde_json::Value =
            serde_json::from_str(&asked.last().expect("requests").body).expect("JSON");
        let undone: serde_json::Value = serde_json::from_str(undone).expect("JSON");
        assert_eq!(last, undone, "{sql}: {asked:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateways_404_undoes_nothing() {
    let cases = [
        ("text/html", "<html>no route</html>", true, false),
        (JSON, r#"{"code":"NOT_FOUND","message":"no"}"#, true, false),
        (JSON, r#"{"code":"NOT_FOUND","message":"no"}"#, false, true),
    ];
    for (kind, body, stays, is_undone) in cases {
        let state = Arc::new(Mutex::new(false));
        let script = move |asked: &Asked| {
            let mut state = state.lock().expect("not poisoned");
            match asked.verb.as_str() {
                "GET" if *state => answer(200, JSON, OLD),
                "GET" => answer(404, JSON, r#"{"code":"NOT_FOUND","message":"no"}"#),
                "POST" => {
                    *state = true;
                    answer(200, JSON, OLD)
                }
                _ => {
                    *state = stays;
                    answer(404, kind, body)
                }
            }
        };
        let sql = format!("INSERT INTO {T} (zone, machine_id, name) VALUES ('z1', 'm1', 'old')");
        let (asked, failure, end) = rolled_back(script, &sql).await;
        assert_eq!((failure, end.is_ok()), (None, is_undone), "{kind} {body}: {end:?} {asked:?}");
    }
}
