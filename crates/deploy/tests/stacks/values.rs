//! Where values come from, and how they stand in statements.

use serde_json::json;
use strataql_diag::Code;

use crate::cloud::{Case, rows};

/// A query over the values of a manifest.
fn query(globals: &str, props: &str, sql: &str) -> Case {
    let manifest = format!(
        "version: 1\nname: s\nproviders: [aws]\nglobals:\n{globals}\nresources:\n  - name: q\n    type: query\n    sql: \"{sql}\"\n    props:\n{props}\n    exports: [v]\n"
    );
    Case::new(&manifest, &[], vec![("SELECT", vec![rows([json!({"v": "x"})])])])
}

/// The statement that a query sends with these props.
#[track_caller]
fn sent(props: &str, sql: &str) -> String {
    let case = query("", props, sql);
    case.built();
    case.cloud.sent().concat()
}

#[test]
fn variables_reach_globals_and_globals_reach_statements() {
    let mut case = query(
        "  - {name: a, value: '{{ REGION }}'}\n  - {name: c, value: '{{ a }}/{{ stack_env }}'}",
        "      - {name: b, value: '{{ a }}-{{ stack_env }}'}",
        "SELECT '{{ a }}' '{{ b }}' '{{ c }}' '{{ stack_name }}' '{{ resource_name }}'",
    );
    case.options.variables.insert("REGION".to_owned(), "us-east-1".to_owned());
    case.built();
    assert_eq!(case.cloud.sent(), ["SELECT 'us-east-1' 'us-east-1-dev' 'us-east-1/dev' 's' 'q'"]);
}

#[test]
fn the_environment_gives_what_nothing_else_gives() {
    let mut case = query("  - {name: a, value: '{{ REGION }}'}", "      []", "SELECT '{{ a }}'");
    case.machine.environment.insert("REGION".to_owned(), "eu-1".to_owned());
    case.built();
    assert_eq!(case.cloud.sent(), ["SELECT 'eu-1'"]);
}

#[test]
fn all_globals_without_a_value_are_named_at_once() {
    let case = query(
        "  - {name: a, value: '{{ FIRST }}'}\n  - {name: b, value: '{{ SECOND }}'}",
        "      []",
        "SELECT '{{ a }}{{ b }}'",
    );
    let report = case.build().expect_err("no values");
    assert_eq!(report.code, Code::UnsetVariable);
    assert!(
        report.message.contains("`FIRST`") && report.message.contains("`SECOND`"),
        "{report:?}"
    );
    assert_eq!(report.place.as_ref().map(|place| place.line), Some(5));
    assert!(case.cloud.sent().is_empty());
}

#[test]
fn values_stand_as_the_reference_writes_them() {
    let props = "      - {name: flag, value: true}\n      - {name: n, value: 3}\n      - {name: none, value: ''}\n      - name: o\n        value: {b: 1, a: ['x', '-1']}\n      - {name: t, value: TrueNorth}\n      - {name: p, value: 'True'}";
    assert_eq!(
        sent(props, "SELECT {{ flag }} {{ n }} '{{ none }}' '{{ o }}' {{ t }} {{ p }}"),
        r#"SELECT true 3 '' '{"b":1,"a":["x","-1"]}' TrueNorth true"#
    );
}

#[test]
fn texts_of_json_become_json_inside_of_objects() {
    let props = "      - {name: list, value: ['a', 'b']}\n      - {name: text, value: '7'}\n      - name: o\n        value: {list: '{{ list }}', text: '{{ text }}'}";
    assert_eq!(sent(props, "SELECT '{{ o }}'"), r#"SELECT '{"list":["a","b"],"text":"7"}'"#);
}

#[test]
fn values_without_quotes_keep_their_type() {
    let props = "      - {name: n, value: 7}\n      - name: m\n        value: {{ n }}\n      - name: o\n        value:\n          size: {{ n }}";
    assert_eq!(sent(props, "SELECT {{ m }} '{{ o }}'"), r#"SELECT 7 '{"size":7}'"#);
}

#[test]
fn props_have_values_by_environment() {
    let props = "      - name: size\n        values:\n          dev: {value: small}\n          prd: {value: large}";
    let case = query("", props, "SELECT '{{ size }}'");
    case.built();
    assert_eq!(case.cloud.sent(), ["SELECT 'small'"]);
    let mut case = query("", props, "SELECT '{{ size }}'");
    case.options.environment = "sit".to_owned();
    let report = case.build().expect_err("no value");
    assert!(report.message.contains("no value for the environment `sit`"), "{report:?}");
    assert_eq!(report.place.as_ref().map(|place| place.line), Some(11));
}

#[test]
fn merges_join_lists_and_objects() {
    let globals = "  - name: tags\n    value: [{Key: a, Value: '1'}]\n  - name: base\n    value: {x: 1, y: 2}";
    let props = "      - name: all\n        value: [{Key: a, Value: '1'}, {Key: b, Value: '2'}]\n        merge: [tags]\n      - name: only\n        merge: [tags]\n      - name: o\n        value: {y: 0, z: 3}\n        merge: [base]";
    let case = query(globals, props, "SELECT '{{ all }}' '{{ only }}' '{{ o }}'");
    case.built();
    assert_eq!(
        case.cloud.sent(),
        [
            r#"SELECT '[{"Key":"a","Value":"1"},{"Key":"b","Value":"2"}]' '[{"Key":"a","Value":"1"}]' '{"y":2,"z":3,"x":1}'"#
        ]
    );
}

#[test]
fn a_global_may_use_the_name_of_the_resource() {
    let case = query(
        "  - name: tags\n    value: [{Key: name, Value: '{{ resource_name }}'}]",
        "      - {name: t, value: '{{ tags }}'}",
        "SELECT '{{ t }}'",
    );
    case.built();
    assert_eq!(case.cloud.sent(), [r#"SELECT '[{"Key":"name","Value":"q"}]'"#]);
}

#[test]
fn exports_reach_later_resources_under_both_names() {
    let manifest = "name: s\nproviders: [aws]\nresources:\n  - {name: net/vpc, type: query, sql: SELECT 1, exports: [id]}\n  - {name: second, type: query, sql: SELECT 2, exports: [id, {other: renamed}]}\n  - name: third\n    type: query\n    sql: \"SELECT 3 {{ id }} {{ res['net/vpc'].id }} {{ second.id }} {{ renamed }}\"\n    exports: [id]\n";
    let case = Case::new(
        manifest,
        &[],
        vec![
            ("SELECT 1", vec![rows([json!({"id": "one"})])]),
            (
                "SELECT 2",
                vec![rows([json!({"id": "two", "other": {"String": "x", "Valid": true}})])],
            ),
            ("SELECT 3", vec![rows([json!({"id": "three"})])]),
        ],
    );
    case.built();
    assert_eq!(case.cloud.sent()[2], "SELECT 3 two one two x");
}

#[test]
fn included_files_are_values() {
    let manifest = "name: s\nproviders: [aws]\nresources:\n  - name: q\n    type: query\n    sql: \"SELECT '{{ policy }}'\"\n    props:\n      - {name: who, value: me}\n      - {name: policy, value: 'file(policies/a.json)'}\n    exports: [v]\n";
    let case = Case::new(
        manifest,
        &[
            ("policies/a.json", r#"{"Who":"{{ who }}","More":"file(policies/b.yml)"}"#),
            ("policies/b.yml", "- 1\n- two\n"),
        ],
        vec![("SELECT", vec![rows([json!({"v": 1})])])],
    );
    case.built();
    assert_eq!(case.cloud.sent(), [r#"SELECT '{"Who":"me","More":[1,"two"]}'"#]);
}

#[test]
fn conditions_pass_resources_over() {
    let manifest = "name: s\nproviders: [aws]\nresources:\n  - {name: a, type: query, sql: SELECT 1, exports: [v], if: \"'{{ stack_env }}' == 'prd'\"}\n  - {name: b, type: query, sql: SELECT 2, exports: [v], if: \"'{{ stack_env }}' not in ['prd']\"}\n";
    let case = Case::new(manifest, &[], vec![("SELECT", vec![rows([json!({"v": 1})])])]);
    case.built();
    assert_eq!(case.cloud.sent(), ["SELECT 2"]);
    assert!(case.machine.told("Skipping resource [a] due to condition"));
}

#[test]
fn protected_values_are_masked_from_the_beginning() {
    let case = query(
        "  - {name: password, value: hunter22, protected: true}",
        "      - {name: own, value: 'x-{{ password }}', protected: true}",
        "SELECT '{{ own }}'",
    );
    let mut case = case;
    case.options.show_queries = true;
    case.built();
    assert_eq!(case.cloud.sent(), ["SELECT 'x-hunter22'"]);
    assert!(!case.machine.log.borrow().join("\n").contains("hunter22"), "{:?}", case.machine.log);
}

#[test]
fn sixty_secrets_stay_secret() {
    let canary = |n: usize| format!("canary-{n:02}-5d0c1e");
    let globals: Vec<String> = (0..20)
        .map(|n| format!("  - {{name: g{n}, value: {}, protected: true}}\n", canary(n)))
        .collect();
    let props: Vec<String> = (20..40)
        .map(|n| format!("      - {{name: p{n}, value: {}, protected: true}}\n", canary(n)))
        .collect();
    let uses: Vec<String> = (0..20)
        .map(|n| format!("{{{{ g{n} }}}} "))
        .chain((20..40).map(|n| format!("{{{{ p{n} }}}} ")))
        .collect();
    let (globals, props, uses) = (globals.concat(), props.concat(), uses.concat());
    let exports: Vec<String> = (40..60).map(|n| format!("e{n}")).collect();
    let row = (40..60).map(|n| (format!("e{n}"), canary(n).into())).collect();
    let list = exports.join(", ");
    let manifest = format!(
        "name: s\nproviders: [aws]\nglobals:\n{globals}resources:\n  - name: q\n    type: query\n    sql: INSERT INTO t SELECT '{uses}' RETURNING 1\n    props:\n{props}    exports: [{list}]\n    protected: [{list}]\nexports: [{list}]\n"
    );
    let mut case =
        Case::new(&manifest, &[], vec![("INSERT", vec![rows([serde_json::Value::Object(row)])])]);
    case.options.show_queries = true;
    let ended = case.built();
    assert_eq!(case.cloud.sent().concat().matches("canary").count(), 40, "they were used");
    assert!(ended.outputs.is_empty() || ended.outputs.values(false).is_empty());
    let all = [
        case.machine.log.borrow().join("\n"),
        case.machine.printed.borrow().clone(),
        case.machine.journal.borrow().clone(),
        ended.outputs.written(strataql_deploy::flow::ExportFormat::Env, false),
        ended.outputs.written(strataql_deploy::flow::ExportFormat::Json, false),
    ];
    for text in all {
        assert!(!text.contains("canary"), "{text}");
    }
}
