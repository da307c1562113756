//! The published page of a resource: its statements run unchanged, and public documents of the same
//! provider return the same rows.

use crate::output::ACCEPTANCE;
use crate::process::{Ended, Home, exec};

const APPS: &str = "databricks_account.oauth2.published_app_integration";

/// The statements of the page, unedited.
fn statements() -> Vec<String> {
    let file = strataql_e2e::folder().join("seed/published_app_integration.mdx");
    let page = std::fs::read_to_string(file).expect("readable");
    let blocks = page.split("```sql\n").skip(1);
    blocks.filter_map(|rest| rest.split_once("```").map(|(sql, _)| sql.to_owned())).collect()
}

/// Runs a statement of the page from a file.
fn run(sql: &str, more: &[&str]) -> Ended {
    let home = Home::new();
    let file = home.write("statement.sql", sql);
    let arguments = ["--sandbox", "-i", &file, "--var", "account_id=a1"];
    home.run(&[&arguments[..], more].concat())
}

fn first_id() -> String {
    let sql = format!("SELECT integration_id FROM {APPS} WHERE account_id = 'a1' LIMIT 1");
    exec(&["--sandbox", "-o", "text", &sql]).success().trim().to_owned()
}

#[test]
fn the_page_has_five_statements() {
    let verbs: Vec<String> = statements()
        .iter()
        .filter_map(|sql| sql.split_whitespace().next().map(str::to_owned))
        .collect();
    assert_eq!(verbs, ["SELECT", "SELECT", "INSERT", "UPDATE", "DELETE"]);
}

#[test]
fn the_selects_of_the_page_run_unedited() {
    let all = statements();
    let id = first_id();
    let lookup = run(&all[0], &["--var", &format!("integration_id={id}"), "-o", "jsonl"]).success();
    assert_eq!(lookup.lines().count(), 1);
    let row: serde_json::Value = serde_json::from_str(lookup.trim()).expect("an object");
    let keys: Vec<&String> = row.as_object().expect("an object").keys().collect();
    assert_eq!(
        keys,
        ["name", "app_id", "integration_id", "create_time", "created_by", "token_access_policy"]
    );
    assert_eq!(row["integration_id"], id.as_str());
    let list = run(&all[1], &["--drop-unset", "-o", "jsonl"]).success();
    assert_eq!(list.lines().count(), 7);
    assert_eq!(list.lines().next(), lookup.lines().next(), "the list begins with the same object");
    let size = run(&all[1], &["--drop-unset", "--var", "page_size=2", "--timing", "-o", "jsonl"]);
    assert!(size.err.contains("7 rows, 4 requests"), "{}", size.err);
    assert_eq!(size.success(), list);
}

#[test]
fn the_selects_of_the_page_are_pleasant_to_read() {
    let table = run(&statements()[1], &["--drop-unset"]).success();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 9);
    assert!(
        lines[0].starts_with("name  ") && lines[0].contains("  token_access_policy"),
        "{table}"
    );
    assert!(lines[8].contains("{\"absolute_session_lifetime_in_minutes\":"), "{table}");
}

#[test]
fn a_variable_without_a_value_is_named() {
    run(&statements()[0], &[]).refused(
        "unset-variable",
        2,
        &["integration_id", "statement.sql:10"],
    );
    let both = run(&statements()[1], &[]);
    both.refused("unset-variable", 2, &["page_size", "page_token"]);
}

#[test]
fn the_writes_of_the_page_run_unedited() {
    let all = statements();
    let id = format!("integration_id={}", first_id());
    let policy = r#"token_access_policy={"access_token_ttl_in_minutes":60}"#;
    let made =
        run(&all[2], &["--var", "app_id=power-bi", "--var", policy, "-o", "jsonl"]).success();
    let row: serde_json::Value = serde_json::from_str(made.trim()).expect("one row");
    assert!(row["integration_id"].is_string(), "{row}");
    for (index, more) in [(3, vec!["--var", &id, "--var", policy]), (4, vec!["--var", &id])] {
        assert_eq!(run(&all[index], &more).success(), "", "{}", all[index]);
    }
}

/// Needs a folder of public documents; what is skipped is said.
#[test]
#[expect(clippy::print_stdout, reason = "nobody should believe that this has run")]
fn public_documents_give_the_same_rows() {
    let Some(folder) = std::env::var_os("STRATAQL_TEST_REGISTRY") else {
        println!("skipped: STRATAQL_TEST_REGISTRY is not set");
        return;
    };
    let registry = format!("file:{}", folder.to_string_lossy());
    let home = Home::new();
    let run = |more: &[&str], sql: &str| {
        home.run(&[&["--sandbox=page-size=3", "--timing", "-o", "jsonl", sql][..], more].concat())
    };
    let requests = |ended: &Ended| ended.err.split(", ").nth(1).map(str::to_owned);
    let shown = "name, app_id, integration_id, create_time, created_by, token_access_policy";
    let from =
        |condition: &str| format!("SELECT {shown} FROM {APPS} WHERE account_id = 'a1'{condition}");
    for sql in [
        ACCEPTANCE.to_owned(),
        from(""),
        from(&format!(" AND integration_id = '{}'", first_id())),
        from(" AND page_size = 2 LIMIT 3"),
        format!("SELECT account_id, name FROM {APPS} WHERE account_id IN ('a1', 'b2')"),
        format!("SELECT count(*) FROM {APPS} WHERE account_id = 'a1'"),
    ] {
        let (own, public) = (run(&[], &sql), run(&["--registry", &registry], &sql));
        assert_eq!(requests(&own), requests(&public), "{sql}");
        assert_eq!(own.success(), public.success(), "{sql}");
    }
    let source = "SHOW PROVIDERS LIKE 'databricks_account'";
    let shown = home.run(&["--registry", &registry, "-o", "text", source]).success();
    assert!(shown.contains("registry"), "the folder was used: {shown}");
    let missing =
        home.run(&["--sandbox", "--registry", &registry, &format!("SELECT name FROM {APPS}")]);
    missing.refused("missing-param", 2, &["account_id"]);
}
