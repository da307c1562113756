//! Time and memory limits, Ctrl-C and SIGTERM: a statement ends whatever it does.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use strataql_e2e::{World, impatient};
use strataql_ledger::{OutcomeKind, read};

use crate::process::{Ended, Home};

/// What a statement may take beyond its limit, on a busy machine and with a debug build.
const SLACK: Duration = Duration::from_millis(2_500);

const RESOURCE: &str = "databricks_account.oauth2.published_app_integration";

/// Hours of work without a pause.
const COMPUTES: &str = "SELECT count(*) AS n FROM generate_series(1, 1000000) AS a(x) \
     CROSS JOIN generate_series(1, 1000000) AS b(y)";

/// Statements that never end, or not soon.
const ENDLESS: &[&str] = &[
    COMPUTES,
    "SELECT max(md5(sha512(repeat('x', 20000) || a.x)::varchar)) AS m \
     FROM generate_series(1, 100000000) AS a(x)",
    "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n FROM t) SELECT count(*) AS n FROM t",
    "SELECT a.x FROM generate_series(1, 1000000) AS a(x) JOIN generate_series(1, 1000000) AS b(x) \
     ON a.x % 7 <> b.x % 7 ORDER BY a.x * b.x",
];

/// Runs the command and says how long it took.
fn timed(home: &Home, arguments: &[&str]) -> (Ended, Duration) {
    let begun = Instant::now();
    let ended = home.run(arguments);
    (ended, begun.elapsed())
}

#[test]
fn a_computation_ends_in_time() {
    let home = Home::new();
    for sql in ENDLESS {
        let (ended, took) = timed(&home, &["--timeout=400ms", "-o", "csv", sql]);
        ended.failed("timeout", 5, &["400 ms"]);
        assert!(took < SLACK, "{took:?}: {sql}");
    }
    let sql = format!("SET budget.seconds = '0.4'; {COMPUTES}");
    let (ended, took) = timed(&home, &[&sql]);
    ended.refused("budget", 9, &["0.4 s", "SET budget.seconds = 0.8"]);
    assert!(took < SLACK, "{took:?}");
    // the earlier of the two limits counts
    let (ended, _) =
        timed(&home, &["--timeout=300ms", &format!("SET budget.seconds = 60; {COMPUTES}")]);
    ended.refused("timeout", 5, &["300 ms"]);
}

#[test]
fn planning_ends_in_time() {
    let home = Home::new();
    let mut sql = "WITH v0 AS (SELECT 1 AS a)".to_owned();
    for level in 1..=14 {
        let below = level - 1;
        let _ =
            write!(sql, ", v{level} AS (SELECT a FROM v{below} UNION ALL SELECT a FROM v{below})");
    }
    sql.push_str(" SELECT count(*) AS n FROM v14");
    let (ended, took) = timed(&home, &["--timeout=400ms", &sql]);
    ended.refused("timeout", 5, &["400 ms"]);
    assert!(took < SLACK, "{took:?}");
}

#[test]
fn a_limit_that_nothing_keeps_can_be_raised() {
    let home = Home::new();
    let sql = "SET timeout = '1ms'; SET timeout = 'none'; SELECT 1 AS a";
    assert_eq!(home.run(&["-o", "csv", sql]).success(), "a\n1\n");
}

fn spawn(home: &Home, arguments: &[&str]) -> Child {
    let mut command = home.exec();
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("starts")
}

#[cfg(unix)]
fn signal(name: &str, child: &Child) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status();
    assert!(sent.expect("kill").success());
}

/// A process that is sent a signal ends with exit code 130.
#[cfg(unix)]
#[track_caller]
fn ends(child: Child, signalled: Instant) -> Ended {
    let ended = Ended::of(child.wait_with_output().expect("ends"));
    assert_eq!(ended.exit, Some(130), "{ended:?}");
    assert!(ended.err.contains("error[cancelled]"), "{ended:?}");
    assert!(signalled.elapsed() < SLACK, "{:?}", signalled.elapsed());
    ended
}

#[cfg(unix)]
#[test]
fn signals_end_a_computation() {
    let home = Home::new();
    for name in ["-INT", "-TERM"] {
        for sql in [COMPUTES, ENDLESS[2]] {
            let child = spawn(&home, &[sql]);
            std::thread::sleep(Duration::from_secs(1));
            let begun = Instant::now();
            signal(name, &child);
            ends(child, begun);
        }
    }
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_run_whose_output_nobody_reads() {
    let home = Home::new();
    let sql = "SELECT x, repeat('y', 100) AS y FROM generate_series(1, 10000000) AS a(x)";
    let mut child = spawn(&home, &["-o", "csv", sql]);
    // the pipe stays open and is not read
    let kept = child.stdout.take();
    std::thread::sleep(Duration::from_millis(1_500));
    let begun = Instant::now();
    signal("-TERM", &child);
    ends(child, begun);
    drop(kept);
}

/// The command against the server of a world.
fn at(home: &Home, world: &World, arguments: &[&str]) -> Command {
    let endpoint = format!("databricks_account={}", world.sandbox.url());
    let mut command = home.exec();
    command
        .env("DATABRICKS_ACCOUNT_ID", "a1")
        .env("DATABRICKS_CLIENT_ID", "sandbox-client")
        .env("DATABRICKS_CLIENT_SECRET", "sandbox-secret")
        .args(["--endpoint", &endpoint])
        .args(arguments);
    command
}

fn insert(rows: usize) -> String {
    format!(
        "INSERT INTO {RESOURCE} (account_id, app_id) \
         SELECT 'a1', 'app-' || value FROM generate_series(1, {rows})"
    )
}

fn outcomes(folder: &Path) -> Vec<Option<OutcomeKind>> {
    let entries = read(folder).expect("readable");
    entries.iter().map(|entry| entry.outcome.as_ref().map(|outcome| outcome.kind)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_without_a_response_is_recorded_as_unknown() {
    let yaml = "faults:\n- {method: published_app_integration_create, kind: stall}\n";
    for limit in ["SET timeout = '600ms'; ", "SET budget.seconds = '0.6'; "] {
        let world = World::scenario(yaml, impatient()).await.expect("starts");
        let home = Home::new();
        let run = |sql: &str| Ended::of(at(&home, &world, &[sql]).output().expect("starts"));
        let begun = Instant::now();
        let ended = run(&format!("{limit}{}", insert(20)));
        assert!(begun.elapsed() < SLACK, "{:?}", begun.elapsed());
        ended.refused("write-outcome-unknown", 10, &["0 were written", "4 were not sent"]);
        let found = outcomes(&home.path().join("data/ledger"));
        assert_eq!(found, [Some(OutcomeKind::Unknown); 16], "{ended:?}");
        let sent =
            world.sandbox.log().into_iter().filter(|entry| entry.verb == "POST" && !entry.auth);
        assert_eq!(sent.count(), 16, "nothing is sent after the limit");
        // it is no news to the next run
        assert_eq!(run("SELECT 1").err, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_before_the_limit_is_said() {
    let yaml = "faults:\n- {method: published_app_integration_create, kind: stall, request: 4, times: 9}\n";
    let world = World::scenario(yaml, impatient()).await.expect("starts");
    let home = Home::new();
    let sql = format!("SET timeout = '800ms'; {}", insert(5));
    let ended = Ended::of(at(&home, &world, &[&sql]).output().expect("starts"));
    ended.refused("write-outcome-unknown", 10, &["of 5 rows 3 were written", "2 have an unknown"]);
}

#[test]
fn a_locked_ledger_holds_nobody_up() {
    let home = Home::new();
    let sql = insert(1);
    home.run(&["--sandbox", &sql]).success();
    let folder = home.path().join("data/ledger/sandbox");
    let lock = std::fs::File::options().write(true).open(folder.join("lock")).expect("a lock");
    lock.lock().expect("locked");
    let (ended, took) = timed(&home, &["--sandbox", "--timeout=500ms", &sql]);
    ended.refused("timeout", 5, &["500 ms", "locked by another process"]);
    assert!(took < SLACK + Duration::from_secs(1), "{took:?}");
    let (ended, took) = timed(&home, &["--sandbox", "-o", "csv", "SELECT 1 AS a"]);
    assert!(ended.err.contains("warning[local-io]"), "{ended:?}");
    assert_eq!(ended.success(), "a\n1\n");
    assert!(took < SLACK, "{took:?}");
    #[cfg(unix)]
    {
        let child = spawn(&home, &["--sandbox", &sql]);
        std::thread::sleep(Duration::from_millis(1_500));
        let begun = Instant::now();
        signal("-INT", &child);
        ends(child, begun);
    }
    drop(lock);
    assert_eq!(outcomes(&folder), [Some(OutcomeKind::Applied)], "nothing was sent meanwhile");
}

#[test]
fn one_value_keeps_to_the_memory_limit() {
    let home = Home::new();
    for sql in [
        "SELECT length(repeat('x', 400000000)) AS n",
        "SELECT length(repeat(a.x, 400000000)) AS n FROM (VALUES ('x'), ('y')) AS a(x)",
        "SELECT length(lpad('x', 400000000, 'y')) AS n",
        "SELECT length(rpad(a.x, 300000000)) AS n FROM (VALUES ('x'), ('y')) AS a(x)",
        "SELECT array_length(array_repeat(1, 50000000)) AS n",
        "SELECT array_length(array_repeat(array_repeat('xyz', 1000), 1000000)) AS n",
        "SELECT array_length(range(1, 100000000)) AS n",
        "SELECT cardinality(generate_series(TIMESTAMP '2000-01-01', TIMESTAMP '2020-01-01', INTERVAL '1 second')) AS n",
        "SELECT length(replace(repeat('x', 100000), 'x', repeat('y', 1000))) AS n",
        "SELECT length(string_agg(repeat('x', 100000), ',')) AS n FROM generate_series(1, 2000) AS a(x)",
        "SET memory.limit = '1MB'; SELECT length(concat(repeat('x', 600000), repeat('y', 600000))) AS n",
        "SELECT 1 AS n WHERE length(repeat('x', 400000000)) > 3",
    ] {
        let limited = format!("SET memory.limit = '50MB'; {sql}");
        let ended = home.run(&["-o", "csv", &limited]);
        ended.refused("memory-limit", 9, &["memory.limit"]);
    }
    // each statement has the limit of its own time
    let sql = "SET memory.limit = '1MB'; SET memory.limit = '64MB'; \
               SELECT length(repeat('x', 2000000)) AS n; SELECT length(lpad('x', 99)) AS n";
    assert_eq!(home.run(&["-o", "csv", sql]).success(), "n\n2000000\nn\n99\n");
    let sql = "SET memory.limit = '2MB'; SELECT replace('a-b-c', '-', '+') AS a, \
               concat('x', 1, NULL) AS b, array_length(array_repeat(7, 3)) AS c, repeat('ab', 2) AS d";
    assert_eq!(home.run(&["-o", "csv", sql]).success(), "a,b,c,d\na+b+c,x1,3,abab\n");
}
