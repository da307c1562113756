//! Where PostgreSQL is: the judge of what SQL means.
//!
//! Owns: finding its programs, and installing Debian's package where the long form of the tests wants them.
//! Surprise: the package's own server is not used, and not started: the test starts one of its own.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::step::Step;

/// Where Debian puts each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The folder with `initdb` and `postgres`: the one that `STRATAQL_POSTGRES` names, else one of `PATH`, else
/// the newest that Debian's package has installed.
///
/// # Errors
/// Why there is none.
pub(super) fn programs(root: &Path, full: bool) -> Result<PathBuf, String> {
    if let Some(folder) = find() {
        return Ok(folder);
    }
    if full
        && install(root)
        && let Some(folder) = find()
    {
        return Ok(folder);
    }
    Err("PostgreSQL is not installed: STRATAQL_POSTGRES names no folder with `initdb`".to_owned())
}

fn find() -> Option<PathBuf> {
    if let Some(named) = env::var_os("STRATAQL_POSTGRES") {
        return Some(PathBuf::from(named)).filter(|folder| has_programs(folder));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .find(|folder| has_programs(folder))
        .or_else(|| newest(Path::new(VERSIONS)))
}

fn has_programs(folder: &Path) -> bool {
    ["initdb", "postgres"].iter().all(|name| folder.join(name).is_file())
}

/// The programs of the newest version below a folder.
fn newest(folder: &Path) -> Option<PathBuf> {
    let versions = fs::read_dir(folder).ok()?.filter_map(|entry| {
        let version: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let programs = folder.join(version.to_string()).join("bin");
        has_programs(&programs).then_some((version, programs))
    });
    versions.max_by_key(|(version, _)| *version).map(|(_, programs)| programs)
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
    apt(&["update", "-q"]) && apt(&["install", "-qy", "--no-install-recommends", "postgresql"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_with_programs_counts() {
        let folder = env::temp_dir().join(format!("xtask-postgres-{}", std::process::id()));
        for version in ["9", "15", "16"] {
            fs::create_dir_all(folder.join(version).join("bin")).expect("created");
        }
        assert_eq!(newest(&folder), None);
        for version in ["9", "15"] {
            for name in ["initdb", "postgres"] {
                fs::write(folder.join(version).join("bin").join(name), "").expect("written");
            }
        }
        assert_eq!(newest(&folder), Some(folder.join("15").join("bin")));
        fs::remove_dir_all(&folder).expect("removed");
    }
}
