//! The reference pages of the command line and of the environment.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Arg, Command, CommandFactory};
use strataql_engine::SETTINGS;

use crate::args::CommandLine;
use crate::env;
use crate::settings::{KEYS, variable};

const COMMAND_LINE: &str = "\
# Command line

Flags take precedence over [environment variables](environment.md), and these over the configuration file.
`--help` prints the same texts.
";

const ENVIRONMENT: &str = "\
# Environment variables

A variable takes precedence over the configuration file; a flag of the command line, or SET, takes precedence over
both. A variable whose value is empty counts as not set.

## Keys of the configuration file

`config.toml` has each of them as a key of that name.

";

const SESSION: &str = "
## Settings of a session

Every [setting](settings.md) but `variable.<provider>.<name>` has a variable. `config.toml` has settings in the table
`[set]`; `read_only`, `timeout` and `max_writes` may stand at its top.

";

const OTHERS: &str = "
## Places and the terminal

";

const LIBRARIES: &str = "
## HTTP and TLS

Read by the HTTP client; not with `--sandbox`, which connects to this machine only.

";

const DOCUMENTS: &str = "
## Credentials and server variables

Provider documents and `--auth` name the variables that hold credentials and values of server variables. With
`--sandbox` they are not read.
";

const FOOT: &str = "
This page is generated: `UPDATE_EXPECT=1 cargo test -p strataql reference` writes it.
";

#[expect(clippy::disallowed_methods, reason = "a test asks how it was started")]
fn compare(name: &str, made: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var("UPDATE_EXPECT").is_ok() {
        std::fs::write(&path, made).expect("written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == made, "docs/{name} is out of date: run the test with UPDATE_EXPECT=1");
}

#[test]
fn the_page_of_the_command_line_is_up_to_date() {
    let mut command = CommandLine::command();
    command.build();
    let mut page = COMMAND_LINE.to_owned();
    describe(&mut page, &command, command.get_name());
    compare("command-line.md", &[&page, FOOT].concat());
}

#[test]
fn the_page_of_the_environment_is_up_to_date() {
    let row =
        |name: &str, meaning: &str| format!("| `{name}` | {} |\n", meaning.replace('|', "\\|"));
    let table = |rows: String| format!("| variable | meaning |\n|---|---|\n{rows}");
    let keys = KEYS.iter().map(|key| row(&variable(key.name), key.meaning)).collect();
    let settings = SETTINGS.iter().filter(|setting| !setting.name.contains('<'));
    let settings = settings.map(|setting| {
        let meaning = format!("`{}`: {}", setting.name, setting.meaning);
        row(&variable(setting.name), &meaning)
    });
    let others = env::VARIABLES.iter().map(|variable| row(variable.name, variable.meaning));
    let libraries = env::LIBRARIES.iter().map(|variable| row(variable.name, variable.meaning));
    let page = [
        ENVIRONMENT,
        &table(keys),
        SESSION,
        &table(settings.collect()),
        OTHERS,
        &table(others.collect()),
        LIBRARIES,
        &table(libraries.collect()),
        DOCUMENTS,
        FOOT,
    ];
    compare("environment.md", &page.concat());
}

/// Adds a command and its subcommands.
fn describe(page: &mut String, command: &Command, path: &str) {
    let heading = "#".repeat(path.split(' ').count() + 1);
    let about = command.get_long_about().or(command.get_about());
    paragraph(page, &format!("{heading} `{path}`"));
    paragraph(page, &about.map(ToString::to_string).unwrap_or_default());
    for alias in command.get_visible_aliases() {
        paragraph(page, &format!("Also: `{alias}`."));
    }
    let usage = command.clone().render_usage().to_string();
    paragraph(page, &format!("```text\n{}\n```", usage.trim_start_matches("Usage:").trim()));
    let mut sections: Vec<(String, Vec<&Arg>)> = Vec::new();
    for argument in command.get_arguments().filter(|argument| is_described(argument, path)) {
        let section = match argument.get_help_heading() {
            Some(section) => section,
            None if argument.is_positional() => "Arguments",
            None => "Options",
        };
        match sections.iter_mut().find(|(name, _)| name == section) {
            Some((_, arguments)) => arguments.push(argument),
            None => sections.push((section.to_owned(), vec![argument])),
        }
    }
    for (section, arguments) in sections {
        paragraph(page, &format!("**{section}**"));
        for argument in arguments {
            item(page, argument);
        }
    }
    if let Some(after) = command.get_after_help() {
        paragraph(page, &format!("```text\n{}\n```", after.to_string().trim()));
    }
    for child in command.get_subcommands().filter(|child| child.get_name() != "help") {
        describe(page, child, &format!("{path} {}", child.get_name()));
    }
}

/// False for what every command has; the page has it once.
fn is_described(argument: &Arg, path: &str) -> bool {
    let is_root = !path.contains(' ');
    let is_common = matches!(argument.get_id().as_str(), "help" | "version");
    !argument.is_hide_set() && (is_root || !(is_common || argument.is_global_set()))
}

fn paragraph(page: &mut String, text: &str) {
    // writing to a string cannot fail
    _ = writeln!(page, "\n{}", text.trim());
}

/// Adds a flag or an argument.
fn item(page: &mut String, argument: &Arg) {
    let short = argument.get_short().map(|short| format!("`-{short}`, ")).unwrap_or_default();
    _ = writeln!(page, "\n- {short}`{argument}`");
    let help = argument.get_long_help().or(argument.get_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    for text in help.split("\n\n") {
        _ = writeln!(page, "\n  {}", text.trim().replace('\n', " "));
    }
    let values: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if !values.is_empty() && argument.get_action().takes_values() {
        _ = writeln!(page, "\n  Values: {}", values.join(", "));
    }
}
