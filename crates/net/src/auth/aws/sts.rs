//! Roles: temporary keys of the security token service.
//!
//! Owns: `AssumeRole` with keys and `AssumeRoleWithWebIdentity` with a token.

use std::sync::Arc;

use strataql_spec::AuthConfig;
use url::Url;

use super::profile::{Profile, setting};
use super::{AwsChain, Found};
use crate::auth::ask::Ask;
use crate::auth::lookup::{Built, Lookup};
use crate::auth::sign::SigV4;
use crate::auth::time::instant;
use crate::failure::Failure;
use crate::request::SigningScope;
use crate::sender::Sender;

/// Name of sessions that the configuration does not name.
const SESSION: &str = "strataql-session";

/// A role to assume.
pub(super) struct Role {
    pub(super) arn: String,
    session: Option<String>,
    external_id: Option<String>,
    seconds: Option<String>,
    region: Option<String>,
    endpoint: Option<Url>,
}

impl Role {
    pub(super) fn new(arn: String) -> Self {
        Self { arn, session: None, external_id: None, seconds: None, region: None, endpoint: None }
    }

    /// With a name for its sessions.
    pub(super) fn named(self, session: Option<String>) -> Self {
        Self { session, ..self }
    }

    /// The role of an `aws_assume_role` configuration.
    pub(super) fn of_config(config: &AuthConfig, lookup: &Lookup<'_>) -> Built<Self> {
        let literal = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let variable = config.aws_role_arn_env_var.as_deref();
        let arn = lookup.variable_or(variable, config.aws_role_arn.as_deref())?;
        let arn = arn.ok_or_else(|| {
            lookup
                .report("is to assume a role that is not named")
                .with_help("add `aws_role_arn` to the provider's entry in `--auth`")
        })?;
        let external_id = lookup.variable_or(
            config.aws_role_external_id_env_var.as_deref(),
            config.aws_role_external_id.as_deref(),
        )?;
        let endpoint = match literal(&config.aws_sts_endpoint) {
            Some(text) => Some(Url::parse(&text).ok().filter(Url::has_host).ok_or_else(|| {
                lookup
                    .report("has an `aws_sts_endpoint` that is no address")
                    .with_help("give it as `https://host`")
            })?),
            None => None,
        };
        Ok(Self {
            arn,
            session: literal(&config.aws_role_session_name),
            external_id,
            seconds: config.aws_role_duration_seconds.map(|seconds| seconds.to_string()),
            region: literal(&config.aws_sts_region),
            endpoint,
        })
    }

    /// The role of a profile.
    pub(super) fn of_profile(profile: &Profile) -> Option<Self> {
        let text = |name| setting(profile, name).map(str::to_owned);
        Some(Self {
            session: text("role_session_name"),
            external_id: text("external_id"),
            seconds: text("duration_seconds"),
            ..Self::new(text("role_arn")?)
        })
    }

    fn session(&self) -> &str {
        self.session.as_deref().unwrap_or(SESSION)
    }
}

impl AwsChain {
    /// The region of the token service: that of the profile, else of the environment.
    pub(super) fn sts_region(&self, region: Option<&str>) -> String {
        let variable = |name| self.machine.variable(name);
        region
            .map(str::to_owned)
            .or_else(|| variable("AWS_REGION"))
            .or_else(|| variable("AWS_DEFAULT_REGION"))
            .unwrap_or_else(|| "us-east-1".to_owned())
    }

    /// The keys of a role that other keys may assume.
    pub(super) async fn assume(
        &self,
        core: &Arc<dyn Sender>,
        role: &Role,
        base: &Found,
        region: Option<&str>,
    ) -> Result<Found, Failure> {
        let region = self.sts_region(role.region.as_deref().or(region));
        let mut fields = vec![
            ("Action", "AssumeRole"),
            ("Version", "2011-06-15"),
            ("RoleArn", &role.arn),
            ("RoleSessionName", role.session()),
        ];
        if let Some(id) = &role.external_id {
            fields.push(("ExternalId", id));
        }
        if let Some(seconds) = &role.seconds {
            fields.push(("DurationSeconds", seconds));
        }
        let signer = Arc::new(SigV4::new(base.keys.clone(), None));
        let scope = SigningScope { service: "sts".to_owned(), region: Some(region.clone()) };
        let ask = Ask::form(self.sts(role, &region)?, fields).signed(signer, scope);
        let source = format!("role {} with the keys of {}", role.arn, base.source);
        self.role_keys(core, ask, source).await
    }

    /// The keys of a role that a token in a file may assume. The request is not signed.
    pub(super) async fn assume_with_token(
        &self,
        core: &Arc<dyn Sender>,
        role: &Role,
        file: &str,
        region: &str,
    ) -> Result<Found, Failure> {
        let path = self.machine.path(file);
        let token = self.machine.secret_file(&path).map_err(|why| self.broken(&why))?;
        let fields = [
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", &*role.arn),
            ("RoleSessionName", role.session()),
            ("WebIdentityToken", &token),
        ];
        let ask = Ask::form(self.sts(role, region)?, fields);
        let source = format!("role {} with the token in {}", role.arn, path.display());
        self.role_keys(core, ask, source).await
    }

    async fn role_keys(
        &self,
        core: &Arc<dyn Sender>,
        ask: Ask,
        source: String,
    ) -> Result<Found, Failure> {
        let response = self.asker.send(core, ask).await?;
        if !response.is_success() {
            return Err(self.asker.refused(&response));
        }
        let text = String::from_utf8_lossy(&response.body);
        let parts = (
            element(&text, "AccessKeyId"),
            element(&text, "SecretAccessKey"),
            element(&text, "SessionToken"),
        );
        let (Some(id), Some(secret), Some(session)) = parts else {
            return Err(self.asker.unreadable(&response));
        };
        let ends = element(&text, "Expiration").and_then(|text| instant(&text));
        Ok(Found { keys: self.keys(id, &secret, Some(&session)), ends, source })
    }

    fn sts(&self, role: &Role, region: &str) -> Result<Url, Failure> {
        match &role.endpoint {
            Some(url) => Ok(url.clone()),
            None => self.regional("sts", region, "/"),
        }
    }

    /// The address of a service in a region.
    pub(super) fn regional(&self, name: &str, region: &str, path: &str) -> Result<Url, Failure> {
        let is_plain = region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        Url::parse(&format!("https://{name}.{region}.{suffix}{path}"))
            .ok()
            .filter(|_| is_plain && !region.is_empty())
            .ok_or_else(|| self.broken(&format!("`{region}` is no region")))
    }
}

/// The text of the first element with a name. The elements of these answers hold text only.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let plain = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]
        .iter()
        .fold(text.trim().to_owned(), |text, (escaped, plain)| text.replace(escaped, plain));
    (!plain.is_empty()).then_some(plain)
}
