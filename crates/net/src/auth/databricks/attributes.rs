//! The attributes of Databricks' unified authentication.
//!
//! Owns: their names, and where their values come from: configuration, environment, profile.
//! Surprise: a value never overrides one that is set already. The file is read only if a profile is
//! named, or if neither a credential nor a host is set.

use std::collections::BTreeMap;

use secrecy::SecretString;
use strataql_spec::AuthConfig;

use crate::auth::ini;
use crate::auth::lookup::{Built, Lookup};
use crate::auth::machine::Machine;

/// Attributes, their variables, and the kind of credential that they belong to.
const ATTRIBUTES: &[(&str, &[&str], &str)] = &[
    ("host", &["DATABRICKS_HOST"], ""),
    ("account_id", &["DATABRICKS_ACCOUNT_ID"], ""),
    ("workspace_id", &["DATABRICKS_WORKSPACE_ID"], ""),
    ("auth_type", &["DATABRICKS_AUTH_TYPE"], ""),
    ("token_audience", &["DATABRICKS_TOKEN_AUDIENCE"], ""),
    ("databricks_cli_path", &["DATABRICKS_CLI_PATH"], ""),
    ("token", &["DATABRICKS_TOKEN"], "pat"),
    ("username", &["DATABRICKS_USERNAME"], "basic"),
    ("password", &["DATABRICKS_PASSWORD"], "basic"),
    ("client_id", &["DATABRICKS_CLIENT_ID"], "oauth"),
    ("client_secret", &["DATABRICKS_CLIENT_SECRET"], "oauth"),
    ("oidc_token_env", &["DATABRICKS_OIDC_TOKEN_ENV"], ""),
    ("oidc_token_filepath", &["DATABRICKS_OIDC_TOKEN_FILEPATH", "DATABRICKS_OIDC_TOKEN_FILE"], ""),
    ("azure_workspace_resource_id", &["DATABRICKS_AZURE_RESOURCE_ID"], "azure"),
    ("azure_client_id", &["ARM_CLIENT_ID"], "azure"),
    ("azure_client_secret", &["ARM_CLIENT_SECRET"], "azure"),
    ("azure_tenant_id", &["ARM_TENANT_ID"], "azure"),
    ("azure_environment", &["ARM_ENVIRONMENT"], ""),
];

/// Attributes that are secrets.
const SECRETS: &[&str] = &["token", "password", "client_secret", "azure_client_secret"];

/// A section of the file that is no profile.
const SETTINGS: &str = "__settings__";

/// The attributes of one configuration.
#[derive(Default)]
pub(super) struct Attributes {
    values: BTreeMap<&'static str, Value>,
    /// The profile that was read.
    pub(super) profile: Option<String>,
    /// Why no profile was read, in words.
    pub(super) no_profile: Option<String>,
}

struct Value {
    text: String,
    /// Where it came from, in words.
    source: String,
}

impl Attributes {
    /// The attributes of a configuration, completed from the environment and the profile.
    pub(super) fn of(config: &AuthConfig, lookup: &Lookup<'_>, machine: &Machine) -> Built<Self> {
        let mut this = Self::default();
        let source = if lookup.is_users { "--auth" } else { "document" };
        let literal = |name: &str| config.literal.get(name).cloned();
        for (variable, given, name) in [
            (&config.credentials_env_var, literal("token"), "token"),
            (&config.client_id_env_var, config.client_id.clone(), "client_id"),
            (&config.client_secret_env_var, literal("client_secret"), "client_secret"),
            (&config.account_id_env_var, config.account_id.clone(), "account_id"),
            (&config.username_env_var, literal("username"), "username"),
            (&config.password_env_var, literal("password"), "password"),
            (&None, config.host.clone(), "host"),
            (&None, config.auth_type.clone(), "auth_type"),
            (&None, config.tenant_id.clone(), "azure_tenant_id"),
        ] {
            // what a document names may be missing, what a user names may not
            let value = match variable {
                Some(variable) if lookup.is_users => Some(lookup.variable(variable)?),
                Some(variable) => machine.variable(variable),
                None => given,
            };
            this.set(name, value, || source.to_owned());
        }
        for (name, variables, _) in ATTRIBUTES {
            for variable in *variables {
                this.set(name, machine.variable(variable), || format!("`{variable}`"));
            }
        }
        let named = config.profile.clone();
        let named = named.or_else(|| machine.variable("DATABRICKS_CONFIG_PROFILE"));
        let is_complete = this.kinds().next().is_some() || this.get("host").is_some();
        if named.is_some() || !is_complete {
            this.read_profile(named, machine).map_err(|why| {
                lookup
                    .report(&format!("has no credential: {why}"))
                    .with_help("name another profile in `DATABRICKS_CONFIG_PROFILE`")
            })?;
        } else {
            this.no_profile = Some("a credential or a host is set without it".to_owned());
        }
        for name in SECRETS {
            if let Some(value) = this.values.get(name) {
                lookup.redactor.register(&value.text);
            }
        }
        Ok(this)
    }

    fn set(&mut self, name: &'static str, value: Option<String>, source: impl Fn() -> String) {
        let Some(text) = value.filter(|text| !text.trim().is_empty()) else { return };
        self.values.entry(name).or_insert_with(|| Value { text, source: source() });
    }

    fn read_profile(&mut self, named: Option<String>, machine: &Machine) -> Result<(), String> {
        let path = machine.variable("DATABRICKS_CONFIG_FILE").map(|path| machine.path(&path));
        let Some(path) = path.or_else(|| machine.home(".databrickscfg")) else {
            self.no_profile = Some("the user has no folder".to_owned());
            return Ok(());
        };
        let Some(text) = machine.read(&path)? else {
            let why = format!("there is no file `{}`", path.display());
            if named.is_some() {
                return Err(why);
            }
            self.no_profile = Some(why);
            return Ok(());
        };
        let sections = ini::parse(&text);
        let default = || {
            let settings = sections.get(SETTINGS)?.get("default_profile")?;
            Some(settings.clone()).filter(|name| !name.is_empty())
        };
        let is_named = named.is_some();
        let name = named.or_else(default).unwrap_or_else(|| "DEFAULT".to_owned());
        let profile = sections.get(&name).filter(|_| name != SETTINGS);
        let Some(profile) = profile else {
            let why = format!("there is no profile `{name}` in `{}`", path.display());
            if is_named {
                return Err(why);
            }
            self.no_profile = Some(why);
            return Ok(());
        };
        for (attribute, ..) in ATTRIBUTES {
            self.set(attribute, profile.get(*attribute).cloned(), || format!("profile {name}"));
        }
        self.profile = Some(name);
        Ok(())
    }

    /// The value of an attribute.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.text.trim())
    }

    /// The value of a secret attribute.
    pub(super) fn secret(&self, name: &str) -> Option<SecretString> {
        self.get(name).map(SecretString::from)
    }

    /// Where the value of an attribute came from, in words.
    pub(super) fn source(&self, name: &str) -> &str {
        self.values.get(name).map_or("", |value| &value.source)
    }

    /// The kinds of credentials that have attributes, each with one of them.
    pub(super) fn kinds(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let mut seen = Vec::new();
        ATTRIBUTES.iter().filter_map(move |(name, _, kind)| {
            let is_new = !kind.is_empty() && !seen.contains(kind) && self.values.contains_key(name);
            is_new.then(|| {
                seen.push(*kind);
                (*kind, *name)
            })
        })
    }

    /// The address of the host, with its scheme and without more.
    pub(super) fn host(&self) -> Option<String> {
        let host = self.get("host")?;
        let host = if host.contains("://") { host.to_owned() } else { format!("https://{host}") };
        let url = url::Url::parse(&host).ok()?;
        Some(url.origin().ascii_serialization())
    }
}
