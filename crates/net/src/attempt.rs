//! The two ends of one attempt: the request as it is sent, and the response as it arrived.
//!
//! Owns: plain data that signers, gates and the wire share.

use bytes::Bytes;
use http::HeaderMap;
use strataql_spec::HttpVerb;
use url::Url;

/// One attempt's request as it is written to a connection.
pub(crate) struct WireRequest {
    pub(crate) verb: HttpVerb,
    /// Where it really goes: another server may stand in for the one of the document, whose name is
    /// then in the `Host` header.
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
}

/// A complete response.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) received: u64,
}
