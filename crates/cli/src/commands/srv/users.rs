//! The file of `--users`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use secrecy::SecretString;
use serde::Deserialize;
use strataql_diag::{Code, Report};
use strataql_engine::Settings as SessionSettings;

use crate::env::Environment;
use crate::settings::Settings;

/// A user.
pub(super) struct User {
    pub(super) name: String,
    pub(super) password: SecretString,
    /// The providers that the user may use; all without a list.
    pub(super) providers: Option<Vec<String>>,
    /// What holds before the first statement.
    pub(super) settings: SessionSettings,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    user: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    password_env: Option<String>,
    password_file: Option<std::path::PathBuf>,
    #[serde(default)]
    read_only: bool,
    providers: Option<Vec<String>>,
    #[serde(default)]
    settings: BTreeMap<String, String>,
}

/// Reads the users of a file.
///
/// # Errors
/// `local-io` if it cannot be read, `config` for what is wrong in it.
pub(super) fn read_users(
    path: &Path,
    environment: &Environment,
    settings: &Settings,
) -> Result<Vec<User>, Box<Report>> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| {
        Box::new(
            Report::new(Code::LocalIo, format!("the users `{name}` cannot be read: {error}"))
                .with_help("give the path of a TOML file"),
        )
    })?;
    let wrong = |message: String| {
        Box::new(
            Report::new(Code::Config, message)
                .with_help("write `[user.NAME]` and `password-env = \"VARIABLE\"`"),
        )
    };
    let file: File = toml::from_str(&text).map_err(|error| {
        wrong(format!("the users `{name}` cannot be used: {}", error.message()))
    })?;
    if file.user.is_empty() {
        return Err(wrong(format!("the users `{name}` are empty: nobody could log in")));
    }
    let lookup = environment.lookup();
    file.user
        .into_iter()
        .map(|(user, entry)| {
            let password = match (&entry.password_env, &entry.password_file) {
                (Some(variable), None) => lookup(variable).ok_or_else(|| {
                    wrong(format!("the password of `{user}`, `{variable}`, is not set"))
                })?,
                (None, Some(file)) => {
                    let text = fs::read_to_string(file).map_err(|error| {
                        wrong(format!("the password of `{user}` cannot be read: {error}"))
                    })?;
                    text.trim_end_matches(['\r', '\n']).to_owned()
                }
                _ => {
                    return Err(wrong(format!(
                        "`{user}` needs one of `password-env` and `password-file`"
                    )));
                }
            };
            if password.is_empty() {
                return Err(wrong(format!("the password of `{user}` is empty")));
            }
            let mut own = settings.session.clone();
            for (key, value) in &entry.settings {
                own.set_text(key, value)?;
            }
            if entry.read_only {
                own.set_text("read_only", "on")?;
            }
            let providers = entry.providers;
            Ok(User { name: user, password: password.into(), providers, settings: own })
        })
        .collect()
}
