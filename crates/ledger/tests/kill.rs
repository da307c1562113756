//! Processes killed during writes.
//!
//! The test starts itself as a child: `kill child FOLDER SECOND`. Children record writes in a loop
//! and print each one that was confirmed; two share a folder and each is killed at a different
//! point.

use std::collections::BTreeSet;
use std::hint::spin_loop;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};
use std::{env, thread};

use strataql_ledger::{
    Intent, Ledger, Outcome, OutcomeKind, Principal, Resolution, ResolutionKind, Run, Timestamp,
    WriteId, acknowledge, open_writes, read, request_digest, statement_digest, verify,
};
use tokio::task::JoinSet;

/// Two kills each.
const ROUNDS: u64 = 50;
const IN_FLIGHT: u8 = 8;
const STATEMENT: &str = "DELETE FROM zoo.animals.dogs WHERE name = 'Rex'";

fn main() {
    let arguments: Vec<String> = env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [_, "child", folder, second] => child(folder.into(), second.parse().expect("a number")),
        _ => nothing_confirmed_is_lost(),
    }
}

/// The output of a killed child.
#[derive(Default)]
struct Confirmed {
    intents: BTreeSet<WriteId>,
    outcomes: BTreeSet<WriteId>,
}

fn nothing_confirmed_is_lost() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut points = Points(0x5EED);
    let mut all = Confirmed::default();
    let (mut reported, mut kills_with_open_writes) = (BTreeSet::new(), 0);
    for round in 0..ROUNDS {
        let dying: Vec<_> = (0..2)
            .map(|number| {
                let (folder, point) = (dir.path().to_owned(), points.next());
                thread::spawn(move || kill_at(&folder, round * 2 + number, &point))
            })
            .collect();
        for died in dying {
            let said = died.join().expect("no panic");
            all.intents.extend(said.intents);
            all.outcomes.extend(said.outcomes);
        }
        let found = verify(dir.path()).expect("readable");
        assert!(found.problems.is_empty(), "round {round}: {:#?}", found.problems);
        let open: BTreeSet<WriteId> =
            open_writes(dir.path()).expect("readable").into_iter().map(|entry| entry.id).collect();
        assert!(open.is_disjoint(&all.outcomes), "round {round}");
        kills_with_open_writes +=
            open.difference(&reported).map(|id| &id.run).collect::<BTreeSet<_>>().len();
        // now and then somebody is told, so that later rounds continue such a segment too
        if round % 5 == 4 {
            let ids: Vec<WriteId> = open.difference(&reported).cloned().collect();
            let told = acknowledge(dir.path(), run(round), &ids, &resolution()).expect("recorded");
            assert_eq!(told, ids, "round {round}");
            reported.extend(told);
        }
        assert_all_there(dir.path(), &all, round);
    }
    assert!(all.intents.len() as u64 > ROUNDS * 10, "{} writes", all.intents.len());
    assert!(kills_with_open_writes as u64 > ROUNDS, "{kills_with_open_writes} kills");
    assert!(!reported.is_empty());
}

fn assert_all_there(dir: &Path, all: &Confirmed, round: u64) {
    let entries = read(dir).expect("readable");
    let intents: BTreeSet<WriteId> = entries.iter().map(|entry| entry.id.clone()).collect();
    let lost: Vec<_> = all.intents.difference(&intents).collect();
    assert!(lost.is_empty(), "round {round}: intents lost: {lost:?}");
    let settled = entries.iter().filter(|entry| entry.outcome.is_some());
    let outcomes: BTreeSet<WriteId> = settled.map(|entry| entry.id.clone()).collect();
    let lost: Vec<_> = all.outcomes.difference(&outcomes).collect();
    assert!(lost.is_empty(), "round {round}: outcomes lost: {lost:?}");
}

/// A point at which a child is killed: a number of confirmations, then a number of loop iterations.
struct Point {
    confirmations: u64,
    turns: u64,
}

/// Points that are the same in each run of the test.
struct Points(u64);

impl Points {
    fn next(&mut self) -> Point {
        let mut number = || {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            self.0 >> 33
        };
        Point { confirmations: number() % 60, turns: number() % 40_000 }
    }
}

/// Starts a child and kills it at a point; returns its output.
fn kill_at(folder: &Path, second: u64, point: &Point) -> Confirmed {
    let mut child = Command::new(env::current_exe().expect("this test"))
        .arg("child")
        .arg(folder)
        .arg(second.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let output = BufReader::new(child.stdout.take().expect("piped"));
    let mut said = Confirmed::default();
    let mut left = point.confirmations;
    let kill = |child: &mut std::process::Child| {
        for _ in 0..point.turns {
            spin_loop();
        }
        child.kill().expect("killed");
    };
    if left == 0 {
        kill(&mut child);
    }
    // the pipe keeps its output after it was killed; the last line may be truncated
    for line in output.split(b'\n') {
        let line = String::from_utf8(line.expect("readable")).expect("text");
        // the full stop marks a complete line
        let whole = line.strip_suffix('.').and_then(|line| line.split_once(' '));
        if let Some((word, id)) = whole {
            let id = id.parse().expect("the name of a write");
            match word {
                "intent" => drop(said.intents.insert(id)),
                "outcome" => drop(said.outcomes.insert(id)),
                _ => {}
            }
        }
        left = left.saturating_sub(1);
        if left == 0 && child.try_wait().is_ok_and(|status| status.is_none()) {
            kill(&mut child);
            left = u64::MAX;
        }
    }
    let status = child.wait().expect("ended");
    assert!(!status.success(), "it ended by itself: {status}");
    said
}

fn child(folder: PathBuf, second: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let ledger = Arc::new(Ledger::open(folder, run(second)));
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for lane in 0..IN_FLIGHT {
            let ledger = Arc::clone(&ledger);
            tasks.spawn(async move {
                for row in (u64::from(lane)..).step_by(IN_FLIGHT.into()) {
                    let id = ledger.intent(intent(row)).await.expect("recorded");
                    say("intent", &id);
                    ledger.outcome(id.clone(), outcome()).await.expect("recorded");
                    say("outcome", &id);
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.expect("no panic");
        }
    });
}

/// One line in one call, so that a killed child printed all of it or a prefix.
fn say(word: &str, id: &WriteId) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{word} {id}.\n").as_bytes()).expect("somebody listens");
}

fn run(second: u64) -> Run {
    Run { version: "0.1.0".into(), started_at: at(second) }
}

fn at(second: u64) -> Timestamp {
    (UNIX_EPOCH + Duration::from_secs(1_785_579_072 + second)).into()
}

fn intent(row: u64) -> Intent {
    let url = format!("https://zoo.example/v1/dogs/{row}");
    Intent {
        at: at(row),
        statement: STATEMENT.into(),
        statement_digest: statement_digest(STATEMENT),
        row,
        provider: "zoo".into(),
        service: "animals".into(),
        resource: "dogs".into(),
        method: "delete".into(),
        verb: "DELETE".into(),
        request_digest: request_digest("DELETE", &url, b""),
        url,
        principal: Principal { provider: "zoo".into(), auth_type: "basic".into(), identity: None },
        body: None,
        idempotency_key: None,
        before: None,
    }
}

fn outcome() -> Outcome {
    let (status, request_id, message) = (Some(204), None, None);
    Outcome { kind: OutcomeKind::Applied, status, request_id, message, at: at(1) }
}

fn resolution() -> Resolution {
    Resolution { kind: ResolutionKind::Reported, message: None, at: at(2) }
}
