//! Reading the ledger: each write with its outcome.
//!
//! Owns: [`Entry`], [`read()`], [`open_writes`].
//! Refuses: checking the chain ([`verify`](crate::verify()) does).
//! Surprise: a record that cannot be read is an error, not a gap: a list of writes is complete or
//! an error.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use serde::Serialize;
use strataql_diag::Report;

use crate::failure::{damaged, unreadable, unusable};
use crate::folder::{Folder, HeadState};
use crate::line::{Flaw, Line, kind};
use crate::record::{Intent, Outcome, Resolution, ResolutionRecord, StatementRecord, WriteId};
use crate::segment::{Keep, Segment};

/// A write and its outcome.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// The id of the write.
    pub id: WriteId,
    /// Number of its intent in the ledger.
    pub seq: u64,
    /// The intent.
    pub intent: Intent,
    /// The outcome; `None` while the request is in flight, or if its run was killed.
    pub outcome: Option<Outcome>,
    /// The resolution of a missing outcome.
    pub resolution: Option<Resolution>,
}

impl Entry {
    /// The outcome is unknown and has not been reported.
    pub fn is_open(&self) -> bool {
        self.outcome.is_none() && self.resolution.is_none()
    }
}

/// All writes, in the order of their intents. A folder that does not exist has none.
///
/// # Errors
/// `local-io` when a file cannot be read or a record cannot be understood, which names the line, or when
/// records are missing.
pub fn read(dir: &Path) -> Result<Vec<Entry>, Box<Report>> {
    let folder = Folder::new(dir);
    let Some(snapshot) = folder.snapshot()? else { return Ok(Vec::new()) };
    let mut assembly = Assembly::default();
    for (run, bytes) in &snapshot.segments {
        assembly.add(&folder, run, *bytes)?;
    }
    let newest = match &snapshot.head {
        HeadState::Present(head) => head.seq,
        _ => 0,
    };
    assembly.check_count(dir, newest)?;
    Ok(assembly.finish())
}

/// Writes without an outcome whose run is over and that nobody has acknowledged yet.
///
/// Reads the segments of unfinished runs only, so it is cheap enough for every start. Runs that are
/// still alive, including the caller's, are left out.
///
/// # Errors
/// As [`read()`], when `head.json` is missing or damaged, and when files of earlier runs are gone or cut.
pub fn open_writes(dir: &Path) -> Result<Vec<Entry>, Box<Report>> {
    let folder = Folder::new(dir);
    let Some(snapshot) = folder.snapshot()? else { return Ok(Vec::new()) };
    let head = match snapshot.head {
        HeadState::Present(head) => head,
        HeadState::Damaged(cause) => return Err(damaged(dir, cause)),
        HeadState::Absent if snapshot.segments.iter().all(|(_, bytes)| *bytes == 0) => {
            return Ok(Vec::new());
        }
        HeadState::Absent => {
            return Err(damaged(dir, "there are records, but `head.json` is gone"));
        }
    };
    folder.check_segments(&head, &snapshot.segments)?;
    let mut ended = Vec::new();
    for segment in head.open {
        let has_ended = folder
            .has_ended(&segment.run)
            .map_err(|error| unreadable(dir, "asking whether a run is alive", error))?;
        if has_ended {
            ended.push(segment.run);
        }
    }
    let unsettled: BTreeSet<WriteId> = head.unsettled.into_iter().collect();
    let mut runs: BTreeSet<&str> = unsettled.iter().map(|id| id.run.as_str()).collect();
    runs.extend(ended.iter().map(String::as_str));
    let mut assembly = Assembly::default();
    for run in runs {
        // a run that is over writes no more, so the whole file counts
        assembly.add(&folder, run, u64::MAX)?;
    }
    let mut entries = assembly.finish();
    entries.retain(|entry| {
        entry.is_open() && (unsettled.contains(&entry.id) || ended.contains(&entry.id.run))
    });
    Ok(entries)
}

/// Joins records to entries.
#[derive(Debug, Default)]
struct Assembly {
    entries: Vec<Entry>,
    outcomes: HashMap<WriteId, Outcome>,
    resolutions: HashMap<WriteId, Resolution>,
    /// Number of records, and the highest of their numbers.
    records: u64,
    newest: u64,
}

impl Assembly {
    /// Checks that all records are there: they are numbered from 1, and `newest` is the last one that is
    /// known.
    fn check_count(&self, dir: &Path, newest: u64) -> Result<(), Box<Report>> {
        let expected = newest.max(self.newest);
        if self.records >= expected {
            return Ok(());
        }
        let missing = expected - self.records;
        Err(damaged(dir, format!("{missing} of {expected} records are missing")))
    }

    fn add(&mut self, folder: &Folder, run: &str, bytes: u64) -> Result<(), Box<Report>> {
        let segment = Segment::read(folder, run, (0, bytes), Keep::Everything)
            .map_err(|error| unreadable(&folder.path, "reading a segment", error))?;
        let mut statements = HashMap::new();
        for line in &segment.lines {
            if let Ok(record) = &line.record {
                self.records += 1;
                self.newest = self.newest.max(record.seq);
            }
            line.record
                .as_ref()
                .map_err(|flaw| *flaw)
                .and_then(|record| self.add_record(run, record, &mut statements))
                .map_err(|flaw| unusable(&folder.segment_path(run), line.number, flaw.as_str()))?;
        }
        Ok(())
    }

    fn add_record(
        &mut self,
        run: &str,
        record: &Line,
        statements: &mut HashMap<String, String>,
    ) -> Result<(), Flaw> {
        let id = || {
            let number = record.write.ok_or(Flaw::Unreadable)?;
            Ok(WriteId { run: run.to_owned(), number })
        };
        match record.kind.as_str() {
            kind::STATEMENT => {
                let statement: StatementRecord = record.data()?;
                statements.insert(statement.digest, statement.text);
            }
            kind::INTENT => {
                let mut intent: Intent = record.data()?;
                if let Some(text) = statements.get(&intent.statement_digest) {
                    intent.statement.clone_from(text);
                }
                let (outcome, resolution) = (None, None);
                self.entries.push(Entry {
                    id: id()?,
                    seq: record.seq,
                    intent,
                    outcome,
                    resolution,
                });
            }
            kind::OUTCOME => drop(self.outcomes.insert(id()?, record.data()?)),
            kind::RESOLUTION => {
                let ResolutionRecord { of, resolution } = record.data()?;
                self.resolutions.insert(of, resolution);
            }
            // begins and ends of segments, and what later versions add
            _ => {}
        }
        Ok(())
    }

    fn finish(mut self) -> Vec<Entry> {
        for entry in &mut self.entries {
            entry.outcome = self.outcomes.remove(&entry.id);
            entry.resolution = self.resolutions.remove(&entry.id);
        }
        self.entries.sort_by_key(|entry| entry.seq);
        self.entries
    }
}
