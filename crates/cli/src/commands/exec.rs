//! `strataql exec`.

pub(crate) mod auth;
pub(crate) mod ledger;
pub(crate) mod output;
mod run;
pub(crate) mod session;
mod transaction;

use std::fs;
use std::io::{IsTerminal, Read, stdin};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use strataql_diag::{Code, Report};
use strataql_engine::{Parameters, Session};
use strataql_sql::Statement;
use tokio::runtime::{Builder, Handle, Runtime};

use self::output::Printer;
use self::run::Run;
pub(crate) use self::session::{Opened, Opening, Simulated, certificates, connect};
use crate::args::ExecArguments;
use crate::console::Console;
use crate::env::Environment;
use crate::exit::Exit;
use crate::interruption::{Interruption, STACK, interrupted, no_threads};
use crate::render::Source;
use crate::settings::{Settings, parameters};
use crate::vars::{Template, Variables, fill};

/// How long the parts of a run may take to end after the last statement.
pub(crate) const SETTLING: Duration = Duration::from_millis(200);

/// Runs the command.
pub(crate) fn run(
    arguments: &ExecArguments,
    settings: Settings,
    environment: &Environment,
    console: &Console,
    interruption: &Interruption,
) -> Exit {
    let mut printer = match Printer::new(arguments, &settings, console) {
        Ok(printer) => printer,
        Err(report) => return console.fail(&report, None),
    };
    let input = match Input::read(arguments) {
        Ok(input) => input,
        Err(report) => return printer.refuse(&report, None),
    };
    let source = input.source();
    let template = match input.fill(arguments, environment) {
        Ok(template) => template,
        Err(report) => return printer.refuse(&report, Some(source)),
    };
    for warning in &template.warnings {
        printer.show(warning, Some(source));
    }
    let result = runtimes().and_then(|(own, workers)| {
        let run = Start {
            arguments,
            settings: &settings,
            environment,
            console,
            workers: workers.handle(),
            interruption,
        };
        let result = own.block_on(run.execute(&mut printer, source, &template));
        // tasks of a cancelled statement must not hold the process
        workers.shutdown_background();
        own.shutdown_background();
        result
    });
    match result {
        Ok(exit) => printer.close(exit),
        Err(report) => printer.refuse(&template.relabelled(*report), Some(source)),
    }
}

/// The runtime that only waits, and the one that statements run on. The first keeps the time also
/// while every thread of the second computes.
pub(crate) fn runtimes() -> Result<(Runtime, Runtime), Box<Report>> {
    let own = Builder::new_current_thread().enable_all().build();
    Ok((own.map_err(|error| no_threads(&error))?, runtime()?))
}

/// The runtime of a command.
pub(crate) fn runtime() -> Result<Runtime, Box<Report>> {
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.enable_all().thread_stack_size(STACK).build();
    runtime.map_err(|error| no_threads(&error))
}

/// The text of the statements.
struct Input {
    file: Option<String>,
    text: String,
}

impl Input {
    fn read(arguments: &ExecArguments) -> Result<Self, Box<Report>> {
        let nothing = || {
            Err(Box::new(
                Report::new(Code::Usage, "there is no statement to run")
                    .with_help("write it as an argument, or name a file with `-i`"),
            ))
        };
        match (&arguments.sql, &arguments.infile) {
            (Some(text), _) => Ok(Self { file: None, text: text.clone() }),
            (None, Some(path)) if path == Path::new("-") => Self::of_stdin(),
            (None, Some(path)) => {
                let name = path.display().to_string();
                let text = fs::read_to_string(path).map_err(|error| {
                    Box::new(
                        Report::new(
                            Code::LocalIo,
                            format!("the file `{name}` cannot be read: {error}"),
                        )
                        .with_help("give the path of a text file with SQL statements"),
                    )
                })?;
                Ok(Self { file: Some(name), text })
            }
            (None, None) if !stdin().is_terminal() => match Self::of_stdin()? {
                input if input.text.trim().is_empty() => nothing(),
                input => Ok(input),
            },
            (None, None) => nothing(),
        }
    }

    fn of_stdin() -> Result<Self, Box<Report>> {
        let mut text = String::new();
        stdin().read_to_string(&mut text).map_err(|error| {
            Box::new(
                Report::new(
                    Code::LocalIo,
                    format!("the statements cannot be read from stdin: {error}"),
                )
                .with_help("give UTF-8 text"),
            )
        })?;
        Ok(Self { file: Some("<stdin>".to_owned()), text })
    }

    fn source(&self) -> Source<'_> {
        Source { file: self.file.as_deref(), text: &self.text }
    }

    /// The text with its variables replaced.
    fn fill(
        &self,
        arguments: &ExecArguments,
        environment: &Environment,
    ) -> Result<Template, Box<Report>> {
        let mut variables = Variables::default();
        for path in &arguments.common.variables.vars {
            let name = path.display().to_string();
            let text = fs::read_to_string(path).map_err(|error| {
                Box::new(
                    Report::new(
                        Code::LocalIo,
                        format!("the variables file `{name}` cannot be read: {error}"),
                    )
                    .with_help("give the path of a JSON or YAML file"),
                )
            })?;
            variables.add_file(&name, &text)?;
        }
        for entry in &arguments.common.variables.var {
            variables.add_pair(entry)?;
        }
        variables.add_environment(&self.text, environment)?;
        fill(&self.text, &variables, arguments.common.variables.drop_unset)
    }
}

/// What a run starts with.
struct Start<'a> {
    arguments: &'a ExecArguments,
    settings: &'a Settings,
    environment: &'a Environment,
    console: &'a Console,
    /// Where its statements run.
    workers: &'a Handle,
    interruption: &'a Interruption,
}

impl Start<'_> {
    /// Runs the statements; gives the exit code.
    async fn execute(
        &self,
        printer: &mut Printer<'_>,
        source: Source<'_>,
        template: &Template,
    ) -> Result<Exit, Box<Report>> {
        let Self { arguments, settings, environment, console, workers, .. } = *self;
        let statements = Session::parse(&template.text)?;
        if statements.is_empty() {
            return Err(Box::new(
                Report::new(Code::Usage, "there is no statement to run")
                    .with_help("the text holds only blanks and comments"),
            ));
        }
        let mut bound = Parameters::default();
        for (name, value) in parameters(&arguments.common.session.param)? {
            bound.add_text(&name, &value);
        }
        let opening = Opening {
            arguments: &arguments.common.session,
            settings,
            environment,
            console,
            workers,
        };
        let opened = opening.open(Simulated::NamedIn(&template.text)).await?;
        if arguments.all {
            opened.session.set("write.all", "on")?;
        }
        ledger::report_open(&opened.recording, workers, console).await;
        let run = Run {
            arguments,
            console,
            source,
            template,
            text: Arc::from(template.text.as_str()),
            bound: Arc::new(bound),
            opened: &opened,
        };
        let exit = tokio::select! {
            result = run.all(printer, statements) => result,
            () = self.interruption.received() => Err(interrupted()),
        };
        // what was abandoned ends before the ledger is closed
        opened.session.idle(SETTLING).await;
        transaction::end(&opened.session, &exit, printer).await;
        ledger::close(&opened.recording, console).await;
        let exit = match exit {
            Err(report) => Err(ledger::with_open(report, &opened.recording, workers).await),
            done => done,
        };
        match opened.sandbox {
            Some(sandbox) => match sandbox.end(SETTLING).await {
                Ok(()) => exit,
                Err(report) => exit.and(Err(report)),
            },
            None => exit,
        }
    }
}

/// `--dry-run`: statements that send requests or change stored data are explained, or refused if
/// they cannot be explained; others run normally.
pub(crate) fn explained(statement: Statement) -> Statement {
    match statement {
        statement @ (Statement::Query(_)
        | Statement::Write(..)
        | Statement::Exec(_)
        | Statement::Definition(_)
        | Statement::Refresh(_)) => {
            Statement::Explain { analyze: false, verbose: false, inner: Box::new(statement) }
        }
        Statement::Explain { verbose, inner, .. } => {
            Statement::Explain { analyze: false, verbose, inner }
        }
        other => other,
    }
}
