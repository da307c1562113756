//! Where tmux is: the terminal of the shell's test.
//!
//! Owns: finding it, and installing Debian's package where it may.

use std::env;
use std::path::Path;

use crate::step::Step;

/// Makes sure that there is one.
///
/// # Errors
/// Why there is none.
pub(super) fn is_there(root: &Path) -> Result<(), String> {
    if find() || (install(root) && find()) {
        return Ok(());
    }
    Err("tmux is not installed".to_owned())
}

fn find() -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join("tmux").is_file())
}

/// True if Debian's package could be installed; only root can.
fn install(root: &Path) -> bool {
    let apt = |arguments: &[&str]| {
        Step::program(root, Path::new("apt-get"))
            .with(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .run()
            .is_ok()
    };
    let install = ["install", "-qy", "--no-install-recommends", "tmux", "less"];
    apt(&install) || apt(&["update", "-q"]) && apt(&install)
}
