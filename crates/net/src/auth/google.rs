//! Google: service accounts and application default credentials.
//!
//! Owns: [`Google`], which finds a credential (key of the configuration, key file, the file that
//! `gcloud` writes, metadata server) and exchanges it for access tokens.
//! Surprise: a key that the user's own entry names must be there. What a document names may be
//! missing; then the usual places are searched, as Google's own tools do.

mod account;
mod federation;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use http::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;
use strataql_diag::{Code, Report};
use strataql_spec::{AuthConfig, AuthKind};
use url::Url;

use super::ask::{Ask, Asker};
use super::grant::Grant;
use super::lookup::{Built, Lookup};
use super::machine::{Machine, ProgramFailure};
use super::token::Token;
use super::trail::{Step, Trail, Tried};
use crate::failure::{Cause, Failure};
use crate::sender::Sender;
use crate::settings::Program;

/// What requests may do if the configuration does not say.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

const HELP: &str = "name a key file in `GOOGLE_APPLICATION_CREDENTIALS`, put the key into \
                    `GOOGLE_CREDENTIALS`, or run `gcloud auth application-default login`";

/// The credentials of Google.
pub(super) struct Google {
    asker: Asker,
    machine: Machine,
    kind: AuthKind,
    /// The key that the configuration names, if it is there.
    key: Option<Key>,
    /// Why there is no such key.
    no_key: String,
    scopes: Vec<String>,
    subject: Option<String>,
    trail: Trail,
    identity: u64,
}

/// A credential as JSON, and where it was found.
#[derive(Clone)]
struct Key {
    json: SecretString,
    source: String,
}

impl Google {
    /// The credentials of a configuration.
    pub(super) fn build(config: &AuthConfig, lookup: &Lookup<'_>) -> Built<Self> {
        let machine = lookup.machine();
        let (key, no_key) = match &config.kind {
            AuthKind::Interactive => (None, String::new()),
            _ => configured(config, lookup, &machine)?,
        };
        let scopes = match config.scopes.as_slice() {
            [] => vec![SCOPE.to_owned()],
            scopes => scopes.to_vec(),
        };
        let mut hasher = DefaultHasher::new();
        key.as_ref().map(|key| key.json.expose_secret()).hash(&mut hasher);
        (config.kind.as_str(), &scopes, &config.sub, "google").hash(&mut hasher);
        Ok(Self {
            asker: lookup.asker(),
            machine,
            kind: config.kind.clone(),
            key,
            no_key,
            scopes,
            subject: config.sub.clone(),
            trail: Trail::default(),
            identity: hasher.finish(),
        })
    }

    async fn token(&self, core: &Arc<dyn Sender>) -> Result<Token, Failure> {
        self.trail.clear();
        if self.kind == AuthKind::Interactive {
            let step = self.of_gcloud(core).await;
            return self.trail.note("gcloud", step)?.ok_or_else(|| self.exhausted());
        }
        let step = match &self.key {
            Some(key) => self.of_key(core, key).await.map(Step::Found),
            None => Ok(Step::Absent(self.no_key.clone())),
        };
        if let Some(token) = self.trail.note("configuration", step)? {
            return Ok(token);
        }
        let step = self.of_file(core, "GOOGLE_APPLICATION_CREDENTIALS").await;
        if let Some(token) = self.trail.note("key file", step)? {
            return Ok(token);
        }
        let step = self.of_well_known(core).await;
        if let Some(token) = self.trail.note("gcloud application default", step)? {
            return Ok(token);
        }
        let step = self.of_metadata(core).await;
        self.trail.note("metadata server", step)?.ok_or_else(|| self.exhausted())
    }

    async fn of_key(&self, core: &Arc<dyn Sender>, key: &Key) -> Result<Token, Failure> {
        let json: Json = serde_json::from_str(key.json.expose_secret())
            .map_err(|_| self.broken(&key.source, "is no JSON"))?;
        let token = match json.get("type").and_then(Json::as_str) {
            Some("service_account") => self.of_service_account(core, &json, &key.source).await?,
            None if json.get("private_key").is_some() => {
                self.of_service_account(core, &json, &key.source).await?
            }
            Some("authorized_user") => self.of_user(core, &json, &key.source).await?,
            Some("external_account") => self.of_external(core, &json, &key.source).await?,
            Some("impersonated_service_account") => {
                self.of_impersonated(core, &json, &key.source).await?
            }
            Some(other) => {
                let what = format!("has the type `{}`, which is not known", other.escape_debug());
                return Err(self.broken(&key.source, &what));
            }
            None => return Err(self.broken(&key.source, "has no `type`")),
        };
        let token = token.from(key.source.as_str());
        // calls on behalf of a person are charged to a project
        let project = json.get("quota_project_id").and_then(Json::as_str);
        Ok(match project.and_then(|project| HeaderValue::from_str(project).ok()) {
            Some(value) => token.with(HeaderName::from_static("x-goog-user-project"), value),
            None => token,
        })
    }

    async fn of_file(
        &self,
        core: &Arc<dyn Sender>,
        variable: &str,
    ) -> Result<Step<Token>, Failure> {
        let Some(path) = self.machine.variable(variable) else {
            return Ok(Step::Absent(format!("`{variable}` is not set")));
        };
        let path = self.machine.path(&path);
        let source = format!("key file `{}`", path.display());
        let text = self.machine.read(&path).map_err(|why| self.failed(&why))?;
        let text = text.ok_or_else(|| self.broken(&source, "does not exist"))?;
        self.of_key(core, &Key { json: text.into(), source }).await.map(Step::Found)
    }

    async fn of_well_known(&self, core: &Arc<dyn Sender>) -> Result<Step<Token>, Failure> {
        let name = "application_default_credentials.json";
        let folder = self.machine.variable("CLOUDSDK_CONFIG").map(PathBuf::from);
        let windows = || Some(PathBuf::from(self.machine.variable("APPDATA")?).join("gcloud"));
        let folder = folder.or_else(windows).or_else(|| self.machine.home(".config/gcloud"));
        let Some(path) = folder.map(|folder| folder.join(name)) else {
            return Ok(Step::Absent("the user has no folder".to_owned()));
        };
        match self.machine.read(&path).map_err(|why| self.failed(&why))? {
            Some(text) => {
                let source = format!("file `{}`", path.display());
                self.of_key(core, &Key { json: text.into(), source }).await.map(Step::Found)
            }
            None => Ok(Step::Absent(format!("there is no file `{}`", path.display()))),
        }
    }

    async fn of_metadata(&self, core: &Arc<dyn Sender>) -> Result<Step<Token>, Failure> {
        if self.machine.is_on("NO_GCE_CHECK") {
            return Ok(Step::Absent("`NO_GCE_CHECK` is set".to_owned()));
        }
        let host = self.machine.variable("GCE_METADATA_HOST");
        let host = host.as_deref().unwrap_or("metadata.google.internal");
        let account = "computeMetadata/v1/instance/service-accounts/default";
        let mut url = Url::parse(&format!("http://{host}/{account}/token"))
            .map_err(|_| self.failed("`GCE_METADATA_HOST` is no host"))?;
        url.query_pairs_mut().append_pair("scopes", &self.scopes.join(","));
        let asked = core.clock().now();
        let ask = Ask::get(url).header("metadata-flavor", "Google").nearby();
        match self.asker.send(core, ask).await {
            Ok(response) if response.status == 404 => {
                Ok(Step::Absent("the machine has no service account".to_owned()))
            }
            Ok(response) => {
                let token = self.asker.token(&response, asked)?;
                Ok(Step::Found(token.from("metadata server")))
            }
            Err(failure) => match &failure.cause {
                Cause::Credential(_) | Cause::Unsendable(_) => Err(failure),
                cause => Ok(Step::Absent(format!("the metadata server is not there: {cause}"))),
            },
        }
    }

    async fn of_gcloud(&self, core: &Arc<dyn Sender>) -> Result<Step<Token>, Failure> {
        let program = Program {
            name: "gcloud".to_owned(),
            arguments: vec!["auth".to_owned(), "print-access-token".to_owned()],
            variables: Vec::new(),
        };
        let asked = core.clock().now();
        let text = match self.machine.run(program).await {
            Ok(text) => text,
            Err(ProgramFailure::NotFound(why)) => return Ok(Step::Absent(why)),
            Err(ProgramFailure::Failed(why)) => {
                return Err(self.failed(&format!("{why}; sign in with `gcloud auth login`")));
            }
        };
        let secret = self.asker.registered(text.trim());
        let token = Token::new("Bearer", &secret, asked, None)
            .ok_or_else(|| self.failed("`gcloud` printed no token"))?;
        Ok(Step::Found(token.from("gcloud")))
    }

    /// The report of a credential that is there and cannot be used.
    fn broken(&self, source: &str, what: &str) -> Failure {
        self.failed(&format!("the {source} {what}"))
    }

    fn failed(&self, why: &str) -> Failure {
        let message = format!("provider `{}` has no credential: {why}", self.asker.provider);
        self.asker.failure(Report::new(Code::NoCredential, message).with_help(HELP), None)
    }

    fn exhausted(&self) -> Failure {
        self.asker.failure(self.trail.exhausted(&self.asker.provider, HELP), None)
    }
}

impl Grant for Google {
    fn identity(&self) -> u64 {
        self.identity
    }

    fn principal(&self) -> String {
        let of_key = || {
            let json: Json = serde_json::from_str(self.key.as_ref()?.json.expose_secret()).ok()?;
            let name =
                ["client_email", "client_id", "audience"].iter().find_map(|name| json.get(name));
            Some(name?.as_str()?.to_owned())
        };
        of_key().unwrap_or_else(|| match self.kind {
            AuthKind::Interactive => "gcloud".to_owned(),
            _ => "application default credentials".to_owned(),
        })
    }

    fn tried(&self) -> Vec<Tried> {
        self.trail.tried()
    }

    fn fetch<'a>(
        &'a self,
        core: &'a Arc<dyn Sender>,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Token, Failure>> {
        self.token(core).boxed()
    }
}

/// The key that a configuration names, or why it is not there.
fn configured(
    config: &AuthConfig,
    lookup: &Lookup<'_>,
    machine: &Machine,
) -> Built<(Option<Key>, String)> {
    let variable = config.credentials_env_var.as_deref();
    let file = config.credentials_file.as_deref();
    let file_variable = config.credentials_file_env_var.as_deref();
    if !lookup.is_users {
        // what the document names may be missing, and the usual places count
        let set = |name: &str| machine.variable(name).is_some();
        let unset = match (variable, file_variable) {
            (Some(name), _) | (None, Some(name)) => Some(name).filter(|name| !set(name)),
            (None, None) => None,
        };
        if let Some(name) = unset {
            return Ok((None, format!("`{name}` is not set")));
        }
    }
    if variable.is_none() && file.is_none() && file_variable.is_none() {
        return Ok((None, "it names no key".to_owned()));
    }
    let source = match (variable, file_variable, file) {
        (Some(name), ..) | (None, Some(name), _) => format!("key in `{name}`"),
        (None, None, Some(path)) => format!("key file `{path}`"),
        (None, None, None) => "key".to_owned(),
    };
    let text = lookup.secret(config)?;
    // some people put the path of the key file into the variable of the key
    let is_path = variable.is_some() && !text.expose_secret().trim_start().starts_with('{');
    if !is_path {
        return Ok((Some(Key { json: text, source }), String::new()));
    }
    let path = machine.path(text.expose_secret());
    match machine.read(&path) {
        Ok(Some(json)) => Ok((Some(Key { json: json.into(), source }), String::new())),
        Ok(None) | Err(_) => Err(lookup
            .report(&format!("has a {source} that is neither JSON nor the path of a file"))
            .with_help("put the content of the key file into the variable")
            .into()),
    }
}
