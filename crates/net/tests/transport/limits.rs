//! Time, size and concurrency.

use std::io::Write;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures::future::join_all;
use strataql_diag::{Code, Report};
use strataql_net::{Cause, Phase, Repeat};
use tokio::sync::Barrier;

use crate::server::{SHORT, Server, Step, answer, bench, get, head, post};

fn zipped(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).expect("memory");
    encoder.finish().expect("memory")
}

#[tokio::test]
async fn a_server_that_stops_within_its_answer_is_given_up() {
    let server = Server::start(|_, _| {
        let mut bytes = head(200, &[], "content-length: 10");
        bytes.extend_from_slice(b"hello");
        vec![Step::Send(bytes), Step::Hang]
    })
    .await;
    let bench = bench(|settings| settings.stall_timeout = SHORT);
    let failure = bench.transport.send(get(&server, "/x")).await.expect_err("stalled");
    assert_eq!(failure.cause, Cause::Timeout { phase: Phase::Stall, limit: SHORT });
    assert_eq!(failure.attempts, 3);
    assert_eq!(Report::from(failure).code, Code::Timeout);
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_and_a_write_is_unknown() {
    let server = Server::start(|_, _| vec![Step::Hang]).await;
    let bench = bench(|settings| settings.answer_timeout = SHORT);
    let request = post(&server, "/x", Repeat::RefusedOnly);
    let failure = bench.transport.send(request).await.expect_err("silent");
    assert_eq!(failure.cause, Cause::Timeout { phase: Phase::Answer, limit: SHORT });
    assert!(failure.is_outcome_unknown());
}

#[tokio::test]
async fn compressed_answers_arrive_plain_and_say_so() {
    let server = Server::start(|_, _| {
        answer(200, &["content-encoding: gzip"], zipped("some text ".repeat(100).as_bytes()))
    })
    .await;
    let bench = bench(|_| {});
    let response = bench.transport.send(get(&server, "/x")).await.expect("an answer");
    assert_eq!(response.body, "some text ".repeat(100));
    assert!(response.received < 100, "{}", response.received);
    assert!(!response.headers.contains_key("content-encoding"));
    assert!(!response.headers.contains_key("content-length"));
}

#[tokio::test]
async fn a_compressed_answer_may_not_grow_without_measure() {
    let bomb = zipped(&vec![0; 64 * 1024 * 1024]);
    let server = Server::start(move |_, _| answer(200, &["content-encoding: gzip"], &bomb)).await;
    let bench = bench(|_| {});
    let failure = bench.transport.send(get(&server, "/x")).await.expect_err("a bomb");
    assert!(matches!(failure.cause, Cause::Inflated { .. }), "{failure:?}");
    assert_eq!(failure.attempts, 1);
    assert_eq!(Report::from(failure).code, Code::ResponseTooLarge);
}

#[tokio::test]
async fn a_truncated_compressed_answer_is_not_taken_for_whole() {
    let server = Server::start(|_, _| {
        let whole = zipped(b"some text that is long enough to be cut");
        answer(200, &["content-encoding: gzip"], &whole[..whole.len() - 12])
    })
    .await;
    let bench = bench(|_| {});
    let failure = bench.transport.send(get(&server, "/x")).await.expect_err("cut");
    assert!(matches!(failure.cause, Cause::Truncated { .. }), "{failure:?}");
}

#[tokio::test]
async fn large_answers_are_stopped_by_announcement_and_by_count() {
    let server = Server::start(|_, seen| {
        // announces more than it sends: the announcement must be enough
        if seen.target == "/announced" {
            return vec![Step::Send(head(200, &[], "content-length: 5000000")), Step::Hang];
        }
        let mut bytes = head(200, &[], "transfer-encoding: chunked");
        bytes.extend_from_slice(b"800\r\n");
        bytes.extend_from_slice(&[b'x'; 0x800]);
        bytes.extend_from_slice(b"\r\n");
        vec![Step::Send(bytes), Step::Hang]
    })
    .await;
    let bench = bench(|settings| settings.max_body = 2000);
    for path in ["/announced", "/counted"] {
        let failure = bench.transport.send(get(&server, path)).await.expect_err(path);
        assert_eq!(
            (failure.cause, failure.attempts),
            (Cause::TooLarge { limit: 2000 }, 1),
            "{path}"
        );
    }
}

#[tokio::test]
async fn no_more_requests_are_in_flight_than_the_gate_lets_through() {
    let most = Arc::new(std::sync::Mutex::new((0_usize, 0_usize)));
    let counter = Arc::clone(&most);
    // each response waits for a second request: with fewer than two in flight nothing would proceed
    let pair = Arc::new(Barrier::new(2));
    let server = Server::start(move |_, _| {
        let mut counts = counter.lock().expect("not poisoned");
        counts.0 += 1;
        counts.1 += 1;
        let mut steps = vec![Step::Meet(Arc::clone(&pair))];
        steps.extend(answer(200, &[], "ok"));
        steps
    })
    .await;
    let bench = bench(|settings| {
        settings.max_in_flight = 2;
        settings.answer_timeout = std::time::Duration::from_secs(5);
    });
    let finished = std::sync::Mutex::new(0_usize);
    let answers = join_all((0..10).map(|number| {
        let request = get(&server, &format!("/{number}"));
        let (bench, most, finished) = (&bench, &most, &finished);
        async move {
            let response = bench.transport.send(request).await;
            let mut finished = finished.lock().expect("not poisoned");
            let arrived = most.lock().expect("not poisoned").0;
            // requests that have arrived and are not finished were in flight with this one
            assert!(arrived - *finished <= 2, "{arrived} arrived, {finished} finished");
            *finished += 1;
            response
        }
    }))
    .await;
    assert!(answers.into_iter().all(|answer| answer.is_ok_and(|answer| answer.status == 200)));
    assert_eq!(most.lock().expect("not poisoned").1, 10);
}
