//! The `strataql` command.
//!
//! Owns: the process: arguments in, results to stdout, everything else to stderr, an exit code.
//! Refuses: logic; commands call the libraries.

mod args;
mod commands;
mod compat;
mod console;
mod env;
mod exit;
mod interruption;
mod log;
mod programs;
mod progress;
mod providers;
#[cfg(test)]
mod reference;
mod render;
mod settings;
mod shell;
mod vars;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};
use strataql_compat::{Called, called};
use strataql_diag::{Code, Report};

use crate::args::{Command, CommandLine, ErrorFormat, LedgerCommand};
use crate::console::Console;
use crate::env::Environment;
use crate::exit::Exit;
use crate::interruption::{Interruption, interruptible};
use crate::settings::{Flags, Settings, read_config};

fn main() -> ExitCode {
    let texts: Vec<String> =
        std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    match called(&texts) {
        Called::StackQl(arguments) => {
            return compat::run(&arguments, Environment::of_process()).into();
        }
        Called::Unknown(profile) => {
            let report = Report::new(Code::Usage, format!("there is no profile `{profile}`"))
                .with_help("`--compat stackql` is the only one");
            let environment = Environment::of_process();
            return Console::new(&environment, ErrorFormat::Text).fail(&report, None).into();
        }
        Called::Strict => {}
    }
    let arguments = named_deploy(std::env::args_os().map(comment_first).collect());
    let line = command().try_get_matches_from(arguments);
    let line = match line.and_then(|matches| CommandLine::from_arg_matches(&matches)) {
        Ok(line) => line,
        Err(error) => return refuse(&error, &Environment::of_process()).into(),
    };
    start(line, Environment::of_process()).into()
}

/// A wrong command line, or the help that was asked for.
fn refuse(error: &clap::Error, environment: &Environment) -> Exit {
    if error.use_stderr() && wants_json(environment) {
        return Console::new(environment, ErrorFormat::Json).fail(&usage(error), None);
    }
    // whoever closed the pipe does not want the help text
    let _ignored = error.print();
    Exit::from(error)
}

/// True if errors are JSON, as far as a command line that cannot be read says.
fn wants_json(environment: &Environment) -> bool {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let flagged = arguments.iter().enumerate().find_map(|(at, argument)| {
        let text = argument.to_str()?.strip_prefix("--error-format")?;
        let next = || arguments.get(at + 1)?.to_str();
        text.strip_prefix('=').or_else(next)
    });
    match flagged {
        Some(format) => format == "json",
        None => read_config(environment)
            .and_then(|config| Settings::resolve(environment, config.as_deref(), &Flags::default()))
            .is_ok_and(|settings| settings.error_format == ErrorFormat::Json),
    }
}

/// A wrong command line as a report.
fn usage(error: &clap::Error) -> Report {
    let text = error.to_string();
    let mut parts = text.split("\n\n").map(str::trim);
    let message = parts.next().unwrap_or_default().trim_start_matches("error:");
    let words =
        |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").replace('\'', "`");
    let mut report = Report::new(Code::Usage, words(message));
    for part in parts {
        if let Some(tip) = part.strip_prefix("tip:") {
            report = report.with_help(words(tip));
        } else if let Some(usage) = part.strip_prefix("Usage:") {
            report = report.with_note(format!("usage: {}", words(usage)));
        }
    }
    report.with_help(
        "`strataql --help` lists the commands, `strataql exec --help` the flags of a command",
    )
}

/// The command line. `--help` ends with the environment, which `-h` leaves out.
fn command() -> clap::Command {
    let command = CommandLine::command();
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    command.after_long_help(format!("{after}\n\n{}", settings::environment_help()))
}

/// Called `stackql-deploy`, the program is its command `deploy`. Two commands of the reference tool are
/// commands of their own here.
fn named_deploy(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let is_deploy = arguments.first().is_some_and(|name| {
        std::path::Path::new(name).file_stem().is_some_and(|stem| stem == "stackql-deploy")
    });
    let asks_version = arguments.get(1).is_some_and(|first| first == "--version" || first == "-V");
    if is_deploy && !asks_version {
        arguments.insert(1, OsString::from("deploy"));
    }
    if arguments.get(1).is_some_and(|first| first == "deploy") {
        let second = arguments.get(2).and_then(|second| second.to_str()).map(str::to_owned);
        match second.as_deref() {
            Some("shell") => {
                arguments.remove(1);
            }
            Some("completion") => {
                arguments.splice(1..3, [OsString::from("completions")]);
                arguments.retain(|argument| argument != "--install");
            }
            // the reference has `-p` for the provider here, and for a port elsewhere
            Some("init") => {
                for argument in arguments.iter_mut().filter(|argument| *argument == "-p") {
                    *argument = OsString::from("--provider");
                }
            }
            _ => {}
        }
    }
    arguments
}

/// A statement that begins with a comment is not a flag: a leading blank distinguishes them.
fn comment_first(argument: OsString) -> OsString {
    let is_comment = argument.to_str().is_some_and(|text| {
        text.strip_prefix("--").is_some_and(|rest| rest.starts_with(char::is_whitespace))
    });
    if !is_comment {
        return argument;
    }
    let mut spaced = OsString::from(" ");
    spaced.push(argument);
    spaced
}

/// Reads the files of variables and runs a command.
fn start(line: CommandLine, environment: Environment) -> Exit {
    let files = line.command.env_files();
    let console = Console::new(&environment, line.error_format.unwrap_or_default());
    let environment = match environment.with_files(files) {
        Ok(environment) => environment,
        Err(report) => return console.fail(&report, None),
    };
    if line.command.ends_in_order() {
        interruptible(&console, move |interruption| run(line, &environment, &interruption))
    } else {
        run(line, &environment, &Interruption::never())
    }
}

/// Runs a command.
fn run(line: CommandLine, environment: &Environment, interruption: &Interruption) -> Exit {
    let of_auth = match &line.command {
        Command::Auth { command } => Some(command.session()),
        _ => None,
    };
    let (output, session) = match &line.command {
        Command::Exec(exec) => (Some(&exec.common.output), Some(&exec.common.session)),
        Command::Shell(shell) => (Some(&shell.common.output), Some(&shell.common.session)),
        Command::Mcp(mcp) => (None, Some(&mcp.session)),
        Command::Srv(srv) => (None, Some(&srv.session)),
        Command::Deploy { command, .. } => (None, command.session()),
        _ => (None, of_auth.as_ref()),
    };
    let flags = Flags {
        error_format: line.error_format,
        log: line.log,
        log_format: line.log_format,
        output,
        session,
    };
    let settings = read_config(environment)
        .and_then(|config| Settings::resolve(environment, config.as_deref(), &flags));
    let format = line.error_format.unwrap_or_default();
    let settings = match settings {
        Ok(settings) => settings,
        Err(report) => return Console::new(environment, format).fail(&report, None),
    };
    let console = Console::new(environment, settings.error_format);
    log::start(settings.log, settings.log_format, &console);
    match line.command {
        Command::Exec(exec) => {
            commands::exec::run(&exec, settings, environment, &console, interruption)
        }
        Command::Shell(shell) => shell::run(*shell, settings, environment, &console, interruption),
        Command::Mcp(mcp) => {
            commands::mcp::run(&mcp, &settings, environment, &console, interruption)
        }
        Command::Srv(srv) => {
            commands::srv::run(&srv, &settings, environment, &console, interruption)
        }
        Command::Deploy { command, .. } => {
            commands::deploy::run(command, settings, environment, &console, interruption)
        }
        Command::Sandbox { command } => commands::sandbox::run(&command, &settings, &console),
        Command::Registry { command } => commands::registry::run(&command, &settings, &console),
        Command::Provider { command } => commands::provider::run(&command, &console),
        Command::Auth { command } => {
            commands::auth::run(&command, &settings, environment, &console)
        }
        Command::Docs { command } => commands::docs::run(&command, &settings, &console),
        Command::Ledger { command: LedgerCommand::Verify { json, sandbox } } => {
            commands::ledger::run(json, sandbox, &settings, &console)
        }
        Command::Completions { shell } => commands::completions::run(shell, &console),
    }
}
