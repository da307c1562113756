//! Credentials: who a request is from.
//!
//! Owns: choosing the configuration (the user's entry, else the document's), looking secrets up
//! when a provider is first used, and what is added to requests.
//! Refuses: writing requests; sharing a credential with another origin (see [`crate::origin`]).
//! Surprise: looking up is lazy, so a missing variable is no error until its provider is used, and
//! failures are not remembered.

mod answer;
mod api_key;
mod ask;
mod aws;
mod azure;
mod basic;
mod bearer;
mod command;
mod credential;
mod custom;
mod databricks;
mod google;
mod grant;
mod header;
mod ini;
mod kubernetes;
mod lookup;
mod machine;
mod parts;
mod principal;
mod report;
mod secret;
mod sign;
mod template;
mod time;
mod token;
mod trail;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use strataql_diag::{Code, Redactor, Report};
use strataql_spec::{AuthConfig, AuthKind};

use self::azure::Azure;
use self::command::Printed;
pub(crate) use self::credential::{Authorised, Credential};
use self::databricks::Databricks;
use self::google::Google;
use self::grant::Grant;
use self::kubernetes::Kubernetes;
use self::lookup::{Built, Lookup, Missing};
use self::parts::{Part, Parts};
pub use self::principal::Principal;
pub use self::report::CredentialReport;
use self::secret::of_secret;
pub(crate) use self::sign::Sign;
use self::token::TokenSource;
pub use self::trail::Tried;
use crate::sender::Sender;
use crate::settings::{
    CredentialsOverride, Environment, FixedCredential, ReadFile, RunProgram, Settings,
};

/// The credentials of all providers.
pub(crate) struct Credentials {
    user: HashMap<String, AuthConfig>,
    environment: Environment,
    read_file: ReadFile,
    run: RunProgram,
    fixed: Option<CredentialsOverride>,
    redactor: Redactor,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    documents: HashMap<String, AuthConfig>,
    ready: HashMap<String, Arc<Credential>>,
}

impl Credentials {
    pub(crate) fn new(settings: &Settings, redactor: Redactor) -> Self {
        Self {
            user: settings.auth.clone(),
            environment: Arc::clone(&settings.environment),
            read_file: Arc::clone(&settings.read_file),
            run: Arc::clone(&settings.run_program),
            fixed: settings.credentials_override.clone(),
            redactor,
            known: Mutex::default(),
        }
    }

    /// Makes a document's configuration known.
    pub(crate) fn register(&self, provider: &str, auth: Option<AuthConfig>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.documents.get(provider) == auth.as_ref() {
            return;
        }
        known.ready.remove(provider);
        match auth {
            Some(auth) => known.documents.insert(provider.to_owned(), auth),
            None => known.documents.remove(provider),
        };
    }

    /// The credential of a provider, looked up at its first use.
    pub(crate) fn of(&self, provider: &str) -> Result<Arc<Credential>, Box<Report>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ready) = known.ready.get(provider) {
            return Ok(Arc::clone(ready));
        }
        let credential = match self.config(&known, provider) {
            Some(config) => {
                let lookup = self.lookup(provider);
                build(config, &lookup).map_err(|missing| lookup.report_of(missing, config))?
            }
            None => Credential::Anonymous,
        };
        let credential = Arc::new(credential);
        known.ready.insert(provider.to_owned(), Arc::clone(&credential));
        Ok(credential)
    }

    /// On whose behalf requests of a provider are sent.
    pub(crate) fn principal(&self, provider: &str) -> Result<Principal, Box<Report>> {
        let credential = self.of(provider)?;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = self.config(&known, provider).map_or(AuthKind::Null, kind_of);
        Ok(Principal::of(kind.as_str(), &credential))
    }

    /// What can be said about a provider's credential, which is obtained for that.
    pub(crate) async fn report(
        &self,
        provider: &str,
        core: &Arc<dyn Sender>,
        redactor: &Redactor,
    ) -> CredentialReport {
        let (kind, is_users, place) = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let config = self.config(&known, provider);
            let kind = config.map_or(AuthKind::Null, kind_of);
            let place = config.filter(|_| self.fixed.is_none()).and_then(CredentialReport::place);
            (kind, self.is_users(provider), place)
        };
        let kind = kind.as_str();
        match self.of(provider) {
            Ok(credential) => {
                CredentialReport::of(provider, kind, is_users, place, &credential, core)
                    .await
                    .redacted(redactor)
            }
            Err(report) => {
                let report = Box::new(report.redacted(redactor));
                CredentialReport::missing(provider, kind, is_users, report)
            }
        }
    }

    /// True if the user's own entry counts for a provider.
    fn is_users(&self, provider: &str) -> bool {
        self.fixed.is_none() && self.user.contains_key(provider)
    }

    /// The configuration that counts for a provider.
    fn config<'a>(&'a self, known: &'a Known, provider: &str) -> Option<&'a AuthConfig> {
        let document = known.documents.get(provider);
        match &self.fixed {
            Some(_) => document,
            None => self.user.get(provider).or(document),
        }
    }

    fn lookup<'a>(&'a self, provider: &'a str) -> Lookup<'a> {
        let is_users = self.is_users(provider);
        let fixed = self.fixed.as_ref();
        Lookup {
            provider,
            environment: fixed.map_or(&self.environment, |fixed| &fixed.variables),
            read_file: &self.read_file,
            run: &self.run,
            is_users,
            fixed: fixed.map(|fixed| fixed.of(provider)),
            redactor: &self.redactor,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// The type of a configuration, with what the format says about one that has none.
fn kind_of(config: &AuthConfig) -> AuthKind {
    let has_key_source = config.credentials_env_var.is_some()
        || config.credentials_file.is_some()
        || config.credentials_file_env_var.is_some();
    match &config.kind {
        AuthKind::Unspecified if has_key_source => AuthKind::ServiceAccount,
        AuthKind::Unspecified => AuthKind::Null,
        other => other.clone(),
    }
}

fn build(config: &AuthConfig, lookup: &Lookup<'_>) -> Built<Credential> {
    let kind = kind_of(config);
    if kind == AuthKind::Null {
        return Ok(Credential::Anonymous);
    }
    match lookup.fixed {
        Some(FixedCredential::Anonymous) => return Ok(Credential::Anonymous),
        Some(FixedCredential::Bearer(token)) => return fixed_bearer(lookup, token),
        Some(FixedCredential::Client { .. }) | None => {}
    }
    let of_grant = |grant: Box<dyn Grant>| Ok(Credential::Token(TokenSource::new(grant)));
    match (&kind, lookup.fixed) {
        (AuthKind::Bearer | AuthKind::Basic | AuthKind::ApiKey | AuthKind::Custom, fixed) => {
            match &config.credentials_command {
                // a document must not run programs
                Some(line) if fixed.is_none() && lookup.is_users => {
                    of_grant(Box::new(Printed::build(config, line, lookup)?))
                }
                _ => match of_secret(config, lookup) {
                    // whoever has no credential may ask without one
                    Err(Missing::Variable { .. }) if config.optional => Ok(Credential::Anonymous),
                    built => built,
                },
            }
        }
        (AuthKind::OAuth2, _) => of_grant(grant::of(config, lookup)?),
        (AuthKind::AwsSigningV4 | AuthKind::AwsAssumeRole, _) => aws::credential(config, lookup),
        // a type that has no pair, or cannot be made, is replaced too
        (_, Some(FixedCredential::Client { secret, .. })) => fixed_bearer(lookup, secret),
        (AuthKind::ServiceAccount | AuthKind::Interactive, _) => {
            let config = AuthConfig { kind, ..config.clone() };
            of_grant(Box::new(Google::build(&config, lookup)?))
        }
        (AuthKind::AzureDefault, _) => of_grant(Box::new(Azure::build(config, lookup)?)),
        (AuthKind::Kubernetes, _) => of_grant(Box::new(Kubernetes::build(config, lookup))),
        (AuthKind::Databricks, _) => of_grant(Box::new(Databricks::build(config, lookup)?)),
        (other, _) => Err(Report::new(
            Code::NoCredential,
            format!(
                "provider `{}` authenticates by `{other}`, which this version does not support",
                lookup.provider
            ),
        )
        .with_help(
            "give a credential of another type with `--auth`: `bearer`, `basic`, `api_key`, \
             `custom` or `oauth2`",
        )
        .into()),
    }
}

fn fixed_bearer(lookup: &Lookup<'_>, token: &SecretString) -> Built<Credential> {
    lookup.redactor.register(token.expose_secret());
    Ok(Credential::Signer(Parts::new(vec![Part::authorization(lookup, "Bearer ", token)?])))
}

#[cfg(test)]
mod tests;
