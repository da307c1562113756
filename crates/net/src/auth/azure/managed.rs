//! Managed identity: the token service of a virtual machine, an app, or a cluster.
//!
//! Owns: the two protocols that are in use, and which of them counts.
//! Surprise: a metadata service that does not answer within a second is not there.

use std::sync::Arc;

use serde_json::Value as Json;
use url::Url;

use super::{Azure, resource};
use crate::auth::ask::Ask;
use crate::auth::token::Token;
use crate::auth::trail::Step;
use crate::failure::{Cause, Failure};
use crate::request::Response;
use crate::sender::Sender;

const MACHINE: &str = "http://169.254.169.254";

impl Azure {
    pub(super) async fn of_managed_identity(
        &self,
        core: &Arc<dyn Sender>,
        audience: &str,
    ) -> Result<Step<Token>, Failure> {
        match (self.machine.variable("IDENTITY_ENDPOINT"), self.machine.variable("IDENTITY_HEADER"))
        {
            (Some(endpoint), Some(header)) => {
                let header = self.asker.registered(&header);
                let url = self.asking(&endpoint, "2019-08-01", audience)?;
                let ask = Ask::get(url).secret("x-identity-header", "", &header);
                let asked = core.clock().now();
                let response = self.asker.send(core, ask).await?;
                let token = self.asker.token(&with_life(core, response), asked)?;
                Ok(Step::Found(token.from("managed identity of the app")))
            }
            _ => self.of_machine(core, audience).await,
        }
    }

    async fn of_machine(
        &self,
        core: &Arc<dyn Sender>,
        audience: &str,
    ) -> Result<Step<Token>, Failure> {
        let base = self.machine.variable("AZURE_POD_IDENTITY_AUTHORITY_HOST");
        let base = base.as_deref().unwrap_or(MACHINE).trim_end_matches('/');
        let endpoint = format!("{base}/metadata/identity/oauth2/token");
        let url = self.asking(&endpoint, "2018-02-01", audience)?;
        let asked = core.clock().now();
        let ask = Ask::get(url).header("metadata", "true").nearby();
        match self.asker.send(core, ask).await {
            Ok(response) if matches!(response.status, 400 | 404) => {
                Ok(Step::Absent("the machine has no identity".to_owned()))
            }
            Ok(response) => {
                let token = self.asker.token(&response, asked)?;
                Ok(Step::Found(token.from("managed identity of the machine")))
            }
            Err(failure) => match &failure.cause {
                Cause::Credential(_) | Cause::Unsendable(_) => Err(failure),
                cause => Ok(Step::Absent(format!("the metadata service is not there: {cause}"))),
            },
        }
    }

    fn asking(&self, endpoint: &str, version: &str, audience: &str) -> Result<Url, Failure> {
        let mut url = Url::parse(endpoint)
            .map_err(|_| self.failed("the address of the managed identity is no address"))?;
        url.query_pairs_mut()
            .append_pair("api-version", version)
            .append_pair("resource", resource(audience));
        if let Some(id) = &self.id {
            url.query_pairs_mut().append_pair("client_id", id);
        }
        Ok(url)
    }
}

/// Apps say when a token expires, in seconds since 1970, and not for how long it is valid.
fn with_life(core: &Arc<dyn Sender>, response: Response) -> Response {
    let Ok(mut json) = serde_json::from_slice::<Json>(&response.body) else { return response };
    let ends = match json.get("expires_on") {
        Some(Json::String(text)) => text.parse().ok(),
        Some(other) => other.as_u64(),
        None => None,
    };
    let (Some(ends), None) = (ends, json.get("expires_in")) else { return response };
    let now = core.clock().wall().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    json["expires_in"] = ends.saturating_sub(now.as_secs()).into();
    Response { body: json.to_string().into(), ..response }
}
