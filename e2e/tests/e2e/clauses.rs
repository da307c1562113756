//! Clauses pushed to a service (`queryParamPushdown`), as the service receives them.

use strataql_e2e::World;
use strataql_net::Settings as NetSettings;
use strataql_sandbox::Options;

async fn crew() -> World {
    let scenario = strataql_e2e::scenario("crew").expect("a valid scenario");
    let options = Options { scenario: Some(scenario), ..Options::default() };
    World::with(options, NetSettings::default()).await.expect("starts")
}

/// The clauses of the first request of a statement, as `name=value`, in the order of their names.
async fn sent(sql: &str) -> Vec<String> {
    let world = crew().await;
    world.run(sql).await.expect("runs");
    let log = world.sandbox.log();
    let first = log.iter().find(|entry| !entry.auth).expect("a request");
    let mut clauses: Vec<String> = first
        .query
        .iter()
        .map(|(name, value)| format!("{name}={}", value.as_deref().unwrap_or_default()))
        .collect();
    clauses.sort();
    clauses
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_travel_in_the_language_of_the_service() {
    for (condition, filter) in [
        ("team = 'red' AND age > 30", "team eq 'red' and age gt 30"),
        ("displayName = 'O''Hara'", "displayName eq 'O''Hara'"),
        ("age >= 18 AND age < 60", "age ge 18 and age lt 60"),
        ("age <> 44", "age ne 44"),
        ("44 < age", "age gt 44"),
        ("isActive", "isActive eq true"),
        ("NOT isActive", "isActive eq false"),
        ("displayName LIKE 'E%'", "startswith(displayName,'E')"),
        ("team = 'red' OR age = 44", "(team eq 'red' or age eq 44)"),
        ("team IN ('red', 'blue')", "(team eq 'red' or team eq 'blue')"),
        // what cannot be said stays here, and the rest travels
        ("lower(team) = 'red' AND age > 30", "age gt 30"),
        ("team > 'red' AND age > 30", "age gt 30"),
        ("displayName LIKE '%a%' AND age > 30", "age gt 30"),
    ] {
        let sql = format!("SELECT * FROM crew.people.staff WHERE {condition}");
        assert_eq!(sent(&sql).await, [format!("$filter={filter}")], "{condition}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_may_compare_otherwise_stays_here() {
    for condition in [
        // services compare text without case: rows of ours would be missing
        "team <> 'red'",
        "team < 'red'",
        "team IS NULL",
        "team LIKE 'r_d'",
        "team LIKE '50\\%%'",
        "team ILIKE 'r%'",
        "age = 44 OR lower(team) = 'red'",
        "age + 1 = 45",
        "team = displayName",
    ] {
        let sql = format!("SELECT * FROM crew.people.staff WHERE {condition}");
        assert_eq!(sent(&sql).await, [""; 0], "{condition}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_condition_travels_where_a_service_knows_no_and() {
    let sql = "SELECT * FROM crew.people.badges WHERE owner = 's1' AND level = 2 AND number > 0";
    let clauses = sent(sql).await;
    assert_eq!(clauses, ["q=owner eq 's1'"]);
    let sql = "SELECT * FROM crew.people.badges WHERE number = 3";
    assert_eq!(sent(sql).await, [""; 0], "no such column in its language");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_travels_only_where_it_cannot_lose_rows() {
    let staff = "SELECT * FROM crew.people.staff";
    assert_eq!(sent(&format!("{staff} LIMIT 2")).await, ["$top=2"]);
    assert_eq!(sent(&format!("{staff} LIMIT 2 OFFSET 2")).await, ["$top=4"]);
    for rest in [
        // more than the service gives at once: cut there, the list would end too early
        "LIMIT 6",
        "WHERE lower(team) = 'red' LIMIT 2",
        "ORDER BY age LIMIT 2",
    ] {
        assert_eq!(sent(&format!("{staff} {rest}")).await, [""; 0], "{rest}");
    }
    // beside a condition that the service might read otherwise
    assert_eq!(sent(&format!("{staff} WHERE age > 30 LIMIT 1")).await, ["$filter=age gt 30"]);
    assert_eq!(
        sent("SELECT count(*) FROM (SELECT * FROM crew.people.badges LIMIT 2)").await,
        ["showLimit=2"]
    );
    assert_eq!(sent("SELECT DISTINCT level FROM crew.people.badges LIMIT 1").await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_travel_when_all_that_are_read_can() {
    assert_eq!(sent("SELECT displayName FROM crew.people.staff").await, ["$select=displayName"]);
    assert_eq!(
        sent("SELECT upper(team) FROM crew.people.staff WHERE age > 30 ORDER BY id LIMIT 1").await,
        ["$filter=age gt 30", "$select=id,team,age"]
    );
    assert_eq!(sent("SELECT home.town FROM crew.people.staff").await, ["$select=home"]);
    assert_eq!(sent("SELECT * FROM crew.people.staff").await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_the_user_are_never_replaced() {
    let sql = "SELECT id FROM crew.people.staff WHERE \"$top\" = 1 AND age > 30 LIMIT 2";
    let clauses = sent(sql).await;
    assert!(clauses.contains(&"$top=1".to_owned()), "{clauses:?}");
    let sql = "SELECT id FROM crew.people.staff WHERE \"$filter\" = 'age lt 20' AND team = 'RED'";
    let clauses = sent(sql).await;
    assert!(clauses.contains(&"$filter=age lt 20".to_owned()), "{clauses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_tells_what_travels() {
    let world = crew().await;
    let sql = "EXPLAIN SELECT id FROM crew.people.staff WHERE team = 'red' AND lower(id) = 's1'";
    let table = world.run(sql).await.expect("explained");
    let cell = |label: &str| {
        let at = table.labels.iter().position(|own| own == label).expect("a column");
        table.rows[0][at].clone()
    };
    assert!(cell("pushed").contains("$filter = team eq 'red'"), "{table:?}");
    assert!(cell("local").contains("lower(id) = 's1'"), "{table:?}");
    assert!(cell("url").contains("filter=team+eq+%27red%27&"), "{table:?}");
    assert_eq!(world.sandbox.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_asked_in_its_body() {
    let world = crew().await;
    let sql = "SELECT visit FROM crew.people.visits WHERE team = 'red' AND sizes = '[1, 2]' AND open = true";
    world.run(sql).await.expect("runs");
    let log = world.sandbox.log();
    let bodies: Vec<String> =
        log.iter().filter_map(|entry| entry.body.as_ref().map(ToString::to_string)).collect();
    assert_eq!(bodies, [r#"{"open":true,"sizes":[1,2],"team":"red"}"#]);
    assert!(log.iter().all(|entry| entry.query.is_empty()), "{log:?}");
}
