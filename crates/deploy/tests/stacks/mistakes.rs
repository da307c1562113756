//! Mistakes in manifests and query files: each has a file, a line, and a next step, and nothing is sent.

use serde_json::json;
use strataql_diag::{Code, Report};

use crate::cloud::{Case, rows};

const HEAD: &str = "name: s\nproviders: [aws]\n";

/// The report of a build.
#[track_caller]
fn refused(manifest: &str, files: &[(&str, &str)]) -> Box<Report> {
    let case = Case::new(manifest, files, vec![("SELECT", vec![rows([json!({"count": 0})])])]);
    let report = case.build().expect_err("a mistake");
    assert!(!report.help.is_empty(), "no next step: {report:?}");
    assert_eq!(case.cloud.count("INSERT"), 0);
    report
}

#[track_caller]
fn is_at(report: &Report, file: &str, line: usize, parts: &[&str]) {
    let place = report.place.as_ref().expect("a place");
    assert!(place.file.ends_with(file) && place.line == line, "{report:?}");
    let text = format!("{report:?}");
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing: {report:#?}");
    }
}

#[test]
fn manifests_that_are_none() {
    let cases: &[(&str, usize, &str)] = &[
        ("- a\n- b\n", 1, "the file is a list of resources"),
        ("just a text\n", 1, "the file is no manifest"),
        ("name: s\n  bad: [\n", 2, ""),
        ("name: s\n", 1, "no `providers`"),
        ("name: s\nproviders: []\n", 1, "no `providers`"),
        ("name: s\nproviders: [aws]\nresources: {a: 1}\n", 3, "`resources` is a list"),
        ("name: s\nproviders: [aws]\nresources:\n  - type: query\n", 4, "a resource has no `name`"),
        (
            "name: s\nproviders: [aws]\nresources:\n  - name: a\n  - name: b\n  - name: a\n",
            6,
            "two resources are called `a`",
        ),
        (
            "name: s\nproviders: [aws]\nresources:\n  - name: a\n    props:\n      - name: p\n",
            6,
            "the prop `p` has no value",
        ),
        (
            "name: s\nproviders: [aws]\nresources:\n  - name: a\n    resource: aws.ec2\n",
            4,
            "`aws.ec2` is no name of a resource",
        ),
    ];
    for (text, line, part) in cases {
        let report = refused(text, &[]);
        assert_eq!(report.code, Code::Config, "{text}: {report:?}");
        is_at(&report, "stackql_manifest.yml", *line, &[part]);
    }
}

#[test]
fn unknown_keys_and_duplicates_are_warnings() {
    let manifest = "name: s\nname: t\nproviders: [aws]\nresource: []\nresources:\n  - name: a\n    typ: query\n    props: {}\n";
    let stack = Case::new(manifest, &[], vec![]).stack().expect("readable");
    let warnings: Vec<String> = stack
        .warnings()
        .iter()
        .map(|one| format!("{}: {}", one.place.as_ref().map_or(0, |p| p.line), one.message))
        .collect();
    assert_eq!(stack.name(), "t");
    let text = warnings.join("\n");
    assert!(text.contains("4: the manifest has no key `resource`"), "{text}");
    assert!(text.contains("7: a resource has no key `typ`"), "{text}");
    assert!(text.contains("2: "), "{text}");
}

#[test]
fn query_files_that_lack_something() {
    let report = refused(&format!("{HEAD}resources:\n  - name: a\n"), &[]);
    is_at(
        &report,
        "stackql_manifest.yml",
        4,
        &["the query file of `a` cannot be read", "resources/a.iql"],
    );

    let report = refused(
        &format!("{HEAD}resources:\n  - name: a\n"),
        &[("a.iql", "/*+ exists */\nSELECT 1\n")],
    );
    is_at(&report, "stackql_manifest.yml", 4, &["`a` has no `create` or `createorupdate`"]);

    let report = refused(
        &format!("{HEAD}resources:\n  - name: a\n"),
        &[("a.iql", "/*+ create */\nINSERT INTO t SELECT 1\n")],
    );
    is_at(&report, "stackql_manifest.yml", 4, &["`a` has no `exists`, `statecheck` or `exports`"]);

    let report = refused(
        &format!("{HEAD}resources:\n  - {{name: a, type: query, exports: [x]}}\n"),
        &[("a.iql", "/*+ create */\nSELECT 1\n")],
    );
    is_at(&report, "stackql_manifest.yml", 4, &["the query `a` has no `exports`"]);

    let report = refused(&format!("{HEAD}resources:\n  - {{name: a, type: qery}}\n"), &[]);
    is_at(&report, "stackql_manifest.yml", 4, &["`qery` is no type of a resource", "query"]);
}

#[test]
fn names_without_a_value_have_a_line_of_the_query_file() {
    let file = "/*+ exists */\nSELECT COUNT(*) AS count\nFROM t\nWHERE name = '{{ nme }}'\n/*+ create */\nINSERT INTO t SELECT 1\n";
    let manifest =
        format!("{HEAD}resources:\n  - name: a\n    props:\n      - {{name: name, value: x}}\n");
    let report = refused(&manifest, &[("a.iql", file)]);
    assert_eq!(report.code, Code::UnsetVariable);
    is_at(&report, "a.iql", 4, &["`nme`", "did you mean `name`"]);
}

#[test]
fn references_go_upwards() {
    let query = |name: &str, other: &str| {
        format!(
            "  - name: {name}\n    type: query\n    sql: SELECT '{{{{ p }}}}' AS v\n    props:\n      - {{name: p, value: '{{{{ {other}.v }}}}'}}\n    exports: [v]\n"
        )
    };
    let manifest = format!(
        "{HEAD}resources:\n{}  - {{name: b, type: query, sql: SELECT 1 AS v, exports: [v]}}\n",
        query("a", "b")
    );
    is_at(
        &refused(&manifest, &[]),
        "stackql_manifest.yml",
        8,
        &["`b` (line 10) gives it, and runs later: move it above `a`"],
    );
    let manifest = format!("{HEAD}resources:\n{}{}", query("a", "b"), query("b", "a"));
    is_at(
        &refused(&manifest, &[]),
        "stackql_manifest.yml",
        8,
        &["`a` and `b` (line 10) need each other"],
    );
}

#[test]
fn includes_stay_in_the_stack() {
    let manifest = |value: &str| {
        format!(
            "{HEAD}resources:\n  - name: a\n    props:\n      - {{name: p, value: '{value}'}}\n"
        )
    };
    for (value, part) in [
        ("file(gone.json)", "cannot be read"),
        ("file(../../secret)", "leaves the folder `resources`"),
        ("file(loop.yml)", "includes itself"),
        ("file(bad.json)", "is neither JSON nor YAML"),
    ] {
        let report =
            refused(&manifest(value), &[("loop.yml", "a: file(loop.yml)\n"), ("bad.json", "{")]);
        is_at(&report, "stackql_manifest.yml", 6, &[part]);
    }
}

#[test]
fn templates_that_are_wrong() {
    let manifest = format!(
        "{HEAD}resources:\n  - name: a\n    type: query\n    exports: [v]\n    sql: \"SELECT {{{{ 'x' | nofilter }}}}\"\n"
    );
    let report = refused(&manifest, &[]);
    assert!(report.message.contains("unknown filter"), "{report:?}");
    let manifest = format!("{HEAD}globals:\n  - {{name: g, value: ''}}\nresources: []\n");
    is_at(&refused(&manifest, &[]), "stackql_manifest.yml", 4, &["the global `g` is empty"]);
}
