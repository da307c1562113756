//! `strataql provider`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Commands for provider documents.
#[derive(Debug, Subcommand)]
pub(crate) enum ProviderCommand {
    // its help text is at its arguments
    Lint(LintArguments),
}

/// Check the documents of a provider
///
/// Reports what cannot be used and what is probably a mistake. The exit code is 0 when there are no
/// errors; warnings do not count unless `--strict` is given.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strataql provider lint registry/src/databricks_account/v1
  strataql provider lint registry --json | jq -r .message")]
pub(crate) struct LintArguments {
    /// A provider folder, a registry folder or one document
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,

    /// Fail on warnings, too
    #[arg(long)]
    pub(crate) strict: bool,

    /// Print findings as JSON, one object per line
    #[arg(long)]
    pub(crate) json: bool,
}
