//! The change ledger of a run: opening it, and reporting writes of earlier runs without an outcome.
//!
//! Owns: the report about such writes, once.
//! Surprise: a problem with the ledger never prevents reads. It is a warning here; a write is
//! refused when it is executed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use strataql_diag::{Code, Report};
use strataql_engine::Recording;
use strataql_ledger::{Entry, Ledger, Resolution, ResolutionKind, Run, Timestamp, open_writes};
use strataql_net::Clock;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::console::Console;
use crate::settings::Settings;

/// Open writes that are listed; the others are counted.
const NAMED: usize = 20;

/// How long another process may keep the ledger locked.
const PATIENCE: Duration = Duration::from_millis(600);

/// Maximum characters of a statement in the report.
const SHOWN: usize = 120;

/// The folder of the ledger. Writes to simulated services are kept apart from real ones.
pub(crate) fn folder(settings: &Settings, simulated: bool) -> Option<PathBuf> {
    let folder = settings.places.ledger()?;
    Some(if simulated { folder.join("sandbox") } else { folder })
}

/// The ledger of a run; nothing is written yet.
pub(super) fn open(settings: &Settings, simulated: bool, clock: Arc<dyn Clock>) -> Recording {
    let folder = folder(settings, simulated);
    match folder {
        folder if !settings.ledger => Recording::Off { folder },
        None => Recording::Nowhere,
        Some(folder) => {
            let run = Run {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                started_at: Timestamp::from(clock.wall()),
            };
            Recording::On { ledger: Arc::new(Ledger::open(folder, run)), clock }
        }
    }
}

/// Reports writes of runs that ended before the outcome was known; each is reported once.
pub(crate) async fn report_open(recording: &Recording, workers: &Handle, console: &Console) {
    let Recording::On { ledger, clock } = recording else { return };
    let mut entries = match entries(ledger.dir(), workers).await {
        Ok(entries) if entries.is_empty() => return,
        Ok(entries) => entries,
        Err(report) => return console.show(&as_warning(*report), None),
    };
    let ids = entries.iter().map(|entry| entry.id.clone()).collect();
    let resolution = Resolution {
        kind: ResolutionKind::Reported,
        message: None,
        at: Timestamp::from(clock.wall()),
    };
    match timeout(PATIENCE, ledger.acknowledge(ids, resolution)).await {
        // of two runs that start at the same time, each reports the writes that it acknowledged
        Ok(Ok(taken)) => entries.retain(|entry| taken.contains(&entry.id)),
        Ok(Err(report)) => console.show(&as_warning(*report), None),
        Err(_) => console.show(&as_warning(locked(ledger.dir())), None),
    }
    if !entries.is_empty() {
        console.show(&about(&entries), None);
    }
}

/// Closes the ledger of a run.
pub(crate) async fn close(recording: &Recording, console: &Console) {
    let Recording::On { ledger, .. } = recording else { return };
    match timeout(PATIENCE, ledger.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(report)) => console.show(&as_warning(*report), None),
        Err(_) => console.show(&as_warning(locked(ledger.dir())), None),
    }
}

/// The report of an interrupted run, with the number of writes in flight.
pub(crate) async fn with_open(
    report: Box<Report>,
    recording: &Recording,
    workers: &Handle,
) -> Box<Report> {
    let Recording::On { ledger, .. } = recording else { return report };
    if report.code != Code::Cancelled {
        return report;
    }
    // the ledger of this run is closed, and writes of earlier ones were reported at the start
    let words = match entries(ledger.dir(), workers).await.map_or(0, |entries| entries.len()) {
        0 => return report,
        1 => "the outcome of a write that was on its way is unknown".to_owned(),
        count => format!("the outcomes of {count} writes that were on their way are unknown"),
    };
    Box::new(report.with_note(format!("{words}; the next run names what was written")))
}

/// The open writes of a ledger, unless another process keeps it locked.
async fn entries(folder: &Path, workers: &Handle) -> Result<Vec<Entry>, Box<Report>> {
    let owned = folder.to_owned();
    let read = workers.spawn_blocking(move || open_writes(&owned));
    match timeout(PATIENCE, read).await {
        Ok(Ok(entries)) => entries,
        Ok(Err(error)) => Err(Box::new(Report::internal(error.to_string()))),
        Err(_) => Err(Box::new(locked(folder))),
    }
}

fn locked(folder: &Path) -> Report {
    let folder = folder.display();
    Report::new(Code::LocalIo, format!("the change ledger `{folder}` is locked by another process"))
        .with_help("end that process, or wait for it")
}

fn as_warning(report: Report) -> Report {
    Report { severity: strataql_diag::Severity::Warning, ..report }
}

fn about(entries: &[Entry]) -> Report {
    let message = match entries.len() {
        1 => "an earlier run ended before the outcome of a write was known".to_owned(),
        count => format!("earlier runs ended before the outcomes of {count} writes were known"),
    };
    let mut report = Report::warning(Code::WriteOutcomeUnknown, message)
        .with_help(
            "read each object to see whether the change happened before you repeat a statement",
        )
        .with_help(
            "`SELECT * FROM sys.changes WHERE outcome IS NULL` lists them with their requests",
        );
    for entry in entries.iter().take(NAMED) {
        report = report.with_note(line(entry));
    }
    if let Some(more) = entries.len().checked_sub(NAMED).filter(|more| *more > 0) {
        report = report.with_note(format!("and {more} more"));
    }
    report
}

/// One write: method, request, time, statement and row.
fn line(entry: &Entry) -> String {
    let intent = &entry.intent;
    let words = intent.statement.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut statement: String = words.chars().take(SHOWN).collect();
    if statement.len() < words.len() {
        statement.push('…');
    }
    format!(
        "`{}.{}.{}.{}`, begun at {}: {} {}, row {} of `{statement}` (write {})",
        intent.provider,
        intent.service,
        intent.resource,
        intent.method,
        intent.at,
        intent.verb,
        intent.url,
        intent.row,
        entry.id
    )
}
