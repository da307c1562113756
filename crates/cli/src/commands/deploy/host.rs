//! The machine on which a stack is deployed: its log, clock, environment and shell.

use std::fs::File;
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use strataql_deploy::{EnvironmentLookup, Host, Level, Moment, Script};
use strataql_diag::{Code, Report};

use super::Own;
use crate::args::deploy::DeployLogLevel;
use crate::console::Console;
use crate::env::Environment;
use crate::interruption::{Interruption, interrupted};

/// The machine.
pub(super) struct Machine<'a> {
    own: &'a Own,
    console: &'a Console,
    environment: &'a Environment,
    interruption: &'a Interruption,
    most: Level,
    journal: OnceLock<File>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(
        own: &'a Own,
        console: &'a Console,
        environment: &'a Environment,
        interruption: &'a Interruption,
        level: DeployLogLevel,
    ) -> Self {
        let most = match level {
            DeployLogLevel::Error => Level::Error,
            DeployLogLevel::Warn => Level::Warn,
            DeployLogLevel::Info => Level::Info,
            DeployLogLevel::Debug | DeployLogLevel::Trace => Level::Debug,
        };
        let journal = OnceLock::new();
        Self { own, console, environment, interruption, most, journal }
    }

    /// Keeps the lines of the journal in a file.
    pub(super) fn keep_journal(&self, file: File) {
        // one run has one journal
        let _kept = self.journal.set(file);
    }

    /// The last line of a run that failed.
    pub(super) fn failed(&self) {
        // the report of the failure follows
        let _shown = self.console.write_out("stackql-deploy operation failed\n");
    }
}

impl Host for Machine<'_> {
    fn tell(&self, level: Level, text: &str) {
        if level > self.most {
            return;
        }
        let word = match level {
            Level::Error => "ERROR",
            Level::Warn => "WARN",
            Level::Info => "INFO",
            Level::Debug => "DEBUG",
        };
        self.console.log(&format!("[{} {word} stackql_deploy] {text}", Moment::now()));
    }

    fn print(&self, text: &str) -> Result<(), Box<Report>> {
        self.console.write_out(&self.console.redactor.redact(text))
    }

    fn keep_secret(&self, value: &str) {
        // `<unknown>` and the like are no secrets
        if !value.starts_with('<') {
            self.console.redactor.register(value);
        }
    }

    fn masked(&self, text: &str) -> String {
        self.console.redactor.redact(text).into_owned()
    }

    fn wait(&self, time: Duration) -> Result<(), Box<Report>> {
        self.own.block_on(async {
            #[expect(clippy::disallowed_methods, reason = "a stack waits between two tries")]
            let waited = tokio::time::sleep(time);
            tokio::select! {
                () = waited => Ok(()),
                () = self.interruption.received() => Err(interrupted()),
            }
        })
    }

    fn script(&self, script: &Script) -> Result<String, Box<Report>> {
        let failed = |message: String| {
            Box::new(
                Report::new(Code::LocalIo, message)
                    .with_help("run the command in a shell to see what it does"),
            )
        };
        self.own.block_on(async {
            let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
            let output = tokio::process::Command::new(shell)
                .arg(flag)
                .arg(&script.text)
                .current_dir(&script.folder)
                .envs(&script.variables)
                .stdin(Stdio::null())
                .stderr(Stdio::piped())
                .kill_on_drop(true)
                .output();
            let output = tokio::select! {
                output = output => output,
                () = self.interruption.received() => return Err(interrupted()),
            };
            let output =
                output.map_err(|error| failed(format!("the script cannot be run: {error}")))?;
            let said = String::from_utf8_lossy(&output.stderr);
            if !said.trim().is_empty() {
                self.tell(Level::Info, said.trim_end());
            }
            if !output.status.success() {
                return Err(failed(format!("the script failed with {}", output.status)));
            }
            String::from_utf8(output.stdout)
                .map_err(|_| failed("the script printed bytes that are not UTF-8".to_owned()))
        })
    }

    fn environment(&self) -> EnvironmentLookup {
        self.environment.lookup()
    }

    fn record(&self, line: &str) -> Result<(), Box<Report>> {
        self.journal.get().map_or(Ok(()), |file| super::journal::write_line(file, line))
    }
}
