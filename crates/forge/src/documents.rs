//! A set of document files.

use std::fs;
use std::path::Path;

use strataql_diag::{Code, Report};

/// Files by their path inside of a registry folder, in the order of paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Documents {
    /// Path and text.
    pub files: Vec<(String, String)>,
    /// The version of what they were made from.
    pub source_version: String,
}

impl Documents {
    /// Writes the files below a folder. Files that are there and not in the set stay.
    ///
    /// # Errors
    /// `local-io`.
    pub fn write(&self, folder: &Path) -> Result<(), Box<Report>> {
        write_pages(folder, &self.files)
    }
}

/// Writes files below a folder.
///
/// # Errors
/// `local-io`.
pub fn write_pages(folder: &Path, files: &[(String, String)]) -> Result<(), Box<Report>> {
    for (path, text) in files {
        let file = folder.join(path);
        let parent = file.parent().unwrap_or(folder);
        fs::create_dir_all(parent).and_then(|()| fs::write(&file, text)).map_err(|error| {
            Box::new(
                Report::new(
                    Code::LocalIo,
                    format!("`{}` cannot be written: {error}", file.display()),
                )
                .with_help("name a folder that you may write to"),
            )
        })?;
    }
    Ok(())
}
