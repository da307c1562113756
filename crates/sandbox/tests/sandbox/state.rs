//! Data, and the effect of writes.

use serde_json::{Value as Json, json};

use crate::client::{ACCOUNTS, Ask, get, post, shop};
use crate::{playing, with};

const APPS: &str = "/api/2.0/accounts/a1/apps";

fn names(list: &Json, key: &str) -> Vec<String> {
    let items = list[key].as_array().cloned().unwrap_or_default();
    items.iter().map(|item| item["name"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn any_parent_has_seven_plausible_objects() {
    let sandbox = with("").await;
    let one = get(&sandbox, APPS).send().await.json();
    let other = get(&sandbox, "/api/2.0/accounts/a2/apps").send().await.json();
    assert_eq!(one["apps"].as_array().map(Vec::len), Some(7));
    assert_ne!(one, other);
    let app = &one["apps"][0];
    assert_eq!(app["app_id"].as_str().map(str::len), Some(36), "{app}");
    let time = app["create_time"].as_str().unwrap_or_default();
    assert!(time.len() == 20 && time.ends_with('Z'), "{app}");
    assert!(app["created_by"].is_i64() && app["policy"]["ttl_in_minutes"].is_i64(), "{app}");
    assert!(["SMALL", "LARGE"].contains(&app["tier"].as_str().unwrap_or_default()), "{app}");
    let id = app["app_id"].as_str().unwrap_or_default();
    let single = get(&sandbox, &format!("{APPS}/{id}")).send().await;
    assert_eq!((single.status, &single.json()), (200, app));
    // optional fields are sometimes missing
    let all = one["apps"].as_array().cloned().unwrap_or_default();
    assert!(all.iter().any(|app| app.as_object().is_some_and(|fields| fields.len() < 7)), "{one}");
}

#[tokio::test]
async fn an_object_lives_from_create_to_delete() {
    let sandbox = with("").await;
    let body = json!({"name": "mine", "policy": {"ttl_in_minutes": 60}});
    let made = post(&sandbox, APPS).json(&body).send().await;
    assert_eq!(made.status, 200);
    let made = made.json();
    assert!(made["client_secret"].is_string(), "a field that only creation shows: {made}");
    assert_eq!(made.as_object().map(serde_json::Map::len), Some(2), "documented fields only");
    let path = format!("{APPS}/{}", made["app_id"].as_str().unwrap_or_default());

    let app = get(&sandbox, &path).send().await.json();
    assert_eq!((&app["name"], &app["policy"]["ttl_in_minutes"]), (&json!("mine"), &json!(60)));
    assert!(app["created_by"].is_i64(), "filled by the service: {app}");
    assert_eq!(app.get("tier"), None, "the client did not set it: {app}");
    assert_eq!(app["create_time"], "2024-05-01T08:00:07Z", "the sandbox clock");
    assert_eq!(get(&sandbox, APPS).send().await.json()["apps"].as_array().map(Vec::len), Some(8));

    let change = json!({"policy": {"rotate": true}, "tier": "SMALL"});
    let patched = Ask::new(&sandbox, "PATCH", &path).json(&change).send().await;
    assert_eq!((patched.status, patched.json()), (200, json!({})));
    let app = get(&sandbox, &path).send().await.json();
    assert_eq!((&app["name"], &app["policy"]), (&json!("mine"), &json!({"rotate": true})));

    let put = Ask::new(&sandbox, "PUT", &path).json(&json!({"name": "new"})).send().await.json();
    assert_eq!((&put["name"], put.get("tier"), put.get("policy")), (&json!("new"), None, None));
    assert_eq!(put["created_by"], app["created_by"]);

    assert_eq!(Ask::new(&sandbox, "DELETE", &path).send().await.status, 200);
    let gone = get(&sandbox, &path).send().await;
    assert_eq!((gone.status, &gone.json()["error_code"]), (404, &json!("RESOURCE_DOES_NOT_EXIST")));
    assert_eq!(Ask::new(&sandbox, "DELETE", &path).send().await.status, 404);
    assert_eq!(get(&sandbox, APPS).send().await.json()["apps"].as_array().map(Vec::len), Some(7));
}

#[tokio::test]
async fn generated_objects_can_be_changed_and_deleted() {
    let sandbox = with("rows=3").await;
    let list = get(&sandbox, APPS).send().await.json();
    let id = list["apps"][1]["app_id"].as_str().unwrap_or_default().to_owned();
    let path = format!("{APPS}/{id}");
    Ask::new(&sandbox, "PATCH", &path).json(&json!({"name": "changed"})).send().await;
    let list = get(&sandbox, APPS).send().await.json();
    assert_eq!(names(&list, "apps")[1], "changed");
    Ask::new(&sandbox, "DELETE", &path).send().await;
    let left = names(&get(&sandbox, APPS).send().await.json(), "apps");
    assert_eq!(left.len(), 2);
    assert!(!left.contains(&"changed".to_owned()));
    sandbox.reset();
    assert_eq!(names(&get(&sandbox, APPS).send().await.json(), "apps").len(), 3);
}

#[tokio::test]
async fn an_update_mask_limits_a_change() {
    let sandbox = with("").await;
    let list = get(&sandbox, APPS).send().await.json();
    let path = format!("{APPS}/{}", list["apps"][0]["app_id"].as_str().unwrap_or_default());
    let body = json!({"name": "new", "tier": "LARGE"});
    let url = format!("{path}?update_mask=tier");
    assert_eq!(Ask::new(&sandbox, "PATCH", url).json(&body).send().await.status, 200);
    let app = get(&sandbox, &path).send().await.json();
    assert_eq!((&app["name"], &app["tier"]), (&list["apps"][0]["name"], &json!("LARGE")));
    let url = format!("{path}?update_mask=teir");
    assert_eq!(Ask::new(&sandbox, "PATCH", url).json(&body).send().await.status, 400);
}

#[tokio::test]
async fn bodies_are_checked_against_the_document() {
    let sandbox = with("").await;
    for (body, said) in [
        (json!({"name": "x", "tire": "SMALL"}), "unknown field `tire`, did you mean `tier`?"),
        (json!({"name": 5}), "`name` is a number, expected string"),
        (json!({"tier": "SMALL"}), "the field `name` is required"),
        (json!({"name": "x", "tier": "HUGE"}), "the field `tier` is \"HUGE\", which is not one of"),
        (
            json!({"name": "x", "policy": {"ttl_in_minutes": "60"}}),
            "`policy.ttl_in_minutes` is a string",
        ),
        (json!({"name": "x", "redirect_urls": ["a", 1]}), "`redirect_urls[1]` is a number"),
        (json!([1]), "`the body` is an array, expected object"),
    ] {
        let answer = post(&sandbox, APPS).json(&body).send().await;
        let json = answer.json();
        assert_eq!((answer.status, &json["error_code"]), (400, &json!("INVALID_PARAMETER_VALUE")));
        let message = json["message"].as_str().unwrap_or_default();
        assert!(message.starts_with(said), "{body}: {message}");
        assert!(json["details"][0]["request_id"].is_string());
    }
    let empty = post(&sandbox, APPS).send().await;
    assert_eq!((empty.status, &empty.json()["message"]), (400, &json!("the request needs a body")));
    let answer = get(&sandbox, &format!("{APPS}?page_size=many")).send().await;
    let message = answer.json()["message"].clone();
    assert_eq!(
        (answer.status, message),
        (400, json!("the parameter `page_size` is `many`, expected integer"))
    );
    let group = json!({"group": {"title": "x", "uid": "7"}});
    let answer = post(&sandbox, "/api/2.0/accounts/a1/groups").json(&group).send().await;
    assert_eq!(answer.json()["message"], "the field `group.uid` is read-only");
    assert_eq!(
        names(&get(&sandbox, APPS).send().await.json(), "apps").len(),
        7,
        "nothing was made"
    );
}

#[tokio::test]
async fn an_identifier_of_the_client_s_choice_is_taken_once() {
    let sandbox = with("").await;
    let users = "/api/2.0/accounts/a1/users";
    let body = json!({"user_name": "ada"});
    let made = post(&sandbox, users).json(&body).send().await.json();
    assert_eq!((&made["user_name"], &made["active"]), (&json!("ada"), &json!(true)));
    let again = post(&sandbox, users).json(&body).send().await;
    assert_eq!(
        (again.status, &again.json()["error_code"]),
        (409, &json!("RESOURCE_ALREADY_EXISTS"))
    );
    assert_eq!(get(&sandbox, &format!("{users}/ada")).send().await.json(), made);
    let list = get(&sandbox, users).send().await.json();
    assert_eq!(list.as_array().map(Vec::len), Some(8));
    let generated = list[2]["user_name"].as_str().unwrap_or_default().to_owned();
    assert_eq!(get(&sandbox, &format!("{users}/{generated}")).send().await.json(), list[2]);
}

#[tokio::test]
async fn settings_stand_alone_and_keep_changes() {
    let sandbox = with("").await;
    let path = "/api/2.0/accounts/a1/settings";
    let before = get(&sandbox, path).send().await.json();
    assert!(before["theme"].is_string() && before["limit"].is_i64(), "{before}");
    let change = json!({"limit": 12});
    let after = Ask::new(&sandbox, "PATCH", path).json(&change).send().await.json();
    assert_eq!(after, json!({"theme": before["theme"], "limit": 12}));
    assert_eq!(get(&sandbox, path).send().await.json(), after);
    let other = get(&sandbox, "/api/2.0/accounts/a2/settings").send().await.json();
    assert_ne!(other["limit"], 12);
}

#[tokio::test]
async fn resource_names_with_slashes_identify_objects() {
    let sandbox = with("").await;
    let list = get(&sandbox, "/api/2.0/accounts/a1/groups").send().await.json();
    let name = list["groups"][3]["name"].as_str().unwrap_or_default().to_owned();
    assert!(name.starts_with("accounts/a1/groups/"), "{name}");
    let path = format!("/api/2.0/{name}");
    assert_eq!(get(&sandbox, &path).send().await.json(), list["groups"][3]);
    let body = json!({"group": {"title": "wrapped"}});
    let made = post(&sandbox, "/api/2.0/accounts/a1/groups").json(&body).send().await.json();
    assert_eq!(made["title"], "wrapped", "the wrapper is taken off");
    assert_eq!(Ask::new(&sandbox, "DELETE", &path).send().await.status, 200);
    assert_eq!(get(&sandbox, &path).send().await.status, 404);
}

#[tokio::test]
async fn paths_named_after_verbs_share_a_collection() {
    let sandbox = with("").await;
    let list = get(&sandbox, "/api/2.1/machines/list").send().await.json();
    let machine = list["machines"][0].clone();
    let id = machine["machine_id"].as_str().unwrap_or_default();
    let url = format!("/api/2.1/machines/get?machine_id={id}");
    assert_eq!(get(&sandbox, &url).send().await.json(), machine);
    let made = post(&sandbox, "/api/2.1/machines/create").json(&json!({"label": "l"})).send().await;
    let made = made.json()["machine_id"].clone();
    let url = format!("/api/2.1/machines/get?machine_id={}", made.as_str().unwrap_or_default());
    assert_eq!(get(&sandbox, &url).send().await.json()["label"], "l");
    let delete = json!({"machine_id": made});
    assert_eq!(post(&sandbox, "/api/2.1/machines/delete").json(&delete).send().await.status, 200);
    assert_eq!(post(&sandbox, "/api/2.1/machines/delete").json(&delete).send().await.status, 404);
    assert_eq!(get(&sandbox, &url).send().await.status, 404);
}

#[tokio::test]
async fn actions_need_their_object() {
    let sandbox = with("").await;
    let list = get(&sandbox, APPS).send().await.json();
    let id = list["apps"][0]["app_id"].as_str().unwrap_or_default();
    let done = post(&sandbox, &format!("{APPS}/{id}/restart")).send().await;
    assert_eq!(done.status, 200);
    assert!(done.json()["attempt"].is_i64());
    assert_eq!(post(&sandbox, &format!("{APPS}/nobody/restart")).send().await.status, 404);
    let body = json!({"force": true});
    let refused = post(&sandbox, &format!("{APPS}/{id}/restart")).json(&body).send().await;
    assert_eq!(refused.status, 400, "the operation takes no body");
}

#[tokio::test]
async fn required_query_parameters_are_parents_in_disguise() {
    let sandbox = with("rows=3").await;
    let books = async |book: &str| {
        let list = shop(&sandbox, &format!("/v1/reviews?book={book}")).send().await.json();
        let items = list["items"].as_array().cloned().unwrap_or_default();
        assert!(items.iter().all(|item| item["book"] == book), "{list}");
        items.len()
    };
    assert_eq!((books("b1").await, books("b2").await), (3, 3));
    let made = post(&sandbox, "/v1/reviews").host(crate::client::SHOP);
    let made = made.header("X-Shop-Key", "sandbox-token").json(&json!({"book": "b1", "stars": 5}));
    assert_eq!(made.send().await.status, 200);
    assert_eq!((books("b1").await, books("b2").await), (4, 3));
    assert_eq!(shop(&sandbox, "/v1/reviews").send().await.status, 400, "it is required");
}

#[tokio::test]
async fn put_creates_where_the_document_inserts_with_it() {
    let sandbox = with("").await;
    let put = Ask::new(&sandbox, "PUT", "/v1/books/97").host(crate::client::SHOP);
    let put = put.header("X-Shop-Key", "sandbox-token").json(&json!({"genre": "prose"}));
    assert_eq!(put.send().await.json()["isbn"], "97");
    assert_eq!(shop(&sandbox, "/v1/books/97").send().await.json()["genre"], "prose");
}

#[tokio::test]
async fn a_scenario_gives_exact_objects() {
    let sandbox = playing(
        "objects:\n  databricks_demo.apps.apps:\n\
         \x20   - {account_id: a1, app_id: x1, name: one}\n\
         \x20   - {account_id: a2, app_id: x2, name: two}\n\
         \x20   - {app_id: x3, name: everywhere}\n\
         \x20 databricks_demo.apps.users: {rows: 700}\n\
         \x20 databricks_demo.apps.groups: {rows: 0, empty: omit}\n\
         \x20 databricks_demo.apps.settings:\n    - {account_id: a1, limit: 3}\n",
    )
    .await;
    let list = get(&sandbox, APPS).send().await.json();
    assert_eq!(
        list["apps"],
        json!([{"app_id": "x1", "name": "one"}, {"app_id": "x3", "name": "everywhere"}])
    );
    assert_eq!(get(&sandbox, &format!("{APPS}/x1")).send().await.json()["name"], "one");
    assert_eq!(get(&sandbox, &format!("{APPS}/x2")).send().await.status, 404);
    let other = get(&sandbox, "/api/2.0/accounts/a3/apps").send().await.json();
    assert_eq!(names(&other, "apps"), ["everywhere"]);
    let users = get(&sandbox, "/api/2.0/accounts/a1/users").send().await.json();
    assert_eq!(users.as_array().map(Vec::len), Some(700));
    assert_eq!(get(&sandbox, "/api/2.0/accounts/a1/groups").send().await.json(), json!({}));
    let settings = get(&sandbox, "/api/2.0/accounts/a1/settings").send().await.json();
    assert_eq!(settings, json!({"limit": 3}));
}

#[tokio::test]
async fn empty_lists_have_an_empty_array_unless_told_otherwise() {
    let sandbox = with("rows=0").await;
    assert_eq!(get(&sandbox, APPS).send().await.json(), json!({"apps": []}));
    let sandbox = playing("rows: 0\nempty: omit").await;
    assert_eq!(get(&sandbox, APPS).send().await.json(), json!({}));
    assert_eq!(get(&sandbox, "/api/2.0/accounts/a1/users").send().await.json(), json!([]));
}

#[tokio::test]
async fn scenarios_must_name_resources_that_exist() {
    let scenario =
        strataql_sandbox::Scenario::parse("objects: {databricks_demo.apps.app: []}", "s")
            .expect("valid by itself");
    let options = strataql_sandbox::Options { scenario: Some(scenario), ..Default::default() };
    let sources = vec![crate::source("databricks_demo", &["apps"])];
    let report =
        strataql_sandbox::Sandbox::start(sources, options).await.expect_err("no such resource");
    assert_eq!(report.code.id(), "unknown-resource");
    assert_eq!(report.help[0], "did you mean `databricks_demo.apps.apps`?");
}

#[tokio::test]
async fn hosts_do_not_share_state() {
    let sandbox = with("").await;
    let body = json!({"name": "mine"});
    post(&sandbox, APPS).json(&body).send().await;
    let count = |host: &'static str| {
        let ask = get(&sandbox, APPS).host(host);
        async move { names(&ask.send().await.json(), "apps").len() }
    };
    assert_eq!(count(ACCOUNTS).await, 8);
    assert_eq!(count("Accounts.Demo.example.com:443").await, 8);
    assert_eq!(count("private.example.org").await, 7);
    assert_eq!(count("localhost").await, 7);
}

#[tokio::test]
async fn two_servers_give_the_same_bytes() {
    let options = "page-size=3,fault=503:30%";
    let (one, two) = (with(options).await, with(options).await);
    let mut struck = 0;
    for target in [
        APPS,
        "/api/2.0/accounts/a1/users",
        "/api/2.0/accounts/zz/settings",
        "/api/2.1/machines/list",
        "/api/2.0/accounts/a1/apps/none",
        "/nowhere",
    ] {
        for host in [ACCOUNTS, "127.0.0.1"] {
            let first = get(&one, target).host(host).send().await;
            let second = get(&two, target).host(host).send().await;
            struck += usize::from(first.status == 503);
            let text = |raw: &[u8]| String::from_utf8_lossy(raw).into_owned();
            assert_eq!(text(&first.raw), text(&second.raw), "{target}");
        }
    }
    assert!(struck > 0, "chance strikes the same requests");
    let made = json!({"name": "x"});
    for _ in 0..3 {
        let first = post(&one, APPS).json(&made).send().await;
        assert_eq!(first.raw, post(&two, APPS).json(&made).send().await.raw);
    }
}

#[tokio::test]
async fn sequential_identifiers_are_short() {
    let sandbox = playing("ids: sequential\nclock: 2030-01-01T00:00:00Z").await;
    assert_eq!(get(&sandbox, &format!("{APPS}/3")).send().await.json()["app_id"], "3");
    let made = post(&sandbox, APPS).json(&json!({"name": "x"})).send().await.json();
    assert_eq!(made["app_id"], "8");
    let app = get(&sandbox, &format!("{APPS}/8")).send().await;
    assert_eq!(app.json()["create_time"], "2030-01-01T00:00:07Z");
    assert_eq!(app.header("date"), Some("Tue, 01 Jan 2030 00:00:00 GMT"));
}
