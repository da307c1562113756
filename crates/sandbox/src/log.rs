//! The request log.
//!
//! Owns: one entry per request, secrets masked before they are stored.

use http::HeaderMap;
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value as Json;
use strataql_diag::MASK;

use crate::request::Incoming;

/// Names of headers, query parameters and form fields that hold secrets.
const SECRET_NAMES: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
    "api-key",
    "x-auth-token",
    "client_secret",
    "password",
    "api_key",
    "apikey",
    "access_token",
    "refresh_token",
    "assertion",
    "subject_token",
];

/// One request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogEntry {
    /// Number, from 1.
    pub n: usize,
    /// Milliseconds since the server started.
    pub at_ms: u64,
    /// The authority in the client's request.
    pub host: String,
    /// HTTP verb.
    pub verb: String,
    /// Path as sent.
    pub path: String,
    /// Decoded query parameters in order; a `null` value has no `=`.
    pub query: Vec<(String, Option<String>)>,
    /// Headers; secrets are masked.
    pub headers: IndexMap<String, String>,
    /// JSON body, form fields as an object, or other text.
    pub body: Option<Json>,
    /// Status of the response; absent when the connection was cut or no response was sent.
    pub status: Option<u16>,
    /// `provider.service.resource.method`, when a route was found.
    pub method: Option<String>,
    /// True for token and discovery requests.
    pub auth: bool,
    /// Query parameters that are not documented.
    pub undocumented: Vec<String>,
    /// The kind of the fault that was applied.
    pub fault: Option<String>,
}

impl LogEntry {
    /// The entry of a request without a response yet.
    pub(crate) fn new(n: usize, at_ms: u64, request: &Incoming) -> Self {
        let masked = |name: &str, value: &str| {
            if is_secret(name) { MASK.to_owned() } else { value.to_owned() }
        };
        let query = request
            .query
            .iter()
            .map(|(name, value)| (name.clone(), value.as_deref().map(|value| masked(name, value))));
        let body = match request.body_object() {
            Some(_) if !request.form.is_empty() => Some(Json::Object(
                request
                    .form
                    .iter()
                    .map(|(name, value)| (name.clone(), Json::String(masked(name, value))))
                    .collect(),
            )),
            _ if request.body.is_empty() => None,
            _ => Some(request.json.clone().unwrap_or_else(|| {
                Json::String(String::from_utf8_lossy(&request.body).into_owned())
            })),
        };
        Self {
            n,
            at_ms,
            host: request.host.clone(),
            verb: request.verb_text.clone(),
            path: request.path.clone(),
            query: query.collect(),
            headers: headers(&request.headers),
            body,
            status: None,
            method: None,
            auth: false,
            undocumented: Vec::new(),
            fault: None,
        }
    }

    /// Masks the header or query parameter of a provider's own scheme.
    pub(crate) fn mask(&mut self, name: &str) {
        for (own, value) in &mut self.headers {
            if own.eq_ignore_ascii_case(name) {
                MASK.clone_into(value);
            }
        }
        for (own, value) in &mut self.query {
            if own == name {
                *value = Some(MASK.to_owned());
            }
        }
    }
}

fn headers(headers: &HeaderMap) -> IndexMap<String, String> {
    let mut seen: IndexMap<String, String> = IndexMap::new();
    for (name, value) in headers {
        let value = if is_secret(name.as_str()) {
            MASK.to_owned()
        } else {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        };
        seen.entry(name.as_str().to_owned())
            .and_modify(|all| *all = [all.as_str(), value.as_str()].join(", "))
            .or_insert(value);
    }
    seen
}

fn is_secret(name: &str) -> bool {
    SECRET_NAMES.iter().any(|secret| name.eq_ignore_ascii_case(secret))
}
