//! Why no usable answer came.
//!
//! Owns: [`Failure`] with its causes, and what users read about each.
//! Refuses: answers with a bad status; those are [`crate::status_report`]'s.
//! Surprise: a failure holds no text that came from outside without having passed the redactor, and
//! no URL but a redacted one.

use std::time::Duration;

use strataql_diag::{Code, RemoteFailure, Report, duration};
use strataql_spec::HttpVerb;

/// What a server took too long for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Accepting a connection.
    Connect,
    /// Beginning its answer.
    Answer,
    /// Going on with its answer.
    Stall,
    /// Everything, repetitions included.
    Total,
}

/// Why no usable answer came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The host name is unknown.
    #[error("the host name cannot be resolved")]
    Dns,
    /// Nothing listens there.
    #[error("the connection was refused")]
    Refused,
    /// The connection could not be made for another reason.
    #[error("the connection could not be made: {detail}")]
    Unreachable {
        /// What the system says.
        detail: String,
    },
    /// The encrypted connection could not be set up.
    #[error("the encrypted connection could not be set up: {detail}")]
    Tls {
        /// What TLS says.
        detail: String,
    },
    /// It took too long.
    #[error("{}", late(*phase, *limit))]
    Timeout {
        /// What took too long.
        phase: Phase,
        /// How long was waited.
        limit: Duration,
    },
    /// The connection broke.
    #[error("the server broke the connection")]
    Reset,
    /// The answer ended before it was complete.
    #[error("the answer was cut off after {received} bytes{}", of_expected(*expected))]
    Truncated {
        /// Bytes that came.
        received: u64,
        /// Bytes that were announced.
        expected: Option<u64>,
    },
    /// The answer exceeds the limit.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The answer grows suspiciously when decompressed.
    #[error("the answer grows more than {ratio}-fold when decompressed ({received} bytes came)")]
    Inflated {
        /// Compressed bytes so far.
        received: u64,
        /// The limit.
        ratio: u64,
    },
    /// The answer's content encoding cannot be undone.
    #[error("the content encoding of the answer cannot be undone: {detail}")]
    Encoding {
        /// What is wrong.
        detail: String,
    },
    /// The server asked to be left alone, for longer than the request may take.
    #[error("the service asked for no request in the next {}", duration(*wait))]
    Throttled {
        /// For how long from now.
        wait: Duration,
    },
    /// The server redirects in circles.
    #[error("the server redirected more than {limit} times")]
    Redirects {
        /// How many redirects are followed.
        limit: u32,
    },
    /// The server redirects to where the credential must not go.
    #[error("{}", .0.message)]
    CrossOrigin(Box<Report>),
    /// There is no credential, or it was refused when a token was asked for.
    #[error("{}", .0.message)]
    Credential(Box<Report>),
    /// The request cannot be sent at all: its address, a header, the client's set-up.
    #[error("{}", .0.message)]
    Unsendable(Box<Report>),
}

/// A request that got no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{verb} {url}: {cause}")]
pub struct Failure {
    /// Why.
    pub cause: Cause,
    /// HTTP verb.
    pub verb: HttpVerb,
    /// The logical URL, redacted.
    pub url: String,
    /// The server that stands in for the one of the URL.
    pub endpoint: Option<Box<str>>,
    /// The provider whose access token was being fetched, when that is what failed.
    pub token_of: Option<Box<str>>,
    /// HTTP status of the last attempt's answer, when one had begun but is of no use.
    pub status: Option<u16>,
    /// How often the request was sent.
    pub attempts: u32,
    /// Time spent in gates and back-off.
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
