//! Programs that tests drive and Debian has: a terminal, a client of PostgreSQL.
//!
//! Owns: finding them, and installing Debian's packages where it may.

use std::env;
use std::path::Path;

use crate::step::Step;

/// A program, and the packages that bring it.
pub(super) struct Needed {
    program: &'static str,
    packages: &'static [&'static str],
}

/// The terminal of the shell's test.
pub(super) const TMUX: Needed = Needed { program: "tmux", packages: &["tmux", "less"] };

/// The client of PostgreSQL.
pub(super) const PSQL: Needed = Needed { program: "psql", packages: &["postgresql-client"] };

/// Makes sure that a program is there.
///
/// # Errors
/// Why it is not.
pub(super) fn is_there(root: &Path, needed: &Needed) -> Result<(), String> {
    if find(needed.program) || (install(root, needed.packages) && find(needed.program)) {
        return Ok(());
    }
    Err(format!("{} is not installed", needed.program))
}

fn find(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// True if Debian's packages could be installed; only root can.
fn install(root: &Path, packages: &[&str]) -> bool {
    let apt = |arguments: &[&str]| {
        Step::program(root, Path::new("apt-get"))
            .with(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .run()
            .is_ok()
    };
    let install = [&["install", "-qy", "--no-install-recommends"], packages].concat();
    apt(&install) || apt(&["update", "-q"]) && apt(&install)
}
