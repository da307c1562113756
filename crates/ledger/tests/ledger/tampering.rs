//! Changes to the files without computing digests, and some with.

use std::fs;
use std::path::Path;

use ring::digest::{SHA256, digest};
use strataql_diag::{Code, Report};
use strataql_ledger::{open_writes, read, verify};

use crate::common::{Image, assert_sound, block_on, image, intent, ledger, put, record};

/// Three runs that ended, and one that was killed with an open write.
fn sample() -> Image {
    let dir = tempfile::tempdir().expect("a folder");
    let runs: Vec<_> = (0..4).map(|_| ledger(dir.path())).collect();
    block_on(async {
        for round in 0..2 {
            for run in &runs {
                record(run, round..round + 1, true).await;
            }
        }
        record(&runs[3], 5..6, false).await;
        for run in &runs[..3] {
            run.close().await.expect("closed");
        }
        record(&runs[3], 6..7, true).await;
    });
    let image = image(dir.path());
    put(&image, dir.path());
    assert_sound(dir.path());
    image
}

fn segments(image: &Image) -> Vec<String> {
    image.keys().filter(|name| *name != "head.json").cloned().collect()
}

/// The run that was killed: the only segment that the head lists as open.
fn killed(image: &Image) -> String {
    let head = std::str::from_utf8(&image["head.json"]).expect("text");
    let open =
        segments(image).into_iter().find(|name| head.contains(name.trim_end_matches(".jsonl")));
    open.expect("one is open")
}

fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

fn problems(image: &Image, dir: &Path) -> Vec<Report> {
    put(image, dir);
    verify(dir).expect("readable").problems
}

fn assert_detected(image: &Image, dir: &Path, what: &str) {
    let found = problems(image, dir);
    assert!(!found.is_empty(), "not detected: {what}");
    for report in found {
        assert_eq!(report.code, Code::LocalIo);
        let place = report.place.expect("a place");
        assert!(place.line > 0 && !place.file.is_empty(), "{what}");
    }
}

#[test]
fn changed_bytes_are_detected() {
    let sound = sample();
    let dir = tempfile::tempdir().expect("a folder");
    put(&sound, dir.path());
    for (name, bytes) in &sound {
        let path = dir.path().join(name);
        // every bit of every byte is tried on a single line and a head; here it is the whole that counts
        for at in (0..bytes.len()).filter(|at| at % 7 == 0 || bytes[*at] == b'\n') {
            let mut changed = bytes.clone();
            changed[at] = if changed[at] == b'x' { b'y' } else { b'x' };
            fs::write(&path, &changed).expect("written");
            let found = verify(dir.path()).expect("readable");
            assert!(!found.problems.is_empty(), "{name}, byte {at}");
        }
        fs::write(&path, bytes).expect("written");
    }
    assert_sound(dir.path());
}

#[test]
fn a_problem_names_its_line_and_its_cause() {
    let sound = sample();
    let dir = tempfile::tempdir().expect("a folder");
    let name = killed(&sound);
    let shown = |image: &Image| -> Vec<String> {
        let found = problems(image, dir.path());
        let file = |report: &Report| report.place.clone().expect("a place");
        found
            .iter()
            .map(|report| {
                let place = file(report);
                let name = Path::new(&place.file).file_name().expect("a name").to_owned();
                format!("{}:{}: {}", name.display(), place.line, report.message)
            })
            .collect()
    };
    let mut altered = sound.clone();
    let text = String::from_utf8(sound[&name].clone()).expect("text");
    altered.insert(name.clone(), text.replacen("Rex 5", "Max 5", 1).into_bytes());
    let line = text.lines().position(|line| line.contains("Rex 5")).expect("there") + 1;
    let next = line + 1;
    let last = seq(text.lines().nth(line - 1).expect("there"));
    assert_eq!(
        shown(&altered),
        [
            format!("{name}:{line}: this record was altered: its digest does not fit its text"),
            format!("{name}:{next}: record {last} is missing before this one"),
        ]
    );
    let mut lines = lines(&sound[&name]);
    let end = lines.len();
    lines.pop();
    let mut shorter = sound.clone();
    shorter.insert(name.clone(), lines.concat());
    let (bytes, all) = (lines.concat().len(), text.len());
    assert_eq!(
        shown(&shorter),
        [
            format!("{name}:{end}: the segment ends after {bytes} bytes, but {all} were written"),
            format!(
                "head.json:1: record {} is missing at the end of the ledger",
                seq(text.lines().last().expect("there"))
            ),
        ]
    );
}

#[test]
fn removed_doubled_and_swapped_lines_are_detected() {
    let sound = sample();
    let dir = tempfile::tempdir().expect("a folder");
    for name in segments(&sound) {
        let lines = lines(&sound[&name]);
        let check = |what: &str, at: usize, lines: Vec<Vec<u8>>| {
            let mut changed = sound.clone();
            changed.insert(name.clone(), lines.concat());
            assert_detected(&changed, dir.path(), &format!("{what} line {at} of {name}"));
        };
        for at in 0..lines.len() {
            let mut fewer = lines.clone();
            fewer.remove(at);
            check("remove", at, fewer);
            let mut more = lines.clone();
            more.insert(at, lines[at].clone());
            check("double", at, more);
            let mut double_at_end = lines.clone();
            double_at_end.push(lines[at].clone());
            check("repeat at the end", at, double_at_end);
            check("cut before", at, lines[..at].to_vec());
            if at > 0 {
                let mut swapped = lines.clone();
                swapped.swap(at - 1, at);
                check("swap", at, swapped);
            }
        }
    }
}

#[test]
fn removed_renamed_and_exchanged_segments_are_detected() {
    let sound = sample();
    let dir = tempfile::tempdir().expect("a folder");
    let names = segments(&sound);
    for (at, name) in names.iter().enumerate() {
        let mut removed = sound.clone();
        let bytes = removed.remove(name).expect("there");
        assert_detected(&removed, dir.path(), "remove");
        let mut renamed = removed.clone();
        renamed.insert("20250101T000000Z-1-00000000.jsonl".into(), bytes.clone());
        assert_detected(&renamed, dir.path(), "rename");
        let mut hidden = removed.clone();
        hidden.insert(format!("{name}.bak"), bytes.clone());
        assert_detected(&hidden, dir.path(), "rename to another kind of file");
        let mut copied = sound.clone();
        copied.insert("20250101T000000Z-1-00000000.jsonl".into(), bytes.clone());
        assert_detected(&copied, dir.path(), "copy");
        let other = &names[(at + 1) % names.len()];
        let mut exchanged = sound.clone();
        exchanged.insert(name.clone(), sound[other].clone());
        exchanged.insert(other.clone(), bytes.clone());
        assert_detected(&exchanged, dir.path(), "exchange");
        let mut joined = removed.clone();
        joined.insert(other.clone(), [sound[other].clone(), bytes].concat());
        assert_detected(&joined, dir.path(), "join");
    }
    let mut bare = sound.clone();
    bare.retain(|name, _| name == "head.json");
    assert_detected(&bare, dir.path(), "remove all segments");
    let mut headless = sound;
    headless.remove("head.json");
    assert_detected(&headless, dir.path(), "remove the head");
}

#[test]
fn appended_lines_are_detected() {
    let sound = sample();
    let dir = tempfile::tempdir().expect("a folder");
    let text = |name: &String| String::from_utf8(sound[name].clone()).expect("text");
    let all: Vec<String> = segments(&sound)
        .iter()
        .flat_map(|name| text(name).lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let newest = all.iter().max_by_key(|line| seq(line)).expect("records");
    for name in segments(&sound) {
        let is_open = name == killed(&sound);
        let run = name.trim_end_matches(".jsonl");
        let add = |line: String| {
            let mut changed = sound.clone();
            changed.get_mut(&name).expect("there").extend(line.into_bytes());
            changed
        };
        for garbage in ["\n", "{}\n", "null\n", "hello world\n", "{\"seq\":1}\n"] {
            assert_detected(&add(garbage.into()), dir.path(), garbage);
        }
        // with right digests of its own, but not the next one
        for (seq, prev) in
            [(1, hash(newest)), (seq(newest) + 2, hash(newest)), (seq(newest) + 1, hash(&all[0]))]
        {
            assert_detected(&add(forged(seq, prev, run)), dir.path(), "a forged record");
        }
        let perfect = forged(seq(newest) + 1, hash(newest), run);
        if is_open {
            // the documented limit: anyone who can compute digests can add to a run that is not
            // over
            assert_eq!(problems(&add(perfect), dir.path()), []);
        } else {
            assert_detected(&add(perfect), dir.path(), "a record after the end of a run");
            assert_detected(&add("{\"seq\":".into()), dir.path(), "an incomplete line");
        }
    }
}

#[test]
fn a_record_forged_in_its_place_is_detected() {
    let sound = sample();
    let dir = tempfile::tempdir().expect("a folder");
    for name in segments(&sound) {
        let lines = lines(&sound[&name]);
        for at in 0..lines.len() {
            let line = String::from_utf8(lines[at].clone()).expect("text");
            let body = line.split(",\"hash\":\"").next().expect("a body");
            // longer, or of the same length, which no file length tells
            let longer = body.replace("\"data\":{", "\"data\":{\"extra\":1,");
            let as_long = body.replace("\"kind\":\"applied\"", "\"kind\":\"refused\"");
            assert_ne!(longer, body);
            for changed in [longer, as_long].iter().filter(|changed| *changed != body) {
                let mut forged = lines.clone();
                forged[at] = sealed(changed).into_bytes();
                let mut image = sound.clone();
                image.insert(name.clone(), forged.concat());
                assert_detected(&image, dir.path(), "a forged record");
            }
        }
    }
}

#[test]
fn an_old_head_is_detected() {
    let dir = tempfile::tempdir().expect("a folder");
    let first = ledger(dir.path());
    block_on(record(&first, 0..1, true));
    block_on(first.close()).expect("closed");
    let old = image(dir.path());
    let second = ledger(dir.path());
    block_on(record(&second, 0..1, true));
    block_on(second.close()).expect("closed");
    let mut mixed = image(dir.path());
    mixed.insert("head.json".into(), old["head.json"].clone());
    let newest = assert_sound(dir.path()).head;
    assert_detected(&mixed, dir.path(), "an old head");
    // the documented limit: an older state of the whole folder verifies, but its digest differs
    put(&old, dir.path());
    assert_ne!(assert_sound(dir.path()).head, newest);
}

#[test]
fn a_list_of_writes_is_complete_or_an_error() {
    let sound = sample();
    let dir = tempfile::tempdir().expect("a folder");
    let name = killed(&sound);
    let mut changed = sound;
    let bytes = changed.get_mut(&name).expect("there");
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    let line = lines(&bytes[..at]).len();
    put(&changed, dir.path());
    let report = read(dir.path()).expect_err("altered");
    let place = report.place.as_ref().expect("a place");
    assert!(place.file.ends_with(&name), "{report:?}");
    assert_eq!(place.line, line);
    assert!(report.help[0].contains("ledger verify"), "{report:?}");
}

fn seq(line: &str) -> u64 {
    let value: serde_json::Value = serde_json::from_str(line).expect("a record");
    value["seq"].as_u64().expect("a number")
}

fn hash(line: &str) -> &str {
    &line[line.len() - 66..line.len() - 2]
}

fn forged(seq: u64, prev: &str, run: &str) -> String {
    sealed(&format!(
        "{{\"seq\":{seq},\"prev\":\"{prev}\",\"run\":\"{run}\",\"kind\":\"later\",\"data\":{{}}"
    ))
}

fn sealed(body: &str) -> String {
    use std::fmt::Write;
    let mut hash = String::new();
    for byte in digest(&SHA256, body.as_bytes()).as_ref() {
        write!(hash, "{byte:02x}").expect("a string takes all");
    }
    format!("{body},\"hash\":\"{hash}\"}}\n")
}

#[test]
fn the_next_run_sees_that_records_of_earlier_ones_are_gone() {
    let sound = sample();
    let dir = tempfile::tempdir().expect("a folder");
    for name in segments(&sound) {
        for cut in [true, false] {
            let mut damaged = sound.clone();
            if cut {
                let bytes = damaged.get_mut(&name).expect("a segment");
                bytes.truncate(bytes.len() / 2);
            } else {
                damaged.remove(&name);
            }
            put(&damaged, dir.path());
            let start = open_writes(dir.path()).expect_err("damaged");
            let next = ledger(dir.path());
            let write = block_on(next.intent(intent(1))).expect_err("damaged");
            for report in [start, write] {
                assert_eq!(report.code, Code::LocalIo);
                assert!(report.message.contains("is damaged"), "{}", report.message);
            }
            // nothing was added to what is there
            assert_eq!(image(dir.path()), damaged, "{name}");
        }
    }
    put(&sound, dir.path());
    assert_eq!(open_writes(dir.path()).expect("whole").len(), 1);
    block_on(ledger(dir.path()).intent(intent(1))).expect("recorded");
}
