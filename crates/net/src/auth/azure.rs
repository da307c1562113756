//! Azure: the default chain, for whatever service a request goes to.
//!
//! Owns: [`Azure`], the order of sources (client secret, certificate, workload identity, managed
//! identity, command-line programs), and the audience of each host.
//! Surprise: a token is valid for one audience, so there is one for each kind of host.

mod audience;
mod entra;
mod managed;
mod programs;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use strataql_diag::{Code, Report};
use strataql_spec::AuthConfig;
use url::Url;

pub(super) use self::audience::DATABRICKS;
use self::audience::audience;
pub(super) use self::entra::{Client, Entra, Proof};
pub(super) use self::programs::az_token;
use super::ask::Asker;
use super::grant::Grant;
use super::lookup::{Built, Lookup};
use super::machine::Machine;
use super::token::Token;
use super::trail::{Step, Trail, Tried};
use crate::failure::Failure;
use crate::sender::Sender;

const HELP: &str = "set `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and `AZURE_CLIENT_SECRET`, or sign in with \
                    `az login`";

/// The default credential chain of Azure.
pub(super) struct Azure {
    asker: Asker,
    machine: Machine,
    tenant: Option<String>,
    id: Option<String>,
    secret: Option<SecretString>,
    /// Scopes of the configuration, instead of that of the host.
    scopes: Vec<String>,
    trail: Trail,
    identity: u64,
}

impl Azure {
    /// The chain of a configuration, whose keys come before the usual variables.
    pub(super) fn build(config: &AuthConfig, lookup: &Lookup<'_>) -> Built<Self> {
        let machine = lookup.machine();
        let given = |variable: &Option<String>,
                     literal: Option<&str>,
                     usual: &str|
         -> Built<Option<String>> {
            let value = lookup.variable_or(variable.as_deref(), literal)?;
            Ok(value.or_else(|| machine.variable(usual)))
        };
        let id = given(&config.client_id_env_var, config.client_id.as_deref(), "AZURE_CLIENT_ID")?;
        let literal = config.literal.get("client_secret").map(String::as_str);
        let secret = given(&config.client_secret_env_var, literal, "AZURE_CLIENT_SECRET")?;
        let secret = secret.map(|secret| lookup.registered(&secret));
        let tenant = given(&None, config.tenant_id.as_deref(), "AZURE_TENANT_ID")?;
        let mut hasher = DefaultHasher::new();
        (&id, &tenant, &config.scopes, "azure").hash(&mut hasher);
        secret.as_ref().map(|secret| secret.expose_secret()).hash(&mut hasher);
        Ok(Self {
            asker: lookup.asker(),
            machine,
            tenant,
            id,
            secret,
            scopes: config.scopes.clone(),
            trail: Trail::default(),
            identity: hasher.finish(),
        })
    }

    async fn token(&self, core: &Arc<dyn Sender>, audience: &str) -> Result<Token, Failure> {
        self.trail.clear();
        let step = self.of_secret(core, audience).await;
        if let Some(token) = self.trail.note("client secret", step)? {
            return Ok(token);
        }
        let step = self.of_certificate(core, audience).await;
        if let Some(token) = self.trail.note("client certificate", step)? {
            return Ok(token);
        }
        let step = self.of_workload(core, audience).await;
        if let Some(token) = self.trail.note("workload identity", step)? {
            return Ok(token);
        }
        let step = self.of_managed_identity(core, audience).await;
        if let Some(token) = self.trail.note("managed identity", step)? {
            return Ok(token);
        }
        let step = self.of_az(core, audience).await;
        if let Some(token) = self.trail.note("Azure CLI", step)? {
            return Ok(token);
        }
        let step = self.of_azd(core, audience).await;
        self.trail.note("Azure Developer CLI", step)?.ok_or_else(|| self.exhausted())
    }

    /// The client of the variables, as far as it is complete.
    fn client(&self) -> Result<(Entra, String), String> {
        let tenant = self.tenant.clone().ok_or("`AZURE_TENANT_ID` is not set")?;
        let id = self.id.clone().ok_or("`AZURE_CLIENT_ID` is not set")?;
        Ok((Entra::new(self.asker.clone(), &self.machine, tenant), id))
    }

    async fn of_secret(
        &self,
        core: &Arc<dyn Sender>,
        audience: &str,
    ) -> Result<Step<Token>, Failure> {
        let Some(secret) = &self.secret else {
            return Ok(Step::Absent("`AZURE_CLIENT_SECRET` is not set".to_owned()));
        };
        let (entra, id) = self.client().map_err(|why| self.failed(&why))?;
        let client = Client { id, proof: Proof::Secret(secret.clone()) };
        entra.token(core, &client, audience).await.map(Step::Found)
    }

    async fn of_certificate(
        &self,
        core: &Arc<dyn Sender>,
        audience: &str,
    ) -> Result<Step<Token>, Failure> {
        let variable = "AZURE_CLIENT_CERTIFICATE_PATH";
        let Some(path) = self.machine.variable(variable) else {
            return Ok(Step::Absent(format!("`{variable}` is not set")));
        };
        let (entra, id) = self.client().map_err(|why| self.failed(&why))?;
        let path = self.machine.path(&path);
        let pem = self.machine.read(&path).map_err(|why| self.failed(&why))?.ok_or_else(|| {
            self.failed(&format!("the certificate `{}` does not exist", path.display()))
        })?;
        let client = Client { id, proof: Proof::Certificate(pem.into()) };
        entra.token(core, &client, audience).await.map(Step::Found)
    }

    async fn of_workload(
        &self,
        core: &Arc<dyn Sender>,
        audience: &str,
    ) -> Result<Step<Token>, Failure> {
        let variable = "AZURE_FEDERATED_TOKEN_FILE";
        let Some(path) = self.machine.variable(variable) else {
            return Ok(Step::Absent(format!("`{variable}` is not set")));
        };
        let (entra, id) = self.client().map_err(|why| self.failed(&why))?;
        let path = self.machine.path(&path);
        let assertion = self.machine.secret_file(&path).map_err(|why| self.failed(&why))?;
        let client = Client { id, proof: Proof::Assertion(assertion.into()) };
        entra.token(core, &client, audience).await.map(Step::Found)
    }

    fn failed(&self, why: &str) -> Failure {
        let message = format!("provider `{}` has no credential: {why}", self.asker.provider);
        self.asker.failure(Report::new(Code::NoCredential, message).with_help(HELP), None)
    }

    fn exhausted(&self) -> Failure {
        self.asker.failure(self.trail.exhausted(&self.asker.provider, HELP), None)
    }
}

impl Grant for Azure {
    fn identity(&self) -> u64 {
        self.identity
    }

    fn principal(&self) -> String {
        self.id.clone().unwrap_or_else(|| "Azure default credential".to_owned())
    }

    fn audience(&self, url: Option<&Url>) -> String {
        match self.scopes.as_slice() {
            [] => audience(url.and_then(Url::host_str).unwrap_or_default()),
            scopes => scopes.join(" "),
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

/// The scope that asks for everything an audience allows.
fn scope(audience: &str) -> String {
    // a configuration may give scopes, or the name of an application
    if audience.ends_with("/.default") || audience.contains(' ') {
        return audience.to_owned();
    }
    format!("{audience}/.default")
}

/// The resource of a scope, for services that know no scopes.
fn resource(audience: &str) -> &str {
    audience.strip_suffix("/.default").unwrap_or(audience)
}
