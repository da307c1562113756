//! Pages in every style.

use serde_json::{Value as Json, json};
use strataql_sandbox::Sandbox;

use crate::client::{Answer, get, post, shop};
use crate::{playing, with};

const APPS: &str = "/api/2.0/accounts/a1/apps";

/// Follows page tokens to the end; returns the pages.
async fn walk(sandbox: &Sandbox, first: &str) -> Vec<Json> {
    let mut pages = vec![get(sandbox, first).send().await.json()];
    while let Some(token) = pages.last().and_then(|page| page["next_page_token"].as_str()) {
        let glue = if first.contains('?') { '&' } else { '?' };
        let target = format!("{first}{glue}page_token={token}");
        pages.push(get(sandbox, &target).send().await.json());
        assert!(pages.len() < 100, "no end");
    }
    pages
}

fn ids(pages: &[Json], key: &str, field: &str) -> Vec<String> {
    let rows = pages.iter().flat_map(|page| page[key].as_array().cloned().unwrap_or_default());
    rows.map(|row| row[field].to_string()).collect()
}

#[tokio::test]
async fn tokens_lead_over_seven_pages() {
    let sandbox = with("page-size=2,rows=14").await;
    let pages = walk(&sandbox, APPS).await;
    assert_eq!(pages.len(), 7);
    assert_eq!(pages[6].get("next_page_token"), None, "the last page has no token");
    let whole = with("rows=14").await;
    let all = get(&whole, APPS).send().await.json();
    assert_eq!(ids(&pages, "apps", "app_id"), ids(&[all], "apps", "app_id"));
    assert_eq!(sandbox.requests(), 7);
}

#[tokio::test]
async fn the_request_says_how_long_a_page_is_up_to_the_server_s_limit() {
    let sandbox = with("").await;
    assert_eq!(walk(&sandbox, &format!("{APPS}?page_size=3")).await.len(), 3);
    let sandbox = with("page-size=2").await;
    assert_eq!(walk(&sandbox, &format!("{APPS}?page_size=7")).await.len(), 4);
    assert_eq!(walk(&sandbox, &format!("{APPS}?page_size=1")).await.len(), 7);
}

#[tokio::test]
async fn tokens_are_only_good_for_their_list() {
    let sandbox = with("page-size=2").await;
    let token = get(&sandbox, APPS).send().await.json()["next_page_token"].clone();
    let token = token.as_str().unwrap_or_default();
    let other = format!("/api/2.0/accounts/a2/apps?page_token={token}");
    for target in [other.as_str(), "/api/2.0/accounts/a1/apps?page_token=Mg"] {
        let answer = get(&sandbox, target).send().await;
        assert_eq!(
            (answer.status, &answer.json()["error_code"]),
            (400, &json!("INVALID_PARAMETER_VALUE"))
        );
    }
}

#[tokio::test]
async fn a_bare_array_cannot_carry_a_token_and_comes_whole() {
    let sandbox = with("page-size=2").await;
    let users = get(&sandbox, "/api/2.0/accounts/a1/users").send().await.json();
    assert_eq!(users.as_array().map(Vec::len), Some(7));
}

#[tokio::test]
async fn filters_hold_on_every_page() {
    let sandbox = with("page-size=1").await;
    let name = get(&sandbox, APPS).send().await.json()["apps"][0]["name"].clone();
    let target = format!("{APPS}?name={}", name.as_str().unwrap_or_default());
    let pages = walk(&sandbox, &target).await;
    assert!(pages.iter().all(|page| page["apps"][0]["name"] == name), "{pages:?}");
    assert_eq!(walk(&sandbox, &format!("{APPS}?name=nobody")).await[0]["apps"], json!([]));
}

fn next_link(answer: &Answer) -> Option<String> {
    let (address, rest) = answer.header("link")?.strip_prefix('<')?.split_once('>')?;
    assert_eq!(rest, "; rel=\"next\"");
    Some(address.to_owned())
}

#[tokio::test]
async fn links_are_absolute_and_keep_the_query() {
    let sandbox = with("page-size=3").await;
    let mut target = "/v1/books?limit=2".to_owned();
    let mut seen = Vec::new();
    loop {
        let answer = shop(&sandbox, &target).send().await;
        seen.extend(answer.json().as_array().cloned().unwrap_or_default());
        let Some(link) = next_link(&answer) else { break };
        let origin = "https://eu.shop.example.com";
        target = link.strip_prefix(origin).unwrap_or_else(|| panic!("{link}")).to_owned();
        assert!(target.starts_with("/v1/books?limit=2&cursor="), "{target}");
    }
    assert_eq!(seen.len(), 7);
    assert_eq!(sandbox.requests(), 4);
    let direct = shop(&sandbox, "/v1/books").host(&sandbox.address().to_string()).send().await;
    assert!(next_link(&direct).is_some_and(|link| link.starts_with(&sandbox.url())));
}

#[tokio::test]
async fn addresses_in_the_body_end_with_the_list() {
    let sandbox = with("page-size=4").await;
    let first = shop(&sandbox, "/v1/orders").send().await.json();
    let link = first["nextLink"].as_str().unwrap_or_default();
    let target = link.strip_prefix("https://eu.shop.example.com").unwrap_or_default();
    let second = shop(&sandbox, target).send().await.json();
    assert_eq!((second["value"].as_array().map(Vec::len), second.get("nextLink")), (Some(3), None));
}

#[tokio::test]
async fn offsets_start_where_the_document_says() {
    let sandbox = with("").await;
    let first = shop(&sandbox, "/v1/authors?count=5").send().await.json();
    assert_eq!((&first["totalResults"], &first["startIndex"]), (&json!(7), &json!(1)));
    assert_eq!(first["Resources"].as_array().map(Vec::len), Some(3), "the service's own maximum");
    let last = shop(&sandbox, "/v1/authors?startIndex=7&count=3").send().await.json();
    assert_eq!(last["Resources"].as_array().map(Vec::len), Some(1));
    let past = shop(&sandbox, "/v1/authors?startIndex=8").send().await.json();
    assert_eq!((&past["Resources"], &past["totalResults"]), (&json!([]), &json!(7)));
    assert_eq!(shop(&sandbox, "/v1/authors?startIndex=x").send().await.status, 400);
}

#[tokio::test]
async fn page_numbers_say_how_many_there_are() {
    let sandbox = with("page-size=3").await;
    let first = shop(&sandbox, "/v1/shelves").send().await.json();
    assert_eq!((&first["page"], &first["pages"]), (&json!(1), &json!(3)));
    let last = shop(&sandbox, "/v1/shelves?page=3").send().await.json();
    assert_eq!((&last["page"], last["shelves"].as_array().map(Vec::len)), (&json!(3), Some(1)));
}

#[tokio::test]
async fn tokens_travel_in_bodies_too() {
    let sandbox = with("").await;
    let mut body = json!({"text": "x", "MaxResults": 3});
    let mut count = 0;
    loop {
        let ask = post(&sandbox, "/v1/search").host(crate::client::SHOP).json(&body);
        let page = ask.header("X-Shop-Key", "sandbox-token").send().await.json();
        count += page["hits"].as_array().map_or(0, Vec::len);
        let Some(token) = page.get("NextToken") else { break };
        body["NextToken"] = token.clone();
    }
    assert_eq!((count, sandbox.requests()), (7, 3));
}

#[tokio::test]
async fn a_million_rows_cost_nothing_until_they_are_read() {
    let sandbox =
        playing("objects: {databricks_demo.apps.apps: {rows: 1000000}}\npage_size: 2").await;
    let first = get(&sandbox, APPS).send().await.json();
    assert_eq!(first["apps"].as_array().map(Vec::len), Some(2));
    assert!(first["next_page_token"].is_string());
}
