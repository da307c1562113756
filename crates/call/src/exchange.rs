//! The seam towards the network.
//!
//! Owns: the one trait that tests replace; [`strataql_net::Transport`] is the real one.

use futures::future::BoxFuture;
use strataql_diag::Report;
use strataql_net::{Request, Response, Transport};
use strataql_spec::Provider;

/// Sends a request and gives the answer, whatever its status.
pub trait Exchange: Send + Sync {
    /// Sends the request.
    ///
    /// # Errors
    /// The report of a failure without an answer (refused, reset, timeout, no credential, …).
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, Box<Report>>>;

    /// Makes a provider's way of authentication known before its first request.
    fn introduce(&self, provider: &Provider) {
        let _known: &Provider = provider;
    }
}

impl Exchange for Transport {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, Box<Report>>> {
        Box::pin(async move { self.send(request).await.map_err(Into::into) })
    }

    fn introduce(&self, provider: &Provider) {
        self.register_provider(&provider.name, provider.auth.clone());
    }
}
