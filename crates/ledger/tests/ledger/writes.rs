//! One run at a time.

use std::fs;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use strataql_diag::Code;
use strataql_ledger::{OutcomeKind, acknowledge, open_writes, read, verify};

use crate::common::{
    STATEMENT, assert_sound, block_on, image, intent, ledger, outcome, put, record, reported, run,
};

#[test]
fn nothing_is_created_before_the_first_record() {
    let home = tempfile::tempdir().expect("a folder");
    let dir = home.path().join("ledger");
    let ledger = ledger(&dir);
    block_on(ledger.close()).expect("closed");
    assert!(!dir.exists());
    assert_eq!(read(&dir).expect("readable"), []);
    assert_eq!(open_writes(&dir).expect("readable"), []);
    assert_eq!(acknowledge(&dir, run(), &[], &reported()).expect("nothing to do"), []);
    assert_eq!(verify(&dir).expect("readable"), strataql_ledger::Verification::default());
    assert!(!dir.exists());
}

#[test]
fn a_write_reads_back_with_its_outcome() {
    let dir = tempfile::tempdir().expect("a folder");
    let ledger = ledger(dir.path());
    let ids = block_on(async {
        let ids = record(&ledger, 0..3, false).await;
        ledger.outcome(ids[0].clone(), outcome(OutcomeKind::Unknown)).await.expect("recorded");
        ledger.outcome(ids[0].clone(), outcome(OutcomeKind::Applied)).await.expect("recorded");
        ledger.outcome(ids[2].clone(), outcome(OutcomeKind::Refused)).await.expect("recorded");
        ids
    });
    let entries = read(dir.path()).expect("readable");
    assert_eq!(entries.iter().map(|entry| entry.id.clone()).collect::<Vec<_>>(), ids);
    let rows: Vec<_> = entries.iter().map(|entry| entry.intent.clone()).collect();
    assert_eq!(rows, [intent(0), intent(1), intent(2)]);
    let kinds: Vec<_> =
        entries.iter().map(|entry| entry.outcome.as_ref().map(|outcome| outcome.kind)).collect();
    assert_eq!(kinds, [Some(OutcomeKind::Applied), None, Some(OutcomeKind::Refused)]);
    assert!(entries[1].is_open() && !entries[2].is_open());
    block_on(ledger.close()).expect("closed");
    assert_eq!(assert_sound(dir.path()).records, 8);
}

#[test]
fn the_text_of_a_statement_is_stored_once_per_run() {
    let dir = tempfile::tempdir().expect("a folder");
    let ledger = ledger(dir.path());
    block_on(record(&ledger, 0..20, true));
    let text: Vec<u8> = image(dir.path()).into_values().flatten().collect();
    assert_eq!(String::from_utf8(text).expect("text").matches(STATEMENT).count(), 1);
}

#[test]
fn open_writes_of_a_killed_run_are_reported_until_they_are_acknowledged() {
    let (dir, copy) = (tempfile::tempdir().expect("a"), tempfile::tempdir().expect("b"));
    let alive = ledger(dir.path());
    let ids = block_on(async {
        record(&alive, 0..2, true).await;
        record(&alive, 2..5, false).await
    });
    assert_eq!(open_writes(dir.path()).expect("readable"), [], "the run is alive");

    put(&image(dir.path()), copy.path());
    let listed = || -> Vec<_> {
        open_writes(copy.path()).expect("readable").into_iter().map(|entry| entry.id).collect()
    };
    assert_eq!(listed(), ids);
    // another run's writes do not make them forgotten
    let next = ledger(copy.path());
    block_on(record(&next, 5..6, true));
    assert_eq!(listed(), ids);
    let first = acknowledge(copy.path(), run(), &ids[..1], &reported()).expect("recorded");
    assert_eq!((first.as_slice(), listed().as_slice()), (&ids[..1], &ids[1..]));
    let rest = block_on(next.acknowledge(ids.clone(), reported())).expect("recorded");
    assert_eq!((rest.as_slice(), listed().as_slice()), (&ids[1..], &[][..]));
    let again = acknowledge(copy.path(), run(), &ids, &reported()).expect("nothing to do");
    assert_eq!(again, []);
    let resolved = read(copy.path()).expect("readable");
    assert_eq!(resolved.iter().filter(|entry| entry.resolution.is_some()).count(), 3);
    block_on(next.close()).expect("closed");
    assert_sound(copy.path());
}

#[test]
fn a_closed_run_leaves_its_open_writes_to_the_next() {
    let dir = tempfile::tempdir().expect("a folder");
    let ledger = ledger(dir.path());
    let ids = block_on(async {
        let ids = record(&ledger, 0..2, false).await;
        ledger.outcome(ids[0].clone(), outcome(OutcomeKind::NotSent)).await.expect("recorded");
        ledger.close().await.expect("closed");
        ids
    });
    let open = open_writes(dir.path()).expect("readable");
    assert_eq!(open.iter().map(|entry| &entry.id).collect::<Vec<_>>(), [&ids[1]]);
    let late = block_on(ledger.intent(intent(3))).expect_err("closed");
    assert_eq!(late.code, Code::Internal);
    assert_sound(dir.path());
}

#[test]
fn a_caller_that_gives_up_leaves_no_open_write() {
    let dir = tempfile::tempdir().expect("a folder");
    let ledger = ledger(dir.path());
    for row in 0..50 {
        let mut future = pin!(ledger.intent(intent(row)));
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(id) = future.as_mut().poll(&mut context) {
            // this one was too fast to give up
            let id = id.expect("recorded");
            block_on(ledger.outcome(id, outcome(OutcomeKind::Applied))).expect("recorded");
        }
        if row % 2 == 0 {
            // by now the one given up before is on disk, or never will be
            block_on(record(&ledger, 100 + row..101 + row, true));
        }
    }
    block_on(record(&ledger, 200..201, true));
    // what was given up last is settled before this group
    block_on(record(&ledger, 201..202, true));
    let entries = read(dir.path()).expect("readable");
    let open: Vec<_> = entries.iter().filter(|entry| entry.is_open()).collect();
    assert_eq!(open, Vec::<&strataql_ledger::Entry>::new());
}

#[test]
fn a_folder_that_cannot_be_written_refuses_writes_and_says_how_to_go_on() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("file");
    fs::write(&file, "").expect("written");
    let report =
        block_on(ledger(&file.join("ledger")).intent(intent(0))).expect_err("no folder there");
    assert_eq!((report.code, report.code.exit_code()), (Code::LocalIo, 11));
    assert!(report.help.iter().any(|help| help.contains("--no-ledger")), "{report:?}");
    assert!(report.message.contains("file/ledger"), "{report:?}");
}

#[test]
fn a_group_that_fails_leaves_no_trace() {
    let dir = tempfile::tempdir().expect("a folder");
    let ledger = ledger(dir.path());
    block_on(record(&ledger, 0..1, true));
    let before = image(dir.path());
    // no file can be written beside the head while a folder has its name
    let obstacle = dir.path().join("head.json.new");
    fs::create_dir(&obstacle).expect("created");
    let report = block_on(ledger.intent(intent(1))).expect_err("the head cannot be replaced");
    assert_eq!(report.code, Code::LocalIo);
    fs::remove_dir(&obstacle).expect("removed");
    assert_eq!(image(dir.path()), before);
    block_on(record(&ledger, 2..3, true));
    assert_eq!(read(dir.path()).expect("readable").len(), 2);
    block_on(ledger.close()).expect("closed");
    assert_sound(dir.path());
}

#[test]
fn a_segment_that_somebody_changed_gets_no_more_records() {
    let dir = tempfile::tempdir().expect("a folder");
    let ledger = ledger(dir.path());
    let id = block_on(record(&ledger, 0..1, false)).remove(0);
    let segment = dir.path().join(format!("{}.jsonl", id.run));
    let whole = fs::read(&segment).expect("readable");
    fs::write(&segment, &whole[..whole.len() - 1]).expect("written");
    let report = block_on(ledger.intent(intent(1))).expect_err("changed");
    assert!(report.message.contains("was changed or removed"), "{report:?}");
    fs::remove_dir_all(dir.path()).expect("removed");
    let report = block_on(ledger.outcome(id, outcome(OutcomeKind::Applied))).expect_err("gone");
    assert_eq!(report.code, Code::LocalIo);
}

#[test]
fn without_its_head_a_ledger_gets_no_more_records() {
    let dir = tempfile::tempdir().expect("a folder");
    block_on(async {
        let first = ledger(dir.path());
        record(&first, 0..1, true).await;
        first.close().await.expect("closed");
    });
    let head = dir.path().join("head.json");
    let text = fs::read(&head).expect("readable");
    fs::remove_file(&head).expect("removed");
    let refused = |expected: &str| {
        let report = block_on(ledger(dir.path()).intent(intent(1))).expect_err("damaged");
        assert!(report.message.contains(expected), "{report:?}");
        assert!(report.help.iter().any(|help| help.contains("ledger verify")), "{report:?}");
        let report = open_writes(dir.path()).expect_err("damaged");
        assert!(report.message.contains(expected), "{report:?}");
    };
    refused("`head.json` is gone");
    fs::write(&head, &text[..text.len() / 2]).expect("written");
    refused("`head.json` is incomplete");
}

#[test]
fn an_outcome_of_another_run_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let (one, two) = (ledger(dir.path()), ledger(dir.path()));
    let id = block_on(record(&one, 0..1, false)).remove(0);
    block_on(record(&two, 1..2, true));
    let report =
        block_on(two.outcome(id.clone(), outcome(OutcomeKind::Applied))).expect_err("not its own");
    assert_eq!(report.code, Code::Internal);
    block_on(one.outcome(id, outcome(OutcomeKind::Applied))).expect("its own");
    assert!(read(dir.path()).expect("readable").iter().all(|entry| entry.outcome.is_some()));
}

#[cfg(unix)]
#[test]
fn files_are_the_users_alone() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().expect("a folder");
    let dir = home.path().join("a/ledger");
    let ledger = ledger(&dir);
    block_on(record(&ledger, 0..1, true));
    let mode =
        |path: &std::path::Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    for entry in fs::read_dir(&dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}
