//! `strataql shell`.

use std::path::PathBuf;

use clap::Args;

use super::StatementArguments;

/// Type statements and see their results
///
/// A statement is sent when it is complete, at its `;`. Tab completes names, columns and missing
/// parameters; Ctrl-R searches earlier statements; Ctrl-C ends the statement and not the shell; `\?`
/// lists the commands of the shell. Without a terminal, statements are read from stdin as `exec` does.
///
/// At its start the shell runs the commands and statements of `shellrc` in the folder of the configuration file.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strataql shell --sandbox
  strataql shell --read-only --set on_error=partial")]
pub(crate) struct ShellArguments {
    /// Print neither the banner nor hints
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// Do not read `shellrc`
    #[arg(long)]
    pub(crate) no_rc: bool,

    /// Commands and statements to run at the start, instead of those of `shellrc`
    #[arg(long, value_name = "FILE", conflicts_with = "no_rc")]
    pub(crate) rc: Option<PathBuf>,

    /// What every door for statements takes.
    #[command(flatten)]
    pub(crate) common: StatementArguments,
}
