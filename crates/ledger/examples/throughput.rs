//! Measures how many records a second reach the disk, by the number of writes in flight.
//!
//! `cargo run --release -p strataql-ledger --example throughput -- FOLDER`

#![allow(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use strataql_ledger::{
    Intent, JsonText, Ledger, Outcome, OutcomeKind, Principal, Run, Timestamp, request_digest,
    statement_digest, verify,
};
use tokio::task::JoinSet;

const STATEMENT: &str = "INSERT INTO zoo.animals.dogs (name, owner) SELECT name, owner FROM dogs";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).ok_or("give a folder that does not exist yet")?;
    let folder = Path::new(&folder);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    for (runs, in_flight, writes) in [
        (1, 1, 500),
        (1, 16, 4_000),
        (1, 64, 16_000),
        (1, 256, 32_000),
        (2, 16, 4_000),
        (4, 16, 4_000),
    ] {
        let elapsed = runtime.block_on(measure(folder, runs, in_flight, writes))?;
        let records = f64::from(2 * writes * runs);
        println!(
            "{runs} runs, {in_flight:>3} in flight each: {:>7.0} records/s, {:>7.3} ms from intent to outcome",
            records / elapsed.as_secs_f64(),
            elapsed.as_secs_f64() * 1000.0 * f64::from(in_flight) / f64::from(writes),
        );
    }
    let start = Instant::now();
    let found = verify(folder)?;
    println!(
        "verify: {} records in {} segments in {:?}, {} problems",
        found.records,
        found.segments,
        start.elapsed(),
        found.problems.len()
    );
    Ok(())
}

async fn measure(
    folder: &Path,
    runs: u32,
    in_flight: u32,
    writes: u32,
) -> Result<Duration, Box<dyn std::error::Error>> {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    let ledgers: Vec<_> = (0..runs).map(|_| Arc::new(open(folder))).collect();
    for ledger in &ledgers {
        for lane in 0..in_flight {
            let ledger = Arc::clone(ledger);
            tasks.spawn(async move {
                for row in (lane..writes).filter(|row| row % in_flight == lane) {
                    let id = ledger.intent(intent(row.into())).await?;
                    ledger.outcome(id, outcome()).await?;
                }
                Ok::<_, Box<strataql_diag::Report>>(())
            });
        }
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    for ledger in &ledgers {
        ledger.close().await?;
    }
    Ok(start.elapsed())
}

fn open(folder: &Path) -> Ledger {
    Ledger::open(folder.to_owned(), Run { version: "0.1.0".into(), started_at: at() })
}

fn at() -> Timestamp {
    (UNIX_EPOCH + Duration::from_secs(1_785_579_072)).into()
}

fn intent(row: u64) -> Intent {
    let body = serde_json::json!({ "name": format!("Rex {row}"), "owner": "nobody in particular" });
    let url = "https://zoo.example/v1/dogs";
    Intent {
        at: at(),
        statement: STATEMENT.into(),
        statement_digest: statement_digest(STATEMENT),
        row,
        provider: "zoo".into(),
        service: "animals".into(),
        resource: "dogs".into(),
        method: "create".into(),
        verb: "POST".into(),
        url: url.into(),
        principal: Principal { provider: "zoo".into(), auth_type: "basic".into(), identity: None },
        request_digest: request_digest("POST", url, body.to_string().as_bytes()),
        body: JsonText::new(&body.to_string()),
        idempotency_key: None,
        before: None,
    }
}

fn outcome() -> Outcome {
    let (status, request_id, message) = (Some(201), None, None);
    Outcome { kind: OutcomeKind::Applied, status, request_id, message, at: at() }
}
