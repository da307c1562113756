//! The store on disk: Parquet files and one list, `manifest.json`.
//!
//! Owns: the order of steps that makes a change atomic, the lock between processes, clearing away.
//! Surprise: a file of rows is never overwritten nor changed. A change writes new files, then puts a
//! new list in place with one rename: whoever reads sees the old list or the new one, and a crash
//! leaves one of them.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, UNIX_EPOCH};

use strataql_diag::{Code, Report};

use super::Found;
use super::manifest::{FORMAT, GRACE, Manifest, Retired};

const LIST: &str = "manifest.json";
const NEW_LIST: &str = "manifest.json.new";
const LOCK: &str = "lock";

/// Seconds after which a file that was never referred to is one of a writer that died.
const ABANDONED: u64 = 86_400;

/// Longest wait for another process.
const LOCK_WAIT: Duration = Duration::from_secs(10);

/// Steps of a change, in order; tests stop between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Locked,
    Created,
    Written,
    Synced,
    Renamed,
}

/// Numbers the files of this process.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The folder.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The path of a file of rows.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The list now.
    ///
    /// # Errors
    /// `local-io` if it cannot be read.
    pub(super) fn read(&self) -> Found<Manifest> {
        let path = self.path.join(LIST);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Manifest::default()),
            Err(error) => return Err(unreadable(&path, &error.to_string())),
        };
        let manifest: Manifest =
            serde_json::from_str(&text).map_err(|error| unreadable(&path, &error.to_string()))?;
        if manifest.format > FORMAT {
            return Err(unreadable(&path, "a newer version of strataql wrote it"));
        }
        Ok(manifest)
    }

    /// Changes the list.
    ///
    /// # Errors
    /// What `change` refuses; `local-io`.
    pub(super) fn commit<T>(&self, change: impl FnOnce(&mut Manifest) -> Found<T>) -> Found<T> {
        self.commit_with(change, &|_| Ok(()))
    }

    /// As [`Self::commit`]; `at` is called after each step and may fail like the machine may.
    pub(super) fn commit_with<T>(
        &self,
        change: impl FnOnce(&mut Manifest) -> Found<T>,
        at: &dyn Fn(Step) -> io::Result<()>,
    ) -> Found<T> {
        let io = |error: io::Error| self.unwritable(&error);
        self.make().map_err(io)?;
        let _lock = self.lock()?;
        at(Step::Locked).map_err(io)?;
        let old = self.read()?;
        let mut new = old.clone();
        let result = change(&mut new)?;
        if new == old {
            return Ok(result);
        }
        new.generation += 1;
        let temporary = self.path.join(NEW_LIST);
        let mut file = File::create(&temporary).map_err(io)?;
        at(Step::Created).map_err(io)?;
        // the clock of the file system: both ages below are measured with it
        let now = seconds(&temporary).map_err(io)?;
        retire(&old, &mut new, now);
        let removable = removable(&mut new, now);
        let text = serde_json::to_string_pretty(&new)
            .map_err(|error| Box::new(Report::internal(error.to_string())))?;
        file.write_all(text.as_bytes()).map_err(io)?;
        at(Step::Written).map_err(io)?;
        file.sync_all().map_err(io)?;
        at(Step::Synced).map_err(io)?;
        std::fs::rename(&temporary, self.path.join(LIST)).map_err(io)?;
        at(Step::Renamed).map_err(io)?;
        self.sync().map_err(io)?;
        self.clear_away(&new, &removable, now);
        Ok(result)
    }

    /// Creates a file that did not exist, for rows.
    ///
    /// # Errors
    /// `local-io`.
    pub(super) fn create_file(&self) -> Found<(String, File)> {
        let io = |error: io::Error| self.unwritable(&error);
        self.make().map_err(io)?;
        let generation = self.read()?.generation;
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("rows-{generation}-{}-{number}.parquet", std::process::id());
            match OpenOptions::new().write(true).create_new(true).open(self.path.join(&name)) {
                Ok(file) => return Ok((name, file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(io(error)),
            }
        }
    }

    /// Makes the names in the folder durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        // a folder can be opened and synced on Unix only; elsewhere a rename is durable by itself
        if cfg!(unix) { File::open(&self.path)?.sync_all() } else { Ok(()) }
    }

    pub(super) fn unwritable(&self, error: &io::Error) -> Box<Report> {
        Box::new(
            Report::new(
                Code::LocalIo,
                format!(
                    "the folder of local tables `{}` cannot be written: {error}",
                    self.path.display()
                ),
            )
            .with_help("make it writable, or name another home with STRATAQL_HOME"),
        )
    }

    fn make(&self) -> io::Result<()> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        {
            // rows may hold what only their owner may see
            use std::os::unix::fs::DirBuilderExt;
            builder.mode(0o700);
        }
        builder.create(&self.path)
    }

    /// The lock between processes; it goes with the file, so a process that dies holds nothing.
    fn lock(&self) -> Found<File> {
        let io = |error: io::Error| self.unwritable(&error);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.path.join(LOCK))
            .map_err(io)?;
        let start = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(std::fs::TryLockError::Error(error)) => return Err(io(error)),
                Err(std::fs::TryLockError::WouldBlock) if start.elapsed() < LOCK_WAIT => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(std::fs::TryLockError::WouldBlock) => {
                    return Err(Box::new(
                        Report::new(
                            Code::LocalIo,
                            format!(
                                "another process has kept the local tables in `{}` locked for {} s",
                                self.path.display(),
                                LOCK_WAIT.as_secs()
                            ),
                        )
                        .with_help("end that process, or try again later"),
                    ));
                }
            }
        }
    }

    /// Removes files that nothing refers to; what cannot be removed stays for the next change.
    fn clear_away(&self, manifest: &Manifest, removable: &[String], now: u64) {
        for name in removable {
            let _ignored = std::fs::remove_file(self.path.join(name));
        }
        let Ok(entries) = std::fs::read_dir(&self.path) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_ours = name.starts_with("rows-") && name.ends_with(".parquet");
            let is_known = manifest.files().any(|file| file.name == name)
                || manifest.retired.iter().any(|file| file.name == name);
            let is_old = seconds(&entry.path()).is_ok_and(|age| age + ABANDONED < now);
            if is_ours && !is_known && is_old {
                let _ignored = std::fs::remove_file(entry.path());
            }
        }
    }
}

/// Notes the files that a change lets go.
fn retire(old: &Manifest, new: &mut Manifest, now: u64) {
    let gone: Vec<Retired> = old
        .files()
        .filter(|file| !new.files().any(|kept| kept.name == file.name))
        .map(|file| Retired { name: file.name.clone(), since: now })
        .collect();
    new.retired.extend(gone);
}

/// Takes the files out of the list whose readers are done.
fn removable(manifest: &mut Manifest, now: u64) -> Vec<String> {
    let (old, recent) = std::mem::take(&mut manifest.retired)
        .into_iter()
        .partition::<Vec<_>, _>(|file| file.since + GRACE < now);
    manifest.retired = recent;
    old.into_iter().map(|file| file.name).collect()
}

/// When a file was last changed.
fn seconds(path: &Path) -> io::Result<u64> {
    let modified = std::fs::metadata(path)?.modified()?;
    Ok(modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
}

fn unreadable(path: &Path, why: &str) -> Box<Report> {
    Box::new(
        Report::new(
            Code::LocalIo,
            format!("the list of local tables `{}` cannot be read: {why}", path.display()),
        )
        .with_help("put a copy of the file back, or move it away to start without local tables"),
    )
}

#[cfg(test)]
mod tests;
