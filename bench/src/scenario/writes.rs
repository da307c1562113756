//! Many writes to a remote server, each recorded on disk before and after.

use std::time::Duration;

use super::{Bench, RESOURCE, endpoint, server};
use crate::report::{Figure, Target, Unit};
use crate::statistic::{median_seconds, spread};

const ROWS: u32 = 1_000;

/// Writes that are in flight at once.
const IN_FLIGHT: u32 = 16;

const LATENCY: f64 = 0.05;

/// Slower than this is too slow, records included.
const MOST: f64 = 3.6;

/// A thousand INSERTs, with the change ledger and without.
pub(super) fn inserts(bench: &Bench) -> Result<Vec<Figure>, String> {
    let server = server("--rows 1 --latency 50")?;
    let endpoint = endpoint(&server);
    let limit = format!("--max-writes={ROWS}");
    let statement = format!(
        "INSERT INTO {RESOURCE} (account_id, app_id) \
         SELECT 'a1', 'app-' || value FROM generate_series(1, {ROWS})"
    );
    let recorded = ["exec", "--endpoint", &endpoint, &limit, &statement];
    let unrecorded = ["exec", "--no-ledger", "--endpoint", &endpoint, &limit, &statement];
    let bound = f64::from(ROWS.div_ceil(IN_FLIGHT)) * LATENCY;
    let mut figures = Vec::new();
    for (name, words, target) in [
        ("with ledger", &recorded[..], Target::AtMost(MOST)),
        ("without ledger", &unrecorded[..], Target::None),
    ] {
        server.count()?;
        let times: Vec<Duration> =
            (0..bench.runs.min(3)).map(|_| bench.program.brief(words)).collect::<Result<_, _>>()?;
        let count = server.count()?;
        let asked = u64::from(ROWS) * times.len() as u64;
        if count.requests != asked {
            return Err(format!("{} writes arrived in place of {asked}", count.requests));
        }
        let spread = spread(times.iter().map(Duration::as_secs_f64).collect());
        figures.push(
            Figure::new(name, Unit::Seconds, median_seconds(&times), target)
                .bound(bound)
                .spread(spread),
        );
    }
    Ok(figures)
}
