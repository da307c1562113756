//! What a run is told: defaults, then the configuration file, the environment, the flags.
//!
//! Owns: the keys, their values and their precedence; [`Places`]; the file format.
//! Refuses: settings of a session (`SET …`), which the engine checks; they are carried as text.
//! Surprise: `read_only` is the one key that cannot be overridden: whoever says it last, if anyone
//! says it, the run is read-only.

mod file;
mod places;
mod value;

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use strataql_diag::{Code, Report, Result, did_you_mean};
use strataql_output::Format;

pub(crate) use self::file::read_config;
pub(crate) use self::places::Places;
use self::value::{duration, on_or_off, pair, whole};
use crate::args::{ErrorFormat, OutputArguments, SessionArguments};
use crate::env::{self, Environment};

/// The settings of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// Where things are kept.
    pub(crate) places: Places,
    /// The output format.
    pub(crate) output: Format,
    /// How failures are printed.
    pub(crate) error_format: ErrorFormat,
    /// Where provider documents come from, beside what is pulled and built in.
    pub(crate) registry: Option<String>,
    /// Credentials by provider, as JSON.
    pub(crate) auth: Option<SecretString>,
    /// Other servers, by provider.
    pub(crate) endpoints: Vec<(String, String)>,
    /// Refuse writes.
    pub(crate) read_only: bool,
    /// The longest a statement may take.
    pub(crate) timeout: Option<Duration>,
    /// The most rows a statement may write.
    pub(crate) max_writes: Option<u64>,
    /// Keep a record of writes.
    pub(crate) ledger: bool,
    /// Certificates that are trusted too.
    pub(crate) ca_bundle: Option<PathBuf>,
    /// `SET key = value` before the first statement, in this order.
    pub(crate) set: Vec<(String, String)>,
}

/// Keys of the file whose value is one text, number or boolean.
const KEYS: &[(&str, &str)] = &[
    ("home", env::STRATAQL_HOME),
    ("registry", env::STRATAQL_REGISTRY),
    ("auth", env::STRATAQL_AUTH),
    ("endpoint", env::STRATAQL_ENDPOINT),
    ("output", env::STRATAQL_OUTPUT),
    ("error_format", env::STRATAQL_ERROR_FORMAT),
    ("read_only", env::STRATAQL_READ_ONLY),
    ("timeout", env::STRATAQL_TIMEOUT),
    ("max_writes", env::STRATAQL_MAX_WRITES),
    ("ledger", env::STRATAQL_LEDGER),
    ("ca_bundle", env::STRATAQL_CA_BUNDLE),
];

/// Tables of the file.
const TABLES: &[&str] = &["endpoint", "set", "variable"];

/// The flags that settings come from; commands without some of them leave the defaults.
#[derive(Debug, Default)]
pub(crate) struct Flags<'a> {
    /// `--error-format`.
    pub(crate) error_format: Option<ErrorFormat>,
    /// Output flags.
    pub(crate) output: Option<&'a OutputArguments>,
    /// Session flags.
    pub(crate) session: Option<&'a SessionArguments>,
}

impl Settings {
    /// Lays the layers over each other; `config` is the text of the configuration file, if there is one.
    ///
    /// # Errors
    /// `config` for what is wrong in the file or the environment, `usage` for a flag.
    pub(crate) fn resolve(
        environment: &Environment,
        config: Option<&str>,
        flags: &Flags<'_>,
    ) -> Result<Self> {
        let mut settings =
            Self { ledger: true, places: Places::of(environment), ..Self::default() };
        if let Some(text) = config {
            let name = settings.places.config.as_deref().map(|path| path.display().to_string());
            let name = name.unwrap_or_else(|| "config.toml".to_owned());
            for entry in file::entries(&name, text)? {
                settings
                    .put(&entry.key, &entry.value)
                    .map_err(|report| Box::new((*report).with_place(&name, entry.line)))?;
            }
        }
        for (key, variable) in KEYS {
            if let Some(value) = environment.get(variable) {
                settings.put(key, &value).map_err(|report| {
                    Box::new(
                        report.with_note(format!(
                            "it comes from the environment variable `{variable}`"
                        )),
                    )
                })?;
            }
        }
        settings.put_flags(flags)?;
        Ok(settings)
    }

    /// Sets one key of the file or the environment.
    fn put(&mut self, key: &str, value: &str) -> Result<()> {
        match key {
            "home" => self.places.move_home(value),
            "registry" => self.registry = Some(value.to_owned()),
            "auth" => self.auth = Some(value.into()),
            "endpoint" => {
                for entry in value.split(',').filter(|entry| !entry.trim().is_empty()) {
                    let (provider, url) = pair(key, entry)?;
                    self.put_endpoint(provider, url);
                }
            }
            "output" => {
                self.output = value.parse().map_err(|report| recoded(report, Code::Config))?;
            }
            "error_format" => {
                self.error_format = match value {
                    "text" => ErrorFormat::Text,
                    "json" => ErrorFormat::Json,
                    _ => return Err(unfit(key, value, "`text` or `json`")),
                }
            }
            // nothing switches it off again
            "read_only" => self.read_only |= on_or_off(key, value)?,
            "timeout" => self.timeout = Some(duration(key, value)?),
            "max_writes" => self.max_writes = Some(whole(key, value)?),
            "ledger" => self.ledger = on_or_off(key, value)?,
            "ca_bundle" => self.ca_bundle = Some(value.into()),
            _ => match key.split_once('.') {
                Some(("endpoint", provider)) => self.put_endpoint(provider, value),
                Some(("set", name)) => self.put_set(name, value),
                Some(("variable", _)) => self.put_set(key, value),
                _ => return Err(unknown(key)),
            },
        }
        Ok(())
    }

    fn put_endpoint(&mut self, provider: &str, url: &str) {
        put_pair(&mut self.endpoints, provider, url);
    }

    fn put_set(&mut self, name: &str, value: &str) {
        put_pair(&mut self.set, name, value);
    }

    fn put_flags(&mut self, flags: &Flags<'_>) -> Result<()> {
        self.error_format = flags.error_format.unwrap_or(self.error_format);
        if let Some(output) = flags.output {
            self.output = output.format().unwrap_or(self.output);
            if output.names_two_files() {
                return Err(Box::new(
                    Report::new(Code::Usage, "`-o` and `-f` name a file each")
                        .with_help("name the file with `-f` and the format with `-o`"),
                ));
            }
        }
        let Some(session) = flags.session else { return Ok(()) };
        let flagged = |report| recoded(report, Code::Usage);
        if let Some(registry) = &session.registry {
            self.registry = Some(registry.clone());
        }
        if let Some(auth) = &session.auth {
            self.auth = Some(auth.clone());
        }
        for entry in &session.endpoint {
            let (provider, url) = pair("--endpoint", entry).map_err(flagged)?;
            self.put_endpoint(provider, url);
        }
        for entry in &session.set {
            let (name, value) = pair("--set", entry).map_err(flagged)?;
            self.put_set(name, value);
        }
        self.read_only |= session.read_only;
        if let Some(timeout) = &session.timeout {
            self.timeout = Some(duration("--timeout", timeout).map_err(flagged)?);
        }
        self.max_writes = session.max_writes.or(self.max_writes);
        self.ledger &= !session.no_ledger;
        if let Some(path) = &session.ca_bundle {
            self.ca_bundle = Some(path.clone());
        }
        Ok(())
    }
}

/// Replaces the value of a name, or adds it at the end.
fn put_pair(pairs: &mut Vec<(String, String)>, name: &str, value: &str) {
    pairs.retain(|(known, _)| known != name);
    pairs.push((name.to_owned(), value.to_owned()));
}

/// The bind parameters of `--param`, by name or position.
///
/// # Errors
/// `usage` for an entry of another shape or a name that is given twice.
pub(crate) fn parameters(entries: &[String]) -> Result<Vec<(String, String)>> {
    let mut parameters: Vec<(String, String)> = Vec::new();
    for entry in entries {
        let (name, value) =
            pair("--param", entry).map_err(|report| recoded(report, Code::Usage))?;
        if parameters.iter().any(|(known, _)| known == name) {
            return Err(Box::new(
                Report::new(Code::Usage, format!("the parameter `{name}` is given twice"))
                    .with_help("give each parameter one value"),
            ));
        }
        parameters.push((name.to_owned(), value.to_owned()));
    }
    Ok(parameters)
}

/// The same report under another code.
fn recoded(mut report: Box<Report>, code: Code) -> Box<Report> {
    report.code = code;
    report
}

/// A value that the key cannot have.
fn unfit(key: &str, value: &str, wanted: &str) -> Box<Report> {
    Box::new(
        Report::new(Code::Config, format!("`{key}` cannot be `{value}`"))
            .with_help(format!("write {wanted}")),
    )
}

fn unknown(key: &str) -> Box<Report> {
    let known = KEYS.iter().map(|(key, _)| *key).chain(TABLES.iter().copied());
    let (table, rest) = key.split_once('.').unwrap_or((key, ""));
    let report = Report::new(Code::Config, format!("there is no setting `{key}`"));
    Box::new(match did_you_mean(table, known) {
        Some(help) => report.with_help(help),
        None if rest.is_empty() => report
            .with_help(format!("settings of a session belong into the table `[set]`: `{key} = …`")),
        None => report.with_help(format!("the tables are `[{}]`", TABLES.join("]`, `["))),
    })
}

#[cfg(test)]
mod tests;
