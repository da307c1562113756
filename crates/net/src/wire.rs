//! One attempt: from a request to the last byte of its response.
//!
//! Owns: the physical URL, the final headers, the time limits of one attempt, and the
//! classification of connection errors.
//! Refuses: retries.
//! Surprise: credentials are added here, to the physical request only. Logs and reports use the
//! logical URL, which never has them.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderValue;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HOST};
use strataql_diag::{Code, Report};
use url::Url;

use crate::attempt::{Answer, WireRequest};
use crate::auth::Authorised;
use crate::exchange::{Core, Outgoing};
use crate::failure::{Cause, Phase};
use crate::inflate::{Body, declared_length};
use crate::origin::Origin;
use crate::trace::{self, Attempt};

/// One attempt to be made.
pub(crate) struct Shipment<'a> {
    pub(crate) core: &'a Arc<Core>,
    pub(crate) outgoing: &'a Outgoing,
    /// The logical URL of this attempt.
    pub(crate) url: &'a Url,
    /// The same, redacted.
    pub(crate) shown: String,
    pub(crate) authorised: &'a Authorised,
    pub(crate) attempt: u32,
    /// The remaining budget.
    pub(crate) remaining: Duration,
}

/// An attempt without a usable response.
pub(crate) struct Broken {
    pub(crate) cause: Cause,
    /// The status of a response that had begun.
    pub(crate) status: Option<u16>,
    pub(crate) received: u64,
    pub(crate) maybe_sent: bool,
}

impl Broken {
    fn before_sending(cause: Cause) -> Self {
        Self { cause, status: None, received: 0, maybe_sent: false }
    }
}

impl Shipment<'_> {
    /// Makes the attempt and reports it to log and observer.
    pub(crate) async fn send(self) -> Result<Answer, Broken> {
        let request = self.wire_request().map_err(Broken::before_sending)?;
        let redactor = &self.core.redactor;
        let mut record = self.record();
        let body = request.body.as_deref();
        self.log(|| trace::sent_lines(&record, &request.headers, body, redactor));
        let start = self.core.clock.now();
        let result = self.transfer(request, start).await;
        record.elapsed = self.core.clock.now().saturating_duration_since(start);
        match &result {
            Ok(answer) => {
                record.status = Some(answer.status);
                record.bytes = answer.received;
                self.log(|| {
                    let Answer { status, headers, body, .. } = answer;
                    trace::answer_lines(&record, *status, headers, body, redactor)
                });
            }
            Err(broken) => {
                record.bytes = broken.received;
                let cause = broken.cause.to_string();
                self.log(|| vec![trace::failure_line(&record, &cause, redactor)]);
            }
        }
        tracing::debug!(
            provider = %record.provider, verb = %record.verb, url = %record.url,
            status = record.status, bytes = record.bytes, attempt = record.attempt,
            elapsed_ms = record.elapsed.as_millis(), "http attempt"
        );
        if let Some(observer) = &self.core.settings.observer {
            observer.on_attempt(&record);
        }
        result
    }

    fn record(&self) -> Attempt {
        Attempt {
            provider: self.outgoing.provider.clone(),
            purpose: self.outgoing.purpose,
            verb: self.outgoing.verb,
            url: self.shown.clone(),
            status: None,
            bytes: 0,
            elapsed: Duration::ZERO,
            attempt: self.attempt,
        }
    }

    fn log(&self, lines: impl FnOnce() -> Vec<String>) {
        if let Some(log) = &self.core.settings.http_log {
            for line in lines() {
                log(&line);
            }
        }
    }

    /// The request with the credential, which is the last to touch it.
    fn wire_request(&self) -> Result<WireRequest, Cause> {
        let mut url = self.url.clone();
        let mut headers = self.outgoing.headers.clone();
        headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("gzip"));
        // user information would become a second credential
        let _without = url.set_username("");
        let _without = url.set_password(None);
        url.set_fragment(None);
        if let Some(endpoint) = self.endpoint() {
            let original = Origin::of(&url).map(|origin| origin.authority());
            let host = original.and_then(|host| HeaderValue::from_str(&host).ok());
            headers.insert(HOST, host.ok_or_else(|| unsendable("the host cannot be named"))?);
            stand_in(&mut url, endpoint)
                .ok_or_else(|| unsendable("the endpoint's address cannot be used"))?;
        }
        let body = self.outgoing.body.clone();
        let mut request = WireRequest {
            verb: self.outgoing.verb,
            url,
            headers,
            body,
            scope: self.outgoing.scope.clone(),
            time: self.core.clock.wall(),
        };
        self.authorised.sign(&mut request).map_err(Cause::Credential)?;
        Ok(request)
    }

    fn endpoint(&self) -> Option<&Url> {
        self.core.settings.endpoints.get(&self.outgoing.provider)
    }

    async fn transfer(&self, request: WireRequest, start: Instant) -> Result<Answer, Broken> {
        let settings = &self.core.settings;
        let WireRequest { verb, url, headers, body, .. } = request;
        let client = self
            .core
            .clients
            .of(settings, &url, self.endpoint().is_some())
            .map_err(|report| Broken::before_sending(Cause::Unsendable(report)))?;
        let is_tls = url.scheme() == "https";
        let verb = http::Method::from_bytes(verb.as_str().as_bytes())
            .expect("verbs of documents are methods of HTTP");
        let mut request = client.request(verb, url).headers(headers);
        if let Some(body) = body {
            request = request.body(body);
        }
        let request = request.build().map_err(|_| {
            Broken::before_sending(unsendable("the request's address or headers cannot be used"))
        })?;
        let sent =
            self.within(settings.answer_timeout, Phase::Answer, start, client.execute(request));
        let response = match sent.await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                let maybe_sent = !error.is_connect() && !error.is_builder();
                let cause = self.cause_of(&error, is_tls, None);
                return Err(Broken { cause, status: None, received: 0, maybe_sent });
            }
            Err(cause) => {
                return Err(Broken { cause, status: None, received: 0, maybe_sent: true });
            }
        };
        self.receive(response, start).await
    }

    async fn receive(&self, response: reqwest::Response, start: Instant) -> Result<Answer, Broken> {
        let mut response = response;
        let settings = &self.core.settings;
        let status = response.status().as_u16();
        let mut headers = std::mem::take(response.headers_mut());
        let expected = declared_length(&headers);
        let broken =
            |cause, received| Broken { cause, status: Some(status), received, maybe_sent: true };
        let mut body = Body::new(&headers, settings.max_body, &self.core.buffers)
            .map_err(|cause| broken(cause, 0))?;
        loop {
            let chunk = self.within(settings.stall_timeout, Phase::Stall, start, response.chunk());
            let received = body.received();
            match chunk.await {
                Ok(Ok(Some(chunk))) => {
                    body.push(&chunk).map_err(|cause| broken(cause, body.received()))?;
                }
                Ok(Ok(None)) => break,
                Ok(Err(error)) => {
                    let cause = self.cause_of(&error, false, Some((received, expected)));
                    return Err(broken(cause, received));
                }
                Err(cause) => return Err(broken(cause, received)),
            }
        }
        let received = body.received();
        let body = body.finish().map_err(|cause| broken(cause, received))?;
        if headers.remove(CONTENT_ENCODING).is_some() {
            headers.remove(CONTENT_LENGTH);
        }
        Ok(Answer { status, headers, body, received })
    }

    /// Awaits a step within its own limit and the remaining budget.
    async fn within<T>(
        &self,
        limit: Duration,
        phase: Phase,
        start: Instant,
        step: impl Future<Output = T>,
    ) -> Result<T, Cause> {
        let spent = self.core.clock.now().saturating_duration_since(start);
        let left = self.remaining.saturating_sub(spent);
        let late = if left < limit {
            Cause::Timeout { phase: Phase::Total, limit: self.core.settings.retry.budget }
        } else {
            Cause::Timeout { phase, limit }
        };
        tokio::time::timeout(limit.min(left), step).await.map_err(|_| late)
    }

    /// Classifies an error. `reading` has the bytes received and expected once the response has
    /// begun.
    fn cause_of(
        &self,
        error: &reqwest::Error,
        is_tls: bool,
        reading: Option<(u64, Option<u64>)>,
    ) -> Cause {
        let clean = |text: String| self.core.redactor.redact(&text).into_owned();
        if error.is_connect() && error.is_timeout() {
            let limit = self.core.settings.connect_timeout;
            return Cause::Timeout { phase: Phase::Connect, limit };
        }
        if error.is_dns() {
            return Cause::Dns;
        }
        if let Some(detail) = tls_detail(error) {
            return Cause::Tls { detail: clean(detail) };
        }
        let kind = io_kind(error);
        if let Some((received, expected)) = reading {
            return match kind {
                Some(ErrorKind::UnexpectedEof) => Cause::Truncated { received, expected },
                _ => Cause::Reset,
            };
        }
        match kind {
            _ if !error.is_connect() => Cause::Reset,
            Some(ErrorKind::ConnectionRefused) => Cause::Refused,
            Some(ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) if is_tls => {
                Cause::Tls { detail: "the server ended the handshake".to_owned() }
            }
            _ => Cause::Unreachable { detail: clean(innermost(error)) },
        }
    }
}

fn unsendable(cause: &str) -> Cause {
    let report = Report::new(Code::BadParamValue, cause)
        .with_help("check the values in the statement and the server of the provider document");
    Cause::Unsendable(Box::new(report))
}

/// Replaces scheme and authority.
fn stand_in(address: &mut Url, endpoint: &Url) -> Option<()> {
    address.set_scheme(endpoint.scheme()).ok()?;
    address.set_host(Some(endpoint.host_str()?)).ok()?;
    address.set_port(endpoint.port()).ok()
}

/// Every error of a chain, including those wrapped in `io::Error`, which `source` does not return.
fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error: &&'e (dyn Error + 'static)| {
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

fn tls_detail(error: &reqwest::Error) -> Option<String> {
    chain(error).find_map(|cause| Some(cause.downcast_ref::<rustls::Error>()?.to_string()))
}

fn io_kind(error: &reqwest::Error) -> Option<ErrorKind> {
    chain(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind).last()
}

fn innermost(error: &reqwest::Error) -> String {
    chain(error).last().map_or_else(String::new, ToString::to_string)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use bytes::Bytes;
    use http::HeaderMap;
    use strataql_diag::Redactor;
    use strataql_spec::HttpVerb;

    use super::*;
    use crate::auth::{Credential, Sign};
    use crate::clock::ManualClock;
    use crate::request::Repeat;
    use crate::settings::Settings;
    use crate::transport::Transport;

    /// A credential that writes down what it is asked to sign.
    #[derive(Default)]
    struct Witness(Mutex<Vec<String>>);

    impl Sign for Witness {
        fn identity(&self) -> u64 {
            1
        }

        fn principal(&self) -> String {
            "witness".to_owned()
        }

        fn sign(&self, request: &mut WireRequest) -> Result<(), Box<Report>> {
            let WireRequest { verb, url, headers, body, .. } = request;
            let header = |name| headers.get(name).map_or("", |value| value.to_str().expect("text"));
            let mut seen = self.0.lock().expect("no panic");
            seen.push(format!(
                "{verb} {url} host={} accept-encoding={} x={} body={}",
                header("host"),
                header("accept-encoding"),
                header("x"),
                body.as_ref().map_or(0, Bytes::len),
            ));
            let number = HeaderValue::from(seen.len());
            request.headers.insert("x-signature", number);
            if seen.len() == 3 {
                return Err(Box::new(Report::new(Code::NoCredential, "the session has ended")));
            }
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_credential_sees_the_whole_request_of_every_attempt_last() {
        let mut settings = Settings::default();
        let endpoint = Url::parse("http://127.0.0.1:9").expect("a URL");
        settings.endpoints.insert("p".to_owned(), endpoint);
        let clock = Arc::new(ManualClock::default());
        let transport = Transport::new(settings, clock, Redactor::new()).expect("settings");
        let witness = Arc::new(Witness::default());
        let signer: Arc<dyn Sign> = Arc::<Witness>::clone(&witness);
        let url = Url::parse("https://user@h.example/a?b=%2f#c").expect("a URL");
        let outgoing = Outgoing {
            provider: "p".to_owned(),
            purpose: trace::Purpose::Call,
            verb: HttpVerb::Post,
            url: url.clone(),
            headers: HeaderMap::from_iter([(
                "x".parse().expect("a name"),
                "y".parse().expect("a value"),
            )]),
            body: Some(Bytes::from_static(b"{}")),
            repeat: Repeat::Never,
            scope: None,
            credential: Arc::new(Credential::Signer(signer)),
        };
        let authorised =
            outgoing.credential.authorise(&transport.sender(), None).await.expect("no token");
        let shipment = |attempt| Shipment {
            core: transport.core(),
            outgoing: &outgoing,
            url: &url,
            shown: String::new(),
            authorised: &authorised,
            attempt,
            remaining: Duration::ZERO,
        };
        for attempt in 1..=2 {
            let request = shipment(attempt).wire_request().expect("a request");
            assert_eq!(request.headers["x-signature"], attempt.to_string());
        }
        let line = "POST http://127.0.0.1:9/a?b=%2f host=h.example accept-encoding=gzip x=y body=2";
        assert_eq!(*witness.0.lock().expect("no panic"), [line, line]);
        // what cannot be signed is not sent
        let broken = shipment(3).send().await.err().expect("no answer");
        assert!(matches!(broken.cause, Cause::Credential(_)) && !broken.maybe_sent);
    }
}
