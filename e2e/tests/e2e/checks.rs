//! ASSERT, `--fail-if-rows`, `--keep-going`, and formats that report a run.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value as Json;

use crate::process::{Ended, Home, exec};

const APPS: &str = "databricks_account.oauth2.custom_app_integration";
const SECRETS: &str = "databricks_account.oauth2.service_principal_secrets";

fn objects(text: &str) -> Vec<Json> {
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[test]
fn an_assertion_that_holds_prints_nothing() {
    for sql in [
        "ASSERT 1 < 2",
        "ASSERT (SELECT count(*) FROM generate_series(1, 3)) = 3, 'three'",
        "ASSERT SELECT value FROM generate_series(1, 3) WHERE value > 3",
        "ASSERT NOT EXISTS (SELECT 1 WHERE false)",
    ] {
        let ended = exec(&[sql]);
        assert_eq!(
            (ended.exit, ended.out.as_str(), ended.err.as_str()),
            (Some(0), "", ""),
            "{sql}"
        );
    }
}

#[test]
fn violations_are_the_result() {
    let rows = "ASSERT SELECT value FROM generate_series(1, 3) WHERE value > 1, 'small values'";
    let ended = exec(&["-o", "csv", rows]);
    assert_eq!((ended.exit, ended.out.as_str()), (Some(1), "value\n2\n3\n"), "{ended:?}");
    ended.failed("assertion-failed", 1, &["small values", "2 rows violate the assertion"]);
    // also where nothing is printed before the last row
    assert_eq!(exec(&["-o", "json", rows]).out, "[\n  {\"value\":2},\n  {\"value\":3}\n]\n");
    exec(&["ASSERT NULL"]).refused("assertion-failed", 1, &["the condition is NULL"]);
    exec(&["ASSERT 1 > 2, 'order'"]).refused(
        "assertion-failed",
        1,
        &["order", "the condition is false"],
    );
    exec(&["ASSERT 1 + 1"]).refused("type-mismatch", 2, &["neither true nor false"]);
    exec(&["ASSERT nothing"]).refused("unknown-column", 2, &[]);
    // it protects what follows
    let ended = exec(&["-o", "text", "ASSERT false; SELECT 1"]);
    assert_eq!((ended.exit, ended.out.as_str()), (Some(1), ""));
}

#[test]
fn assertions_are_explained_and_read_only() {
    let sql = format!("ASSERT SELECT name FROM {APPS} WHERE account_id = 'a1'");
    let ended = exec(&["--dry-run", "-o", "jsonl", &sql]);
    assert!(ended.success().contains("custom_app_integration_list"));
    let ended = exec(&["--sandbox=rows=2", "--read-only", "-o", "jsonl", &sql]);
    assert_eq!((ended.exit, ended.out.lines().count()), (Some(1), 2), "{ended:?}");
}

#[test]
fn rows_fail_a_run_on_request() {
    let run = |sql: &str| exec(&["--fail-if-rows", "-o", "text", sql]);
    assert_eq!(run("SELECT 1 WHERE false; SET timeout = '5s'; SHOW VERSION").exit, Some(0));
    let ended = run("SELECT 1");
    assert_eq!((ended.exit, ended.out.as_str()), (Some(1), "1\n"), "{ended:?}");
    ended.failed("assertion-failed", 1, &["the query has 1 row"]);
    // the report of a check is a result
    let home = Home::new();
    let file = home.path().join("violations.csv").display().to_string();
    assert_eq!(home.run(&["--fail-if-rows", "-f", &file, "SELECT 1 AS a"]).exit, Some(1));
    assert_eq!(std::fs::read_to_string(file).expect("written"), "a\n1\n");
}

#[test]
fn a_run_may_go_on_after_a_failure() {
    let sql = "SELECT 1; SELECT nothing; ASSERT false; SELECT 2";
    let ended = exec(&["-o", "text", "--keep-going", sql]);
    assert_eq!((ended.exit, ended.out.as_str()), (Some(2), "1\n2\n"), "{ended:?}");
    assert_eq!(ended.err.matches("error[").count(), 2, "{ended:?}");
    // the first failure decides
    assert_eq!(exec(&["--keep-going", "ASSERT false; SELECT nothing"]).exit, Some(1));
}

#[test]
fn a_failure_in_a_transaction_rolls_it_back() {
    let insert =
        |name: &str| format!("INSERT INTO {APPS} (account_id, name) VALUES ('a1', '{name}')");
    let sql = format!(
        "BEGIN; {}; UPDATE {APPS} SET nme = 'x' WHERE account_id = 'a1' AND integration_id = '1'; {}; COMMIT;
         SELECT count(*) AS n FROM {APPS} WHERE account_id = 'a1'",
        insert("one"),
        insert("two"),
    );
    let ended = exec(&["--sandbox=rows=3", "-o", "csv", "--keep-going", &sql]);
    assert_eq!((ended.exit, ended.out.as_str()), (Some(2), "n\n3\n"), "{ended:?}");
    assert!(ended.err.contains("it is rolled back"), "{ended:?}");
}

#[test]
fn everything_on_stderr_is_json_on_request() {
    let sql = format!(
        "SELECT name FROM {APPS} WHERE account_id = 'a1' AND integration_id = 'none'; SELECT nothing"
    );
    let flags = ["--error-format=json", "--sandbox", "--timing", "--http-log", "--var", "unused=1"];
    let ended = exec(&[&flags[..], &[&sql]].concat());
    let kinds: Vec<String> = objects(&ended.err)
        .iter()
        .map(|one| one["severity"].as_str().expect("a severity").to_owned())
        .collect();
    for kind in ["warning", "log", "note", "timing", "error"] {
        assert!(kinds.iter().any(|seen| seen == kind), "{kind}: {ended:?}");
    }
    let wrong = exec(&["--error-format", "json", "--sandbx", "SELECT 1"]);
    let [report] = &objects(&wrong.err)[..] else { panic!("{wrong:?}") };
    assert_eq!((wrong.exit, &report["code"]), (Some(2), &"usage".into()));
    assert!(report["help"][0].as_str().expect("help").contains("--sandbox"), "{report}");
}

#[test]
fn events_hold_messages_and_the_exit_code() {
    let run = |sql: &str, flags: &[&str]| {
        let ended = exec(&[&["--sandbox=rows=2", "-o", "events"], flags, &[sql]].concat());
        assert_eq!(ended.err, "", "{sql}");
        (ended.exit, objects(&ended.out))
    };
    let insert = format!("INSERT INTO {APPS} (account_id, name) VALUES ('a1', 'x')");
    let (exit, events) = run(&insert, &[]);
    let of = |kind: &str| events.iter().find(|one| one["event"] == kind).expect(kind);
    assert_eq!((exit, &of("end")["affected"]), (Some(0), &1.into()), "a write without RETURNING");
    assert!(of("note")["message"].as_str().expect("text").contains("1 row inserted"));
    assert_eq!(of("start")["kind"], "INSERT");
    // what fails before the first statement is an event, too
    let (exit, events) = run("SELECT '{{ unset }}'", &[]);
    let codes: Vec<&Json> = events.iter().map(|one| &one["code"]).collect();
    assert_eq!((exit, codes), (Some(2), vec![&"unset-variable".into(), &2.into()]));
    // values of variables are not in the text of a statement
    let (_, events) = run("SELECT '{{ key }}' AS a", &["--var", "key=hunter22"]);
    assert_eq!(events[0]["text"], "SELECT '{{ key }}' AS a");
}

#[test]
fn a_secret_that_is_shown_once_is_not_lost_silently() {
    let insert =
        format!("INSERT INTO {SECRETS} (account_id, service_principal_id) VALUES ('a1', '7')");
    let ended = exec(&["--sandbox", &insert]);
    assert!(
        ended.err.contains("warning[secret-not-returned]") && ended.err.contains("RETURNING"),
        "{ended:?}"
    );
    assert_eq!(ended.exit, Some(0));
    for columns in ["secret", "*"] {
        let ended = exec(&["--sandbox", &format!("{insert} RETURNING {columns}")]);
        assert!(!ended.err.contains("secret-not-returned"), "{ended:?}");
    }
}

#[test]
fn a_reader_that_leaves_early_does_not_hide_statements() {
    let home = Home::new();
    let series = "SELECT value FROM generate_series(1, 300000)";
    let mut child = home
        .exec()
        .args(["-o", "text", &format!("{series}; SELECT 1; SELECT 2")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    out.read_line(&mut String::new()).expect("a line");
    drop(out);
    let ended = Ended::of(child.wait_with_output().expect("ends"));
    ended.failed("local-io", 11, &["2 statements were not run"]);
}

#[test]
fn rows_are_shown_one_below_the_other() {
    assert_eq!(
        exec(&["SELECT 1 AS a, 'x' AS name\\G SELECT 2 AS b"]).success(),
        "a     1\nname  x\n\nb\n─\n2\n"
    );
    assert_eq!(
        exec(&["-o", "vertical", "SELECT 1 AS a"]).success(),
        "─ 1 ────────────────────\na  1\n"
    );
}

#[test]
fn variables_come_from_the_environment_and_files() {
    let home = Home::new();
    let file = home
        .write(".env", "# comment\nexport STRATAQL_VAR_who='from file'\nSTRATAQL_VAR_other=o\n");
    let run = |flags: &[&str], variables: &[(&str, &str)]| {
        let sql = "SELECT '{{ who }}' AS a, '{{ other }}' AS b";
        let mut command = home.exec();
        command
            .args(flags)
            .args(["--env-file", &file, "-o", "text", sql])
            .envs(variables.iter().copied());
        Ended::of(command.output().expect("starts")).success()
    };
    assert_eq!(run(&[], &[]), "from file\to\n");
    assert_eq!(run(&[], &[("STRATAQL_VAR_who", "own")]), "own\to\n");
    assert_eq!(run(&["--var", "who=flag"], &[("STRATAQL_VAR_WHO", "own")]), "flag\to\n");
    let wrong = home.write("wrong.env", "just text\n");
    home.run(&["--env-file", &wrong, "SELECT 1"]).refused("config", 11, &["wrong.env:1"]);
}

#[test]
fn changes_of_a_sandbox_are_kept_between_runs() {
    let home = Home::new();
    let state = format!("--sandbox=rows=2,state={}", home.path().join("state.json").display());
    let run = |sql: &str| home.run(&[&state, "-o", "csv", sql]).success();
    run(&format!("INSERT INTO {APPS} (account_id, name) VALUES ('a1', 'kept')"));
    let names = format!(
        "SELECT count(*) AS n, count(*) FILTER (WHERE name = 'kept') AS kept FROM {APPS} WHERE account_id = 'a1'"
    );
    assert_eq!(run(&names), "n,kept\n3,1\n");
    run(&format!("DELETE FROM {APPS} WHERE account_id = 'a1' AND name = 'kept'"));
    assert_eq!(run(&names), "n,kept\n2,0\n");
    home.write("state.json", "[]");
    home.run(&[&state, "SELECT 1"]).refused("config", 11, &["state.json:1"]);
}

#[test]
fn objects_of_a_scenario_are_exact() {
    let home = Home::new();
    let scenario = home.write(
        "s.yaml",
        format!(
            "providers: [databricks_account]\nparents: {{account_id: a1}}\nobjects:\n  {APPS}: []\n"
        ),
    );
    let sandbox = format!("--sandbox=scenario={scenario}");
    let sql = |account: &str| format!("SELECT count(*) FROM {APPS} WHERE account_id = '{account}'");
    assert_eq!(home.run(&[&sandbox, "-o", "text", &sql("a1")]).success(), "0\n");
    home.run(&[&sandbox, &sql("a2")]).failed("remote-missing", 3, &[]);
}
