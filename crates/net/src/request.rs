//! Requests and responses of the transport.
//!
//! Owns: [`Request`], [`Response`] and the retry policy of a request.
//! Refuses: types of the HTTP client.
//! Surprise: `Debug` shows neither headers, query nor body, since any of them may hold a secret.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use strataql_diag::{Redactor, Report};
use strataql_spec::HttpVerb;
use url::Url;

use crate::trace::Purpose;

/// When a failed request may be retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Repeat {
    /// Reads: after anything transient.
    Safe,
    /// A write with an idempotency key: like a read.
    WithKey,
    /// A write: only when the server states, with 429 or 503 and `Retry-After`, that it did
    /// nothing.
    RefusedOnly,
    /// Sent once, whatever happens.
    Never,
}

/// What signatures of a method's requests are valid for, beyond the bytes that they cover.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SigningScope {
    /// The name of the service in signatures.
    pub service: String,
    /// The region of the request, where it has one.
    pub region: Option<String>,
}

/// A request, without credentials.
#[derive(Clone)]
pub struct Request {
    /// HTTP verb.
    pub verb: HttpVerb,
    /// The URL of the provider's document, whatever the endpoint.
    pub url: Url,
    /// Headers; `Authorization` is replaced by the provider's credential.
    pub headers: HeaderMap,
    /// The body.
    pub body: Option<Bytes>,
    /// The provider whose credential and endpoint apply.
    pub provider: String,
    /// When the request may be retried.
    pub repeat: Repeat,
    /// What a signature of the request is valid for.
    pub scope: Option<Arc<SigningScope>>,
}

impl Request {
    /// A request without headers and body; safe verbs may be retried, others only when rejected.
    pub fn new(provider: impl Into<String>, verb: HttpVerb, url: Url) -> Self {
        Self {
            verb,
            url,
            headers: HeaderMap::new(),
            body: None,
            provider: provider.into(),
            repeat: if verb.is_safe() { Repeat::Safe } else { Repeat::RefusedOnly },
            scope: None,
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("provider", &self.provider)
            .field("verb", &self.verb)
            .field("host", &self.url.host_str())
            .field("path", &self.url.path())
            .field("body_bytes", &self.body.as_ref().map(Bytes::len))
            .field("repeat", &self.repeat)
            .finish_non_exhaustive()
    }
}

/// The printable facts of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The provider.
    pub provider: String,
    /// What it was for.
    pub purpose: Purpose,
    /// HTTP verb.
    pub verb: HttpVerb,
    /// The logical URL, redacted.
    pub url: String,
}

/// A response, complete and decompressed.
#[derive(Clone)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Headers, without those about compression.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The final logical URL, after redirects.
    pub url: Url,
    /// How often the request was sent.
    pub attempts: u32,
    /// How many of those were retries (redirects are not).
    pub retries: u32,
    /// Bytes of all responses on the wire.
    pub received: u64,
    /// Time spent waiting in gates and back-off.
    pub waited: Duration,
    /// True when an earlier attempt may have arrived and its response was lost: for a write, a
    /// rejection of the last attempt does not mean that nothing was done.
    pub followed_loss: bool,
    /// By how much the clock of this machine differs from the service's, for refusals.
    pub(crate) skew: Option<Duration>,
    /// The request.
    pub facts: Facts,
    pub(crate) redactor: Redactor,
}

impl Response {
    /// A response that does not come from the network: a recording, a test.
    pub fn new(status: u16, headers: HeaderMap, body: impl Into<Bytes>, request: &Request) -> Self {
        let body = body.into();
        Self {
            status,
            headers,
            received: body.len() as u64,
            body,
            url: request.url.clone(),
            attempts: 1,
            retries: 0,
            waited: Duration::ZERO,
            followed_loss: false,
            skew: None,
            facts: Facts {
                provider: request.provider.clone(),
                purpose: Purpose::Call,
                verb: request.verb,
                url: crate::origin::shown(&request.url),
            },
            redactor: Redactor::new(),
        }
    }

    /// The service's identifier of the request, from the headers.
    pub fn request_id(&self) -> Option<String> {
        let id = crate::remote_error::request_id(&self.headers)?;
        Some(self.redactor.redact(&id).into_owned())
    }

    /// A report that may quote the response, with all known secrets masked.
    pub fn redacted(&self, report: Report) -> Report {
        report.redacted(&self.redactor)
    }

    /// True for 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .field("attempts", &self.attempts)
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}
