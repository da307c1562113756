//! The transport, the interface of this crate.
//!
//! Owns: joining settings, credentials and the exchange of requests.
//! Refuses: interpreting statuses. Any response is `Ok`; [`status_report`] describes an error
//! status.

use std::fmt;
use std::sync::Arc;

use strataql_diag::{Code, Redactor, Report};
use strataql_spec::AuthConfig;

use crate::auth::{CredentialReport, Credentials, Principal};
use crate::buffers::Buffers;
use crate::client::Clients;
use crate::clock::Clock;
use crate::exchange::{Core, Outgoing};
use crate::failure::{Cause, Failure};
use crate::gate::Gates;
use crate::origin::{self, Origin};
use crate::request::{Request, Response};
use crate::sender::Sender;
use crate::settings::Settings;
use crate::status::status_report;
use crate::trace::Purpose;

/// Sends requests. Clones share connections, gates and tokens.
#[derive(Clone)]
pub struct Transport {
    core: Arc<Core>,
    credentials: Arc<Credentials>,
}

impl Transport {
    /// A transport with these settings; nothing is opened or read yet.
    ///
    /// # Errors
    /// A `config` report when certificates, proxy or an endpoint cannot be used.
    pub fn new(
        settings: Settings,
        clock: Arc<dyn Clock>,
        redactor: Redactor,
    ) -> Result<Self, Box<Report>> {
        check_endpoints(&settings)?;
        let clients = Clients::new(&settings)?;
        let credentials = Arc::new(Credentials::new(&settings, redactor.clone()));
        let gates = Gates::new(settings.max_in_flight);
        let buffers = Buffers::default();
        let core = Arc::new(Core { settings, clock, redactor, clients, gates, buffers });
        Ok(Self { core, credentials })
    }

    /// Registers the authentication in a provider's document. The user's own entry takes
    /// precedence.
    pub fn register_provider(&self, provider: &str, auth: Option<AuthConfig>) {
        self.credentials.register(provider, auth);
    }

    /// Obtains a provider's credential without using it, a token included.
    ///
    /// # Errors
    /// What [`Transport::send`] would fail with for lack of a credential.
    pub async fn check_credential(&self, provider: &str) -> Result<(), Box<Report>> {
        let credential = self.credentials.of(provider)?;
        credential.authorise(&self.sender(), None).await?;
        Ok(())
    }

    /// What can be said about a provider's credential: where it came from, which sources were tried,
    /// when it expires. The credential is obtained for that, and sent nowhere but to the services that
    /// issue it.
    pub async fn credential_report(&self, provider: &str) -> CredentialReport {
        self.credentials.report(provider, &self.sender(), &self.core.redactor).await
    }

    /// The owner of the credential that a provider's requests use. Sends no request.
    ///
    /// # Errors
    /// `no-credential` when the credential is missing.
    pub fn principal(&self, provider: &str) -> Result<Principal, Box<Report>> {
        let found = self.credentials.principal(provider);
        found.map_err(|report| Box::new(report.redacted(&self.core.redactor)))
    }

    /// Sends a request and returns the complete response, whatever its status.
    ///
    /// # Errors
    /// A [`Failure`] when no usable response arrived, or the request could not be sent at all.
    pub async fn send(&self, request: Request) -> Result<Response, Failure> {
        let credential = self.credentials.of(&request.provider).map_err(|report| {
            let report = report.redacted(&self.core.redactor);
            self.unsent(&request, Cause::Credential(Box::new(report)))
        })?;
        let outgoing = Outgoing {
            provider: request.provider,
            purpose: Purpose::Call,
            verb: request.verb,
            url: request.url,
            headers: request.headers,
            body: request.body,
            repeat: request.repeat,
            scope: request.scope,
            credential,
        };
        self.core.exchange(outgoing).await
    }

    /// The report of an error response.
    pub fn status_report(&self, response: &Response) -> Report {
        status_report(&response.facts, response).redacted(&self.core.redactor)
    }

    /// The secrets of this run.
    pub fn redactor(&self) -> &Redactor {
        &self.core.redactor
    }

    /// The clock for waits.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.core.clock
    }

    /// What all requests share.
    #[cfg(test)]
    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// What credentials send their requests with.
    pub(crate) fn sender(&self) -> Arc<dyn Sender> {
        Arc::<Core>::clone(&self.core)
    }

    fn unsent(&self, request: &Request, cause: Cause) -> Failure {
        Failure {
            cause,
            verb: request.verb,
            url: self.core.redactor.redact(&origin::shown(&request.url)).into_owned(),
            endpoint: None,
            token_of: None,
            status: None,
            attempts: 0,
            waited: std::time::Duration::ZERO,
            maybe_sent: false,
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("settings", &self.core.settings).finish_non_exhaustive()
    }
}

fn check_endpoints(settings: &Settings) -> Result<(), Box<Report>> {
    let mut providers: Vec<&String> = settings.endpoints.keys().collect();
    providers.sort_unstable();
    for provider in providers {
        let url = &settings.endpoints[provider];
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none();
        let has_user = !url.username().is_empty() || url.password().is_some();
        if Origin::of(url).is_none() || !is_bare || has_user {
            let report = Report::new(
                Code::Config,
                format!("the endpoint of provider `{provider}` cannot stand in for its servers"),
            )
            .with_help("give scheme, host and port only, as in `http://127.0.0.1:8080`");
            return Err(Box::new(report));
        }
    }
    Ok(())
}
