//! The change ledger on the command line: its location, how it is turned off, and the warning at
//! the start of a run.

use std::time::Duration;

use serde_json::{Value as Json, json};
use strataql_e2e::{World, impatient};
use strataql_ledger::{Entry, OutcomeKind, read, verify};

use crate::process::{Ended, Home};

const RESOURCE: &str = "databricks_account.oauth2.published_app_integration";

fn insert(rows: usize) -> String {
    format!(
        "INSERT INTO {RESOURCE} (account_id, app_id) \
         SELECT 'a1', 'app-' || value FROM generate_series(1, {rows})"
    )
}

fn kind(entry: &Entry) -> Option<OutcomeKind> {
    entry.outcome.as_ref().map(|outcome| outcome.kind)
}

/// The command against the server of a world.
fn at(home: &Home, world: &World, sql: &str) -> std::process::Command {
    let mut command = home.exec();
    command
        .env("DATABRICKS_ACCOUNT_ID", "a1")
        .env("DATABRICKS_CLIENT_ID", "sandbox-client")
        .env("DATABRICKS_CLIENT_SECRET", "sandbox-secret")
        .args(["--endpoint", &format!("databricks_account={}", world.sandbox.url()), sql]);
    command
}

#[test]
fn the_command_records_and_verifies() {
    let home = Home::new();
    let sql = insert(2);
    home.run(&["--sandbox", &sql]).success();
    let kept = home.path().join("data/ledger/sandbox");
    assert_eq!(read(&kept).expect("readable").len(), 2, "simulated writes stay apart");
    assert!(read(&home.path().join("data/ledger")).expect("readable").is_empty());
    home.run(&["--sandbox", "--no-ledger", &sql]).success();
    let mut off = home.exec();
    off.env("STRATAQL_LEDGER", "off").args(["--sandbox", &sql]);
    Ended::of(off.output().expect("starts")).success();
    assert_eq!(read(&kept).expect("readable").len(), 2, "switched off");
    let verify = |arguments: &[&str]| {
        let mut command = std::process::Command::new(strataql_e2e::binary());
        command.env_clear().env("STRATAQL_HOME", home.path().join("data"));
        command.args(["ledger", "verify"]).args(arguments);
        Ended::of(command.output().expect("starts"))
    };
    let totals: Json =
        serde_json::from_str(&verify(&["--json", "--sandbox"]).success()).expect("one object");
    // the run, the statement, two intents and two outcomes
    assert_eq!((&totals["segments"], &totals["records"]), (&json!(1), &json!(6)));
    assert_eq!(totals["problems"], json!(0));
    let file = std::fs::read_dir(&kept)
        .expect("readable")
        .map(|entry| entry.expect("readable").path())
        .find(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .expect("a segment");
    let text = std::fs::read_to_string(&file).expect("text");
    std::fs::write(&file, text.replace("app-1", "app-9")).expect("writable");
    let altered = verify(&["--sandbox"]);
    assert_eq!(altered.exit, Some(1), "{altered:?}");
    assert!(altered.out.contains("altered"), "{altered:?}");
}

#[test]
fn a_write_to_nowhere_is_recorded_as_not_sent_or_refused() {
    // nothing listens there
    let endpoint = "databricks_account=http://127.0.0.1:9";
    let home = Home::new();
    let sql = insert(1);
    let auth = r#"{"databricks_account":{"type":"bearer","credentialsenvvar":"TOKEN"}}"#;
    let mut command = home.exec();
    command.env("TOKEN", "token-of-the-test").args(["--endpoint", endpoint, "--auth", auth, &sql]);
    let ended = Ended::of(command.output().expect("starts"));
    ended.refused("remote-unavailable", 5, &["refused"]);
    let found = read(&home.path().join("data/ledger")).expect("readable");
    assert_eq!(found.iter().map(kind).collect::<Vec<_>>(), [Some(OutcomeKind::NotSent)]);
    let principal = &found[0].intent.principal;
    assert_eq!(principal.auth_type, "bearer");
    assert_eq!(principal.identity.as_deref().map(str::len), Some(12), "a fingerprint");
    // a file where the ledger's folder should be, and no home at all
    let blocked = Home::new();
    blocked.write("data/ledger", "");
    blocked.run(&["--sandbox", &sql]).refused("local-io", 11, &["change ledger", "--no-ledger"]);
    let mut homeless = blocked.exec();
    homeless.env_clear().args(["--sandbox", &sql]);
    let ended = Ended::of(homeless.output().expect("starts"));
    ended.refused("local-io", 11, &["nothing says where", "--no-ledger"]);
    let mut reading = blocked.exec();
    reading.env_clear().args(["--sandbox", "SELECT 1"]);
    Ended::of(reading.output().expect("starts")).success();
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_s_open_writes_are_told_of_once() {
    use std::process::Stdio;
    let yaml = "faults:\n- {method: published_app_integration_create, kind: stall}\n";
    let world = World::scenario(yaml, impatient()).await.expect("starts");
    let home = Home::new();
    let child = at(&home, &world, &insert(3))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let started = std::time::Instant::now();
    while world.sandbox.log().iter().filter(|entry| entry.verb == "POST" && !entry.auth).count() < 3
    {
        assert!(started.elapsed() < Duration::from_mins(1), "no writes");
        std::thread::sleep(Duration::from_millis(10));
    }
    let killed = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .expect("kill");
    assert!(killed.success());
    let ended = Ended::of(child.wait_with_output().expect("ends"));
    assert_eq!(ended.exit, Some(130), "{ended:?}");
    assert!(ended.err.contains("the outcomes of 3 writes"), "{ended:?}");
    let run = |words: &[&str]| Ended::of(home.exec().args(words).output().expect("starts"));
    let told = run(&["SELECT 1"]);
    for part in [
        "warning[write-outcome-unknown]",
        "3 writes",
        "published_app_integration_create",
        "INSERT INTO",
        "sys.changes",
        "help: read each object",
    ] {
        assert!(told.err.contains(part), "`{part}` is missing: {told:?}");
    }
    assert_eq!(told.exit, Some(0));
    assert_eq!(run(&["SELECT 1"]).err, "", "told once");
    let shown = run(&[
        "-o",
        "csv",
        "SELECT count(*) AS n FROM sys.changes WHERE outcome IS NULL AND resolution = 'reported'",
    ]);
    assert_eq!(shown.success(), "n\n3\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_outcome_ends_with_10_and_is_not_sent_again() {
    let yaml = format!(
        "objects:\n  {RESOURCE}:\n  - {{account_id: a1, integration_id: i1, name: power}}\nfaults:\n\
         - {{method: published_app_integration_create, kind: reset, when: after}}\n\
         - {{method: published_app_integration_delete, kind: reset, when: after}}\n"
    );
    let world = World::scenario(&yaml, impatient()).await.expect("starts");
    let home = Home::new();
    let run = |sql: &str| Ended::of(at(&home, &world, sql).output().expect("starts"));
    let ended = run(&insert(1));
    ended.refused("write-outcome-unknown", 10, &["was not sent again", "read the object"]);
    // a deletion is settled by reading: the object is gone
    let delete =
        format!("DELETE FROM {RESOURCE} WHERE account_id = 'a1' AND integration_id = 'i1'");
    run(&delete).success();
    let log = world.sandbox.log().into_iter().filter(|entry| !entry.auth);
    let verbs: Vec<String> = log.map(|entry| entry.verb).collect();
    assert_eq!(verbs, ["POST", "DELETE", "GET"]);
    let found = read(&home.path().join("data/ledger")).expect("readable");
    let kinds: Vec<_> = found.iter().map(kind).collect();
    assert_eq!(kinds, [Some(OutcomeKind::Unknown), Some(OutcomeKind::Applied)]);
    // an outcome that the user was told is unknown is not told of again
    let again = home.run(&["--sandbox", "SELECT 1"]);
    assert_eq!((again.exit, again.err.as_str()), (Some(0), ""));
}

#[test]
fn runs_at_the_same_time_share_one_ledger() {
    use std::process::Stdio;
    let home = Home::new();
    let runs: Vec<_> = (0..4)
        .map(|_| {
            let mut command = home.exec();
            command.args(["--sandbox", &insert(20)]).stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().expect("starts")
        })
        .collect();
    for run in runs {
        Ended::of(run.wait_with_output().expect("ends")).success();
    }
    let kept = home.path().join("data/ledger/sandbox");
    let found = read(&kept).expect("readable");
    assert_eq!(found.len(), 80);
    assert!(found.iter().all(|entry| kind(entry) == Some(OutcomeKind::Applied)));
    let checked = verify(&kept).expect("readable");
    assert!(checked.problems.is_empty(), "{:?}", checked.problems);
}
