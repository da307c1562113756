//! Rules of the repository that no compiler knows.
//!
//! Owns: file size, module docs, charters, the direction of dependencies, single versions of the
//! crates whose types cross borders, the `# calls:` lines of SQL tests, texts that do not belong here.

mod dependencies;
mod files;

use std::path::{Path, PathBuf};
use std::process::Command;

/// A broken rule.
pub(crate) struct Finding {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl Finding {
    pub(crate) fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

/// Checks every rule.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let tracked = tracked(root)?;
    let mut findings = Vec::new();
    for path in &tracked {
        let name = path.to_string_lossy();
        let Ok(text) = std::fs::read_to_string(root.join(path)) else { continue };
        files::check(&name, &text, &mut findings);
    }
    dependencies::check(root, &mut findings)?;
    for finding in &findings {
        println!("{}:{}: {}", finding.path, finding.line, finding.message);
    }
    match findings.len() {
        0 => {
            println!("tidy: {} files, nothing to say", tracked.len());
            Ok(())
        }
        count => Err(format!("tidy: {count} findings")),
    }
}

/// Files that git knows, new ones included.
fn tracked(root: &Path) -> Result<Vec<PathBuf>, String> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("git cannot list the files: {error}"))?;
    if !output.status.success() {
        return Err("git cannot list the files".to_owned());
    }
    let names = String::from_utf8_lossy(&output.stdout);
    Ok(names
        .split('\0')
        .filter(|name| !name.is_empty() && root.join(name).is_file())
        .map(PathBuf::from)
        .collect())
}
