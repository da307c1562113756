//! Retries, broken responses, and the observer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use strataql_diag::{Code, Report};
use strataql_net::{Attempt, Cause, Observer, Phase, Purpose, Repeat, Request};
use strataql_spec::HttpVerb;
use url::Url;

use crate::server::{PROVIDER, Server, Step, answer, bench, get, head, post};

fn send(text: &str) -> Step {
    Step::Send(text.as_bytes().to_vec())
}

#[tokio::test]
async fn an_answer_is_given_with_its_figures() {
    let server = Server::start(|_, _| answer(200, &["x-a: b"], "hello")).await;
    let bench = bench(|_| {});
    let response = bench.transport.send(get(&server, "/x?y=1")).await.expect("an answer");
    assert_eq!((response.status, &response.body[..]), (200, &b"hello"[..]));
    assert_eq!((response.attempts, response.retries, response.received), (1, 0, 5));
    assert_eq!(response.headers["x-a"], "b");
    let seen = server.seen().remove(0);
    assert_eq!((seen.verb.as_str(), seen.target.as_str()), ("GET", "/x?y=1"));
    assert!(seen.header("user-agent").is_some_and(|agent| agent.starts_with("strataql/")));
    assert_eq!(seen.header("accept-encoding"), Some("gzip"));
}

#[tokio::test]
async fn any_status_is_an_answer_and_500_is_not_repeated() {
    let server = Server::start(|_, _| answer(500, &["retry-after: 1"], "")).await;
    let bench = bench(|_| {});
    let response = bench.transport.send(get(&server, "/x")).await.expect("an answer");
    assert_eq!((response.status, response.attempts), (500, 1));
    assert_eq!(bench.transport.status_report(&response).code, Code::RemoteUnavailable);
}

#[tokio::test]
async fn retry_after_in_seconds_and_as_a_date_is_honoured() {
    // the manual calendar starts on 2026-01-01 at midnight
    for after in ["retry-after: 20", "Retry-After: Thu, 01 Jan 2026 00:00:20 GMT"] {
        for status in [429, 503] {
            let server = Server::start(move |number, _| match number {
                0 => answer(status, &[after], "busy"),
                _ => answer(200, &[], "ok"),
            })
            .await;
            let bench = bench(|_| {});
            let response = bench.transport.send(get(&server, "/x")).await.expect("an answer");
            assert_eq!((response.status, response.attempts, response.retries), (200, 2, 1));
            let [slept] = bench.clock.sleeps()[..] else { panic!("{:?}", bench.clock.sleeps()) };
            assert!(
                slept >= Duration::from_secs(20) && slept <= Duration::from_secs(21),
                "{slept:?}"
            );
            assert_eq!(response.waited, slept);
        }
    }
}

#[tokio::test]
async fn throttling_to_the_end_gives_the_last_answer_within_the_budget() {
    let server = Server::start(|number, _| {
        answer(429, &["retry-after: 50"], format!("{{\"error_code\":\"BUSY_{number}\"}}"))
    })
    .await;
    let bench = bench(|_| {});
    let response = bench.transport.send(get(&server, "/x")).await.expect("the last answer");
    assert_eq!((response.status, response.attempts), (429, 6));
    assert!(response.waited <= Duration::from_mins(5), "{:?}", response.waited);
    let report = bench.transport.status_report(&response);
    assert_eq!(report.code, Code::RateLimited);
    assert!(
        report.message.contains("429 BUSY_5") && report.message.contains("6 attempts"),
        "{report}"
    );
}

#[tokio::test]
async fn a_retry_after_beyond_the_budget_is_not_waited_for() {
    let server = Server::start(|_, _| answer(429, &["retry-after: 86400"], "")).await;
    let bench = bench(|_| {});
    let response = bench.transport.send(get(&server, "/x")).await.expect("an answer");
    assert_eq!((response.status, response.attempts), (429, 1));
    assert!(bench.clock.sleeps().is_empty());
}

#[tokio::test]
async fn a_retry_after_holds_every_request_back_and_one_too_long_fails_it_unsent() {
    let server = Server::start(|number, _| match number {
        0 => answer(429, &["retry-after: 5"], ""),
        1 => answer(200, &[], ""),
        _ => answer(503, &["retry-after: 600"], ""),
    })
    .await;
    let bench = bench(|_| {});
    let send = async |request| bench.transport.send(request).await;
    let first = send(post(&server, "/a", Repeat::Never)).await.expect("a response");
    assert_eq!((first.status, bench.clock.sleeps().len()), (429, 0));
    let second = send(get(&server, "/b")).await.expect("a response");
    assert_eq!((second.status, second.waited), (200, Duration::from_secs(5)));
    assert_eq!(bench.clock.sleeps(), [Duration::from_secs(5)]);
    assert_eq!(send(get(&server, "/c")).await.expect("a response").status, 503);
    let failure = send(post(&server, "/d", Repeat::RefusedOnly)).await.expect_err("held back");
    assert_eq!(failure.cause, Cause::Throttled { wait: Duration::from_mins(10) });
    assert_eq!(
        (failure.attempts, failure.is_outcome_unknown(), server.seen().len()),
        (0, false, 3)
    );
    let report = Report::from(failure);
    assert_eq!(report.code, Code::RateLimited);
    assert!(report.message.ends_with("no request in the next 600 s"), "{report}");
}

#[tokio::test]
async fn transient_statuses_are_repeated_three_times_with_back_off() {
    let server = Server::start(|_, _| answer(502, &[], "")).await;
    let bench = bench(|_| {});
    let response = bench.transport.send(get(&server, "/x")).await.expect("the last answer");
    assert_eq!((response.status, response.attempts, server.seen().len()), (502, 3, 3));
    let sleeps = bench.clock.sleeps();
    assert_eq!(sleeps.len(), 2);
    assert!(sleeps[0] <= Duration::from_millis(500) && sleeps[1] <= Duration::from_secs(1));
}

/// Every way in which a response can break off.
fn breaks() -> Vec<(&'static str, Vec<Step>)> {
    let framed = |framing, body: &str| {
        let mut bytes = head(200, &[], framing);
        bytes.extend_from_slice(body.as_bytes());
        Step::Send(bytes)
    };
    vec![
        ("closed at once", vec![Step::Close]),
        ("reset at once", vec![Step::Reset]),
        ("within the head", vec![send("HTTP/1.1 200 OK\r\ncontent-le"), Step::Close]),
        ("within a length", vec![framed("content-length: 10", "hello"), Step::Close]),
        ("reset within a length", vec![framed("content-length: 10", "hello"), Step::Reset]),
        ("within a chunk", vec![framed("transfer-encoding: chunked", "a\r\nhello"), Step::Close]),
        (
            "between chunks",
            vec![framed("transfer-encoding: chunked", "5\r\nhello\r\n"), Step::Close],
        ),
        (
            "reset between chunks",
            vec![framed("transfer-encoding: chunked", "5\r\nhello\r\n"), Step::Reset],
        ),
    ]
}

#[tokio::test]
async fn broken_answers_to_reads_are_asked_for_again() {
    for (name, steps) in breaks() {
        let server = Server::start(move |number, _| match number {
            0 => steps.clone(),
            _ => answer(200, &[], "whole"),
        })
        .await;
        let bench = bench(|_| {});
        let response = bench.transport.send(get(&server, "/x")).await.expect(name);
        assert_eq!((&response.body[..], response.attempts), (&b"whole"[..], 2), "{name}");
    }
}

#[tokio::test]
async fn answers_that_stay_broken_are_failures_and_never_shortened_bodies() {
    for (name, steps) in breaks() {
        let server = Server::start(move |_, _| steps.clone()).await;
        let bench = bench(|_| {});
        let failure = bench.transport.send(get(&server, "/x")).await.expect_err(name);
        assert_eq!((failure.attempts, server.seen().len()), (3, 3), "{name}");
        assert!(!failure.is_outcome_unknown(), "{name}");
        assert_eq!(Report::from(failure).code, Code::RemoteUnavailable, "{name}");
    }
}

#[tokio::test]
async fn truncation_is_told_from_a_broken_connection() {
    for (framing, body, expected) in [
        ("content-length: 10", "hello", Some(10)),
        ("transfer-encoding: chunked", "5\r\nhello\r\n", None),
        ("transfer-encoding: chunked", "a\r\nhello", None),
    ] {
        let server = Server::start(move |_, _| {
            let mut bytes = head(200, &[], framing);
            bytes.extend_from_slice(body.as_bytes());
            vec![Step::Send(bytes), Step::Close]
        })
        .await;
        let bench = bench(|_| {});
        let failure = bench.transport.send(get(&server, "/x")).await.expect_err("cut");
        assert_eq!(failure.cause, Cause::Truncated { received: 5, expected }, "{framing} {body:?}");
        let remote = Report::from(failure).remote.expect("facts");
        assert_eq!(remote.status, Some(200), "an answer had begun");
    }
}

#[tokio::test]
async fn writes_are_not_repeated_and_their_outcome_is_unknown() {
    for (name, steps) in breaks() {
        let server = Server::start(move |_, _| steps.clone()).await;
        for repeat in [Repeat::RefusedOnly, Repeat::Never] {
            let bench = bench(|_| {});
            let failure = bench.transport.send(post(&server, "/x", repeat)).await.expect_err(name);
            assert_eq!(failure.attempts, 1, "{name}");
            assert!(failure.maybe_sent && failure.is_outcome_unknown(), "{name}");
        }
        assert_eq!(server.seen().len(), 2, "{name}");
    }
}

#[tokio::test]
async fn writes_are_repeated_only_when_the_server_says_it_did_nothing() {
    let attempts = |status: u16, headers: &'static [&'static str], repeat: Repeat| async move {
        let server = Server::start(move |number, _| match number {
            0 => answer(status, headers, ""),
            _ => answer(200, &[], ""),
        })
        .await;
        let bench = bench(|_| {});
        bench.transport.send(post(&server, "/x", repeat)).await.expect("an answer").attempts
    };
    let after: &[&str] = &["retry-after: 1"];
    assert_eq!(attempts(429, after, Repeat::RefusedOnly).await, 2);
    assert_eq!(attempts(503, after, Repeat::RefusedOnly).await, 2);
    assert_eq!(attempts(429, &[], Repeat::RefusedOnly).await, 1);
    assert_eq!(attempts(503, &[], Repeat::RefusedOnly).await, 1);
    assert_eq!(attempts(502, after, Repeat::RefusedOnly).await, 1);
    assert_eq!(attempts(429, after, Repeat::Never).await, 1);
    assert_eq!(attempts(502, &[], Repeat::WithKey).await, 2);
}

#[tokio::test]
async fn a_write_with_a_key_is_repeated_with_its_body() {
    let server = Server::start(|number, _| match number {
        0 => vec![Step::Close],
        _ => answer(200, &[], ""),
    })
    .await;
    let bench = bench(|_| {});
    let response =
        bench.transport.send(post(&server, "/x", Repeat::WithKey)).await.expect("an answer");
    assert_eq!(response.attempts, 2);
    let bodies: Vec<String> = server.seen().into_iter().map(|seen| seen.body).collect();
    assert_eq!(bodies, ["{\"name\":\"x\"}", "{\"name\":\"x\"}"]);
}

#[tokio::test]
async fn a_refused_connection_is_no_sent_write() {
    // bound and not listening: the port stays reserved, and refuses connections
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let address = socket.local_addr().expect("bound");
    let url = Url::parse(&format!("http://{address}/x")).expect("a URL");
    let request = Request::new(PROVIDER, HttpVerb::Post, url);
    let bench = bench(|_| {});
    let failure = bench.transport.send(request).await.expect_err("nobody listens");
    assert_eq!(failure.status, None);
    assert_eq!((failure.cause.clone(), failure.attempts), (Cause::Refused, 1));
    assert!(!failure.is_outcome_unknown());
    let report = Report::from(failure);
    assert_eq!((report.code, report.help.len()), (Code::RemoteUnavailable, 1));
}

#[tokio::test]
async fn unknown_hosts_and_broken_tls_are_told_apart() {
    let server = Server::start(|number, _| match number {
        0 => answer(400, &[], "this is no TLS"),
        _ => vec![Step::Close],
    })
    .await;
    let bench = bench(|_| {});
    let send = |url: String| {
        let url = Url::parse(&url).expect("a URL");
        bench.transport.send(Request::new(PROVIDER, HttpVerb::Get, url))
    };
    let failure = send("http://host.invalid/x".to_owned()).await.expect_err("no such host");
    assert_eq!((failure.cause.clone(), failure.maybe_sent), (Cause::Dns, false));
    let port = server.url.port().expect("given");
    for how in ["answered in clear", "closed"] {
        let failure = send(format!("https://127.0.0.1:{port}/x")).await.expect_err(how);
        assert!(matches!(failure.cause, Cause::Tls { .. }), "{failure:?}");
        assert_eq!((failure.attempts, failure.maybe_sent), (1, false), "{how}");
        assert_eq!(Report::from(failure).code, Code::TlsFailed, "{how}");
    }
    let kinds: Vec<String> = server.seen().into_iter().map(|seen| seen.verb).collect();
    assert_eq!(kinds, ["TLS", "TLS"]);
    let failure = send("ftp://host.example/x".to_owned()).await.expect_err("no http");
    assert_eq!((Report::from(failure.clone()).code, failure.attempts), (Code::BadDocument, 0));
}

#[derive(Default)]
struct Watcher(Mutex<Vec<Attempt>>);

impl Observer for Watcher {
    fn on_attempt(&self, attempt: &Attempt) {
        self.0.lock().expect("not poisoned").push(attempt.clone());
    }
}

#[tokio::test]
async fn observer_and_log_see_every_attempt() {
    let server = Server::start(|number, _| match number {
        0 => vec![Step::Close],
        1 => answer(503, &[], "later"),
        _ => answer(200, &["x-a: b"], "{\"a\":1}"),
    })
    .await;
    let watcher = Arc::new(Watcher::default());
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let bench = bench(|settings| {
        let observer: Arc<Watcher> = Arc::clone(&watcher);
        settings.observer = Some(observer);
        let lines = Arc::clone(&lines);
        settings.http_log =
            Some(Arc::new(move |line| lines.lock().expect("not poisoned").push(line.to_owned())));
    });
    bench.transport.send(get(&server, "/x")).await.expect("an answer");
    let attempts = watcher.0.lock().expect("not poisoned");
    let facts: Vec<_> =
        attempts.iter().map(|one| (one.attempt, one.status, one.bytes, one.purpose)).collect();
    assert_eq!(
        facts,
        [
            (1, None, 0, Purpose::Call),
            (2, Some(503), 5, Purpose::Call),
            (3, Some(200), 7, Purpose::Call)
        ]
    );
    let text = lines.lock().expect("not poisoned").join("\n");
    for part in [
        &format!("> GET {}x\n", server.url),
        &format!("> GET {}x (attempt 3)", server.url),
        "! the server broke the connection",
        "< 503 5 bytes 0 ms\n",
        "< 200 7 bytes 0 ms\n",
        "< x-a: b\n< {\"a\":1}",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[tokio::test]
async fn the_budget_bounds_a_single_slow_attempt() {
    let server = Server::start(|_, _| vec![Step::Hang]).await;
    let bench = bench(|settings| settings.retry.budget = crate::server::SHORT);
    let failure = bench.transport.send(get(&server, "/x")).await.expect_err("too slow");
    let Cause::Timeout { phase, limit } = failure.cause else { panic!("{failure:?}") };
    assert_eq!((phase, limit, failure.attempts), (Phase::Total, crate::server::SHORT, 1));
}
