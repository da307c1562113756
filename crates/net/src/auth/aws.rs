//! Access keys of AWS.
//!
//! Owns: [`AwsChain`], the usual order of places: keys of the configuration, the environment, the
//! shared profile with everything that a profile can refer to, web identity, container, machine.
//! Refuses: signing (see [`super::sign`]).
//! Surprise: a source that is configured and fails ends the chain. Only the sources that nobody
//! configures, container and machine, may be silent.

mod metadata;
mod profile;
mod sso;
mod sts;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::SystemTime;

use futures::FutureExt;
use futures::future::BoxFuture;
use secrecy::ExposeSecret;
use strataql_diag::{Code, Report};
use strataql_spec::{AuthConfig, AuthKind};

use self::profile::Profiles;
use super::ask::Asker;
use super::credential::Credential;
use super::grant::Grant;
use super::lookup::{Built, Lookup};
use super::machine::Machine;
use super::sign::{Keys, SigV4};
use super::time::{instant, life};
use super::token::{Token, TokenSource};
use super::trail::{Step, Trail, Tried};
use crate::attempt::Answer;
use crate::failure::Failure;
use crate::sender::Sender;
use crate::settings::FixedCredential;

/// The variables of the documents, which are also those of all other tools.
const KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
const SESSION: &str = "AWS_SESSION_TOKEN";

/// How the codes of errors about expired keys begin.
const EXPIRED: &[u8] = b"ExpiredToken";

const HELP: &str = "set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or `AWS_PROFILE`, or sign in \
                    with `aws sso login`";

/// Keys that a source has.
struct Found {
    keys: Keys,
    /// When they expire.
    ends: Option<SystemTime>,
    /// Where they came from, in words.
    source: String,
}

impl Found {
    fn lasting(keys: Keys, source: impl Into<String>) -> Self {
        Self { keys, ends: None, source: source.into() }
    }
}

/// The chain of sources of access keys.
pub(super) struct AwsChain {
    asker: Asker,
    machine: Machine,
    /// Keys that the configuration itself gives.
    given: Option<Keys>,
    role: Option<sts::Role>,
    profile: Option<String>,
    trail: Trail,
    identity: u64,
}

/// The credential of a configuration: fixed keys, or the chain.
pub(super) fn credential(config: &AuthConfig, lookup: &Lookup<'_>) -> Built<Credential> {
    if let Some(FixedCredential::Client { id, secret }) = lookup.fixed {
        let secret = lookup.registered(secret.expose_secret());
        let keys = Keys { id: id.clone(), secret, session: None };
        return Ok(Credential::Signer(Arc::new(SigV4::new(keys, Some("us-east-1".to_owned())))));
    }
    let chain = AwsChain::build(config, lookup)?;
    Ok(Credential::Token(TokenSource::new(Box::new(chain))))
}

impl AwsChain {
    fn build(config: &AuthConfig, lookup: &Lookup<'_>) -> Built<Self> {
        let given = given(config, lookup)?;
        let role = match config.kind {
            AuthKind::AwsAssumeRole => Some(sts::Role::of_config(config, lookup)?),
            _ => None,
        };
        let machine = lookup.machine();
        let profile = config.profile.clone();
        let mut hasher = DefaultHasher::new();
        given.as_ref().map(Keys::identity).hash(&mut hasher);
        (&profile, role.as_ref().map(|role| &role.arn)).hash(&mut hasher);
        for name in [KEY_ID, "AWS_PROFILE", "AWS_ROLE_ARN"] {
            machine.variable(name).hash(&mut hasher);
        }
        Ok(Self {
            asker: lookup.asker(),
            machine,
            given,
            role,
            profile,
            trail: Trail::default(),
            identity: hasher.finish(),
        })
    }

    /// The region of requests that name none.
    fn region(&self, profiles: &Profiles) -> Option<String> {
        let variable = |name| self.machine.variable(name);
        let of_profile = || profiles.get(&self.profile_name())?.get("region").cloned();
        variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")).or_else(of_profile)
    }

    fn profile_name(&self) -> String {
        let named = self.profile.clone().or_else(|| self.machine.variable("AWS_PROFILE"));
        named.unwrap_or_else(|| "default".to_owned())
    }

    async fn found(&self, core: &Arc<dyn Sender>) -> Result<(Found, Option<String>), Failure> {
        self.trail.clear();
        let profiles = Profiles::read(&self.machine);
        let region = profiles.as_ref().ok().and_then(|profiles| self.region(profiles));
        let profiles = profiles.map_err(|why| self.broken(&why));
        let found = self.base(core, profiles).await?;
        let Some(role) = &self.role else { return Ok((found, region)) };
        let name = format!("role {}", role.arn);
        let step = self.assume(core, role, &found, region.as_deref()).await.map(Step::Found);
        match self.trail.note(&name, step)? {
            Some(found) => Ok((found, region)),
            None => Err(self.exhausted()),
        }
    }

    /// Keys before a role of the configuration is assumed.
    async fn base(
        &self,
        core: &Arc<dyn Sender>,
        profiles: Result<Profiles, Failure>,
    ) -> Result<Found, Failure> {
        if let Some(keys) = &self.given {
            let found = Step::Found(Found::lasting(keys.clone(), "configuration"));
            if let Some(found) = self.trail.note("configuration", Ok(found))? {
                return Ok(found);
            }
        }
        if self.profile.is_none()
            && let Some(found) = self.trail.note("environment", self.of_environment())?
        {
            return Ok(found);
        }
        let profile = self.profile_name();
        let step = match profiles {
            Ok(profiles) => self.of_profile(core, &profiles, &profile, &mut Vec::new()).await,
            Err(failure) => Err(failure),
        };
        if let Some(found) = self.trail.note(&format!("profile {profile}"), step)? {
            return Ok(found);
        }
        let step = self.of_web_identity(core).await;
        if let Some(found) = self.trail.note("web identity", step)? {
            return Ok(found);
        }
        let step = self.of_container(core).await;
        if let Some(found) = self.trail.note("container", step)? {
            return Ok(found);
        }
        let step = self.of_machine(core).await;
        match self.trail.note("machine (IMDSv2)", step)? {
            Some(found) => Ok(found),
            None => Err(self.exhausted()),
        }
    }

    fn of_environment(&self) -> Result<Step<Found>, Failure> {
        let secret =
            self.machine.variable(SECRET).or_else(|| self.machine.variable("AWS_SECRET_KEY"));
        match (self.machine.variable(KEY_ID), secret) {
            (Some(id), Some(secret)) => {
                let session = self.machine.variable(SESSION);
                let keys = self.keys(id, &secret, session.as_deref());
                Ok(Step::Found(Found::lasting(keys, "environment")))
            }
            (None, None) => Ok(Step::Absent(format!("`{KEY_ID}` is not set"))),
            (Some(_), None) => Err(self.broken(&format!("`{KEY_ID}` is set, `{SECRET}` is not"))),
            (None, Some(_)) => Err(self.broken(&format!("`{SECRET}` is set, `{KEY_ID}` is not"))),
        }
    }

    async fn of_web_identity(&self, core: &Arc<dyn Sender>) -> Result<Step<Found>, Failure> {
        let Some(file) = self.machine.variable("AWS_WEB_IDENTITY_TOKEN_FILE") else {
            let why = "`AWS_WEB_IDENTITY_TOKEN_FILE` is not set";
            return Ok(Step::Absent(why.to_owned()));
        };
        let Some(arn) = self.machine.variable("AWS_ROLE_ARN") else {
            let why = "`AWS_WEB_IDENTITY_TOKEN_FILE` is set, `AWS_ROLE_ARN` is not";
            return Err(self.broken(why));
        };
        let role = sts::Role::new(arn).named(self.machine.variable("AWS_ROLE_SESSION_NAME"));
        let region = self.sts_region(None);
        self.assume_with_token(core, &role, &file, &region).await.map(Step::Found)
    }

    fn keys(&self, id: String, secret: &str, session: Option<&str>) -> Keys {
        Keys {
            id,
            secret: self.asker.registered(secret),
            session: session.map(|session| self.asker.registered(session)),
        }
    }

    /// The keys of a JSON answer whose names are in any case.
    fn keys_of_json(&self, json: &serde_json::Value) -> Option<(Keys, Option<SystemTime>)> {
        let text = |names: &[&str]| {
            let object = json.as_object()?;
            let found = object
                .iter()
                .find(|(key, _)| names.iter().any(|name| key.eq_ignore_ascii_case(name)));
            found.and_then(|(_, value)| value.as_str()).filter(|text| !text.is_empty())
        };
        let session = text(&["SessionToken", "Token"]);
        let keys =
            self.keys(text(&["AccessKeyId"])?.to_owned(), text(&["SecretAccessKey"])?, session);
        Some((keys, text(&["Expiration"]).and_then(instant)))
    }

    fn broken(&self, why: &str) -> Failure {
        let report = Report::new(
            Code::NoCredential,
            format!("provider `{}` has no credential: {why}", self.asker.provider),
        );
        self.asker.failure(report.with_help(HELP), None)
    }

    fn exhausted(&self) -> Failure {
        self.asker.failure(self.trail.exhausted(&self.asker.provider, HELP), None)
    }
}

impl Grant for AwsChain {
    fn identity(&self) -> u64 {
        self.identity
    }

    /// The key id if it is at hand, else what the keys will be asked for.
    fn principal(&self) -> String {
        if let Some(role) = &self.role {
            return role.arn.clone();
        }
        let of_environment = || self.machine.variable(KEY_ID).filter(|_| self.profile.is_none());
        let of_profile = || {
            let profiles = Profiles::read(&self.machine).ok()?;
            let profile = profiles.get(&self.profile_name())?;
            profile.get("role_arn").or_else(|| profile.get("aws_access_key_id")).cloned()
        };
        let given = self.given.as_ref().map(|keys| keys.id.clone());
        given
            .or_else(of_environment)
            .or_else(of_profile)
            .or_else(|| self.machine.variable("AWS_ROLE_ARN"))
            .unwrap_or_else(|| format!("profile {}", self.profile_name()))
    }

    /// Services of AWS say so with 400 or 403.
    fn is_expired(&self, answer: &Answer) -> bool {
        let mut windows = answer.body.windows(EXPIRED.len());
        matches!(answer.status, 400 | 401 | 403) && windows.any(|window| window == EXPIRED)
    }

    fn tried(&self) -> Vec<Tried> {
        self.trail.tried()
    }

    fn fetch<'a>(
        &'a self,
        core: &'a Arc<dyn Sender>,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Token, Failure>> {
        async move {
            let asked = core.clock().now();
            let (found, region) = self.found(core).await?;
            let life = life(found.ends, core.clock().wall());
            let owner = found.keys.id.clone();
            let signer = Arc::new(SigV4::new(found.keys, region));
            Ok(Token::signing(signer, asked, life).from(found.source).of(owner))
        }
        .boxed()
    }
}

/// Keys in the configuration, or in variables of its own.
fn given(config: &AuthConfig, lookup: &Lookup<'_>) -> Built<Option<Keys>> {
    let id_variable = config.key_id_env_var.as_deref();
    let is_usual = id_variable.is_none_or(|name| name == KEY_ID)
        && config.credentials_env_var.as_deref().is_none_or(|name| name == SECRET);
    let has_literal = config.key_id.is_some()
        || config.literal.contains_key("api_secret")
        || config.literal.contains_key("password");
    let has_file = config.credentials_file.is_some() || config.credentials_file_env_var.is_some();
    if is_usual && !has_literal && !has_file {
        // the chain looks into these variables itself, and further
        return Ok(None);
    }
    let id = lookup.variable_or(id_variable, config.key_id.as_deref())?.ok_or_else(|| {
        lookup
            .report("has no access key id")
            .with_help("name its environment variable with `keyIDenvvar` beside the secret's")
    })?;
    let secret = match config.literal.get("api_secret").filter(|text| !text.is_empty()) {
        Some(secret) => lookup.registered(secret),
        None => lookup.secret(config)?,
    };
    // a session belongs to the keys beside it
    let usual_session = (id_variable == Some(KEY_ID)).then(|| lookup.machine().variable(SESSION));
    let session = usual_session.flatten().map(|session| lookup.registered(&session));
    Ok(Some(Keys { id, secret, session }))
}
