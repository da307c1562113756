//! Credentials: who a request is from.
//!
//! Owns: choosing the configuration (the user's entry, else the document's), looking secrets up
//! when a provider is first used, and what is added to requests.
//! Refuses: writing requests; sharing a credential with another origin (see [`crate::origin`]).
//! Surprise: looking up is lazy, so a missing variable is no error until its provider is used, and
//! failures are not remembered.

mod api_key;
mod basic;
mod bearer;
mod custom;
mod lookup;
mod oauth2;
mod principal;
mod template;

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use strataql_diag::{Code, Redactor, Report};
use strataql_spec::AuthConfig;

use self::lookup::Lookup;
use self::oauth2::{Token, TokenSource};
pub use self::principal::Principal;
pub(crate) use self::principal::hex;
use crate::exchange::Core;
use crate::failure::Failure;
use crate::settings::{CredentialsOverride, Environment, FixedCredential, ReadFile, Settings};

/// Something that a credential adds to a request.
pub(crate) enum Part {
    /// A header.
    Header(HeaderName, HeaderValue),
    /// A query parameter.
    Query(String, Hidden),
}

impl Part {
    /// The `Authorization` header.
    fn authorization(lookup: &Lookup<'_>, prefix: &str, secret: &SecretString) -> Built<Self> {
        Self::header(lookup, AUTHORIZATION, prefix, secret)
    }

    /// A header whose value is a prefix and a secret.
    fn header(
        lookup: &Lookup<'_>,
        name: HeaderName,
        prefix: &str,
        secret: &SecretString,
    ) -> Built<Self> {
        let text = format!("{prefix}{}", secret.expose_secret());
        let mut value = HeaderValue::from_str(&text).map_err(|_| {
            lookup
                .report("has a secret with characters that no header can carry")
                .with_help("look for line breaks or blanks around the secret where it is stored")
        })?;
        value.set_sensitive(true);
        Ok(Self::Header(name, value))
    }
}

/// A secret that goes into a query.
pub(crate) struct Hidden(SecretString);

impl Hidden {
    /// Uses the secret.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&str) -> T) -> T {
        act(self.0.expose_secret())
    }
}

type Built<T> = Result<T, Box<Report>>;

/// A credential that is ready to be used.
pub(crate) enum Credential {
    /// Nothing is added.
    Anonymous,
    /// The same parts every time.
    Parts(Arc<[Part]>, u64),
    /// A token that is fetched and renewed.
    Token(Arc<TokenSource>),
}

/// What is added to one attempt.
pub(crate) struct Authorised {
    parts: Arc<[Part]>,
    token: Option<Arc<Token>>,
    is_from_cache: bool,
}

impl Authorised {
    /// What is added.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// True for a token that was not fetched just now: a fresh one may do better.
    pub(crate) fn is_from_cache(&self) -> bool {
        self.is_from_cache
    }
}

impl Credential {
    /// Equal for equal credentials, whatever provider they belong to.
    pub(crate) fn identity(&self) -> u64 {
        match self {
            Self::Anonymous => 0,
            Self::Parts(_, identity) => *identity,
            Self::Token(source) => source.identity(),
        }
    }

    /// What to add to an attempt, fetching a token if there is none.
    pub(crate) async fn authorise(&self, core: &Arc<Core>) -> Result<Authorised, Failure> {
        let (parts, token, is_from_cache) = match self {
            Self::Anonymous => (Arc::from([]), None, false),
            Self::Parts(parts, _) => (Arc::clone(parts), None, false),
            Self::Token(source) => {
                let (token, is_from_cache) = source.token(core).await?;
                (token.parts(), Some(token), is_from_cache)
            }
        };
        Ok(Authorised { parts, token, is_from_cache })
    }

    /// Drops the token of an attempt that was refused.
    pub(crate) fn forget(&self, authorised: &Authorised) {
        if let (Self::Token(source), Some(token)) = (self, &authorised.token) {
            source.forget(token);
        }
    }
}

/// The credentials of all providers.
pub(crate) struct Credentials {
    user: HashMap<String, AuthConfig>,
    environment: Environment,
    read_file: ReadFile,
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
    pub(crate) fn of(&self, provider: &str) -> Built<Arc<Credential>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ready) = known.ready.get(provider) {
            return Ok(Arc::clone(ready));
        }
        let credential = match self.config(&known, provider) {
            Some(config) => {
                let lookup = self.lookup(provider);
                build(config, &lookup).map_err(|report| lookup.with_all_missing(report, config))?
            }
            None => Credential::Anonymous,
        };
        let credential = Arc::new(credential);
        known.ready.insert(provider.to_owned(), Arc::clone(&credential));
        Ok(credential)
    }

    /// On whose behalf requests of a provider are sent.
    pub(crate) fn principal(&self, provider: &str) -> Built<Principal> {
        let credential = self.of(provider)?;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = self.config(&known, provider).map_or("none", kind_of);
        Ok(Principal::of(kind, &credential))
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
        let fixed = self.fixed.as_ref();
        Lookup {
            provider,
            environment: fixed.map_or(&self.environment, |fixed| &fixed.variables),
            read_file: &self.read_file,
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

/// The type of a configuration, `none` for one that needs no credential.
fn kind_of(config: &AuthConfig) -> &str {
    let has_key_source = config.credentials_env_var.is_some()
        || config.credentials_file.is_some()
        || config.credentials_file_env_var.is_some();
    match config.kind.as_str() {
        // what the format says about a key without a type
        "" if has_key_source => "service_account",
        "" | "null_auth" => "none",
        other => other,
    }
}

fn build(config: &AuthConfig, lookup: &Lookup<'_>) -> Built<Credential> {
    let kind = match kind_of(config) {
        "none" => return Ok(Credential::Anonymous),
        other => other,
    };
    match lookup.fixed {
        Some(FixedCredential::Anonymous) => return Ok(Credential::Anonymous),
        Some(FixedCredential::Bearer(token)) => return fixed_bearer(lookup, token),
        Some(FixedCredential::Client { .. }) | None => {}
    }
    let parts = match (kind, lookup.fixed) {
        ("bearer", _) => bearer::parts(config, lookup)?,
        ("basic", _) => basic::parts(config, lookup)?,
        ("api_key", _) => api_key::parts(config, lookup)?,
        ("custom", _) => custom::parts(config, lookup)?,
        ("oauth2", _) => {
            return Ok(Credential::Token(Arc::new(TokenSource::build(config, lookup)?)));
        }
        // a type whose signatures cannot be made is replaced too
        (_, Some(FixedCredential::Client { secret, .. })) => return fixed_bearer(lookup, secret),
        (other, _) => {
            let report = Report::new(
                Code::NoCredential,
                format!(
                    "provider `{}` authenticates by `{other}`, which this version does not support",
                    lookup.provider
                ),
            )
            .with_help(
                "give a credential of another type with `--auth`: `bearer`, `basic`, `api_key`, \
                 `custom` or `oauth2`",
            );
            return Err(Box::new(report));
        }
    };
    Ok(of_parts(parts))
}

fn fixed_bearer(lookup: &Lookup<'_>, token: &SecretString) -> Built<Credential> {
    lookup.redactor.register(token.expose_secret());
    Ok(of_parts(vec![Part::authorization(lookup, "Bearer ", token)?]))
}

fn of_parts(parts: Vec<Part>) -> Credential {
    let mut hasher = DefaultHasher::new();
    for part in &parts {
        match part {
            Part::Header(name, value) => (name.as_str(), value.as_bytes()).hash(&mut hasher),
            Part::Query(name, value) => {
                value.with(|value| (name.as_str(), value.as_bytes()).hash(&mut hasher));
            }
        }
    }
    Credential::Parts(parts.into(), hasher.finish())
}

#[cfg(test)]
mod tests;
