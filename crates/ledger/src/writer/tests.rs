//! Runs killed between two steps of a group.

use std::path::Path;
use std::time::UNIX_EPOCH;

use super::*;
use crate::line::Line;
use crate::record::ResolutionKind;
use crate::verify::verify;

fn writer(dir: &Path) -> Writer {
    let run = Run { version: "0".into(), started_at: UNIX_EPOCH.into() };
    Writer::new(Folder::new(dir), run)
}

fn intent() -> Item {
    let data = serde_json::json!({
        "at": "t", "statement_digest": "d", "row": 1, "provider": "p", "service": "s",
        "resource": "r", "method": "m", "verb": "POST", "url": "u", "request_digest": "q",
        "principal": { "provider": "p", "auth_type": "basic" },
    });
    Item::Intent {
        statement_digest: "d".into(),
        statement: "INSERT".into(),
        data: data.to_string(),
    }
}

fn resolution(ids: &[WriteId]) -> Item {
    let resolution =
        Resolution { kind: ResolutionKind::Reported, message: None, at: UNIX_EPOCH.into() };
    Item::Resolutions { ids: ids.to_vec(), resolution }
}

/// The writer disappears without cleaning up, like a killed process.
fn kill(writer: Writer) {
    drop(writer);
}

fn assert_sound(dir: &Path) {
    let found = verify(dir).expect("readable");
    assert!(found.problems.is_empty(), "{:?}", found.problems);
}

fn open_ids(dir: &Path) -> Vec<WriteId> {
    open_writes(dir).expect("readable").into_iter().map(|entry| entry.id).collect()
}

#[test]
fn a_run_killed_before_its_first_record_leaves_nothing_behind() {
    let dir = tempfile::tempdir().expect("a folder");
    let killed = writer(dir.path());
    let lock = killed.folder.lock().expect("the lock");
    let mut head = killed.folder.head_for_writing().expect("a head");
    drop(killed.begin(&mut head).expect("a segment"));
    drop(lock);
    assert_sound(dir.path());
    let mut next = writer(dir.path());
    next.commit(&[intent()]).expect("recorded");
    assert_sound(dir.path());
    let head = next.folder.head_for_writing().expect("a head");
    assert_eq!((head.open.len(), head.seq), (1, 3));
}

#[test]
fn a_resolution_that_the_head_missed_counts_all_the_same() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut first = writer(dir.path());
    first.commit(&[intent(), intent()]).expect("recorded");
    kill(first);
    let ids = open_ids(dir.path());
    assert_eq!(ids.len(), 2);

    // the second run registers, takes the first one off the list and resolves, all unknown to the head
    let mut second = writer(dir.path());
    let lock = second.folder.lock().expect("the lock");
    let mut head = second.folder.head_for_writing().expect("a head");
    second.own = Some(second.begin(&mut head).expect("a segment"));
    drop(lock);
    let registered = fs::read(second.folder.head_path()).expect("a head");
    second.commit(&[resolution(&ids[..1])]).expect("recorded");
    fs::write(second.folder.head_path(), registered).expect("put back");
    kill(second);
    assert_sound(dir.path());
    assert_eq!(open_ids(dir.path()), ids[1..]);

    let mut third = writer(dir.path());
    third.commit(&[intent()]).expect("recorded");
    assert_sound(dir.path());
    assert_eq!(open_ids(dir.path()), ids[1..]);
    third.commit(&[resolution(&ids)]).expect("recorded");
    assert_sound(dir.path());
    assert!(open_ids(dir.path()).is_empty());
}

#[test]
fn records_of_two_runs_that_the_head_missed_are_put_in_order() {
    let dir = tempfile::tempdir().expect("a folder");
    let (mut one, mut two) = (writer(dir.path()), writer(dir.path()));
    one.commit(&[intent()]).expect("recorded");
    two.commit(&[intent()]).expect("recorded");
    let old = fs::read(one.folder.head_path()).expect("a head");
    for _ in 0..3 {
        one.commit(&[intent()]).expect("recorded");
        two.commit(&[intent(), intent()]).expect("recorded");
    }
    let newest = one.folder.head_for_writing().expect("a head").seq;
    fs::write(one.folder.head_path(), old).expect("put back");
    kill(one);
    kill(two);
    assert_sound(dir.path());
    let mut next = writer(dir.path());
    next.commit(&[intent()]).expect("recorded");
    assert_sound(dir.path());
    let head = next.folder.head_for_writing().expect("a head");
    // a `run`, a `statement` and an `intent` record
    assert_eq!(head.seq, newest + 3);
    assert_eq!(open_ids(dir.path()).len(), 11);
}

#[test]
fn the_example_of_the_readme_is_what_is_written() {
    let readme = include_str!("../../README.md");
    let lines: Vec<&str> = readme.lines().filter(|line| line.starts_with("{\"seq\":")).collect();
    let kinds: Vec<String> =
        lines.iter().map(|line| Line::parse(line.as_bytes()).expect("a record").kind).collect();
    assert_eq!(kinds, ["run", "statement", "intent", "outcome"]);
    let head = readme.lines().find(|line| line.starts_with("{\"format\":")).expect("a head");
    let head = Head::parse(format!("{head}\n").as_bytes()).expect("a head");

    let dir = tempfile::tempdir().expect("a folder");
    let folder = Folder::new(dir.path());
    let run = &head.open[0].run;
    fs::write(folder.segment_path(run), format!("{}\n", lines.join("\n"))).expect("written");
    head.store(&folder.head_path()).expect("written");
    assert_sound(dir.path());
    let entries = crate::read(dir.path()).expect("readable");
    assert_eq!((entries.len(), head.seq), (1, 4));
    assert!(entries[0].intent.statement.starts_with("INSERT"), "{entries:?}");
}
