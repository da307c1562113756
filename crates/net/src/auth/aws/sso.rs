//! Single sign-on: keys of a role for the token that `aws sso login` has stored.
//!
//! Owns: finding the token in the cache of the AWS tools, and asking for keys with it.
//! Refuses: signing in and renewing the token, which belongs to these tools.

use std::sync::Arc;

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde_json::Value as Json;

use super::profile::{Profile, Profiles, setting};
use super::{AwsChain, Found};
use crate::auth::ask::Ask;
use crate::auth::time::instant;
use crate::failure::Failure;
use crate::key::hex;
use crate::sender::Sender;

impl AwsChain {
    pub(super) async fn of_sso(
        &self,
        core: &Arc<dyn Sender>,
        profiles: &Profiles,
        name: &str,
        profile: &Profile,
    ) -> Result<Found, Failure> {
        let broken =
            |why: &str| self.broken(&format!("the single sign-on of profile `{name}` {why}"));
        let session = setting(profile, "sso_session");
        let settings = match session {
            Some(session) => {
                let found = profiles.session(session);
                found.ok_or_else(|| {
                    broken(&format!("names the session `{session}`, which is not configured"))
                })?
            }
            None => profile,
        };
        let needed = |settings: &Profile, key: &str| {
            let value = setting(settings, key).map(str::to_owned);
            value.ok_or_else(|| broken(&format!("has no `{key}`")))
        };
        let start = needed(settings, "sso_start_url")?;
        let region = needed(settings, "sso_region")?;
        let account = needed(profile, "sso_account_id")?;
        let role = needed(profile, "sso_role_name")?;
        let key = digest(&SHA1_FOR_LEGACY_USE_ONLY, session.unwrap_or(&start).as_bytes());
        let path = self.machine.home(&format!(".aws/sso/cache/{}.json", hex(key.as_ref())));
        let login = format!("has no valid token; run `aws sso login --profile {name}`");
        let text = match path {
            Some(path) => self.machine.read(&path).map_err(|why| broken(&why))?,
            None => None,
        };
        let json: Option<Json> = text.and_then(|text| serde_json::from_str(&text).ok());
        let field = |name: &str| json.as_ref()?.get(name)?.as_str();
        let token = field("accessToken").filter(|token| !token.is_empty());
        let ends = field("expiresAt").and_then(instant);
        let (Some(token), Some(ends)) = (token, ends) else { return Err(broken(&login)) };
        if ends <= core.clock().wall() {
            return Err(broken(&login));
        }
        let token = self.asker.registered(token);
        let mut url = self.regional("portal.sso", &region, "/federation/credentials")?;
        url.query_pairs_mut().append_pair("role_name", &role).append_pair("account_id", &account);
        let ask = Ask::get(url).secret("x-amz-sso_bearer_token", "", &token);
        let response = self.asker.send(core, ask).await?;
        if response.status == 401 {
            return Err(broken(&login));
        }
        if !response.is_success() {
            return Err(self.asker.refused(&response));
        }
        let json: Option<Json> = serde_json::from_slice(&response.body).ok();
        let keys = json.as_ref().and_then(|json| json.get("roleCredentials"));
        let Some((keys, ends)) = keys.and_then(|json| {
            let milliseconds = json.get("expiration").and_then(Json::as_u64);
            let (keys, _) = self.keys_of_json(json)?;
            let after = milliseconds.map(std::time::Duration::from_millis);
            Some((keys, after.map(|after| std::time::UNIX_EPOCH + after)))
        }) else {
            return Err(self.asker.unreadable(&response));
        };
        let source = format!("single sign-on of profile {name}: {role} in {account}");
        Ok(Found { keys, ends, source })
    }
}
