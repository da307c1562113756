//! Cases of others: situations with their right answers, kept outside of the repository, with a program that runs
//! them against the binary.
//!
//! Owns: finding them, and what the program is told.

use std::env;
use std::path::{Path, PathBuf};

use super::{Fate, Group, binary, python};
use crate::step::Step;

/// The variable that names their folder.
const FOLDER: &str = "STRATAQL_TEST_CASES";
/// The program in it.
const PROGRAM: &str = "run.py";

/// Runs them where the variable names their folder, unless a filter names another group. They are no
/// part of the repository, so their absence is no skipped group.
pub(super) fn run(root: &Path, filter: &str) -> Option<Group> {
    let name = "cases";
    if !name.contains(filter) {
        return None;
    }
    let folder = env::var_os(FOLDER).map(PathBuf::from)?;
    let program = folder.join(PROGRAM);
    if !program.is_file() {
        let why = format!("{FOLDER}: `{}` has no `{PROGRAM}`", folder.display());
        return Some((name.to_owned(), Fate::Failed(why)));
    }
    let Some(interpreter) = python::system(root) else {
        let why = "Python 3.10 or newer is not installed".to_owned();
        return Some((name.to_owned(), Fate::Skipped(why)));
    };
    let mut step = Step::program(root, interpreter)
        .with(&[program.display().to_string(), "-j".to_owned(), "2".to_owned()])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONUNBUFFERED", "1")
        .env("STRATAQL", binary(root));
    if let Some(registry) = env::var_os("STRATAQL_TEST_REGISTRY") {
        step = step.env("STRATAQL_REGISTRY", registry);
    }
    Some((name.to_owned(), step.run().into()))
}
