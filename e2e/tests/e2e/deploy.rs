//! Stacks: plan, build, change outside, drift, test, teardown, against one server.
//!
//! Owns: the example stacks of `examples/deploy`; `goldens/deploy-*.txt` have what the commands print.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use strataql_e2e::registry;
use strataql_sandbox::{LogEntry, Options, ProviderSource, Sandbox, Scenario};

use crate::process::{Ended, Home};
use crate::slt::setting;

const PROVIDER: &str = "databricks_account";

/// Nothing is there in the beginning.
const EMPTY: &str = "parents: {account_id: [a1]}
objects:
  databricks_account.iam.account_service_principals: []
  databricks_account.oauth2.service_principal_secrets: []
  databricks_account.oauth2.custom_app_integration: []
  databricks_account.oauth2.published_app_integration: []
  databricks_account.oauth2.account_federation_policy: []
  databricks_account.billing.log_delivery: []
  databricks_account.billing.budgets: []
";

/// The methods that create the objects of the example, in the order of the manifest.
const CREATES: [&str; 7] = [
    "account_service_principals_v2_create",
    "service_principal_secrets_create",
    "custom_app_integration_create",
    "published_app_integration_create",
    "account_federation_policy_create",
    "log_delivery_create",
    "budgets_create",
];

/// The methods that delete them again; log delivery cannot be deleted.
const DELETES: [&str; 6] = [
    "budgets_delete",
    "account_federation_policy_delete",
    "published_app_integration_delete",
    "custom_app_integration_delete",
    "service_principal_secrets_delete",
    "account_service_principals_v2_delete",
];

/// A stack, a server, and a home for the command.
struct Place {
    home: Home,
    cache: PathBuf,
    server: Sandbox,
    stack: String,
}

async fn server(more: &str) -> Sandbox {
    let registry = registry().expect("documents");
    let provider = registry.provider(PROVIDER).expect("known").as_ref().clone();
    let loader = std::sync::Arc::new(move |service: &str| registry.service(PROVIDER, service));
    let scenario = Scenario::parse(&format!("{EMPTY}{more}"), "scenario.yaml").expect("valid");
    let options = Options { scenario: Some(scenario), ..Options::default() };
    Sandbox::start(vec![ProviderSource::lazy(provider, loader)], options).await.expect("starts")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("writable");
    for entry in std::fs::read_dir(from).expect("readable") {
        let entry = entry.expect("readable");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), &to).expect("writable");
        }
    }
}

impl Place {
    /// A copy of an example, beside a server with more of a scenario.
    async fn new(example: &str, cache: &Path, more: &str) -> Self {
        let home = Home::new();
        let from = strataql_e2e::folder().join("../examples/deploy").join(example);
        copy(&from, &home.path().join(example));
        Self {
            home,
            cache: cache.to_owned(),
            server: server(more).await,
            stack: example.to_owned(),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(strataql_e2e::binary());
        command
            .env_clear()
            .current_dir(self.home.path())
            .env("HOME", self.home.path())
            .env("STRATAQL_HOME", self.home.path().join("data"))
            .env("XDG_CACHE_HOME", &self.cache)
            .env("DATABRICKS_ACCOUNT_ID", "a1")
            .env("DATABRICKS_CLIENT_ID", "sandbox-client")
            .env("DATABRICKS_CLIENT_SECRET", "sandbox-secret")
            .args(arguments)
            .args(["--endpoint", &format!("{PROVIDER}={}", self.server.url())])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.command(arguments).output().expect("starts"))
    }

    /// A command of the stack.
    fn deploy(&self, verb: &str, more: &[&str]) -> Ended {
        let mut arguments = vec!["deploy", verb, &self.stack, "dev"];
        arguments.extend(more);
        self.run(&arguments)
    }

    /// The same; its exit code is this.
    #[track_caller]
    fn ends(&self, verb: &str, more: &[&str], exit: i32) -> Ended {
        let ended = self.deploy(verb, more);
        assert_eq!(ended.exit, Some(exit), "{verb} {more:?}\n{}\n{}", ended.out, ended.err);
        ended
    }

    #[track_caller]
    fn exec(&self, sql: &str) -> String {
        self.run(&["exec", "-o", "csv", sql]).success()
    }

    fn requests(&self, is_wanted: impl Fn(&LogEntry) -> bool) -> usize {
        self.server.log().iter().filter(|entry| !entry.auth && is_wanted(entry)).count()
    }

    fn writes(&self) -> usize {
        self.requests(|entry| entry.verb != "GET")
    }

    /// The names of all objects of the stack that are there.
    fn objects(&self) -> Vec<String> {
        let sql = "SELECT 'principal ' || \"displayName\" AS o FROM databricks_account.iam.account_service_principals WHERE account_id = 'a1'
            UNION ALL SELECT 'app ' || name FROM databricks_account.oauth2.custom_app_integration WHERE account_id = 'a1'
            UNION ALL SELECT 'published ' || app_id FROM databricks_account.oauth2.published_app_integration WHERE account_id = 'a1'
            UNION ALL SELECT 'policy ' || policy_id FROM databricks_account.oauth2.account_federation_policy WHERE account_id = 'a1'
            UNION ALL SELECT 'logs ' || config_name FROM databricks_account.billing.log_delivery WHERE account_id = 'a1'
            UNION ALL SELECT 'budget ' || display_name FROM databricks_account.billing.budgets WHERE account_id = 'a1'
            ORDER BY o";
        self.exec(sql).lines().skip(1).map(str::to_owned).collect()
    }
}

/// The text without what differs between runs.
fn steady(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let line = match line.split_once(" stackql_deploy] ") {
            Some((head, rest)) => {
                format!("[{} stackql_deploy] {rest}", head.rsplit(' ').next().unwrap_or_default())
            }
            None => line.to_owned(),
        };
        let words: Vec<String> = line
            .split(' ')
            .map(|word| {
                let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
                let is_id = bare.len() == 36 && bare.matches('-').count() == 4;
                let is_time = bare.len() > 2
                    && bare.ends_with('s')
                    && bare[..bare.len() - 1].chars().all(|c| c.is_ascii_digit() || c == '.');
                match (is_id, is_time) {
                    (true, _) => word.replace(bare, "(id)"),
                    (_, true) => word.replace(bare, "(time)"),
                    _ => word.to_owned(),
                }
            })
            .collect();
        lines.push(words.join(" "));
    }
    lines.join("\n") + "\n"
}

fn golden(name: &str, text: &str) {
    let path = strataql_e2e::folder().join("goldens").join(name);
    if setting("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, text).expect("writable");
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name}");
}

async fn whole_life(example: &str) {
    let cache = tempfile::tempdir().expect("a folder");
    let place = Place::new(example, cache.path(), "").await;
    let mut shown = String::new();
    let mut show = |what: &str, ended: &Ended| {
        let text = format!(
            "$ strataql deploy {what}\n{}{}exit code {}\n\n",
            steady(&ended.err),
            steady(&ended.out),
            ended.exit.unwrap_or(-1)
        );
        shown.push_str(&text);
    };
    show("lint", &place.ends("lint", &[], 0));
    assert_eq!(place.requests(|_| true), 0, "lint asks nothing");

    show("plan", &place.ends("plan", &[], 2));
    assert_eq!(place.writes(), 0, "a plan writes nothing");
    show("build", &place.ends("build", &["--output-file", "out.json"], 0));
    assert_eq!(place.writes(), CREATES.len());
    let outputs = std::fs::read_to_string(place.home.path().join("out.json")).expect("exports");
    let outputs: serde_json::Value = serde_json::from_str(&outputs).expect("JSON");
    assert!(outputs["client_id"].as_str().is_some_and(|id| id.len() > 8), "{outputs}");
    assert_eq!(outputs["stack_env"], "dev");
    show("plan", &place.ends("plan", &[], 0));
    show("build", &place.ends("build", &[], 0));
    show("test", &place.ends("test", &["--junit", "tests.xml"], 0));
    assert_eq!(place.writes(), CREATES.len(), "nothing is written twice");

    let app = place.exec("SELECT integration_id FROM databricks_account.oauth2.custom_app_integration WHERE account_id = 'a1'");
    let app = app.lines().nth(1).expect("one");
    place.exec(&format!("UPDATE databricks_account.oauth2.custom_app_integration SET redirect_urls = JSON('[\"https://elsewhere.example.com/cb\"]') WHERE account_id = 'a1' AND integration_id = '{app}'"));
    place.exec("UPDATE databricks_account.oauth2.account_federation_policy SET description = 'changed by hand' WHERE account_id = 'a1' AND policy_id = 'ci-dev'");
    let before = place.writes();
    show("drift", &place.ends("drift", &[], 2));
    show("test", &place.ends("test", &[], 1));
    assert_eq!(place.writes(), before);
    show("build", &place.ends("build", &[], 0));
    assert_eq!(place.writes(), before + 2, "two objects were changed");
    place.ends("plan", &[], 0);
    place.ends("test", &[], 0);

    show("teardown", &place.ends("teardown", &[], 0));
    assert_eq!(place.writes(), before + 2 + DELETES.len());
    assert_eq!(place.objects(), ["logs audit-dev"], "log delivery cannot be deleted");
    show("teardown", &place.ends("teardown", &[], 0));
    assert_eq!(place.writes(), before + 2 + DELETES.len());
    golden(&format!("deploy-{example}.txt"), &shown);
    place.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_with_query_files_lives_and_ends() {
    whole_life("legacy").await;
}

/// The program under the name of the reference tool.
fn reference_tool(home: &Home, arguments: &[&str]) -> Ended {
    let link = home.path().join("stackql-deploy");
    if !link.exists() {
        std::os::unix::fs::symlink(strataql_e2e::binary(), &link).expect("a link");
    }
    let mut command = Command::new(link);
    command
        .env_clear()
        .current_dir(home.path())
        .env("HOME", home.path())
        .env("FROM_SHELL", "shell")
        .args(arguments);
    Ended::of(command.output().expect("starts"))
}

#[test]
fn the_command_line_of_the_reference_tool() {
    let home = Home::new();
    home.write(
        "s/stackql_manifest.yml",
        "version: 1\nname: small\nproviders: [databricks_account]\nglobals:\n  - {name: a, value: '{{ A }}'}\n  - {name: b, value: '{{ FROM_FILE }}'}\n  - {name: c, value: '{{ FROM_SHELL }}'}\nresources:\n  - name: q\n    type: query\n    sql: SELECT '{{ a }}' AS v, '{{ b }}' AS w, '{{ c }}' AS x\n    exports: [v, w, x]\nexports: [v, w, x]\n",
    );
    home.write(".env", "FROM_FILE=file\n");
    let sandbox = "--sandbox";
    let commands: [&[&str]; 9] = [
        &["build", "s", "dev", "-e", "A=1", sandbox],
        &[
            "build",
            "s",
            "dev",
            "--env",
            "A=1",
            "--env-file",
            ".env",
            "--log-level",
            "DEBUG",
            sandbox,
        ],
        &["--port", "5444", "--server", "localhost", "build", "s", "dev", "-e", "A=1", sandbox],
        &["build", "s", "dev", "-e", "A=1", "-p", "5444", "-H", "localhost", sandbox],
        &["build", "s", "dev", "-e", "A=1", "--on-failure", "rollback", "--show-queries", sandbox],
        &[
            "build",
            "s",
            "dev",
            "-e",
            "A=1",
            "--download-dir",
            "here",
            "--log-level",
            "warning",
            sandbox,
        ],
        &[
            "test",
            "s",
            "dev",
            "-e",
            "A=1",
            "--output-file",
            "o.json",
            "--log-level",
            "CRITICAL",
            sandbox,
        ],
        &["teardown", "s", "dev", "-e", "A=1", "--on-failure", "ignore", sandbox],
        &["plan", "s", "dev", "-e", "A=1", sandbox],
    ];
    for arguments in commands {
        let ended = reference_tool(&home, arguments);
        assert_eq!(ended.exit, Some(0), "{arguments:?}: {ended:?}");
    }
    let outputs = std::fs::read_to_string(home.path().join("o.json")).expect("exports");
    let outputs: serde_json::Value = serde_json::from_str(&outputs).expect("JSON");
    assert_eq!(
        (&outputs["v"], &outputs["w"], &outputs["x"]),
        (&"1".into(), &"file".into(), &"shell".into())
    );
    assert_eq!((&outputs["stack_name"], &outputs["stack_env"]), (&"small".into(), &"dev".into()));
    assert!(outputs["elapsed_time"].as_str().is_some_and(|time| time.ends_with('s')));

    let ended = reference_tool(&home, &["build", "s", "dev", "-e", "A=1", "--dry-run", sandbox]);
    assert_eq!(ended.exit, Some(0), "{ended:?}");
    assert!(ended.out.contains("dry-run build complete"), "{ended:?}");
    assert!(ended.err.contains("dry run exports query for [q]"), "{ended:?}");

    for arguments in [
        ["info"].as_slice(),
        &["upgrade"],
        &["start-server", "-p", "5444"],
        &["stop-server"],
        &["completion", "bash"],
        &["--version"],
        &["init", "new_stack", "-p", "databricks_account"],
        &["lint", "new-stack"],
    ] {
        let ended = reference_tool(&home, arguments);
        assert_eq!(ended.exit, Some(0), "{arguments:?}: {ended:?}");
    }
    assert!(home.path().join("new-stack/stackql_manifest.yml").exists());
    for (arguments, exit, part) in [
        (["init", "new_stack"].as_slice(), 1, "exists already"),
        (&["build", "gone", "dev"], 1, "the manifest `gone/stackql_manifest.yml` cannot be read"),
        (&["build", "s", "dev", sandbox], 1, "globals of the manifest need `A`"),
        (&["build", "s", "dev", "--on-failure", "stop"], 2, "--on-failure"),
        (&["build"], 2, "STACK_DIR"),
        (&["build", "s", "dev", "-e", "NOTHING", sandbox], 2, "`-e NOTHING` has no value"),
        (
            &["build", "s", "dev", "-e", "A=1", "--target", "p", sandbox],
            2,
            "the stack has no resource `p`",
        ),
    ] {
        let ended = reference_tool(&home, arguments);
        assert_eq!(ended.exit, Some(exit), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(part), "{arguments:?}: {ended:?}");
    }
}
