//! The command as its users run it: exit codes, streams, files.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const RESOURCE: &str = "databricks_account.oauth2.published_app_integration";

/// The command with a home of its own and nothing of the environment but what is given.
fn strataql(home: &Path) -> Command {
    let mut command = Command::new(strataql_e2e::binary());
    command
        .env_clear()
        .env("HOME", home)
        .env("STRATAQL_HOME", home.join("data"))
        .env("XDG_CACHE_HOME", home.join("cache"))
        .env("XDG_CONFIG_HOME", home.join("config"));
    command
}

fn exec(arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().expect("a folder");
    strataql(home.path()).arg("exec").args(arguments).output().expect("starts")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn acceptance() -> String {
    format!(
        "SELECT name, app_id, token_access_policy.access_token_ttl_in_minutes AS ttl FROM {RESOURCE} WHERE account_id = 'a1'"
    )
}

#[test]
fn every_format_holds_the_same_rows() {
    let sql = acceptance();
    for (format, first, lines) in [
        ("table", "name", 9),
        ("json", "[", 9),
        ("jsonl", "{\"name\":", 7),
        ("csv", "name,app_id,ttl", 8),
        ("text", "", 7),
        ("markdown", "| name | app_id | ttl |", 9),
    ] {
        let output = exec(&["--sandbox", &sql, "-o", format]);
        assert_eq!(output.status.code(), Some(0), "{format}: {}", err(&output));
        let text = out(&output);
        assert!(text.starts_with(first), "{format}: {text}");
        assert_eq!(text.lines().count(), lines, "{format}: {text}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    for format in ["arrow", "parquet"] {
        let file = folder.path().join(format);
        let output = exec(&["--sandbox", &sql, "-o", format, "-f", file.to_str().expect("text")]);
        assert_eq!(output.status.code(), Some(0), "{format}: {}", err(&output));
        assert!(std::fs::metadata(&file).expect("written").len() > 100);
    }
}

#[test]
fn failures_have_codes_exit_codes_and_an_empty_stdout() {
    let resource = RESOURCE;
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").port()
    };
    let endpoint = format!("databricks_account=http://127.0.0.1:{closed}");
    let listed = format!("SELECT name FROM {resource} WHERE account_id = 'a1'");
    let bearer =
        r#"{"databricks_account": {"type": "bearer", "credentialsenvvar": "NO_SUCH_VARIABLE"}}"#;
    let none = r#"{"databricks_account": {"type": "null_auth"}}"#;
    let cases: Vec<(Vec<&str>, i32, &str)> = vec![
        (vec!["--sandbox", "SELECT nothing"], 2, "unknown-column"),
        (vec!["--sandbox", "SELEC 1"], 2, "syntax"),
        (vec!["--sandbox", "SELECT '{{ missing }}'"], 2, "unset-variable"),
        (vec!["--sandbox=nonsense=1", "SELECT 1"], 2, "usage"),
        (vec!["-o", "nonsense", "SELECT 1"], 2, "nonsense"),
        (vec!["--registry", "file:/no/such/folder", "SELECT 1"], 6, "registry"),
        (vec!["-i", "/no/such/file.sql"], 11, "local-io"),
        (vec!["--sandbox", "SELECT 1", "-f", "/no/such/folder/file"], 11, "local-io"),
        (vec![&listed], 4, "no-credential"),
        (vec!["--auth", bearer, &listed], 4, "NO_SUCH_VARIABLE"),
        (vec!["--auth", none, "--endpoint", &endpoint, &listed], 5, "remote-unavailable"),
        (vec!["--sandbox=fault=500:100%", &listed], 5, "remote-unavailable"),
        (vec!["--sandbox=fault=403:100%", &listed], 4, "credential-refused"),
        (vec!["--sandbox=fault=409:100%", &listed], 3, "remote-conflict"),
        (vec!["--sandbox=latency=2s", "--timeout", "200ms", &listed], 5, "timeout"),
    ];
    for (arguments, code, part) in cases {
        let output = exec(&arguments);
        let text = err(&output);
        assert!(text.contains(part), "{arguments:?}: {text}");
        assert!(!text.contains("panicked"), "{arguments:?}: {text}");
        assert_eq!(out(&output), "", "{arguments:?}");
        if part != "registry" {
            assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        }
        assert_ne!(output.status.code(), Some(0), "{arguments:?}: {text}");
    }
}

#[test]
fn the_selects_of_the_published_page_run_unedited() {
    let page =
        std::fs::read_to_string(strataql_e2e::folder().join("seed/published_app_integration.mdx"))
            .expect("readable");
    let statements: Vec<&str> = page
        .split("```sql\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```").map(|(sql, _)| sql))
        .collect();
    assert_eq!(statements.len(), 5);
    let ids = exec(&[
        "--sandbox",
        &format!("SELECT integration_id FROM {RESOURCE} WHERE account_id = 'a1'"),
        "-o",
        "text",
    ]);
    let id = out(&ids).lines().next().expect("a row").to_owned();
    let home = tempfile::tempdir().expect("a folder");
    let run = |index: usize, more: &[&str]| {
        let file = home.path().join(format!("{index}.sql"));
        std::fs::write(&file, statements[index]).expect("writable");
        strataql(home.path())
            .args(["exec", "--sandbox", "-o", "jsonl", "-i"])
            .arg(&file)
            .args(["--var", "account_id=a1"])
            .args(more)
            .output()
            .expect("starts")
    };
    let id_variable = format!("integration_id={id}");
    let policy = r#"token_access_policy={"access_token_ttl_in_minutes":60}"#;
    for (index, more, lines) in [
        (0, vec!["--var", &id_variable], 1),
        (1, vec!["--drop-unset"], 7),
        (2, vec!["--var", "app_id=power-bi", "--var", policy], 1),
        (3, vec!["--var", &id_variable, "--var", policy], 0),
        (4, vec!["--var", &id_variable], 0),
    ] {
        let output = run(index, &more);
        assert_eq!(output.status.code(), Some(0), "{index}: {}", err(&output));
        assert_eq!(out(&output).lines().count(), lines, "{index}: {}", out(&output));
    }
    let output = run(0, &[]);
    assert_eq!(output.status.code(), Some(2), "{}", err(&output));
    assert!(err(&output).contains("integration_id"), "{}", err(&output));
}

#[test]
fn the_sandbox_knows_no_secret_of_the_user() {
    let home = tempfile::tempdir().expect("a folder");
    let canary = "canary-5d0c1e";
    std::fs::write(
        home.path().join(".databrickscfg"),
        format!("[DEFAULT]\nhost = https://{canary}\ntoken = {canary}\n"),
    )
    .expect("writable");
    let output = strataql(home.path())
        .args(["exec", "--sandbox", "--http-log", &acceptance()])
        .envs(
            [
                "DATABRICKS_HOST",
                "DATABRICKS_TOKEN",
                "DATABRICKS_CLIENT_ID",
                "DATABRICKS_CLIENT_SECRET",
                "DATABRICKS_ACCOUNT_ID",
            ]
            .map(|name| (name, canary)),
        )
        .env("HTTPS_PROXY", format!("http://{canary}:1"))
        .env("HTTP_PROXY", format!("http://{canary}:1"))
        .env("ALL_PROXY", format!("http://{canary}:1"))
        .output()
        .expect("starts");
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let all = out(&output) + &err(&output);
    assert!(!all.contains(canary), "{all}");
    assert!(!all.contains("sandbox-secret"), "{all}");
    assert!(err(&output).contains("> GET"), "the log is there");
}

#[test]
fn statements_run_in_order_and_the_first_failure_ends_the_run() {
    let output =
        exec(&["-o", "csv", "SELECT 1 AS a; SELECT 2 AS b; SELECT nothing; SELECT 3 AS c"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(out(&output), "a\n1\nb\n2\n");
}

#[test]
fn a_failed_run_leaves_no_file_and_an_old_one_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("out.jsonl");
    std::fs::write(&file, "old").expect("writable");
    let name = file.to_str().expect("text");
    let output = exec(&["-o", "jsonl", "-f", name, "SELECT 1 AS a; SELECT nothing"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(std::fs::read_to_string(&file).expect("readable"), "old");
    let output = exec(&["-o", "jsonl", "-f", name, "SELECT 1 AS a"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert_eq!(std::fs::read_to_string(&file).expect("readable"), "{\"a\":1}\n");
    assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 1, "no leftovers");
}

#[test]
fn stdin_a_closed_pipe_and_dry_runs() {
    let home = tempfile::tempdir().expect("a folder");
    let mut child = strataql(home.path())
        .args(["exec", "-i", "-", "-o", "text"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    child.stdin.take().expect("piped").write_all(b"SELECT 1; SELECT 2").expect("writable");
    let output = child.wait_with_output().expect("ends");
    assert_eq!(out(&output), "1\n2\n");
    let mut child = strataql(home.path())
        .args(["exec", "-o", "jsonl", "SELECT value FROM generate_series(1, 2000000)"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let output = exec(&["--dry-run", "-o", "csv", &acceptance()]);
    assert_eq!(output.status.code(), Some(0), "no credential is needed: {}", err(&output));
    assert!(out(&output).contains("https://accounts.cloud.databricks.com/api/2.0/accounts/a1/oauth2/published-app-integrations"));
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_the_run_at_once() {
    let home = tempfile::tempdir().expect("a folder");
    let started = std::time::Instant::now();
    let child = strataql(home.path())
        .args(["exec", "--sandbox=latency=20s", &acceptance()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let id = child.id().to_string();
    // the process needs a moment until it listens for the signal
    std::thread::sleep(std::time::Duration::from_millis(700));
    assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill").success());
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(130), "{}", err(&output));
    assert_eq!(out(&output), "");
    assert!(started.elapsed() < std::time::Duration::from_secs(6));
}

/// The public documents of the same provider give the same rows, when they are there.
#[test]
#[expect(clippy::disallowed_methods, reason = "the test run names the folder this way")]
fn public_documents_give_the_same_rows() {
    let Ok(folder) = std::env::var("STRATAQL_TEST_REGISTRY") else {
        println!("skipped: STRATAQL_TEST_REGISTRY is not set");
        return;
    };
    let registry = format!("file:{folder}");
    let columns = "name, app_id, integration_id, token_access_policy.access_token_ttl_in_minutes";
    for condition in
        ["account_id = 'a1'", "account_id IN ('a1', 'b2')", "account_id = 'a1' AND page_size = 2"]
    {
        let sql = format!("SELECT {columns} FROM {RESOURCE} WHERE {condition}");
        let embedded = exec(&["--sandbox", "-o", "jsonl", &sql]);
        let public = exec(&["--sandbox", "--registry", &registry, "-o", "jsonl", &sql]);
        assert_eq!(public.status.code(), Some(0), "{}", err(&public));
        let rows = |output: &Output| out(output).lines().count();
        assert_eq!(rows(&embedded), rows(&public), "{condition}");
        let names = |output: &Output| -> Vec<String> {
            out(output)
                .lines()
                .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
                .map(|row| format!("{} {}", row["name"], row["integration_id"]))
                .collect()
        };
        assert_eq!(names(&embedded), names(&public), "{condition}");
    }
}
