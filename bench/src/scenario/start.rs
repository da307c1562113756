//! Short statements: most of their time is the start of the process.

use std::time::Duration;

use super::{Bench, RESOURCE, endpoint, exec, server};
use crate::report::{Figure, Target, Unit};
use crate::statistic::{median_seconds, spread};

/// Starts for every run of other scenarios.
const STARTS: usize = 6;

/// From start to exit.
pub(super) fn start(bench: &Bench) -> Result<Vec<Figure>, String> {
    let server = server("--rows 1000")?;
    let endpoint = endpoint(&server);
    let page = format!("SELECT * FROM {RESOURCE} WHERE account_id = 'a1'");
    let run = |statement| exec(&endpoint, "table", statement).to_vec();
    let starts = [
        ("--version", vec!["--version"], 0.003),
        ("SELECT 1", run("SELECT 1"), 0.008),
        ("SHOW SERVICES", run("SHOW SERVICES IN databricks_account"), 0.012),
        ("SELECT of one page", run(&page), 0.014),
    ];
    let mut figures = Vec::new();
    for (name, words, most) in starts {
        // the first fills the cache of compiled documents
        bench.program.brief(&words)?;
        let times: Vec<Duration> = (0..bench.runs * STARTS)
            .map(|_| bench.program.brief(&words))
            .collect::<Result<_, _>>()?;
        let spread = spread(times.iter().map(Duration::as_secs_f64).collect());
        figures.push(
            Figure::new(name, Unit::Milliseconds, median_seconds(&times), Target::AtMost(most))
                .bound(bench.floor.start)
                .spread(spread),
        );
    }
    // read while it lives, which the page's own transfer makes long enough
    let peak = bench.program.measure(&exec(&endpoint, "table", &page))?.peak_mb;
    figures.push(Figure::new("peak memory of a page", Unit::Megabytes, peak, Target::None));
    Ok(figures)
}

/// Metadata of many providers.
pub(super) fn metadata(bench: &Bench) -> Result<Vec<Figure>, String> {
    let registry = std::env::var_os("STRATAQL_TEST_REGISTRY")
        .ok_or("not measured: STRATAQL_TEST_REGISTRY is not set")?;
    let registry = format!("file:{}", registry.to_string_lossy());
    let statement = "SELECT count(*) FROM sys.methods";
    let words = ["exec", "--registry", &registry, "-o", "csv", statement];
    let cold = bench.program.brief(&words)?;
    let times: Vec<Duration> =
        (0..bench.runs).map(|_| bench.program.brief(&words)).collect::<Result<_, _>>()?;
    Ok(vec![
        Figure::new("first time", Unit::Seconds, cold.as_secs_f64(), Target::None),
        Figure::new("warm", Unit::Seconds, median_seconds(&times), Target::AtMost(2.0)),
    ])
}
