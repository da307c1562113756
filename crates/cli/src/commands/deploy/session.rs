//! The session of a run: opened before it, closed in order after it.

use strataql_diag::Report;

use super::host::Machine;
use super::runner::EngineRunner;
use crate::args::SessionArguments;
use crate::args::deploy::DeployLogLevel;
use crate::commands::exec::{self, Opening, Simulated};
use crate::console::Console;
use crate::env::Environment;
use crate::exit::Exit;
use crate::interruption::Interruption;
use crate::settings::Settings;

/// What a session is opened with.
pub(super) struct Session<'a> {
    pub(super) arguments: &'a SessionArguments,
    pub(super) settings: &'a Settings,
    pub(super) environment: &'a Environment,
    pub(super) console: &'a Console,
    pub(super) interruption: &'a Interruption,
    pub(super) level: DeployLogLevel,
    /// What names the providers that a sandbox simulates.
    pub(super) text: String,
}

impl Session<'_> {
    /// Does work in a session; `true` says that services are simulated.
    ///
    /// # Errors
    /// Those of opening and closing the session, and of the work.
    pub(super) fn with(
        &self,
        work: impl FnOnce(&EngineRunner<'_>, &Machine<'_>, bool) -> Result<Exit, Box<Report>>,
    ) -> Result<Exit, Box<Report>> {
        let (own, workers) = exec::runtimes()?;
        let opening = Opening {
            arguments: self.arguments,
            settings: self.settings,
            environment: self.environment,
            console: self.console,
            workers: workers.handle(),
        };
        let opened = own.block_on(opening.open(Simulated::NamedIn(&self.text)))?;
        own.block_on(exec::ledger::report_open(&opened.recording, workers.handle(), self.console));
        let machine =
            Machine::new(&own, self.console, self.environment, self.interruption, self.level);
        let runner = EngineRunner::new(&own, &opened, opening, self.interruption)?;
        let exit = work(&runner, &machine, opened.sandbox.is_some());
        let exit = own.block_on(async {
            runner.idle().await;
            exec::ledger::close(&opened.recording, self.console).await;
            match exit {
                Err(report) => {
                    Err(exec::ledger::with_open(report, &opened.recording, workers.handle()).await)
                }
                done => done,
            }
        });
        let exit = match opened.sandbox {
            Some(sandbox) => match own.block_on(sandbox.end(exec::SETTLING)) {
                Ok(()) => exit,
                Err(report) => exit.and(Err(report)),
            },
            None => exit,
        };
        workers.shutdown_background();
        own.shutdown_background();
        exit
    }
}
