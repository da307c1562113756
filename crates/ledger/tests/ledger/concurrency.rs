//! Many runs in one folder.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;

use strataql_ledger::{Ledger, OutcomeKind, open_writes, read};
use tokio::task::JoinSet;

use crate::common::{assert_sound, block_on, intent, ledger, outcome};

const THREADS: u64 = 8;
const HANDLES: u64 = 2;
/// Each is an intent and an outcome.
const WRITES: u64 = 250;
const IN_FLIGHT: u8 = 16;

/// Records the rows with several writes in flight, as a statement with many rows does.
async fn write_rows(ledger: Arc<Ledger>, first: u64) {
    let mut tasks = JoinSet::new();
    for lane in 0..IN_FLIGHT {
        let ledger = Arc::clone(&ledger);
        tasks.spawn(async move {
            for row in (u64::from(lane)..WRITES).step_by(IN_FLIGHT.into()) {
                let id = ledger.intent(intent(first + row)).await.expect("recorded");
                ledger.outcome(id, outcome(OutcomeKind::Applied)).await.expect("recorded");
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no panic");
    }
}

#[test]
fn runs_interleave_and_nothing_is_lost() {
    let dir = tempfile::tempdir().expect("a folder");
    thread::scope(|scope| {
        for number in 0..THREADS {
            let dir = dir.path();
            scope.spawn(move || {
                block_on(async {
                    let handles = [Arc::new(ledger(dir)), Arc::new(ledger(dir))];
                    let first = number * HANDLES * WRITES;
                    let (one, two) = (Arc::clone(&handles[0]), Arc::clone(&handles[1]));
                    tokio::join!(write_rows(one, first), write_rows(two, first + WRITES));
                    // readers work meanwhile
                    assert_sound(dir);
                    for handle in handles {
                        handle.close().await.expect("closed");
                    }
                });
            });
        }
    });
    let found = assert_sound(dir.path());
    let runs = THREADS * HANDLES;
    assert_eq!(found.segments as u64, runs);
    // and per run one record for its start and one for the statement
    assert_eq!(found.records, runs * (2 * WRITES + 2));
    assert_eq!(found.incomplete, 0);
    let entries = read(dir.path()).expect("readable");
    assert!(entries.iter().all(|entry| entry.outcome.is_some()));
    let rows: BTreeSet<u64> = entries.iter().map(|entry| entry.intent.row).collect();
    assert_eq!(rows, (0..runs * WRITES).collect());
    assert_eq!(entries.len() as u64, runs * WRITES);
    assert_eq!(open_writes(dir.path()).expect("readable"), []);
    // runs took turns: no run's records are one block
    let turns = entries.windows(2).filter(|pair| pair[0].id.run != pair[1].id.run).count();
    assert!(turns as u64 > runs, "{turns} turns");
}
