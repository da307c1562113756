//! The command line: statements in order, files, pipes, signals.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::output::ACCEPTANCE;
use crate::process::{Ended, Home, exec};

#[test]
fn statements_run_in_order_and_the_first_failure_ends_the_run() {
    let ended = exec(&["-o", "csv", "SELECT 1 AS a; SELECT 2 AS b; SELECT nothing; SELECT 3 AS c"]);
    assert_eq!((ended.exit, ended.out.as_str()), (Some(2), "a\n1\nb\n2\n"), "{ended:?}");
    // a mistake that the reader sees is told before anything runs
    exec(&["-o", "csv", "SELECT 1 AS a; SELEC 2"]).failed("syntax", 2, &[]);
    // the end of the text ends a statement; empty ones do not count
    assert_eq!(
        exec(&["-o", "text", ";SELECT 1;; -- SELECT 2;\n;SELECT ';' -- 3"]).success(),
        "1\n;\n"
    );
}

#[test]
fn settings_of_a_statement_hold_for_the_next() {
    let sql = "USE databricks_account.oauth2; SELECT count(*) FROM published_app_integration WHERE account_id = 'a1'";
    assert_eq!(exec(&["--sandbox=rows=3", "-o", "text", sql]).success(), "3\n");
}

#[test]
fn the_sandbox_takes_credentials_of_every_scheme() {
    let registry = format!("file:{}", strataql_e2e::folder().join("documents").display());
    // a bearer token, and OAuth client credentials
    for list in ["market.catalog.suppliers", "ops.jobs.projects"] {
        let sql = format!("SELECT count(*) FROM {list}");
        let ended = exec(&["--registry", &registry, "--sandbox=rows=2", "-o", "text", &sql]);
        assert_eq!(ended.success(), "2\n", "{list}");
    }
}

#[test]
fn the_sandbox_takes_objects_from_a_scenario_file() {
    let home = Home::new();
    let list = "databricks_account.oauth2.published_app_integration";
    let objects =
        format!("objects:\n  {list}:\n    - {{account_id: a1, integration_id: i1, name: power}}\n");
    let name = home.write("apps.yaml", objects);
    let sql = format!("SELECT integration_id, name FROM {list} WHERE account_id = 'a1'");
    let run = |options: &str| home.run(&[options, "-o", "csv", &sql]);
    assert_eq!(
        run(&format!("--sandbox=page-size=2,scenario={name}")).success(),
        "integration_id,name\ni1,power\n"
    );
    run("--sandbox=scenario=none.yaml").failed("local-io", 11, &["none.yaml"]);
}

#[test]
fn a_failed_run_leaves_no_file_and_an_old_one_alone() {
    let home = Home::new();
    let name = home.write("results/out.jsonl", "old");
    let folder = home.path().join("results");
    home.run(&["-o", "jsonl", "-f", &name, "SELECT 1 AS a; SELECT nothing"]).failed(
        "unknown-column",
        2,
        &[],
    );
    assert_eq!(std::fs::read_to_string(&name).expect("readable"), "old");
    assert_eq!(
        home.run(&["-o", "jsonl", "-f", &name, "SELECT 1 AS a; SELECT 2 AS a"]).success(),
        ""
    );
    assert_eq!(std::fs::read_to_string(&name).expect("readable"), "{\"a\":1}\n{\"a\":2}\n");
    assert_eq!(std::fs::read_dir(folder).expect("readable").count(), 1, "no leftovers");
}

#[test]
fn the_name_of_a_file_says_its_format() {
    let home = Home::new();
    let folder = home.path();
    let name = |file: &str| folder.join(file).display().to_string();
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).expect("readable");
    for arguments in [["-f", "a.csv"], ["-o", "b.csv"]] {
        home.run(&[arguments[0], &name(arguments[1]), "SELECT 1 AS a"]).success();
        assert_eq!(read(arguments[1]), "a\n1\n");
    }
    home.run(&["-f", &name("c.csv"), "-o", "jsonl", "SELECT 1 AS a"]).success();
    assert_eq!(read("c.csv"), "{\"a\":1}\n");
    home.run(&["-f", &name("d.csv"), "-o", &name("e.csv"), "SELECT 1"]).failed("usage", 2, &["-f"]);
}

#[test]
fn endpoints_belong_to_providers_that_are_there() {
    let wrong = "databricks_acount=http://127.0.0.1:1";
    exec(&["--endpoint", wrong, "SELECT 1"]).failed(
        "unknown-provider",
        2,
        &["did you mean `databricks_account`"],
    );
}

#[test]
fn statements_come_from_stdin_and_files() {
    let home = Home::new();
    let mut child = home
        .exec()
        .args(["-i", "-", "-o", "text"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    child.stdin.take().expect("piped").write_all(b"SELECT 1; SELECT 2").expect("writable");
    assert_eq!(Ended::of(child.wait_with_output().expect("ends")).success(), "1\n2\n");
    let file = home.write("q.sql", "\nSELECT naem\nFROM (VALUES (1)) t(name)");
    home.run(&["-i", &file]).refused("unknown-column", 2, &["q.sql:2:8", "did you mean `name`?"]);
}

#[test]
fn variables_are_filled_before_the_statement_is_read() {
    let home = Home::new();
    let file = home.write("vars.yaml", "who: it's me\ncount: 3\n");
    let sql = "SELECT '{{ who }}', {{ count }} + 1";
    let run = |more: &[&str]| {
        home.run(&[&["-o", "text", "--vars", &file, sql][..], more].concat()).success()
    };
    assert_eq!(run(&[]), "it's me\t4\n");
    assert_eq!(run(&["--var", "count=5"]), "it's me\t6\n");
    let ended = home.run(&["--vars", &file, "--var", "count=1; SELECT 2", sql]);
    assert_eq!(
        (ended.exit, ended.out.as_str()),
        (Some(2), ""),
        "no SQL through a value: {ended:?}"
    );
}

#[test]
fn bind_parameters_come_from_the_command_line() {
    let sql = "SELECT $1 + 1, :who";
    assert_eq!(
        exec(&["-o", "text", "--param", "1=41", "--param", "who=x' OR '1", sql]).success(),
        "42\tx' OR '1\n"
    );
}

#[test]
fn timing_tells_rows_requests_and_pages() {
    let ended = exec(&["--sandbox=page-size=2", "--timing", "-o", "text", ACCEPTANCE]);
    assert!(ended.err.contains("7 rows, 4 requests, 4 pages, "), "{}", ended.err);
    assert_eq!(ended.success().lines().count(), 7);
}

#[test]
fn a_list_over_seven_pages_makes_seven_requests() {
    let count = |sql: &str| {
        let ended = exec(&["--sandbox=rows=14,page-size=2", "--timing", "-o", "text", sql]);
        let requests = ended.err.split(", ").nth(1).expect("counted").to_owned();
        assert_eq!(ended.exit, Some(0), "{ended:?}");
        requests
    };
    assert_eq!(count(ACCEPTANCE), "7 requests");
    assert_eq!(count(&format!("{ACCEPTANCE} AND page_size = 2 LIMIT 3")), "2 requests");
    assert_eq!(count(&format!("{ACCEPTANCE} AND integration_id = 'none'")), "1 request");
}

#[test]
fn a_dry_run_sends_nothing_and_needs_no_credential() {
    let ended = exec(&["--dry-run", "-o", "csv", "--http-log", &format!("{ACCEPTANCE}; SELECT 1")]);
    assert!(!ended.err.contains("> GET"), "{ended:?}");
    let url = "https://accounts.cloud.databricks.com/api/2.0/accounts/a1/oauth2/published-app-integrations";
    assert!(ended.success().contains(url));
}

#[test]
fn rows_leave_before_the_last_page_is_there() {
    let home = Home::new();
    let started = Instant::now();
    let mut child = home
        .exec()
        .args(["--sandbox=page-size=1,latency=150ms", "-o", "jsonl", ACCEPTANCE])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    assert!(lines.next().expect("a line").expect("text").starts_with("{\"name\":"));
    let first = started.elapsed();
    assert_eq!(lines.count(), 6);
    // seven pages of 150 ms each
    assert!(first * 2 < started.elapsed(), "first {first:?}, all {:?}", started.elapsed());
    assert!(child.wait().expect("ends").success());
}

#[test]
fn whoever_closes_the_pipe_has_seen_enough() {
    let home = Home::new();
    for format in ["jsonl", "csv", "text", "table", "json"] {
        let mut child = home
            .exec()
            .args(["-o", format, "SELECT value FROM generate_series(1, 300000)"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        out.read_line(&mut String::new()).expect("a line");
        drop(out);
        let ended = Ended::of(child.wait_with_output().expect("ends"));
        assert_eq!((ended.exit, ended.err.as_str()), (Some(0), ""), "{format}");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_the_run_at_once() {
    let home = Home::new();
    let log = home.path().join("log");
    let child = home
        .exec()
        .args(["--sandbox=latency=20s", &format!("--http-log={}", log.display()), ACCEPTANCE])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    // the request is on its way once the log has a line; the signal is listened for by then
    let started = Instant::now();
    while std::fs::read_to_string(&log).unwrap_or_default().is_empty() {
        assert!(started.elapsed() < Duration::from_secs(10), "no request");
        std::thread::sleep(Duration::from_millis(10));
    }
    let interrupted = Instant::now();
    assert!(
        Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .expect("kill")
            .success()
    );
    let ended = Ended::of(child.wait_with_output().expect("ends"));
    assert_eq!((ended.exit, ended.out.as_str()), (Some(130), ""), "{ended:?}");
    assert!(ended.err.contains("error[cancelled]"), "{ended:?}");
    assert!(interrupted.elapsed() < Duration::from_secs(2), "{:?}", interrupted.elapsed());
}
