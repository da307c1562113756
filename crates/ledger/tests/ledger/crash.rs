//! A run killed in the middle of a group, at every byte.

use strataql_ledger::{open_writes, read};

use crate::common::{Image, assert_sound, block_on, image, ledger, put, record};

/// A folder before and after a group of one intent, and the name of the segment.
fn before_and_after() -> (Image, Image, String) {
    let dir = tempfile::tempdir().expect("a folder");
    let ledger = ledger(dir.path());
    let id = block_on(record(&ledger, 0..2, true)).remove(0);
    let before = image(dir.path());
    block_on(record(&ledger, 2..3, false));
    (before, image(dir.path()), format!("{}.jsonl", id.run))
}

#[test]
fn a_group_cut_anywhere_is_no_damage_and_the_next_run_goes_on() {
    let (before, after, segment) = before_and_after();
    let known = before[&segment].len();
    let whole = after[&segment].len();
    let dir = tempfile::tempdir().expect("a folder");
    for length in known..=whole {
        // the head was not replaced yet
        let mut killed = before.clone();
        killed.insert(segment.clone(), after[&segment][..length].to_vec());
        put(&killed, dir.path());
        let is_torn = length > known && length < whole;
        let writes = if length == whole { 3 } else { 2 };
        let found = assert_sound(dir.path());
        assert_eq!(found.incomplete, usize::from(is_torn), "{length}");
        assert_eq!(read(dir.path()).expect("readable").len(), writes, "{length}");
        assert_eq!(open_writes(dir.path()).expect("readable").len(), writes - 2, "{length}");
        if length % 16 == 0 || [known, known + 1, whole - 1, whole].contains(&length) {
            let next = ledger(dir.path());
            block_on(record(&next, 7..8, true));
            assert_eq!(assert_sound(dir.path()).incomplete, usize::from(is_torn), "{length}");
            assert_eq!(read(dir.path()).expect("readable").len(), writes + 1, "{length}");
            block_on(next.close()).expect("closed");
            assert_sound(dir.path());
            assert_eq!(image(dir.path())[&segment], killed[&segment], "it stays as it was");
        }
    }
}

#[test]
fn an_incomplete_record_is_watched_once_it_is_known() {
    let (before, after, segment) = before_and_after();
    let mut killed = before;
    killed.insert(segment.clone(), after[&segment][..after[&segment].len() - 9].to_vec());
    let dir = tempfile::tempdir().expect("a folder");
    put(&killed, dir.path());
    let next = ledger(dir.path());
    block_on(record(&next, 7..8, true));
    block_on(next.close()).expect("closed");
    let sound = image(dir.path());
    let changes: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes.truncate(bytes.len() - 1),
        |bytes| bytes.push(b'x'),
        |bytes| bytes.push(b'\n'),
        |bytes| *bytes.last_mut().expect("not empty") ^= 1,
    ];
    for change in changes {
        let mut changed = sound.clone();
        change(changed.get_mut(&segment).expect("there"));
        put(&changed, dir.path());
        let found = strataql_ledger::verify(dir.path()).expect("readable");
        assert!(!found.problems.is_empty());
    }
}
