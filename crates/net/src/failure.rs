//! Why no usable response arrived.
//!
//! Owns: [`Failure`] with its causes, and the message for each.
//! Refuses: responses with an error status; see [`crate::status_report`].
//! Surprise: all external text in a failure has passed the redactor, and so have its URLs.

use std::time::Duration;

use strataql_diag::{Code, RemoteFailure, Report, duration};
use strataql_spec::HttpVerb;

/// The step that timed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Connecting.
    Connect,
    /// Waiting for the first byte of the response.
    Answer,
    /// Waiting for further bytes of the response.
    Stall,
    /// The whole request, including retries.
    Total,
}

/// Why no usable response arrived.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The host name is unknown.
    #[error("the host name cannot be resolved")]
    Dns,
    /// The connection was refused.
    #[error("the connection was refused")]
    Refused,
    /// The connection failed for another reason.
    #[error("the connection could not be made: {detail}")]
    Unreachable {
        /// The system's message.
        detail: String,
    },
    /// The encrypted connection could not be set up.
    #[error("the encrypted connection could not be set up: {detail}")]
    Tls {
        /// The TLS error.
        detail: String,
    },
    /// A timeout.
    #[error("{}", late(*phase, *limit))]
    Timeout {
        /// The step that timed out.
        phase: Phase,
        /// The time limit.
        limit: Duration,
    },
    /// The connection broke.
    #[error("the server broke the connection")]
    Reset,
    /// The response ended before it was complete.
    #[error("the answer was cut off after {received} bytes{}", of_expected(*expected))]
    Truncated {
        /// Bytes received.
        received: u64,
        /// Bytes announced.
        expected: Option<u64>,
    },
    /// The response exceeds the limit.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The decompression ratio exceeds the limit.
    #[error("the answer grows more than {ratio}-fold when decompressed ({received} bytes came)")]
    Inflated {
        /// Compressed bytes so far.
        received: u64,
        /// The limit.
        ratio: u64,
    },
    /// The response cannot be decompressed.
    #[error("the content encoding of the answer cannot be undone: {detail}")]
    Encoding {
        /// The cause.
        detail: String,
    },
    /// The server asked to be left alone, for longer than the request may take.
    #[error("the service asked for no request in the next {}", duration(*wait))]
    Throttled {
        /// For how long from now.
        wait: Duration,
    },
    /// Too many redirects.
    #[error("the server redirected more than {limit} times")]
    Redirects {
        /// Maximum number of redirects.
        limit: u32,
    },
    /// The server redirects to an origin that must not get the credential.
    #[error("{}", .0.message)]
    CrossOrigin(Box<Report>),
    /// There is no credential, or the token endpoint rejected it.
    #[error("{}", .0.message)]
    Credential(Box<Report>),
    /// The request cannot be sent at all: invalid URL, header or client configuration.
    #[error("{}", .0.message)]
    Unsendable(Box<Report>),
}

/// A request without a usable response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{verb} {url}: {cause}")]
pub struct Failure {
    /// The cause.
    pub cause: Cause,
    /// HTTP verb.
    pub verb: HttpVerb,
    /// The logical URL, redacted.
    pub url: String,
    /// The endpoint that replaces the server of the URL.
    pub endpoint: Option<Box<str>>,
    /// The provider whose access token was being fetched, if that failed.
    pub token_of: Option<Box<str>>,
    /// HTTP status of the last attempt, if it had an unusable response.
    pub status: Option<u16>,
    /// How often the request was sent.
    pub attempts: u32,
    /// Time spent waiting in gates and back-off.
    pub waited: Duration,
    /// True when the server may have received the request or a part of it. For a write this means
    /// that its outcome is unknown.
    pub maybe_sent: bool,
}

impl Failure {
    /// True when this was a write that may have happened.
    pub fn is_outcome_unknown(&self) -> bool {
        self.maybe_sent && !self.verb.is_safe()
    }

    fn attached(&self, report: Report) -> Report {
        let report = report.with_remote(RemoteFailure {
            status: self.status,
            verb: self.verb.to_string(),
            url: self.url.clone(),
            attempts: self.attempts,
            ..RemoteFailure::default()
        });
        match &self.token_of {
            Some(provider) => report.with_note(format!(
                "the request asks for the access token of provider `{provider}`"
            )),
            None => report,
        }
    }
}

impl From<Failure> for Report {
    fn from(failure: Failure) -> Self {
        let (code, help) = match &failure.cause {
            Cause::CrossOrigin(report) | Cause::Credential(report) | Cause::Unsendable(report) => {
                let report = Self::clone(report);
                return if report.remote.is_some() { report } else { failure.attached(report) };
            }
            Cause::Dns => (
                Code::RemoteUnavailable,
                "check the host name and the network; a proxy may be needed to reach it",
            ),
            Cause::Refused | Cause::Unreachable { .. } => (
                Code::RemoteUnavailable,
                "check the address, the network and the proxy, then run the statement again",
            ),
            Cause::Reset | Cause::Truncated { .. } => (
                Code::RemoteUnavailable,
                "run the statement again; if it keeps happening, look at it with `--http-log`",
            ),
            Cause::Tls { .. } => (
                Code::TlsFailed,
                "if a proxy or a private authority signs for this host, trust its certificate too",
            ),
            Cause::Timeout { .. } => {
                (Code::Timeout, "run the statement again, or allow more time with `--timeout`")
            }
            Cause::Throttled { .. } => (
                Code::RateLimited,
                "wait for that time, or make the statement send fewer requests (see `EXPLAIN`)",
            ),
            Cause::TooLarge { .. } => (
                Code::ResponseTooLarge,
                "narrow the statement, or ask for smaller pages with the method's page size",
            ),
            Cause::Inflated { .. } => {
                (Code::ResponseTooLarge, "look at the answer with `--http-log`; it may be hostile")
            }
            Cause::Encoding { .. } | Cause::Redirects { .. } => {
                (Code::RemoteRejected, "look at the answer with `--http-log`")
            }
        };
        let tried = match failure.attempts {
            0 | 1 => String::new(),
            attempts => format!(" after {attempts} attempts"),
        };
        let sent = match &failure.endpoint {
            Some(endpoint) => format!(", sent to `{endpoint}`,"),
            None => String::new(),
        };
        let message =
            format!("`{} {}`{sent} failed{tried}: {}", failure.verb, failure.url, failure.cause);
        failure.attached(Self::new(code, message).with_help(help))
    }
}

impl From<Failure> for Box<Report> {
    fn from(failure: Failure) -> Self {
        Self::new(failure.into())
    }
}

fn late(phase: Phase, limit: Duration) -> String {
    let limit = duration(limit);
    match phase {
        Phase::Connect => format!("no connection could be made within {limit}"),
        Phase::Answer => format!("no answer began within {limit}"),
        Phase::Stall => format!("the answer stopped for {limit}"),
        Phase::Total => format!("the request and its repetitions took longer than {limit}"),
    }
}

fn of_expected(expected: Option<u64>) -> String {
    expected.map_or_else(String::new, |expected| format!(" of {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(cause: Cause) -> Failure {
        Failure {
            cause,
            verb: HttpVerb::Post,
            url: "https://h.example/x".to_owned(),
            endpoint: None,
            token_of: None,
            status: None,
            attempts: 3,
            waited: Duration::from_secs(2),
            maybe_sent: true,
        }
    }

    #[test]
    fn every_cause_becomes_a_report_with_code_object_cause_and_next_step() {
        let timeout = |phase| Cause::Timeout { phase, limit: Duration::from_mins(1) };
        let detail = || "odd".to_owned();
        for (cause, code) in [
            (Cause::Dns, Code::RemoteUnavailable),
            (Cause::Refused, Code::RemoteUnavailable),
            (Cause::Unreachable { detail: detail() }, Code::RemoteUnavailable),
            (Cause::Tls { detail: detail() }, Code::TlsFailed),
            (timeout(Phase::Connect), Code::Timeout),
            (timeout(Phase::Answer), Code::Timeout),
            (timeout(Phase::Stall), Code::Timeout),
            (timeout(Phase::Total), Code::Timeout),
            (Cause::Reset, Code::RemoteUnavailable),
            (Cause::Truncated { received: 1, expected: Some(2) }, Code::RemoteUnavailable),
            (Cause::Throttled { wait: Duration::from_secs(90) }, Code::RateLimited),
            (Cause::TooLarge { limit: 1 }, Code::ResponseTooLarge),
            (Cause::Inflated { received: 1, ratio: 200 }, Code::ResponseTooLarge),
            (Cause::Encoding { detail: detail() }, Code::RemoteRejected),
            (Cause::Redirects { limit: 5 }, Code::RemoteRejected),
        ] {
            let report = Report::from(failure(cause.clone()));
            assert_eq!(report.code, code, "{cause:?}");
            assert!(report.message.contains("POST https://h.example/x"), "{report}");
            assert!(report.message.contains("after 3 attempts: "), "{report}");
            assert!(report.message.ends_with(&cause.to_string()), "{report}");
            assert_eq!(report.help.len(), 1, "{cause:?}");
            let remote = report.remote.expect("facts");
            assert_eq!((remote.attempts, remote.status), (3, None));
        }
    }

    #[test]
    fn the_server_that_was_really_asked_is_named() {
        let mut failure = failure(Cause::Refused);
        failure.endpoint = Some("http://localhost:1".into());
        let report = Report::from(failure);
        let start = "`POST https://h.example/x`, sent to `http://localhost:1`, failed after";
        assert!(report.message.starts_with(start), "{report}");
    }

    #[test]
    fn a_failed_token_request_says_for_whom_and_keeps_the_inner_report() {
        let inner = Report::new(Code::CredentialRefused, "no entry").with_help("look");
        let mut failure = failure(Cause::Credential(Box::new(inner)));
        failure.token_of = Some("dbx".into());
        let report = Report::from(failure);
        assert_eq!((report.code, report.message.as_str()), (Code::CredentialRefused, "no entry"));
        assert!(report.notes[0].contains("`dbx`"), "{report:?}");
    }

    #[test]
    fn only_writes_that_may_have_arrived_have_an_unknown_outcome() {
        let mut failure = failure(Cause::Reset);
        assert!(failure.is_outcome_unknown());
        failure.maybe_sent = false;
        assert!(!failure.is_outcome_unknown());
        failure.maybe_sent = true;
        failure.verb = HttpVerb::Get;
        assert!(!failure.is_outcome_unknown());
    }
}
