//! What credentials need of the transport: the time, and a way to send requests of their own.
//!
//! Owns: the seam between them, so that credentials know nothing of attempts and gates.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::HeaderMap;
use strataql_spec::HttpVerb;
use url::Url;

use crate::auth::Sign;
use crate::clock::Clock;
use crate::failure::Failure;
use crate::request::{Repeat, Response, SigningScope};

/// A request for a credential.
pub(crate) struct Errand {
    pub(crate) provider: String,
    pub(crate) verb: HttpVerb,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    pub(crate) repeat: Repeat,
    pub(crate) scope: Option<Arc<SigningScope>>,
    /// What signs it, if anything does.
    pub(crate) signer: Option<Arc<dyn Sign>>,
}

/// Sends requests for credentials, within the limits of all requests.
pub(crate) trait Sender: Send + Sync {
    /// The time.
    fn clock(&self) -> &dyn Clock;

    /// Sends a request; any status is an answer.
    ///
    /// # Errors
    /// Why there is no usable answer.
    fn send(self: Arc<Self>, errand: Errand) -> BoxFuture<'static, Result<Response, Failure>>;
}
