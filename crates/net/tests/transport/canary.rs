//! Secrets that must appear on the wire only.

use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};
use strataql_diag::Report;
use strataql_net::{Attempt, Observer, Repeat, status_report};
use strataql_spec::AuthConfig;

use crate::server::{PROVIDER, Seen, Server, Step, answer, bench, get, head, post};

/// Client secret, password, key, token, and one that only the service has.
const CANARIES: &[&str] = &[
    "canary-client/se+cret",
    "canary pass:word",
    "canary-key-&-value",
    "canary-access-token",
    "canary-generated-secret",
];

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<String>>>);

impl Sink {
    fn add(&self, text: impl Into<String>) {
        self.0.lock().expect("not poisoned").push(text.into());
    }
}

impl Observer for Sink {
    fn on_attempt(&self, attempt: &Attempt) {
        self.add(format!("{attempt:?}"));
    }
}

fn configs(server: &Server) -> Vec<Json> {
    vec![
        json!({"type": "oauth2", "client_id": "id", "client_secret": CANARIES[0],
            "token_url": format!("{}token", server.url)}),
        json!({"type": "oauth2", "client_id": "id", "client_secret": CANARIES[0], "auth_style": 1,
            "token_url": format!("{}token", server.url)}),
        json!({"type": "basic", "username": "ada", "password": CANARIES[1]}),
        json!({"type": "custom", "location": "query", "name": "q", "token": CANARIES[2]}),
        json!({"type": "custom", "location": "header", "name": "x-h", "token": CANARIES[2]}),
        json!({"type": "aws_signing_v4", "keyID": "AKID", "api_secret": CANARIES[0]}),
        json!({"type": "databricks", "token": CANARIES[2]}),
        json!({"type": "databricks", "username": "ada", "password": CANARIES[1]}),
    ]
}

/// Responds with everything in the request.
fn echo(status: u16, seen: &Seen) -> Vec<Step> {
    let all = format!("{} {:?} {}", seen.target, seen.headers, seen.body);
    answer(status, &["x-request-id: r1"], json!({"error_code": "ECHO", "message": all}).to_string())
}

fn script(number: usize, seen: &Seen) -> Vec<Step> {
    match seen.target.split('?').next().unwrap_or_default() {
        "/token" if number.is_multiple_of(3) => echo(401, seen),
        "/token" => answer(200, &[], json!({"access_token": CANARIES[3]}).to_string()),
        "/echo" => echo(400, seen),
        "/created" => answer(200, &[], json!({"id": 1, "client_secret": CANARIES[4]}).to_string()),
        "/redirect" => {
            let location = format!("location: https://evil.test{}", seen.target);
            answer(302, &[&location], "")
        }
        "/cut" => vec![Step::Send(head(200, &[], "content-length: 9")), Step::Close],
        _ => vec![Step::Reset],
    }
}

#[tokio::test]
async fn secrets_stay_out_of_logs_errors_and_debug_output() {
    let server = Server::start(script).await;
    let sink = Sink::default();
    for config in configs(&server) {
        let bench = bench(|settings| {
            let (log, observer) = (sink.clone(), sink.clone());
            settings.http_log = Some(Arc::new(move |line| log.add(line)));
            settings.observer = Some(Arc::new(observer));
        });
        let auth = AuthConfig::from_json(config).expect("an object");
        sink.add(format!("{auth:?}"));
        bench.transport.register_provider(PROVIDER, Some(auth));
        sink.add(format!("{:?} {:?}", bench.transport, bench.redactor));
        for path in ["/echo", "/created", "/redirect", "/cut", "/reset"] {
            for repeat in [Repeat::RefusedOnly, Repeat::WithKey] {
                for request in [get(&server, path), post(&server, path, repeat)] {
                    sink.add(format!("{request:?}"));
                    match bench.transport.send(request).await {
                        Ok(response) => {
                            sink.add(format!("{response:?}"));
                            sink.add(format!("{:?}", status_report(&response.facts, &response)));
                            sink.add(format!("{:?}", bench.transport.status_report(&response)));
                        }
                        Err(failure) => {
                            sink.add(format!("{failure:?} {failure}"));
                            let report = Report::from(failure);
                            sink.add(format!("{report:?} {report}"));
                        }
                    }
                }
            }
        }
    }
    // the secrets were sent
    let wire = format!("{:?}", server.seen());
    for sent in
        ["canary-access-token", "canary-key-&-value", "client_secret=canary-client%2Fse%2Bcret"]
    {
        assert!(wire.contains(sent), "{sent}");
    }
    let shown = sink.0.lock().expect("not poisoned").join("\n");
    assert!(shown.contains("ECHO") && shown.contains("***"), "nothing was shown");
    let encoded =
        ["canary", "Y2FuYXJ5", "Q6Y2FuYXJ5", "YWRhOmNhbmFyeS", "se%2Bcret", "pass%3Aword"];
    for part in CANARIES.iter().chain(&encoded) {
        let line = shown.lines().find(|line| line.contains(part));
        assert!(line.is_none(), "{part} in {line:?}");
    }
}
