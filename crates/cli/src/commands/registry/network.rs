//! Bytes of a registry server, over the transport of all requests.

use std::sync::Arc;

use strataql_diag::{Code, Redactor, Report};
use strataql_net::{Request, Settings as NetSettings, SystemClock, Transport};
use strataql_registry::Fetch;
use strataql_spec::{AuthConfig, AuthKind, HttpVerb};
use tokio::runtime::Runtime;
use url::Url;

use crate::commands::exec::{certificates, runtime};
use crate::settings::Settings;

/// The name that the server has in messages. It is no provider, and has no credential.
const NAME: &str = "registry";

/// The network as a command uses it: one request after the other.
pub(crate) struct Network {
    runtime: Runtime,
    transport: Transport,
}

impl Network {
    pub(crate) fn new(settings: &Settings, redactor: Redactor) -> Result<Self, Box<Report>> {
        let net = NetSettings { extra_roots: certificates(settings)?, ..NetSettings::default() };
        let transport = Transport::new(net, Arc::new(SystemClock), redactor)?;
        let none = AuthConfig { kind: AuthKind::Null, ..AuthConfig::default() };
        transport.register_provider(NAME, Some(none));
        Ok(Self { runtime: runtime()?, transport })
    }
}

impl Fetch for Network {
    fn fetch(&self, url: &str, limit: u64) -> Result<Vec<u8>, Box<Report>> {
        let address = Url::parse(url).map_err(|error| {
            Box::new(
                Report::new(Code::Usage, format!("`{url}` is no address: {error}"))
                    .with_help("give an address such as `https://registry.example/providers`"),
            )
        })?;
        let request = Request::new(NAME, HttpVerb::Get, address);
        let response = self.runtime.block_on(self.transport.send(request))?;
        if response.status != 200 {
            return Err(Box::new(self.transport.status_report(&response)));
        }
        if response.body.len() as u64 > limit {
            return Err(Box::new(
                Report::new(
                    Code::UntrustedDocument,
                    format!(
                        "`{url}` has {} bytes, more than the {limit} allowed",
                        response.body.len()
                    ),
                )
                .with_help("nothing was installed; ask whoever runs the registry"),
            ));
        }
        Ok(response.body.to_vec())
    }
}
