//! The ledger's folder: names, locks, listing.
//!
//! Owns: file names, the lock that orders groups of records, and a consistent view for readers.
//! Surprise: readers hold the lock only while they note lengths. Files are append-only, so the
//! bytes below a noted length do not change.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use strataql_diag::Report;

use crate::failure::{damaged, unreadable, unwritable};
use crate::head::{Closed, Head, private, sync_folder};

const SUFFIX: &str = ".jsonl";

/// The folder.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
}

/// A snapshot of the folder.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) head: HeadState,
    /// Runs and the lengths of their segments, by name.
    pub(crate) segments: Vec<(String, u64)>,
}

/// The content of `head.json`, if known.
#[derive(Debug)]
pub(crate) enum HeadState {
    Absent,
    Damaged(String),
    Present(Head),
}

impl Folder {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    pub(crate) fn head_path(&self) -> PathBuf {
        self.path.join("head.json")
    }

    pub(crate) fn segment_path(&self, run: &str) -> PathBuf {
        self.path.join(format!("{run}{SUFFIX}"))
    }

    /// Creates the folder so that it survives a power failure.
    pub(crate) fn create(&self) -> Result<(), Box<Report>> {
        let missing: Vec<&Path> =
            self.path.ancestors().take_while(|folder| !folder.is_dir()).collect();
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt;
            builder.mode(0o700);
        }
        builder
            .create(&self.path)
            .and_then(|()| {
                missing.iter().filter_map(|folder| folder.parent()).try_for_each(|parent| {
                    // the parent of a relative name is the working folder
                    let parent =
                        if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
                    sync_folder(parent)
                })
            })
            .map_err(|error| unwritable(&self.path, "creating the folder", error))
    }

    /// Waits until no other run appends; dropping the value releases the lock.
    pub(crate) fn lock(&self) -> Result<File, Box<Report>> {
        private(OpenOptions::new().write(true).create(true).truncate(false))
            .open(self.path.join("lock"))
            .and_then(|file| file.lock().map(|()| file))
            .map_err(|error| unwritable(&self.path, "taking the lock", error))
    }

    /// The head to continue from. The caller holds the lock.
    pub(crate) fn head_for_writing(&self) -> Result<Head, Box<Report>> {
        match self.head_state().map_err(|e| unwritable(&self.path, "reading `head.json`", e))? {
            HeadState::Present(head) => Ok(head),
            HeadState::Damaged(cause) => Err(damaged(&self.path, cause)),
            HeadState::Absent => {
                let segments = self
                    .segments()
                    .map_err(|error| unwritable(&self.path, "listing the folder", error))?;
                if segments.iter().any(|(_, bytes)| *bytes > 0) {
                    Err(damaged(&self.path, "there are records, but `head.json` is gone"))
                } else {
                    Ok(Head::new())
                }
            }
        }
    }

    /// Head and lengths at one point in time; `None` when there is no ledger.
    pub(crate) fn snapshot(&self) -> Result<Option<Snapshot>, Box<Report>> {
        let failed =
            |step: &'static str| move |error: io::Error| unreadable(&self.path, step, error);
        if absent(fs::metadata(&self.path)).map_err(failed("looking at the folder"))?.is_none() {
            return Ok(None);
        }
        let lock =
            absent(File::open(self.path.join("lock"))).map_err(failed("opening the lock"))?;
        if let Some(lock) = &lock {
            lock.lock_shared().map_err(failed("taking the lock"))?;
        }
        let head = self.head_state().map_err(failed("reading `head.json`"))?;
        let segments = self.segments().map_err(failed("listing the folder"))?;
        Ok(Some(Snapshot { head, segments }))
    }

    /// What the closed segments hold, if all segments are as the head says.
    ///
    /// # Errors
    /// `local-io` when some are missing, or have another length than they had.
    pub(crate) fn check_segments(
        &self,
        head: &Head,
        segments: &[(String, u64)],
    ) -> Result<Closed, Box<Report>> {
        let mut found = Closed::default();
        for (run, bytes) in segments {
            if head.known_bytes(run).is_none() {
                found.add(*bytes);
            }
        }
        // the head is never ahead of the segments that may grow
        let bytes = |run: &str| segments.iter().find(|(own, _)| own == run).map_or(0, |own| own.1);
        if let Some(open) = head.open.iter().find(|open| bytes(&open.run) < open.bytes) {
            let file = self.segment_path(&open.run);
            return Err(damaged(&self.path, format!("`{}` was cut or removed", file.display())));
        }
        let expected = head.closed.unwrap_or(found);
        if found == expected {
            return Ok(found);
        }
        let cause = if found.segments < expected.segments {
            let missing = expected.segments - found.segments;
            format!(
                "{missing} of {} files with the records of earlier runs are gone",
                expected.segments
            )
        } else {
            format!(
                "the records of earlier runs have {} bytes and had {}",
                found.bytes, expected.bytes
            )
        };
        Err(damaged(&self.path, cause))
    }

    /// Length of a segment; `None` when the file is gone.
    pub(crate) fn segment_bytes(&self, run: &str) -> io::Result<Option<u64>> {
        Ok(absent(fs::metadata(self.segment_path(run)))?.map(|metadata| metadata.len()))
    }

    /// Whether the run of a segment is over: a run locks its segment while it is alive.
    pub(crate) fn has_ended(&self, run: &str) -> io::Result<bool> {
        let Some(file) = absent(File::open(self.segment_path(run)))? else { return Ok(true) };
        match file.try_lock_shared() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    pub(crate) fn head_state(&self) -> io::Result<HeadState> {
        let Some(text) = absent(fs::read(self.head_path()))? else { return Ok(HeadState::Absent) };
        Ok(match Head::parse(&text) {
            Ok(head) => HeadState::Present(head),
            Err(cause) => HeadState::Damaged(cause),
        })
    }

    /// The runs that have segments, with the lengths of these, by name.
    pub(crate) fn segments(&self) -> io::Result<Vec<(String, u64)>> {
        let mut segments = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            if let Some(run) = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)) {
                segments.push((run.to_owned(), entry.metadata()?.len()));
            }
        }
        segments.sort_unstable();
        Ok(segments)
    }
}

/// Turns "not found" into `None`.
pub(crate) fn absent<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
