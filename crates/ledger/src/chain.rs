//! Continuing the chain after other runs.
//!
//! Owns: records that `head.json` does not include yet, and segments of killed runs.
//! Surprise: a record may be durable although the head does not include it: its run was killed in
//! between. It counts if it continues the chain; no confirmed record is ever left out.
//!
//! ```text
//! segment of a killed run   | known to the head | records the head missed | torn record |
//!                           0                 bytes       absorbed               cut
//! ```

use strataql_diag::Report;

use crate::digest::sha256;
use crate::failure::unwritable;
use crate::folder::Folder;
use crate::head::Head;
use crate::line::kind;
use crate::record::{CutRecord, ResolutionRecord, WriteId};
use crate::segment::{Keep, Segment};

/// Advances the head over the records that continue it; returns the writes that they resolve.
pub(crate) fn absorb(head: &mut Head, segments: &[Segment]) -> Vec<WriteId> {
    let mut resolved = Vec::new();
    loop {
        let before = head.seq;
        for segment in segments {
            absorb_one(head, segment, &mut resolved);
        }
        if head.seq == before {
            head.unsettled.retain(|id| !resolved.contains(id));
            return resolved;
        }
    }
}

fn absorb_one(head: &mut Head, segment: &Segment, resolved: &mut Vec<WriteId>) {
    let Some(known) = head.known_bytes(&segment.run) else { return };
    for line in segment.lines.iter().skip_while(|line| line.end <= known) {
        let Ok(record) = &line.record else { return };
        let continues = record.seq == head.seq + 1 && record.prev == head.newest;
        if !continues || record.run != segment.run {
            return;
        }
        head.seq = record.seq;
        head.newest.clone_from(&record.hash);
        if let Some(open) = head.open_segment(&segment.run) {
            open.bytes = line.end;
        }
        if record.kind == kind::RESOLUTION
            && let Ok(resolution) = record.data::<ResolutionRecord>()
        {
            resolved.push(resolution.of);
        }
    }
}

/// Updates the head from the other runs' segments. The caller holds the lock.
///
/// Removes ended runs from the list of open ones, if `looks_at_all` is set or one seems to have
/// been killed. The caller must record the result.
pub(crate) fn settle(
    folder: &Folder,
    head: &mut Head,
    own: &str,
    looks_at_all: bool,
) -> Result<Vec<CutRecord>, Box<Report>> {
    let failed = |error| unwritable(&folder.path, "reading an unfinished segment", error);
    let others: Vec<(String, u64)> = head
        .open
        .iter()
        .filter(|segment| segment.run != own)
        .map(|segment| (segment.run.clone(), segment.bytes))
        .collect();
    let mut tails = Vec::new();
    for (run, known) in &others {
        let bytes = folder.segment_bytes(run).map_err(failed)?.unwrap_or(0);
        if bytes > *known {
            let tail = Segment::read(folder, run, (*known, bytes), Keep::Links).map_err(failed)?;
            tails.push(tail);
        }
    }
    let resolved = absorb(head, &tails);
    let mut cuts = Vec::new();
    if looks_at_all || !tails.is_empty() {
        for (run, _) in &others {
            if folder.has_ended(run).map_err(failed)? {
                cuts.extend(retire(folder, head, run).map_err(failed)?);
            }
        }
    }
    // a killed run may have resolved writes of a segment that it could not remove from the list
    head.unsettled.retain(|id| !resolved.contains(id));
    Ok(cuts)
}

/// Closes the segment of a run that is over.
fn retire(folder: &Folder, head: &mut Head, run: &str) -> std::io::Result<Option<CutRecord>> {
    let known = head.known_bytes(run).unwrap_or(0);
    let segment = Segment::read(folder, run, (0, u64::MAX), Keep::Links)?;
    let bytes = folder.segment_bytes(run)?.unwrap_or(0);
    head.settle(run, bytes, segment.open_writes());
    // a killed run leaves no lines that do not continue the chain; they are kept, and `verify`
    // reports them
    let is_torn = !segment.fragment.is_empty() && segment.end == known;
    Ok(is_torn.then(|| CutRecord {
        run: run.to_owned(),
        bytes: known,
        cut: segment.fragment.len() as u64,
        sha256: sha256(&segment.fragment),
    }))
}
