//! The journals of runs: one file per run in the data folder, which only its owner can read.
//!
//! Surprise: a run that goes on after another, or takes it back, writes into the file of that run.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use strataql_deploy::{Journal, Moment, Stack};
use strataql_diag::{Code, Report};

use crate::settings::Settings;

/// Where the journals of a stack are.
#[derive(Debug)]
pub(super) struct Journals {
    folder: PathBuf,
    environment: String,
}

fn failed(path: &Path, error: &std::io::Error) -> Box<Report> {
    Box::new(
        Report::new(
            Code::LocalIo,
            format!("the journal `{}` cannot be written: {error}", path.display()),
        )
        .with_help("`--journal FOLDER` keeps it elsewhere, `--journal off` runs without one"),
    )
}

impl Journals {
    /// The journals of a stack; `None` if none are kept.
    pub(super) fn new(
        given: Option<&str>,
        settings: &Settings,
        is_simulated: bool,
        stack: &Stack,
        environment: &str,
    ) -> Option<Self> {
        let folder = match given {
            Some("off") => return None,
            Some(folder) => PathBuf::from(folder),
            None => {
                let home = settings.places.home.as_ref()?.join("deploy");
                let home = if is_simulated { home.join("sandbox") } else { home };
                home.join(stack.id())
            }
        };
        Some(Self { folder, environment: environment.to_owned() })
    }

    /// A new file.
    pub(super) fn create(&self) -> Result<File, Box<Report>> {
        let failed = |error: &std::io::Error| failed(&self.folder, error);
        std::fs::create_dir_all(&self.folder).map_err(|error| failed(&error))?;
        let at = Moment::now().to_string().replace([':', '-'], "");
        let name = format!("{at}-{}-{}.ndjson", std::process::id(), self.environment);
        open(&self.folder.join(name), true)
    }

    /// The newest journal of the environment, with its path.
    ///
    /// # Errors
    /// `local-io`, and `config` for a file that is no journal.
    pub(super) fn newest(&self) -> Result<Option<(PathBuf, Journal)>, Box<Report>> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return Ok(None) };
        let end = format!("-{}.ndjson", self.environment);
        let mut paths: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.to_string_lossy().ends_with(&end))
            .collect();
        // two runs may begin in one second
        let written = |path: &PathBuf| path.metadata().and_then(|data| data.modified()).ok();
        paths.sort_by_cached_key(|path| (written(path), path.clone()));
        while let Some(path) = paths.pop() {
            let journal = read(&path)?;
            // a run that was refused before it did anything hides no other
            if let Some(journal) = journal.filter(|one| one.is_complete() || one.has_changes()) {
                return Ok(Some((path, journal)));
            }
        }
        Ok(None)
    }

    /// The file of a journal, to go on writing; a line that was cut off is ended.
    pub(super) fn append(&self, path: &Path) -> Result<File, Box<Report>> {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let file = open(path, false)?;
        if !text.ends_with('\n') {
            let whole = text.rfind('\n').map_or(0, |at| at + 1);
            let whole = u64::try_from(whole).unwrap_or_default();
            file.set_len(whole).map_err(|error| failed(path, &error))?;
        }
        Ok(file)
    }
}

/// The journal of a file; nothing if its run was killed before it wrote a line.
fn read(path: &Path) -> Result<Option<Journal>, Box<Report>> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Report::new(
            Code::LocalIo,
            format!("the journal `{}` cannot be read: {error}", path.display()),
        )
        .with_help("make it readable, or remove it if its run does not matter")
    })?;
    if text.is_empty() {
        return Ok(None);
    }
    match Journal::parse(&text) {
        Ok(journal) => Ok(Some(journal)),
        Err((line, error)) => Err(Box::new(
            Report::new(Code::Config, format!("the file is no journal of a run: {error}"))
                .with_place(path.display().to_string(), line)
                .with_help("remove the file if its run does not matter"),
        )),
    }
}

fn open(path: &Path, is_new: bool) -> Result<File, Box<Report>> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create_new(is_new);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path).map_err(|error| failed(path, &error))
}

/// Writes a line, and waits until the disk has it.
pub(super) fn write_line(mut file: &File, line: &str) -> Result<(), Box<Report>> {
    let written = file.write_all(format!("{line}\n").as_bytes()).and_then(|()| file.sync_data());
    written.map_err(|error| failed(Path::new("of this run"), &error))
}
