//! Flags that several commands share.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use secrecy::SecretString;
use strataql_diag::{Code, Report, did_you_mean};
use strataql_output::Format;

/// What `exec` and `shell` take alike.
#[derive(Debug, Default, Args)]
pub(crate) struct StatementArguments {
    /// Output.
    #[command(flatten)]
    pub(crate) output: OutputArguments,

    /// Variables.
    #[command(flatten)]
    pub(crate) variables: VariableArguments,

    /// Session.
    #[command(flatten)]
    pub(crate) session: SessionArguments,
}

/// Destination and format of results.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArguments {
    /// The format of results
    ///
    /// `jsonl`, `csv`, `text` and `vertical` print rows as they arrive. `table`, `markdown`, `json`,
    /// `arrow` and `parquet` print nothing before the last row has arrived. A file name such as
    /// `rows.csv` selects its format, and the file as with `-f`.
    ///
    /// Several statements with results: `table`, `markdown` and `vertical` have a blank line between
    /// them, `csv` a header for each, `json` an array for each. In `jsonl` and `text` nothing separates
    /// them. `arrow` and `parquet` hold exactly one result. `events` assigns everything to its
    /// statement: a JSON object per line for the start of a statement, its columns, rows, notes,
    /// warnings, error and end, with `event` and `statement`.
    ///
    /// `junit` has a test case per ASSERT; with `--keep-going` all of them run. `table` prints a
    /// statement that ends with `\G` instead of `;` as `vertical` does.
    #[arg(short, long, value_name = "FORMAT", value_parser = TargetParser)]
    pub(crate) output: Option<Target>,

    /// Write results to a file, which is created only on success
    ///
    /// Without `-o`, its extension selects the format: `.csv`, `.json`, `.jsonl`, `.tsv`, `.md`,
    /// `.arrow`, `.parquet`, `.xml` (`junit`) or `.txt` (`table`). The file is also written if a check is
    /// false, and with `events` and `junit` after any failure.
    #[arg(short = 'f', long, value_name = "FILE")]
    pub(crate) outfile: Option<PathBuf>,
}

/// The value of `-o`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A format.
    Format(Format),
    /// A file whose extension selects the format.
    File(PathBuf, Format),
}

impl OutputArguments {
    /// The format that the flags select.
    pub(crate) fn format(&self) -> Option<Format> {
        match &self.output {
            Some(Target::Format(format) | Target::File(_, format)) => Some(*format),
            None => self.outfile.as_deref().and_then(Format::of_file),
        }
    }

    /// The file for results.
    pub(crate) fn file(&self) -> Option<&Path> {
        match &self.output {
            Some(Target::File(path, _)) => Some(path),
            _ => self.outfile.as_deref(),
        }
    }

    /// Refuses a file whose extension is that of no format, where nothing else selects one.
    ///
    /// # Errors
    /// `usage`.
    pub(crate) fn check_file(&self) -> Result<(), Box<Report>> {
        let Some(file) = self.outfile.as_deref() else { return Ok(()) };
        let extension =
            file.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        match extension {
            None => Ok(()),
            Some(extension) if extension == "txt" => Ok(()),
            Some(extension) => {
                let names = Format::ALL.map(Format::name);
                Err(Box::new(
                    Report::new(
                        Code::Usage,
                        format!("`.{extension}` is the extension of no format"),
                    )
                    .with_help_if(did_you_mean(&extension, names))
                    .with_help(format!(
                        "name the format with `-o`: `-o csv -f {}`",
                        file.display()
                    )),
                ))
            }
        }
    }

    /// True when two flags name a file each.
    pub(crate) fn names_two_files(&self) -> bool {
        self.outfile.is_some() && matches!(self.output, Some(Target::File(..)))
    }
}

/// Names are checked here, so that completions and help list them.
#[derive(Clone)]
struct TargetParser;

impl TargetParser {
    fn names() -> PossibleValuesParser {
        PossibleValuesParser::new(Format::ALL.map(Format::name))
    }
}

impl TypedValueParser for TargetParser {
    type Value = Target;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Target, clap::Error> {
        let path = Path::new(value);
        if let Some(format) = Format::of_file(path) {
            return Ok(Target::File(path.to_owned(), format));
        }
        Self::names()
            .try_map(|name| name.parse::<Format>())
            .parse_ref(command, argument, value)
            .map(Target::Format)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let names = Format::ALL.map(|format| PossibleValue::new(format.name()));
        Some(Box::new(names.into_iter()))
    }
}

/// Values for `{{ name }}`.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Variables")]
pub(crate) struct VariableArguments {
    /// Set a variable
    ///
    /// `{{ name }}` in a statement is replaced before the statement is parsed. Inside quotes the value
    /// is escaped; outside it must be a number, `true`, `false`, `null` or a JSON string. May be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) var: Vec<String>,

    /// Set variables from a JSON or YAML file; `--var` takes precedence
    ///
    /// A variable that neither sets comes from the environment: `STRATAQL_VAR_name`.
    #[arg(long, value_name = "FILE")]
    pub(crate) vars: Vec<PathBuf>,

    /// Read environment variables from a file with lines `NAME=value`
    ///
    /// Variables of the process take precedence. A variable `STRATAQL_VAR_name` sets `{{ name }}`. May
    /// be repeated.
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Vec<PathBuf>,

    /// Leave out lines such as `AND p = '{{ p }}'` when `p` has no value
    ///
    /// Lines whose comment begins with `required` are always kept.
    #[arg(long)]
    pub(crate) drop_unset: bool,
}

/// How statements run.
#[expect(clippy::option_option, reason = "clap's shape of a flag whose value may be left out")]
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Providers and safety")]
pub(crate) struct SessionArguments {
    /// Take provider documents from a folder: `file:PATH`
    #[arg(long, value_name = "SOURCE")]
    pub(crate) registry: Option<String>,

    /// Credentials by provider, as JSON
    ///
    /// For example `{"databricks_account":{"type":"bearer","credentialsenvvar":"MY_TOKEN"}}`. Name environment
    /// variables or files rather than secrets: other users of the machine can see command lines.
    #[arg(long, value_name = "JSON", value_parser = secret)]
    pub(crate) auth: Option<SecretString>,

    /// Send the requests of a provider to another server
    ///
    /// Scheme, host and port are replaced; the original host is sent in the `Host` header. May be
    /// repeated.
    #[arg(long, value_name = "PROVIDER=URL")]
    pub(crate) endpoint: Vec<String>,

    /// Set a bind parameter: `1=v` for `$1`, `name=v` for `:name`
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) param: Vec<String>,

    /// Change a setting before the first statement, as SET does
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,

    /// Refuse every statement that could change something
    #[arg(long)]
    pub(crate) read_only: bool,

    /// Maximum duration of a statement, such as `30s` or `5m`
    #[arg(long, value_name = "DURATION")]
    pub(crate) timeout: Option<String>,

    /// Maximum number of rows that a statement may write
    #[arg(long, value_name = "ROWS")]
    pub(crate) max_writes: Option<u64>,

    /// Do not record writes
    ///
    /// Without this flag, every write is recorded in `ledger/` of the home folder before its request is
    /// sent, and a write that cannot be recorded is refused. `sys.changes` shows the ledger.
    #[arg(long)]
    pub(crate) no_ledger: bool,

    /// Also trust the certificates in a PEM file
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_bundle: Option<PathBuf>,

    /// Run against simulated providers, with generated data and no account
    ///
    /// Options are separated by commas: `--sandbox=page-size=2,latency=50ms,rate=20/s,fault=503:2%`;
    /// `scenario=FILE` reads objects and behaviour from a YAML file; `state=FILE` keeps changes between
    /// runs.
    /// The environment, `--auth` and `--endpoint` are ignored, and no other machine is contacted.
    #[arg(long, value_name = "OPTIONS", num_args = 0..=1, require_equals = true)]
    pub(crate) sandbox: Option<Option<String>>,

    /// Log requests and responses to stderr or a file, with secrets masked
    ///
    /// Only the owner can read the file (mode 0600).
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub(crate) http_log: Option<Option<PathBuf>>,
}

#[expect(clippy::unnecessary_wraps, reason = "the shape that clap wants")]
pub(super) fn secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(text.into())
}
