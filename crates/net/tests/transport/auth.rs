//! Tokens: one request for many, renewal, rejection, fallbacks.

use std::collections::HashMap;
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value as Json, json};
use strataql_diag::{Code, Report};
use strataql_net::{Cause, CredentialsOverride, FixedCredential, Repeat, Request, Settings};
use strataql_spec::{AuthConfig, HttpVerb};
use url::Url;

use crate::server::{Bench, PROVIDER, Seen, Server, Step, answer, bench, get, post};

const SECRET: &str = "client-s3cret";

fn is_token_request(seen: &Seen) -> bool {
    seen.target.starts_with("/token")
}

fn token(value: &str) -> Vec<Step> {
    let body = json!({"access_token": value, "token_type": "Bearer", "expires_in": 3600});
    answer(200, &["content-type: application/json"], body.to_string())
}

fn tokens(server: &Server) -> usize {
    server.seen().iter().filter(|seen| is_token_request(seen)).count()
}

fn config(json: Json) -> Option<AuthConfig> {
    AuthConfig::from_json(json)
}

fn oauth(server: &Server, extra: &Json) -> Option<AuthConfig> {
    let mut json = json!({"type": "oauth2", "grant_type": "client_credentials", "client_id": "my-id",
        "client_secret": SECRET, "token_url": format!("{}token", server.url), "scopes": ["all-apis"]});
    for (key, value) in extra.as_object().into_iter().flatten() {
        json[key] = value.clone();
    }
    config(json)
}

fn with_oauth(server: &Server, adjust: impl FnOnce(&mut Settings)) -> Bench {
    let bench = bench(adjust);
    bench.transport.register_provider(PROVIDER, oauth(server, &Json::Null));
    bench
}

#[tokio::test]
async fn callers_share_one_token_request_and_its_token() {
    let server = Server::start(|_, seen| {
        if is_token_request(seen) { token("the-token") } else { answer(200, &[], "ok") }
    })
    .await;
    let bench = with_oauth(&server, |_| {});
    let requests = (0..8).map(|number| bench.transport.send(get(&server, &format!("/{number}"))));
    for response in join_all(requests).await {
        assert_eq!(response.expect("an answer").status, 200);
    }
    bench.transport.send(get(&server, "/later")).await.expect("an answer");
    assert_eq!(tokens(&server), 1);
    for seen in server.seen() {
        if is_token_request(&seen) {
            assert_eq!(seen.header("authorization"), Some("Basic bXktaWQ6Y2xpZW50LXMzY3JldA=="));
            assert_eq!(seen.body, "grant_type=client_credentials&scope=all-apis");
            assert_eq!(seen.verb, "POST");
        } else {
            assert_eq!(seen.header("authorization"), Some("Bearer the-token"));
        }
    }
}

#[tokio::test]
async fn callers_share_the_error_and_the_next_one_tries_anew() {
    let server = Server::start(|number, seen| match (is_token_request(seen), number) {
        (true, 0..=1) => answer(
            401,
            &["content-type: application/json"],
            r#"{"error":"invalid_client","error_description":"unknown client"}"#,
        ),
        (true, _) => token("late-token"),
        _ => answer(200, &[], "ok"),
    })
    .await;
    let bench = with_oauth(&server, |_| {});
    let requests = (0..5).map(|_| bench.transport.send(post(&server, "/x", Repeat::RefusedOnly)));
    for result in join_all(requests).await {
        let failure = result.expect_err("no token");
        assert!(matches!(failure.cause, Cause::Credential(_)), "{failure:?}");
        assert!(!failure.is_outcome_unknown(), "the write was never sent");
        let report = Report::from(failure);
        assert_eq!(report.code, Code::CredentialRefused);
        assert!(
            report
                .message
                .starts_with("the token endpoint answered 401 invalid_client: \"unknown client\""),
            "{report}"
        );
        assert!(report.help[0].contains(PROVIDER), "{report:?}");
    }
    // Basic and then the form, once for all
    assert_eq!(tokens(&server), 2);
    bench.transport.send(get(&server, "/x")).await.expect("an answer");
    assert_eq!(tokens(&server), 3);
}

#[tokio::test]
async fn a_client_refused_in_the_header_is_tried_in_the_form_and_that_is_remembered() {
    let server =
        Server::start(|_, seen| match (is_token_request(seen), seen.header("authorization")) {
            (true, Some(_)) => answer(400, &[], r#"{"error":"invalid_request"}"#),
            (true, None) => {
                let body = json!({"access_token": "form-token", "expires_in": "120"});
                answer(200, &["content-type: text/plain"], body.to_string())
            }
            _ => answer(200, &[], "ok"),
        })
        .await;
    let bench = with_oauth(&server, |_| {});
    bench.transport.send(get(&server, "/x")).await.expect("an answer");
    bench.clock.advance(Duration::from_secs(61));
    bench.transport.send(get(&server, "/x")).await.expect("an answer");
    let seen = server.seen();
    let bodies: Vec<&str> =
        seen.iter().filter(|seen| is_token_request(seen)).map(|seen| seen.body.as_str()).collect();
    assert_eq!(bodies.len(), 3, "{bodies:?}");
    for body in &bodies[1..] {
        assert!(body.contains("client_id=my-id&client_secret=client-s3cret"), "{body}");
    }
    assert_eq!(
        seen.last().and_then(|seen| seen.header("authorization")),
        Some("Bearer form-token")
    );
}

#[tokio::test]
async fn auth_style_and_values_are_followed() {
    let server =
        Server::start(
            |_, seen| {
                if is_token_request(seen) { token("t0ken") } else { answer(200, &[], "ok") }
            },
        )
        .await;
    for (style, in_form) in [(1, true), (2, false)] {
        let bench = bench(|_| {});
        let extra = json!({"auth_style": style, "values": {"audience": ["a b"]}});
        bench.transport.register_provider(PROVIDER, oauth(&server, &extra));
        bench.transport.send(get(&server, "/x")).await.expect("an answer");
        let seen = server.seen();
        let request = seen.iter().rfind(|seen| is_token_request(seen)).expect("asked");
        assert_eq!(request.header("authorization").is_none(), in_form);
        assert_eq!(request.body.contains("client_secret"), in_form);
        assert!(request.body.contains("audience=a+b"), "{}", request.body);
    }
    assert_eq!(tokens(&server), 2);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let server = Server::start(|number, seen| {
        if is_token_request(seen) {
            token(&format!("token-{number}"))
        } else {
            answer(200, &[], seen.header("authorization").unwrap_or_default())
        }
    })
    .await;
    let bench = with_oauth(&server, |_| {});
    let mut used = Vec::new();
    for passed in [0, 3539, 1, 3539] {
        bench.clock.advance(Duration::from_secs(passed));
        used.push(bench.transport.send(get(&server, "/x")).await.expect("an answer").body);
    }
    assert_eq!(used, ["Bearer token-0", "Bearer token-0", "Bearer token-3", "Bearer token-3"]);
}

#[tokio::test]
async fn a_cached_token_that_is_refused_is_replaced_once() {
    let server = Server::start(|number, seen| match seen.header("authorization") {
        _ if is_token_request(seen) => token(&format!("token-{number}")),
        // the first token works once
        Some("Bearer token-0") if number > 1 => answer(401, &[], "expired"),
        _ => answer(200, &[], "ok"),
    })
    .await;
    let bench = with_oauth(&server, |_| {});
    bench.transport.send(get(&server, "/a")).await.expect("an answer");
    let request = post(&server, "/b", Repeat::RefusedOnly);
    let response = bench.transport.send(request).await.expect("an answer");
    assert_eq!((response.status, response.attempts, response.retries), (200, 2, 1));
    assert_eq!(server.targets(), ["/token", "/a", "/b", "/token", "/b"]);
}

#[tokio::test]
async fn a_fresh_token_that_is_refused_is_not_replaced() {
    let server = Server::start(|_, seen| {
        if is_token_request(seen) { token("bad-token") } else { answer(401, &[], "no") }
    })
    .await;
    let bench = with_oauth(&server, |_| {});
    let response = bench.transport.send(get(&server, "/a")).await.expect("an answer");
    assert_eq!((response.status, response.attempts), (401, 1));
    // now it comes from the cache: one renewal, then the response is final
    let response = bench.transport.send(get(&server, "/b")).await.expect("an answer");
    assert_eq!((response.status, response.attempts), (401, 2));
    assert_eq!(server.targets(), ["/token", "/a", "/b", "/token", "/b"]);
    assert_eq!(bench.transport.status_report(&response).code, Code::CredentialRefused);
}

#[tokio::test]
async fn token_requests_are_repeated_like_reads() {
    let server = Server::start(|number, seen| match number {
        0 => answer(503, &[], ""),
        1 => vec![Step::Close],
        _ if is_token_request(seen) => token("t0ken"),
        _ => answer(200, &[], "ok"),
    })
    .await;
    let bench = with_oauth(&server, |_| {});
    bench.transport.send(get(&server, "/x")).await.expect("an answer");
    assert_eq!(server.targets(), ["/token", "/token", "/token", "/x"]);
}

#[tokio::test]
async fn useless_token_answers_are_errors_that_name_the_endpoint() {
    for (status, body, code) in [
        (200, "<html>log in</html>", Code::UnexpectedBody),
        (200, "{}", Code::UnexpectedBody),
        (200, r#"{"access_token": "bad\nvalue"}"#, Code::UnexpectedBody),
        (404, "no such account", Code::CredentialRefused),
        (500, "oops", Code::RemoteUnavailable),
    ] {
        let server = Server::start(move |_, _| answer(status, &[], body)).await;
        let bench = with_oauth(&server, |_| {});
        let failure = bench.transport.send(get(&server, "/x")).await.expect_err(body);
        assert_eq!(failure.token_of.as_deref(), Some(PROVIDER));
        let report = Report::from(failure);
        assert_eq!(report.code, code, "{body}");
        assert!(report.message.starts_with("the token endpoint answered"), "{report}");
        let remote = report.remote.expect("facts");
        assert_eq!(remote.url, format!("{}token", server.url), "{body}");
        assert_eq!((remote.verb.as_str(), remote.attempts), ("POST", 1), "{body}");
        assert_eq!(remote.status, Some(status), "{body}");
        assert_eq!(server.targets(), ["/token"], "{body}");
    }
}

#[tokio::test]
async fn an_unreachable_token_endpoint_is_said_to_be_one() {
    let server = Server::start(|_, _| vec![Step::Close]).await;
    let bench = with_oauth(&server, |_| {});
    let failure = bench.transport.send(get(&server, "/x")).await.expect_err("no token");
    assert!(!failure.is_outcome_unknown());
    let report = Report::from(failure);
    assert_eq!(report.code, Code::RemoteUnavailable);
    assert!(report.notes[0].contains("access token of provider `prov`"), "{report:?}");
}

#[tokio::test]
async fn a_missing_variable_is_an_error_before_any_request() {
    let server = Server::start(|_, _| answer(200, &[], "ok")).await;
    let bench = bench(|_| {});
    let missing = json!({"token_url": "https://h.example/{{ .__env__ACCOUNT_ID }}/token"});
    bench.transport.register_provider(PROVIDER, oauth(&server, &missing));
    let failure = bench.transport.send(get(&server, "/x")).await.expect_err("no variable");
    assert_eq!((failure.attempts, failure.maybe_sent), (0, false));
    let report = Report::from(failure);
    assert_eq!(report.code, Code::NoCredential);
    assert!(report.message.contains("`ACCOUNT_ID`"), "{report}");
    assert!(server.seen().is_empty());
    let checked = bench.transport.check_credential(PROVIDER).await.expect_err("the same");
    assert_eq!(checked.code, Code::NoCredential);
}

#[tokio::test]
async fn a_sandbox_gets_tokens_from_its_own_port_with_its_own_credential() {
    let server = Server::start(|_, seen| {
        if seen.verb == "POST" { token("box-token") } else { answer(200, &[], "ok") }
    })
    .await;
    let endpoint = server.url.clone();
    let bench = bench(|settings| {
        settings.endpoints = HashMap::from([(PROVIDER.to_owned(), endpoint)]);
        let fixed = FixedCredential::Client { id: "box".to_owned(), secret: "box-secret".into() };
        settings.credentials_override = Some(CredentialsOverride::same(fixed, "box-account"));
    });
    bench.transport.register_provider(
        PROVIDER,
        config(json!({"type": "oauth2", "client_id_env_var": "A", "client_secret_env_var": "B",
            "token_url": "https://accounts.example.com/oidc/accounts/{{ .__env__C }}/v1/token"})),
    );
    let url = Url::parse("https://api.example.com/x").expect("a URL");
    bench.transport.send(Request::new(PROVIDER, HttpVerb::Get, url)).await.expect("an answer");
    let seen = server.seen();
    assert_eq!(server.targets(), ["/oidc/accounts/box-account/v1/token", "/x"]);
    assert_eq!(seen[0].header("host"), Some("accounts.example.com"));
    assert_eq!(seen[0].header("authorization"), Some("Basic Ym94OmJveC1zZWNyZXQ="));
    assert_eq!(seen[1].header("host"), Some("api.example.com"));
    assert_eq!(seen[1].header("authorization"), Some("Bearer box-token"));
}

#[tokio::test]
async fn a_given_authorization_header_is_replaced_and_a_query_credential_is_set() {
    let server = Server::start(|_, _| answer(200, &[], "ok")).await;
    let bench = bench(|_| {});
    let both = json!({"type": "custom", "location": "query", "name": "key", "token": "query key&1",
        "successor": {"type": "bearer", "location": "header", "name": "authorization", "token": "mine"}});
    bench.transport.register_provider(PROVIDER, config(both));
    let mut request = get(&server, "/x?a=%2F&key=theirs&b=1");
    request.headers.insert("authorization", "Bearer theirs".parse().expect("a value"));
    let response = bench.transport.send(request).await.expect("an answer");
    let seen = server.seen().remove(0);
    assert_eq!(seen.target, "/x?a=%2F&b=1&key=query+key%261");
    assert_eq!(seen.header("authorization"), Some("mine"));
    assert!(!response.facts.url.contains("query"), "{}", response.facts.url);
    assert!(!response.url.as_str().contains("query"), "{}", response.url);
}

#[tokio::test]
async fn a_write_that_was_refused_before_its_token_ran_out_did_not_happen() {
    for (status, headers, is_unknown) in [
        (503, &["retry-after: 5"][..], false),
        (429, &["retry-after: 5"][..], false),
        (502, &[][..], true),
    ] {
        let server = Server::start(move |number, _| match number {
            // valid for so short a time that the second attempt needs another
            0 => answer(200, &[], r#"{"access_token": "brief-token", "expires_in": 0}"#),
            1 => answer(status, headers, ""),
            _ => vec![Step::Close],
        })
        .await;
        let bench = with_oauth(&server, |_| {});
        let request = post(&server, "/x", Repeat::WithKey);
        let failure = bench.transport.send(request).await.expect_err("no second token");
        assert_eq!(failure.token_of.as_deref(), Some(PROVIDER), "{status}");
        assert_eq!(failure.is_outcome_unknown(), is_unknown, "{status}");
    }
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_named_where_a_credential_is_refused() {
    for (date, is_named) in
        [("Thu, 01 Jan 2026 00:00:00 GMT", false), ("Thu, 01 Jan 2026 00:10:00 GMT", true)]
    {
        let header = format!("date: {date}");
        let server = Server::start(move |_, _| answer(403, &[&header], "")).await;
        let bench = bench(|_| {});
        let response = bench.transport.send(get(&server, "/x")).await.expect("an answer");
        let report = bench.transport.status_report(&response);
        let is_noted =
            report.notes.iter().any(|note| note.contains("differs from the service's by 600 s"));
        assert_eq!(is_noted, is_named, "{report:?}");
    }
}
