//! Running one command of a chore, and printing its time.
//!
//! Surprise: variables that the surrounding `cargo run` set for this program are removed. Otherwise
//! build scripts that watch `CARGO_PKG_NAME` and the like would run again, and everything that
//! depends on them would be recompiled, whenever cargo is called once by hand and once from here.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Beginnings of the names of variables that cargo sets for a program it runs.
const OF_CARGO_RUN: [&str; 5] =
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_", "CARGO_PRIMARY_PACKAGE"];

/// A command that is about to run.
pub(crate) struct Step {
    command: Command,
    shown: String,
}

impl Step {
    /// A cargo command, with the very cargo that runs this program.
    pub(crate) fn cargo(root: &Path, arguments: &[&str]) -> Self {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        Self::named(root, "cargo", &cargo).with(arguments)
    }

    /// Any other program.
    pub(crate) fn program(root: &Path, program: &Path) -> Self {
        Self::named(root, &program.display().to_string(), program.as_os_str())
    }

    fn named(root: &Path, shown: &str, program: &OsStr) -> Self {
        let mut command = Command::new(program);
        // nothing here asks questions, and a build server may have closed stdin
        command.current_dir(root).stdin(Stdio::null());
        for (name, _) in env::vars_os() {
            if OF_CARGO_RUN.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        Self { command, shown: shown.to_owned() }
    }

    /// Appends arguments.
    pub(crate) fn with<S: AsRef<str>>(mut self, arguments: &[S]) -> Self {
        for argument in arguments {
            self.command.arg(argument.as_ref());
            self.shown = [self.shown.as_str(), argument.as_ref()].join(" ");
        }
        self
    }

    /// Sets a variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Asks tests for their long forms; unset means no.
    pub(crate) fn long_form(self, full: bool) -> Self {
        if full { self.env("STRATAQL_FULL", "1") } else { self }
    }

    /// Runs the command; its output is the chore's own.
    pub(crate) fn run(mut self) -> Result<(), String> {
        println!("# {}", self.shown);
        let started = Instant::now();
        let status = self
            .command
            .status()
            .map_err(|error| format!("`{}` cannot be started: {error}", self.shown))?;
        println!("# {:.0} s: {}", started.elapsed().as_secs_f64(), self.shown);
        if status.success() { Ok(()) } else { Err(format!("`{}` failed: {status}", self.shown)) }
    }

    /// True if the command succeeds; nothing of it is shown.
    pub(crate) fn succeeds(mut self) -> bool {
        let quiet = self.command.stdout(Stdio::null()).stderr(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    }
}
