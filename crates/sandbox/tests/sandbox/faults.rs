//! Each kind of fault.

use std::io::ErrorKind;
use std::time::Duration;

use serde_json::json;
use strataql_sandbox::Sandbox;

use crate::client::{Ask, get, parse, post, shop};
use crate::{playing, with};

const APPS: &str = "/api/2.0/accounts/a1/apps";

async fn faulty(kind: &str) -> Sandbox {
    playing(&format!("page_size: 2\nfaults: [{{kind: {kind}}}]")).await
}

#[tokio::test]
async fn statuses_have_the_provider_s_form() {
    let sandbox =
        playing("faults: [{method: apps.list, status: 503, times: 1, retry_after: 7}]").await;
    let answer = get(&sandbox, APPS).send().await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("7")));
    assert_eq!(answer.json()["error_code"], "TEMPORARILY_UNAVAILABLE");
    assert_eq!(get(&sandbox, APPS).send().await.status, 200, "once only");
    assert_eq!(sandbox.log()[0].fault.as_deref(), Some("503"));
    let sandbox = playing("faults: [{path: /apps, status: 418, body: {tea: true}}]").await;
    let answer = get(&sandbox, APPS).send().await;
    assert_eq!((answer.status, answer.json()), (418, json!({"tea": true})));
    assert_eq!(shop(&sandbox, "/v1/orders").send().await.status, 200, "another path");
}

#[tokio::test]
async fn a_page_can_fail_by_its_number() {
    let sandbox = playing("page_size: 2\nfaults: [{page: 2, times: 1, status: 500}]").await;
    let token = get(&sandbox, APPS).send().await.json()["next_page_token"].clone();
    let second = format!("{APPS}?page_token={}", token.as_str().unwrap_or_default());
    assert_eq!(get(&sandbox, &second).send().await.status, 500);
    assert_eq!(get(&sandbox, &second).send().await.status, 200);
}

#[tokio::test]
async fn a_reset_connection_gives_no_byte() {
    let sandbox = faulty("reset").await;
    let error = get(&sandbox, APPS).raw(usize::MAX).await.expect_err("no answer");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(sandbox.log()[0].status, None);
}

#[tokio::test]
async fn a_truncated_body_is_shorter_than_announced() {
    let sandbox = faulty("truncate").await;
    let answer = parse(get(&sandbox, APPS).raw(usize::MAX).await.expect("some bytes"));
    let announced = answer.header("content-length").and_then(|text| text.parse().ok());
    let announced: usize = announced.expect("a length");
    assert_eq!((answer.status, answer.body.len()), (200, announced / 2));
    assert!(answer.body.starts_with(b"{\"apps\":["));
}

#[tokio::test]
async fn half_a_document_is_complete_for_http() {
    let sandbox = faulty("half").await;
    let answer = get(&sandbox, APPS).send().await;
    assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
    assert!(serde_json::from_slice::<serde_json::Value>(&answer.body).is_err());
    assert!(answer.body.starts_with(b"{\"apps\":["));
}

#[tokio::test]
async fn a_stalled_answer_never_comes() {
    let sandbox = faulty("stall").await;
    let ask = get(&sandbox, APPS);
    let waited = tokio::time::timeout(Duration::from_millis(150), ask.raw(1)).await;
    assert!(waited.is_err(), "{waited:?}");
    assert_eq!(sandbox.requests(), 1, "it did arrive");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn answers_of_the_wrong_kind_have_status_200() {
    let check = async |kind: &str, media: &str, body: &str| {
        let sandbox = faulty(kind).await;
        let answer = get(&sandbox, APPS).send().await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(media)), "{kind}");
        assert!(text.starts_with(body), "{kind}: {text}");
        text
    };
    check("html", "text/html", "<!DOCTYPE html>").await;
    check("error_200", "application/json", "{\"error_code\":\"INTERNAL_ERROR\"").await;
    check("other_object", "application/json", "{\"greeting\"").await;
    assert_eq!(check("null", "application/json", "null").await, "null");
    assert_eq!(check("empty", "application/json", "").await, "");
}

#[tokio::test]
async fn a_repeated_token_leads_in_a_circle() {
    let sandbox = faulty("repeat_token").await;
    let first = get(&sandbox, APPS).send().await.json();
    let token = first["next_page_token"].as_str().unwrap_or_default().to_owned();
    let again = get(&sandbox, &format!("{APPS}?page_token={token}")).send().await.json();
    assert_eq!(again, first);
}

#[tokio::test]
async fn a_link_to_another_origin_looks_like_any_other() {
    let sandbox = faulty("cross_origin_link").await;
    let answer = shop(&sandbox, "/v1/books").send().await;
    let link = answer.header("link").unwrap_or_default();
    assert!(link.starts_with("<https://elsewhere.example.net/v1/books?"), "{link}");
}

#[tokio::test]
async fn an_endless_list_has_always_one_more_page() {
    let sandbox = faulty("endless").await;
    let mut target = APPS.to_owned();
    for page in 0..12 {
        let answer = get(&sandbox, &target).send().await.json();
        assert_eq!(answer["apps"].as_array().map(Vec::len), Some(2), "page {page}");
        let token =
            answer["next_page_token"].as_str().unwrap_or_else(|| panic!("page {page} ends"));
        target = format!("{APPS}?page_token={token}");
    }
}

#[tokio::test]
async fn an_endless_body_goes_on_as_long_as_it_is_read() {
    let sandbox = faulty("endless_body").await;
    let got = get(&sandbox, APPS).raw(300_000).await.expect("bytes");
    assert!(got.len() >= 300_000);
    assert!(parse(got).header("content-length").is_none());
    // without pages, the body does not end
    let sandbox = playing("faults: [{kind: endless, method: settings.get}]").await;
    let settings = get(&sandbox, "/api/2.0/accounts/a1/settings");
    assert!(settings.raw(100_000).await.expect("bytes").len() >= 100_000);
}

#[tokio::test]
async fn a_write_can_take_effect_before_its_answer_is_lost() {
    let body = json!({"name": "mine"});
    let count = async |sandbox: &Sandbox| {
        get(sandbox, APPS).send().await.json()["apps"].as_array().map(Vec::len)
    };
    let sandbox = playing("faults: [{method: create, kind: reset}]").await;
    assert!(post(&sandbox, APPS).json(&body).raw(1).await.is_err());
    assert_eq!(count(&sandbox).await, Some(7));
    let sandbox = playing("faults: [{method: create, kind: reset, when: after}]").await;
    assert!(post(&sandbox, APPS).json(&body).raw(1).await.is_err());
    assert_eq!(count(&sandbox).await, Some(8));
}

#[tokio::test]
async fn chance_strikes_about_as_often_as_it_says() {
    let sandbox = with("fault=503:20%").await;
    let mut struck = 0;
    for _ in 0..100 {
        struck += usize::from(Ask::new(&sandbox, "GET", APPS).send().await.status == 503);
    }
    assert!((8..35).contains(&struck), "{struck}");
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a server over real sockets needs real time")]
async fn a_server_that_stands_still_reads_nothing_until_it_is_released() {
    let short = Duration::from_millis(200);
    let count = async |sandbox: &Sandbox| {
        get(sandbox, APPS).send().await.json()["apps"].as_array().map(Vec::len)
    };
    for (when, objects) in [("before", 7), ("after", 8), ("answered", 8)] {
        let fault = format!("faults: [{{method: create, kind: hold, when: {when}, request: 1}}]");
        let sandbox = playing(&fault).await;
        let write = post(&sandbox, APPS).json(&json!({"name": "mine"}));
        let answer = tokio::time::timeout(short, write.raw(1)).await;
        assert_eq!(answer.is_ok(), when == "answered", "{when}");
        assert!(sandbox.is_held(), "{when}");
        let later = tokio::time::timeout(short, get(&sandbox, APPS).raw(1)).await;
        assert!(later.is_err(), "{when}");
        assert_eq!(sandbox.requests(), 1, "{when}: the later request was not read");
        // the server needs a moment to notice that the client disconnected
        tokio::time::sleep(short).await;
        sandbox.release();
        assert_eq!(count(&sandbox).await, Some(objects), "{when}");
        assert_eq!(sandbox.requests(), 2, "{when}: a request without client is not read");
    }
}
