//! The seam towards the network.
//!
//! Owns: the one trait that tests replace; [`strataql_net::Transport`] is the real one.

use futures::future::BoxFuture;
use strataql_diag::Report;
use strataql_net::{Request, Response, Transport};

/// Sends a request and gives the answer, whatever its status.
pub trait Exchange: Send + Sync {
    /// Sends the request.
    ///
    /// # Errors
    /// The report of a failure without an answer (refused, reset, timeout, no credential, …).
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, Box<Report>>>;
}

impl Exchange for Transport {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, Box<Report>>> {
        Box::pin(async move { self.send(request).await.map_err(Into::into) })
    }
}
