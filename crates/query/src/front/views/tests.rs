use datafusion::catalog::TableProvider;
use strataql_registry::{Settings as RegistrySettings, Source};
use strataql_sql::Name;

use super::*;

/// Views of a test.
#[derive(Default)]
struct Views(HashMap<String, Definition>);

impl Views {
    /// A view of a document of `databricks_account`.
    fn with_document(mut self, name: &str, sql: &str) -> Self {
        self = self.with(name, sql);
        let definition = self.0.get_mut(name).expect("just made");
        definition.namespace = vec!["databricks_account".to_owned(), "oauth2".to_owned()];
        definition.from_document = true;
        self
    }

    fn with(mut self, name: &str, sql: &str) -> Self {
        let definition = Definition {
            name: name.to_owned(),
            sql: sql.to_owned(),
            columns: Vec::new(),
            namespace: Vec::new(),
            from_document: false,
            required: Vec::new(),
        };
        self.0.insert(name.to_owned(), definition);
        self
    }
}

impl RelationResolver for Views {
    fn table(&self, _name: &Name) -> Option<(String, Arc<dyn TableProvider>)> {
        None
    }

    fn view(&self, name: &Name) -> Option<Definition> {
        self.0.get(&name.dotted().to_lowercase()).cloned()
    }
}

/// The statement with its views in place.
fn expanded(views: &Views, text: &str) -> Found<String> {
    let settings = RegistrySettings { sources: vec![Source::embedded()], cache_dir: None };
    let registry = Registry::new(settings)?;
    let parsed = strataql_sql::parse(text)?.remove(0);
    let Statement::Query(query) = parsed.statement else { panic!("no query") };
    let mut query = *query;
    Expander::new(views, &registry, text, None).expand(&mut query, &[])?;
    Ok(query.to_string())
}

fn check(views: &Views, text: &str, wanted: &str) {
    assert_eq!(expanded(views, text).expect("expands"), wanted, "{text}");
}

const APPS: &str = "databricks_account.oauth2.published_app_integration";

#[test]
fn views_of_documents_read_their_own_provider_only() {
    let views = |sql: &str| {
        Views::default()
            .with("mine", "SELECT 1 AS account_id")
            .with_document("theirs", sql)
            .with("outer", "SELECT * FROM theirs")
    };
    let own = format!("SELECT name FROM {APPS} WHERE account_id = 'a0'");
    assert!(expanded(&views(&own), "SELECT * FROM theirs").is_ok());
    let with_cte = format!("WITH mine AS ({own}) SELECT * FROM mine");
    assert!(expanded(&views(&with_cte), "SELECT * FROM theirs").is_ok());
    for sql in [
        "SELECT * FROM mine",
        "SELECT * FROM 'secrets.csv'",
        "SELECT * FROM sys.changes",
        "SELECT * FROM databricks_workspace.iam.groups",
        "SELECT name FROM databricks_account.oauth2.published_app_integration \
         WHERE account_id IN (SELECT account_id FROM mine)",
    ] {
        for text in ["SELECT * FROM theirs", "SELECT * FROM outer", "SELECT * FROM mine, theirs"] {
            let report = expanded(&views(sql), text).expect_err(sql);
            assert!(!report.help.is_empty(), "{sql}: {report}");
        }
    }
    let report = expanded(&views("SELECT * FROM 'secrets.csv'"), "SELECT * FROM theirs");
    let report = report.expect_err("a file");
    assert_eq!(report.code, Code::BadDocument);
    assert!(report.message.contains("`theirs` of provider `databricks_account`"), "{report}");
}

#[test]
fn a_given_value_replaces_the_constant_of_the_body() {
    let views = Views::default().with(
        "v",
        &format!("SELECT account_id, name FROM {APPS} WHERE account_id = 'a0' AND name <> 'x'"),
    );
    check(
        &views,
        "SELECT * FROM v WHERE account_id IN ('a1', 'a2')",
        &format!(
            "SELECT * FROM (SELECT account_id, name FROM {APPS} WHERE \"account_id\" IN ('a1', 'a2') AND name <> 'x') AS \"v\" WHERE account_id IN ('a1', 'a2')"
        ),
    );
    check(
        &views,
        "SELECT w.name FROM v AS w WHERE w.account_id = 'a1'",
        &format!(
            "SELECT w.name FROM (SELECT account_id, name FROM {APPS} WHERE \"account_id\" = 'a1' AND name <> 'x') AS w WHERE w.account_id = 'a1'"
        ),
    );
    check(
        &views,
        "SELECT name FROM v WHERE name = 'n' OR account_id = 'a1'",
        &format!(
            "SELECT name FROM (SELECT account_id, name FROM {APPS} WHERE account_id = 'a0' AND name <> 'x') AS \"v\" WHERE name = 'n' OR account_id = 'a1'"
        ),
    );
}

#[test]
fn a_parameter_that_the_body_does_not_give_is_added_where_it_belongs() {
    let views = Views::default()
        .with("v", &format!("SELECT name FROM {APPS}"))
        .with("w", "SELECT * FROM v")
        .with(
            "j",
            &format!(
                "SELECT a.name FROM (VALUES ('n')) t (name) LEFT JOIN {APPS} a ON a.name = t.name"
            ),
        );
    check(
        &views,
        "SELECT * FROM v WHERE account_id = 'a1' AND name = 'n'",
        &format!(
            "SELECT * FROM (SELECT name FROM {APPS} WHERE {} = 'a1') AS \"v\" WHERE name = 'n'",
            column_of_apps()
        ),
    );
    check(
        &views,
        "SELECT * FROM w WHERE account_id = 'a1'",
        &format!(
            "SELECT * FROM (SELECT * FROM (SELECT name FROM {APPS} WHERE {} = 'a1') AS \"v\") AS \"w\"",
            column_of_apps()
        ),
    );
    check(
        &views,
        "SELECT * FROM j WHERE account_id = 'a1'",
        &format!(
            "SELECT * FROM (SELECT a.name FROM (VALUES ('n')) t (name) LEFT JOIN {APPS} a ON a.name = t.name AND \"a\".\"account_id\" = 'a1') AS \"j\""
        ),
    );
}

fn column_of_apps() -> String {
    let parts = APPS.split('.').map(|part| format!("\"{part}\"")).collect::<Vec<_>>().join(".");
    format!("{parts}.\"account_id\"")
}

#[test]
fn a_key_of_a_join_in_the_body_is_left_alone() {
    let views = Views::default().with(
        "v",
        &format!("SELECT a.name FROM (VALUES ('a9')) t (id) JOIN {APPS} a ON a.account_id = t.id"),
    );
    let shown = expanded(&views, "SELECT * FROM v WHERE account_id = 'a1'").expect("expands");
    assert!(!shown.contains("\"a\".\"account_id\" = 'a1'"), "{shown}");
}

#[test]
fn a_column_of_another_item_keeps_its_condition() {
    let views = Views::default().with("v", &format!("SELECT name FROM {APPS}"));
    let text =
        format!("SELECT v.name FROM v, {APPS} b WHERE account_id = 'a1' AND v.name = b.name");
    let shown = expanded(&views, &text).expect("expands");
    assert!(shown.ends_with("WHERE account_id = 'a1' AND v.name = b.name"), "{shown}");
    assert!(shown.contains(&format!("WHERE {} = 'a1'", column_of_apps())), "{shown}");
}

#[test]
fn nested_views_take_the_value_through_every_body() {
    let views = Views::default()
        .with("v", &format!("SELECT account_id, name FROM {APPS} WHERE account_id = 'a0'"))
        .with("w", "SELECT name FROM v WHERE account_id = 'a7'");
    let shown = expanded(&views, "SELECT * FROM w WHERE account_id = 'a1'").expect("expands");
    assert!(!shown.contains("a0") && !shown.contains("a7"), "{shown}");
    let own = expanded(&views, "SELECT * FROM w").expect("expands");
    assert!(own.contains("\"account_id\" = 'a7'") && !own.contains("a0"), "{own}");
}

#[test]
fn names_inside_a_view_are_its_own() {
    let views = Views::default().with(
        "v",
        &format!(
            "WITH c AS (SELECT name FROM {APPS} WHERE account_id = 'a0') SELECT c.name FROM c"
        ),
    );
    let shown = expanded(&views, "WITH c AS (SELECT 1 AS n) SELECT * FROM v, c").expect("expands");
    assert!(shown.contains("FROM \"\u{1}1:c\" AS c"), "{shown}");
    assert!(shown.ends_with(", c"), "{shown}");
}

#[test]
fn circles_and_depth_are_refused() {
    let views = Views::default().with("v", "SELECT * FROM w").with("w", "SELECT * FROM v");
    let report = expanded(&views, "SELECT * FROM v").expect_err("a circle");
    assert!(report.message.contains("v → w → v"), "{}", report.message);
    let mut views =
        Views::default().with("v0", &format!("SELECT name FROM {APPS} WHERE account_id = 'a'"));
    for depth in 1..=16 {
        views = views.with(&format!("v{depth}"), &format!("SELECT * FROM v{}", depth - 1));
    }
    assert!(expanded(&views, "SELECT * FROM v15").is_ok());
    let report = expanded(&views, "SELECT * FROM v16").expect_err("too deep");
    assert!(report.message.contains("more than 16 deep"), "{}", report.message);
}

#[test]
fn a_view_of_a_document_stands_for_its_resource() {
    let views = Views::default();
    let name = "databricks_account.oauth2.vw_published_app_integrations";
    let shown = expanded(&views, &format!("SELECT name FROM {name} v WHERE v.account_id = 'a1'"))
        .expect("expands");
    assert!(shown.contains("WHERE \"account_id\" = 'a1') v WHERE v.account_id = 'a1'"), "{shown}");
    let shown =
        expanded(&views, &format!("SELECT name FROM {name} WHERE account_id IN ('a', 'b')"))
            .expect("expands");
    assert!(shown.contains("WHERE \"account_id\" IN ('a', 'b')"), "{shown}");
    let report = expanded(&views, &format!("SELECT name FROM {name}")).expect_err("lacks a value");
    assert_eq!(report.code, Code::MissingParam);
    assert!(report.message.contains("`account_id`"), "{}", report.message);
    // a key of a join is a value too: the placeholder goes, the join feeds
    let text =
        format!("SELECT v.name FROM (VALUES ('a1')) t (id) JOIN {name} v ON v.account_id = t.id");
    let shown = expanded(&views, &text).expect("expands");
    assert!(!shown.contains("{{"), "{shown}");
}
