//! Reports the open writes of ended runs once.
//!
//! Owns: recording such a resolution from a process that has no `Ledger`.

use std::path::Path;

use strataql_diag::Report;

use crate::folder::Folder;
use crate::record::{Resolution, Run, WriteId};
use crate::writer::{Done, Item, Writer};

/// Records what was done about open writes; [`open_writes`](crate::open_writes) leaves them out from
/// then on.
///
/// Returns those that were open until now: of two processes that acknowledge the same write at the
/// same time, one gets it. Blocks on the disk; a run that has a [`Ledger`](crate::Ledger) uses
/// [`Ledger::acknowledge`](crate::Ledger::acknowledge).
///
/// # Errors
/// `local-io` when the ledger cannot be read or written.
pub fn acknowledge(
    dir: &Path,
    run: Run,
    ids: &[WriteId],
    resolution: &Resolution,
) -> Result<Vec<WriteId>, Box<Report>> {
    let mut writer = Writer::new(Folder::new(dir), run);
    let item = Item::Resolutions { ids: ids.to_vec(), resolution: resolution.clone() };
    let done = writer.commit(&[item])?;
    writer.close()?;
    Ok(done.into_iter().flat_map(resolved).collect())
}

/// The writes of one item.
pub(crate) fn resolved(done: Done) -> Vec<WriteId> {
    match done {
        Done::Resolutions(ids) => ids,
        Done::Intent(_) | Done::Outcome | Done::NoSuchWrite(_) => Vec::new(),
    }
}
