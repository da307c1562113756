//! Keys that the surroundings of the process offer: its container, or its machine.
//!
//! Owns: the two metadata services, with the second version of the protocol only.
//! Surprise: a metadata service that does not answer within a second is not there, which is no
//! error. Plain HTTP is for this machine and the addresses that AWS reserves.

use std::sync::Arc;

use serde_json::Value as Json;
use url::{Host, Url};

use super::{AwsChain, Found};
use crate::auth::ask::Ask;
use crate::auth::trail::Step;
use crate::failure::{Cause, Failure};
use crate::request::Response;
use crate::sender::Sender;

const CONTAINER: &str = "http://169.254.170.2";
const MACHINE: &str = "http://169.254.169.254";
/// Addresses of container agents besides loopback.
const AGENTS: &[&str] = &["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];

impl AwsChain {
    pub(super) async fn of_container(
        &self,
        core: &Arc<dyn Sender>,
    ) -> Result<Step<Found>, Failure> {
        let relative = self.machine.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        let full = self.machine.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
        let text = match (relative, full) {
            (Some(path), _) => format!("{CONTAINER}{path}"),
            (None, Some(url)) => url,
            (None, None) => {
                let why = "`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` is not set";
                return Ok(Step::Absent(why.to_owned()));
            }
        };
        let url = Url::parse(&text).ok().filter(is_agent).ok_or_else(|| {
            self.broken(
                "the address of the container's keys is neither encrypted nor on this machine",
            )
        })?;
        let mut ask = Ask::get(url).nearby();
        let file = self.machine.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
        let token = match file {
            Some(file) => {
                let path = self.machine.path(&file);
                Some(self.machine.secret_file(&path).map_err(|why| self.broken(&why))?)
            }
            None => self.machine.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        };
        if let Some(token) = token {
            ask = ask.secret("authorization", "", &self.asker.registered(&token));
        }
        let response = self.asker.send(core, ask).await?;
        self.of_json(&response, "container").map(Step::Found)
    }

    pub(super) async fn of_machine(&self, core: &Arc<dyn Sender>) -> Result<Step<Found>, Failure> {
        if self.machine.is_on("AWS_EC2_METADATA_DISABLED") {
            return Ok(Step::Absent("`AWS_EC2_METADATA_DISABLED` is set".to_owned()));
        }
        let endpoint = self.machine.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
        let base = endpoint.as_deref().unwrap_or(MACHINE).trim_end_matches('/');
        let address = |path: &str| {
            Url::parse(&format!("{base}/latest/{path}"))
                .map_err(|_| self.broken("the address of the metadata service is no address"))
        };
        let ask = Ask::put(address("api/token")?)
            .header("x-aws-ec2-metadata-token-ttl-seconds", "21600")
            .nearby();
        let response = match self.asker.send(core, ask).await {
            Ok(response) if response.is_success() => response,
            Ok(response) => {
                let why = format!("the metadata service answered {}", response.status);
                return Ok(Step::Absent(why));
            }
            Err(failure) => return absent(failure),
        };
        let token = self.asker.registered(String::from_utf8_lossy(&response.body).trim());
        let get = |url| Ask::get(url).secret("x-aws-ec2-metadata-token", "", &token).nearby();
        let list = address("meta-data/iam/security-credentials/")?;
        let response = match self.asker.send(core, get(list)).await {
            Ok(response) if response.status == 404 => {
                return Ok(Step::Absent("the machine has no role".to_owned()));
            }
            Ok(response) if response.is_success() => response,
            Ok(response) => return Err(self.asker.refused(&response)),
            Err(failure) => return absent(failure),
        };
        let names = String::from_utf8_lossy(&response.body).into_owned();
        let Some(role) = names.lines().map(str::trim).find(|line| !line.is_empty()) else {
            return Ok(Step::Absent("the machine has no role".to_owned()));
        };
        let url = address(&format!("meta-data/iam/security-credentials/{role}"))?;
        let response = self.asker.send(core, get(url)).await?;
        self.of_json(&response, &format!("machine, role {role}")).map(Step::Found)
    }

    fn of_json(&self, response: &Response, source: &str) -> Result<Found, Failure> {
        if !response.is_success() {
            return Err(self.asker.refused(response));
        }
        let json: Option<Json> = serde_json::from_slice(&response.body).ok();
        let (keys, ends) = json
            .and_then(|json| self.keys_of_json(&json))
            .ok_or_else(|| self.asker.unreadable(response))?;
        Ok(Found { keys, ends, source: source.to_owned() })
    }
}

/// A service that nobody configured and that is not there is no error.
fn absent(failure: Failure) -> Result<Step<Found>, Failure> {
    match &failure.cause {
        Cause::Credential(_) | Cause::Unsendable(_) => Err(failure),
        cause => Ok(Step::Absent(format!("the metadata service is not there: {cause}"))),
    }
}

fn is_agent(url: &Url) -> bool {
    let is_reserved = match url.host() {
        Some(Host::Domain(_)) => false,
        Some(Host::Ipv4(address)) => AGENTS.contains(&address.to_string().as_str()),
        Some(Host::Ipv6(address)) => AGENTS.contains(&address.to_string().as_str()),
        None => return false,
    };
    url.scheme() == "https"
        || url.scheme() == "http" && (is_reserved || crate::origin::is_loopback(url))
}
