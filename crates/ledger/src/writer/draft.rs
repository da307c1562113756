//! A group of records before it is written.
//!
//! Owns: the state of the run and the head after the group; nothing is changed before it is
//! durable.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Done, Item, Own};
use crate::head::{FORMAT, Head};
use crate::line::{Pen, kind};
use crate::record::{CutRecord, ResolutionRecord, Run, RunRecord, StatementRecord, WriteId};

/// The group.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) head: Head,
    pub(super) pen: Pen,
    pub(super) writes: u64,
    pub(super) open: BTreeSet<u64>,
    pub(super) statements: Vec<String>,
    pub(super) done: Vec<Done>,
}

impl Draft {
    /// An empty group.
    pub(super) fn new(own: &Own, head: Head) -> Self {
        Self {
            pen: Pen::new(&own.run, head.seq, &head.newest),
            head,
            writes: own.writes,
            open: own.open.clone(),
            statements: Vec::new(),
            done: Vec::new(),
        }
    }

    /// Serializes all records; the head is up to date with the other runs.
    pub(super) fn fill(&mut self, own: &Own, run: &Run, cuts: &[CutRecord], items: &[Item]) {
        self.pen = Pen::new(&own.run, self.head.seq, &self.head.newest);
        if own.bytes == 0 {
            let record = RunRecord {
                format: FORMAT,
                version: run.version.clone(),
                pid: std::process::id(),
                started_at: run.started_at.clone(),
            };
            self.pen.push(kind::RUN, None, &json(&record));
        }
        for cut in cuts {
            self.pen.push(kind::CUT, None, &json(cut));
        }
        for item in items {
            let done = self.add(own, item);
            self.done.push(done);
        }
    }

    fn add(&mut self, own: &Own, item: &Item) -> Done {
        match item {
            Item::Intent { statement_digest, statement, data } => {
                self.add_statement(own, statement_digest, statement);
                self.writes += 1;
                self.open.insert(self.writes);
                self.pen.push(kind::INTENT, Some(self.writes), data);
                Done::Intent(WriteId { run: own.run.clone(), number: self.writes })
            }
            Item::Outcome { id, data } => {
                if id.run != own.run || !(1..=self.writes).contains(&id.number) {
                    return Done::NoSuchWrite(id.clone());
                }
                self.open.remove(&id.number);
                self.pen.push(kind::OUTCOME, Some(id.number), data);
                Done::Outcome
            }
            Item::Resolutions { ids, resolution } => {
                let mut resolved = Vec::new();
                for id in ids {
                    let Some(at) = self.head.unsettled.iter().position(|open| open == id) else {
                        continue;
                    };
                    self.head.unsettled.remove(at);
                    let record =
                        ResolutionRecord { of: id.clone(), resolution: resolution.clone() };
                    self.pen.push(kind::RESOLUTION, None, &json(&record));
                    resolved.push(id.clone());
                }
                Done::Resolutions(resolved)
            }
        }
    }

    fn add_statement(&mut self, own: &Own, digest: &str, text: &str) {
        let is_known =
            own.statements.contains(digest) || self.statements.iter().any(|known| known == digest);
        if text.is_empty() || is_known {
            return;
        }
        let record = StatementRecord { digest: digest.to_owned(), text: text.to_owned() };
        self.pen.push(kind::STATEMENT, None, &json(&record));
        self.statements.push(digest.to_owned());
    }
}

/// JSON text on one line.
pub(super) fn json(record: &impl Serialize) -> String {
    serde_json::to_string(record).expect("records have text keys and plain values")
}
