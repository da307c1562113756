//! The command-line arguments.
//!
//! Owns: commands, flags and their help texts. They are API: nothing here is renamed or removed
//! without a release in which the old spelling still works.
//! Refuses: interpretation. `settings` merges flags with environment and file; commands read the
//! rest.
//! Surprise: the doc comments of this module and its children are the `--help` text.

pub(crate) mod auth;
pub(crate) mod deploy;
pub(crate) mod docs;
mod exec;
mod mcp;
pub(crate) mod provider;
pub(crate) mod registry;
pub(crate) mod sandbox;
mod session;
mod shell;
mod srv;

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

pub(crate) use self::auth::AuthCommand;
pub(crate) use self::deploy::DeployCommand;
pub(crate) use self::docs::DocsCommand;
pub(crate) use self::exec::ExecArguments;
pub(crate) use self::mcp::McpArguments;
pub(crate) use self::provider::ProviderCommand;
pub(crate) use self::registry::RegistryCommand;
pub(crate) use self::sandbox::SandboxCommand;
#[cfg(test)]
pub(crate) use self::session::Target;
pub(crate) use self::session::{OutputArguments, SessionArguments, StatementArguments};
pub(crate) use self::shell::ShellArguments;
pub(crate) use self::srv::SrvArguments;

/// SQL for every control plane.
///
/// Runs SQL against the APIs of cloud and software providers: SELECT reads resources, INSERT, UPDATE and
/// DELETE change them. Simulated providers need no account, see `strataql sandbox`.
#[derive(Debug, Parser)]
#[command(
    name = "strataql",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "Examples:
  strataql exec 'SHOW PROVIDERS'
  strataql exec --sandbox \"SELECT name FROM databricks_account.oauth2.published_app_integration WHERE account_id = 'a1'\"
  strataql exec -i report.sql --vars prod.yaml -o csv -f report.csv

Exit codes: 0 success, 1 a check was false, 2 statement or command line, 3 the service refused,
4 credentials, 5 the service was not reachable, 6 provider document, 8 partial result accepted,
9 limit reached, 10 outcome of a write unknown, 11 local file or configuration, 130 interrupted."
)]
pub(crate) struct CommandLine {
    /// The format of errors on stderr
    ///
    /// `text` is for people, `json` prints one object per line with code, message, positions, help and
    /// the failed request.
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub(crate) error_format: Option<ErrorFormat>,

    /// Log statements and calls on stderr, without secrets
    ///
    /// `info` has a line for the end of each statement and call, `debug` also for each page and each
    /// attempt of a request. Texts of statements and values are not part of it.
    #[arg(long, global = true, value_enum, value_name = "LEVEL")]
    pub(crate) log: Option<LogLevel>,

    /// How the log is printed
    ///
    /// `text` is for people, `json` prints one object per line.
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,

    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    // the help texts are at the structs of the arguments
    #[command(visible_alias = "query")]
    Exec(Box<ExecArguments>),
    Shell(Box<ShellArguments>),
    Mcp(Box<McpArguments>),
    Srv(Box<SrvArguments>),
    /// Run simulated providers
    Sandbox {
        /// The subcommand.
        #[command(subcommand)]
        command: SandboxCommand,
    },
    /// Download and find provider documents
    Registry {
        /// The subcommand.
        #[command(subcommand)]
        command: RegistryCommand,
    },
    /// Check, make and compare provider documents
    Provider {
        /// The subcommand.
        #[command(subcommand)]
        command: ProviderCommand,
    },
    /// Plan, build, test and tear down stacks of resources
    Deploy {
        /// The subcommand.
        #[command(subcommand)]
        command: DeployCommand,
    },
    /// Check credentials
    Auth {
        /// The subcommand.
        #[command(subcommand)]
        command: AuthCommand,
    },
    /// Write and show reference pages
    Docs {
        /// The subcommand.
        #[command(subcommand)]
        command: DocsCommand,
    },
    /// Check the change ledger
    Ledger {
        /// The subcommand.
        #[command(subcommand)]
        command: LedgerCommand,
    },
    /// Print a completion script for a shell
    ///
    /// For example `strataql completions bash > ~/.local/share/bash-completion/completions/strataql`.
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

impl Command {
    /// Files of environment variables.
    pub(crate) fn env_files(&self) -> &[PathBuf] {
        match self {
            Self::Exec(exec) => &exec.common.variables.env_file,
            Self::Shell(shell) => &shell.common.variables.env_file,
            Self::Mcp(mcp) => &mcp.env_file,
            _ => &[],
        }
    }

    /// True if the command ends in order when it is interrupted. A shell on a terminal takes Ctrl-C
    /// itself.
    pub(crate) fn ends_in_order(&self) -> bool {
        match self {
            Self::Shell(_) => !std::io::stdin().is_terminal(),
            _ => matches!(self, Self::Exec(_) | Self::Mcp(_) | Self::Srv(_) | Self::Deploy { .. }),
        }
    }
}

/// Commands for the change ledger.
#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Check that no record is missing or altered
    Verify {
        /// Print one JSON object per problem, then the totals
        #[arg(long)]
        json: bool,
        /// Check the ledger of runs with `--sandbox`
        #[arg(long)]
        sandbox: bool,
    },
}

/// What is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum LogLevel {
    /// Nothing
    #[default]
    Off,
    /// What failed in a way that no message tells
    Error,
    /// What deserves attention
    Warn,
    /// Statements and calls
    Info,
    /// Pages and attempts, too
    Debug,
    /// Everything
    Trace,
}

/// How the log is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    #[default]
    Text,
    /// For programs: one JSON object per line
    Json,
}

/// The format of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ErrorFormat {
    /// For people: the statement with the error marked, and help
    #[default]
    Text,
    /// For programs: one JSON object per line
    Json,
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::CommandFactory;
    use clap::error::ErrorKind;
    use secrecy::ExposeSecret;
    use strataql_output::Format;

    use super::*;

    fn parse(arguments: &[&str]) -> CommandLine {
        CommandLine::try_parse_from([&["strataql"], arguments].concat()).expect("valid")
    }

    fn refuse(arguments: &[&str]) -> ErrorKind {
        CommandLine::try_parse_from([&["strataql"], arguments].concat())
            .expect_err("invalid")
            .kind()
    }

    fn exec(arguments: &[&str]) -> ExecArguments {
        match parse(&[&["exec"], arguments].concat()).command {
            Command::Exec(exec) => *exec,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definition_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn every_flag_and_command_is_explained() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{} {}",
                    command.get_name(),
                    argument.get_id()
                );
            }
            command.get_subcommands().filter(|child| child.get_name() != "help").for_each(check);
        }
        let mut command = CommandLine::command();
        command.build();
        check(&command);
    }

    #[test]
    fn exec_takes_a_statement_or_a_file() {
        assert_eq!(exec(&["SELECT 1"]).sql.as_deref(), Some("SELECT 1"));
        assert_eq!(exec(&["-i", "-"]).infile.as_deref(), Some(Path::new("-")));
        assert_eq!(exec(&["--infile=q.sql"]).infile.as_deref(), Some(Path::new("q.sql")));
        assert_eq!(refuse(&["exec", "SELECT 1", "-i", "q.sql"]), ErrorKind::ArgumentConflict);
        assert_eq!(refuse(&["exec", "SELECT", "1"]), ErrorKind::UnknownArgument);
    }

    #[test]
    fn optional_values_need_an_equals_sign() {
        let arguments = exec(&["--sandbox", "SELECT 1"]);
        assert_eq!(arguments.common.session.sandbox, Some(None));
        assert_eq!(arguments.sql.as_deref(), Some("SELECT 1"));
        let arguments = exec(&["--sandbox=page-size=2,latency=50ms", "--http-log=log.txt", "x"]);
        assert_eq!(
            arguments.common.session.sandbox,
            Some(Some("page-size=2,latency=50ms".to_owned()))
        );
        assert_eq!(arguments.common.session.http_log, Some(Some("log.txt".into())));
        let arguments = exec(&["--http-log", "x"]);
        assert_eq!(arguments.common.session.http_log, Some(None));
        assert_eq!(arguments.sql.as_deref(), Some("x"));
        assert_eq!(exec(&["x"]).common.session.sandbox, None);
    }

    #[test]
    fn repeatable_flags_keep_their_order() {
        let arguments = exec(&[
            "--endpoint",
            "a=http://localhost:1",
            "--endpoint",
            "b=http://localhost:2",
            "--var",
            "x=1",
            "--var",
            "y=a=b",
            "--vars",
            "v.yaml",
            "--param",
            "1=v",
            "--set",
            "on_error=partial",
            "x",
        ]);
        assert_eq!(
            arguments.common.session.endpoint,
            ["a=http://localhost:1", "b=http://localhost:2"]
        );
        assert_eq!(arguments.common.variables.var, ["x=1", "y=a=b"]);
        assert_eq!(arguments.common.variables.vars, [Path::new("v.yaml")]);
        assert_eq!(arguments.common.session.param, ["1=v"]);
        assert_eq!(arguments.common.session.set, ["on_error=partial"]);
    }

    #[test]
    fn formats_are_checked_and_suggested() {
        let format = |arguments: &[&str]| exec(arguments).common.output.format();
        assert_eq!(format(&["-o", "jsonl", "x"]), Some(Format::Jsonl));
        assert_eq!(format(&["-f", "a.csv", "x"]), Some(Format::Csv));
        assert_eq!(format(&["-f", "a.csv", "-o", "json", "x"]), Some(Format::Json));
        assert_eq!(format(&["-f", "a.txt", "x"]), None);
        assert_eq!(format(&["x"]), None);
        let output = exec(&["-o", "a.parquet", "x"]).common.output;
        assert_eq!(output.format(), Some(Format::Parquet));
        assert_eq!(output.file(), Some(Path::new("a.parquet")));
        assert!(exec(&["-o", "a.csv", "-f", "b.csv", "x"]).common.output.names_two_files());
        let error = CommandLine::try_parse_from(["strataql", "exec", "-o", "jsno", "x"])
            .expect_err("no format");
        assert_eq!(error.kind(), ErrorKind::InvalidValue);
        assert!(error.to_string().contains("'json'"), "{error}");
    }

    #[test]
    fn credentials_never_show() {
        let arguments = exec(&["--auth", r#"{"p":{"api_key":"hunter22"}}"#, "x"]);
        assert!(!format!("{arguments:?}").contains("hunter22"));
        let auth = arguments.common.session.auth.expect("given");
        assert!(auth.expose_secret().contains("hunter22"));
    }

    #[test]
    fn error_format_may_stand_anywhere() {
        for arguments in
            [["--error-format=json", "exec", "x"], ["exec", "--error-format=json", "x"]]
        {
            assert_eq!(parse(&arguments).error_format, Some(ErrorFormat::Json));
        }
    }

    #[test]
    fn the_sandbox_serves_at_least_one_provider() {
        let line = parse(&[
            "sandbox",
            "serve",
            "databricks_account",
            "google",
            "--port",
            "8080",
            "--page-size",
            "2",
            "--latency",
            "50ms",
            "--rate=20/s",
            "--fault",
            "503:2%,reset:1%",
            "--rows=9",
        ]);
        let Command::Sandbox { command: SandboxCommand::Serve(serve) } = line.command else {
            panic!("{line:?}");
        };
        assert_eq!(serve.providers, ["databricks_account", "google"]);
        assert_eq!(serve.scenario, None);
        assert_eq!(
            serve.options(),
            [
                ("port", "8080".to_owned()),
                ("page-size", "2".to_owned()),
                ("rows", "9".to_owned()),
                ("latency", "50ms".to_owned()),
                ("rate", "20/s".to_owned()),
                ("fault", "503:2%,reset:1%".to_owned()),
            ]
        );
        assert_eq!(refuse(&["sandbox", "serve"]), ErrorKind::MissingRequiredArgument);
        assert_eq!(refuse(&["sandbox", "serve", "p", "--port", "x"]), ErrorKind::ValueValidation);
    }

    #[test]
    fn lint_and_completions_are_there() {
        let line = parse(&["provider", "lint", "providers/dbx", "--json"]);
        let Command::Provider { command: ProviderCommand::Lint(lint) } = line.command else {
            panic!("{line:?}");
        };
        assert!(lint.json);
        assert_eq!(lint.path, Path::new("providers/dbx"));
        assert!(matches!(
            parse(&["completions", "zsh"]).command,
            Command::Completions { shell: clap_complete::Shell::Zsh }
        ));
    }
}
