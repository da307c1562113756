//! Which requests reach which method.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use strataql_sandbox::{Options, ProviderSource, Sandbox};

use crate::client::{ACCOUNTS, Ask, get, shop};
use crate::{source, with};

#[tokio::test]
async fn unknown_routes_are_404_in_the_provider_s_form() {
    let sandbox =
        Sandbox::start(vec![source("databricks_demo", &["apps"])], Options::default()).await;
    let sandbox = sandbox.expect("starts");
    let answer = get(&sandbox, "/api/9.9/nothing/here").send().await;
    assert_eq!(
        (answer.status, &answer.json()["error_code"]),
        (404, &json!("RESOURCE_DOES_NOT_EXIST"))
    );
    assert_eq!(sandbox.log()[0].method, None);
    let verb = Ask::new(&sandbox, "PATCH", "/api/2.0/accounts/a1/apps").send().await;
    assert_eq!(verb.status, 404);
}

#[tokio::test]
async fn a_known_host_reaches_only_its_own_routes() {
    let sandbox = with("").await;
    assert_eq!(shop(&sandbox, "/v1/orders").host(ACCOUNTS).send().await.status, 404);
    assert_eq!(shop(&sandbox, "/v1/orders").host("us.shop.example.com").send().await.status, 200);
    assert_eq!(shop(&sandbox, "/v1/orders").host("127.0.0.1").send().await.status, 200);
    assert_eq!(shop(&sandbox, "/orders").send().await.status, 404, "the base path is part of it");
}

#[tokio::test]
async fn queries_of_path_keys_choose_the_method() {
    let sandbox = with("").await;
    let tags = shop(&sandbox, "/v1/?Action=ListTags").send().await;
    assert_eq!(tags.header("content-type"), Some("text/xml"));
    let text = String::from_utf8_lossy(&tags.body).into_owned();
    assert!(text.contains("<Response><tags><item><id>"), "{text}");
    assert!(shop(&sandbox, "/v1/?Action=CountTags").send().await.json()["count"].is_i64());
    assert_eq!(shop(&sandbox, "/v1/?Action=Other").send().await.status, 404);
    let methods: Vec<_> = sandbox.log().into_iter().map(|entry| entry.method).collect();
    assert_eq!(methods[0].as_deref(), Some("shop.catalog.tags.list"));
    assert_eq!(methods[1].as_deref(), Some("shop.catalog.tags.count"));
}

#[tokio::test]
async fn path_values_are_decoded() {
    let sandbox = with("").await;
    let body = json!({"user_name": "a b/c"});
    let made = Ask::new(&sandbox, "POST", "/api/2.0/accounts/a1/users").json(&body).send().await;
    assert_eq!(made.status, 200);
    let user = get(&sandbox, "/api/2.0/accounts/a1/users/a%20b%2Fc").send().await;
    assert_eq!((user.status, &user.json()["user_name"]), (200, &json!("a b/c")));
}

#[tokio::test]
async fn services_are_loaded_when_a_request_needs_them() {
    let provider = source("shop", &[]).provider;
    let loaded = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&loaded);
    let lazy = ProviderSource::lazy(
        provider,
        Arc::new(move |name| {
            counter.fetch_add(1, Ordering::Relaxed);
            Ok(Arc::clone(&source("shop", &[name]).services[0]))
        }),
    );
    let sandbox = Sandbox::start(vec![lazy], Options::default()).await.expect("starts");
    assert_eq!(loaded.load(Ordering::Relaxed), 0);
    let level = shop(&sandbox, "/levels/s1").host("stock.shop.example.com").send().await;
    assert_eq!((level.status, &level.json()["sku"]), (200, &json!("s1")));
    assert_eq!(loaded.load(Ordering::Relaxed), 1, "the host names the service");
    assert_eq!(shop(&sandbox, "/v1/orders").send().await.status, 200);
    assert_eq!(loaded.load(Ordering::Relaxed), 2);
    assert_eq!(sandbox.problems(), []);
}

#[tokio::test]
async fn heads_have_no_body() {
    let sandbox = with("").await;
    let answer = Ask::new(&sandbox, "HEAD", "/api/2.0/accounts/a1/apps").send().await;
    assert_eq!((answer.status, answer.body.len()), (404, 0), "no document has a HEAD here");
}

#[tokio::test]
async fn a_stopped_server_lets_go_of_its_port() {
    let sandbox = with("").await;
    let port = sandbox.address().port();
    let taken = Sandbox::start(Vec::new(), Options { port, ..Options::default() }).await;
    assert_eq!(taken.expect_err("in use").code.id(), "local-io");
    sandbox.shutdown().await;
    let again = Sandbox::start(Vec::new(), Options { port, ..Options::default() }).await;
    assert_eq!(again.expect("free again").address().port(), port);
}
