//! Settings of a run: defaults, then the configuration file, the environment, the flags.
//!
//! Owns: the keys, their values and their precedence; [`Places`]; the file format.
//! Refuses: settings of a session (`SET …`); the rows of the engine's table check them.
//! Surprise: `read_only` is the one key that cannot be overridden: if any source sets it, the run
//! is read-only.

mod file;
mod places;
mod table;
mod value;

use std::path::PathBuf;

use secrecy::SecretString;
use strataql_diag::{Code, Report, Result, did_you_mean};
use strataql_engine::Settings as SessionSettings;
use strataql_output::Format;

pub(crate) use self::file::read_config;
pub(crate) use self::places::Places;
#[cfg(test)]
pub(crate) use self::table::variable;
pub(crate) use self::table::{KEYS, environment_help};
use self::table::{SESSION_KEYS, TABLES, variables};
use self::value::pair;
use crate::args::{ErrorFormat, LogFormat, LogLevel, OutputArguments, SessionArguments};
use crate::env::Environment;

/// The settings of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// Locations of files.
    pub(crate) places: Places,
    /// The output format.
    pub(crate) output: Format,
    /// The format of errors.
    pub(crate) error_format: ErrorFormat,
    /// What is logged.
    pub(crate) log: LogLevel,
    /// How the log is printed.
    pub(crate) log_format: LogFormat,
    /// An additional source of provider documents, besides pulled and embedded ones.
    pub(crate) registry: Option<String>,
    /// The server that documents are pulled from.
    pub(crate) registry_url: Option<String>,
    /// Credentials by provider, as JSON.
    pub(crate) auth: Option<SecretString>,
    /// Replacement endpoints, by provider.
    pub(crate) endpoints: Vec<(String, String)>,
    /// Keep a record of writes.
    pub(crate) ledger: bool,
    /// Additional trusted certificates.
    pub(crate) ca_bundle: Option<PathBuf>,
    /// What holds before the first statement.
    pub(crate) session: SessionSettings,
}

/// The flags that settings come from; commands without some of them leave the defaults.
#[derive(Debug, Default)]
pub(crate) struct Flags<'a> {
    /// `--error-format`.
    pub(crate) error_format: Option<ErrorFormat>,
    /// `--log`.
    pub(crate) log: Option<LogLevel>,
    /// `--log-format`.
    pub(crate) log_format: Option<LogFormat>,
    /// Output flags.
    pub(crate) output: Option<&'a OutputArguments>,
    /// Session flags.
    pub(crate) session: Option<&'a SessionArguments>,
}

impl Settings {
    /// Lays the layers over each other; `config` is the text of the configuration file, if there is one.
    ///
    /// # Errors
    /// `config` for what is wrong in the file or the environment, `usage` for a flag. A setting of the
    /// session that does not exist or cannot have the value has the code that SET gives it.
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
        for (key, variable) in variables() {
            if let Some(value) = environment.value(&variable) {
                settings.put(&key, &value).map_err(|report| {
                    let note = format!("it comes from the environment variable `{variable}`");
                    Box::new(recoded(report, Code::Config).with_note(note))
                })?;
            }
        }
        settings.put_flags(flags)?;
        Ok(settings)
    }

    /// Sets one key of the file or the environment.
    fn put(&mut self, key: &str, value: &str) -> Result<()> {
        if let Some(row) = KEYS.iter().find(|row| row.name == key) {
            return (row.put)(self, key, value);
        }
        if SESSION_KEYS.contains(&key) {
            return self.put_setting(key, value).map_err(|report| recoded(report, Code::Config));
        }
        match key.split_once('.') {
            Some(("endpoint", provider)) => self.put_endpoint(provider, value),
            Some(("set", name)) => return self.put_setting(name, value),
            Some(("variable", _)) => return self.put_setting(key, value),
            _ => return Err(unknown(key)),
        }
        Ok(())
    }

    fn put_endpoint(&mut self, provider: &str, url: &str) {
        self.endpoints.retain(|(known, _)| known != provider);
        self.endpoints.push((provider.to_owned(), url.to_owned()));
    }

    /// Sets what SET sets. What is read-only stays so, without an error: all layers have their say.
    fn put_setting(&mut self, name: &str, value: &str) -> Result<()> {
        match self.session.set_text(name, value) {
            Err(report) if report.code == Code::ReadOnly => Ok(()),
            set => set,
        }
    }

    fn put_flags(&mut self, flags: &Flags<'_>) -> Result<()> {
        self.error_format = flags.error_format.unwrap_or(self.error_format);
        self.log = flags.log.unwrap_or(self.log);
        self.log_format = flags.log_format.unwrap_or(self.log_format);
        if let Some(output) = flags.output {
            if output.format().is_none() && self.output == Format::default() {
                output.check_file()?;
            }
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
            self.put_setting(name, value)?;
        }
        self.session.read_only |= session.read_only;
        if let Some(timeout) = &session.timeout {
            self.put_setting("timeout", timeout).map_err(flagged)?;
        }
        if let Some(rows) = session.max_writes {
            self.put_setting("max_writes", &rows.to_string()).map_err(flagged)?;
        }
        self.ledger &= !session.no_ledger;
        if let Some(path) = &session.ca_bundle {
            self.ca_bundle = Some(path.clone());
        }
        Ok(())
    }
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
    let own = KEYS.iter().map(|row| row.name);
    let known = own.chain(SESSION_KEYS).chain(TABLES.iter().copied());
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
