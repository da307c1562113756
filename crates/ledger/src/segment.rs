//! A segment file, or its end, as records with their positions.
//!
//! Owns: splitting bytes into lines.
//! Refuses: validation; a line that is not a record is kept with its error.
//! Surprise: bytes after the last line feed are a fragment, never a record: a record is durable only
//! once its line feed is.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use serde_json::value::RawValue;

use crate::folder::{Folder, absent};
use crate::line::{Flaw, Line, kind};

/// The records of a segment.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) run: String,
    pub(crate) lines: Vec<Placed>,
    /// Bytes after the last line feed.
    pub(crate) fragment: Vec<u8>,
    /// The end of the last line, in bytes from the start of the file.
    pub(crate) end: u64,
}

/// A line with its position.
#[derive(Debug)]
pub(crate) struct Placed {
    /// Line number, counted from 1 at the start of the read.
    pub(crate) number: usize,
    /// End of the line, from the start of the file.
    pub(crate) end: u64,
    pub(crate) record: Result<Line, Flaw>,
}

/// How much of each record is kept in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Everything,
    /// Only what the chain and the list of open writes need.
    Links,
}

impl Segment {
    /// Reads the bytes from `from` up to `to` or the end of the file. A missing file reads as
    /// empty.
    pub(crate) fn read(
        folder: &Folder,
        run: &str,
        (from, to): (u64, u64),
        keep: Keep,
    ) -> io::Result<Self> {
        let mut bytes = Vec::new();
        if let Some(mut file) = absent(File::open(folder.segment_path(run)))? {
            file.seek(SeekFrom::Start(from))?;
            file.take(to.saturating_sub(from)).read_to_end(&mut bytes)?;
        }
        Ok(Self::parse(run, from, &bytes, keep))
    }

    fn parse(run: &str, from: u64, bytes: &[u8], keep: Keep) -> Self {
        let mut lines = Vec::new();
        let mut end = from;
        let mut fragment = Vec::new();
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(text) = line.strip_suffix(b"\n") else {
                fragment = line.to_vec();
                break;
            };
            end += line.len() as u64;
            let mut record = Line::parse(text);
            if let Ok(record) = &mut record
                && keep == Keep::Links
                && !matches!(record.kind.as_str(), kind::RESOLUTION | kind::CUT)
            {
                record.data = RawValue::NULL.to_owned();
            }
            lines.push(Placed { number: lines.len() + 1, end, record });
        }
        Self { run: run.to_owned(), lines, fragment, end }
    }

    /// The lines that are valid records.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter_map(|line| line.record.as_ref().ok())
    }

    /// Writes that have no outcome.
    pub(crate) fn open_writes(&self) -> BTreeSet<u64> {
        let mut open = BTreeSet::new();
        for record in self.records() {
            match (record.kind.as_str(), record.write) {
                (kind::INTENT, Some(write)) => drop(open.insert(write)),
                (kind::OUTCOME, Some(write)) => drop(open.remove(&write)),
                _ => {}
            }
        }
        open
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{GENESIS, Pen};

    #[test]
    fn lines_have_places_and_the_rest_is_a_fragment() {
        let mut pen = Pen::new("r", 0, GENESIS);
        pen.push(kind::INTENT, Some(1), "{}");
        let first = pen.text.len() as u64;
        pen.push(kind::INTENT, Some(2), "{}");
        pen.push(kind::OUTCOME, Some(1), "{}");
        let whole = pen.text.len() as u64;
        let bytes = format!("{}{{\"seq\":4", pen.text);
        let segment = Segment::parse("r", 0, bytes.as_bytes(), Keep::Links);
        assert_eq!(segment.records().count(), 3);
        assert_eq!((segment.lines[1].number, segment.lines[0].end), (2, first));
        assert_eq!((segment.end, segment.fragment.as_slice()), (whole, b"{\"seq\":4".as_slice()));
        assert_eq!(segment.open_writes(), BTreeSet::from([2]));
    }

    #[test]
    fn a_line_that_is_no_record_keeps_its_place() {
        let segment = Segment::parse("r", 10, b"x\n\n", Keep::Everything);
        let flaws: Vec<_> =
            segment.lines.iter().map(|line| (line.end, line.record.as_ref().err())).collect();
        assert_eq!(flaws, [(12, Some(&Flaw::Unreadable)), (13, Some(&Flaw::Unreadable))]);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_lines_and_a_fragment(bytes: Vec<u8>) {
            let segment = Segment::parse("r", 0, &bytes, Keep::Everything);
            proptest::prop_assert_eq!(segment.end + segment.fragment.len() as u64, bytes.len() as u64);
        }
    }
}
