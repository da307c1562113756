//! Stacks: plan, build, change outside, drift, test, teardown, against one server.
//!
//! Owns: the example stacks of `examples/deploy`, in both forms; `goldens/deploy-*.txt` have what the
//! commands print.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

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
async fn the_native_example_lives_and_ends() {
    whole_life("native").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_with_query_files_lives_and_ends() {
    whole_life("legacy").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_applied_as_it_was_seen_or_not_at_all() {
    let cache = tempfile::tempdir().expect("a folder");
    let place = Place::new("native", cache.path(), "").await;
    place.ends("plan", &["--out", "first.json"], 2);
    let applied = place.run(&["deploy", "apply", "first.json"]);
    assert_eq!(applied.exit, Some(0), "{applied:?}");
    place.ends("plan", &["--out", "second.json"], 0);

    // changed outside after the plan was made
    place.exec("UPDATE databricks_account.oauth2.account_federation_policy SET description = 'one' WHERE account_id = 'a1' AND policy_id = 'ci-dev'");
    place.ends("plan", &["--out", "third.json"], 2);
    place.exec("UPDATE databricks_account.oauth2.account_federation_policy SET description = 'two' WHERE account_id = 'a1' AND policy_id = 'ci-dev'");
    let writes = place.writes();
    for (file, why) in
        [("second.json", "`ci` was changed after"), ("third.json", "`ci` was changed after")]
    {
        let refused = place.run(&["deploy", "apply", file]);
        assert_eq!(refused.exit, Some(1), "{refused:?}");
        assert!(
            refused.err.contains(why) && refused.err.contains("= help: make a new plan"),
            "{refused:?}"
        );
    }
    let edited = std::fs::read_to_string(place.home.path().join("third.json")).expect("a plan");
    place.home.write("edited.json", edited.replace("\"update\"", "\"replace\""));
    let refused = place.run(&["deploy", "apply", "edited.json"]);
    assert!(refused.err.contains("the file was changed after it was written"), "{refused:?}");
    place.home.write("none.json", "{}");
    let refused = place.run(&["deploy", "apply", "none.json"]);
    assert!(refused.err.contains("is no plan"), "{refused:?}");
    let manifest = place.home.path().join("native/stackql_manifest.yml");
    let text = std::fs::read_to_string(&manifest).expect("readable");
    std::fs::write(&manifest, text.replace("7776000s", "86400s")).expect("writable");
    let refused = place.run(&["deploy", "apply", "third.json"]);
    assert!(refused.err.contains("the manifest or a query file was changed"), "{refused:?}");
    assert_eq!(place.writes(), writes, "nothing was sent");
    place.server.shutdown().await;
}

fn is_full() -> bool {
    std::env::var_os("STRATAQL_FULL").is_some_and(|value| value == "1")
}

/// Runs a command of the stack and kills it when the server stands still.
fn killed(place: &Place, verb: &str) {
    let mut child = place.command(&["deploy", verb, &place.stack, "dev"]).spawn().expect("starts");
    let started = Instant::now();
    let mut has_ended = false;
    while !place.server.is_held() && !has_ended {
        assert!(started.elapsed() < Duration::from_mins(1), "the point is not reached");
        std::thread::sleep(Duration::from_millis(1));
        has_ended = child.try_wait().expect("a child").is_some();
    }
    let _ended = child.kill();
    let output = child.wait_with_output().expect("ends");
    assert!(place.server.is_held(), "{}", String::from_utf8_lossy(&output.stderr));
    place.server.release();
}

fn hold(method: &str, when: &str) -> String {
    format!("faults:\n- {{method: {method}, request: 1, kind: hold, when: {when}}}\n")
}

/// Some of the points, or all of them.
fn points<'m>(methods: &[&'m str]) -> Vec<(&'m str, &'static str)> {
    let whens: &[&str] =
        if is_full() { &["before", "after", "answered"] } else { &["before", "after"] };
    let step = if is_full() { 1 } else { 4 };
    let all = methods.iter().step_by(step);
    all.flat_map(|method| whens.iter().map(move |when| (*method, *when))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_build_is_gone_on_with_or_taken_back() {
    let cache = tempfile::tempdir().expect("a folder");
    for (method, when) in points(&CREATES) {
        for verb in ["resume", "rollback"] {
            let place = Place::new("native", cache.path(), &hold(method, when)).await;
            killed(&place, "build");
            let point = format!("{method} {when} {verb}");
            if verb == "resume" {
                place.ends("resume", &[], 0);
                place.ends("plan", &[], 0);
                for create in CREATES {
                    let done = place.requests(|entry| {
                        entry.method.as_deref().is_some_and(|name| name.ends_with(create))
                            && entry.status.is_some_and(|status| status < 300)
                    });
                    assert!(done <= 1, "{point}: {create} was done {done} times");
                }
            } else {
                let logs = place.objects().contains(&"logs audit-dev".to_owned());
                let ended = place.ends("rollback", &[], if logs { 4 } else { 0 });
                // the rest is named, and there is no other
                assert_eq!(
                    ended.err.contains("not rolled back: `audit_logs` (create)"),
                    logs,
                    "{point}: {ended:?}"
                );
                let left: &[&str] = if logs { &["logs audit-dev"] } else { &[] };
                assert_eq!(place.objects(), left, "{point}");
            }
            place.server.shutdown().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_teardown_is_gone_on_with_or_taken_back() {
    let cache = tempfile::tempdir().expect("a folder");
    for (method, when) in points(&DELETES) {
        for verb in ["resume", "rollback"] {
            let place = Place::new("native", cache.path(), &hold(method, when)).await;
            place.ends("build", &[], 0);
            let all = place.objects();
            killed(&place, "teardown");
            if verb == "resume" {
                place.ends("resume", &[], 0);
                assert_eq!(place.objects(), ["logs audit-dev"], "{method} {when}");
            } else {
                place.ends("rollback", &[], 0);
                assert_eq!(place.objects(), all, "{method} {when}");
            }
            place.server.shutdown().await;
        }
    }
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

#[test]
fn the_block_of_a_documentation_page_says_what_it_needs() {
    let page =
        std::fs::read_to_string(strataql_e2e::folder().join("seed/published_app_integration.mdx"))
            .expect("the page");
    let block =
        page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block");
    let home = Home::new();
    // as it stands, it is no manifest
    home.write("alone/stackql_manifest.yml", block);
    let ended = reference_tool(&home, &["lint", "alone"]);
    assert_eq!(ended.exit, Some(1), "{ended:?}");
    for part in [
        "the file is a list of resources, not a manifest",
        "put the list below `resources:`",
        "`app_id` of `published_app_integration` needs a value in place of the type `string`",
    ] {
        assert!(ended.err.contains(part), "{part}: {ended:?}");
    }
    // below `resources:`
    let indented: String = block.lines().flat_map(|line| ["  ", line, "\n"]).collect();
    let manifest = format!("name: s\nproviders: [databricks_account]\nresources:\n{indented}");
    home.write("pasted/stackql_manifest.yml", &manifest);
    let ended = reference_tool(&home, &["lint", "pasted"]);
    assert_eq!(ended.exit, Some(1), "{ended:?}");
    for part in [
        "the prop `account_id` of `published_app_integration` has the type `string` in place of a value",
        "the prop `token_access_policy` of `published_app_integration` has the type `object`",
        "--> pasted/stackql_manifest.yml:7",
        "`resource: provider.service.published_app_integration` needs none",
    ] {
        assert!(ended.err.contains(part), "{part}: {ended:?}");
    }
    // filled in as the hints say
    let filled = manifest
        .replacen("value: string", "value: a1", 1)
        .replacen("value: string", "value: power-bi", 1)
        .replacen("value: integer", "value: 1440", 1)
        .replacen("value: integer", "value: 60", 1)
        .replacen("value: boolean", "value: true", 1)
        .replacen("value: integer", "value: 10080", 1)
        .replacen(
            "- name: published_app_integration\n",
            "- name: published_app_integration\n    resource: databricks_account.oauth2.published_app_integration\n",
            1,
        );
    home.write("filled/stackql_manifest.yml", &filled);
    home.write("empty.yaml", EMPTY);
    let ended = reference_tool(&home, &["lint", "filled"]);
    assert_eq!(ended.exit, Some(0), "{ended:?}");
    let sandbox = "--sandbox=scenario=empty.yaml,state=state.json";
    for (verb, exit) in
        [("plan", 2), ("build", 0), ("plan", 0), ("test", 0), ("teardown", 0), ("plan", 2)]
    {
        let ended = reference_tool(&home, &[verb, "filled", "dev", sandbox]);
        assert_eq!(ended.exit, Some(exit), "{verb}: {ended:?}");
        if verb == "plan" && exit == 2 {
            assert!(ended.out.contains("\"enable_single_use_refresh_tokens\":true"), "{ended:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_resources_are_found_in_lists() {
    let cache = tempfile::tempdir().expect("a folder");
    let place = Place::new("native", cache.path(), "").await;
    let entry = |n: usize| {
        format!(
            "  - name: app{n}\n    resource: databricks_account.oauth2.custom_app_integration\n    props: [{{name: account_id, value: a1}}, {{name: name, value: app{n}}}, {{name: confidential, value: true}}]\n"
        )
    };
    let entries: String = (0..500).map(entry).collect();
    place.home.write(
        "native/stackql_manifest.yml",
        format!("name: many\nproviders: [databricks_account]\nresources:\n{entries}"),
    );
    place
        .run(&[
            "exec",
            "--max-writes",
            "500",
            "INSERT INTO databricks_account.oauth2.custom_app_integration (account_id, name, confidential)
             SELECT 'a1', 'app' || value, true FROM generate_series(0, 499)",
        ])
        .success();
    let before = place.requests(|_| true);
    place.ends("plan", &[], 0);
    let requests = place.requests(|_| true) - before;
    assert!(requests <= 25, "{requests} requests for 500 resources");
    place.server.shutdown().await;
}
