//! Killing the command during writes; afterwards ledger and server must agree.
//!
//! The server determines the point: it holds before a request takes effect, after it, or after its
//! response, and then the command is killed. Further runs are killed after a delay, with scripts of
//! several statements and with transactions. `STRATAQL_FULL=1` uses every row as a point; the
//! default is a few.
//!
//! Surprise: a write without an outcome may or may not have happened, so the server's log cannot
//! contradict it. It can contradict an outcome, a request without an intent, and a write that was
//! sent twice.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use strataql_e2e::registry;
use strataql_ledger::{Entry, JsonText, OutcomeKind, ResolutionKind, read, verify};
use strataql_sandbox::{LogEntry, Options, ProviderSource, Sandbox, Scenario};

use crate::process::{Ended, Home};

const PROVIDER: &str = "databricks_account";
const RESOURCE: &str = "databricks_account.oauth2.published_app_integration";
const ROWS: usize = 50;

/// Rows of each statement of a script.
const STEP: usize = 5;

/// Methods of a script's statements, in their order.
const STEPS: [&str; 3] = ["create", "update", "delete"];

/// When a run is killed.
#[derive(Debug, Clone, Copy)]
enum Point {
    /// The server stands still at this request of this method.
    Held { method: &'static str, request: usize, when: &'static str },
    /// So long after the first write arrived.
    Delayed(Duration),
}

impl Point {
    fn scenario(self) -> String {
        // what an update sets can be restored only if the object shows it
        let policy = "token_access_policy: {access_token_ttl_in_minutes: 30}";
        let objects: Vec<String> = (1..=STEP)
            .map(|id| {
                format!("  - {{account_id: a1, integration_id: i{id}, name: app, {policy}}}\n")
            })
            .collect();
        let way = match self {
            Self::Held { method, request, when } => format!(
                "faults:\n- {{method: published_app_integration_{method}, \
                 request: {request}, kind: hold, when: {when}}}\n"
            ),
            Self::Delayed(_) => "latency: 10ms\n".to_owned(),
        };
        format!("objects:\n  {RESOURCE}:\n{}{way}", objects.concat())
    }
}

fn is_full() -> bool {
    std::env::var_os("STRATAQL_FULL").is_some_and(|value| value == "1")
}

/// What the server can do around the requests of a method.
fn held(method: &'static str, requests: impl Iterator<Item = usize>) -> Vec<Point> {
    let whens = ["before", "after", "answered"];
    requests.flat_map(|request| whens.map(|when| Point::Held { method, request, when })).collect()
}

/// The points at which a statement of many rows is killed.
fn points_of_rows() -> Vec<Point> {
    let (step, delays) = if is_full() { (1, 50) } else { (5, 10) };
    let mut points = held("create", (1..=ROWS).step_by(step));
    let mut seed = 20_260_801_u64;
    points.extend((0..delays).map(|_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // four rounds of 10 ms and what surrounds them
        Point::Delayed(Duration::from_micros((seed >> 33) % 90_000))
    }));
    points
}

/// The points at which statements that create, change and delete are killed.
fn points_of_scripts() -> Vec<Point> {
    let requests = if is_full() { 1..=STEP } else { 3..=3 };
    STEPS.into_iter().flat_map(|method| held(method, requests.clone())).collect()
}

/// The points at which changes that are taken back are killed: half of the updates do that, and all
/// deletions.
fn points_of_rollbacks() -> Vec<Point> {
    let (some, updates) = if is_full() {
        (1..=STEP, (1..=2 * STEP).step_by(1))
    } else {
        (3..=3, (3..=8).step_by(STEP))
    };
    let mut points = held("create", some.clone());
    points.extend(held("update", updates));
    points.extend(held("delete", some));
    points
}

/// One statement that creates many objects.
fn rows() -> String {
    inserted(ROWS)
}

/// Statements that create, change and delete.
fn script() -> String {
    format!("{}; {}; DELETE FROM {RESOURCE} {}", inserted(STEP), updated(), these())
}

/// The same, sent when all are known.
fn transaction() -> String {
    format!("BEGIN; {}; COMMIT", script())
}

/// Changes that are made and taken back.
fn rollback() -> String {
    format!("SET transaction.mode = 'eager'; BEGIN; {}; {}; ROLLBACK", inserted(STEP), updated())
}

fn updated() -> String {
    format!(
        "UPDATE {RESOURCE} SET token_access_policy.access_token_ttl_in_minutes = 60 {}",
        these()
    )
}

/// The objects that are there at the beginning.
fn these() -> String {
    let ids: Vec<String> = (1..=STEP).map(|id| format!("'i{id}'")).collect();
    format!("WHERE account_id = 'a1' AND integration_id IN ({})", ids.join(", "))
}

fn inserted(rows: usize) -> String {
    format!(
        "INSERT INTO {RESOURCE} (account_id, app_id) \
         SELECT 'a1', 'app-' || value FROM generate_series(1, {rows})"
    )
}

async fn server(point: Point) -> Sandbox {
    let registry = registry().expect("documents");
    let provider = registry.provider(PROVIDER).expect("known").as_ref().clone();
    let loader = std::sync::Arc::new(move |service: &str| registry.service(PROVIDER, service));
    let scenario = Scenario::parse(&point.scenario(), "scenario.yaml").expect("valid");
    let options = Options { scenario: Some(scenario), ..Options::default() };
    Sandbox::start(vec![ProviderSource::lazy(provider, loader)], options).await.expect("starts")
}

/// A command against the server; compiled documents are shared by all runs.
fn command(home: &Home, cache: &Path, server: &Sandbox, sql: &str) -> std::process::Command {
    let mut command = home.exec();
    command
        .env("XDG_CACHE_HOME", cache)
        .env("DATABRICKS_ACCOUNT_ID", "a1")
        .env("DATABRICKS_CLIENT_ID", "sandbox-client")
        .env("DATABRICKS_CLIENT_SECRET", "sandbox-secret")
        .args(["--endpoint", &format!("{PROVIDER}={}", server.url()), sql])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The writes that the server read.
fn writes(server: &Sandbox) -> Vec<LogEntry> {
    server.log().into_iter().filter(|entry| !entry.auth && entry.verb != "GET").collect()
}

/// What tells a write from the others of its run.
fn identity(verb: &str, url: &str, body: Option<&serde_json::Value>) -> String {
    let object = url.rsplit('/').next().unwrap_or_default();
    format!("{verb} {object} {}", body.map(ToString::to_string).unwrap_or_default())
}

/// Waits for the point and kills the run.
fn kill_at(point: Point, server: &Sandbox, mut child: Child) {
    let started = Instant::now();
    let mut has_ended = false;
    let reached = || match point {
        Point::Held { .. } => server.is_held(),
        Point::Delayed(_) => !writes(server).is_empty(),
    };
    while !reached() && !has_ended {
        assert!(started.elapsed() < Duration::from_mins(1), "{point:?} is not reached");
        std::thread::sleep(Duration::from_micros(200));
        has_ended = child.try_wait().expect("a child").is_some();
    }
    if let Point::Delayed(delay) = point {
        std::thread::sleep(delay);
    }
    // an error means that it has ended already
    let _ended = child.kill();
    let ended = child.wait_with_output().expect("ends");
    assert!(reached(), "{point:?}: {}", String::from_utf8_lossy(&ended.stderr));
}

/// Ledger and log agree; gives the number of open writes.
fn agree(point: Point, ledger: &[Entry], log: &[LogEntry]) -> usize {
    let mut sent: BTreeMap<String, &LogEntry> = BTreeMap::new();
    for write in log {
        let id = identity(&write.verb, &write.path, write.body.as_ref());
        let again = sent.insert(id, write);
        assert!(again.is_none(), "{point:?}: sent twice: {write:?}");
    }
    let mut begun: BTreeMap<String, &Entry> = BTreeMap::new();
    for entry in ledger {
        let intent = &entry.intent;
        let id =
            identity(&intent.verb, &intent.url, intent.body.as_ref().map(JsonText::value).as_ref());
        let again = begun.insert(id, entry);
        assert!(again.is_none(), "{point:?}: begun twice: {entry:?}");
    }
    for app in sent.keys() {
        assert!(begun.contains_key(app), "{point:?}: {app} was sent without a record");
    }
    let mut open = 0;
    for (app, entry) in begun {
        let Some(outcome) = &entry.outcome else {
            open += 1;
            continue;
        };
        assert_eq!(outcome.kind, OutcomeKind::Applied, "{point:?}: {entry:?}");
        let status = sent.get(&app).and_then(|write| write.status);
        assert_eq!(status, Some(200), "{point:?}: {app} is recorded as applied");
    }
    open
}

/// One run that is killed, and two that come after it; true if it left a write open.
async fn sweep(point: Point, sql: &str, cache: &Path) -> bool {
    let server = server(point).await;
    let home = Home::new();
    let child = command(&home, cache, &server, sql).spawn().expect("starts");
    kill_at(point, &server, child);
    let folder = home.path().join("data/ledger");
    let ledger = read(&folder).expect("readable");
    let log = writes(&server);
    let open = agree(point, &ledger, &log);
    if let Point::Held { method, .. } = point {
        // a statement does not begin before the one before it has ended
        let last = log.iter().rev().find_map(|write| write.method.as_deref()).expect("a write");
        assert!(last.ends_with(method), "{point:?}: {last} came after it");
    }

    let restart = || {
        let output = command(&home, cache, &server, "SELECT 1").output().expect("starts");
        let ended = Ended::of(output);
        assert_eq!(ended.exit, Some(0), "{point:?}: {ended:?}");
        ended.err
    };
    let told = restart();
    assert_eq!(told.contains("warning[write-outcome-unknown]"), open > 0, "{point:?}: {told}");
    assert_eq!(restart(), "", "{point:?}: told once");
    let after = read(&folder).expect("readable");
    // what was on its way when the command was killed may have been read since
    let later = writes(&server);
    agree(point, &after, &later);
    if matches!(point, Point::Held { .. }) {
        assert_eq!(later.len(), log.len(), "{point:?}: a restart sends nothing");
    }
    for entry in after.iter().filter(|entry| entry.outcome.is_none()) {
        let kind = entry.resolution.as_ref().map(|resolution| resolution.kind);
        assert_eq!(kind, Some(ResolutionKind::Reported), "{point:?}: {entry:?}");
    }
    let checked = verify(&folder).expect("readable");
    assert!(checked.problems.is_empty(), "{point:?}: {:?}", checked.problems);
    server.shutdown().await;
    open > 0
}

/// Kills runs of a text at all points; gives how many left a write open.
#[expect(clippy::print_stdout, reason = "the figures of a sweep are worth knowing")]
async fn sweeps(points: &[Point], sql: &str) -> usize {
    let cache = tempfile::tempdir().expect("a folder");
    let mut left_open = 0;
    for point in points {
        left_open += usize::from(sweep(*point, sql, cache.path()).await);
    }
    println!("{} runs were killed, {left_open} left a write open", points.len());
    // whoever is killed before its answer came cannot have recorded one
    let silent = points
        .iter()
        .filter(|point| matches!(point, Point::Held { when: "before" | "after", .. }))
        .count();
    assert!(left_open >= silent, "{left_open} of {} runs left a write open", points.len());
    left_open
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_runs_leave_a_ledger_that_agrees_with_the_server() {
    let left_open = sweeps(&points_of_rows(), &rows()).await;
    assert!(!is_full() || left_open >= 100, "{left_open}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_scripts_leave_a_ledger_that_agrees_with_the_server() {
    sweeps(&points_of_scripts(), &script()).await;
    sweeps(&points_of_scripts(), &transaction()).await;
    sweeps(&points_of_rollbacks(), &rollback()).await;
}
