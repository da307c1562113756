//! The individual checks.
//!
//! Owns: every message about invalid content.
//! Surprise: one change may cause several problems, such as an altered record that is also missing
//! from the chain; each check reports its own.

use std::collections::{BTreeMap, BTreeSet};

use super::Verification;
use crate::digest::sha256;
use crate::failure::problem;
use crate::folder::Folder;
use crate::head::Head;
use crate::line::{GENESIS, Line, kind};
use crate::record::{CutRecord, ResolutionRecord, WriteId};
use crate::segment::Segment;

/// State of the checks so far.
pub(super) struct Survey<'a> {
    folder: &'a Folder,
    found: Verification,
    cuts: BTreeMap<String, CutRecord>,
    links: Vec<Link<'a>>,
}

/// A record as part of the chain.
struct Link<'a> {
    record: &'a Line,
    run: &'a str,
    number: usize,
}

impl<'a> Survey<'a> {
    pub(super) fn new(folder: &'a Folder) -> Self {
        let (found, cuts, links) = (Verification::default(), BTreeMap::new(), Vec::new());
        Self { folder, found, cuts, links }
    }

    /// A problem of `head.json`.
    pub(super) fn add_head(&mut self, message: impl Into<String>) {
        self.found.problems.push(problem(&self.folder.head_path(), 1, message));
    }

    fn add(&mut self, run: &str, number: usize, message: impl Into<String>) {
        self.found.problems.push(problem(&self.folder.segment_path(run), number, message));
    }

    /// Remembers the incomplete records of killed runs that are known.
    pub(super) fn note_cuts(&mut self, segments: &'a [Segment]) {
        for segment in segments {
            for line in &segment.lines {
                let Ok(record) = &line.record else { continue };
                if record.kind != kind::CUT {
                    continue;
                }
                match record.data::<CutRecord>() {
                    // two runs may both have recorded it if the first was killed meanwhile
                    Ok(cut) if self.cuts.get(&cut.run).is_none_or(|known| *known == cut) => {
                        self.cuts.insert(cut.run.clone(), cut);
                    }
                    _ => self.add(&segment.run, line.number, "this `cut` record makes no sense"),
                }
            }
        }
    }

    /// Checks one file: `known` is its state in the head, `head` also includes records it missed.
    pub(super) fn check_segment(&mut self, segment: &'a Segment, known: &Head, head: &Head) {
        self.found.segments += 1;
        let counted = head.known_bytes(&segment.run).unwrap_or(u64::MAX);
        let mut newest = 0;
        for line in &segment.lines {
            let record = match &line.record {
                Ok(record) => record,
                Err(flaw) => {
                    self.add(&segment.run, line.number, flaw.as_str());
                    continue;
                }
            };
            self.found.records += 1;
            if record.run != segment.run {
                let message = format!("this record belongs to the segment `{}.jsonl`", record.run);
                self.add(&segment.run, line.number, message);
            }
            if record.seq <= newest {
                let message =
                    format!("record {} stands after record {newest}: lines were moved", record.seq);
                self.add(&segment.run, line.number, message);
            }
            newest = newest.max(record.seq);
            if line.end > counted {
                let message = format!("record {} does not continue the chain", record.seq);
                self.add(&segment.run, line.number, message);
            } else {
                let (run, number) = (segment.run.as_str(), line.number);
                self.links.push(Link { record, run, number });
            }
        }
        self.check_fragment(segment, known);
    }

    /// The bytes after the last line feed.
    fn check_fragment(&mut self, segment: &Segment, known: &Head) {
        let run = &segment.run;
        let number = segment.lines.len() + 1;
        let bytes = segment.end + segment.fragment.len() as u64;
        if let Some(expected) = known.known_bytes(run).filter(|expected| bytes < *expected) {
            let message =
                format!("the segment ends after {bytes} bytes, but {expected} were written");
            self.add(run, number, message);
        }
        if let Some(cut) = self.cuts.get(run) {
            let is_as_left = cut.bytes == segment.end
                && cut.cut == segment.fragment.len() as u64
                && cut.sha256 == sha256(&segment.fragment);
            if is_as_left {
                self.found.incomplete += 1;
            } else {
                self.add(run, number, "the incomplete record of a killed run was changed");
            }
        } else if !segment.fragment.is_empty() {
            if known.known_bytes(run).is_some_and(|expected| segment.end >= expected) {
                self.found.incomplete += 1;
            } else {
                self.add(run, number, "the last record is incomplete, though its run ended");
            }
        }
    }

    /// Open segments whose file is missing.
    pub(super) fn check_missing(&mut self, known: &Head) {
        for open in &known.open {
            let path = self.folder.segment_path(&open.run);
            if open.bytes > 0 && !path.exists() {
                self.add_head(format!("the segment `{}.jsonl` is gone", open.run));
            }
        }
    }

    /// Checks that every record continues the one before.
    pub(super) fn check_chain(&mut self) {
        self.links.sort_by_key(|link| link.record.seq);
        let (mut seq, mut hash) = (0, GENESIS);
        for link in std::mem::take(&mut self.links) {
            let record = link.record;
            if record.seq == seq {
                let message = format!("there is another record {seq}: lines were copied or forged");
                self.add(link.run, link.number, message);
                continue;
            }
            if record.seq > seq.saturating_add(1) {
                let message =
                    format!("{} missing before this one", records(seq + 1, record.seq - 1));
                self.add(link.run, link.number, message);
            } else if record.prev != hash {
                let message = format!("record {} does not continue record {seq}", record.seq);
                self.add(link.run, link.number, message);
            }
            (seq, hash) = (record.seq, &record.hash);
            self.links.push(link);
        }
        self.found.head = (seq > 0).then(|| hash.to_owned());
    }

    /// Checks that the chain ends at the head.
    pub(super) fn check_end(&mut self, head: &Head) {
        let (seq, hash) =
            self.links.last().map_or((0, GENESIS), |link| (link.record.seq, &link.record.hash));
        if seq < head.seq {
            let message =
                format!("{} missing at the end of the ledger", records(seq + 1, head.seq));
            self.add_head(message);
        } else if seq > head.seq {
            let unknown: Vec<(&str, usize)> = self
                .links
                .iter()
                .filter(|link| link.record.seq > head.seq)
                .map(|link| (link.run, link.number))
                .collect();
            for (run, number) in unknown {
                self.add(run, number, format!("`head.json` ends with record {}", head.seq));
            }
        } else if hash != head.newest {
            self.add_head(format!("record {seq} is another one than `head.json` names"));
        }
    }

    /// Checks the list of open writes, which could otherwise hide a missing outcome.
    pub(super) fn check_unsettled(&mut self, segments: &[Segment], head: &Head) {
        if !self.found.problems.is_empty() {
            return;
        }
        let resolved: BTreeSet<WriteId> = segments
            .iter()
            .flat_map(Segment::records)
            .filter(|record| record.kind == kind::RESOLUTION)
            .filter_map(|record| Some(record.data::<ResolutionRecord>().ok()?.of))
            .collect();
        let expected: BTreeSet<WriteId> = segments
            .iter()
            .filter(|segment| head.known_bytes(&segment.run).is_none())
            .flat_map(|segment| {
                let id = |number| WriteId { run: segment.run.clone(), number };
                segment.open_writes().into_iter().map(id)
            })
            .filter(|id| !resolved.contains(id))
            .collect();
        let listed: BTreeSet<WriteId> = head.unsettled.iter().cloned().collect();
        for id in expected.difference(&listed) {
            self.add_head(format!("the write `{id}` has no outcome and is not listed as open"));
        }
        for id in listed.difference(&expected) {
            self.add_head(format!("the write `{id}` is listed as open, but it is none"));
        }
    }

    pub(super) fn finish(self) -> Verification {
        self.found
    }
}

fn records(first: u64, last: u64) -> String {
    if first == last {
        format!("record {first} is")
    } else {
        format!("records {first} to {last} are")
    }
}
