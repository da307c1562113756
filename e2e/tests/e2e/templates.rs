//! Statement templates of SHOW: they run once their variables are set.

use crate::process::exec;

const OAUTH: &str = "databricks_account.oauth2";

/// Runs the template that `show` prints, its holes filled.
fn filled(show: &str, values: &[(&str, &str)]) -> String {
    let template = exec(&[show]).success();
    for (name, _) in values {
        assert!(template.contains(&["{{ ", name, " }}"].concat()), "{name} of {template}");
    }
    let vars: Vec<String> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut arguments = vec!["--sandbox", "-o", "text"];
    for var in &vars {
        arguments.extend(["--var", var]);
    }
    arguments.push(&template);
    let ended = exec(&arguments);
    assert_eq!(ended.exit, Some(0), "{template}\n{ended:?}");
    ended.err
}

#[test]
fn templates_run_once_they_are_filled_in() {
    let policy = r#"{"access_token_ttl_in_minutes": 5}"#;
    let said = filled(
        &format!("SHOW INSERT INTO {OAUTH}.custom_app_integration"),
        &[
            ("account_id", "a1"),
            ("name", "it's"),
            ("confidential", "true"),
            ("is_agent", "false"),
            ("redirect_urls", r#"["https://example.com"]"#),
            ("scopes", r#"["all"]"#),
            ("user_authorized_scopes", "[]"),
            ("token_access_policy", policy),
        ],
    );
    assert!(said.contains("1 row inserted"), "{said}");
    // an object of the sandbox, which makes the same ones every time
    let list = format!(
        "SELECT integration_id FROM {OAUTH}.published_app_integration WHERE account_id = 'a1' LIMIT 1"
    );
    let id = exec(&["--sandbox", "-o", "text", &list]).success();
    let object = [("account_id", "a1"), ("integration_id", id.trim())];
    let mut change = object.to_vec();
    change.push(("token_access_policy", policy));
    let said = filled(&format!("SHOW UPDATE {OAUTH}.published_app_integration"), &change);
    assert!(said.contains("1 row updated"), "{said}");
    let exec_one =
        format!("SHOW EXEC {OAUTH}.published_app_integration.published_app_integration_update");
    filled(&exec_one, &change);
    let said = filled(&format!("SHOW DELETE FROM {OAUTH}.published_app_integration"), &object);
    assert!(said.contains("1 row deleted"), "{said}");
}

#[test]
fn what_a_resource_cannot_do_has_no_template() {
    let show = format!("SHOW REPLACE {OAUTH}.published_app_integration");
    exec(&[&show]).failed("no-such-verb", 2, &["REPLACE"]);
    let show = format!("SHOW EXEC {OAUTH}.published_app_integration.nothing");
    exec(&[&show]).failed("unknown-method", 2, &["nothing"]);
}
