//! `head.json`: the newest record of the whole ledger, and unfinished segments and writes.
//!
//! Owns: its format and its atomic replacement.
//! Surprise: after a crash it may lag behind the segments; it is never ahead of them. Records that
//! it does not include are in a segment that it lists as open, after the bytes that it knows.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::line::{GENESIS, seal, unseal};
use crate::record::WriteId;

/// Version of the folder's format.
pub(crate) const FORMAT: u32 = 1;

/// The newest state of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) format: u32,
    /// Number of the newest record, 0 when there is none.
    pub(crate) seq: u64,
    /// Digest of the newest record.
    pub(crate) newest: String,
    /// Segments of runs that are not known to have ended.
    pub(crate) open: Vec<OpenSegment>,
    /// What the closed segments hold; absent in heads of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) closed: Option<Closed>,
    /// Writes without an outcome in closed segments.
    pub(crate) unsettled: Vec<WriteId>,
}

/// A segment that may grow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpenSegment {
    pub(crate) run: String,
    /// Its length as of the newest record.
    pub(crate) bytes: u64,
}

/// Segments of runs that have ended: nobody changes them any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Closed {
    /// How many have records.
    pub(crate) segments: u64,
    /// Their lengths together.
    pub(crate) bytes: u64,
}

impl Closed {
    /// Counts one more; an empty one has no records.
    pub(crate) const fn add(&mut self, bytes: u64) {
        if bytes > 0 {
            self.segments += 1;
            self.bytes += bytes;
        }
    }
}

impl Head {
    /// The head of an empty ledger.
    pub(crate) fn new() -> Self {
        Self {
            format: FORMAT,
            seq: 0,
            newest: GENESIS.to_owned(),
            open: Vec::new(),
            closed: Some(Closed::default()),
            unsettled: Vec::new(),
        }
    }

    /// Parses the text of the file; the error says what is wrong with it.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        let line = text.strip_suffix(b"\n").ok_or("`head.json` is incomplete")?;
        unseal(line).map_err(|_| "`head.json` was altered: its digest does not fit its text")?;
        let head: Self = serde_json::from_slice(line)
            .map_err(|error| format!("`head.json` has another form: {error}"))?;
        if head.format != FORMAT {
            return Err(format!("its format {} is not known to this version", head.format));
        }
        Ok(head)
    }

    /// The text of the file.
    pub(crate) fn to_text(&self) -> String {
        let object = serde_json::to_string(self).expect("strings and numbers are JSON");
        seal(&object).0
    }

    /// Replaces the file atomically; the new one is durable first.
    pub(crate) fn store(&self, path: &Path) -> io::Result<()> {
        let beside = path.with_extension("json.new");
        let mut file =
            private(OpenOptions::new().write(true).create(true).truncate(true)).open(&beside)?;
        file.write_all(self.to_text().as_bytes())?;
        file.sync_data()?;
        fs::rename(&beside, path)
    }

    /// Position of the segment of a run, if it is open.
    pub(crate) fn open_segment(&mut self, run: &str) -> Option<&mut OpenSegment> {
        self.open.iter_mut().find(|segment| segment.run == run)
    }

    /// The known length of an open segment.
    pub(crate) fn known_bytes(&self, run: &str) -> Option<u64> {
        self.open.iter().find(|segment| segment.run == run).map(|segment| segment.bytes)
    }

    /// Moves the segment of a run, which has this length, to the closed ones; its open writes are kept.
    pub(crate) fn settle(
        &mut self,
        run: &str,
        bytes: u64,
        open_writes: impl IntoIterator<Item = u64>,
    ) {
        if let Some(closed) = &mut self.closed {
            closed.add(bytes);
        }
        self.open.retain(|segment| segment.run != run);
        let ids = open_writes.into_iter().map(|number| WriteId { run: run.to_owned(), number });
        self.unsettled.extend(ids);
    }
}

/// Files of the ledger are private to the user: they name objects of an account.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

/// Makes the entries of a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    // other systems have no such call; their renames are journalled
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Head {
        let mut head = Head::new();
        head.open.push(OpenSegment { run: "a".into(), bytes: 12 });
        head.open.push(OpenSegment { run: "b".into(), bytes: 0 });
        head.settle("b", 0, [2, 5]);
        head
    }

    #[test]
    fn it_reads_back() {
        let head = sample();
        assert_eq!(head.open.len(), 1);
        assert_eq!(Head::parse(head.to_text().as_bytes()), Ok(head));
    }

    #[test]
    fn every_changed_byte_is_seen() {
        let text = sample().to_text().into_bytes();
        for at in 0..text.len() {
            let mut changed = text.clone();
            changed[at] ^= 1;
            assert!(Head::parse(&changed).is_err(), "byte {at}");
            assert!(Head::parse(&text[..at]).is_err(), "{at} bytes");
        }
    }
}
