//! The heart of the product: a list of three pages of which one goes wrong. Every cell is an error, or
//! the whole list where a retry healed it; never a part, never an empty table.

use std::sync::Arc;

use strataql_diag::Code;
use strataql_e2e::{World, impatient};

const LIST: &str =
    "SELECT name FROM databricks_account.oauth2.published_app_integration WHERE account_id = 'a1'";

/// Six objects on three pages; one fault on one page.
fn scenario(page: usize, fault: &str, times: Option<usize>) -> String {
    let times = times.map(|times| format!(", times: {times}")).unwrap_or_default();
    format!("rows: 6\npage_size: 2\nfaults:\n- {{page: {page}, {fault}{times}}}\n")
}

async fn outcome(page: usize, fault: &str, times: Option<usize>) -> Result<usize, Code> {
    let yaml = scenario(page, fault, times);
    let world = World::scenario(&yaml, impatient()).await.expect("starts");
    match world.run(LIST).await {
        Ok(table) => Ok(table.rows.len()),
        Err(report) => {
            assert!(!report.help.is_empty(), "{report} gives no next step");
            Err(report.code)
        }
    }
}

/// Runs all cells, a few at a time: most of them wait for a time limit.
async fn check(cells: Vec<(usize, &'static str, Option<usize>, Vec<Result<usize, Code>>)>) {
    let gate = Arc::new(tokio::sync::Semaphore::new(6));
    let mut tasks = tokio::task::JoinSet::new();
    for (page, fault, times, allowed) in cells {
        let gate = Arc::clone(&gate);
        tasks.spawn(async move {
            let _turn = gate.acquire().await.expect("open");
            let got = outcome(page, fault, times).await;
            (page, fault, times, allowed, got)
        });
    }
    let mut wrong = Vec::new();
    while let Some(done) = tasks.join_next().await {
        let (page, fault, times, allowed, got) = done.expect("no panic");
        if !allowed.contains(&got) {
            wrong.push(format!("page {page}, {fault}, times {times:?}: {got:?}, not {allowed:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_stays_is_an_error_on_every_page() {
    let faults: [(&str, &[Code]); 20] = [
        ("status: 400", &[Code::RemoteRejected]),
        ("status: 401", &[Code::CredentialRefused]),
        ("status: 403", &[Code::CredentialRefused]),
        ("status: 404", &[Code::RemoteMissing]),
        ("status: 409", &[Code::RemoteConflict]),
        ("status: 429", &[Code::RateLimited]),
        ("status: 500", &[Code::RemoteUnavailable]),
        ("status: 502", &[Code::RemoteUnavailable]),
        ("status: 503", &[Code::RemoteUnavailable]),
        ("status: 302", &[Code::RemoteRejected]),
        ("kind: html", &[Code::UnexpectedBody]),
        ("kind: half", &[Code::UnexpectedBody]),
        ("kind: truncate", &[Code::RemoteUnavailable]),
        ("kind: stall", &[Code::Timeout]),
        ("kind: reset", &[Code::RemoteUnavailable]),
        ("kind: error_200", &[Code::UnexpectedBody]),
        ("kind: other_object", &[Code::UnexpectedBody]),
        ("kind: \"null\"", &[Code::UnexpectedBody]),
        ("kind: empty", &[Code::UnexpectedBody]),
        ("kind: endless_body", &[Code::Timeout, Code::ResponseTooLarge, Code::UnexpectedBody]),
    ];
    let cells = faults
        .into_iter()
        .flat_map(|(fault, codes)| {
            let allowed: Vec<Result<usize, Code>> = codes.iter().map(|code| Err(*code)).collect();
            (1..=3).map(move |page| (page, fault, None, allowed.clone()))
        })
        .collect();
    check(cells).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_passes_is_healed_and_the_list_is_whole() {
    let faults = [
        "status: 502",
        "status: 503",
        "status: 504",
        "status: 429, retry_after: 0",
        "kind: reset",
        "kind: truncate",
        "kind: stall",
    ];
    let cells = faults
        .into_iter()
        .flat_map(|fault| (1..=3).map(move |page| (page, fault, Some(1), vec![Ok(6)])))
        .collect();
    check(cells).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn page_addresses_that_lie_are_errors() {
    let cells = vec![
        (2, "kind: repeat_token", None, vec![Err(Code::PageLoop)]),
        (3, "kind: repeat_token", None, vec![Err(Code::PageLoop)]),
        // on the first page there is no token before it: the list is whole, or the page is refused
        (1, "kind: repeat_token", None, vec![Err(Code::PageLoop), Ok(6)]),
    ];
    check(cells).await;
    let yaml = "rows: 6\npage_size: 2\nfaults:\n- {page: 2, kind: cross_origin_link}\n";
    let world = World::scenario(yaml, impatient()).await.expect("starts");
    let report = world.run("SELECT name FROM shop.store.items").await.expect_err("elsewhere");
    assert_eq!(report.code, Code::CrossOrigin, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_leg_of_a_fan_out_or_join_fails_the_statement() {
    let yaml = "rows: 3\nfaults:\n- {path: /api/2.0/accounts/a2/oauth2/published-app-integrations, status: 500}\n";
    let world = World::scenario(yaml, impatient()).await.expect("starts");
    let resource = "databricks_account.oauth2.published_app_integration";
    for sql in [
        format!("SELECT name FROM {resource} WHERE account_id IN ('a1', 'a2', 'a3')"),
        format!(
            "SELECT t.name FROM (VALUES ('a1'), ('a2')) v(a) JOIN {resource} t ON t.account_id = v.a"
        ),
        format!(
            "SELECT count(*) FROM {resource} WHERE account_id = 'a1' UNION ALL SELECT count(*) FROM {resource} WHERE account_id = 'a2'"
        ),
    ] {
        let report = world.run(&sql).await.expect_err("one leg fails");
        assert_eq!(report.code, Code::RemoteUnavailable, "{sql}: {report}");
        let remote = report.remote.expect("names the request");
        assert!(remote.url.contains("/accounts/a2/"), "{}", remote.url);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_lookup_may_find_nothing() {
    let world = World::new("rows=3").await.expect("starts");
    let resource = "databricks_account.oauth2.published_app_integration";
    let sql =
        format!("SELECT name FROM {resource} WHERE account_id = 'a1' AND integration_id = 'none'");
    let (table, outcome) =
        world.run_with(&sql, &strataql_engine::Parameters::default()).await.expect("no such row");
    assert!(table.rows.is_empty());
    assert!(outcome.notes().iter().any(|note| note.contains("404")), "{:?}", outcome.notes());
}
