//! `strataql deploy`: opens a session, and runs a flow of the crate `deploy` over it.

mod describe;
mod files;
mod host;
mod import;
mod init;
mod journal;
mod runner;
mod session;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use strataql_deploy::flow::{Ended, ExportFormat, Flow, OnFailure, Options};
use strataql_deploy::{Host, Journal, Plan, Stack, lint};
use strataql_diag::{Code, Report, Severity};

use self::files::{junit, write_private};
use self::host::Machine;
use self::journal::Journals;
use self::runner::EngineRunner;
use self::session::Session;
use crate::args::deploy::{
    DeployCommand, DeployLogLevel, ExportFormat as Format, GraphArguments, InfoArguments,
    OnFailure as Follows, StackArguments,
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
        DeployCommand::Resume(_) => Mode::Resume,
        DeployCommand::Rollback(_) => Mode::Rollback,
        DeployCommand::Drift(_) => Mode::Drift,
        DeployCommand::Lint(_) => Mode::Lint,
        DeployCommand::Init(arguments) => {
            if arguments.registry.is_some() {
                settings.registry.clone_from(&arguments.registry);
            }
            return ended(console, init::run(arguments, &settings, console));
        }
        DeployCommand::Import(arguments) => {
            let done = import::run(arguments, &settings, environment, console, interruption);
            return ended(console, done);
        }
        DeployCommand::Graph(arguments) => return ended(console, graph(arguments, console)),
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
    | DeployCommand::Resume(stack)
    | DeployCommand::Rollback(stack)
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
    Resume,
    Rollback,
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
        let plan = self.planned(&mut arguments)?;
        let stack = Stack::load(&arguments.stack_dir)?;
        // what is given for globals also is there for the credentials of providers
        let environment = &environment.clone().with_variables(variables.clone());
        if self.mode != Mode::Lint {
            for warning in stack.warnings() {
                console.show(warning, None);
            }
        }
        let arguments_of_session = std::mem::take(&mut arguments.session);
        let is_quiet = matches!(self.mode, Mode::Plan | Mode::Drift | Mode::Lint);
        let usual = if is_quiet { DeployLogLevel::Warn } else { DeployLogLevel::Info };
        let session = Session {
            arguments: &arguments_of_session,
            settings,
            environment,
            console,
            interruption: self.interruption,
            level: arguments.log_level.unwrap_or(usual),
            text: stack.text(),
        };
        session.with(|runner, machine, is_simulated| {
            let given = Given { variables, plan, is_simulated };
            self.flow(&stack, &arguments, given, runner, machine)
        })
    }

    /// The plan, if the command was given one in place of a folder.
    fn planned(&self, arguments: &mut StackArguments) -> Result<Option<Plan>, Box<Report>> {
        if self.mode != Mode::Build || !arguments.stack_dir.is_file() {
            return Ok(None);
        }
        let path = arguments.stack_dir.display().to_string();
        let text = std::fs::read_to_string(&arguments.stack_dir).map_err(|error| {
            Report::new(Code::LocalIo, format!("the plan `{path}` cannot be read: {error}"))
                .with_help("give a file that `plan --out` wrote, or the folder of a stack")
        })?;
        let plan = Plan::parse(&text).map_err(|error| {
            Report::new(Code::Config, format!("the file `{path}` is no plan: {error}"))
                .with_help("give a file that `plan --out` wrote, or the folder of a stack")
        })?;
        arguments.stack_dir = PathBuf::from(&plan.folder);
        arguments.stack_env.clone_from(&plan.env);
        Ok(Some(plan))
    }

    fn flow(
        &self,
        stack: &Stack,
        arguments: &StackArguments,
        given: Given,
        runner: &EngineRunner<'_>,
        machine: &Machine<'_>,
    ) -> Result<Exit, Box<Report>> {
        if self.mode == Mode::Lint {
            return self.lint(stack, given.variables, runner, machine);
        }
        let mut options = options(arguments, given.variables, given.plan);
        let journals = Journals::new(
            arguments.journal.as_deref(),
            self.settings,
            given.is_simulated,
            stack,
            &arguments.stack_env,
        );
        let earlier = self.journal(&mut options, journals.as_ref(), machine)?;
        let Some(earlier) = earlier else {
            self.console.write_out("there is no run to go on after or to take back\n")?;
            return Ok(Exit::SUCCESS);
        };
        let checks = self.mode == Mode::Build && options.plan.is_none() && !options.dry_run;
        if checks && stack.has_policies() {
            // what the policies saw is what is built
            let plan = Flow::new(stack, &options, runner, machine)?.plan()?;
            if let Some(report) = plan.forbidden() {
                self.console.fail(&report, None);
                return Ok(Exit::FORBIDDEN);
            }
            options.plan = Some(plan);
        }
        let flow = Flow::new(stack, &options, runner, machine);
        let ended = match (self.mode, &earlier) {
            (Mode::Plan | Mode::Drift, _) => return self.plan(flow?.plan()?, arguments, machine),
            (Mode::Rollback, Earlier::Run(journal)) => flow.and_then(|flow| flow.rollback(journal)),
            (Mode::Test, _) => flow.and_then(Flow::test),
            (Mode::Teardown, _) => flow.and_then(Flow::teardown),
            (Mode::Resume, Earlier::Run(journal)) if journal.mode() == "teardown" => {
                flow.and_then(Flow::teardown)
            }
            _ => flow.and_then(Flow::build),
        };
        let mut ended = ended.inspect_err(|_| machine.failed())?;
        if let Some(path) = &arguments.junit {
            write_private(path, &junit(stack.name(), &ended.verdicts, machine))?;
        }
        self.outputs(arguments, &ended)?;
        if ended.verdicts.iter().any(|verdict| verdict.failure.is_some()) {
            machine.failed();
            return Ok(Exit::CHECK_FALSE);
        }
        if let Some(failure) = ended.failure.take() {
            machine.failed();
            if ended.left.is_empty() {
                return Err(failure);
            }
            self.console.fail(&failure, None);
        }
        let is_part =
            !ended.failed.is_empty() || !ended.unconfirmed.is_empty() || !ended.left.is_empty();
        Ok(if is_part && !arguments.legacy_exit { Exit::PART } else { Exit::SUCCESS })
    }

    /// Opens the journal of the run; `None` if there is no earlier run where one is needed.
    fn journal(
        &self,
        options: &mut Options,
        journals: Option<&Journals>,
        machine: &Machine<'_>,
    ) -> Result<Option<Earlier>, Box<Report>> {
        let writes = matches!(self.mode, Mode::Build | Mode::Teardown);
        let follows = matches!(self.mode, Mode::Resume | Mode::Rollback);
        let Some(journals) = journals.filter(|_| !options.dry_run && (writes || follows)) else {
            return Ok(if follows { None } else { Some(Earlier::None) });
        };
        let newest = journals.newest()?;
        if writes {
            let is_open = |journal: &Journal| !journal.is_complete() && journal.has_changes();
            if newest.is_some_and(|(_, journal)| is_open(&journal)) {
                self.console.note(
                    "the last run did not come to its end: `deploy resume` goes on after it, \
                     `deploy rollback` takes it back; this is a new run",
                );
            }
            machine.keep_journal(journals.create()?);
            return Ok(Some(Earlier::None));
        }
        let Some((path, journal)) = newest else { return Ok(None) };
        if self.mode == Mode::Resume && journal.is_complete() {
            return Ok(None);
        }
        machine.keep_journal(journals.append(&path)?);
        if self.mode == Mode::Resume {
            options.earlier = Some(journal.clone());
        }
        Ok(Some(Earlier::Run(journal)))
    }

    fn lint(
        &self,
        stack: &Stack,
        variables: BTreeMap<String, String>,
        runner: &EngineRunner<'_>,
        machine: &Machine<'_>,
    ) -> Result<Exit, Box<Report>> {
        let names: BTreeSet<String> = variables.into_keys().collect();
        let reports = lint(stack, &names, machine.environment(), runner);
        for report in &reports {
            self.console.show(report, None);
        }
        let is_wrong = reports.iter().any(|report| report.severity == Severity::Error);
        if reports.is_empty() {
            self.console.write_out(&format!("{}: no mistakes\n", stack.name()))?;
        }
        Ok(if is_wrong { Exit::CHECK_FALSE } else { Exit::SUCCESS })
    }

    fn plan(
        &self,
        plan: Plan,
        arguments: &StackArguments,
        machine: &Machine<'_>,
    ) -> Result<Exit, Box<Report>> {
        if let Some(path) = &arguments.out {
            write_private(path, &plan.json())?;
        }
        let text = if arguments.json {
            plan.json()
        } else if arguments.markdown {
            plan.markdown()
        } else {
            plan.text(self.console.stdout_color)
        };
        machine.print(&text)?;
        if let Some(report) = plan.forbidden() {
            self.console.fail(&report, None);
            return Ok(Exit::FORBIDDEN);
        }
        // the number of a wrong command line, as with `terraform plan -detailed-exitcode`
        Ok(if plan.is_empty() { Exit::SUCCESS } else { Exit::USAGE })
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

/// What a run is given beside its arguments.
struct Given {
    variables: BTreeMap<String, String>,
    plan: Option<Plan>,
    is_simulated: bool,
}

/// The run that this one follows.
enum Earlier {
    None,
    Run(Journal),
}

fn options(
    arguments: &StackArguments,
    variables: BTreeMap<String, String>,
    plan: Option<Plan>,
) -> Options {
    Options {
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
        show_requests: arguments.requests,
        plan,
        earlier: None,
        rerun: arguments.rerun.clone(),
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

/// `graph`.
fn graph(arguments: &GraphArguments, console: &Console) -> Result<Exit, Box<Report>> {
    let stack = Stack::load(&arguments.stack_dir)?;
    let text =
        if arguments.svg { strataql_deploy::svg(&stack) } else { strataql_deploy::dot(&stack) };
    console.write_out(&text)?;
    Ok(Exit::SUCCESS)
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
