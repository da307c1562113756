//! `strataql deploy`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::SessionArguments;

/// Commands for stacks.
#[derive(Debug, Subcommand)]
pub(crate) enum DeployCommand {
    /// Create what is missing and change what differs
    #[command(visible_alias = "apply")]
    Build(Box<StackArguments>),
    /// Compare every resource with the manifest; nothing is changed
    Test(Box<StackArguments>),
    /// Delete the resources in reverse order
    #[command(visible_alias = "destroy")]
    Teardown(Box<StackArguments>),
    /// Show what `build` would do; exit code 2 if there is something
    Plan(Box<StackArguments>),
    /// Show what was changed outside of the manifest; exit code 2 if something was
    Drift(Box<StackArguments>),
    /// Check a manifest and its query files; no request is sent
    Lint(Box<StackArguments>),
    /// Make the folder of a new stack
    Init(InitArguments),
    /// Show versions and installed providers
    Info(Box<InfoArguments>),
    /// There is nothing to upgrade: the engine is part of this program
    #[command(hide = true, aliases = ["start-server", "stop-server"])]
    Upgrade {
        /// Ignored.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        ignored: Vec<String>,
    },
}

/// A stack, its environment, and how it is treated.
#[derive(Debug, Args)]
pub(crate) struct StackArguments {
    /// The folder with `stackql_manifest.yml`
    #[arg(value_name = "STACK_DIR")]
    pub(crate) stack_dir: PathBuf,

    /// The environment, such as `dev`: a name that selects values of props
    #[arg(value_name = "STACK_ENV", default_value = "dev")]
    pub(crate) stack_env: String,

    /// Set a variable for globals; without `=`, it is taken from the environment
    #[arg(short = 'e', long = "env", visible_alias = "var", value_name = "NAME=VALUE")]
    pub(crate) env: Vec<String>,

    /// Read variables from a file with lines `NAME=value`; `.env` if it is there
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Vec<PathBuf>,

    /// Show statements instead of running them; nothing is asked and nothing changed
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Show every statement before it runs
    #[arg(long)]
    pub(crate) show_queries: bool,

    /// What follows after a failure
    #[arg(long, value_enum, value_name = "WHAT", default_value = "error", ignore_case = true)]
    pub(crate) on_failure: OnFailure,

    /// How much is logged
    #[arg(long, value_enum, value_name = "LEVEL", default_value = "info", ignore_case = true)]
    pub(crate) log_level: DeployLogLevel,

    /// Write the exports of the stack to a file that only its owner can read
    #[arg(long, value_name = "FILE")]
    pub(crate) output_file: Option<PathBuf>,

    /// The format of `--output-file`
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "json")]
    pub(crate) output_format: ExportFormat,

    /// Also write protected exports
    #[arg(long)]
    pub(crate) include_protected: bool,

    /// Treat only this resource; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) target: Vec<String>,

    /// `test` ends at the first failure
    #[arg(long)]
    pub(crate) fail_fast: bool,

    /// `test` also runs scripts, and queries that write
    #[arg(long)]
    pub(crate) run_scripts: bool,

    /// `test` writes a `JUnit` report
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,

    /// `plan` and `drift` print JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// `plan` and `drift` print Markdown
    #[arg(long, conflicts_with = "json")]
    pub(crate) markdown: bool,

    /// `teardown` ends with exit code 0 also if deletions were not confirmed
    #[arg(long)]
    pub(crate) legacy_exit: bool,

    /// The registry, as `--registry`
    #[arg(long, value_name = "SOURCE", hide = true)]
    pub(crate) custom_registry: Option<String>,

    /// Ignored: documents are where `STRATAQL_HOME` says
    #[arg(long, value_name = "FOLDER", hide = true)]
    pub(crate) download_dir: Option<PathBuf>,

    /// Ignored: there is no server
    #[arg(short = 'p', long, value_name = "PORT", hide = true)]
    pub(crate) port: Option<u16>,

    /// Ignored: there is no server
    #[arg(short = 'H', long, value_name = "HOST", hide = true)]
    pub(crate) server: Option<String>,

    /// Session.
    #[command(flatten)]
    pub(crate) session: SessionArguments,
}

/// A new stack.
#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// The name of the stack, and of its folder
    #[arg(value_name = "NAME")]
    pub(crate) name: String,

    /// The provider
    #[arg(long, value_name = "PROVIDER", default_value = "databricks_account")]
    pub(crate) provider: String,

    /// The resource that the stack begins with, such as `oauth2.custom_app_integration`
    #[arg(long, value_name = "SERVICE.RESOURCE")]
    pub(crate) resource: Option<String>,

    /// The environment
    #[arg(short = 'e', long, value_name = "ENV", default_value = "dev")]
    pub(crate) env: String,

    /// A folder of provider documents: `file:PATH`
    #[arg(long, value_name = "SOURCE")]
    pub(crate) registry: Option<String>,
}

/// `info`.
#[derive(Debug, Args)]
pub(crate) struct InfoArguments {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// A folder of provider documents: `file:PATH`
    #[arg(long, value_name = "SOURCE")]
    pub(crate) registry: Option<String>,
}

/// What follows after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnFailure {
    /// The run ends
    Error,
    /// The run goes on with the next resource
    Ignore,
    /// What the run created is deleted again
    Rollback,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DeployLogLevel {
    /// Errors
    #[value(alias = "critical")]
    Error,
    /// Warnings, too
    #[value(alias = "warning")]
    Warn,
    /// What happens
    Info,
    /// What is looked at
    Debug,
    /// Everything
    Trace,
}

/// How exports are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// One JSON object
    Json,
    /// One YAML object
    Yaml,
    /// Lines `export NAME='value'`
    Env,
    /// Lines `name=value`, for `$GITHUB_OUTPUT`
    Github,
}

impl DeployCommand {
    /// The arguments of a stack.
    pub(crate) fn stack(&self) -> Option<&StackArguments> {
        match self {
            Self::Build(stack)
            | Self::Test(stack)
            | Self::Teardown(stack)
            | Self::Plan(stack)
            | Self::Drift(stack)
            | Self::Lint(stack) => Some(stack),
            Self::Init(_) | Self::Info(_) | Self::Upgrade { .. } => None,
        }
    }
}
