//! Unpacking an archive that nobody vouches for.
//!
//! Owns: every limit: size, number of files, kinds of entries, paths.

use std::fs;
use std::io::{Cursor, Read as _};
use std::path::{Component, Path};

use flate2::read::GzDecoder;
use ring::digest::{SHA256, digest};
use strataql_diag::{Code, Report};
use strataql_spec::yaml::MAX_BYTES;

use super::failed;

/// The most bytes of all files together.
const MAX_TOTAL: u64 = 1 << 30;
/// The most files.
const MAX_FILES: usize = 50_000;

/// SHA-256 as text.
pub(super) fn sha256(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in digest(&SHA256, bytes).as_ref() {
        for half in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(half), 16));
        }
    }
    text
}

/// Unpacks the files of a version into a new folder; gives their paths in it with their digests.
///
/// # Errors
/// `untrusted-document` for entries outside of the version's folder, links, devices and whatever is too
/// large; `bad-document` for what is no archive; `local-io`.
pub(super) fn unpack(
    bytes: &[u8],
    version: &str,
    into: &Path,
) -> Result<Vec<(String, String)>, Box<Report>> {
    let hostile = |message: String| {
        Box::new(
            Report::new(Code::UntrustedDocument, message)
                .with_help("nothing was installed; ask whoever runs the registry"),
        )
    };
    let broken = |error: &std::io::Error| {
        Box::new(
            Report::new(Code::BadDocument, format!("the archive cannot be read: {error}"))
                .with_help("nothing was installed; pull it again"),
        )
    };
    // the limit counts what comes out of the compression, names and padding included
    let plain = GzDecoder::new(Cursor::new(bytes)).take(MAX_TOTAL + 1);
    let mut archive = tar::Archive::new(plain);
    let mut files: Vec<(String, String)> = Vec::new();
    let mut total = 0;
    for entry in archive.entries().map_err(|error| broken(&error))? {
        let mut entry = entry.map_err(|error| broken(&error))?;
        let path = entry.path().map_err(|error| broken(&error))?.into_owned();
        let shown = path.display().to_string();
        let kind = entry.header().entry_type();
        if kind.is_pax_global_extensions() {
            continue;
        }
        let Some(parts) = inside(&path, version) else {
            return Err(hostile(format!(
                "the archive has a file outside of `{version}/`: `{shown}`"
            )));
        };
        if kind.is_dir() {
            continue;
        }
        if !kind.is_file() {
            return Err(hostile(format!("the archive has something else than a file: `{shown}`")));
        }
        total += entry.size();
        if entry.size() > MAX_BYTES as u64 || total > MAX_TOTAL || files.len() >= MAX_FILES {
            return Err(hostile(format!("the archive is too large at `{shown}`")));
        }
        let name = parts.join("/");
        if files.iter().any(|(other, _)| other.eq_ignore_ascii_case(&name)) {
            return Err(hostile(format!("the archive has `{shown}` twice")));
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(|error| broken(&error))?;
        let target = into.join(parts.iter().collect::<std::path::PathBuf>());
        let folder = target.parent().unwrap_or(into);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&target, &content))
            .map_err(|error| failed(&target, "written", &error))?;
        files.push((name, sha256(&content)));
    }
    if !files.iter().any(|(name, _)| name == crate::source::ENTRY) {
        return Err(hostile(format!("the archive has no `{version}/{}`", crate::source::ENTRY)));
    }
    files.sort();
    Ok(files)
}

/// The parts of a path below the version's folder; empty for the folder itself.
fn inside(path: &Path, version: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => {
                let part = part.to_str()?;
                if part.contains(['\\', '\0', ':']) {
                    return None;
                }
                parts.push(part.to_owned());
            }
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    if parts.is_empty() {
        return Some(parts);
    }
    (parts.remove(0) == version).then_some(parts)
}
