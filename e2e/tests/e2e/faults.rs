//! Complete, or an error: lists of three pages with a fault on one of them. The result is an error,
//! or the whole list if a retry succeeded; never a part, never an empty table.

use std::sync::Arc;

use strataql_diag::{Code, Report};
use strataql_e2e::{World, impatient};
use strataql_net::{ManualClock, Settings as NetSettings};
use strataql_sandbox::{Options, Scenario};

/// Lists of three pages of two rows, one for each style of paging.
const TOKEN: &str =
    "SELECT name FROM databricks_account.oauth2.published_app_integration WHERE account_id = 'a1'";
const LINK: &str = "SELECT event_id, kind FROM market.catalog.events";
const OFFSET: &str = "SELECT order_id, sku FROM market.catalog.orders WHERE store = 'main'";
const NUMBER: &str = "SELECT customer_id, code FROM market.catalog.customers";

/// How a cell may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Error(Code),
    Whole,
    /// The whole list or this error, and nothing else.
    WholeOr(Code),
}

/// A fault on one page of one list.
#[derive(Debug, Clone)]
struct Cell {
    list: &'static str,
    page: usize,
    fault: String,
    end: End,
}

async fn world(faults: &str) -> World {
    let yaml = format!("rows: 6\npage_size: 2\nfaults:\n{faults}");
    let scenario = Scenario::parse(&yaml, "faults").expect("a valid scenario");
    let net = NetSettings { max_body: 1 << 20, ..impatient() };
    let options = Options { scenario: Some(scenario), ..Options::default() };
    World::at(options, net, Arc::new(ManualClock::default())).await.expect("starts")
}

/// The rows of a list that nothing happens to.
async fn whole(list: &str) -> Vec<Vec<String>> {
    let world = world("").await;
    let rows = world.run(list).await.expect("no fault").rows;
    assert_eq!((rows.len(), world.sandbox.requests()), (6, 3), "{list}");
    rows
}

/// Everything that is wrong with how a cell ended.
async fn run(cell: &Cell, whole: &[Vec<String>]) -> Result<(), String> {
    let world = world(&format!("- {{page: {}, {}}}\n", cell.page, cell.fault)).await;
    let result = world.run(cell.list).await;
    let told = |report: &Report| {
        let is_complete = !report.help.is_empty() && !report.message.is_empty();
        if is_complete { Ok(()) } else { Err(format!("{report:?} gives no next step")) }
    };
    match (&result, cell.end) {
        (Ok(table), End::Whole | End::WholeOr(_)) if table.rows == whole => Ok(()),
        (Err(report), End::Error(code) | End::WholeOr(code)) if report.code == code => told(report),
        (Ok(table), _) => Err(format!("{} rows without an error", table.rows.len())),
        (Err(report), _) => Err(format!("{report}")),
    }
}

/// Runs all cells, a few at a time: some of them wait for a time limit.
async fn check(cells: Vec<Cell>) {
    let mut lists: Vec<(&'static str, Arc<Vec<Vec<String>>>)> = Vec::new();
    for cell in &cells {
        if !lists.iter().any(|(list, _)| *list == cell.list) {
            lists.push((cell.list, Arc::new(whole(cell.list).await)));
        }
    }
    let gate = Arc::new(tokio::sync::Semaphore::new(6));
    let mut tasks = tokio::task::JoinSet::new();
    for cell in cells {
        let gate = Arc::clone(&gate);
        let found = lists.iter().find(|(list, _)| *list == cell.list).expect("read above");
        let whole = Arc::clone(&found.1);
        tasks.spawn(async move {
            let _turn = gate.acquire().await.expect("open");
            let result = run(&cell, &whole).await;
            result.map_err(|what| {
                format!("page {}, {} of {}: {what}", cell.page, cell.fault, cell.list)
            })
        });
    }
    let (mut count, mut wrong) = (0, Vec::new());
    while let Some(done) = tasks.join_next().await {
        count += 1;
        wrong.extend(done.expect("no panic").err());
    }
    wrong.sort();
    assert!(wrong.is_empty(), "{} of {count} cells:\n{}", wrong.len(), wrong.join("\n"));
}

/// A fault on each of the three pages of a list.
fn on_each_page(list: &'static str, fault: &str, end: End) -> impl Iterator<Item = Cell> {
    (1..=3).map(move |page| Cell { list, page, fault: fault.to_owned(), end })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_stays_is_an_error_on_every_page() {
    let faults: [(&str, Code); 25] = [
        ("status: 302", Code::RemoteRejected),
        ("status: 400", Code::RemoteRejected),
        ("status: 401", Code::CredentialRefused),
        ("status: 403", Code::CredentialRefused),
        ("status: 404", Code::RemoteMissing),
        ("status: 409", Code::RemoteConflict),
        ("status: 410", Code::RemoteRejected),
        ("status: 429", Code::RateLimited),
        ("status: 429, retry_after: 1", Code::RateLimited),
        ("status: 500", Code::RemoteUnavailable),
        ("status: 502", Code::RemoteUnavailable),
        ("status: 503", Code::RemoteUnavailable),
        ("status: 503, retry_after: 1", Code::RemoteUnavailable),
        ("status: 504", Code::RemoteUnavailable),
        ("kind: html", Code::UnexpectedBody),
        ("kind: half", Code::UnexpectedBody),
        ("kind: truncate", Code::RemoteUnavailable),
        ("kind: stall", Code::Timeout),
        ("kind: reset", Code::RemoteUnavailable),
        ("kind: error_200", Code::UnexpectedBody),
        ("kind: other_object", Code::UnexpectedBody),
        ("kind: null", Code::UnexpectedBody),
        ("kind: empty", Code::UnexpectedBody),
        ("kind: endless_body", Code::ResponseTooLarge),
        ("kind: repeat_token", Code::PageLoop),
    ];
    let cells =
        faults.into_iter().flat_map(|(fault, code)| on_each_page(TOKEN, fault, End::Error(code)));
    check(cells.collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_style_of_paging_is_as_strict() {
    let faults: [(&str, Code); 12] = [
        ("status: 403", Code::CredentialRefused),
        ("status: 404", Code::RemoteMissing),
        ("status: 429", Code::RateLimited),
        ("status: 500", Code::RemoteUnavailable),
        ("kind: html", Code::UnexpectedBody),
        ("kind: half", Code::UnexpectedBody),
        ("kind: truncate", Code::RemoteUnavailable),
        ("kind: reset", Code::RemoteUnavailable),
        ("kind: error_200", Code::UnexpectedBody),
        ("kind: other_object", Code::UnexpectedBody),
        ("kind: null", Code::UnexpectedBody),
        ("kind: empty", Code::UnexpectedBody),
    ];
    let cells = faults.into_iter().flat_map(|(fault, code)| {
        [LINK, OFFSET, NUMBER]
            .into_iter()
            .flat_map(move |list| on_each_page(list, fault, End::Error(code)))
    });
    check(cells.collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_passes_is_healed_and_the_list_is_whole() {
    let faults = [
        "status: 408, times: 1",
        "status: 502, times: 1",
        "status: 503, times: 1",
        "status: 503, retry_after: 2, times: 1",
        "status: 504, times: 1",
        "status: 429, times: 1",
        "status: 429, retry_after: 0, times: 1",
        "kind: reset, times: 1",
        "kind: truncate, times: 1",
        "kind: stall, times: 1",
    ];
    let mut cells: Vec<Cell> =
        faults.into_iter().flat_map(|fault| on_each_page(TOKEN, fault, End::Whole)).collect();
    for list in [LINK, OFFSET, NUMBER] {
        cells.extend(on_each_page(list, "status: 503, times: 1", End::Whole));
        cells.extend(on_each_page(list, "kind: reset, times: 1", End::Whole));
    }
    // a token that was refused is renewed once; a bad answer is not asked for again
    cells.extend(on_each_page(
        TOKEN,
        "status: 401, times: 1",
        End::WholeOr(Code::CredentialRefused),
    ));
    cells.extend(on_each_page(
        TOKEN,
        "status: 500, times: 1",
        End::WholeOr(Code::RemoteUnavailable),
    ));
    cells.extend(on_each_page(TOKEN, "kind: html, times: 1", End::WholeOr(Code::UnexpectedBody)));
    cells.extend(on_each_page(TOKEN, "kind: half, times: 1", End::WholeOr(Code::UnexpectedBody)));
    check(cells).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn page_addresses_that_lie_are_errors() {
    let mut cells: Vec<Cell> =
        on_each_page(LINK, "kind: repeat_token", End::Error(Code::PageLoop)).collect();
    // counted pages go on by counting: on the last page the total is one more than there are, and falls on
    // the empty page after it
    for list in [OFFSET, NUMBER] {
        cells.extend(on_each_page(list, "kind: repeat_token", End::WholeOr(Code::IncompleteList)));
    }
    // the last page names none: the fault changes the first two
    for page in [1, 2] {
        let fault = "kind: cross_origin_link".to_owned();
        cells.push(Cell { list: LINK, page, fault, end: End::Error(Code::CrossOrigin) });
    }
    check(cells).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_nobody_needs_cannot_fail() {
    let world = world("- {page: 3, status: 500}\n").await;
    let table = world.run(&format!("{TOKEN} LIMIT 3")).await.expect("two pages do");
    assert_eq!((table.rows.len(), world.sandbox.requests()), (3, 2));
    world.run(&format!("{TOKEN} LIMIT 5")).await.expect_err("the third page is needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_without_end_takes_no_more_than_was_asked_for() {
    let world = world("- {kind: endless}\n").await;
    let table = world.run(&format!("{TOKEN} LIMIT 51")).await.expect("26 pages do");
    assert_eq!((table.rows.len(), world.sandbox.requests()), (51, 26));
    world.session.set("timeout", "300ms").expect("a duration");
    let report = world.run(TOKEN).await.expect_err("it never ends");
    assert_eq!(report.code, Code::Timeout, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_leg_of_a_fan_out_or_join_fails_the_statement() {
    let list = "databricks_account.oauth2.published_app_integration";
    for (fault, code) in [
        ("status: 500", Code::RemoteUnavailable),
        ("status: 404", Code::RemoteMissing),
        ("status: 403", Code::CredentialRefused),
        ("kind: null", Code::UnexpectedBody),
    ] {
        let world = world(&format!(
            "- {{path: /accounts/a2/oauth2/published-app-integrations, {fault}}}\n"
        ))
        .await;
        for sql in [
            format!("SELECT name FROM {list} WHERE account_id IN ('a1', 'a2', 'a3')"),
            format!(
                "SELECT t.name FROM (VALUES ('a1'), ('a2')) v(a) JOIN {list} t ON t.account_id = v.a"
            ),
            format!(
                "SELECT v.a, t.name FROM (VALUES ('a1'), ('a2')) v(a) LEFT JOIN {list} t ON t.account_id = v.a"
            ),
            format!("SELECT 1 WHERE EXISTS (SELECT 1 FROM {list} WHERE account_id = 'a2')"),
            format!(
                "SELECT count(*) FROM {list} WHERE account_id = 'a1' \
                 UNION ALL SELECT count(*) FROM {list} WHERE account_id = 'a2'"
            ),
        ] {
            let report = world.run(&sql).await.expect_err(&sql);
            assert_eq!(report.code, code, "{sql}: {report}");
            if let Some(remote) = report.remote {
                assert!(remote.url.contains("/accounts/a2/"), "{}", remote.url);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_lookup_may_find_nothing() {
    let world = world("").await;
    let list = "databricks_account.oauth2.published_app_integration";
    let sql =
        format!("SELECT name FROM {list} WHERE account_id = 'a1' AND integration_id = 'none'");
    let none = strataql_engine::Parameters::default();
    let (table, outcome) = world.run_with(&sql, &none).await.expect("no such row");
    assert!(table.rows.is_empty());
    assert!(outcome.notes().iter().any(|note| note.contains("404")), "{:?}", outcome.notes());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_request_is_named_without_secrets() {
    let world = world("- {page: 2, status: 503}\n").await;
    let report = world.run(TOKEN).await.expect_err("unavailable");
    let remote = report.remote.clone().expect("names the request");
    assert_eq!((remote.status, remote.verb.as_str()), (Some(503), "GET"));
    assert!(remote.attempts >= 2, "{remote:?}");
    assert!(remote.url.starts_with("https://accounts.cloud.databricks.com/api/2.0/"), "{remote:?}");
    let all = format!("{report} {report:?}");
    assert!(!all.contains("Bearer") && !all.contains("sandbox-secret"), "{all}");
}
