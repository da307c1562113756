//! The documents that ship inside the library.
//!
//! Owns: the packed list that `build.rs` writes, and unpacking.
//! Surprise: a document is unpacked when it is read, not when the process starts.

use std::io::Read as _;

use flate2::read::GzDecoder;
use strataql_diag::Report;

/// Path relative to `providers/`, and the gzip bytes.
static DOCUMENTS: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// Paths of all embedded documents.
pub(crate) fn paths() -> impl Iterator<Item = &'static str> {
    DOCUMENTS.iter().map(|(path, _)| *path)
}

/// The text of a document; `None` when there is none at that path.
pub(crate) fn read(path: &str) -> Option<Result<String, Box<Report>>> {
    let (_, packed) = DOCUMENTS.iter().find(|(name, _)| *name == path)?;
    let mut text = String::new();
    Some(match GzDecoder::new(*packed).read_to_string(&mut text) {
        Ok(_) => Ok(text),
        Err(error) => Err(Box::new(Report::internal(format!(
            "the embedded document `{path}` cannot be unpacked: {error}"
        )))),
    })
}
