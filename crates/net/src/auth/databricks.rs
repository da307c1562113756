//! Databricks: its unified authentication.
//!
//! Owns: [`Databricks`], the order of sources, and the endpoints where tokens of an account or a
//! workspace are issued.
//! Surprise: a token is valid for one host, so each host of a statement has its own. A credential that
//! belongs to one host is never sent to another.

mod attributes;
mod sources;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use secrecy::ExposeSecret;
use strataql_diag::{Code, Report};
use strataql_spec::AuthConfig;
use url::Url;

use self::attributes::Attributes;
use super::ask::Asker;
use super::grant::Grant;
use super::lookup::{Built, Lookup};
use super::machine::Machine;
use super::token::Token;
use super::trail::{Step, Trail, Tried};
use crate::failure::Failure;
use crate::sender::Sender;

const HELP: &str = "set `DATABRICKS_HOST` with `DATABRICKS_TOKEN`, or `DATABRICKS_CLIENT_ID` and \
                    `DATABRICKS_CLIENT_SECRET`, or name a profile in `DATABRICKS_CONFIG_PROFILE`";

/// Ends of the names of Databricks' hosts.
const HOSTS: &[&str] = &[
    ".cloud.databricks.com",
    ".cloud.databricks.us",
    ".azuredatabricks.net",
    ".databricks.azure.us",
    ".databricks.azure.cn",
    ".gcp.databricks.com",
];

/// The ends among them that belong to Azure.
const AZURE: &[&str] = &[".azuredatabricks.net", ".databricks.azure.us", ".databricks.azure.cn"];

/// The console where accounts are, if nothing says otherwise.
const CONSOLE: &str = "https://accounts.cloud.databricks.com";

/// The sources, in the order in which they are tried.
const SOURCES: &[&str] = &[
    "pat",
    "basic",
    "oauth-m2m",
    "env-oidc",
    "file-oidc",
    "github-oidc",
    "azure-client-secret",
    "azure-cli",
    "databricks-cli",
];

/// The unified authentication of Databricks.
pub(super) struct Databricks {
    asker: Asker,
    machine: Machine,
    attributes: Attributes,
    trail: Trail,
    identity: u64,
}

/// The host that a token is for.
struct Host {
    /// Scheme and authority.
    origin: String,
    name: String,
}

impl Host {
    fn new(origin: &str) -> Option<Self> {
        let url = Url::parse(origin).ok()?;
        Some(Self { name: url.host_str()?.to_ascii_lowercase(), origin: origin.to_owned() })
    }

    fn is_account(&self) -> bool {
        self.name.starts_with("accounts.") || self.name.starts_with("accounts-dod.")
    }

    fn is_of(&self, ends: &[&str]) -> bool {
        ends.iter().any(|end| self.name.ends_with(end))
    }
}

impl Databricks {
    /// The authentication of a configuration, whose keys come before environment and profile.
    pub(super) fn build(config: &AuthConfig, lookup: &Lookup<'_>) -> Built<Self> {
        let machine = lookup.machine();
        let attributes = Attributes::of(config, lookup, &machine)?;
        let refuse = |what: String, help: &str| lookup.report(&what).with_help(help);
        if let Some(forced) = attributes.get("auth_type") {
            if !SOURCES.contains(&forced) {
                let known = SOURCES.join("`, `");
                let what = format!("has the unknown `auth_type` `{}`", forced.escape_debug());
                return Err(refuse(what, &format!("use one of `{known}`")).into());
            }
        } else {
            let kinds: Vec<_> = attributes.kinds().collect();
            if let [(_, first), (_, second), ..] = kinds.as_slice() {
                let what = format!(
                    "has more than one credential: `{first}` from {}, and `{second}` from {}",
                    attributes.source(first),
                    attributes.source(second)
                );
                let help = "leave one of them out, or choose with `DATABRICKS_AUTH_TYPE`";
                return Err(refuse(what, help).into());
            }
        }
        let mut hasher = DefaultHasher::new();
        for name in ["host", "client_id", "username", "azure_client_id", "auth_type", "account_id"]
        {
            attributes.get(name).hash(&mut hasher);
        }
        for name in ["token", "password", "client_secret", "azure_client_secret"] {
            attributes
                .secret(name)
                .map(|secret| secret.expose_secret().to_owned())
                .hash(&mut hasher);
        }
        (&attributes.profile, "databricks").hash(&mut hasher);
        Ok(Self {
            asker: lookup.asker(),
            machine,
            attributes,
            trail: Trail::default(),
            identity: hasher.finish(),
        })
    }

    async fn token(&self, core: &Arc<dyn Sender>, origin: &str) -> Result<Token, Failure> {
        self.trail.clear();
        let host = Host::new(origin).ok_or_else(|| self.failed("its host is no address"))?;
        let configured = self.attributes.host();
        let is_configured = configured.as_deref().is_none_or(|own| own == host.origin);
        let forced = self.attributes.get("auth_type");
        for source in SOURCES {
            let step = match forced {
                Some(forced) if forced != *source => {
                    let from = self.attributes.source("auth_type");
                    Ok(Step::Absent(format!("`auth_type` from {from} is `{forced}`")))
                }
                _ => match *source {
                    "pat" => self.of_pat(core, &host, is_configured),
                    "basic" => self.of_basic(core, &host, is_configured),
                    "oauth-m2m" => self.of_client(core, &host).await,
                    "env-oidc" => self.of_variable(core, &host).await,
                    "file-oidc" => self.of_file(core, &host).await,
                    "github-oidc" => self.of_github(core, &host).await,
                    "azure-client-secret" => self.of_azure(core, &host).await,
                    "azure-cli" => self.of_az(core, &host).await,
                    _ => self.of_cli(core, &host).await,
                },
            };
            if let Some(token) = self.trail.note(source, step)? {
                return Ok(self.for_workspace(token, &host));
            }
        }
        let mut report = self.trail.exhausted(&self.asker.provider, HELP);
        if let Some(why) = &self.attributes.no_profile {
            report = report.with_note(format!("profile: {why}"));
        }
        Err(self.asker.failure(report, None))
    }

    /// A host that serves several workspaces needs to know which one is meant.
    fn for_workspace(&self, token: Token, host: &Host) -> Token {
        let id = self.attributes.get("workspace_id").filter(|_| !host.is_account());
        match id.and_then(|id| http::HeaderValue::from_str(id).ok()) {
            Some(id) => token.with(http::HeaderName::from_static("x-databricks-org-id"), id),
            None => token,
        }
    }

    fn failed(&self, why: &str) -> Failure {
        let message = format!("provider `{}` has no credential: {why}", self.asker.provider);
        self.asker.failure(Report::new(Code::NoCredential, message).with_help(HELP), None)
    }
}

impl Grant for Databricks {
    fn identity(&self) -> u64 {
        self.identity
    }

    fn principal(&self) -> String {
        let named = ["client_id", "username", "azure_client_id"];
        let named = named.iter().find_map(|name| self.attributes.get(name)).map(str::to_owned);
        named.unwrap_or_else(|| match &self.attributes.profile {
            Some(profile) => format!("profile {profile}"),
            None => "Databricks".to_owned(),
        })
    }

    /// The host, since tokens are valid for one.
    fn audience(&self, url: Option<&Url>) -> String {
        match url {
            Some(url) => url.origin().ascii_serialization(),
            None => self.attributes.host().unwrap_or_else(|| CONSOLE.to_owned()),
        }
    }

    fn tried(&self) -> Vec<Tried> {
        self.trail.tried()
    }

    fn fetch<'a>(
        &'a self,
        core: &'a Arc<dyn Sender>,
        audience: &'a str,
    ) -> BoxFuture<'a, Result<Token, Failure>> {
        self.token(core, audience).boxed()
    }
}
