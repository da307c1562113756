//! Flags that several commands share.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use secrecy::SecretString;
use strataql_output::Format;

/// Where results go and what they look like.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArguments {
    /// The format of results
    ///
    /// `jsonl`, `csv` and `text` print rows as they arrive. `table`, `markdown`, `json`, `arrow` and
    /// `parquet` print nothing before the last row is in. `arrow` and `parquet` hold exactly one result.
    /// The name of a file, such as `rows.csv`, stands for its format and `-f` with that name.
    #[arg(short, long, value_name = "FORMAT", value_parser = TargetParser)]
    pub(crate) output: Option<Target>,

    /// Write results to a file, which appears when all went well
    ///
    /// Without `-o`, the ending of its name says the format: `.csv`, `.json`, `.jsonl`, `.tsv`, `.md`,
    /// `.arrow` or `.parquet`.
    #[arg(short = 'f', long, value_name = "FILE")]
    pub(crate) outfile: Option<PathBuf>,
}

/// What `-o` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A format.
    Format(Format),
    /// A file whose name says the format.
    File(PathBuf, Format),
}

impl OutputArguments {
    /// The format that the flags ask for.
    pub(crate) fn format(&self) -> Option<Format> {
        match &self.output {
            Some(Target::Format(format) | Target::File(_, format)) => Some(*format),
            None => self.outfile.as_deref().and_then(Format::of_file),
        }
    }

    /// The file that results go to.
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
    /// Give a variable a value
    ///
    /// `{{ name }}` in a statement is replaced before the statement is read. Within quotes the value is
    /// escaped; outside it must be a number, `true`, `false`, `null` or a JSON string. May be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) var: Vec<String>,

    /// Give variables values from a JSON or YAML file; `--var` wins over it
    #[arg(long, value_name = "FILE")]
    pub(crate) vars: Vec<PathBuf>,

    /// Leave out lines such as `AND p = '{{ p }}'` when `p` has no value
    ///
    /// Lines whose comment begins with `required` always stay.
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
    /// Scheme, host and port are replaced; the original host travels in the `Host` header. May be
    /// repeated.
    #[arg(long, value_name = "PROVIDER=URL")]
    pub(crate) endpoint: Vec<String>,

    /// Give a bind parameter a value: `1=v` for `$1`, `name=v` for `:name`
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) param: Vec<String>,

    /// Change a setting before the first statement, as SET does
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,

    /// Refuse everything that could change something
    #[arg(long)]
    pub(crate) read_only: bool,

    /// The longest a statement may take, such as `30s` or `5m`
    #[arg(long, value_name = "DURATION")]
    pub(crate) timeout: Option<String>,

    /// The most rows a statement may write
    #[arg(long, value_name = "ROWS")]
    pub(crate) max_writes: Option<u64>,

    /// Keep no record of writes
    ///
    /// Without it, every write is recorded in `ledger/` of the home folder before its request leaves, and
    /// a write that cannot be recorded is refused. `sys.changes` shows the record.
    #[arg(long)]
    pub(crate) no_ledger: bool,

    /// Trust the certificates of a PEM file too
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_bundle: Option<PathBuf>,

    /// Run against simulated providers, with generated data and no account
    ///
    /// Options are separated by commas: `--sandbox=page-size=2,latency=50ms,rate=20/s,fault=503:2%`;
    /// `scenario=FILE` takes objects and behaviour from a YAML file.
    /// The environment, `--auth` and `--endpoint` are ignored, and nothing but this machine is
    /// connected to.
    #[arg(long, value_name = "OPTIONS", num_args = 0..=1, require_equals = true)]
    pub(crate) sandbox: Option<Option<String>>,

    /// Log requests and answers to stderr or a file, without secrets
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub(crate) http_log: Option<Option<PathBuf>>,
}

#[expect(clippy::unnecessary_wraps, reason = "the shape that clap wants")]
fn secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(text.into())
}
