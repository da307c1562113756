//! Messages for responses with an error status.
//!
//! Owns: the mapping of statuses to codes, and the sentence.
//! Refuses: missing responses; see [`crate::Failure`].

use http::HeaderMap;
use http::header::RETRY_AFTER;
use strataql_diag::{Code, RemoteFailure, Report, duration};

use crate::remote_error::RemoteError;
use crate::request::{Facts, Response};
use crate::trace::Purpose;

/// The report of an error response.
pub fn status_report(facts: &Facts, response: &Response) -> Report {
    let error = RemoteError::read(response);
    let (code, help) = verdict(facts, response.status);
    let who = match facts.purpose {
        Purpose::Call => "the API",
        Purpose::Token => "the token endpoint",
    };
    let mut message = format!("{who} answered {}", response.status);
    match (&error.code, reason(response.status)) {
        (Some(code), _) => message.extend([" ", code]),
        (None, Some(reason)) => message.extend([" ", reason]),
        (None, None) => {}
    }
    if let Some(text) = &error.message {
        message.extend([": \"", text, "\""]);
    }
    if let Some(id) = &error.request_id {
        message.extend([" (request id ", id, ")"]);
    }
    if response.attempts > 1 {
        message.extend([" after ", &response.attempts.to_string(), " attempts"]);
    }
    let mut report = Report::new(code, message).with_help(help);
    if let Some(skew) = response.skew.filter(|_| matches!(response.status, 400 | 401 | 403)) {
        report = report.with_note(format!(
            "the clock of this machine differs from the service's by {}; services refuse credentials \
             that are not of their time",
            duration(skew)
        ));
    }
    report.with_remote(RemoteFailure {
        status: Some(response.status),
        code: error.code,
        message: error.message,
        request_id: error.request_id,
        verb: facts.verb.to_string(),
        url: facts.url.clone(),
        attempts: response.attempts,
    })
}

/// True if a response with this status does not show whether a write was carried out: a gateway may
/// have given up on a server that carries on, and a redirect does not state what preceded it.
pub fn leaves_open(status: u16, headers: &HeaderMap) -> bool {
    match status {
        503 => !headers.contains_key(RETRY_AFTER),
        300..=399 | 408 | 499 | 500 | 502 | 504 | 520.. => true,
        _ => false,
    }
}

fn reason(status: u16) -> Option<&'static str> {
    http::StatusCode::from_u16(status).ok()?.canonical_reason()
}

fn verdict(facts: &Facts, status: u16) -> (Code, String) {
    let provider = &facts.provider;
    match status {
        400..=499 if facts.purpose == Purpose::Token && !matches!(status, 408 | 429) => (
            Code::CredentialRefused,
            format!("check client id, secret and token address of provider `{provider}`"),
        ),
        401 => (
            Code::CredentialRefused,
            format!(
                "check the environment variables, or the `--auth` entry, that provider `{provider}` takes its credential from"
            ),
        ),
        403 => (
            Code::CredentialRefused,
            format!("give the principal of provider `{provider}` this permission, or use another"),
        ),
        404 => (Code::RemoteMissing, "check the identifiers in the statement".to_owned()),
        409 => (
            Code::RemoteConflict,
            "read the object's present state, then decide whether to repeat the change".to_owned(),
        ),
        429 => (
            Code::RateLimited,
            "wait a while, or make the statement send fewer requests (see `EXPLAIN`)".to_owned(),
        ),
        300..=399 => (
            Code::RemoteRejected,
            "the service moved; check the server in the provider document or `--endpoint`"
                .to_owned(),
        ),
        500.. => (
            Code::RemoteUnavailable,
            "run the statement again later; quote the request id to the service's support"
                .to_owned(),
        ),
        _ => (
            Code::RemoteRejected,
            "correct the values that the service names, and run the statement again".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use strataql_spec::HttpVerb;
    use url::Url;

    use super::*;
    use crate::request::Request;

    fn report(status: u16, body: &str, attempts: u32) -> Report {
        let url = Url::parse("https://h.example/x").expect("a URL");
        let request = Request::new("dbx", HttpVerb::Get, url);
        let mut response = Response::new(status, HeaderMap::new(), body.to_owned(), &request);
        response.attempts = attempts;
        status_report(&response.facts.clone(), &response)
    }

    #[test]
    fn the_sentence_quotes_the_service_and_the_facts_name_the_request() {
        let body = r#"{"error_code":"PERMISSION_DENIED","message":"not yours","request_id":"7f3"}"#;
        assert_eq!(
            report(403, body, 1).message,
            "the API answered 403 PERMISSION_DENIED: \"not yours\" (request id 7f3)"
        );
        assert_eq!(
            report(503, "", 3).message,
            "the API answered 503 Service Unavailable after 3 attempts"
        );
        // interfaces show the request from here
        let remote = report(403, body, 1).remote.expect("facts");
        assert_eq!((remote.status, remote.code.as_deref()), (Some(403), Some("PERMISSION_DENIED")));
        assert_eq!((remote.verb.as_str(), remote.url.as_str()), ("GET", "https://h.example/x"));
    }

    #[test]
    fn a_refusal_of_the_token_endpoint_is_one_of_the_client() {
        let url = Url::parse("https://h.example/token").expect("a URL");
        let request = Request::new("dbx", HttpVerb::Post, url);
        for (status, code) in [
            (400, Code::CredentialRefused),
            (404, Code::CredentialRefused),
            (408, Code::RemoteRejected),
            (429, Code::RateLimited),
            (503, Code::RemoteUnavailable),
        ] {
            let mut response = Response::new(status, HeaderMap::new(), "", &request);
            response.facts.purpose = Purpose::Token;
            let report = status_report(&response.facts, &response);
            let start = format!("the token endpoint answered {status}");
            assert!(report.message.starts_with(&start), "{report}");
            assert_eq!(report.code, code, "{status}");
        }
    }

    #[test]
    fn statuses_that_do_not_prove_a_refusal_leave_a_write_open() {
        let none = HeaderMap::new();
        for status in [300, 302, 304, 399, 408, 499, 500, 502, 503, 504, 520, 524, 599, 999] {
            assert!(leaves_open(status, &none), "{status}");
        }
        for status in [200, 204, 400, 401, 403, 404, 409, 422, 429, 451, 501, 505, 511, 519] {
            assert!(!leaves_open(status, &none), "{status}");
        }
        let later = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("1"))]);
        assert!(!leaves_open(503, &later));
        assert!(leaves_open(500, &later));
    }

    #[test]
    fn statuses_map_to_codes_with_a_next_step() {
        for (status, code) in [
            (301, Code::RemoteRejected),
            (400, Code::RemoteRejected),
            (401, Code::CredentialRefused),
            (403, Code::CredentialRefused),
            (404, Code::RemoteMissing),
            (409, Code::RemoteConflict),
            (422, Code::RemoteRejected),
            (429, Code::RateLimited),
            (500, Code::RemoteUnavailable),
            (599, Code::RemoteUnavailable),
        ] {
            let report = report(status, "", 1);
            assert_eq!((report.code, report.help.len()), (code, 1), "{status}");
        }
    }
}
