//! Credentials, discovery, rate limits and the log.

use base64::Engine;
use serde_json::json;

use crate::client::{ACCOUNTS, get, post, shop};
use crate::{playing, with};

const APPS: &str = "/api/2.0/accounts/a1/apps";

fn basic(id: &str, secret: &str) -> String {
    let pair = format!("{id}:{secret}");
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

#[tokio::test]
async fn requests_without_a_valid_credential_are_refused() {
    let sandbox = with("").await;
    for ask in [
        get(&sandbox, APPS).anonymous(),
        get(&sandbox, APPS).header("Authorization", "Bearer wrong"),
        get(&sandbox, APPS).header("Authorization", &basic("sandbox-client", "sandbox-secret")),
    ] {
        let answer = ask.send().await;
        assert_eq!((answer.status, &answer.json()["error_code"]), (401, &json!("UNAUTHENTICATED")));
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    let answer = shop(&sandbox, "/v1/orders").header("X-Shop-Key", "wrong").send().await;
    assert_eq!(
        (answer.status, &answer.json()["error"]["status"]),
        (401, &json!("UNAUTHENTICATED"))
    );
    assert_eq!(shop(&sandbox, "/v1/orders").send().await.status, 200);
    let open = with("auth=off").await;
    assert_eq!(get(&open, APPS).anonymous().send().await.status, 200);
}

#[tokio::test]
async fn token_endpoints_give_tokens_for_the_right_credentials() {
    let sandbox = with("").await;
    let grant = "grant_type=client_credentials&scope=all-apis";
    let good = basic("sandbox-client", "sandbox-secret");
    for path in ["/oidc/v1/token", "/oidc/accounts/a1/v1/token", "/login/a1/token"] {
        let ask = post(&sandbox, path).header("Authorization", &good).form(grant);
        let answer = ask.send().await;
        assert_eq!(answer.status, 200, "{path}");
        let answer = answer.json();
        assert_eq!(
            (&answer["token_type"], &answer["expires_in"]),
            (&json!("Bearer"), &json!(3600))
        );
        let token = format!("Bearer {}", answer["access_token"].as_str().unwrap_or_default());
        let list = get(&sandbox, APPS).header("Authorization", &token).send().await;
        assert_eq!(list.status, 200, "{path}");
    }
    let form = format!("{grant}&client_id=sandbox-client&client_secret=sandbox-secret");
    assert_eq!(post(&sandbox, "/oidc/v1/token").anonymous().form(&form).send().await.status, 200);
    let bad = basic("sandbox-client", "guess");
    let answer =
        post(&sandbox, "/oidc/v1/token").header("Authorization", &bad).form(grant).send().await;
    assert_eq!((answer.status, &answer.json()["error"]), (401, &json!("invalid_client")));
    let answer = post(&sandbox, "/oidc/v1/token")
        .header("Authorization", &good)
        .form("grant_type=x")
        .send()
        .await;
    assert_eq!((answer.status, &answer.json()["error"]), (400, &json!("unsupported_grant_type")));
    assert_eq!(sandbox.requests(), 3, "token requests do not count");
}

#[tokio::test]
async fn assertions_and_other_tokens_are_exchanged_for_tokens() {
    let sandbox = with("").await;
    let part = |json: serde_json::Value| {
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json.to_string())
    };
    let signed = |claims| format!("{}.{}.c2ln", part(json!({"alg": "RS256"})), part(claims));
    let full =
        signed(json!({"iss": "a", "sub": "a", "aud": "b", "iat": 1, "exp": 2, "scope": "c"}));
    let empty = signed(json!({}));
    let grants = "urn:ietf:params:oauth:grant-type";
    let types = "urn:ietf:params:oauth";
    for (path, form, status) in [
        ("/token", format!("grant_type={grants}:jwt-bearer&assertion={full}"), 200),
        ("/token", format!("grant_type={grants}:jwt-bearer&assertion={empty}"), 400),
        (
            "/t-1/oauth2/v2.0/token",
            format!(
                "grant_type=client_credentials&client_assertion_type={types}:client-assertion-type:\
                 jwt-bearer&client_assertion={full}"
            ),
            200,
        ),
        (
            "/t-1/oauth2/v2.0/token",
            "grant_type=client_credentials&client_id=x&client_secret=y".to_owned(),
            401,
        ),
        (
            "/oidc/v1/token",
            format!(
                "grant_type={grants}:token-exchange&subject_token_type={types}:token-type:jwt&\
                 subject_token={full}"
            ),
            200,
        ),
        ("/oidc/v1/token", format!("grant_type={grants}:token-exchange&subject_token={full}"), 400),
        (
            "/token",
            "grant_type=refresh_token&client_id=sandbox-client&client_secret=sandbox-secret&\
             refresh_token=sandbox-token"
                .to_owned(),
            200,
        ),
        ("/token", "grant_type=refresh_token&refresh_token=sandbox-token".to_owned(), 401),
    ] {
        let answer = post(&sandbox, path).anonymous().form(&form).send().await;
        assert_eq!(answer.status, status, "{path} {form}");
        if status == 200 {
            let token = answer.json()["access_token"].as_str().unwrap_or_default().to_owned();
            let token = format!("Bearer {token}");
            let list = get(&sandbox, APPS).header("Authorization", &token).send().await;
            assert_eq!(list.status, 200, "{form}");
        }
    }
}

#[tokio::test]
async fn issued_tokens_run_out_after_some_requests() {
    let sandbox = playing(
        "auth: {client_id: me, client_secret: mine-only, expires_in: 60, requests_per_token: 2}",
    )
    .await;
    let ask = post(&sandbox, "/oidc/v1/token").header("Authorization", &basic("me", "mine-only"));
    let answer = ask.form("grant_type=client_credentials").send().await.json();
    assert_eq!(answer["expires_in"], 60);
    let token = format!("Bearer {}", answer["access_token"].as_str().unwrap_or_default());
    for status in [200, 200, 401] {
        assert_eq!(get(&sandbox, APPS).header("Authorization", &token).send().await.status, status);
    }
}

#[tokio::test]
async fn discovery_leads_to_the_token_endpoint_of_the_host_that_was_asked() {
    let sandbox = with("").await;
    let config = get(&sandbox, "/.well-known/databricks-config").anonymous().send().await.json();
    assert_eq!(config["oidc_endpoint"], format!("https://{ACCOUNTS}/oidc/accounts/{{account_id}}"));
    assert!(config["account_id"].is_string());
    let authority = sandbox.address().to_string();
    for (path, token) in [
        ("/oidc/.well-known/oauth-authorization-server", "/oidc/v1/token"),
        ("/oidc/accounts/a1/.well-known/oauth-authorization-server", "/oidc/accounts/a1/v1/token"),
    ] {
        let document = get(&sandbox, path).host(&authority).anonymous().send().await.json();
        assert_eq!(document["token_endpoint"], format!("{}{token}", sandbox.url()));
    }
}

#[tokio::test]
async fn a_rate_limit_answers_429_per_host() {
    let sandbox = with("rate=0.01/s:2").await;
    let statuses = [200, 200, 429];
    for status in statuses {
        assert_eq!(get(&sandbox, APPS).send().await.status, status);
    }
    let limited = get(&sandbox, APPS).send().await;
    assert_eq!(limited.header("retry-after"), Some("1"));
    assert_eq!(limited.json()["error_code"], "REQUEST_LIMIT_EXCEEDED");
    assert_eq!(shop(&sandbox, "/v1/orders").send().await.status, 200, "another host");
}

#[tokio::test]
async fn latency_delays_every_answer() {
    let sandbox = with("latency=60ms").await;
    let before = std::time::Instant::now();
    get(&sandbox, APPS).send().await;
    assert!(before.elapsed() >= std::time::Duration::from_millis(60));
}

#[tokio::test]
async fn the_log_tells_what_came_and_hides_secrets() {
    let sandbox = with("").await;
    let target = format!("{APPS}?page_size=2&surprise=1");
    get(&sandbox, &target).send().await;
    post(&sandbox, APPS).json(&json!({"name": "x"})).send().await;
    let form = "grant_type=client_credentials&client_id=a&client_secret=very-secret";
    post(&sandbox, "/oidc/v1/token").form(form).send().await;
    shop(&sandbox, "/v1/orders").header("X-Shop-Key", "very-secret").send().await;
    let answer = get(&sandbox, "/__log").anonymous().send().await;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(!text.contains("very-secret") && !text.contains("sandbox-token"), "{text}");
    let log = answer.json();
    assert_eq!(log.as_array().map(Vec::len), Some(4), "the log itself does not count");
    let first = &log[0];
    assert_eq!(first["n"], 1);
    assert_eq!(first["host"], ACCOUNTS);
    assert_eq!((&first["verb"], &first["path"]), (&json!("GET"), &json!(APPS)));
    assert_eq!(first["query"], json!([["page_size", "2"], ["surprise", "1"]]));
    assert_eq!(first["undocumented"], json!(["surprise"]));
    assert_eq!(first["method"], "databricks_demo.apps.apps.list");
    assert_eq!(
        (&first["status"], &first["headers"]["authorization"]),
        (&json!(200), &json!("***"))
    );
    assert_eq!(log[1]["body"], json!({"name": "x"}));
    assert_eq!((&log[2]["auth"], &log[2]["body"]["client_secret"]), (&json!(true), &json!("***")));
    assert_eq!(sandbox.log().len(), 4);
    assert_eq!(post(&sandbox, "/__reset").send().await.status, 200);
    assert!(sandbox.log().is_empty());
}
