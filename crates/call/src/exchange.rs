//! The interface to the network.
//!
//! Owns: the one trait that tests replace; [`strataql_net::Transport`] is the real implementation.

use std::sync::Arc;

use futures::future::BoxFuture;
use strataql_diag::Report;
use strataql_net::{Clock, Principal, Request, Response, SystemClock, Transport};
use strataql_spec::Provider;

/// A write without a response.
#[derive(Debug, Clone)]
pub struct WriteFailure {
    /// The failure.
    pub report: Box<Report>,
    /// True when the change may have happened nevertheless.
    pub maybe_applied: bool,
    /// Status of the service's response, if there was one. Without it, and when the change cannot
    /// have happened, the request never arrived.
    pub status: Option<u16>,
}

/// Sends a request and returns the response, whatever its status.
pub trait Exchange: Send + Sync {
    /// Sends the request.
    ///
    /// # Errors
    /// The report of a failure without a response (refused, reset, timeout, no credential, …).
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, Box<Report>>>;

    /// Sends a request that changes something. A failure says whether the change may have happened.
    /// # Errors
    /// The report, and whether the change may have happened.
    fn write(&self, request: Request) -> BoxFuture<'_, Result<Response, WriteFailure>> {
        // an exchange that cannot distinguish assumes the worst
        Box::pin(async move {
            self.exchange(request).await.map_err(|report| WriteFailure {
                report,
                maybe_applied: true,
                status: None,
            })
        })
    }

    /// The clock for waits that are chosen here.
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    /// Registers a provider's authentication before its first request.
    fn introduce(&self, _: &Provider) {}

    /// The owner of the credential that a provider's requests use.
    ///
    /// # Errors
    /// `no-credential` when the credential is missing.
    fn principal(&self, _provider: &str) -> Result<Principal, Box<Report>> {
        Ok(Principal::anonymous())
    }

    /// Registers values that [`Exchange::redact`], messages and logs mask from now on.
    fn conceal(&self, _secrets: &[String]) {}

    /// The text with all known secrets masked.
    fn redact(&self, text: &str) -> String {
        text.to_owned()
    }
}

/// A layer around another exchange, to which it delegates everything that it does not override.
pub trait Layer: Send + Sync {
    /// The inner exchange.
    fn inner(&self) -> &Arc<dyn Exchange>;

    /// [`Exchange::exchange`] of the layer.
    ///
    /// # Errors
    /// Those of the inner exchange, and those of the layer.
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, Box<Report>>> {
        self.inner().exchange(request)
    }

    /// [`Exchange::write`] of the layer.
    ///
    /// # Errors
    /// Those of the inner exchange, and those of the layer.
    fn write(&self, request: Request) -> BoxFuture<'_, Result<Response, WriteFailure>> {
        self.inner().write(request)
    }
}

impl<L: Layer> Exchange for L {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, Box<Report>>> {
        Layer::exchange(self, request)
    }

    fn write(&self, request: Request) -> BoxFuture<'_, Result<Response, WriteFailure>> {
        Layer::write(self, request)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.inner().clock()
    }

    fn introduce(&self, provider: &Provider) {
        self.inner().introduce(provider);
    }

    fn principal(&self, provider: &str) -> Result<Principal, Box<Report>> {
        self.inner().principal(provider)
    }

    fn conceal(&self, secrets: &[String]) {
        self.inner().conceal(secrets);
    }

    fn redact(&self, text: &str) -> String {
        self.inner().redact(text)
    }
}

impl Exchange for Transport {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, Box<Report>>> {
        Box::pin(async move { self.send(request).await.map_err(Into::into) })
    }

    fn write(&self, request: Request) -> BoxFuture<'_, Result<Response, WriteFailure>> {
        Box::pin(async move {
            self.send(request).await.map_err(|failure| WriteFailure {
                // a failed token request has not reached the object; an attempt before it may have
                maybe_applied: failure.maybe_sent,
                status: failure.status.filter(|_| failure.token_of.is_none()),
                report: failure.into(),
            })
        })
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(Transport::clock(self))
    }

    fn introduce(&self, provider: &Provider) {
        self.register_provider(&provider.name, provider.auth.clone());
    }

    fn principal(&self, provider: &str) -> Result<Principal, Box<Report>> {
        Transport::principal(self, provider)
    }

    fn conceal(&self, secrets: &[String]) {
        for secret in secrets {
            self.redactor().register(secret);
        }
    }

    fn redact(&self, text: &str) -> String {
        self.redactor().redact(text).into_owned()
    }
}
