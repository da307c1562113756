//! Flags that several commands share.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use secrecy::SecretString;
use strataql_output::Format;

/// Destination and format of results.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArguments {
    /// The format of results
    ///
    /// `jsonl`, `csv` and `text` print rows as they arrive. `table`, `markdown`, `json`, `arrow` and
    /// `parquet` print nothing before the last row has arrived. `arrow` and `parquet` hold exactly one
    /// result. A file name such as `rows.csv` selects its format, and the file as with `-f`.
    #[arg(short, long, value_name = "FORMAT", value_parser = TargetParser)]
    pub(crate) output: Option<Target>,

    /// Write results to a file, which is created only on success
    ///
    /// Without `-o`, its extension selects the format: `.csv`, `.json`, `.jsonl`, `.tsv`, `.md`,
    /// `.arrow` or `.parquet`.
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
    #[arg(long, value_name = "FILE")]
    pub(crate) vars: Vec<PathBuf>,

    /// Leave out lines such as `AND p = '{{ p }}'` when `p` has no value
    ///
    /// Lines whose comment begins with `required` are always kept.
    #[arg(long)]
    pub(crate) drop_unset: bool,
}

/// How statements run.
#[expect(clippy::option_option, reason = "clap's shape of a flag whose value may be left out")]
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Providers and safety")]
pub(crate) struct SessionArguments {
    /// Take provider documents from a folder: `file:PATH`
    #[arg(long, value_name = "SOURCE")]
    pub(crate) registry: Option<String>,

    /// Credentials by provider, as JSON
    ///
    /// For example `{"github":{"type":"bearer","credentialsenvvar":"GH_TOKEN"}}`. Name environment
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
    /// `scenario=FILE` reads objects and behaviour from a YAML file.
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
