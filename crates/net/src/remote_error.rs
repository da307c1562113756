//! The error that a service reports.
//!
//! Owns: reading error code, message and request id out of the shapes that services use; of a body
//! in no such shape, its beginning.
//! Refuses: trusting the text: it is truncated, stripped of control characters and redacted.
//! Surprise: the format is detected, never derived from the provider's name; services behind one
//! gateway use several formats.

mod shapes;

use std::borrow::Cow;

use http::HeaderMap;
use serde_json::Value as Json;

use crate::page::element;
use crate::request::Response;
use crate::trace::mask_fields;

/// Messages longer than this are cut.
const MAX_MESSAGE: usize = 2048;

/// Of a body in no known shape, so much is shown.
const MAX_EXCERPT: usize = 300;

/// Maximum size of a body; a longer one is not an error message.
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
    "x-okta-request-id",
    "x-arequestid",
    "opc-request-id",
    "x-correlation-id",
    "cf-ray",
];

/// The error that a service reports.
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
    /// Parses a response.
    pub fn read(response: &Response) -> Self {
        let body = &response.body[..response.body.len().min(MAX_BODY)];
        let text = String::from_utf8_lossy(body);
        let mut error = match serde_json::from_slice::<Json>(body) {
            Ok(json) => {
                let mut error = shapes::read(&json);
                if error.code.is_none() && error.message.is_none() && !says_nothing(&json) {
                    let masked = mask_fields(&response.redactor.redact(&text));
                    error.message = Some(cut(&masked, MAX_EXCERPT).into_owned());
                }
                error
            }
            Err(_) => from_text(&text),
        };
        error.code = error.code.or_else(|| error_type(&response.headers));
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

/// True for bodies that only look like one.
fn says_nothing(json: &Json) -> bool {
    match json {
        Json::Object(object) => object.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::String(text) => text.trim().is_empty(),
        Json::Null | Json::Bool(_) => true,
        Json::Number(_) => false,
    }
}

/// The name of an error that services of AWS put into a header: `Name:http://…`.
fn error_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("x-amzn-errortype")?.to_str().ok()?;
    text.split(':').next().map(str::to_owned)
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
    let element = |name: &str| element(text, name).map(str::to_owned);
    RemoteError {
        code: element("code").or_else(|| element("faultcode")),
        message: ["message", "faultstring", "pre", "title"].iter().find_map(|name| element(name)),
        request_id: element("requestid"),
    }
}

/// The service's identifier of a request.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<String> {
    REQUEST_ID_HEADERS
        .iter()
        .find_map(|name| tidied(&String::from_utf8_lossy(headers.get(*name)?.as_bytes()), 128))
}

/// One line without control characters, cut at `limit` bytes.
pub(crate) fn tidied(text: &str, limit: usize) -> Option<String> {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(cut(&line, limit).into_owned()).filter(|line| !line.is_empty())
}

/// The text, truncated at a character boundary and marked with `…`.
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
    fn details_follow_the_message() {
        // Okta
        check(
            r#"{"errorCode":"E0000001","errorSummary":"Api validation failed: login","errorId":"oae1","errorCauses":[{"errorSummary":"login: already taken"}]}"#,
            "E0000001",
            "Api validation failed: login; login: already taken",
            "oae1",
        );
        // Elasticsearch
        check(
            r#"{"error":{"root_cause":[{"type":"index_not_found_exception","reason":"no such index [x]"}],"type":"index_not_found_exception","reason":"no such index [x]","caused_by":{"type":"io","reason":"gone"}},"status":404}"#,
            "index_not_found_exception",
            "no such index [x]; gone",
            "",
        );
        // Jira
        check(
            r#"{"errorMessages":["no such issue"],"errors":{"summary":"is required","labels":["a","b"]}}"#,
            "",
            "summary: is required; labels: a, b; no such issue",
            "",
        );
        // FastAPI
        check(
            r#"{"detail":[{"loc":["body","items",0,"name"],"msg":"field required","type":"missing"}]}"#,
            "",
            "body.items.0.name: field required",
            "",
        );
        // Apigee
        check(
            r#"{"fault":{"faultstring":"Invalid ApiKey","detail":{"errorcode":"oauth.v2.InvalidApiKey"}}}"#,
            "oauth.v2.InvalidApiKey",
            "Invalid ApiKey",
            "",
        );
        // GitHub
        check(
            r#"{"message":"Validation Failed","errors":[{"resource":"Label","field":"name","code":"already_exists"},{"code":"custom","message":"no"}]}"#,
            "",
            "Validation Failed; name: already_exists; no",
            "",
        );
        // Google
        check(
            r#"{"error":{"code":400,"message":"bad","status":"INVALID_ARGUMENT","errors":[{"message":"bad","reason":"invalid"}],"details":[{"@type":"x.ErrorInfo","reason":"R"},{"@type":"x.BadRequest","fieldViolations":[{"field":"zone","description":"is no zone"}]}]}}"#,
            "INVALID_ARGUMENT",
            "bad; zone: is no zone",
            "",
        );
        // Azure
        check(
            r#"{"error":{"code":"BadRequest","message":"no","details":[{"code":"Q","target":"sku","message":"no quota"}]}}"#,
            "BadRequest",
            "no; sku: no quota",
            "",
        );
        // JSON:API
        check(
            r#"{"errors":[{"status":"422","title":"Invalid","detail":"is short","source":{"pointer":"/data/name"}}]}"#,
            "",
            "/data/name: is short",
            "",
        );
        // Kubernetes
        check(
            r#"{"kind":"Status","message":"pods \"x\" not found","reason":"NotFound","code":404}"#,
            "NotFound",
            "pods \"x\" not found",
            "",
        );
        check(
            r#"[{"code":"X1","message":"first"},{"code":"X2","message":"second"}]"#,
            "X1",
            "first; second",
            "",
        );
        check(r#"{"errors":["Forbidden","No"]}"#, "", "Forbidden; No", "");
    }

    #[test]
    fn a_body_in_no_known_shape_is_shown_masked_and_bounded() {
        check(
            r#"{"why":{"odd":1},"client_secret":"abc"}"#,
            "",
            r#"{"why":{"odd":1},"client_secret":"***"}"#,
            "",
        );
        check("[]", "", "", "");
        check("null", "", "", "");
        let long = format!(r#"{{"odd":["{}"]}}"#, "x".repeat(4000));
        let message = RemoteError::read(&answer(&long)).message.expect("an excerpt");
        assert!(message.len() <= MAX_EXCERPT + '…'.len_utf8(), "{message}");
    }

    #[test]
    fn the_header_of_aws_names_the_error() {
        let mut response = answer(r#"{"message":"no"}"#);
        let name = HeaderValue::from_static("ValidationException:http://x.example/");
        response.headers.insert("x-amzn-errortype", name);
        let error = RemoteError::read(&response);
        assert_eq!(error.code.as_deref(), Some("ValidationException"));
        assert_eq!(error.message.as_deref(), Some("no"));
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
            "<s:Fault><faultcode>s:Client</faultcode><faultstring>no</faultstring></s:Fault>",
            "s:Client",
            "no",
            "",
        );
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
