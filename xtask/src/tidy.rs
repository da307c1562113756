//! Rules of the repository that the compiler does not check.
//!
//! Owns: file size, module docs, charters, the direction of dependencies, single versions of crates
//! whose types are shared, layers and circles of modules, the `# calls:` lines of SQL tests, cited
//! decisions, forbidden texts.
//! Refuses: style that rustfmt or clippy check.
//! Surprise: new files are checked before they are added to git, so that the result is the same
//! before and after a commit.

mod circles;
mod decisions;
mod dependencies;
mod files;
mod layers;
mod lock;
mod module_table;
mod modules;
mod picture;
mod rust;
mod slt;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A broken rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

/// The files of a crate below its `src`, with their texts.
type Sources = BTreeMap<String, String>;

/// Prints sizes and circles; those of the named crates with the imports that make them.
pub(crate) fn circles(root: &Path, named: &[String]) -> Result<(), String> {
    let mut crates = BTreeMap::new();
    for name in tracked(root).map_or_else(|| walked(root), Ok)? {
        if let Ok(text) = fs::read_to_string(root.join(&name)) {
            add(&mut crates, &name, text);
        }
    }
    print!("{}", picture::draw(&crates, named));
    Ok(())
}

/// Adds a file to its crate, if it is part of one.
fn add(crates: &mut BTreeMap<String, Sources>, name: &str, text: String) {
    if let Some((folder, path)) = name.split_once("/src/")
        && files::has_extension(path, "rs")
    {
        crates.entry(folder.to_owned()).or_default().insert(path.to_owned(), text);
    }
}

/// Checks every rule and prints what is broken.
pub(crate) fn run(root: &Path, verbose: bool) -> Result<(), String> {
    let names = tracked(root).map_or_else(|| walked(root), Ok)?;
    let mut findings = Vec::new();
    let mut long = Vec::new();
    let mut crates: BTreeMap<String, Sources> = BTreeMap::new();
    for name in &names {
        // pictures and the like are no text
        let Ok(text) = fs::read_to_string(root.join(name)) else { continue };
        files::check(name, &text, &mut findings);
        decisions::check(name, &text, &names, &mut findings);
        long.extend(rust::long(name, &text));
        add(&mut crates, name, text);
    }
    for (folder, files) in &crates {
        let tree = picture::read(files);
        layers::check(folder, &tree, &mut findings);
        circles::check(folder, &tree, &mut findings);
    }
    dependencies::check(root, &mut findings)?;
    lock::check(root, &mut findings)?;
    if verbose {
        long.sort_by_key(|(_, lines)| std::cmp::Reverse(*lines));
        for (name, lines) in &long {
            println!("{name}:1: info: {lines} lines; {} are the aim", rust::AIM);
        }
    }
    for Finding { path, line, message } in &findings {
        println!("{path}:{line}: {message}");
    }
    match findings.len() {
        0 => {
            println!("tidy: {} files, nothing to say", names.len());
            Ok(())
        }
        count => Err(format!("tidy: {count} finding{}", if count == 1 { "" } else { "s" })),
    }
}

/// Files that git knows or would add; nothing where git or its data are absent.
fn tracked(root: &Path) -> Option<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root)
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let mut names: Vec<String> = String::from_utf8_lossy(&output.stdout)
        .split('\0')
        .filter(|name| !name.is_empty() && root.join(name).is_file())
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    Some(names)
}

/// Every file below the root, but for what builds leave behind.
fn walked(root: &Path) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let path = root.join(&folder);
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        for entry in fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let own = entry.file_name().to_string_lossy().into_owned();
            let name = if folder.is_empty() { own.clone() } else { format!("{folder}/{own}") };
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_file() {
                names.push(name);
            } else if kind.is_dir()
                && ![".git", "target", ".venv", "__pycache__"].contains(&own.as_str())
            {
                folders.push(name);
            }
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_git_the_same_files_are_found() {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let names = walked(own).expect("readable");
        assert!(names.contains(&"src/tidy/rust.rs".to_owned()), "{names:?}");
        if let Some(tracked) = tracked(own) {
            assert_eq!(names, tracked);
        }
    }
}
