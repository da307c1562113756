//! Settings of a transport.
//!
//! Owns: limits, retry settings, proxy policy, replacement endpoints, the user's credentials and
//! the closures for environment, files and log.
//! Refuses: reading any of it from the machine; the command line does, and passes it.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use secrecy::SecretString;
use strataql_spec::{AuthConfig, AuthKind};
use url::Url;

use crate::trace::Observer;

/// Looks up an environment variable.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Reads a file that holds a secret.
pub type ReadFile = Arc<dyn Fn(&Path) -> io::Result<Vec<u8>> + Send + Sync>;

/// Largest file that is read for a credential, in bytes.
const MAX_CREDENTIAL_FILE: u64 = 1 << 20;
/// A program to run.
#[derive(Clone)]
pub struct Program {
    /// Its name, or its path.
    pub name: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Variables that are added to its environment.
    pub variables: Vec<(String, String)>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a program did.
#[derive(Clone, Default)]
pub struct ProgramOutput {
    /// True if it reports success.
    pub success: bool,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it reported.
    pub stderr: Vec<u8>,
}

impl fmt::Debug for ProgramOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgramOutput").field("success", &self.success).finish_non_exhaustive()
    }
}

/// Runs a program that prints a credential, without a shell and without input.
pub type RunProgram =
    Arc<dyn Fn(Program) -> BoxFuture<'static, io::Result<ProgramOutput>> + Send + Sync>;

/// Receives the lines of the HTTP log, already redacted.
pub type HttpLog = Arc<dyn Fn(&str) + Send + Sync>;

/// The settings of a [`crate::Transport`].
#[derive(Clone)]
pub struct Settings {
    /// The `User-Agent` of every request.
    pub user_agent: String,
    /// Connect timeout.
    pub connect_timeout: Duration,
    /// Timeout for the first byte of a response.
    pub answer_timeout: Duration,
    /// Timeout between bytes of a response.
    pub stall_timeout: Duration,
    /// Maximum size of a body in bytes, after decompression.
    pub max_body: u64,
    /// Requests in flight at once per origin and credential.
    pub max_in_flight: usize,
    /// Retry settings.
    pub retry: RetrySettings,
    /// The proxy.
    pub proxy: ProxyPolicy,
    /// Certificates in PEM form that are trusted in addition to the system's.
    pub extra_roots: Option<Vec<u8>>,
    /// Replacement endpoints by provider name; only scheme and authority are used.
    pub endpoints: HashMap<String, Url>,
    /// The user's own credentials by provider name; an entry replaces the document's entirely.
    pub auth: HashMap<String, AuthConfig>,
    /// The environment for credentials.
    pub environment: Environment,
    /// Reads files with credentials.
    pub read_file: ReadFile,
    /// Runs programs that print credentials. None is run by default.
    pub run_program: RunProgram,
    /// Credentials that replace everything else: neither environment nor files are read then.
    pub credentials_override: Option<CredentialsOverride>,
    /// The HTTP log.
    pub http_log: Option<HttpLog>,
    /// Observes every attempt.
    pub observer: Option<Arc<dyn Observer>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            user_agent: concat!("strataql/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_mins(1),
            stall_timeout: Duration::from_secs(30),
            max_body: 256 * 1024 * 1024,
            max_in_flight: 16,
            retry: RetrySettings::default(),
            proxy: ProxyPolicy::System,
            extra_roots: None,
            endpoints: HashMap::new(),
            auth: HashMap::new(),
            environment: Arc::new(|_| None),
            read_file: Arc::new(read_small),
            run_program: Arc::new(|_| Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })),
            credentials_override: None,
            http_log: None,
            observer: None,
        }
    }
}

/// Reads a file that is no larger than a credential may be.
fn read_small(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_CREDENTIAL_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_CREDENTIAL_FILE {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("answer_timeout", &self.answer_timeout)
            .field("stall_timeout", &self.stall_timeout)
            .field("max_body", &self.max_body)
            .field("max_in_flight", &self.max_in_flight)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

/// Retry settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrySettings {
    /// Maximum attempts for failures other than throttling.
    pub max_attempts: u32,
    /// The first back-off.
    pub initial: Duration,
    /// The longest back-off.
    pub max: Duration,
    /// Maximum time of one request with all its retries; also limits waiting for a server that
    /// throttles.
    pub budget: Duration,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            initial: Duration::from_millis(500),
            max: Duration::from_secs(10),
            budget: Duration::from_mins(5),
        }
    }
}

/// The proxy. Loopback hosts are always reached directly.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ProxyPolicy {
    /// The system's configuration and environment.
    #[default]
    System,
    /// No proxy.
    None,
    /// This proxy.
    Url(Url),
}

/// Credentials that replace documents, `--auth`, environment and files.
#[derive(Clone)]
pub struct CredentialsOverride {
    /// The credential of every provider that `by_provider` does not name.
    pub credential: FixedCredential,
    /// Credentials of single providers.
    pub by_provider: HashMap<String, FixedCredential>,
    /// The values of variables in token URLs.
    pub variables: Environment,
}

impl CredentialsOverride {
    /// The same credential for every provider, and `value` for every variable of a token URL.
    pub fn same(credential: FixedCredential, value: &str) -> Self {
        let value = value.to_owned();
        Self {
            credential,
            by_provider: HashMap::new(),
            variables: Arc::new(move |_| Some(value.clone())),
        }
    }

    /// The credentials of a simulated service, in the form of each provider's own scheme: `token`
    /// where one value is sent unchanged, else `id` with `secret`. `providers` are names with their
    /// authentication.
    pub fn simulated<'a>(
        id: &str,
        secret: &str,
        token: &str,
        providers: impl IntoIterator<Item = (&'a str, Option<&'a AuthConfig>)>,
    ) -> Self {
        let client =
            |secret: &str| FixedCredential::Client { id: id.to_owned(), secret: secret.into() };
        let mut all = Self::same(client(secret), "sandbox");
        for (name, auth) in providers {
            let kind = auth.map(|auth| &auth.kind);
            // pairs are sent as such, or exchanged for a token, or sign
            let is_pair = matches!(
                kind,
                Some(
                    AuthKind::Basic
                        | AuthKind::OAuth2
                        | AuthKind::AwsSigningV4
                        | AuthKind::AwsAssumeRole
                )
            );
            if !is_pair {
                all.by_provider.insert(name.to_owned(), client(token));
            }
        }
        all
    }

    /// The credential of a provider.
    pub fn of(&self, provider: &str) -> &FixedCredential {
        self.by_provider.get(provider).unwrap_or(&self.credential)
    }
}

impl fmt::Debug for CredentialsOverride {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialsOverride(…)")
    }
}

/// A fixed credential, which is not looked up.
#[derive(Clone)]
pub enum FixedCredential {
    /// Replaces the pair or secret of the provider's authentication type.
    Client {
        /// Client id, user name or key id.
        id: String,
        /// Client secret, password or key.
        secret: SecretString,
    },
    /// Sent as a bearer token, whatever type the provider declares.
    Bearer(SecretString),
    /// Nothing is sent.
    Anonymous,
}

impl fmt::Debug for FixedCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client { .. } => "Client(…)",
            Self::Bearer(_) => "Bearer(…)",
            Self::Anonymous => "Anonymous",
        })
    }
}
