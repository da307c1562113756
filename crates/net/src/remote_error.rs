//! What a service says about its refusal.
//!
//! Owns: reading error code, message and request id out of the shapes that services use.
//! Refuses: trusting the text: it is bounded, freed of control characters and redacted.
//! Surprise: the shape decides, never the provider's name; services behind one gateway answer in
//! several shapes.

use std::borrow::Cow;

use http::HeaderMap;
use serde_json::{Map, Value as Json};

use crate::page::element;
use crate::request::Response;

/// Messages longer than this are cut.
const MAX_MESSAGE: usize = 2048;

/// Bodies are read up to this size; a longer one is no error message.
const MAX_BODY: usize = 1024 * 1024;

/// Headers that carry a request id, most common first.
const REQUEST_ID_HEADERS: &[&str] = &[
    "x-request-id",
    "request-id",
    "x-amzn-requestid",
    "x-amz-request-id",
    "x-ms-request-id",
    "x-ms-correlation-request-id",
    "x-github-request-id",
    "opc-request-id",
    "x-correlation-id",
    "cf-ray",
];

/// What a service says about its refusal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemoteError {
    /// The service's own code, for example `PERMISSION_DENIED`.
    pub code: Option<String>,
    /// The service's own message.
    pub message: Option<String>,
    /// The service's request id.
    pub request_id: Option<String>,
}

impl RemoteError {
    /// Reads an answer.
    pub fn read(response: &Response) -> Self {
        let body = &response.body[..response.body.len().min(MAX_BODY)];
        let mut error = match serde_json::from_slice::<Json>(body) {
            Ok(json) => from_json(&json),
            Err(_) => from_text(&String::from_utf8_lossy(body)),
        };
        error.request_id = error.request_id.or_else(|| request_id(&response.headers));
        let tidy = |text: &mut Option<String>, limit| {
            *text = text.take().and_then(|text| tidied(&response.redactor.redact(&text), limit));
        };
        tidy(&mut error.code, 128);
        tidy(&mut error.message, MAX_MESSAGE);
        tidy(&mut error.request_id, 128);
        error
    }
}

fn from_json(json: &Json) -> RemoteError {
    let object = match json {
        Json::Object(object) => object,
        // some services wrap the error object in a list
        Json::Array(items) => return items.first().map(from_json).unwrap_or_default(),
        Json::String(text) => return from_text(text),
        _ => return RemoteError::default(),
    };
    let mut error = match object.get("error").or_else(|| object.get("Error")) {
        Some(Json::Object(inner)) => nested(inner),
        Some(Json::String(code)) => RemoteError {
            code: Some(code.clone()),
            message: text_of(object, &["error_description", "message", "detail"]),
            request_id: None,
        },
        _ => match object.get("errors") {
            Some(Json::Array(items)) if !items.is_empty() => from_json(&items[0]),
            _ => flat(object),
        },
    };
    error.request_id =
        error.request_id.or_else(|| text_of(object, &["request_id", "requestId", "RequestId"]));
    error
}

/// `{"error": {…}}`
fn nested(inner: &Map<String, Json>) -> RemoteError {
    // a numeric `code` repeats the HTTP status; then `status` has the name
    let code = match inner.get("code") {
        Some(Json::String(code)) => Some(code.clone()),
        other => text_of(inner, &["status", "type", "reason"])
            .or_else(|| other.filter(|code| !code.is_null()).map(Json::to_string)),
    };
    let deeper = inner.get("innerError").or_else(|| inner.get("innererror"));
    RemoteError {
        code,
        message: text_of(inner, &["message", "description", "detail"]),
        request_id: detail_id(inner)
            .or_else(|| text_of(deeper?.as_object()?, &["request-id", "requestId", "request_id"])),
    }
}

/// An object that is the error itself.
fn flat(object: &Map<String, Json>) -> RemoteError {
    let aws_type = text_of(object, &["__type"])
        .map(|name| name.rsplit('#').next().unwrap_or_default().to_owned());
    let scim = object.contains_key("detail").then(|| {
        text_of(object, &["scimType"])
            .or_else(|| Some(format!("SCIM_{}", scalar(object.get("status")?)?)))
    });
    let is_scim = object.contains_key("schemas") || object.contains_key("scimType");
    RemoteError {
        code: text_of(object, &["error_code", "errorCode"])
            .or(aws_type)
            .or_else(|| scim.flatten().filter(|_| is_scim))
            .or_else(|| text_of(object, &["code", "Code", "reason", "type"])),
        message: text_of(
            object,
            &["message", "Message", "error_message", "errorMessage", "detail", "msg", "title"],
        ),
        request_id: detail_id(object),
    }
}

/// The request id among `details`.
fn detail_id(object: &Map<String, Json>) -> Option<String> {
    object
        .get("details")?
        .as_array()?
        .iter()
        .filter_map(Json::as_object)
        .find_map(|detail| text_of(detail, &["request_id", "requestId"]))
}

fn from_text(text: &str) -> RemoteError {
    let text = text.trim();
    if text.starts_with('<') {
        return from_markup(text);
    }
    // `CODE: message`
    if let Some((code, message)) = text.split_once(':')
        && code.len() > 3
        && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    {
        return RemoteError {
            code: Some(code.to_owned()),
            message: Some(message.to_owned()),
            request_id: None,
        };
    }
    RemoteError { message: Some(text.to_owned()), ..RemoteError::default() }
}

/// XML errors and HTML pages.
fn from_markup(text: &str) -> RemoteError {
    let element = |name| element(text, name).map(str::to_owned);
    RemoteError {
        code: element("code"),
        message: element("message").or_else(|| element("pre")).or_else(|| element("title")),
        request_id: element("requestid"),
    }
}

/// The service's identifier of a request.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<String> {
    REQUEST_ID_HEADERS
        .iter()
        .find_map(|name| tidied(&String::from_utf8_lossy(headers.get(*name)?.as_bytes()), 128))
}

fn text_of(object: &Map<String, Json>, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| scalar(object.get(*key)?)).filter(|text| !text.is_empty())
}

fn scalar(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// One line without control characters, cut at `limit` bytes.
pub(crate) fn tidied(text: &str, limit: usize) -> Option<String> {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(cut(&line, limit).into_owned()).filter(|line| !line.is_empty())
}

/// The text, cut at a character border, with `…` when something is missing.
pub(crate) fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return text.into();
    }
    let end = (0..=limit).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    format!("{}…", &text[..end]).into()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use strataql_diag::MASK;
    use strataql_spec::HttpVerb;
    use url::Url;

    use super::*;
    use crate::request::Request;

    fn answer(body: &str) -> Response {
        let url = Url::parse("https://h.example/x").expect("a URL");
        let request = Request::new("p", HttpVerb::Get, url);
        Response::new(400, HeaderMap::new(), body.to_owned(), &request)
    }

    #[track_caller]
    fn check(body: &str, code: &str, message: &str, request_id: &str) {
        let error = RemoteError::read(&answer(body));
        let shown = |text: &Option<String>| text.clone().unwrap_or_default();
        assert_eq!(
            (shown(&error.code), shown(&error.message), shown(&error.request_id)),
            (code.to_owned(), message.to_owned(), request_id.to_owned()),
            "{body}"
        );
    }

    #[test]
    fn json_shapes_of_services_are_read() {
        check(
            r#"{"error_code":"PERMISSION_DENIED","message":"no","details":[{"@type":"x"},{"request_id":"r1"}]}"#,
            "PERMISSION_DENIED",
            "no",
            "r1",
        );
        check(
            r#"{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED","details":[{"requestId":"r2"}]}}"#,
            "PERMISSION_DENIED",
            "no",
            "r2",
        );
        check(
            r#"{"error":{"code":"AuthorizationFailed","message":"no","innerError":{"request-id":"r3"}}}"#,
            "AuthorizationFailed",
            "no",
            "r3",
        );
        check(r#"{"error":{"code":17,"message":"no"}}"#, "17", "no", "");
        check(
            r#"{"error":"invalid_client","error_description":"unknown id"}"#,
            "invalid_client",
            "unknown id",
            "",
        );
        check(
            r#"{"schemas":["s"],"detail":"taken","status":"409","scimType":"uniqueness"}"#,
            "uniqueness",
            "taken",
            "",
        );
        check(r#"{"schemas":["s"],"detail":"gone","status":"404"}"#, "SCIM_404", "gone", "");
        check(
            r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"no"}"#,
            "AccessDeniedException",
            "no",
            "",
        );
        check(
            r#"{"success":false,"errors":[{"code":10000,"message":"bad token"}]}"#,
            "10000",
            "bad token",
            "",
        );
        check(
            r#"{"type":"about:blank","title":"Bad","detail":"field x","status":400}"#,
            "about:blank",
            "field x",
            "",
        );
        check(r#"[{"error":{"code":"A","message":"b"}}]"#, "A", "b", "");
        check("{}", "", "", "");
    }

    #[test]
    fn texts_and_markup_are_read() {
        check("INVALID_STATE: not now", "INVALID_STATE", "not now", "");
        check("upstream: gone", "", "upstream: gone", "");
        check("  ", "", "", "");
        check(
            "<html><head><title>502 Bad\n Gateway</title></head></html>",
            "",
            "502 Bad Gateway",
            "",
        );
        check("<html><body><pre>no such path</pre></body>", "", "no such path", "");
        check(
            "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>no</Message><RequestId>r</RequestId></Error>",
            "NoSuchKey",
            "no",
            "r",
        );
        check("\"CODE_X: quoted\"", "CODE_X", "quoted", "");
    }

    #[test]
    fn texts_are_bounded_cleaned_and_redacted() {
        let mut response = answer(&format!("\u{1b}[31mred s3cret-value\u{7} {}", "ä".repeat(4000)));
        response.redactor.register("s3cret-value");
        response.headers.insert("x-request-id", HeaderValue::from_static("abc"));
        let error = RemoteError::read(&response);
        let message = error.message.expect("a message");
        assert!(message.starts_with(&format!("[31mred {MASK} ä")), "{message}");
        assert!(message.len() <= MAX_MESSAGE + '…'.len_utf8() && message.ends_with('…'));
        assert_eq!(error.request_id.as_deref(), Some("abc"));
    }
}
