//! The seam towards the network.
//!
//! Owns: the one trait that tests replace; [`strataql_net::Transport`] is the real one.

use std::sync::Arc;

use futures::future::BoxFuture;
use strataql_diag::Report;
use strataql_net::{Clock, Principal, Request, Response, SystemClock, Transport};
use strataql_spec::Provider;

/// A write without an answer.
#[derive(Debug, Clone)]
pub struct WriteFailure {
    /// What happened.
    pub report: Box<Report>,
    /// True when the change may have happened all the same.
    pub maybe_applied: bool,
    /// Status of the service's answer, if there was one. Without it, and when the change cannot have
    /// happened, the request never arrived.
    pub status: Option<u16>,
}

/// Sends a request and gives the answer, whatever its status.
pub trait Exchange: Send + Sync {
    /// Sends the request.
    ///
    /// # Errors
    /// The report of a failure without an answer (refused, reset, timeout, no credential, …).
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, Box<Report>>>;

    /// Sends a request that changes something, with what is known about its fate when it fails.
    ///
    /// # Errors
    /// The report, and whether the change may have happened.
    fn write(&self, request: Request) -> BoxFuture<'_, Result<Response, WriteFailure>> {
        // an exchange that cannot tell assumes the worst
        Box::pin(async move {
            self.exchange(request).await.map_err(|report| WriteFailure {
                report,
                maybe_applied: true,
                status: None,
            })
        })
    }

    /// The clock of waits that are chosen here.
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    /// Makes a provider's way of authentication known before its first request.
    fn introduce(&self, _: &Provider) {}

    /// On whose behalf requests of a provider are sent.
    ///
    /// # Errors
    /// `no-credential` when the credential is not where it should be.
    fn principal(&self, _provider: &str) -> Result<Principal, Box<Report>> {
        Ok(Principal::anonymous())
    }

    /// The text with the secrets that the exchange knows masked.
    fn redact(&self, text: &str) -> String {
        text.to_owned()
    }
}

/// An exchange around another one, which answers all that the layer does not change.
pub trait Layer: Send + Sync {
    /// The exchange below.
    fn inner(&self) -> &Arc<dyn Exchange>;

    /// [`Exchange::exchange`] of the layer.
    ///
    /// # Errors
    /// Those of the exchange below, and what the layer refuses.
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, Box<Report>>> {
        self.inner().exchange(request)
    }

    /// [`Exchange::write`] of the layer.
    ///
    /// # Errors
    /// Those of the exchange below, and what the layer refuses.
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
                // a failed token request has not touched the object; an attempt before it may have
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

    fn redact(&self, text: &str) -> String {
        self.redactor().redact(text).into_owned()
    }
}
