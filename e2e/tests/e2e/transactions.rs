//! Failed transactions: the state after a failure, and after the end of a run.

use strataql_diag::Code;
use strataql_e2e::{World, impatient};
use strataql_ledger::read;

use crate::process::Home;

const T: &str = "fleet.machines.machines";
const OBJECTS: &str = "objects:
  fleet.machines.machines:
  - {zone: z1, machine_id: m1, name: alpha, size: 1, active: true, state: on}
  - {zone: z1, machine_id: m2, name: beta, size: 2, active: true, state: on}
";

/// Everything there is, and the writes that were made, in order.
async fn seen(world: &World) -> (Vec<Vec<String>>, Vec<String>) {
    let writes = world
        .sandbox
        .log()
        .into_iter()
        .filter(|entry| !entry.auth && entry.verb != "GET" && entry.status == Some(200))
        .map(|entry| format!("{} {}", entry.verb, entry.path))
        .collect();
    let sql = format!(
        "SELECT machine_id, name, size, active, state FROM {T} WHERE zone = 'z1' ORDER BY 1"
    );
    (world.run(&sql).await.expect("read").rows, writes)
}

async fn eager(faults: &str) -> World {
    let world = World::scenario(&format!("{OBJECTS}{faults}"), impatient()).await.expect("starts");
    world.session.set("transaction.mode", "eager").expect("a setting");
    world.run("BEGIN").await.expect("begins");
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_undoes_in_reverse() {
    let world = eager("").await;
    let (before, _) = seen(&world).await;
    for sql in [
        format!("INSERT INTO {T} (zone, machine_id, name) VALUES ('z1', 'm3', 'gamma')"),
        format!("UPDATE {T} SET name = 'delta' WHERE zone = 'z1' AND machine_id = 'm3'"),
        format!("UPDATE {T} SET size = size * 10 WHERE zone = 'z1' AND active"),
        format!("REPLACE {T} SET name = 'epsilon' WHERE zone = 'z1' AND machine_id = 'm1'"),
        format!("DELETE FROM {T} WHERE zone = 'z1' AND machine_id = 'm2'"),
    ] {
        world.run(&sql).await.unwrap_or_else(|report| panic!("{sql}: {report}"));
    }
    let (_, made) = seen(&world).await;
    world.run("ROLLBACK").await.expect("undone");
    let (after, all) = seen(&world).await;
    assert_eq!(after, before);
    let undone = &all[made.len()..];
    assert_eq!(undone.len(), made.len());
    assert_eq!(undone[0], "POST /zones/z1/machines", "the last change is undone first");
    assert_eq!(undone[1], "PUT /zones/z1/machines/m1");
    assert_eq!(undone[undone.len() - 1], "DELETE /zones/z1/machines/m3");
    assert_eq!(world.session.open_transaction(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_statement_that_failed_are_undone_too() {
    let world = eager("faults:\n  - {method: create, request: 2, status: 403}\n").await;
    let (before, _) = seen(&world).await;
    let sql = format!(
        "INSERT INTO {T} (zone, machine_id, name) SELECT 'z1', 'n' || value, 'x' FROM generate_series(1, 20)"
    );
    world.run(&sql).await.expect_err("refused");
    world.run("ROLLBACK").await.expect("undone");
    let (after, _) = seen(&world).await;
    assert_eq!(after, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rollback_cannot_undo_is_named() {
    let world = eager("faults:\n  - {method: delete, status: 403}\n").await;
    let insert = format!("INSERT INTO {T} (zone, machine_id, name) VALUES ('z1', 'm3', 'gamma')");
    world.run(&insert).await.expect("made");
    let update = format!("UPDATE {T} SET size = 7 WHERE zone = 'z1' AND machine_id = 'm1'");
    world.run(&update).await.expect("made");
    let report = world.run("ROLLBACK").await.expect_err("one stays");
    assert_eq!(report.code, Code::Transaction);
    assert!(report.message.contains("of 2 changes 1 was not undone"), "{report}");
    assert!(report.notes.iter().any(|note| note.contains("machines.delete")), "{report:?}");
    let (after, _) = seen(&world).await;
    assert_eq!(after[0][2], "1", "the other one is undone");
    assert_eq!(after.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_before_a_queue_is_committed() {
    let world = World::scenario(OBJECTS, impatient()).await.expect("starts");
    world.run("BEGIN").await.expect("begins");
    for sql in [
        format!("INSERT INTO {T} (zone, machine_id, name) VALUES ('z1', 'm3', 'gamma')"),
        format!("UPDATE {T} SET size = 3 WHERE zone = 'z1' AND name = 'gamma'"),
        format!("EXEC {T}.restart @zone = 'z1', @machine_id = 'm3'"),
        format!("DELETE FROM {T} WHERE zone = 'z1' AND machine_id = 'm1'"),
    ] {
        world.run(&sql).await.unwrap_or_else(|report| panic!("{sql}: {report}"));
    }
    assert_eq!(world.sandbox.requests(), 0);
    world.run("COMMIT").await.expect("committed");
    let (after, writes) = seen(&world).await;
    assert_eq!(
        writes,
        [
            "POST /zones/z1/machines",
            "PATCH /zones/z1/machines/m3",
            "POST /zones/z1/machines/m3/restart",
            "DELETE /zones/z1/machines/m1",
        ]
    );
    assert_eq!(after.len(), 2);
}

const APPS: &str = "databricks_account.oauth2.published_app_integration";

#[test]
fn a_run_that_ends_inside_a_transaction_undoes_it() {
    let home = Home::new();
    let insert = format!("INSERT INTO {APPS} (account_id, app_id) VALUES ('a1', 'power-bi')");
    let eager = format!(
        "SET transaction.mode = 'eager'; BEGIN; {insert}; DELETE FROM {APPS} WHERE account_id = 'a1' AND integration_id = 'no'"
    );
    let ended = home.run(&["--sandbox", &eager]);
    assert_eq!(ended.exit, Some(2), "{ended:?}");
    for part in ["cannot be undone", "which is undone", "1 change was undone"] {
        assert!(ended.err.contains(part), "{part}: {}", ended.err);
    }
    let entries = read(&home.path().join("data/ledger/sandbox")).expect("readable");
    let verbs: Vec<&str> = entries.iter().map(|entry| entry.intent.verb.as_str()).collect();
    assert_eq!(verbs, ["POST", "DELETE"]);
    let queued = home.run(&["--sandbox", &format!("BEGIN; {insert}; {insert}")]);
    assert_eq!(queued.exit, Some(0), "{queued:?}");
    assert!(queued.err.contains("2 queued writes not sent"), "{}", queued.err);
    let entries = read(&home.path().join("data/ledger/sandbox")).expect("readable");
    assert_eq!(entries.len(), 2);
}
