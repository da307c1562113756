//! What is asked and sent, in which order, and what is said about it.

use serde_json::json;
use strataql_deploy::Journal;
use strataql_deploy::flow::OnFailure;
use strataql_diag::Code;

use crate::cloud::{Case, Reply, rows};

/// A query file with every anchor; statements are told apart by their first words.
const ALL: &str = "/*+ exists */\nSELECT id FROM t /* exists */ WHERE name = '{{ name }}'\n/*+ create */\nINSERT INTO t (name) SELECT '{{ name }}'\n/*+ update */\nUPDATE t SET size = 2 WHERE id = '{{ this.id }}'\n/*+ statecheck, retries=3, retry_delay=2 */\nSELECT COUNT(*) AS count FROM t /* check */ WHERE id = '{{ this.id }}'\n/*+ exports */\nSELECT id, size FROM t /* exports */ WHERE id = '{{ this.id }}'\n/*+ delete */\nDELETE FROM t WHERE id = '{{ this.id }}'\n";

/// A stack of one resource.
fn one(entry: &str, file: &str, table: Vec<(&'static str, Vec<Reply>)>) -> Case {
    let manifest = format!(
        "name: s\nproviders: [aws]\nresources:\n  - name: r\n    props:\n      - {{name: name, value: n}}\n{entry}"
    );
    Case::new(&manifest, &[("r.iql", file)], table)
}

fn count(n: i64) -> Reply {
    rows([json!({"count": n})])
}

fn none() -> Reply {
    rows([])
}

#[test]
fn what_is_missing_is_created_and_checked() {
    let case = one(
        "    exports: [id, size]\n",
        ALL,
        vec![
            ("exists", vec![none(), rows([json!({"id": "i-1"})])]),
            ("check", vec![count(0), count(1)]),
            ("exports", vec![rows([json!({"id": "i-1", "size": 2})])]),
            ("INSERT", vec![none()]),
        ],
    );
    case.built();
    let sent = case.cloud.sent();
    let first: Vec<&str> = sent.iter().filter_map(|sql| sql.split_whitespace().next()).collect();
    assert_eq!(first, ["SELECT", "INSERT", "SELECT", "SELECT", "SELECT", "SELECT"], "{sent:?}");
    assert!(sent[3].ends_with("id = 'i-1'"), "{sent:?}");
    assert_eq!(*case.machine.waits.borrow(), [2]);
    for line in [
        "[r] does not exist",
        "creating [r]...",
        "[r] exists",
        "[r] is in the desired state",
        "successfully deployed r",
        "set variable [id] to [i-1]",
    ] {
        assert!(case.machine.told(line), "{line}: {:?}", case.machine.log);
    }
    assert!(case.machine.printed.borrow().contains("build complete"));
}

#[test]
fn what_differs_is_updated_after_one_look() {
    let case = one(
        "",
        ALL,
        vec![
            ("exists", vec![rows([json!({"id": "i-1"})])]),
            ("check", vec![count(0), count(1)]),
            ("UPDATE", vec![none()]),
        ],
    );
    case.built();
    assert_eq!(case.cloud.count("UPDATE t SET size = 2 WHERE id = 'i-1'"), 1);
    assert!(case.machine.waits.borrow().is_empty(), "a drifted resource does not wait");
    assert!(case.machine.told("updating [r]..."));
}

#[test]
fn what_is_right_is_left_alone() {
    let case = one(
        "",
        ALL,
        vec![("exists", vec![rows([json!({"id": "i-1"})])]), ("check", vec![count(1)])],
    );
    case.built();
    assert_eq!(case.cloud.sent().len(), 2);
    let case = one(
        "    skip_validation: true\n",
        ALL,
        vec![("exists", vec![rows([json!({"id": "i-1"})])])],
    );
    case.built();
    assert_eq!(case.cloud.sent().len(), 1);
}

#[test]
fn only_not_found_means_absent() {
    for (status, code) in [(400, "INVALID"), (403, "DENIED"), (429, "SLOW"), (500, "ERROR")] {
        let case = one("", ALL, vec![("exists", vec![Reply::Status(status, code)])]);
        let report = case.build().expect_err("an error");
        assert!(report.message.contains(code), "{report:?}");
        assert_eq!(case.cloud.count("INSERT"), 0, "{status} is no absence");
    }
    let case = one(
        "",
        ALL,
        vec![
            ("exists", vec![Reply::Status(404, "GONE"), rows([json!({"id": "i-1"})])]),
            ("INSERT", vec![none()]),
            ("check", vec![count(1)]),
        ],
    );
    case.built();
    assert_eq!(case.cloud.count("INSERT"), 1);
}

#[test]
fn writes_are_sent_once_unless_they_were_refused() {
    let refused = |retries: &str| {
        let file = ALL.replace("/*+ create */", &format!("/*+ create{retries} */"));
        let table = vec![("exists", vec![none()]), ("INSERT", vec![Reply::Status(400, "BAD")])];
        let case = one("", &file, table);
        case.build().expect_err("refused");
        case.cloud.count("INSERT")
    };
    assert_eq!(refused(""), 1);
    assert_eq!(refused(", retries=2"), 3);
    let file = ALL.replace("/*+ create */", "/*+ create, retries=5 */");
    let case = one("", &file, vec![("exists", vec![none()]), ("INSERT", vec![Reply::Lost])]);
    assert_eq!(case.build().expect_err("lost").code, Code::WriteOutcomeUnknown);
    assert_eq!(case.cloud.count("INSERT"), 1, "it may have happened");
}

#[test]
fn an_object_that_exists_already_is_taken() {
    let case = one(
        "",
        ALL,
        vec![
            ("exists", vec![none(), rows([json!({"id": "i-1"})])]),
            ("INSERT", vec![Reply::Status(409, "EXISTS")]),
            ("check", vec![count(1)]),
        ],
    );
    case.built();
    assert!(case.machine.told("[r] exists already, it was not created"));
}

#[test]
fn several_objects_are_an_error() {
    let two = rows([json!({"id": 1}), json!({"id": 2})]);
    for reply in [two, count(2)] {
        let case = one("", ALL, vec![("exists", vec![reply])]);
        let report = case.build().expect_err("several");
        assert!(report.message.contains("finds 2 objects, more than one resource"), "{report:?}");
        assert_eq!(report.place.as_ref().map(|place| place.line), Some(2));
    }
}

#[test]
fn what_stays_wrong_is_shown_and_fails() {
    let file = format!("{ALL}/*+ troubleshoot:create */\nSELECT why FROM events\n");
    let case = one(
        "",
        &file,
        vec![
            ("exists", vec![none(), rows([json!({"id": "i-1"})])]),
            ("INSERT", vec![none()]),
            ("check", vec![count(0)]),
            ("why", vec![rows([json!({"why": "quota"})])]),
        ],
    );
    let report = case.build().expect_err("wrong");
    assert_eq!(report.message, "deployment failed for r after post-deploy checks");
    assert_eq!(case.cloud.count("check"), 3);
    assert!(case.machine.told("quota"));
}

#[test]
fn exports_stand_for_a_check() {
    let file = "/*+ create */\nINSERT INTO t SELECT 1\n/*+ exports */\nSELECT id FROM t\n";
    let case = one(
        "    exports: [id]\n",
        file,
        vec![("SELECT id", vec![none(), rows([json!({"id": "i-1"})])]), ("INSERT", vec![none()])],
    );
    case.built();
    assert_eq!(case.cloud.sent().len(), 3, "the row of the check is the row of the exports");
    let case =
        one("    exports: [id]\n", file, vec![("SELECT id", vec![rows([json!({"id": "i"})])])]);
    case.built();
    assert_eq!(case.cloud.sent().len(), 1);
}

#[test]
fn createorupdate_asks_nothing_before() {
    let file = "/*+ createorupdate */\nREPLACE t SET a = 1\n/*+ statecheck */\nSELECT COUNT(*) AS count FROM t\n/*+ exports */\nSELECT '{{ name }}' AS id\n";
    let case = one(
        "    exports: [id]\n",
        file,
        vec![
            ("REPLACE", vec![none()]),
            ("count", vec![count(1)]),
            ("SELECT 'n'", vec![rows([json!({"id": "n"})])]),
        ],
    );
    case.built();
    assert_eq!(case.cloud.sent()[0], "REPLACE t SET a = 1");
    assert_eq!(case.cloud.sent().len(), 3);
}

#[test]
fn what_a_write_returns_has_names() {
    let file = "/*+ exists */\nSELECT id FROM t WHERE name = '{{ name }}'\n/*+ create */\nINSERT INTO t SELECT 1 RETURNING id, op\n/*+ callback:create, retries=4, retry_delay=3 */\nSELECT done AS success FROM ops WHERE id = '{{ callback.op.id }}' AND own = '{{ this.made }}'\n";
    let entry = "    return_vals:\n      create:\n        - id: made\n    exports: [made]\n    protected: [made]\n  - name: after\n    type: query\n    sql: SELECT '{{ r.made }}' '{{ callback.op.id }}' AS x\n    exports: [x]\n";
    let case = one(
        entry,
        file,
        vec![
            ("AS x", vec![rows([json!({"x": 1})])]),
            ("ops", vec![rows([json!({"success": false})]), rows([json!({"success": "true"})])]),
            ("SELECT id", vec![none(), rows([json!({"id": "secret-7"})])]),
            ("INSERT", vec![rows([json!({"id": "secret-7", "op": "{\"id\": \"op-1\"}"})])]),
        ],
    );
    case.built();
    let sent = case.cloud.sent();
    assert!(sent.contains(
        &"SELECT done AS success FROM ops WHERE id = 'op-1' AND own = 'secret-7'".to_owned()
    ));
    assert_eq!(sent.last().map(String::as_str), Some("SELECT 'secret-7' 'op-1' AS x"));
    assert_eq!(*case.machine.waits.borrow(), [3]);
    assert!(case.machine.told("set protected variable [made]"));
    assert!(!case.machine.log.borrow().concat().contains("secret-7"));
}

#[test]
fn a_value_that_was_not_returned_is_an_error() {
    let file = ALL.replace("SELECT '{{ name }}'", "SELECT '{{ name }}' RETURNING other");
    let case = one(
        "    return_vals: {create: [id]}\n",
        &file,
        vec![("exists", vec![none()]), ("INSERT", vec![rows([json!({"other": 1})])])],
    );
    let report = case.build().expect_err("missing");
    assert!(report.message.contains("did not return `id`"), "{report:?}");
}

#[test]
fn callbacks_end_at_a_short_circuit_and_at_a_failure() {
    let file = |options: &str| {
        format!(
            "/*+ exists */\nSELECT id FROM t\n/*+ create */\nINSERT INTO t SELECT 1 RETURNING op\n/*+ callback:create, retries=9{options} */\nSELECT state, 0 AS success FROM ops\n"
        )
    };
    let table = |state: &'static str| {
        vec![
            ("ops", vec![rows([json!({"state": state, "success": 0})])]),
            ("SELECT id", vec![none(), rows([json!({"id": 1})])]),
            ("INSERT", vec![rows([json!({"op": {"status": "SUCCESS"}})])]),
        ]
    };
    let short = ", short_circuit_field=op.status, short_circuit_value=SUCCESS";
    let case = one("", &file(short), table("x"));
    case.built();
    assert_eq!(case.cloud.count("ops"), 0);
    let case = one("", &file(", fail_when=state = 'FAILED'"), table("FAILED"));
    let report = case.build().expect_err("failed");
    let message = "`callback:create` of `r` has failed: `state = 'FAILED'`";
    assert_eq!(report.message, message, "{report:?}");
    assert_eq!(case.cloud.count("ops"), 1);
    let case = one("", &file(""), table("x"));
    assert!(case.build().expect_err("slow").message.contains("after 10 attempts"));
}

#[test]
fn polling_goes_on_until_a_row_is_as_it_is_waited_for() {
    let file = |options: &str| {
        format!(
            "/*+ exists */\nSELECT id FROM t\n/*+ create */\nINSERT INTO t SELECT 1\n/*+ statecheck, {options} */\nSELECT state FROM t /* check */\n"
        )
    };
    let table = |states: &[&'static str]| {
        let check = states.iter().map(|state| rows([json!({"state": state})])).collect();
        vec![
            ("check", check),
            ("SELECT id", vec![none(), rows([json!({"id": 1})])]),
            ("INSERT", vec![none()]),
        ]
    };
    let pauses = "retries=9, retry_delay=1, backoff=2, max_delay=3";
    let options = format!("{pauses}, until=state = 'READY'");
    let case = one("", &file(&options), table(&["NEW", "NEW", "NEW", "READY"]));
    case.built();
    assert_eq!(*case.machine.waits.borrow(), [1, 2, 3]);

    let case = one("", &file("timeout=5, retry_delay=2, until=state = 'READY'"), table(&["NEW"]));
    assert!(case.build().is_err(), "it is never ready");
    assert_eq!(*case.machine.waits.borrow(), [2, 2]);

    let options = format!("{pauses}, until=state = 'READY', fail_when=state = 'BROKEN'");
    let case = one("", &file(&options), table(&["NEW", "BROKEN"]));
    let report = case.build().expect_err("broken");
    assert!(report.message.contains("has failed: `state = 'BROKEN'`"), "{report:?}");
    assert_eq!(case.cloud.count("check"), 2);
}

#[test]
fn an_object_that_is_not_ready_is_there() {
    // it is neither created again nor taken for gone
    let file = "/*+ exists, retries=2, retry_delay=1, until=state = 'READY' */\nSELECT id, state FROM t\n/*+ create */\nINSERT INTO t SELECT 1\n/*+ delete */\nDELETE FROM t\n";
    let there = || rows([json!({"id": 1, "state": "NEW"})]);
    let case = one("", file, vec![("SELECT", vec![there()]), ("INSERT", vec![none()])]);
    case.built();
    assert_eq!(case.cloud.count("INSERT"), 0);
}

#[test]
fn several_statements_of_a_multi_may_be_refused() {
    let file = "/*+ exists */\nSELECT COUNT(*) AS count FROM t\n/*+ create */\n{% for i in range(2) %}INSERT INTO t SELECT {{ i }};\n{% endfor %}\n";
    let case = one(
        "    type: multi\n",
        file,
        vec![("count", vec![count(0), count(1)]), ("INSERT", vec![Reply::Status(400, "SOME")])],
    );
    case.built();
    assert_eq!(case.cloud.sent()[1].trim_end(), "INSERT INTO t SELECT 0;\nINSERT INTO t SELECT 1;");
    assert!(case.machine.told("SOME"));
}

#[test]
fn commands_and_scripts_run_once() {
    let manifest = "name: s\nproviders: [aws]\nresources:\n  - name: grant\n    type: command\n    sql: UPDATE grants SET x = 1\n  - name: shell\n    type: script\n    run: print '{{ stack_env }}'\n    exports: [key, list]\n  - name: q\n    type: query\n    sql: SELECT '{{ key }}' '{{ list }}' AS v\n    exports: [v]\n";
    let mut case = Case::new(
        manifest,
        &[],
        vec![("UPDATE", vec![none()]), ("AS v", vec![rows([json!({"v": 1})])])],
    );
    case.machine.script = "{\"key\": 5, \"list\": [\"a\"]}\n".to_owned();
    case.built();
    assert_eq!(case.machine.scripts.borrow().concat(), "print 'dev'");
    assert_eq!(case.cloud.sent()[1], "SELECT '5' '[\"a\"]' AS v");
    assert!(
        case.machine.told("running command...")
            && case.machine.told("Exported variables from script")
    );
    // a refusal of a command is never passed over
    let case = Case::new(manifest, &[], vec![("UPDATE", vec![Reply::Status(403, "DENIED")])]);
    case.build().expect_err("refused");
    assert_eq!(case.cloud.count("UPDATE"), 1);
}

#[test]
fn credentials_of_a_resource_are_its_own() {
    let manifest = "name: s\nproviders: [aws]\nresources:\n  - {name: keys, type: query, sql: SELECT 1, exports: [key_id]}\n  - name: r\n    type: query\n    sql: SELECT 2\n    exports: [v]\n    auth:\n      aws: {type: aws_signing_v4, credentialsenvvar: key_id, keyIDenvvar: OTHER}\n";
    let case = Case::new(
        manifest,
        &[],
        vec![
            ("1", vec![rows([json!({"key_id": "value-1"})])]),
            ("2", vec![rows([json!({"v": 1})])]),
        ],
    );
    case.built();
    let statements = case.cloud.statements.borrow();
    assert_eq!(statements[0].1, None);
    let auth = statements[1].1.clone().expect("credentials");
    assert_eq!(auth["variables"], json!({"key_id": "value-1"}));
    assert_eq!(auth["providers"]["aws"]["keyIDenvvar"], json!("OTHER"));
}

#[test]
fn tests_change_nothing_and_go_on() {
    let manifest = "name: s\nproviders: [aws]\nresources:\n  - {name: q, type: query, sql: INSERT INTO t SELECT 1 RETURNING v, exports: [v]}\n  - {name: s, type: script, run: rm, exports: [w]}\n  - {name: a, file: a.iql}\n  - {name: b, file: b.iql}\n";
    let a = "/*+ exists */\nSELECT id FROM a\n/*+ create */\nINSERT INTO a SELECT 1\n/*+ statecheck */\nSELECT COUNT(*) AS count FROM a\n";
    let b = a.replace(" a", " b").replace("FROM a", "FROM b");
    let case = Case::new(
        manifest,
        &[("a.iql", a), ("b.iql", &b)],
        vec![
            ("count FROM a", vec![count(0)]),
            ("count FROM b", vec![count(1)]),
            ("SELECT id", vec![rows([json!({"id": 1})])]),
        ],
    );
    let ended = case.test().expect("verdicts");
    let failed: Vec<&str> = ended
        .verdicts
        .iter()
        .filter(|verdict| verdict.failure.is_some())
        .map(|verdict| verdict.resource.as_str())
        .collect();
    assert_eq!(failed, ["a"]);
    assert!(case.machine.told("test passed for b") && case.machine.told("test failed for a"));
    assert!(case.machine.scripts.borrow().is_empty());
    assert_eq!(case.cloud.count("INSERT"), 0);
}

#[test]
fn teardown_goes_backwards_and_makes_sure() {
    let manifest = "name: s\nproviders: [aws]\nresources:\n  - {name: a, file: x.iql, props: [{name: name, value: a}], exports: [id]}\n  - {name: b, file: x.iql, props: [{name: name, value: b}, {name: parent, value: '{{ a.id }}'}], exports: [id]}\n  - {name: kept, file: x.iql, props: [{name: name, value: k}], skip_on_delete: true}\n";
    let file = "/*+ exists */\nSELECT id FROM t WHERE name = '{{ name }}'\n/*+ create */\nINSERT INTO t SELECT 1\n/*+ exports */\nSELECT id FROM e WHERE name = '{{ name }}'\n/*+ delete */\nDELETE FROM t WHERE id = '{{ id }}' RETURNING op\n";
    let a = || rows([json!({"id": "id-a"})]);
    let b = || rows([json!({"id": "id-b"})]);
    let case = Case::new(
        manifest,
        &[("x.iql", file)],
        vec![
            ("e WHERE name = 'a'", vec![a()]),
            ("e WHERE name = 'b'", vec![b()]),
            ("t WHERE name = 'a'", vec![a(), a(), none()]),
            ("t WHERE name = 'b'", vec![b(), b(), b(), none()]),
            ("DELETE", vec![none()]),
        ],
    );
    let ended = case.teardown().expect("deleted");
    assert!(ended.unconfirmed.is_empty());
    let deletes: Vec<String> =
        case.cloud.sent().into_iter().filter(|sql| sql.starts_with("DELETE")).collect();
    // each has its own id, although both export that name; nothing is to be returned
    assert_eq!(deletes, ["DELETE FROM t WHERE id = 'id-b'", "DELETE FROM t WHERE id = 'id-a'"]);
    assert_eq!(*case.machine.waits.borrow(), [5], "b was there at the first look after");
    assert!(
        case.machine.told("[b] confirmed deleted") && case.machine.told("successfully deleted a")
    );
    assert!(case.machine.printed.borrow().contains("teardown complete"));
}

#[test]
fn what_depends_on_what_is_gone_is_not_asked_for() {
    let manifest = "name: s\nproviders: [aws]\nresources:\n  - {name: a, file: x.iql, props: [{name: name, value: a}], exports: [id]}\n  - {name: b, file: x.iql, props: [{name: name, value: '{{ a.id }}'}]}\n";
    let file = "/*+ exists */\nSELECT id FROM t WHERE name = '{{ name }}'\n/*+ create */\nINSERT INTO t SELECT 1\n/*+ exports */\nSELECT id FROM t WHERE name = '{{ name }}'\n/*+ delete */\nDELETE FROM t WHERE id = '{{ this.id }}'\n";
    let case = Case::new(manifest, &[("x.iql", file)], vec![("name = 'a'", vec![none()])]);
    let ended = case.teardown().expect("nothing to do");
    assert!(ended.unconfirmed.is_empty());
    assert_eq!(case.cloud.count("unknown"), 0, "{:?}", case.cloud.sent());
    assert_eq!(case.cloud.count("DELETE"), 0);
}

#[test]
fn a_deletion_that_is_not_seen_is_reported() {
    let file = ALL
        .replace("/*+ exists */", "/*+ exists, postdelete_retries=2, postdelete_retry_delay=1 */");
    let case = one(
        "",
        &file,
        vec![("exists", vec![rows([json!({"id": "i"})])]), ("DELETE", vec![none()])],
    );
    let ended = case.teardown().expect("a result");
    assert_eq!(ended.unconfirmed, ["r"]);
    assert_eq!(*case.machine.waits.borrow(), [1, 1]);
}

#[test]
fn dry_runs_ask_nothing() {
    let mut case = one("    exports: [id]\n", ALL, vec![]);
    case.options.dry_run = true;
    case.built();
    assert!(case.cloud.sent().is_empty());
    assert!(case.machine.told("dry run create for [r]"));
    assert!(case.machine.printed.borrow().contains("dry-run build complete"));
    let mut case = one("    exports: [id]\n", ALL, vec![]);
    case.options.dry_run = true;
    case.teardown().expect("shown");
    assert!(case.cloud.sent().is_empty());
    assert!(case.machine.journal.borrow().is_empty());
}

/// Three resources; the third cannot be created.
fn three(follows: OnFailure) -> Case {
    let manifest = "name: s\nproviders: [aws]\nresources:\n  - {name: a, file: x.iql, props: [{name: name, value: a}]}\n  - {name: c, type: command, sql: UPDATE c SET x = 1}\n  - {name: b, file: x.iql, props: [{name: name, value: b}]}\n  - {name: z, file: x.iql, props: [{name: name, value: z}]}\n  - {name: after, file: x.iql, props: [{name: name, value: after}]}\n";
    let file = "/*+ exists */\nSELECT '{{ name }}' AS id FROM t\n/*+ create */\nINSERT INTO t SELECT '{{ name }}'\n/*+ delete */\nDELETE FROM t WHERE id = '{{ this.id }}'\n";
    let mut case = Case::new(
        manifest,
        &[("x.iql", file)],
        vec![
            (
                "SELECT 'a' AS",
                vec![none(), rows([json!({"id": "a"})]), rows([json!({"id": "a"})]), none()],
            ),
            (
                "SELECT 'b' AS",
                vec![none(), rows([json!({"id": "b"})]), rows([json!({"id": "b"})]), none()],
            ),
            ("SELECT 'z' AS", vec![none()]),
            ("SELECT 'after' AS", vec![none(), rows([json!({"id": "after"})])]),
            ("INSERT INTO t SELECT 'z'", vec![Reply::Status(400, "BAD")]),
            ("INSERT", vec![none()]),
            ("UPDATE", vec![none()]),
            ("DELETE", vec![none()]),
        ],
    );
    case.options.on_failure = follows;
    case
}

#[test]
fn failures_end_the_run_or_are_passed_over_or_take_it_back() {
    let case = three(OnFailure::Error);
    case.build().expect_err("the failure");
    assert_eq!((case.cloud.count("'after'"), case.cloud.count("DELETE")), (0, 0));

    let case = three(OnFailure::Ignore);
    let ended = case.build().expect("a result");
    assert_eq!(ended.failed, ["z"]);
    assert_eq!(case.cloud.count("INSERT INTO t SELECT 'after'"), 1);

    let case = three(OnFailure::Rollback);
    let ended = case.build().expect("a result");
    let deletes: Vec<String> =
        case.cloud.sent().into_iter().filter(|sql| sql.starts_with("DELETE")).collect();
    assert_eq!(deletes, ["DELETE FROM t WHERE id = 'b'", "DELETE FROM t WHERE id = 'a'"]);
    assert_eq!(ended.left, ["`c` (run): it has no anchor `rollback`"]);
    assert!(ended.failure.is_some());
}

#[test]
fn a_run_that_was_killed_is_gone_on_with() {
    let case = three(OnFailure::Error);
    case.build().expect_err("the failure");
    let text = case.machine.journal.borrow().clone();
    let journal = Journal::parse(&text).expect("a journal");
    assert!(!journal.is_complete());
    let mut again = three(OnFailure::Error);
    again.options.earlier = Some(journal);
    again.build().expect_err("the failure");
    assert_eq!(again.cloud.count("UPDATE"), 0, "the command ran before");
    assert!(again.machine.told("[c] was run before, it is not run again"));
    // killed while the command ran
    let cut: String = text
        .lines()
        .take_while(|line| !line.contains("\"outcome\"") || line.contains("\"a\""))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut again = three(OnFailure::Error);
    again.options.earlier = Some(Journal::parse(&cut).expect("a journal"));
    let report = again.build().expect_err("nobody knows");
    assert!(report.message.contains("`c` may have run before"), "{report:?}");
    let mut again = three(OnFailure::Error);
    again.options.earlier = Some(Journal::parse(&cut).expect("a journal"));
    again.options.rerun = vec!["c".to_owned()];
    again.build().expect_err("the failure at z");
    assert_eq!(again.cloud.count("UPDATE"), 1);
}
