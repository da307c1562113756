//! The folder of pulled documents: `src/<provider>/<version>/…`, and the lock file beside it.
//!
//! Surprise: a version appears by one rename. What is being unpacked, and what is being replaced, is in
//! `.staging`, which no reader of the folder looks at.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;
use strataql_diag::{Code, Report};

use super::lock::{Lock, Locked};
use super::{archive, failed};
use crate::document::read_file;
use crate::name::{folder_name, sql_name};
use crate::source::{ENTRY, subfolders};

/// The folder of pulled documents.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// What was found in the folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Versions of providers.
    pub versions: usize,
    /// Files that are as they were pulled.
    pub files: usize,
    /// What is not.
    pub problems: Vec<Problem>,
}

/// A file or folder that is not as it was pulled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Its path.
    pub path: String,
    /// What is wrong.
    pub problem: String,
}

impl Store {
    /// The folder; it need not be there.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The installed versions of a provider.
    ///
    /// # Errors
    /// `local-io`.
    pub fn versions(&self, provider: &str) -> Result<Vec<String>, Box<Report>> {
        let folder = self.provider(provider);
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let mut versions = subfolders(&folder)?;
        versions.retain(|version| folder.join(version).join(ENTRY).is_file());
        Ok(versions)
    }

    /// True if a version is installed.
    pub(super) fn has(&self, provider: &str, version: &str) -> bool {
        self.provider(provider).join(version).join(ENTRY).is_file()
    }

    fn provider(&self, provider: &str) -> PathBuf {
        self.root.join("src").join(folder_name(provider))
    }

    /// Keeps other processes from changing the folder, and finishes what one of them left.
    pub(super) fn exclusive(&self) -> Result<File, Box<Report>> {
        fs::create_dir_all(&self.root).map_err(|error| failed(&self.root, "written", &error))?;
        let path = self.root.join(".pull");
        let file = File::create(&path).map_err(|error| failed(&path, "written", &error))?;
        file.try_lock().map_err(|_| {
            Box::new(
                Report::new(Code::LocalIo, "another process is pulling documents")
                    .with_help("wait until it has ended"),
            )
        })?;
        self.recover()?;
        Ok(file)
    }

    /// Puts back what was set aside by a process that ended between its two renames.
    fn recover(&self) -> Result<(), Box<Report>> {
        let staging = self.root.join(".staging");
        let old = staging.join("old");
        if old.is_dir() {
            for folder in subfolders(&old)? {
                for version in subfolders(&old.join(&folder))? {
                    let target = self.root.join("src").join(&folder).join(&version);
                    if !target.exists() {
                        let from = old.join(&folder).join(&version);
                        fs::rename(&from, &target)
                            .map_err(|error| failed(&target, "written", &error))?;
                    }
                }
            }
        }
        match fs::remove_dir_all(&staging) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(failed(&staging, "removed", &error))
            }
            _ => Ok(()),
        }
    }

    /// Installs an archive; gives the number of files.
    pub(super) fn install(
        &self,
        provider: &str,
        version: &str,
        bytes: &[u8],
        sha256: &str,
        url: &str,
    ) -> Result<usize, Box<Report>> {
        let staging = self.root.join(".staging");
        let fresh = staging.join("new");
        fs::create_dir_all(&fresh).map_err(|error| failed(&fresh, "written", &error))?;
        let installed = archive::unpack(bytes, version, &fresh).and_then(|files| {
            check_entry(&fresh.join(ENTRY), provider)?;
            self.swap(provider, version, &fresh)?;
            let mut lock = self.lock()?;
            let count = files.len();
            let locked = Locked {
                url: url.to_owned(),
                sha256: sha256.to_owned(),
                files: files.into_iter().collect(),
            };
            lock.providers
                .entry(provider.to_owned())
                .or_default()
                .insert(version.to_owned(), locked);
            self.write_lock(&lock)?;
            Ok(count)
        });
        // what is left of it is removed by the next pull, too
        drop(fs::remove_dir_all(&staging));
        installed
    }

    /// Makes a folder the one of a version.
    fn swap(&self, provider: &str, version: &str, fresh: &Path) -> Result<(), Box<Report>> {
        let target = self.provider(provider).join(version);
        let parent = self.provider(provider);
        fs::create_dir_all(&parent).map_err(|error| failed(&parent, "written", &error))?;
        let old = self.root.join(".staging/old").join(folder_name(provider));
        if target.exists() {
            fs::create_dir_all(&old)
                .and_then(|()| fs::rename(&target, old.join(version)))
                .map_err(|error| failed(&target, "replaced", &error))?;
        }
        fs::rename(fresh, &target).map_err(|error| {
            // the version that was there comes back
            drop(fs::rename(old.join(version), &target));
            failed(&target, "written", &error)
        })
    }

    fn lock_path(&self) -> PathBuf {
        self.root.join("lock.json")
    }

    /// What was pulled.
    pub(super) fn lock(&self) -> Result<Lock, Box<Report>> {
        let path = self.lock_path();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Lock::default()),
            Err(error) => return Err(failed(&path, "read", &error)),
        };
        serde_json::from_str(&text).map_err(|error| {
            Box::new(
                Report::new(Code::BadDocument, format!("the lock file cannot be read: {error}"))
                    .with_place(path.display().to_string(), error.line().max(1))
                    .with_help("restore it; without it nothing says what was pulled"),
            )
        })
    }

    fn write_lock(&self, lock: &Lock) -> Result<(), Box<Report>> {
        let path = self.lock_path();
        let draft = path.with_extension("draft");
        let text = serde_json::to_string_pretty(lock).unwrap_or_default();
        fs::write(&draft, text + "\n")
            .and_then(|()| fs::rename(&draft, &path))
            .map_err(|error| failed(&path, "written", &error))
    }

    /// Compares all installed files with the lock file.
    ///
    /// # Errors
    /// `local-io`, and `bad-document` for a lock file that cannot be read.
    pub fn verify(&self) -> Result<Verified, Box<Report>> {
        let lock = self.lock()?;
        let mut found = Verified::default();
        for (provider, versions) in &lock.providers {
            for (version, locked) in versions {
                found.versions += 1;
                let folder = self.provider(provider).join(version);
                for (file, digest) in &locked.files {
                    let path = folder.join(file);
                    let problem = match fs::read(&path) {
                        Ok(bytes) if archive::sha256(&bytes) == *digest => {
                            found.files += 1;
                            continue;
                        }
                        Ok(_) => "is not as it was pulled".to_owned(),
                        Err(error) => format!("cannot be read: {error}"),
                    };
                    found.problems.push(Problem { path: path.display().to_string(), problem });
                }
                for path in others(&folder, &folder, locked)? {
                    let problem = "was not pulled".to_owned();
                    found.problems.push(Problem { path, problem });
                }
            }
        }
        self.unlocked(&lock, &mut found)?;
        Ok(found)
    }

    /// Versions that the lock file does not have.
    fn unlocked(&self, lock: &Lock, found: &mut Verified) -> Result<(), Box<Report>> {
        let src = self.root.join("src");
        if !src.is_dir() {
            return Ok(());
        }
        for folder in subfolders(&src)? {
            let provider = sql_name(&folder);
            for version in self.versions(provider)? {
                let is_known =
                    lock.providers.get(provider).is_some_and(|it| it.contains_key(&version));
                if !is_known {
                    let path = src.join(&folder).join(&version).display().to_string();
                    found.problems.push(Problem { path, problem: "was not pulled".to_owned() });
                }
            }
        }
        Ok(())
    }
}

/// Checks that an entry document is of the provider that was asked for.
fn check_entry(path: &Path, provider: &str) -> Result<(), Box<Report>> {
    let document = read_file(path)?;
    let (found, _) = strataql_spec::load_provider(&document.text, ENTRY)?;
    if found.name == provider || sql_name(&found.name) == provider {
        return Ok(());
    }
    Err(Box::new(
        Report::new(
            Code::UntrustedDocument,
            format!("the archive is of provider `{}`, not of `{provider}`", found.name),
        )
        .with_help("nothing was installed; ask whoever runs the registry"),
    ))
}

/// Files of a version that the lock file does not have.
fn others(root: &Path, folder: &Path, locked: &Locked) -> Result<Vec<String>, Box<Report>> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return Ok(found) };
    for entry in entries {
        let path = entry.map_err(|error| failed(folder, "read", &error))?.path();
        if path.is_dir() {
            found.extend(others(root, &path, locked)?);
            continue;
        }
        let inside = path.strip_prefix(root).ok().and_then(Path::to_str).unwrap_or_default();
        if !locked.files.contains_key(&inside.replace('\\', "/")) {
            found.push(path.display().to_string());
        }
    }
    found.sort();
    Ok(found)
}
