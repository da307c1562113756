//! `strataql deploy`: opens a session, and runs a flow of the crate `deploy` over it.

mod describe;
mod host;
mod init;
mod runner;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use strataql_deploy::flow::{Ended, ExportFormat, Flow, OnFailure, Options, Verdict};
use strataql_deploy::{Host, Stack, lint};
use strataql_diag::{Code, Report, Severity};

use self::host::Machine;
use self::runner::EngineRunner;
use super::exec::{self, Opening, Simulated};
use crate::args::deploy::{
    DeployCommand, ExportFormat as Format, InfoArguments, OnFailure as Follows, StackArguments,
};
use crate::console::Console;
use crate::env::Environment;
use crate::exit::Exit;
use crate::interruption::Interruption;
use crate::providers;
use crate::settings::Settings;

/// The files of variables that a command reads.
pub(crate) fn environment_files(command: &DeployCommand) -> Vec<PathBuf> {
    let Some(stack) = command.stack() else { return Vec::new() };
    let usual = PathBuf::from(".env");
    if stack.env_file.is_empty() && usual.is_file() {
        return vec![usual];
    }
    // the reference passes over a file that is not there if it is the usual one
    stack.env_file.iter().filter(|path| **path != usual || path.is_file()).cloned().collect()
}

/// Runs the command.
pub(crate) fn run(
    command: DeployCommand,
    mut settings: Settings,
    environment: &Environment,
    console: &Console,
    interruption: &Interruption,
) -> Exit {
    let files = environment_files(&command);
    let mode = match &command {
        DeployCommand::Build(_) => Mode::Build,
        DeployCommand::Test(_) => Mode::Test,
        DeployCommand::Teardown(_) => Mode::Teardown,
        DeployCommand::Plan(_) => Mode::Plan,
        DeployCommand::Drift(_) => Mode::Drift,
        DeployCommand::Lint(_) => Mode::Lint,
        DeployCommand::Init(arguments) => {
            if arguments.registry.is_some() {
                settings.registry.clone_from(&arguments.registry);
            }
            return ended(console, init::run(arguments, &settings, console));
        }
        DeployCommand::Info(arguments) => {
            return ended(console, info(arguments, &settings, console));
        }
        DeployCommand::Upgrade { .. } => {
            console.note(
                "the engine is part of this program: there is no server and nothing to upgrade",
            );
            return Exit::SUCCESS;
        }
    };
    let (DeployCommand::Build(stack)
    | DeployCommand::Test(stack)
    | DeployCommand::Teardown(stack)
    | DeployCommand::Plan(stack)
    | DeployCommand::Drift(stack)
    | DeployCommand::Lint(stack)) = command
    else {
        return Exit::SUCCESS;
    };
    if settings.registry.is_none() {
        settings.registry.clone_from(&stack.custom_registry);
    }
    let start = Start { mode, settings: &settings, environment, console, interruption };
    ended(console, start.run(*stack, &files))
}

fn ended(console: &Console, result: Result<Exit, Box<Report>>) -> Exit {
    match result {
        Ok(exit) => exit,
        Err(report) => {
            console.fail(&report, None);
            match report.code {
                Code::Usage => Exit::USAGE,
                Code::Cancelled => Exit::from(Code::Cancelled),
                // one code for every failure, as scripts around the reference expect
                _ => Exit::CHECK_FALSE,
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Build,
    Test,
    Teardown,
    Plan,
    Drift,
    Lint,
}

struct Start<'a> {
    mode: Mode,
    settings: &'a Settings,
    environment: &'a Environment,
    console: &'a Console,
    interruption: &'a Interruption,
}

impl Start<'_> {
    fn run(&self, mut arguments: StackArguments, files: &[PathBuf]) -> Result<Exit, Box<Report>> {
        let Self { settings, environment, console, .. } = *self;
        let variables = variables(&arguments.env, files, environment)?;
        let stack = Stack::load(&arguments.stack_dir)?;
        // what is given for globals also is there for the credentials of providers
        let environment = &environment.clone().with_variables(variables.clone());
        if self.mode != Mode::Lint {
            for warning in stack.warnings() {
                console.show(warning, None);
            }
        }
        let session = std::mem::take(&mut arguments.session);
        let (own, workers) = exec::runtimes()?;
        let opening = Opening {
            arguments: &session,
            settings,
            environment,
            console,
            workers: workers.handle(),
        };
        let text = stack.text();
        let opened = own.block_on(opening.open(Simulated::NamedIn(&text)))?;
        own.block_on(exec::ledger::report_open(&opened.recording, workers.handle(), console));
        let machine =
            Machine::new(&own, console, environment, self.interruption, arguments.log_level);
        let runner = EngineRunner::new(&own, &opened, opening, self.interruption)?;
        let exit = self.flow(&stack, &arguments, variables, &runner, &machine);
        let exit = own.block_on(async {
            runner.idle().await;
            exec::ledger::close(&opened.recording, console).await;
            match exit {
                Err(report) => {
                    Err(exec::ledger::with_open(report, &opened.recording, workers.handle()).await)
                }
                done => done,
            }
        });
        let sandbox = opened.sandbox;
        let exit = match sandbox {
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

    fn flow(
        &self,
        stack: &Stack,
        arguments: &StackArguments,
        variables: BTreeMap<String, String>,
        runner: &EngineRunner<'_>,
        machine: &Machine<'_>,
    ) -> Result<Exit, Box<Report>> {
        if self.mode == Mode::Lint {
            let names: BTreeSet<String> = variables.into_keys().collect();
            let reports = lint(stack, &names, machine.environment(), runner);
            for report in &reports {
                self.console.show(report, None);
            }
            let is_wrong = reports.iter().any(|report| report.severity == Severity::Error);
            if reports.is_empty() {
                self.console.write_out(&format!("{}: no mistakes\n", stack.name()))?;
            }
            return Ok(if is_wrong { Exit::CHECK_FALSE } else { Exit::SUCCESS });
        }
        let options = Options {
            environment: arguments.stack_env.clone(),
            variables,
            dry_run: arguments.dry_run,
            show_queries: arguments.show_queries,
            on_failure: match arguments.on_failure {
                Follows::Error => OnFailure::Error,
                Follows::Ignore => OnFailure::Ignore,
                Follows::Rollback => OnFailure::Rollback,
            },
            fail_fast: arguments.fail_fast,
            run_scripts: arguments.run_scripts,
            targets: arguments.target.clone(),
        };
        let flow = Flow::new(stack, &options, runner, machine);
        let ended = match self.mode {
            Mode::Plan | Mode::Drift => {
                let plan = flow?.plan()?;
                let text = if arguments.json {
                    plan.json()
                } else if arguments.markdown {
                    plan.markdown()
                } else {
                    plan.text(self.console.stdout_color)
                };
                machine.print(&machine.masked(&text))?;
                return Ok(if plan.is_empty() { Exit::SUCCESS } else { Exit::USAGE });
            }
            Mode::Test => flow.and_then(Flow::test),
            Mode::Teardown => flow.and_then(Flow::teardown),
            Mode::Build | Mode::Lint => flow.and_then(Flow::build),
        };
        let ended = ended.inspect_err(|_| machine.failed())?;
        if let Some(path) = &arguments.junit {
            write_private(path, &junit(stack.name(), &ended.verdicts, machine))?;
        }
        self.outputs(arguments, &ended)?;
        if ended.verdicts.iter().any(|verdict| verdict.failure.is_some()) {
            machine.failed();
            return Ok(Exit::CHECK_FALSE);
        }
        let is_part = !ended.failed.is_empty() || !ended.unconfirmed.is_empty();
        Ok(if is_part && !arguments.legacy_exit { Exit::PART } else { Exit::SUCCESS })
    }

    fn outputs(&self, arguments: &StackArguments, ended: &Ended) -> Result<(), Box<Report>> {
        if let Some(path) = &arguments.output_file
            && !arguments.dry_run
            && ended.failed.is_empty()
        {
            let format = match arguments.output_format {
                Format::Json => ExportFormat::Json,
                Format::Yaml => ExportFormat::Yaml,
                Format::Env => ExportFormat::Env,
                Format::Github => ExportFormat::Github,
            };
            write_private(path, &ended.outputs.written(format, arguments.include_protected))?;
            self.console.note(&format!("the exports are in `{}`", path.display()));
        }
        for (name, value) in ended.outputs.values(false) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let line = format!("{name} = {text}\n");
            self.console.write_out(&self.console.redactor.redact(&line))?;
        }
        Ok(())
    }
}

/// The variables of the command line and of files; the command line has precedence.
fn variables(
    given: &[String],
    files: &[PathBuf],
    environment: &Environment,
) -> Result<BTreeMap<String, String>, Box<Report>> {
    let mut variables = BTreeMap::new();
    for file in files {
        for (name, value) in crate::env::read(file)? {
            variables.entry(name).or_insert(value);
        }
    }
    for entry in given {
        match entry.split_once('=') {
            Some((name, value)) => {
                variables.insert(name.trim().to_owned(), value.to_owned());
            }
            None => match environment.value(entry.trim()) {
                Some(value) => {
                    variables.insert(entry.trim().to_owned(), value);
                }
                None => {
                    return Err(Box::new(
                        Report::new(Code::Usage, format!("`-e {entry}` has no value"))
                            .with_help("write `-e NAME=value`, or set the environment variable"),
                    ));
                }
            },
        }
    }
    Ok(variables)
}

/// Writes a file that only its owner can read.
fn write_private(path: &Path, text: &str) -> Result<(), Box<Report>> {
    let failed = |error: &std::io::Error| {
        Box::new(
            Report::new(
                Code::LocalIo,
                format!("the file `{}` cannot be written: {error}", path.display()),
            )
            .with_help("give a path in a folder that you may write to"),
        )
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let mut options = std::fs::OpenOptions::new();
        options.create(true).truncate(true).write(true).mode(0o600);
        let mut file = options.open(path).map_err(|error| failed(&error))?;
        if file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            // a file that was there keeps its mode otherwise
            let mode = std::fs::Permissions::from_mode(0o600);
            file.set_permissions(mode).map_err(|error| failed(&error))?;
        }
        file.write_all(text.as_bytes()).map_err(|error| failed(&error))
    }
    #[cfg(not(unix))]
    std::fs::write(path, text).map_err(|error| failed(&error))
}

/// A report of tests for CI servers.
fn junit(stack: &str, verdicts: &[Verdict], machine: &Machine<'_>) -> String {
    let escaped = |text: &str| {
        let text = machine.masked(text);
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        text.replace('"', "&quot;")
    };
    let failures = verdicts.iter().filter(|verdict| verdict.failure.is_some()).count();
    let skipped = verdicts.iter().filter(|verdict| verdict.is_skipped).count();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" skipped=\"{skipped}\">\n",
        escaped(stack),
        verdicts.len()
    );
    for verdict in verdicts {
        let inner = match &verdict.failure {
            Some(report) => format!("<failure message=\"{}\"/>", escaped(&report.message)),
            None if verdict.is_skipped => "<skipped/>".to_owned(),
            None => String::new(),
        };
        text.push_str("  <testcase classname=\"");
        text.push_str(&escaped(stack));
        text.push_str("\" name=\"");
        text.push_str(&escaped(&verdict.resource));
        let seconds = format!("{:.3}", verdict.seconds);
        for part in ["\" time=\"", &seconds, "\">", &inner, "</testcase>\n"] {
            text.push_str(part);
        }
    }
    text.push_str("</testsuite>\n");
    text
}

/// `info`.
fn info(
    arguments: &InfoArguments,
    settings: &Settings,
    console: &Console,
) -> Result<Exit, Box<Report>> {
    let named = arguments.registry.as_deref().or(settings.registry.as_deref());
    let registry: Arc<_> = providers::registry(named, &settings.places)?;
    let version = env!("CARGO_PKG_VERSION");
    let all: Vec<_> = registry.providers();
    if arguments.json {
        let providers: Vec<_> = all
            .iter()
            .map(|provider| serde_json::json!({"name": provider.name, "version": provider.version}))
            .collect();
        let object = serde_json::json!({"version": version, "providers": providers});
        console.write_out(&format!("{object:#}\n"))?;
        return Ok(Exit::SUCCESS);
    }
    let mut text = format!("strataql deploy {version}\nproviders:\n");
    for provider in all {
        for part in ["  ", &provider.name, " ", &provider.version, "\n"] {
            text.push_str(part);
        }
    }
    console.write_out(&text)?;
    Ok(Exit::SUCCESS)
}

/// The runtime that waits.
type Own = tokio::runtime::Runtime;
