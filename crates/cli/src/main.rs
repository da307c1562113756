//! The `strataql` command.
//!
//! Owns: the process: arguments in, results to stdout, everything else to stderr, an exit code.
//! Refuses: logic; commands call the libraries.

mod args;
mod commands;
mod console;
mod env;
mod exit;
mod progress;
mod providers;
#[cfg(test)]
mod reference;
mod render;
mod settings;
mod vars;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::args::{Command, CommandLine, LedgerCommand};
use crate::console::Console;
use crate::env::Environment;
use crate::exit::Exit;
use crate::settings::{Flags, Settings, read_config};

fn main() -> ExitCode {
    let line = command().try_get_matches_from(std::env::args_os().map(comment_first));
    let line = match line.and_then(|matches| CommandLine::from_arg_matches(&matches)) {
        Ok(line) => line,
        Err(error) => {
            // whoever closed the pipe does not want the help text
            let _ignored = error.print();
            return Exit::from(&error).into();
        }
    };
    let environment = Environment::of_process();
    run(line, &environment).into()
}

/// The command line. `--help` ends with the environment, which `-h` leaves out.
fn command() -> clap::Command {
    let command = CommandLine::command();
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    command.after_long_help(format!("{after}\n\n{}", settings::environment_help()))
}

/// A statement that begins with a comment is no flag: a blank before it tells them apart.
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

fn run(line: CommandLine, environment: &Environment) -> Exit {
    let (output, session) = match &line.command {
        Command::Exec(exec) => (Some(&exec.output), Some(&exec.session)),
        _ => (None, None),
    };
    let flags = Flags { error_format: line.error_format, output, session };
    let settings = read_config(environment)
        .and_then(|config| Settings::resolve(environment, config.as_deref(), &flags));
    let format = line.error_format.unwrap_or_default();
    let settings = match settings {
        Ok(settings) => settings,
        Err(report) => return Console::new(environment, format).fail(&report, None),
    };
    let console = Console::new(environment, settings.error_format);
    match line.command {
        Command::Exec(exec) => commands::exec::run(&exec, settings, environment, &console),
        Command::Sandbox { command } => commands::sandbox::run(&command, &settings, &console),
        Command::Provider { command } => commands::provider::run(&command, &console),
        Command::Docs { command } => commands::docs::run(&command, &settings, &console),
        Command::Ledger { command: LedgerCommand::Verify { json, sandbox } } => {
            commands::ledger::run(json, sandbox, &settings, &console)
        }
        Command::Completions { shell } => commands::completions::run(shell, &console),
    }
}
