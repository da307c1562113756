//! Command-line programs that are signed in already.
//!
//! Owns: `az` and `azd`, and reading what they print.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value as Json;

use super::{Azure, resource, scope};
use crate::auth::ask::Asker;
use crate::auth::machine::{Machine, ProgramFailure};
use crate::auth::time::{instant, life};
use crate::auth::token::Token;
use crate::auth::trail::Step;
use crate::failure::Failure;
use crate::sender::Sender;
use crate::settings::Program;

impl Azure {
    pub(super) async fn of_az(
        &self,
        core: &Arc<dyn Sender>,
        audience: &str,
    ) -> Result<Step<Token>, Failure> {
        let tenant = self.tenant.as_deref();
        let step = az_token(core, &self.asker, &self.machine, resource(audience), tenant).await;
        step.map_err(|why| self.failed(&why))
    }

    pub(super) async fn of_azd(
        &self,
        core: &Arc<dyn Sender>,
        audience: &str,
    ) -> Result<Step<Token>, Failure> {
        let scope = scope(audience);
        let mut arguments = vec!["auth", "token", "--output", "json", "--scope", &scope];
        if let Some(tenant) = &self.tenant {
            arguments.extend(["--tenant-id", tenant]);
        }
        let names = ["token", "expiresOn"];
        let step = printed(core, &self.asker, &self.machine, "azd", &arguments, names).await;
        step.map_err(|why| self.failed(&why))
    }
}

/// The token that `az` prints for a resource.
///
/// # Errors
/// Why it prints none, although it is installed.
pub(in crate::auth) async fn az_token(
    core: &Arc<dyn Sender>,
    asker: &Asker,
    machine: &Machine,
    resource: &str,
    tenant: Option<&str>,
) -> Result<Step<Token>, String> {
    let mut arguments =
        vec!["account", "get-access-token", "--output", "json", "--resource", resource];
    if let Some(tenant) = tenant {
        arguments.extend(["--tenant", tenant]);
    }
    printed(core, asker, machine, "az", &arguments, ["accessToken", "expires_on"]).await
}

async fn printed(
    core: &Arc<dyn Sender>,
    asker: &Asker,
    machine: &Machine,
    name: &str,
    arguments: &[&str],
    [token, expiry]: [&str; 2],
) -> Result<Step<Token>, String> {
    let program = Program {
        name: name.to_owned(),
        arguments: arguments.iter().map(|text| (*text).to_owned()).collect(),
        variables: Vec::new(),
    };
    let asked = core.clock().now();
    let text = match machine.run(program).await {
        Ok(text) => text,
        Err(ProgramFailure::NotFound(why)) => return Ok(Step::Absent(why)),
        // nobody has to be signed in with a program that is installed
        Err(ProgramFailure::Failed(why)) => return Ok(Step::Absent(why)),
    };
    let json: Json =
        serde_json::from_str(&text).map_err(|_| format!("`{name}` printed no JSON"))?;
    let secret = json.get(token).and_then(Json::as_str).filter(|text| !text.is_empty());
    let secret = asker.registered(secret.ok_or_else(|| format!("`{name}` printed no token"))?);
    let ends: Option<SystemTime> = match json.get(expiry) {
        Some(Json::String(text)) => instant(text),
        Some(other) => other.as_u64().map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds)),
        None => None,
    };
    Token::new("Bearer", &secret, asked, life(ends, core.clock().wall()))
        .map(|token| Step::Found(token.from(format!("`{name}`"))))
        .ok_or_else(|| format!("`{name}` printed a token that no header can carry"))
}
