//! Remote servers: how close the time of a statement is to their latency.

use std::time::Duration;

use super::{Bench, RESOURCE, accounts, endpoint, exec, server};
use crate::report::{Figure, Target, Unit};
use crate::server::{Count, Server};
use crate::statistic::{median_seconds, spread};

/// Requests that one provider is asked at once.
const IN_FLIGHT: u32 = 16;

/// Runs a statement several times; gives the times and the requests of the last.
fn times(
    bench: &Bench,
    server: &Server,
    statement: &str,
) -> Result<(Vec<Duration>, Count), String> {
    let endpoint = endpoint(server);
    let words = exec(&endpoint, "csv", statement);
    bench.program.brief(&words)?;
    server.count()?;
    let mut times = Vec::new();
    let mut count = None;
    for _ in 0..bench.runs {
        times.push(bench.program.brief(&words)?);
        count = Some(server.count()?);
    }
    Ok((times, count.ok_or("no run")?))
}

fn seconds(name: &str, times: &[Duration], bound: f64, target: Target) -> Figure {
    let spread = spread(times.iter().map(Duration::as_secs_f64).collect());
    Figure::new(name, Unit::Seconds, median_seconds(times), target).bound(bound).spread(spread)
}

fn requests(count: Count, most: u32) -> Figure {
    let measured = f64::from(u32::try_from(count.requests).unwrap_or(u32::MAX));
    Figure::new("requests", Unit::Requests, measured, Target::AtMost(most.into()))
        .bound(most.into())
}

fn in_flight(count: Count) -> Figure {
    let measured = f64::from(u32::try_from(count.most_in_flight).unwrap_or(u32::MAX));
    Figure::new("most requests at once", Unit::Requests, measured, Target::AtMost(IN_FLIGHT.into()))
}

/// The first line while the list goes on.
pub(super) fn first_line(bench: &Bench) -> Result<Vec<Figure>, String> {
    let server = server("--rows 100000 --latency 1000")?;
    let endpoint = endpoint(&server);
    let mut figures = Vec::new();
    for (name, lists) in [("one list", 1), ("64 lists", 64)] {
        let statement = format!("SELECT * FROM {RESOURCE} WHERE {}", accounts(lists));
        let words = exec(&endpoint, "jsonl", &statement);
        let times: Vec<Duration> = (0..bench.runs.min(3))
            .map(|_| bench.program.first_line(&words))
            .collect::<Result<_, _>>()?;
        figures.push(seconds(name, &times, 1.0, Target::AtMost(1.5)));
    }
    Ok(figures)
}

/// Many short lists.
pub(super) fn scopes(bench: &Bench) -> Result<Vec<Figure>, String> {
    let server = server("--rows 10000 --latency 50")?;
    let statement = format!("SELECT count(*) FROM {RESOURCE} WHERE {}", accounts(64));
    let (times, count) = times(bench, &server, &statement)?;
    let bound = f64::from(64_u32.div_ceil(IN_FLIGHT)) * 10.0 * 0.05;
    Ok(vec![
        seconds("64 × 10 pages", &times, bound, Target::AtMost(bound / 0.95)),
        requests(count, 640),
        in_flight(count),
    ])
}

/// A few rows of a long list.
pub(super) fn limit(bench: &Bench) -> Result<Vec<Figure>, String> {
    let server = server("--rows 14000 --page-rows 100 --latency 100")?;
    let statement = format!("SELECT * FROM {RESOURCE} WHERE account_id = 'a1' LIMIT 15");
    let (times, count) = times(bench, &server, &statement)?;
    // a page, and a start
    Ok(vec![seconds("LIMIT 15", &times, 0.1, Target::AtMost(0.12)), requests(count, 1)])
}

/// A list that feeds a parameter of another.
pub(super) fn bind_join(bench: &Bench) -> Result<Vec<Figure>, String> {
    let server = server("--rows 1000 --keys 200 --latency 50")?;
    let statement = "SELECT count(*) FROM databricks_account.oauth2.custom_app_integration AS app \
        JOIN databricks_account.oauth2.service_principal_secrets AS secret \
        ON secret.service_principal_id = CAST(app.principal_id AS TEXT) \
        WHERE app.account_id = 'a1' AND secret.account_id = 'a1'";
    let rows = bench.program.output(&exec(&endpoint(&server), "csv", statement))?;
    if rows.lines().nth(1) != Some("1000") {
        return Err(format!("the count is wrong: {rows:?}"));
    }
    let (times, count) = times(bench, &server, statement)?;
    let bound = 0.05 + f64::from(200_u32.div_ceil(IN_FLIGHT)) * 0.05;
    Ok(vec![
        seconds("1,000 rows, 200 keys", &times, bound, Target::AtMost(bound * 1.15)),
        requests(count, 201),
        in_flight(count),
    ])
}
