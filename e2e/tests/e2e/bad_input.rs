//! Bad input: an error with code, object and help; no request to another endpoint, no panic.

use strataql_diag::Code;
use strataql_e2e::World;

const RESOURCE: &str = "databricks_account.oauth2.published_app_integration";

#[tokio::test(flavor = "multi_thread")]
async fn wrong_statements_name_object_cause_and_next_step() {
    let world = World::new("rows=3").await.expect("starts");
    let t = RESOURCE;
    let cases: Vec<(String, Code, &str)> = vec![
        (
            "SELECT 1 FROM databrick_account.oauth2.x".into(),
            Code::UnknownProvider,
            "databrick_account",
        ),
        ("SELECT 1 FROM databricks_account.oauth.x".into(), Code::UnknownService, "oauth"),
        (
            "SELECT 1 FROM databricks_account.oauth2.published_app".into(),
            Code::UnknownResource,
            "published_app",
        ),
        ("SELECT 1 FROM nothing".into(), Code::UnknownResource, "nothing"),
        (format!("SELECT nme FROM {t} WHERE account_id = 'a1'"), Code::UnknownColumn, "nme"),
        (
            format!("SELECT t.name FROM {t} a WHERE a.account_id = 'a1'"),
            Code::UnknownColumn,
            "name",
        ),
        (format!("SELECT name FROM {t}"), Code::MissingParam, "account_id"),
        (format!("SELECT name FROM {t} WHERE account_id > 'a'"), Code::MissingParam, "account_id"),
        (
            format!("SELECT name FROM {t} WHERE account_id = 'a1' AND page_size = 'two'"),
            Code::BadParamValue,
            "page_size",
        ),
        (
            format!("SELECT name FROM {t} WHERE account_id = 'a1' AND page_size > 2"),
            Code::MissingParam,
            "page_size",
        ),
        ("SELECT FROM WHERE GROUP".into(), Code::Syntax, "expected"),
        ("SELECT 'abc".into(), Code::Syntax, "string"),
        ("SELECT nofunction(1)".into(), Code::UnknownFunction, "nofunction"),
        ("SELECT 1 / 0".into(), Code::BadValue, "zero"),
        ("SELECT CAST('x' AS BIGINT)".into(), Code::BadValue, "x"),
        ("SET nothing.here = 1".into(), Code::UnknownSetting, "nothing.here"),
        (
            "SHOW METHODS IN databricks_account.oauth2.nothing".into(),
            Code::UnknownResource,
            "nothing",
        ),
        (
            "DESCRIBE METHOD databricks_account.oauth2.published_app_integration.none".into(),
            Code::UnknownMethod,
            "none",
        ),
        (format!("SELECT name FROM {t} WHERE account_id = $1"), Code::MissingParam, "1"),
        ("COMMIT".into(), Code::Transaction, "no transaction is open"),
        ("SAVEPOINT a".into(), Code::UnsupportedSyntax, "savepoints"),
    ];
    for (sql, code, part) in cases {
        let report = world.run(&sql).await.expect_err(&sql);
        assert_eq!(report.code, code, "{sql}: {report}");
        let all = format!("{} {:?}", report.message, report.help);
        assert!(all.contains(part), "{sql}: {all}");
    }
    assert_eq!(world.sandbox.requests(), 0, "nothing of this may reach the service");
}

#[tokio::test(flavor = "multi_thread")]
async fn path_values_never_reach_another_endpoint() {
    let world = World::new("rows=3").await.expect("starts");
    for value in ["", ".", "..", "../../x", "a/../b", "%2e%2e", "%2E%2e/x", "..\\x"] {
        let sql = format!("SELECT name FROM {RESOURCE} WHERE account_id = '{value}'");
        let before = world.sandbox.requests();
        let got = world.run(&sql).await;
        let sent = world.sandbox.requests() - before;
        match got {
            Err(report) if sent == 0 => {
                assert_eq!(report.code, Code::BadParamValue, "{value}: {report}");
            }
            other => panic!("{value}: {other:?}, {sent} requests"),
        }
    }
    // a value with `/` is one segment, also where it spells another path of the document
    let sql = |sku: &str| format!("SELECT name FROM market.catalog.products WHERE sku = '{sku}'");
    for value in ["p1/reviews", "p1/parts"] {
        let table = world.run(&sql(value)).await.expect("no such product");
        assert!(table.rows.is_empty(), "{value}");
        let log = world.sandbox.log();
        let path = &log.last().expect("one request").path;
        assert!(path.ends_with(&value.replace('/', "%2F")), "{path}");
    }
    // characters that would end the path are part of the value
    for (value, encoded) in [
        ("a?b", "a%3Fb"),
        ("a#b", "a%23b"),
        ("a b", "a%20b"),
        ("50%", "50%25"),
        ("a%2Fb", "a%252Fb"),
    ] {
        let sql = format!("SELECT name FROM {RESOURCE} WHERE account_id = '{value}'");
        world.run(&sql).await.expect(value);
        let log = world.sandbox.log();
        let path = &log.last().expect("one request").path;
        assert_eq!(
            path,
            &format!("/api/2.0/accounts/{encoded}/oauth2/published-app-integrations"),
            "{value}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn host_variables_take_no_foreign_hosts() {
    let world = World::new("rows=3").await.expect("starts");
    for value in ["evil.example/x", "a@evil.example", "evil.example#", "evil.example?", "", "a:80"]
    {
        let sql = format!("SELECT name FROM shop.regional.branches WHERE deployment = '{value}'");
        let report = world.run(&sql).await.expect_err(value);
        assert_eq!(report.code, Code::BadParamValue, "{value}: {report}");
    }
    assert_eq!(world.sandbox.requests(), 0);
    let report =
        world.run("SELECT name FROM shop.regional.branches").await.expect_err("a placeholder");
    assert_eq!(report.code, Code::MissingParam, "{report}");
}
