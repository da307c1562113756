//! Writes: the requests that are sent, and those that must not be.

use strataql_diag::Code;
use strataql_e2e::{World, impatient};

const RESOURCE: &str = "databricks_account.oauth2.published_app_integration";

/// Verb, last part of the path and body of the writes that reached the sandbox.
fn writes(world: &World) -> Vec<(String, String, String)> {
    world
        .sandbox
        .log()
        .into_iter()
        .map(|entry| serde_json::to_value(entry).expect("serialises"))
        .filter(|entry| {
            entry["verb"] != "GET" && entry["path"].as_str().is_some_and(|p| p.starts_with("/api"))
        })
        .map(|entry| {
            let path = entry["path"].as_str().unwrap_or_default();
            let last = path.rsplit('/').next().unwrap_or_default().to_owned();
            let body =
                if entry["body"].is_null() { String::new() } else { entry["body"].to_string() };
            (entry["verb"].as_str().unwrap_or_default().to_owned(), last, body)
        })
        .collect()
}

async fn world() -> World {
    let yaml = format!(
        "objects:\n  {RESOURCE}:\n{}",
        [("1", "power", 10), ("2", "tableau", 20), ("3", "other", 30)]
            .map(|(id, name, ttl)| format!(
                "  - {{account_id: a1, integration_id: i{id}, name: {name}, token_access_policy: {{access_token_ttl_in_minutes: {ttl}}}}}\n"
            ))
            .concat()
    );
    World::scenario(&yaml, impatient()).await.expect("starts")
}

#[tokio::test(flavor = "multi_thread")]
async fn inserts_send_typed_bodies_and_return_the_answer() {
    let world = world().await;
    let sql = format!(
        "INSERT INTO {RESOURCE} (account_id, app_id, token_access_policy.access_token_ttl_in_minutes) \
         SELECT 'a1', 'app-' || n, n * 10 FROM (VALUES (1), (2)) v(n) RETURNING integration_id IS NOT NULL, account_id"
    );
    let table = world.run(&sql).await.expect("written");
    assert_eq!(table.rows, [["true", "a1"], ["true", "a1"]]);
    let mut sent: Vec<(String, String)> =
        writes(&world).into_iter().map(|(verb, _, body)| (verb, body)).collect();
    // both are in flight at once
    sent.sort();
    assert_eq!(
        sent,
        [
            (
                "POST".into(),
                r#"{"app_id":"app-1","token_access_policy":{"access_token_ttl_in_minutes":10}}"#
                    .into()
            ),
            (
                "POST".into(),
                r#"{"app_id":"app-2","token_access_policy":{"access_token_ttl_in_minutes":20}}"#
                    .into()
            ),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_is_never_ignored() {
    let cases: &[(&str, &[&str])] = &[
        ("integration_id = 'i1'", &["i1"]),
        ("'i1' = integration_id", &["i1"]),
        ("integration_id IN ('i1', 'i3', 'i1')", &["i1", "i3"]),
        ("NOT name = 'power'", &["i2", "i3"]),
        ("name <> 'power'", &["i2", "i3"]),
        ("name LIKE 'p%' OR name = 'other'", &["i1", "i3"]),
        ("integration_id = 'i1' AND name = 'tableau'", &[]),
        ("integration_id = 'i1' AND integration_id = 'i2'", &[]),
        ("integration_id = 'i1' OR integration_id = 'i2'", &["i1", "i2"]),
        ("integration_id NOT IN ('i1')", &["i2", "i3"]),
        ("integration_id = NULL", &[]),
        ("name IS NULL", &[]),
        ("name IS NOT NULL AND integration_id > 'i1'", &["i2", "i3"]),
        ("integration_id BETWEEN 'i1' AND 'i2'", &["i1", "i2"]),
        ("upper(name) = 'POWER'", &["i1"]),
        ("length(name) > 5", &["i2"]),
        ("token_access_policy.access_token_ttl_in_minutes > 10", &["i2", "i3"]),
        ("integration_id IN (SELECT 'i2')", &["i2"]),
        ("integration_id = (SELECT 'i' || '3')", &["i3"]),
        ("EXISTS (SELECT 1 FROM (VALUES ('other')) v(n) WHERE v.n = name)", &["i3"]),
        ("1 = 0 AND name = 'power'", &[]),
        ("name = 'power' AND 1 = 1", &["i1"]),
        ("integration_id = lower('I1')", &["i1"]),
        ("(integration_id = 'i1')", &["i1"]),
        ("CASE WHEN name = 'power' THEN true ELSE false END", &["i1"]),
        ("name IN ('power', 'tableau') AND NOT integration_id = 'i2'", &["i1"]),
        ("name ~ '^t'", &["i2"]),
        ("coalesce(name, '') = 'other'", &["i3"]),
        ("name = 'nobody'", &[]),
        ("integration_id LIKE '%3'", &["i3"]),
    ];
    for (condition, ids) in cases {
        let world = world().await;
        let sql = format!("DELETE FROM {RESOURCE} WHERE account_id = 'a1' AND ({condition})");
        // a parenthesised conjunction is one, so the plain shapes are tried without parentheses too
        let sql = if condition.contains(" OR ") {
            sql
        } else {
            sql.replace(&format!("({condition})"), condition)
        };
        world.run(&sql).await.unwrap_or_else(|report| panic!("{condition}: {report}"));
        let mut deleted: Vec<String> = writes(&world).into_iter().map(|(_, id, _)| id).collect();
        deleted.sort();
        assert_eq!(deleted, *ids, "DELETE … {condition}");
        let world = self::world().await;
        let sql = sql.replace("DELETE FROM", "UPDATE").replacen(
            " WHERE",
            " SET token_access_policy.access_token_ttl_in_minutes = 5 WHERE",
            1,
        );
        world.run(&sql).await.unwrap_or_else(|report| panic!("{condition}: {report}"));
        let mut changed: Vec<String> = writes(&world).into_iter().map(|(_, id, _)| id).collect();
        changed.sort();
        assert_eq!(changed, *ids, "UPDATE … {condition}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wide_and_oversized_writes_are_refused_before_anything_is_sent() {
    let world = world().await;
    for (sql, code) in [
        (format!("DELETE FROM {RESOURCE}"), Code::MissingParam),
        (format!("DELETE FROM {RESOURCE} WHERE account_id = 'a1'"), Code::MissingParam),
        (
            format!("UPDATE {RESOURCE} SET token_access_policy = '{{}}' WHERE account_id = 'a1'"),
            Code::MissingParam,
        ),
        (
            format!(
                "INSERT INTO {RESOURCE} (account_id, app_id) SELECT 'a1', 'x' FROM generate_series(1, 101)"
            ),
            Code::MaxWrites,
        ),
        (
            format!("INSERT INTO {RESOURCE} (account_id, nothing) VALUES ('a1', 1)"),
            Code::UnknownColumn,
        ),
        (format!("INSERT INTO {RESOURCE} (app_id) VALUES ('x')"), Code::MissingParam),
        (
            format!(
                "INSERT INTO {RESOURCE} (account_id, token_access_policy) VALUES ('a1', '{{\"nothing\": 1}}')"
            ),
            Code::BadParamValue,
        ),
        (
            format!(
                "INSERT INTO {RESOURCE} (account_id, token_access_policy) VALUES ('a1', 'no json')"
            ),
            Code::BadParamValue,
        ),
        (
            format!(
                "INSERT INTO {RESOURCE} (account_id, app_id) VALUES ('a1', 'x') RETURNING nothing"
            ),
            Code::UnknownColumn,
        ),
        (format!("INSERT INTO {RESOURCE} (account_id, app_id) VALUES ('a1')"), Code::Syntax),
        (
            "INSERT INTO databricks_account.oauth2.oauth_published_apps (account_id) VALUES ('a1')"
                .into(),
            Code::NoSuchVerb,
        ),
        (
            format!(
                "REPLACE {RESOURCE} SET token_access_policy = '{{}}' WHERE account_id = 'a1' AND integration_id = 'i1'"
            ),
            Code::NoSuchVerb,
        ),
    ] {
        let report = world.run(&sql).await.expect_err(&sql);
        assert_eq!(report.code, code, "{sql}: {report}");
        assert!(writes(&world).is_empty(), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn read_only_sessions_refuse_on_the_parsed_tree() {
    let world = world().await;
    world.session.set("read_only", "on").expect("a setting");
    let t = RESOURCE;
    for sql in [
        format!("INSERT INTO {t} (account_id, app_id) VALUES ('a1', 'x')"),
        format!("/* read */ insert /*+ AWAIT */ into {t} (account_id) select 'a1'"),
        format!("UPDATE {t} SET app_id = 'x' WHERE account_id = 'a1' AND integration_id = 'i1'"),
        format!("replace {t} set app_id = 'x' where account_id = 'a1'"),
        format!("  DELETE\n FROM {t} WHERE account_id = 'a1' AND integration_id = 'i1'"),
        format!(
            "EXPLAIN ANALYZE DELETE FROM {t} WHERE account_id = 'a1' AND integration_id = 'i1'"
        ),
        format!(
            "EXEC {t}.published_app_integration_delete @account_id = 'a1', @integration_id = 'i1'"
        ),
        format!("exec /*+ SHOWRESULTS */ {t}.published_app_integration_create @account_id = 'a1'"),
        format!("SELECT * FROM (EXEC {t}.published_app_integration_create @account_id = 'a1')"),
        format!("WITH x AS (DELETE FROM {t} WHERE account_id = 'a1' RETURNING *) SELECT * FROM x"),
        "CREATE TABLE t AS SELECT 1".into(),
        "CREATE OR REPLACE VIEW v AS SELECT 1".into(),
        "DROP VIEW v".into(),
        "REFRESH MATERIALIZED VIEW v".into(),
        "COPY (SELECT 1) TO 'x.csv'".into(),
        "TRUNCATE TABLE t".into(),
        "COMMIT".into(),
        "REGISTRY PULL google".into(),
    ] {
        let report = world.run(&sql).await.expect_err(&sql);
        assert!(matches!(report.code, Code::ReadOnly | Code::Syntax), "{sql}: {report}");
    }
    assert!(world.session.set("read_only", "off").is_err());
    assert_eq!(world.sandbox.requests(), 0);
    world.run(&format!("SELECT name FROM {t} WHERE account_id = 'a1'")).await.expect("reads go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_writes_say_what_became_of_each_row() {
    let t = RESOURCE;
    let insert = |rows: usize| {
        format!(
            "INSERT INTO {t} (account_id, app_id) SELECT 'a1', 'app' || value FROM generate_series(1, {rows})"
        )
    };
    for (fault, code, sent) in [
        ("status: 403", Code::CredentialRefused, 1),
        ("status: 409", Code::RemoteConflict, 1),
        ("status: 500", Code::WriteOutcomeUnknown, 1),
        ("kind: reset", Code::WriteOutcomeUnknown, 1),
        ("kind: stall", Code::WriteOutcomeUnknown, 1),
    ] {
        let yaml =
            format!("rows: 2\nfaults:\n- {{method: published_app_integration_create, {fault}}}\n");
        let world = World::scenario(&yaml, impatient()).await.expect("starts");
        let report = world.run(&insert(1)).await.expect_err(fault);
        assert_eq!(report.code, code, "{fault}: {report}");
        assert_eq!(writes(&world).len(), sent, "{fault}: never sent twice");
    }
    let yaml = "rows: 2\nfaults:\n- {method: published_app_integration_create, status: 429, retry_after: 0, times: 1}\n";
    let world = World::scenario(yaml, impatient()).await.expect("starts");
    world.run(&insert(1)).await.expect("refused once, then done");
    assert_eq!(writes(&world).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_outcome_is_settled_by_reading() {
    let t = RESOURCE;
    for when in ["before", "after"] {
        let when_key = if when == "after" { ", when: after" } else { "" };
        let yaml = format!(
            "objects:\n  {t}:\n  - {{account_id: a1, integration_id: i1, name: power}}\nfaults:\n- {{method: published_app_integration_delete, kind: reset{when_key}}}\n"
        );
        let world = World::scenario(&yaml, impatient()).await.expect("starts");
        let sql = format!("DELETE FROM {t} WHERE account_id = 'a1' AND integration_id = 'i1'");
        let got = world.run(&sql).await;
        assert_eq!(writes(&world).len(), 1, "{when}: never sent twice");
        match when {
            "after" => assert!(got.is_ok(), "the object is gone: {got:?}"),
            _ => assert_eq!(
                got.expect_err("the object is still there").code,
                Code::RemoteUnavailable
            ),
        }
    }
}
