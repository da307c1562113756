//! Files that are written completely or not at all.
//!
//! Owns: writing to a temporary file, making it durable, and renaming it into place.
//! Refuses: creating folders.
//! Surprise: a target that is no regular file (`/dev/null`, a named pipe) is written directly,
//! because renaming over it would replace the device by a file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use strataql_diag::{Code, Report, Result};
use tempfile::NamedTempFile;

/// A file being written; if it is dropped without [`AtomicFile::commit`], nothing remains.
#[derive(Debug)]
pub struct AtomicFile {
    target: PathBuf,
    state: State,
}

#[derive(Debug)]
enum State {
    Beside(NamedTempFile),
    Direct(File),
}

impl AtomicFile {
    /// Creates a temporary file for `target`.
    ///
    /// # Errors
    /// `local-io` when the folder does not exist or cannot be written to.
    pub fn create(target: &Path) -> Result<Self> {
        let failed = |error| cannot("create", target, &error);
        match fs::metadata(target) {
            Ok(found) if found.is_dir() => {
                return Err(Box::new(
                    Report::new(Code::LocalIo, format!("`{}` is a folder", target.display()))
                        .with_help("name a file in it"),
                ));
            }
            Ok(found) if !found.is_file() => {
                let file = File::options().write(true).open(target).map_err(failed)?;
                return Ok(Self { target: target.to_owned(), state: State::Direct(file) });
            }
            Ok(_) | Err(_) => {}
        }
        // a link is kept; the file that it points to is replaced
        let target = fs::canonicalize(target).unwrap_or_else(|_| target.to_owned());
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let file = temporary(&target, folder).map_err(failed)?;
        Ok(Self { target, state: State::Beside(file) })
    }

    /// A handle to write with; it may be dropped before or after the commit.
    ///
    /// # Errors
    /// `local-io` when the system provides no second handle.
    pub fn sink(&self) -> Result<Box<dyn Write + Send>> {
        let file = match &self.state {
            State::Beside(file) => file.as_file(),
            State::Direct(file) => file,
        };
        let file = file.try_clone().map_err(|error| cannot("write", &self.target, &error))?;
        Ok(Box::new(file))
    }

    /// Makes the content durable and puts it in place.
    ///
    /// # Errors
    /// `local-io`; the target is then unchanged.
    pub fn commit(self) -> Result<()> {
        let file = match self.state {
            State::Beside(file) => file,
            State::Direct(_) => return Ok(()),
        };
        file.as_file().sync_all().map_err(|error| cannot("write", &self.target, &error))?;
        file.persist(&self.target)
            .map_err(|error| cannot("replace", &self.target, &error.error))?;
        sync_folder(&self.target);
        Ok(())
    }
}

/// An empty hidden file in `folder` with the permissions the target has or would get.
fn temporary(target: &Path, folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".strataql-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let file = builder.tempfile_in(folder)?;
    if let Ok(found) = fs::metadata(target) {
        file.as_file().set_permissions(found.permissions())?;
    }
    Ok(file)
}

/// Makes the rename durable, on file systems that support this.
fn sync_folder(target: &Path) {
    if cfg!(unix)
        && let Some(folder) = target.parent()
        && let Ok(folder) = File::open(folder)
    {
        drop(folder.sync_all());
    }
}

fn cannot(verb: &str, target: &Path, error: &io::Error) -> Box<Report> {
    let report =
        Report::new(Code::LocalIo, format!("cannot {verb} `{}`: {error}", target.display()));
    Box::new(match error.kind() {
        io::ErrorKind::NotFound => report.with_help("create the folder first"),
        io::ErrorKind::PermissionDenied => report.with_help("choose a folder you may write to"),
        _ => report,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_target_appears_on_commit() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("rows.csv");
        let file = AtomicFile::create(&target).expect("created");
        let mut sink = file.sink().expect("a sink");
        sink.write_all(b"a,b\n").expect("written");
        assert!(!target.exists());
        assert!(names(folder.path())[0].starts_with(".strataql-"));
        file.commit().expect("renamed");
        assert_eq!(fs::read(&target).expect("there"), b"a,b\n");
        assert_eq!(names(folder.path()), ["rows.csv"]);
    }

    #[test]
    fn an_abandoned_file_leaves_the_old_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("rows.csv");
        fs::write(&target, "old").expect("written");
        let file = AtomicFile::create(&target).expect("created");
        file.sink().expect("a sink").write_all(b"new").expect("written");
        drop(file);
        assert_eq!(fs::read_to_string(&target).expect("there"), "old");
        assert_eq!(names(folder.path()), ["rows.csv"]);
    }

    #[test]
    fn folders_are_neither_created_nor_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let report = AtomicFile::create(folder.path()).expect_err("a folder");
        assert_eq!(report.code, Code::LocalIo);
        let report =
            AtomicFile::create(&folder.path().join("none/rows.csv")).expect_err("no folder");
        assert_eq!(report.help, ["create the folder first"]);
    }

    #[cfg(unix)]
    #[test]
    fn permissions_links_and_devices_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let folder = tempfile::tempdir().expect("a folder");
        let real = folder.path().join("real.csv");
        let link = folder.path().join("link.csv");
        fs::write(&real, "old").expect("written");
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).expect("set");
        symlink(&real, &link).expect("linked");
        let file = AtomicFile::create(&link).expect("created");
        file.sink().expect("a sink").write_all(b"new").expect("written");
        file.commit().expect("renamed");
        assert_eq!(fs::read_to_string(&real).expect("there"), "new");
        assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
        assert_eq!(fs::metadata(&real).expect("there").permissions().mode() & 0o777, 0o640);

        let file = AtomicFile::create(Path::new("/dev/null")).expect("a device");
        file.sink().expect("a sink").write_all(b"gone").expect("written");
        file.commit().expect("nothing to do");
        assert!(!fs::metadata("/dev/null").expect("there").is_file());
    }
}
