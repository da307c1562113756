//! Responses on the wire, including broken ones.
//!
//! Owns: the bytes and how the body ends.
//! Surprise: hyper closes a connection whose body fails. A reset is a body that fails at once, on a
//! connection without linger; a truncated body fails before it reaches its `Content-Length`.

use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value as Json;

use crate::fault::FaultKind;
use crate::xml;

/// A response before it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    /// HTTP status.
    pub(crate) status: u16,
    /// Further headers.
    pub(crate) headers: Vec<(String, String)>,
    media_type: String,
    bytes: Bytes,
    ending: Ending,
}

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Normally.
    Complete,
    /// The connection is reset before the first byte.
    Reset,
    /// The connection is closed half-way.
    Truncated,
    /// Nothing is ever sent.
    Silent,
    /// Never.
    Never,
}

/// A list of objects as lines, the first one with the names; anything else as it is.
fn csv(body: &Json) -> String {
    let Some(rows) = body.as_array() else { return body.to_string() };
    let mut names: Vec<&String> = Vec::new();
    for name in rows.iter().filter_map(Json::as_object).flat_map(|row| row.keys()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let cell = |value: Option<&Json>| match value {
        None | Some(Json::Null) => String::new(),
        Some(Json::String(text)) => quoted(text),
        Some(other) => quoted(&other.to_string()),
    };
    let head: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    let mut lines = vec![head.join(",")];
    for row in rows {
        let cells: Vec<String> = names.iter().map(|name| cell(row.get(name.as_str()))).collect();
        lines.push(cells.join(","));
    }
    lines.join("\r\n") + "\r\n"
}

impl Reply {
    /// A JSON response, or its XML or CSV form where the document declares it.
    pub(crate) fn json(status: u16, body: &Json, media_type: Option<&str>) -> Self {
        let media_type = media_type.unwrap_or("application/json");
        let (media_type, bytes) = if media_type.contains("xml") {
            (media_type, xml::document(body))
        } else if media_type.contains("csv") {
            (media_type, csv(body))
        } else if media_type.starts_with("text/") || media_type.contains("octet-stream") {
            (media_type, body.as_str().map_or_else(|| body.to_string(), str::to_owned))
        } else {
            (media_type, body.to_string())
        };
        Self::new(status, media_type, Bytes::from(bytes))
    }

    fn new(status: u16, media_type: &str, bytes: Bytes) -> Self {
        Self {
            status,
            headers: Vec::new(),
            media_type: media_type.to_owned(),
            bytes,
            ending: Ending::Complete,
        }
    }

    /// The response changed by a fault; `error` is the provider's error object.
    pub(crate) fn struck(self, kind: FaultKind, error: &Json) -> Self {
        let plain = |media: &str, text: &str| {
            Self::new(200, media, Bytes::copy_from_slice(text.as_bytes()))
        };
        let with = |ending| Self { ending, ..self.clone() };
        match kind {
            FaultKind::Status(status) => Self::json(status, error, None),
            FaultKind::Reset => with(Ending::Reset),
            FaultKind::Truncate => with(Ending::Truncated),
            FaultKind::Stall | FaultKind::Hold => with(Ending::Silent),
            FaultKind::Html => {
                plain("text/html", "<!DOCTYPE html><html><body><h1>Sign in</h1></body></html>\n")
            }
            FaultKind::Half => {
                let half = self.bytes.slice(..self.bytes.len() / 2);
                Self { bytes: half, ..self }
            }
            FaultKind::ErrorOk => Self::json(200, error, None),
            FaultKind::OtherObject => {
                plain("application/json", "{\"greeting\":\"hello\",\"unrelated\":[1,2,3]}")
            }
            FaultKind::Null => plain("application/json", "null"),
            FaultKind::Empty => plain("application/json", ""),
            FaultKind::EndlessBody => with(Ending::Never),
            FaultKind::RepeatToken | FaultKind::CrossOriginLink | FaultKind::Endless => self,
        }
    }

    /// The body as JSON.
    pub(crate) fn body_json(&self) -> Json {
        serde_json::from_slice(&self.bytes).unwrap_or(Json::Null)
    }

    /// The status that the client gets.
    pub(crate) fn visible_status(&self) -> Option<u16> {
        (!matches!(self.ending, Ending::Reset | Ending::Silent)).then_some(self.status)
    }

    /// True when the connection has to be reset.
    pub(crate) fn resets(&self) -> bool {
        self.ending == Ending::Reset
    }

    /// True when nothing is to be sent.
    pub(crate) fn is_silent(&self) -> bool {
        self.ending == Ending::Silent
    }

    /// The response for hyper; `head` omits the body.
    pub(crate) fn into_response(self, head: bool) -> Response {
        let length = self.bytes.len();
        let body = match self.ending {
            Ending::Complete | Ending::Silent if head => Body::empty(),
            Ending::Complete | Ending::Silent => Body::from(self.bytes),
            Ending::Reset => Body::from_stream(stream::once(async { Err::<Bytes, _>(broken()) })),
            Ending::Truncated => truncated(self.bytes.slice(..length / 2)),
            Ending::Never => endless(&self.bytes),
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::from_str(&self.media_type) {
            headers.insert(header::CONTENT_TYPE, value);
        }
        if matches!(self.ending, Ending::Truncated | Ending::Reset) || head {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        for (name, value) in self.headers {
            if let (Ok(name), Ok(value)) =
                (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value))
            {
                headers.append(name, value);
            }
        }
        response
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the sandbox cuts this answer short")
}

/// Some bytes, time to send them, then failure.
fn truncated(bytes: Bytes) -> Body {
    let start = stream::once(async move { Ok(bytes) });
    let end = stream::once(async {
        crate::clock::pause(Duration::from_millis(1)).await;
        Err(broken())
    });
    Body::from_stream(start.chain(end))
}

/// The bytes, then spaces for as long as the client reads.
fn endless(bytes: &Bytes) -> Body {
    const SPACES: Bytes = Bytes::from_static(&[b' '; 8192]);
    // the last byte would complete the document
    let open = bytes.slice(..bytes.len().saturating_sub(1));
    let start = stream::once(async move { Ok::<_, io::Error>(open) });
    Body::from_stream(start.chain(stream::repeat_with(|| Ok(SPACES))))
}
