//! The command is killed in the middle of writing; afterwards ledger and server must agree.
//!
//! The server decides the point: it stands still before a request has an effect, after it has, or
//! behind its answer, and then the command is killed. Further runs are killed after a delay.
//! `STRATAQL_FULL=1` takes every row for a point; else every fifth does.
//!
//! Surprise: a write without outcome may have happened or not; the server's log cannot contradict it.
//! What it can contradict is an outcome, a request without intent, and a write that was sent twice.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use strataql_e2e::registry;
use strataql_ledger::{Entry, OutcomeKind, ResolutionKind, read, verify};
use strataql_sandbox::{LogEntry, Options, ProviderSource, Sandbox, Scenario};

use crate::process::{Ended, Home};

const PROVIDER: &str = "databricks_account";
const ROWS: usize = 50;

/// When a run is killed.
#[derive(Debug, Clone, Copy)]
enum Point {
    /// The server stands still at this request.
    Held { request: usize, when: &'static str },
    /// So long after the first write arrived.
    Delayed(Duration),
}

impl Point {
    fn scenario(self) -> String {
        match self {
            Self::Held { request, when } => format!(
                "rows: 1\nfaults:\n- {{method: published_app_integration_create, \
                 request: {request}, kind: hold, when: {when}}}\n"
            ),
            Self::Delayed(_) => "rows: 1\nlatency: 10ms\n".to_owned(),
        }
    }
}

/// The points of a sweep.
fn points() -> Vec<Point> {
    let is_full = std::env::var_os("STRATAQL_FULL").is_some_and(|value| value == "1");
    let (step, delays) = if is_full { (1, 50) } else { (5, 10) };
    let mut points = Vec::new();
    for request in (1..=ROWS).step_by(step) {
        points.extend(["before", "after", "answered"].map(|when| Point::Held { request, when }));
    }
    let mut seed = 20_260_801_u64;
    points.extend((0..delays).map(|_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // four rounds of 10 ms and what surrounds them
        Point::Delayed(Duration::from_micros((seed >> 33) % 90_000))
    }));
    points
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
    server.log().into_iter().filter(|entry| !entry.auth && entry.verb == "POST").collect()
}

fn name(body: Option<&serde_json::Value>) -> String {
    body.and_then(|body| body["app_id"].as_str()).expect("every write has one").to_owned()
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
        assert!(started.elapsed() < Duration::from_secs(60), "{point:?} is not reached");
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
        let again = sent.insert(name(write.body.as_ref()), write);
        assert!(again.is_none(), "{point:?}: sent twice: {write:?}");
    }
    let mut begun: BTreeMap<String, &Entry> = BTreeMap::new();
    for entry in ledger {
        let again = begun.insert(name(entry.intent.body.as_ref()), entry);
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
async fn sweep(point: Point, cache: &Path) -> bool {
    let server = server(point).await;
    let home = Home::new();
    let resource = "databricks_account.oauth2.published_app_integration";
    let sql = format!(
        "INSERT INTO {resource} (account_id, app_id) \
         SELECT 'a1', 'app-' || value FROM generate_series(1, {ROWS})"
    );
    let child = command(&home, cache, &server, &sql).spawn().expect("starts");
    kill_at(point, &server, child);
    let folder = home.path().join("data/ledger");
    let ledger = read(&folder).expect("readable");
    let log = writes(&server);
    let open = agree(point, &ledger, &log);

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

#[tokio::test(flavor = "multi_thread")]
async fn killed_runs_leave_a_ledger_that_agrees_with_the_server() {
    let cache = tempfile::tempdir().expect("a folder");
    let points = points();
    let mut left_open = 0;
    for point in &points {
        left_open += usize::from(sweep(*point, cache.path()).await);
    }
    // whoever is killed before its answer came cannot have recorded one
    let silent = points
        .iter()
        .filter(|point| matches!(point, Point::Held { when: "before" | "after", .. }))
        .count();
    assert!(left_open >= silent, "{left_open} of {} runs left a write open", points.len());
}
