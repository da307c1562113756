//! The seam towards the network.
//!
//! Owns: the one trait that tests replace; [`strataql_net::Transport`] is the real one.

use futures::future::BoxFuture;
use strataql_diag::Report;
use strataql_net::{Request, Response, Transport};
use strataql_spec::Provider;

/// A write without an answer.
#[derive(Debug, Clone)]
pub struct WriteFailure {
    /// What happened.
    pub report: Box<Report>,
    /// True when the server may have received the request.
    pub maybe_applied: bool,
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
            self.exchange(request)
                .await
                .map_err(|report| WriteFailure { report, maybe_applied: true })
        })
    }

    /// Makes a provider's way of authentication known before its first request.
    fn introduce(&self, _: &Provider) {}
}

impl Exchange for Transport {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, Box<Report>>> {
        Box::pin(async move { self.send(request).await.map_err(Into::into) })
    }

    fn write(&self, request: Request) -> BoxFuture<'_, Result<Response, WriteFailure>> {
        Box::pin(async move {
            self.send(request).await.map_err(|failure| WriteFailure {
                // a failed token request has not touched the object
                maybe_applied: failure.maybe_sent && failure.token_of.is_none(),
                report: failure.into(),
            })
        })
    }

    fn introduce(&self, provider: &Provider) {
        self.register_provider(&provider.name, provider.auth.clone());
    }
}
