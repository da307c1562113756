//! The two ends of one attempt: the request as it is sent, and the response as it arrived.
//!
//! Owns: plain data that signers, gates and the wire share.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::HeaderMap;
use http::header::HOST;
use strataql_spec::HttpVerb;
use url::Url;

use crate::origin::Origin;
use crate::request::SigningScope;

/// One attempt's request as it is written to a connection.
pub(crate) struct WireRequest {
    pub(crate) verb: HttpVerb,
    /// Where it really goes: another server may stand in for the one of the document, whose name is
    /// then in the `Host` header.
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    /// What a signature is valid for.
    pub(crate) scope: Option<Arc<SigningScope>>,
    /// When the attempt is made.
    pub(crate) time: SystemTime,
}

impl WireRequest {
    /// `host` or `host:port` of the document's server.
    pub(crate) fn host(&self) -> String {
        match self.headers.get(HOST) {
            Some(host) => String::from_utf8_lossy(host.as_bytes()).into_owned(),
            None => Origin::of(&self.url).map(|origin| origin.authority()).unwrap_or_default(),
        }
    }
}

/// A complete response.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) received: u64,
}
