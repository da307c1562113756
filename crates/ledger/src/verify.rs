//! Verifies that the ledger is unchanged.
//!
//! Owns: [`verify()`] and the definition of a problem.
//! Surprise: anyone who can write to the folder can compute digests and replace everything, the
//! head included; only a digest kept elsewhere ([`Verification::head`]) reveals that.

mod survey;

use std::path::Path;

use serde::Serialize;
use strataql_diag::Report;

use crate::chain::absorb;
use crate::failure::unreadable;
use crate::folder::{Folder, HeadState, Snapshot};
use crate::head::Head;
use crate::segment::{Keep, Segment};
use survey::Survey;

/// The result of a verification.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Verification {
    /// Segment files.
    pub segments: usize,
    /// Records in them.
    pub records: u64,
    /// Incomplete records of killed runs; they were never confirmed.
    pub incomplete: usize,
    /// Digest of the newest record; a copy kept elsewhere proves later that nothing was replaced.
    pub head: Option<String>,
    /// All problems, with file and line.
    pub problems: Vec<Report>,
}

/// Checks every record of a ledger. A folder that does not exist is an empty ledger.
///
/// # Errors
/// `local-io` when a file cannot be read. Invalid content is a problem in the result.
pub fn verify(dir: &Path) -> Result<Verification, Box<Report>> {
    let folder = Folder::new(dir);
    let Some(Snapshot { head, segments }) = folder.snapshot()? else {
        return Ok(Verification::default());
    };
    let is_empty = segments.iter().all(|(_, bytes)| *bytes == 0);
    let mut read = Vec::with_capacity(segments.len());
    for (run, bytes) in &segments {
        let segment = Segment::read(&folder, run, (0, *bytes), Keep::Links)
            .map_err(|error| unreadable(dir, "reading a segment", error))?;
        read.push(segment);
    }
    let mut survey = Survey::new(&folder);
    let known = match head {
        HeadState::Present(head) => Some(head),
        HeadState::Absent if is_empty => Some(Head::new()),
        HeadState::Absent => {
            survey.add_head("there are records, but `head.json` is gone");
            None
        }
        HeadState::Damaged(cause) => {
            survey.add_head(cause);
            None
        }
    };
    let has_head = known.is_some();
    // without a head every segment counts as finished
    let known = known.unwrap_or_else(Head::new);
    let mut head = known.clone();
    absorb(&mut head, &read);
    survey.note_cuts(&read);
    for segment in &read {
        survey.check_segment(segment, &known, &head);
    }
    survey.check_missing(&known);
    survey.check_chain();
    if has_head {
        survey.check_end(&head);
        survey.check_unsettled(&read, &head);
    }
    Ok(survey.finish())
}
