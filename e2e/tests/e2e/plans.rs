//! EXPLAIN and EXPLAIN ANALYZE.

use strataql_e2e::{Table, World};
use strataql_net::Settings as NetSettings;
use strataql_sandbox::Options;

async fn market() -> World {
    let scenario = strataql_e2e::scenario("market").expect("a valid scenario");
    let options = Options { scenario: Some(scenario), ..Options::default() };
    World::with(options, NetSettings::default()).await.expect("starts")
}

/// The cell of a step in a column.
fn cell(table: &Table, step: usize, label: &str) -> String {
    let at = table.labels.iter().position(|own| own == label).expect("a column");
    table.rows[step][at].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pushed_and_what_is_checked_here_is_told() {
    let world = market().await;
    let sql = "EXPLAIN SELECT name FROM market.catalog.products WHERE category = 'tools' AND price > 5 ORDER BY name";
    let table = world.run(sql).await.expect("explained");
    let labels = [
        "step",
        "method",
        "http",
        "url",
        "count_min",
        "count_max",
        "paging",
        "pushed",
        "local",
        "why",
    ];
    assert_eq!(table.labels, labels);
    assert_eq!(cell(&table, 0, "method"), "market.catalog.products.list");
    assert!(cell(&table, 0, "url").ends_with("/products?category=tools"), "{table:?}");
    assert!(cell(&table, 0, "pushed").contains("category = 'tools'"), "{table:?}");
    let local: Vec<String> =
        (0..table.rows.len()).map(|step| cell(&table, step, "local")).collect();
    let local = local.join(" ");
    for part in ["category = 'tools'", "price > 5", "sort"] {
        assert!(local.contains(part), "`{part}` is checked here: {table:?}");
    }
    assert_eq!(world.sandbox.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_a_lookup_are_counted() {
    let world = market().await;
    let sql = "EXPLAIN SELECT manual FROM market.catalog.products WHERE sku IN ('p1', 'p2', 'p3')";
    let table = world.run(sql).await.expect("explained");
    let counts = [cell(&table, 0, "count_min"), cell(&table, 0, "count_max")];
    assert_eq!(counts, ["3", "3"], "a lookup has one answer: {table:?}");
    assert_eq!(world.sandbox.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn analyze_adds_what_was_measured() {
    let world = market().await;
    let table =
        world.run("EXPLAIN ANALYZE SELECT name FROM market.catalog.products").await.expect("read");
    assert_eq!(table.labels[10..], ["calls", "pages", "bytes", "retries", "wait_ms", "rows"]);
    let measured = ["calls", "pages", "retries", "rows"].map(|label| cell(&table, 0, label));
    assert_eq!(measured, ["1", "3", "0", "7"], "{table:?}");
    assert!(cell(&table, 0, "bytes").parse::<u64>().is_ok_and(|bytes| bytes > 500), "{table:?}");
    assert_eq!(world.sandbox.requests(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn repetitions_are_measured() {
    let yaml = "rows: 6\npage_size: 2\nfaults:\n- {page: 2, status: 503, times: 1}\n";
    let world = World::scenario(yaml, strataql_e2e::impatient()).await.expect("starts");
    let table =
        world.run("EXPLAIN ANALYZE SELECT * FROM market.catalog.events").await.expect("healed");
    let measured = ["calls", "pages", "retries", "rows"].map(|label| cell(&table, 0, label));
    assert_eq!(measured, ["1", "3", "1", "6"], "{table:?}");
    assert_eq!(world.sandbox.requests(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_one_statement_do_not_wait_for_each_other() {
    let options = Options::parse_list("rows=2,latency=1s").expect("valid");
    let world = World::with(options, NetSettings::default()).await.expect("starts");
    let sql = "SELECT count(*) FROM market.catalog.suppliers s CROSS JOIN market.catalog.labels l";
    assert_eq!(world.run(sql).await.expect("read").rows, [["4"]]);
    let log = world.sandbox.log();
    let arrived = |end: &str| {
        log.iter().find(|entry| entry.path.ends_with(end)).map(|entry| entry.at_ms).expect("asked")
    };
    let apart = arrived("suppliers").abs_diff(arrived("labels"));
    assert!(apart < 1000, "the second came {apart} ms after the first, which takes a second");
}
