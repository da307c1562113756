//! Destinations of requests: redirects, replacement endpoints, proxies.

use std::collections::HashMap;
use std::sync::Arc;

use strataql_diag::{Code, Redactor, Report};
use strataql_net::{Cause, ManualClock, ProxyPolicy, Repeat, Request, Settings, Transport};
use strataql_spec::HttpVerb;
use url::Url;

use crate::server::{PROVIDER, Server, answer, bench, get, post};

#[tokio::test]
async fn redirects_of_reads_are_followed_within_the_origin() {
    let server = Server::start(|_, seen| match seen.target.as_str() {
        "/a" => answer(302, &["location: /b?x=1"], ""),
        "/b?x=1" => answer(308, &["location: c"], ""),
        _ => answer(200, &[], "there"),
    })
    .await;
    let bench = bench(|_| {});
    let response = bench.transport.send(get(&server, "/a")).await.expect("an answer");
    assert_eq!((&response.body[..], response.attempts, response.retries), (&b"there"[..], 3, 0));
    assert_eq!(response.url.path(), "/c");
    assert_eq!(server.targets(), ["/a", "/b?x=1", "/c"]);
}

#[tokio::test]
async fn redirects_elsewhere_are_refused_before_anything_is_sent_there() {
    let other = Server::start(|_, _| answer(200, &[], "stolen")).await;
    let target = format!("location: {}", other.url);
    let server = Server::start(move |_, _| answer(302, &[&target], "")).await;
    let bench = bench(|_| {});
    let failure = bench.transport.send(get(&server, "/a")).await.expect_err("elsewhere");
    assert!(matches!(failure.cause, Cause::CrossOrigin(_)), "{failure:?}");
    assert_eq!(Report::from(failure).code, Code::CrossOrigin);
    assert_eq!((server.seen().len(), other.seen().len()), (1, 0));
}

#[tokio::test]
async fn redirects_in_circles_end_and_writes_are_not_redirected() {
    let server = Server::start(|_, _| answer(307, &["location: /again"], "")).await;
    let bench = bench(|_| {});
    let failure = bench.transport.send(get(&server, "/a")).await.expect_err("a circle");
    assert_eq!((failure.cause, failure.attempts), (Cause::Redirects { limit: 5 }, 6));
    let request = post(&server, "/a", Repeat::RefusedOnly);
    let response = bench.transport.send(request).await.expect("an answer");
    assert_eq!((response.status, response.attempts), (307, 1));
    assert_eq!(bench.transport.status_report(&response).code, Code::RemoteRejected);
}

#[tokio::test]
async fn another_server_stands_in_and_learns_the_original_host() {
    let server = Server::start(|_, seen| match seen.target.as_str() {
        "/a" => answer(302, &["location: https://accounts.example.com/b"], ""),
        "/c" => answer(302, &["location: http://127.0.0.1/b"], ""),
        _ => answer(200, &[], "ok"),
    })
    .await;
    let endpoint = server.url.clone();
    let bench = bench(|settings| {
        settings.endpoints = HashMap::from([(PROVIDER.to_owned(), endpoint)]);
    });
    let send = |url: &str| {
        let url = Url::parse(url).expect("a URL");
        bench.transport.send(Request::new(PROVIDER, HttpVerb::Get, url))
    };
    let response = send("https://accounts.example.com/a").await.expect("an answer");
    assert_eq!(response.url.as_str(), "https://accounts.example.com/b");
    send("https://other.example.com:8443/x?y=%2F").await.expect("an answer");
    let seen = server.seen();
    let hosts: Vec<Option<&str>> = seen.iter().map(|seen| seen.header("host")).collect();
    assert_eq!(
        hosts,
        [
            Some("accounts.example.com"),
            Some("accounts.example.com"),
            Some("other.example.com:8443")
        ]
    );
    assert_eq!(server.targets(), ["/a", "/b", "/x?y=%2F"]);
    let failure = send("https://accounts.example.com/c").await.expect_err("another origin");
    assert!(matches!(failure.cause, Cause::CrossOrigin(_)), "{failure:?}");
}

#[tokio::test]
async fn a_proxy_is_used_for_other_hosts_and_never_for_loopback() {
    let proxy = Server::start(|_, _| answer(200, &[], "by proxy")).await;
    let server = Server::start(|_, _| answer(200, &[], "direct")).await;
    let address = proxy.url.clone();
    let bench = bench(|settings| settings.proxy = ProxyPolicy::Url(address));
    let url = Url::parse("http://api.example.com/x").expect("a URL");
    let far = bench.transport.send(Request::new(PROVIDER, HttpVerb::Get, url)).await;
    assert_eq!(far.expect("an answer").body, "by proxy");
    let near = bench.transport.send(get(&server, "/x")).await;
    assert_eq!(near.expect("an answer").body, "direct");
    assert_eq!(proxy.targets(), ["http://api.example.com/x"]);
}

#[tokio::test]
async fn an_endpoint_is_scheme_and_authority_only() {
    for endpoint in ["http://h/path", "http://h/?q", "ftp://h", "http://user@h"] {
        let settings = Settings {
            endpoints: HashMap::from([("p".to_owned(), Url::parse(endpoint).expect("a URL"))]),
            ..Settings::default()
        };
        let clock = Arc::new(ManualClock::default());
        let report = Transport::new(settings, clock, Redactor::default()).expect_err(endpoint);
        assert_eq!(report.code, Code::Config, "{endpoint}");
    }
}
