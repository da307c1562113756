//! Error responses in the provider's format.
//!
//! Owns: the one table of error formats by provider name, and the status → code names of each.
//! Refuses: deciding that something is wrong.
//! Surprise: this is the only file of the crate that knows provider names.

use serde_json::{Value as Json, json};

/// Why a request is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// HTTP status.
    pub(crate) status: u16,
    /// Message.
    pub(crate) message: String,
    /// Further headers.
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Problem {
    /// An error with a status and a message.
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), headers: Vec::new() }
    }

    /// 400: the request violates its document.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    /// 404: the object does not exist.
    pub(crate) fn missing(what: &str, id: &str) -> Self {
        Self::new(404, format!("{what} `{id}` does not exist"))
    }

    /// Adds a header.
    #[must_use]
    pub(crate) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Error formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `{"error_code", "message", "details"}`.
    ErrorCode,
    /// `{"error": {"code": 404, "message", "status"}}`.
    StatusObject,
    /// `{"error": {"code": "NotFound", "message"}}`.
    CodeObject,
    /// `{"message", "status": "404"}`.
    Message,
}

/// Provider name prefixes and their formats; others use [`Form::StatusObject`].
const FORMS: &[(&str, Form)] = &[
    ("databricks", Form::ErrorCode),
    ("azure", Form::CodeObject),
    ("entra_id", Form::CodeObject),
    ("github", Form::Message),
];

impl Form {
    /// The format of a provider.
    pub(crate) fn of(provider: &str) -> Self {
        let found = FORMS.iter().find(|(prefix, _)| provider.starts_with(prefix));
        found.map_or(Self::StatusObject, |(_, form)| *form)
    }

    /// The body of an error.
    pub(crate) fn body(self, status: u16, message: &str, request_id: &str) -> Json {
        match self {
            Self::ErrorCode => json!({
                "error_code": error_code(status),
                "message": message,
                "details": [{
                    "@type": "type.googleapis.com/google.rpc.RequestInfo",
                    "request_id": request_id,
                }],
            }),
            Self::StatusObject => json!({
                "error": {"code": status, "message": message, "status": rpc_status(status)},
            }),
            Self::CodeObject => json!({
                "error": {"code": camel(rpc_status(status)), "message": message},
            }),
            Self::Message => json!({"message": message, "status": status.to_string()}),
        }
    }
}

const fn error_code(status: u16) -> &'static str {
    match status {
        400 => "INVALID_PARAMETER_VALUE",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "RESOURCE_DOES_NOT_EXIST",
        409 => "RESOURCE_ALREADY_EXISTS",
        429 => "REQUEST_LIMIT_EXCEEDED",
        501 => "NOT_IMPLEMENTED",
        503 => "TEMPORARILY_UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL_ERROR",
    }
}

const fn rpc_status(status: u16) -> &'static str {
    match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ALREADY_EXISTS",
        429 => "RESOURCE_EXHAUSTED",
        501 => "UNIMPLEMENTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    }
}

/// `NOT_FOUND` → `NotFound`.
fn camel(code: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        [first, &rest.to_ascii_lowercase()].concat()
    };
    code.split('_').map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_word_their_errors_differently() {
        let body = |provider| Form::of(provider).body(404, "gone", "r1");
        assert_eq!(body("databricks_account")["error_code"], "RESOURCE_DOES_NOT_EXIST");
        assert_eq!(body("databricks_workspace")["details"][0]["request_id"], "r1");
        assert_eq!(body("azure")["error"]["code"], "NotFound");
        assert_eq!(body("github")["message"], "gone");
        assert_eq!(body("anything")["error"]["status"], "NOT_FOUND");
    }
}
