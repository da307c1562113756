//! Outcomes of writes: which requests are retried, and what the change ledger records in each case.

use serde_json::{Value as Json, json};
use strataql_diag::Code;
use strataql_e2e::{World, impatient};
use strataql_ledger::OutcomeKind;
use strataql_net::{RetrySettings, Settings as NetSettings};

use crate::ledger::{RESOURCE, entries, faulty, home, insert, kind, posts, world};

#[tokio::test(flavor = "multi_thread")]
async fn every_end_of_a_write_has_its_word() {
    let cases: &[(&str, OutcomeKind, Option<u16>, Code)] = &[
        ("status: 403", OutcomeKind::Refused, Some(403), Code::CredentialRefused),
        ("status: 409", OutcomeKind::Refused, Some(409), Code::RemoteConflict),
        ("status: 429", OutcomeKind::Refused, Some(429), Code::RateLimited),
        ("status: 500", OutcomeKind::Unknown, Some(500), Code::WriteOutcomeUnknown),
        ("status: 503", OutcomeKind::Unknown, Some(503), Code::WriteOutcomeUnknown),
        ("status: 504", OutcomeKind::Unknown, Some(504), Code::WriteOutcomeUnknown),
        ("kind: reset", OutcomeKind::Unknown, None, Code::WriteOutcomeUnknown),
        ("kind: stall", OutcomeKind::Unknown, None, Code::WriteOutcomeUnknown),
    ];
    let one = "WHERE account_id = 'a1' AND integration_id = 'i1'";
    let statements = [
        ("create", insert(1)),
        (
            "update",
            format!(
                "UPDATE {RESOURCE} SET token_access_policy.access_token_ttl_in_minutes = 5 {one}"
            ),
        ),
        ("delete", format!("DELETE FROM {RESOURCE} {one}")),
    ];
    for (method, sql) in &statements {
        for (fault, expected, status, code) in cases {
            // the object cannot be read afterwards, so nothing settles what is unknown
            let yaml = format!(
                "rows: 2\nfaults:\n- {{method: published_app_integration_{method}, {fault}}}\n\
                 - {{method: published_app_integration_get, status: 403}}\n"
            );
            let home = home();
            let world = world(&yaml, &home).await;
            let report = world.run(sql).await.expect_err(fault);
            let case = format!("{method}, {fault}");
            assert_eq!(report.code, *code, "{case}");
            assert!(!report.help.is_empty(), "{case}");
            let found = entries(&home);
            assert_eq!(found.len(), 1, "{case}");
            let outcome = found[0].outcome.as_ref().expect("an outcome");
            assert_eq!((outcome.kind, outcome.status), (*expected, *status), "{case}");
            assert!(outcome.message.is_some(), "{case}");
            assert_eq!(posts(&world).len(), 1, "{case}: never sent twice");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_was_refused_for_now_is_one_write() {
    for status in [429, 503] {
        let home = home();
        let fault = format!("status: {status}, retry_after: 0, times: 1");
        let world = world(&faulty(&fault), &home).await;
        world.run(&insert(1)).await.expect("refused once, then done");
        let found = entries(&home);
        assert_eq!(found.iter().map(kind).collect::<Vec<_>>(), [Some(OutcomeKind::Applied)]);
        assert_eq!(posts(&world).len(), 2, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_that_reading_settles_is_recorded_as_settled() {
    let policy = "databricks_account.oauth2.account_federation_policy";
    let one = "WHERE account_id = 'a1' AND policy_id = 'i1'";
    let delete = format!("DELETE FROM {policy} {one}");
    let update = format!("UPDATE {policy} SET description = 'new' {one}");
    // an object whose id the statement chooses can be looked for
    let create = format!(
        "INSERT INTO {policy} (account_id, policy_id, description) VALUES ('a1', 'i2', 'new')"
    );
    let cases = [
        (&delete, "delete", "reset", "after", OutcomeKind::Applied),
        (&delete, "delete", "reset", "before", OutcomeKind::Failed),
        (&update, "update", "reset", "after", OutcomeKind::Applied),
        (&update, "update", "reset", "before", OutcomeKind::Failed),
        (&create, "create", "reset", "after", OutcomeKind::Applied),
        (&create, "create", "reset", "before", OutcomeKind::Failed),
        // whoever has not answered in time may still be at work
        (&delete, "delete", "stall", "after", OutcomeKind::Applied),
        (&delete, "delete", "stall", "before", OutcomeKind::Unknown),
    ];
    for (sql, method, kind_of_fault, when, expected) in cases {
        let home = home();
        let yaml = format!(
            "objects:\n  {policy}:\n  - {{account_id: a1, policy_id: i1, description: old}}\nfaults:\n\
             - {{method: account_federation_policy_{method}, kind: {kind_of_fault}, when: {when}}}\n"
        );
        let world = world(&yaml, &home).await;
        let ended = world.run(sql).await.map_err(|report| report.code);
        let code = match expected {
            OutcomeKind::Applied => None,
            OutcomeKind::Failed => Some(Code::RemoteUnavailable),
            _ => Some(Code::WriteOutcomeUnknown),
        };
        let case = format!("{sql}, {kind_of_fault} {when}");
        assert_eq!(ended.err(), code, "{case}");
        let found = entries(&home);
        assert_eq!(found.iter().map(kind).collect::<Vec<_>>(), [Some(expected)], "{case}");
        assert_eq!(posts(&world).len(), 1, "{case}: never sent twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_made_once_per_write_and_kept_when_it_is_sent_again() {
    let net = || NetSettings {
        retry: RetrySettings { max_attempts: 4, ..impatient().retry },
        ..impatient()
    };
    for fault in ["kind: reset, when: after, times: 2", "status: 502, times: 2"] {
        let home = home();
        let yaml = format!("rows: 2\nfaults:\n- {{method: payments.create, {fault}}}\n");
        let folder = home.path().join("ledger");
        let world = World::recorded(&yaml, net(), folder).await.expect("starts");
        let sql = "INSERT INTO shop.billing.payments (amount) VALUES (5)";
        world.run(sql).await.unwrap_or_else(|report| panic!("{fault}: {report}"));
        let sent = posts(&world);
        assert_eq!(sent.len(), 3, "{fault}");
        let key = sent[0]["headers"]["idempotency-key"].as_str().expect("a key").to_owned();
        assert_eq!(key.len(), 36);
        assert!(sent.iter().all(|request| request["headers"]["idempotency-key"] == *key));
        let found = entries(&home);
        assert_eq!(found.len(), 1, "one logical write");
        assert_eq!(found[0].intent.idempotency_key, Some(key));
        assert_eq!(kind(&found[0]), Some(OutcomeKind::Applied));
    }
    let home = home();
    let world = world("rows: 2\n", &home).await;
    // a key in the body, required by the document, made or given
    world.run("INSERT INTO shop.billing.refunds (amount) VALUES (1), (2)").await.expect("made");
    world
        .run("INSERT INTO shop.billing.refunds (amount, request_id) VALUES (3, 'mine')")
        .await
        .expect("given");
    let keys: Vec<String> = posts(&world)
        .iter()
        .map(|request| request["body"]["request_id"].as_str().expect("a key").to_owned())
        .collect();
    assert_eq!(keys.len(), 3);
    assert!(keys[0] != keys[1] && keys[0].len() == 36, "{keys:?}");
    assert_eq!(keys[2], "mine");
    // and in the query, made or given
    let sql = "EXEC shop.billing.transfers.create @amount = 1";
    world.run(sql).await.expect("made");
    world.run(&format!("{sql}, @request_key = 'mine'")).await.expect("given");
    let queries: Vec<Json> =
        posts(&world)[3..].iter().map(|request| request["query"].clone()).collect();
    assert_eq!(queries[0][1][0], "request_key");
    assert_eq!(queries[0][1][1].as_str().map(str::len), Some(36));
    assert_eq!(queries[1], json!([["amount", "1"], ["request_key", "mine"]]));
    let recorded: Vec<Option<String>> =
        entries(&home).into_iter().map(|entry| entry.intent.idempotency_key).collect();
    assert!(keys.iter().all(|key| recorded.contains(&Some(key.clone()))), "{recorded:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_after_a_lost_answer_does_not_say_that_nothing_was_done() {
    let home = home();
    let yaml = "rows: 2\nfaults:\n\
        - {method: payments.create, kind: reset, when: after, times: 1}\n\
        - {method: payments.create, status: 409}\n";
    let world = world(yaml, &home).await;
    let sql = "INSERT INTO shop.billing.payments (amount) VALUES (5)";
    let report = world.run(sql).await.expect_err("refused at last");
    assert_eq!(report.code, Code::WriteOutcomeUnknown, "{report}");
    assert_eq!(kind(&entries(&home)[0]), Some(OutcomeKind::Unknown));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_replacement_is_sent_again() {
    let home = home();
    let fault = "{method: payments.replace, kind: reset, when: after, times: 1}";
    let yaml = format!(
        "objects: {{shop.billing.payments: [{{payment_id: p1, amount: 1}}]}}\nfaults: [{fault}]\n"
    );
    let world = world(&yaml, &home).await;
    let sql = "REPLACE shop.billing.payments SET amount = 5 WHERE payment_id = 'p1'";
    world.run(sql).await.expect("replaced");
    let sent: Vec<(Json, Json)> = posts(&world)
        .iter()
        .map(|request| (request["verb"].clone(), request["body"].clone()))
        .collect();
    let once = (json!("PUT"), json!({"amount": 5}));
    assert_eq!(sent, [once.clone(), once]);
    assert_eq!(entries(&home).iter().map(kind).collect::<Vec<_>>(), [Some(OutcomeKind::Applied)]);
}
