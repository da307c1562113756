//! The change ledger: the records of a write, and what they never contain.

use std::path::Path;

use serde_json::{Value as Json, json};
use strataql_diag::Code;
use strataql_e2e::{World, impatient};
use strataql_ledger::{Entry, JsonText, OutcomeKind, read, verify};
use tempfile::TempDir;

pub(crate) const RESOURCE: &str = "databricks_account.oauth2.published_app_integration";

pub(crate) fn insert(rows: usize) -> String {
    format!(
        "INSERT INTO {RESOURCE} (account_id, app_id) \
         SELECT 'a1', 'app-' || value FROM generate_series(1, {rows})"
    )
}

/// A scenario with one fault of the method that creates.
pub(crate) fn faulty(fault: &str) -> String {
    format!("rows: 2\nfaults:\n- {{method: published_app_integration_create, {fault}}}\n")
}

pub(crate) async fn world(yaml: &str, home: &TempDir) -> World {
    World::recorded(yaml, impatient(), home.path().join("ledger")).await.expect("starts")
}

pub(crate) fn entries(home: &TempDir) -> Vec<Entry> {
    read(&home.path().join("ledger")).expect("readable")
}

pub(crate) fn home() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

pub(crate) fn kind(entry: &Entry) -> Option<OutcomeKind> {
    entry.outcome.as_ref().map(|outcome| outcome.kind)
}

/// Every byte of a folder, as text.
fn bytes_of(folder: &Path) -> String {
    std::fs::read_dir(folder)
        .expect("readable")
        .map(|entry| std::fs::read(entry.expect("readable").path()).unwrap_or_default())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect()
}

pub(crate) fn posts(world: &World) -> Vec<Json> {
    let log = world.sandbox.log().into_iter().filter(|entry| !entry.auth && entry.verb != "GET");
    log.map(|entry| serde_json::to_value(entry).expect("serialises")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_applied_write_has_everything_that_was_sent() {
    let home = home();
    let world = world("rows: 2\n", &home).await;
    world.run(&insert(3)).await.expect("written");
    let found = entries(&home);
    assert_eq!(found.len(), 3);
    let sent = posts(&world);
    for (position, entry) in found.iter().enumerate() {
        let intent = &entry.intent;
        assert_eq!(intent.statement, insert(3));
        assert_eq!(
            [&intent.provider, &intent.service, &intent.resource].map(String::as_str).join("."),
            RESOURCE
        );
        assert_eq!(intent.method, "published_app_integration_create");
        assert_eq!(intent.verb, "POST");
        assert!(intent.url.ends_with("/accounts/a1/oauth2/published-app-integrations"));
        let principal = &intent.principal;
        assert_eq!(principal.auth_type, "oauth2");
        assert_eq!(principal.identity.as_deref(), Some("sandbox-client"));
        assert_eq!(intent.request_digest.len(), 64);
        let row = usize::try_from(intent.row).expect("small");
        assert_eq!(
            intent.body.as_ref().map(JsonText::value),
            Some(json!({"app_id": format!("app-{row}")}))
        );
        let outcome = entry.outcome.as_ref().expect("an outcome");
        assert_eq!((outcome.kind, outcome.status), (OutcomeKind::Applied, Some(200)));
        assert!(outcome.request_id.as_ref().is_some_and(|id| !id.is_empty()), "{position}");
        assert!(
            sent.iter().any(|request| Some(&request["body"])
                == intent.body.as_ref().map(JsonText::value).as_ref())
        );
    }
    let checked = verify(&home.path().join("ledger")).expect("readable");
    assert!(checked.problems.is_empty(), "{:?}", checked.problems);
}

#[tokio::test(flavor = "multi_thread")]
async fn exec_of_what_changes_something_is_recorded_and_reading_is_not() {
    let home = home();
    let world = world("rows: 2\n", &home).await;
    let create = format!(
        "EXEC {RESOURCE}.published_app_integration_create @account_id = 'a1', @app_id = 'x'"
    );
    world.run(&create).await.expect("done");
    let list = format!("EXEC {RESOURCE}.published_app_integration_list @account_id = 'a1'");
    world.run(&list).await.expect("read");
    world.run(&format!("SELECT name FROM {RESOURCE} WHERE account_id = 'a1'")).await.expect("read");
    let explained = format!("EXPLAIN {}", insert(1));
    world.run(&explained).await.expect("explained");
    let found = entries(&home);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].intent.statement, create);
    assert_eq!(kind(&found[0]), Some(OutcomeKind::Applied));
    let lost = home_of_lost_exec().await;
    assert_eq!(lost, Code::WriteOutcomeUnknown);
}

/// What EXEC says when its answer is lost.
async fn home_of_lost_exec() -> Code {
    let home = home();
    let world = world(&faulty("kind: reset"), &home).await;
    let create = format!(
        "EXEC {RESOURCE}.published_app_integration_create @account_id = 'a1', @app_id = 'x'"
    );
    let report = world.run(&create).await.expect_err("lost");
    assert_eq!(kind(&entries(&home)[0]), Some(OutcomeKind::Unknown));
    report.code
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failure_what_was_never_begun_is_not_in_the_ledger() {
    let home = home();
    let world = world(&faulty("status: 403"), &home).await;
    world.run(&insert(60)).await.expect_err("refused");
    let found = entries(&home);
    assert!(found.len() < 60, "{}", found.len());
    let sent = posts(&world).len();
    let refused = found.iter().filter(|entry| kind(entry) == Some(OutcomeKind::Refused)).count();
    assert_eq!(refused, sent);
    assert!(
        found
            .iter()
            .all(|entry| matches!(kind(entry), Some(OutcomeKind::Refused | OutcomeKind::NotSent)))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_cannot_be_written_keeps_writes_from_leaving() {
    let home = home();
    // a file where the folder should be: not even root can write into it
    std::fs::write(home.path().join("ledger"), "").expect("writable");
    let world = world("rows: 2\n", &home).await;
    for sql in [
        insert(3),
        format!("DELETE FROM {RESOURCE} WHERE account_id = 'a1' AND integration_id = 'i1'"),
        format!("EXEC {RESOURCE}.published_app_integration_create @account_id = 'a1'"),
    ] {
        let report = world.run(&sql).await.expect_err(&sql);
        assert_eq!(report.code, Code::LocalIo, "{report}");
        assert!(report.help.iter().any(|help| help.contains("--no-ledger")), "{report}");
    }
    assert!(posts(&world).is_empty());
    let read = format!("SELECT count(*) FROM {RESOURCE} WHERE account_id = 'a1'");
    assert_eq!(world.run(&read).await.expect("reads go on").rows, [["2"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_nowhere_in_the_ledger() {
    let home = home();
    let world = world("rows: 2\nfaults: [{method: payments.create, status: 400, body: {message: 'no 4111-canary'}, request: 2}]\n", &home).await;
    for sql in [
        "INSERT INTO shop.billing.payments (amount, card, api_key) \
         VALUES (5, '{\"number\": \"4111-canary\", \"holder\": \"ann\"}', 'key-canary')",
        "INSERT INTO shop.billing.payments (amount, card) VALUES (6, '{\"number\": \"4111-canary\"}')",
        "INSERT INTO shop.billing.payments (amount, api_key) VALUES (7, 'key-' || 'canary')",
        "EXEC shop.billing.payments.create @api_key = 'key-canary'",
    ] {
        // one of them is refused with a message that repeats the secret
        let _either = world.run(sql).await;
    }
    let found = entries(&home);
    assert_eq!(found.len(), 4);
    assert_eq!(
        found[0].intent.body.as_ref().map(JsonText::value),
        Some(json!({"amount": 5, "card": {"number": "***", "holder": "ann"}, "api_key": "***"}))
    );
    assert_eq!(
        found[0].intent.statement,
        "INSERT INTO shop.billing.payments (amount, card, api_key) VALUES (5, '***', '***')"
    );
    assert_eq!(found[0].intent.principal.auth_type, "bearer");
    assert_eq!(found[0].intent.principal.identity.as_deref().map(str::len), Some(12));
    let text = bytes_of(&home.path().join("ledger"));
    assert!(text.contains("holder"));
    for secret in ["canary", "sandbox-token", "sandbox-secret"] {
        assert!(!text.contains(secret), "`{secret}` is in the ledger");
    }
    // in the third statement the secret was computed
    let expected =
        "INSERT INTO shop.billing.payments (amount, api_key) VALUES ('***', '***' || '***')";
    assert_eq!(found[2].intent.statement, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_an_upsert_keep_their_numbers() {
    let home = home();
    let policy = "databricks_account.oauth2.account_federation_policy";
    let yaml =
        format!("objects:\n  {policy}:\n  - {{account_id: a1, policy_id: p1, description: old}}\n");
    let world = world(&yaml, &home).await;
    let sql = format!(
        "INSERT INTO {policy} (account_id, policy_id, description) \
         VALUES ('a1', 'p1', 'x'), ('a1', 'p2', 'y') ON CONFLICT DO UPDATE"
    );
    world.run(&sql).await.expect("written");
    let found = entries(&home);
    let rows: Vec<(&str, u64)> =
        found.iter().map(|entry| (entry.intent.verb.as_str(), entry.intent.row)).collect();
    assert_eq!(rows, [("POST", 2), ("PATCH", 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_is_a_table() {
    let home = home();
    let world = world(&faulty("status: 409, request: 2"), &home).await;
    let empty = world.run("SELECT count(*) FROM sys.changes").await.expect("an empty table");
    assert_eq!(empty.rows, [["0"]]);
    world.run(&insert(1)).await.expect("written");
    world.run(&insert(1)).await.expect_err("refused");
    let table = world
        .run("SELECT row, method, verb, principal, outcome, status FROM sys.changes ORDER BY seq")
        .await
        .expect("read");
    assert_eq!(table.kinds, "ITTTTI");
    let create = "published_app_integration_create";
    assert_eq!(
        table.rows,
        [
            ["1", create, "POST", "sandbox-client", "applied", "200"],
            ["1", create, "POST", "sandbox-client", "refused", "409"],
        ]
    );
    let sql = "SELECT body.app_id FROM sys.changes WHERE outcome = 'applied'";
    assert_eq!(world.run(sql).await.expect("read").rows, [["app-1"]]);
    std::fs::write(home.path().join("ledger/bad.jsonl"), "no record\n").expect("writable");
    let report = world.run("SELECT * FROM sys.changes").await.expect_err("damaged");
    assert_eq!(report.code, Code::LocalIo, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_statement_is_said_before_anything_is_recorded() {
    let home = home();
    let world = world("rows: 2\n", &home).await;
    let into = format!("INSERT INTO {RESOURCE}");
    let policy = "{\"access_token_ttl_in_minutes\": \"soon\"}";
    let one = "WHERE account_id = 'a1' AND integration_id = 'i1'";
    for (sql, code, part) in [
        (format!("{into} (account_id, app_id) VALUES ('a1', true)"), Code::BadParamValue, "app_id"),
        (
            format!("{into} (account_id, token_access_policy) VALUES ('a1', '{policy}')"),
            Code::BadParamValue,
            "access_token_ttl_in_minutes",
        ),
        (
            format!(
                "UPDATE {RESOURCE} SET token_access_policy.access_token_ttl_in_minutes = 'soon' {one}"
            ),
            Code::BadParamValue,
            "soon",
        ),
        (format!("{into} (account_id, ap_id) VALUES ('a1', 'x')"), Code::UnknownColumn, "app_id"),
        (
            format!("UPDATE {RESOURCE} SET token_access_policy.ttl = 5 {one}"),
            Code::UnknownColumn,
            "token_access_policy.ttl",
        ),
        (
            format!(
                "EXEC {RESOURCE}.published_app_integration_create @account_id = 'a1', @@json = '{{\"ap_id\": \"x\"}}'"
            ),
            Code::UnknownColumn,
            "ap_id",
        ),
        (format!("{into} (app_id) VALUES ('x')"), Code::MissingParam, "account_id"),
        (
            format!("{into} (account_id, app_id) VALUES ('a1', 'x'), (NULL, 'y')"),
            Code::BadParamValue,
            "account_id",
        ),
        (format!("DELETE FROM {RESOURCE} WHERE account_id = 'a1'"), Code::MissingParam, "--all"),
        (
            format!("EXEC {RESOURCE}.published_app_integration_delete @account_id = 'a1'"),
            Code::MissingParam,
            "integration_id",
        ),
    ] {
        let report = world.run(&sql).await.expect_err(&sql);
        assert_eq!(report.code, code, "{sql}: {report}");
        let said = format!("{} {}", report.message, report.help.join(" "));
        assert!(said.contains(part) && !report.help.is_empty(), "{sql}: {said}");
    }
    assert!(world.sandbox.log().is_empty(), "nothing was sent, not even for a token");
    assert!(!home.path().join("ledger").exists(), "and nothing recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_read_before_only_when_asked_for() {
    let home = home();
    let yaml = format!(
        "objects:\n  {RESOURCE}:\n  - {{account_id: a1, integration_id: i1, name: power}}\n  \
         - {{account_id: a1, integration_id: i2, name: tableau}}\nfaults:\n\
         - {{method: published_app_integration_get, request: 2, status: 403}}\n"
    );
    let world = world(&yaml, &home).await;
    let shown = |world: &World| -> Vec<String> {
        let log = world.sandbox.log().into_iter().filter(|entry| !entry.auth);
        log.map(|entry| {
            format!("{} {}", entry.verb, entry.path.rsplit('/').next().unwrap_or_default())
        })
        .collect()
    };
    let update = format!(
        "UPDATE {RESOURCE} SET token_access_policy.access_token_ttl_in_minutes = 5 \
         WHERE account_id = 'a1' AND integration_id = 'i1'"
    );
    world.run(&update).await.expect("written");
    assert_eq!(shown(&world), ["PATCH i1"], "a plain statement sends what EXPLAIN lists");
    world.run("SET ledger.before_image = on").await.expect("set");
    let explained = world.run(&format!("EXPLAIN {update}")).await.expect("explained");
    let verbs: Vec<&str> = explained.rows.iter().map(|row| row[2].as_str()).collect();
    assert_eq!(verbs, ["GET", "PATCH"]);
    world.run(&update).await.expect("written");
    world.run(&insert(1)).await.expect("nothing to read");
    assert_eq!(shown(&world)[1..], ["GET i1", "PATCH i1", "POST published-app-integrations"]);
    let found = entries(&home);
    let before: Vec<Option<Json>> =
        found.iter().map(|entry| entry.intent.before.as_ref().map(JsonText::value)).collect();
    assert_eq!((&before[0], &before[2]), (&None, &None));
    let image = before[1].as_ref().expect("an image");
    assert_eq!(image["name"], "power");
    assert_eq!(image["token_access_policy"]["access_token_ttl_in_minutes"], 5);
    let table = world
        .run("SELECT before.integration_id FROM sys.changes WHERE before IS NOT NULL")
        .await
        .expect("read");
    assert_eq!(table.rows, [["i1"]]);
    // an object that cannot be read is not changed
    let delete = update.replace(" SET token_access_policy.access_token_ttl_in_minutes = 5", "");
    let delete = delete.replace("UPDATE", "DELETE FROM");
    let report = world.run(&delete).await.expect_err("refused");
    assert_eq!(report.code, Code::CredentialRefused, "{report}");
    assert!(report.notes.iter().any(|note| note.contains("was not sent")), "{report}");
    assert_eq!(shown(&world)[4..], ["GET i1"]);
    assert_eq!(entries(&home).len(), 3);
    // one that is not there has no image, and its service says so
    let absent = delete.replace("'i1'", "'i9'");
    let report = world.run(&absent).await.expect_err("missing");
    assert_eq!(report.code, Code::RemoteMissing, "{report}");
    let last = entries(&home).pop().expect("an entry");
    assert_eq!((kind(&last), last.intent.before), (Some(OutcomeKind::Refused), None));
}
