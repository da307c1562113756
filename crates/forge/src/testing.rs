//! Inputs of tests that may be absent.

use std::path::PathBuf;

/// The folder with the SDK: `STRATAQL_TEST_SDK`, else the test environment beside the build.
pub(crate) fn sdk() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("STRATAQL_TEST_SDK") {
        return Some(PathBuf::from(path));
    }
    let program = std::env::current_exe().ok()?;
    let libraries =
        program.ancestors().map(|folder| folder.join("venv/lib")).find(|lib| lib.is_dir())?;
    let versions = std::fs::read_dir(libraries).ok()?;
    let mut found = versions.filter_map(|entry| Some(entry.ok()?.path().join("site-packages")));
    found.find(|packages| packages.join("databricks/sdk/service").is_dir())
}

/// Says that a test did not run.
#[expect(clippy::print_stdout, reason = "nobody should believe that this has run")]
pub(crate) fn skipped(why: &str) {
    println!("skipped: {why}");
}
