//! Appends groups of records; blocking.
//!
//! Owns: the run's segment, and the order of steps that makes a group durable.
//! Surprise: a group that fails leaves no trace: the segment is truncated to its previous length.
//! If that fails too, the writer refuses all further records.
//!
//! ```text
//! lock → read head.json → absorb what killed runs left → append to the own segment → fdatasync
//!      → head.json beside, fdatasync, rename → unlock → tell the callers
//! ```

mod draft;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write;

use ring::rand::{SecureRandom, SystemRandom};
use strataql_diag::Report;

use crate::chain::settle;
use crate::digest::hex;
use crate::failure::{damaged, unwritable};
use crate::folder::{Folder, HeadState};
use crate::head::{Head, OpenSegment, private, sync_folder};
use crate::read::open_writes;
use crate::record::{Resolution, Run, WriteId};
use draft::Draft;

/// Something to record; data is JSON text on one line.
#[derive(Debug)]
pub(crate) enum Item {
    Intent { statement_digest: String, statement: String, data: String },
    Outcome { id: WriteId, data: String },
    Resolutions { ids: Vec<WriteId>, resolution: Resolution },
}

/// The result of an item.
#[derive(Debug)]
pub(crate) enum Done {
    Intent(WriteId),
    Outcome,
    /// The write does not belong to this run; nothing was recorded.
    NoSuchWrite(WriteId),
    /// The writes that were open until now.
    Resolutions(Vec<WriteId>),
}

/// Appends to the ledger for one run.
#[derive(Debug)]
pub(crate) struct Writer {
    folder: Folder,
    run: Run,
    own: Option<Own>,
    broken: Option<Box<Report>>,
}

/// The run's segment.
#[derive(Debug)]
struct Own {
    run: String,
    file: File,
    bytes: u64,
    /// Number of the newest write.
    writes: u64,
    open: BTreeSet<u64>,
    /// Digests of the statements whose text is recorded.
    statements: HashSet<String>,
}

impl Writer {
    /// Creates nothing yet.
    pub(crate) fn new(folder: Folder, run: Run) -> Self {
        Self { folder, run, own: None, broken: None }
    }

    /// Records the items in order, all or none; they are durable when this returns.
    pub(crate) fn commit(&mut self, items: &[Item]) -> Result<Vec<Done>, Box<Report>> {
        if let Some(report) = &self.broken {
            return Err(report.clone());
        }
        if let Some(done) = self.nothing_to_resolve(items)? {
            return Ok(done);
        }
        if self.own.is_none() {
            self.folder.create()?;
        }
        let lock = self.folder.lock()?;
        let mut before = self.folder.head_for_writing()?;
        if self.own.is_none() {
            self.own = Some(self.begin(&mut before)?);
        }
        let own = self.own.as_mut().expect("begun above");
        own.check(&self.folder, &before)?;
        let mut draft = Draft::new(own, before.clone());
        let resolves = items.iter().any(|item| matches!(item, Item::Resolutions { .. }));
        let looks_at_all = own.bytes == 0 || resolves;
        let cuts = settle(&self.folder, &mut draft.head, &own.run, looks_at_all)?;
        draft.fill(own, &self.run, &cuts, items);
        if let Err(report) = own.append(&self.folder, &mut draft) {
            if !own.roll_back(&self.folder, &before) {
                self.broken = Some(report.clone());
            }
            return Err(report);
        }
        drop(lock);
        Ok(own.accept(draft))
    }

    /// Closes the segment; writes without an outcome stay listed as open.
    pub(crate) fn close(&mut self) -> Result<(), Box<Report>> {
        let Some(own) = self.own.take() else { return Ok(()) };
        if let Some(report) = &self.broken {
            return Err(report.clone());
        }
        let _lock = self.folder.lock()?;
        let mut head = self.folder.head_for_writing()?;
        own.check(&self.folder, &head)?;
        head.settle(&own.run, own.bytes, own.open);
        head.store(&self.folder.head_path())
            .map_err(|error| unwritable(&self.folder.path, "replacing `head.json`", error))
    }

    /// Resolutions alone do not begin a segment if none of their writes is open.
    fn nothing_to_resolve(&self, items: &[Item]) -> Result<Option<Vec<Done>>, Box<Report>> {
        let mut wanted = Vec::new();
        for item in items {
            match item {
                Item::Resolutions { ids, .. } => wanted.extend(ids),
                Item::Intent { .. } | Item::Outcome { .. } => return Ok(None),
            }
        }
        let open = open_writes(&self.folder.path)?;
        if open.iter().any(|entry| wanted.contains(&&entry.id)) {
            return Ok(None);
        }
        Ok(Some(items.iter().map(|_| Done::Resolutions(Vec::new())).collect()))
    }

    /// Creates the segment and registers it. The caller holds the lock.
    ///
    /// It is registered while it is still empty, so that no record is ever in a file that the head
    /// does not know.
    fn begin(&self, head: &mut Head) -> Result<Own, Box<Report>> {
        let mut random = [0; 4];
        SystemRandom::new().fill(&mut random).map_err(|_| {
            unwritable(&self.folder.path, "naming a segment", "the system gives no random numbers")
        })?;
        let start = self.run.started_at.compact();
        let run = format!("{start}-{}-{}", std::process::id(), hex(&random));
        let path = self.folder.segment_path(&run);
        let segments = self
            .folder
            .segments()
            .map_err(|error| unwritable(&self.folder.path, "listing the folder", error))?;
        let closed = self.folder.check_segments(head, &segments)?;
        head.closed = Some(closed);
        let file = private(OpenOptions::new().append(true).create_new(true))
            .open(&path)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(|error| unwritable(&self.folder.path, "creating a segment", error))?;
        head.open.push(OpenSegment { run: run.clone(), bytes: 0 });
        let registered =
            head.store(&self.folder.head_path()).and_then(|()| sync_folder(&self.folder.path));
        if let Err(error) = registered {
            // an empty segment that stays is harmless
            drop(fs::remove_file(&path));
            return Err(unwritable(&self.folder.path, "replacing `head.json`", error));
        }
        let (open, statements) = (BTreeSet::new(), HashSet::new());
        Ok(Own { run, file, bytes: 0, writes: 0, open, statements })
    }
}

impl Own {
    /// Only this run changes its segment; if it was changed otherwise, nothing is added.
    fn check(&self, folder: &Folder, head: &Head) -> Result<(), Box<Report>> {
        let found = folder
            .segment_bytes(&self.run)
            .map_err(|error| unwritable(&folder.path, "looking at the own segment", error))?;
        if head.known_bytes(&self.run) == Some(self.bytes) && found == Some(self.bytes) {
            return Ok(());
        }
        let segment = folder.segment_path(&self.run);
        let cause = format!("`{}` was changed or removed by someone else", segment.display());
        Err(damaged(&folder.path, cause))
    }

    /// Makes the draft durable.
    fn append(&mut self, folder: &Folder, draft: &mut Draft) -> Result<(), Box<Report>> {
        self.file
            .write_all(draft.pen.text.as_bytes())
            .and_then(|()| self.file.sync_data())
            .map_err(|error| unwritable(&folder.path, "appending records", error))?;
        draft.head.seq = draft.pen.seq;
        draft.head.newest.clone_from(&draft.pen.prev);
        if let Some(open) = draft.head.open_segment(&self.run) {
            open.bytes = self.bytes + draft.pen.text.len() as u64;
        }
        draft
            .head
            .store(&folder.head_path())
            .map_err(|error| unwritable(&folder.path, "replacing `head.json`", error))
    }

    /// Truncates a failed group; true if that worked.
    fn roll_back(&self, folder: &Folder, before: &Head) -> bool {
        let unchanged = folder
            .head_state()
            .is_ok_and(|state| matches!(state, HeadState::Present(head) if head == *before));
        unchanged && self.file.set_len(self.bytes).and_then(|()| self.file.sync_all()).is_ok()
    }

    /// Adopts the state that is durable now.
    fn accept(&mut self, draft: Draft) -> Vec<Done> {
        self.bytes += draft.pen.text.len() as u64;
        self.writes = draft.writes;
        self.open = draft.open;
        self.statements.extend(draft.statements);
        draft.done
    }
}
