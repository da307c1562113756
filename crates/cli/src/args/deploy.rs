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
    /// Go on after a run that failed or was killed
    Resume(Box<StackArguments>),
    /// Take back what the last run did, as far as that is possible
    Rollback(Box<StackArguments>),
    /// Show what was changed outside of the manifest; exit code 2 if something was
    Drift(Box<StackArguments>),
    /// Check a manifest and its query files; no request is sent
    Lint(Box<StackArguments>),
    /// Make the folder of a new stack
    Init(InitArguments),
    /// Write a manifest for what is there, or for a Terraform state
    Import(Box<ImportArguments>),
    /// Show which resource needs which, in the language of Graphviz
    Graph(GraphArguments),
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
    /// The folder with `stackql_manifest.yml`; `apply` also takes a file of `plan --out`
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

    /// How much is logged: `info` unless it is set, `warn` with `plan`, `drift` and `lint`
    #[arg(long, value_enum, value_name = "LEVEL", ignore_case = true)]
    pub(crate) log_level: Option<DeployLogLevel>,

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

    /// `plan` also writes the plan to a file, which `apply` takes
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// `plan` also shows the requests that would be sent
    #[arg(long)]
    pub(crate) requests: bool,

    /// `plan` ends with exit code 2 if there is something to do: it always does
    #[arg(long, hide = true)]
    pub(crate) detailed_exitcode: bool,

    /// Keep the journal of the run in this folder, or nowhere: `off`
    ///
    /// Without it, journals are in `deploy/` of the home folder. `resume` and `rollback` read the newest.
    #[arg(long, value_name = "FOLDER|off")]
    pub(crate) journal: Option<String>,

    /// `resume` runs this command or script again although it may have run; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) rerun: Vec<String>,

    /// `teardown` ends with exit code 0 also if deletions were not confirmed
    #[arg(long)]
    pub(crate) legacy_exit: bool,

    /// The registry, as `--registry`
    #[arg(long, value_name = "SOURCE", hide = true)]
    pub(crate) custom_registry: Option<String>,

    /// Ignored: documents are where `STRATAQL_HOME` says
    #[arg(long, value_name = "FOLDER", hide = true)]
    pub(crate) download_dir: Option<PathBuf>,

    /// Session.
    #[command(flatten)]
    pub(crate) session: SessionArguments,
}

/// Flags of the reference tool that select its server; they stand before or after the command.
#[derive(Debug, Args)]
pub(crate) struct ServerArguments {
    /// Ignored: there is no server
    #[arg(short = 'p', long, value_name = "PORT", hide = true, global = true)]
    pub(crate) port: Option<u16>,

    /// Ignored: there is no server
    #[arg(short = 'H', long, value_name = "HOST", hide = true, global = true)]
    pub(crate) server: Option<String>,
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

    /// A folder with the files of a stack, to begin with a copy of it
    #[arg(long, value_name = "FOLDER", conflicts_with = "resource")]
    pub(crate) template: Option<String>,

    /// The environment
    #[arg(short = 'e', long, value_name = "ENV", default_value = "dev")]
    pub(crate) env: String,

    /// A folder of provider documents: `file:PATH`
    #[arg(long, value_name = "SOURCE")]
    pub(crate) registry: Option<String>,
}

/// `import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// The resource, such as `databricks_account.oauth2.custom_app_integration`
    #[arg(value_name = "PROVIDER.SERVICE.RESOURCE")]
    pub(crate) resource: Option<String>,

    /// Which objects, as in WHERE: `account_id = '…'`
    #[arg(long = "where", value_name = "CONDITION")]
    pub(crate) condition: Option<String>,

    /// Take the resources of a Terraform state of version 4; what has no counterpart is named
    #[arg(long, value_name = "FILE", conflicts_with = "resource")]
    pub(crate) from_state: Option<PathBuf>,

    /// The name of the stack
    #[arg(long, value_name = "NAME", default_value = "imported")]
    pub(crate) name: String,

    /// Session.
    #[command(flatten)]
    pub(crate) session: SessionArguments,
}

/// `graph`.
#[derive(Debug, Args)]
pub(crate) struct GraphArguments {
    /// The folder with `stackql_manifest.yml`
    #[arg(value_name = "STACK_DIR")]
    pub(crate) stack_dir: PathBuf,

    /// Draw it, as SVG
    #[arg(long)]
    pub(crate) svg: bool,
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
    /// How statements run.
    pub(crate) fn session(&self) -> Option<&SessionArguments> {
        match self {
            Self::Import(import) => Some(&import.session),
            other => other.stack().map(|stack| &stack.session),
        }
    }

    /// The arguments of a stack.
    pub(crate) fn stack(&self) -> Option<&StackArguments> {
        match self {
            Self::Build(stack)
            | Self::Test(stack)
            | Self::Teardown(stack)
            | Self::Plan(stack)
            | Self::Resume(stack)
            | Self::Rollback(stack)
            | Self::Drift(stack)
            | Self::Lint(stack) => Some(stack),
            Self::Init(_)
            | Self::Import(_)
            | Self::Graph(_)
            | Self::Info(_)
            | Self::Upgrade { .. } => None,
        }
    }
}
