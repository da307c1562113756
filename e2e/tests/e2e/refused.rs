//! Runs that must be refused: the documented code and exit code; object, cause and help on stderr;
//! nothing on stdout, no secret, no panic.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use strataql_net::Settings as NetSettings;
use strataql_sandbox::{Options, Scenario};

use strataql_e2e::World;

use crate::process::{CANARY, Ended, Home, exec};

const APPS: &str = "databricks_account.oauth2.published_app_integration";
const EVENTS: &str = "SELECT event_id, kind FROM market.catalog.events";

#[test]
fn statements_that_are_wrong_end_with_2() {
    let apps = |condition: &str| format!("SELECT name FROM {APPS}{condition}");
    let cases: [(String, &str, &[&str]); 16] = [
        ("SELEC 1".into(), "syntax", &["SELEC"]),
        (format!("SELECT * FORM {APPS}"), "syntax", &["line 1"]),
        ("SELECT 'open".into(), "syntax", &[]),
        ("-- nothing\n;".into(), "usage", &["no statement"]),
        ("SELECT * FROM nope.a.b".into(), "unknown-provider", &["nope"]),
        ("SELECT * FROM databricks_account.nope.b".into(), "unknown-service", &["nope"]),
        ("SELECT * FROM databricks_account.oauth2.nope".into(), "unknown-resource", &["nope"]),
        (
            format!("SELECT naem FROM {APPS} WHERE account_id = 'a1'"),
            "unknown-column",
            &["naem", "did you mean `name`?"],
        ),
        (
            apps(""),
            "missing-param",
            &["account_id", "published_app_integration_get", "published_app_integration_list"],
        ),
        (apps(" WHERE account_id > 'a'"), "missing-param", &["account_id"]),
        (
            apps(" WHERE account_id = 'a1' AND page_size = 'many'"),
            "bad-param-value",
            &["page_size", "a whole number"],
        ),
        (apps(" WHERE account_id = ''"), "bad-param-value", &["account_id"]),
        (apps(" WHERE account_id = '../../x'"), "bad-param-value", &["account_id"]),
        (
            apps(" WHERE account_id = '{{ account }}' AND name = '{{ other }}'"),
            "unset-variable",
            &["account", "other"],
        ),
        ("SELECT nofunction(1)".into(), "unknown-function", &["nofunction"]),
        ("SET nope = 1".into(), "unknown-setting", &["nope"]),
    ];
    for (sql, code, parts) in cases {
        exec(&["--sandbox", &sql]).refused(code, 2, parts);
    }
}

#[test]
fn command_lines_that_are_wrong_end_with_2() {
    for arguments in
        [&["--nope", "SELECT 1"][..], &["-o", "nope", "SELECT 1"], &["SELECT 1", "-i", "x.sql"]]
    {
        let ended = exec(arguments);
        assert_eq!((ended.exit, ended.out.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.err.contains("error: "), "{ended:?}");
    }
    exec(&["--sandbox=nope=1", "SELECT 1"]).refused("usage", 2, &["nope", "the options are"]);
    exec(&["--sandbox=page-size=0", "SELECT 1"]).refused("usage", 2, &["page-size"]);
    exec(&["--endpoint", "nope", "SELECT 1"]).refused("usage", 2, &["--endpoint"]);
    exec(&["--endpoint", "a=nope", "SELECT 1"]).refused("usage", 2, &["nope"]);
    exec(&["--timeout", "soon", "SELECT 1"]).refused("usage", 2, &["soon"]);
    exec(&["--param", "x", "SELECT 1"]).refused("usage", 2, &["--param"]);
    exec(&["--auth", "[1", "SELECT 1"]).refused("usage", 2, &["--auth"]);
    exec(&[]).refused("usage", 2, &["no statement"]);
}

#[test]
fn errors_are_json_when_asked_for() {
    let ended = exec(&["--error-format", "json", "--sandbox", &format!("SELECT naem FROM {APPS}")]);
    assert_eq!((ended.exit, ended.out.as_str()), (Some(2), ""), "{ended:?}");
    let report: serde_json::Value = serde_json::from_str(ended.err.trim()).expect("one object");
    assert_eq!(report["code"], "unknown-column");
    assert_eq!(report["sqlstate"], "42703");
    assert_eq!(report["labels"][0]["column"], 8);
    assert!(report["help"][0].as_str().is_some(), "{report}");
}

#[test]
fn local_files_that_cannot_be_used_end_with_11() {
    let home = Home::new();
    let folder = home.path().to_str().expect("text");
    let missing = format!("{folder}/no/such/folder/out.csv");
    home.run(&["-i", &format!("{folder}/no.sql")]).refused("local-io", 11, &["no.sql"]);
    home.run(&["-i", folder]).refused("local-io", 11, &[folder]);
    home.run(&["SELECT 1", "-f", &missing]).refused("local-io", 11, &["out.csv"]);
    home.run(&["SELECT 1", "-f", folder]).refused("local-io", 11, &[folder]);
    home.run(&["SELECT 1", "--vars", &format!("{folder}/no.yaml")]).refused(
        "local-io",
        11,
        &["no.yaml"],
    );
    home.run(&["SELECT 1", &format!("--http-log={missing}")]).refused("local-io", 11, &["out.csv"]);
    let no_text = home.write("bad.sql", [0xff, 0xfe, 0x00]);
    home.run(&["-i", &no_text]).refused("local-io", 11, &["bad.sql"]);
    home.write("config/strataql/config.toml", "nope = 1\n");
    home.run(&["SELECT 1"]).refused("config", 11, &["nope", "config.toml:1"]);
}

/// Places where even the superuser cannot write.
#[cfg(target_os = "linux")]
#[test]
fn a_home_without_write_permission_is_enough_for_reading() {
    let home = Home::new();
    let ended = Ended::of(
        home.exec()
            .args([
                "--sandbox",
                "-o",
                "text",
                &format!("SELECT count(*) FROM {APPS} WHERE account_id = 'a1'"),
            ])
            .env("HOME", "/proc/self")
            .env("STRATAQL_HOME", "/proc/self/data")
            .env("XDG_CACHE_HOME", "/proc/self/cache")
            .env("XDG_CONFIG_HOME", "/proc/self/config")
            .output()
            .expect("starts"),
    );
    assert_eq!(ended.success(), "7\n");
    home.run(&["SELECT 1", "-f", "/proc/self/out.csv"]).refused(
        "local-io",
        11,
        &["/proc/self/out.csv"],
    );
    let full = std::fs::File::options().write(true).open("/dev/full").expect("there");
    let mut command = home.exec();
    command.args(["-o", "csv", "SELECT 1"]).stdout(full).stderr(Stdio::piped());
    Ended::of(command.output().expect("starts")).refused("local-io", 11, &[]);
}

#[test]
fn without_credentials_nothing_is_sent() {
    let listed = format!("SELECT name FROM {APPS} WHERE account_id = 'a1'");
    exec(&[&listed]).refused("no-credential", 4, &["databricks_account", "DATABRICKS_CLIENT_ID"]);
    let auth =
        r#"{"databricks_account": {"type": "bearer", "credentialsenvvar": "NO_SUCH_VARIABLE"}}"#;
    exec(&["--auth", auth, &listed]).refused("no-credential", 4, &["NO_SUCH_VARIABLE"]);
}

/// A sandbox in this process that processes reach with `--endpoint`.
struct Remote {
    world: World,
    home: Home,
}

impl Remote {
    async fn new(scenario: &str) -> Self {
        let scenario = Scenario::parse(scenario, "scenario").expect("a valid scenario");
        let options = Options { scenario: Some(scenario), ..Options::default() };
        let world = World::with(options, NetSettings::default()).await.expect("starts");
        Self { world, home: Home::new() }
    }

    /// Runs a statement of the provider `market` against an address.
    fn run_at(&self, url: &str, arguments: &[&str]) -> Ended {
        let documents = strataql_e2e::folder().join("documents");
        let output = self
            .home
            .exec()
            .args(["--registry", &format!("file:{}", documents.display())])
            .args(["--endpoint", &format!("market={url}")])
            .args(arguments)
            .env("MARKET_TOKEN", "sandbox-token")
            .env("OPS_CLIENT_SECRET", CANARY)
            .output();
        Ended::of(output.expect("starts"))
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.run_at(&self.world.sandbox.url(), arguments)
    }
}

/// Six events on three pages, with faults.
fn events(faults: &str) -> String {
    format!("rows: 6\npage_size: 2\nfaults:\n{faults}")
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_refused_end_with_the_exit_code_of_their_cause() {
    for (fault, code, exit) in [
        ("status: 401", "credential-refused", 4),
        ("status: 403", "credential-refused", 4),
        ("status: 404", "remote-missing", 3),
        ("status: 409", "remote-conflict", 3),
        ("status: 422", "remote-rejected", 3),
        ("status: 500", "remote-unavailable", 5),
        ("kind: html", "unexpected-body", 3),
        ("kind: half", "unexpected-body", 3),
        ("kind: error_200", "unexpected-body", 3),
        ("kind: other_object", "unexpected-body", 3),
        ("kind: null", "unexpected-body", 3),
        ("kind: empty", "unexpected-body", 3),
        ("kind: repeat_token", "page-loop", 3),
        ("kind: cross_origin_link", "cross-origin", 3),
    ] {
        let remote = Remote::new(&events(&format!("- {{page: 2, {fault}}}"))).await;
        // what is printed at the end prints nothing
        remote.run(&["-o", "json", EVENTS]).refused(code, exit, &[]);
        // what streams has sent the first page, says so and fails all the same
        let ended = remote.run(&["-o", "jsonl", EVENTS]);
        ended.failed(code, exit, &[]);
        assert!(ended.out.lines().count() <= 4, "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_that_waits_prints_nothing_of_a_broken_list() {
    let remote = Remote::new(&events("- {page: 3, status: 403}")).await;
    for format in ["table", "markdown", "json", "arrow", "parquet"] {
        remote.run(&["-o", format, EVENTS]).refused("credential-refused", 4, &["answered 403"]);
        let file = remote.home.path().join("out");
        let name = file.to_str().expect("text");
        remote.run(&["-o", format, "-f", name, EVENTS]).refused("credential-refused", 4, &[]);
        assert!(!file.exists(), "{format}");
    }
    let file = remote.home.path().join("out.csv");
    remote.run(&["-o", "csv", "-f", file.to_str().expect("text"), EVENTS]).refused(
        "credential-refused",
        4,
        &[],
    );
    assert!(!file.exists(), "a streaming format leaves no part of a file either");
    let left: Vec<_> = std::fs::read_dir(remote.home.path()).expect("readable").flatten().collect();
    assert!(
        left.iter().all(|entry| !entry.file_name().to_string_lossy().contains("out")),
        "{left:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_connections_are_repeated_and_then_reported() {
    let remote = Remote::new(&events("- {page: 2, kind: reset}")).await;
    remote.run(&[EVENTS]).refused(
        "remote-unavailable",
        5,
        &["https://api.market.example.com/events"],
    );
    assert!(remote.world.sandbox.requests() >= 4, "reads are repeated");
    let remote = Remote::new(&events("- {page: 2, kind: truncate}")).await;
    remote.run(&[EVENTS]).refused("remote-unavailable", 5, &["cut off"]);
    let remote = Remote::new(&events("- {page: 1, status: 503}")).await;
    remote.run(&[EVENTS]).refused("remote-unavailable", 5, &["503", "3 attempts"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_and_endless_answers_end() {
    for fault in ["kind: stall", "status: 429"] {
        let remote = Remote::new(&events(&format!("- {{page: 2, {fault}}}"))).await;
        let started = Instant::now();
        remote.run(&["--timeout", "700ms", EVENTS]).refused("timeout", 5, &["700 ms"]);
        assert!(started.elapsed() < Duration::from_secs(5), "{fault}");
    }
    let remote = Remote::new(&events("- {kind: endless}")).await;
    remote.run(&["--timeout", "700ms", EVENTS]).refused("timeout", 5, &[]);
    let remote = Remote::new(&events("- {page: 2, kind: endless_body}")).await;
    remote.run(&["--timeout", "60s", EVENTS]).refused(
        "response-too-large",
        3,
        &["268435456 bytes"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_are_not_there_or_speak_no_tls_end_with_5() {
    let remote = Remote::new("rows: 1").await;
    let closed = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port");
    remote.run_at(&format!("http://{closed}"), &[EVENTS]).refused(
        "remote-unavailable",
        5,
        &["refused", "https://api.market.example.com/events", &format!("http://{closed}")],
    );
    let plain = remote.world.sandbox.url().replace("http://", "https://");
    remote.run_at(&plain, &[EVENTS]).refused("tls-failed", 5, &["encrypted"]);
    assert_eq!(remote.world.sandbox.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_http_log_and_errors_hold_no_secret() {
    let remote = Remote::new(&events("- {page: 2, status: 403}")).await;
    // `Ended` looks for the token in both streams
    remote.run(&["--http-log", EVENTS]).refused("credential-refused", 4, &["> GET"]);
    let file = remote.home.path().join("log.txt");
    remote.run(&[&format!("--http-log={}", file.display()), EVENTS]).refused(
        "credential-refused",
        4,
        &[],
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).expect("written").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "nobody else reads what services answer");
    }
    let log = std::fs::read_to_string(file).expect("written");
    assert!(log.contains("> GET") && log.contains("403"), "{log}");
    assert!(!log.contains("sandbox-token"), "{log}");
}

#[test]
fn a_canary_in_the_environment_never_leaves_the_machine() {
    let home = Home::new();
    let names = ["HOST", "TOKEN", "CLIENT_ID", "CLIENT_SECRET", "ACCOUNT_ID"]
        .map(|name| format!("DATABRICKS_{name}"));
    let run = |command: &mut Command| {
        let proxies = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"]
            .map(|name| (name, format!("http://{CANARY}:1")));
        Ended::of(
            command
                .envs(names.iter().map(|name| (name, CANARY)))
                .envs(proxies)
                .output()
                .expect("starts"),
        )
    };
    let sql = format!("SELECT name FROM {APPS} WHERE account_id = 'a1'");
    let ended = run(home.exec().args(["--sandbox", "--http-log", &sql]));
    assert!(ended.err.contains("> GET"), "the log is there: {ended:?}");
    assert_eq!(ended.exit, Some(0), "{ended:?}");
    // with them, and a server that is not there
    let closed = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port");
    let endpoint = format!("databricks_account=http://{closed}");
    run(home.exec().args(["--endpoint", &endpoint, "--http-log", &sql])).refused(
        "remote-unavailable",
        5,
        &[],
    );
}
