//! The table of keys: one row each.
//!
//! Surprise: the names of environment variables are made from those of the keys.

use strataql_diag::{Code, Result};
use strataql_engine::SETTINGS;

use super::value::{on_or_off, pair, word};
use super::{Settings, recoded};
use crate::env;

/// A key of the configuration file and the environment.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// What it does, with the flag that does the same.
    pub(crate) meaning: &'static str,
    pub(super) put: fn(&mut Settings, key: &str, value: &str) -> Result<()>,
}

/// Keys that are no settings of a session.
pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "home",
        meaning: "the folder for data: pulled documents, local tables, the record of writes",
        put: |settings, _, value| {
            settings.places.move_home(value);
            Ok(())
        },
    },
    Key {
        name: "registry",
        meaning: "where provider documents come from, as `--registry`",
        put: |settings, _, value| {
            settings.registry = Some(value.to_owned());
            Ok(())
        },
    },
    Key {
        name: "registry_url",
        meaning: "the server of `strataql registry`, as `--from`",
        put: |settings, _, value| {
            settings.registry_url = Some(value.to_owned());
            Ok(())
        },
    },
    Key {
        name: "auth",
        meaning: "credentials by provider as JSON, as `--auth`",
        put: |settings, _, value| {
            settings.auth = Some(value.into());
            Ok(())
        },
    },
    Key {
        name: "endpoint",
        meaning: "other servers as `PROVIDER=URL`, separated by commas, as `--endpoint`",
        put: |settings, key, value| {
            for entry in value.split(',').filter(|entry| !entry.trim().is_empty()) {
                let (provider, url) = pair(key, entry)?;
                settings.put_endpoint(provider, url);
            }
            Ok(())
        },
    },
    Key {
        name: "output",
        meaning: "the format of results, as `--output`",
        put: |settings, _, value| {
            settings.output = value.parse().map_err(|report| recoded(report, Code::Config))?;
            Ok(())
        },
    },
    Key {
        name: "error_format",
        meaning: "how failures are printed, `text` or `json`, as `--error-format`",
        put: |settings, key, value| {
            settings.error_format = word(key, value)?;
            Ok(())
        },
    },
    Key {
        name: "log",
        meaning: "what is logged on stderr, `off` to `trace`, as `--log`",
        put: |settings, key, value| {
            settings.log = word(key, value)?;
            Ok(())
        },
    },
    Key {
        name: "log_format",
        meaning: "how the log is printed, `text` or `json`, as `--log-format`",
        put: |settings, key, value| {
            settings.log_format = word(key, value)?;
            Ok(())
        },
    },
    Key {
        name: "ledger",
        meaning: "`off` keeps no record of writes, as `--no-ledger`",
        put: |settings, key, value| {
            settings.ledger = on_or_off(key, value)?;
            Ok(())
        },
    },
    Key {
        name: "ca_bundle",
        meaning: "certificates in PEM form that are trusted too, as `--ca-bundle`",
        put: |settings, _, value| {
            settings.ca_bundle = Some(value.into());
            Ok(())
        },
    },
];

/// Settings of a session that need no `[set]` in the file, because they are flags, too.
pub(super) const SESSION_KEYS: [&str; 3] = ["read_only", "timeout", "max_writes"];

/// Tables of the file.
pub(super) const TABLES: &[&str] = &["endpoint", "set", "variable"];

/// Every key that the environment has, with its variable.
pub(super) fn variables() -> impl Iterator<Item = (String, String)> {
    let own = KEYS.iter().map(|key| (key.name.to_owned(), variable(key.name)));
    let settings = SETTINGS.iter().filter(|setting| !setting.name.contains('<'));
    own.chain(settings.map(|setting| (format!("set.{}", setting.name), variable(setting.name))))
}

/// The environment variable of a key.
pub(crate) fn variable(key: &str) -> String {
    format!("STRATAQL_{}", key.to_uppercase().replace('.', "_"))
}

/// The environment as `--help` tells it.
pub(crate) fn environment_help() -> String {
    let keys = KEYS.iter().map(|key| (variable(key.name), key.meaning));
    let settings =
        ("STRATAQL_<SETTING>".to_owned(), "a setting of SHOW SETTINGS; `_` stands for `.`");
    let known = env::VARIABLES.iter().chain(&env::LIBRARIES);
    let others = known.map(|variable| (variable.name.to_owned(), variable.meaning));
    let lines: Vec<String> = keys
        .chain([settings])
        .chain(others)
        .map(|(name, meaning)| format!("\n  {name:<22}  {meaning}"))
        .collect();
    format!("Environment variables:{}", lines.concat())
}
