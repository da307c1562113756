//! The throughput of a million rows.

use super::{Bench, RESOURCE, accounts, endpoint, exec, server};
use crate::program::Finished;
use crate::report::{Figure, Target, Unit};
use crate::server::Server;
use crate::statistic::{median, spread};

const MILLION: f64 = 1e6;

/// Megabytes that a streamed result may need, however long it is.
const MOST_MB: f64 = 120.0;

/// Medians of several runs.
struct Series {
    seconds: f64,
    spread: f64,
    cpu_seconds: f64,
    peak_mb: f64,
}

/// Runs a statement several times after one that warms up.
fn series(bench: &Bench, words: &[&str], runs: usize) -> Result<Series, String> {
    bench.program.measure(words)?;
    let finished: Vec<Finished> =
        (0..runs).map(|_| bench.program.measure(words)).collect::<Result<_, _>>()?;
    let of = |part: fn(&Finished) -> f64| finished.iter().map(part).collect::<Vec<f64>>();
    let seconds = of(|run| run.wall.as_secs_f64());
    Ok(Series {
        spread: spread(seconds.clone()),
        seconds: median(seconds),
        cpu_seconds: median(of(|run| run.cpu.as_secs_f64())),
        // the worst, since memory must suffice every time
        peak_mb: of(|run| run.peak_mb).into_iter().fold(0.0, f64::max),
    })
}

fn rate(bench: &Bench, name: &str, series: &Series, target: Target) -> Figure {
    Figure::new(name, Unit::RowsPerSecond, MILLION / series.seconds, target)
        .bound(bench.floor.rows_per_second())
        .spread(series.spread)
}

fn cost(name: &str, series: &Series) -> Figure {
    Figure::new(name, Unit::Seconds, series.cpu_seconds, Target::None)
}

/// `count(*)`.
pub(super) fn count(bench: &Bench) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    for (name, rows, lists) in [("100 lists", 10_000, 100), ("one list", 1_000_000, 1)] {
        let server = server(&format!("--rows {rows}"))?;
        let endpoint = endpoint(&server);
        let statement = format!("SELECT count(*) AS n FROM {RESOURCE} WHERE {}", accounts(lists));
        let words = exec(&endpoint, "csv", &statement);
        let output = bench.program.output(&words)?;
        if output != "n\n1000000\n" {
            return Err(format!("the count is wrong: {output:?}"));
        }
        let series = series(bench, &words, bench.runs)?;
        figures.push(rate(bench, name, &series, Target::AtLeast(400_000.0)));
        figures.push(cost(&format!("{name}, processor time"), &series));
    }
    Ok(figures)
}

/// A server with a million rows and the statement that reads them.
fn million() -> Result<(Server, String), String> {
    let server = server("--rows 10000")?;
    let statement = format!("SELECT * FROM {RESOURCE} WHERE {}", accounts(100));
    Ok((server, statement))
}

/// JSON lines to nowhere.
pub(super) fn jsonl(bench: &Bench) -> Result<Vec<Figure>, String> {
    let (server, statement) = million()?;
    let endpoint = endpoint(&server);
    let words = exec(&endpoint, "jsonl", &statement);
    let lines = bench.program.lines(&words)?;
    if lines != 1_000_000 {
        return Err(format!("{lines} lines came out"));
    }
    let series = series(bench, &words, bench.runs)?;
    Ok(vec![
        rate(bench, "to /dev/null", &series, Target::AtLeast(250_000.0)),
        cost("processor time", &series),
    ])
}

/// A Parquet file.
pub(super) fn parquet(bench: &Bench) -> Result<Vec<Figure>, String> {
    let (server, statement) = million()?;
    let endpoint = endpoint(&server);
    let file = bench.program.file("rows.parquet");
    let file = file.to_string_lossy();
    let mut words = exec(&endpoint, "parquet", &statement).to_vec();
    words.extend(["-f", &file]);
    let series = series(bench, &words, bench.runs)?;
    Ok(vec![
        rate(bench, "to a file", &series, Target::None),
        Figure::new("peak memory", Unit::Megabytes, series.peak_mb, Target::AtMost(180.0)),
    ])
}

/// Peak memory at 1 M and 3 M rows.
pub(super) fn memory(bench: &Bench) -> Result<Vec<Figure>, String> {
    let server = server("--rows 10000")?;
    let endpoint = endpoint(&server);
    let runs = bench.runs.min(3);
    let mut figures = Vec::new();
    for (name, columns, format) in
        [("count(*)", "count(*) AS n", "csv"), ("JSON lines", "*", "jsonl")]
    {
        let mut peaks = Vec::new();
        for lists in [100, 300] {
            let statement = format!("SELECT {columns} FROM {RESOURCE} WHERE {}", accounts(lists));
            peaks.push(series(bench, &exec(&endpoint, format, &statement), runs)?.peak_mb);
        }
        let (one, three) = (peaks[0], peaks[1]);
        figures.push(Figure::new(
            &format!("{name}, 1 M rows"),
            Unit::Megabytes,
            one,
            Target::AtMost(MOST_MB),
        ));
        figures.push(Figure::new(
            &format!("{name}, more at 3 M rows"),
            Unit::Percent,
            three / one - 1.0,
            Target::AtMost(0.1),
        ));
    }
    Ok(figures)
}
