//! Requests of grants.
//!
//! Owns: sending them like any other request of the provider, so that replacement endpoints, proxies,
//! limits and logs apply to them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use strataql_diag::{Redactor, Report};
use strataql_spec::HttpVerb;
use url::{Url, form_urlencoded};

use super::header::header_value;
use super::sign::Sign;
use crate::failure::{Cause, Failure};
use crate::request::{Repeat, Response, SigningScope};
use crate::sender::{Errand, Sender};
use crate::status::status_report;

/// How long a metadata service may take. It is on the same machine, or it is not there.
const METADATA_LIMIT: Duration = Duration::from_secs(1);

/// A request of a grant.
pub(in crate::auth) struct Ask {
    verb: HttpVerb,
    url: Url,
    headers: HeaderMap,
    body: Option<Bytes>,
    signer: Option<Arc<dyn Sign>>,
    scope: Option<Arc<SigningScope>>,
    limit: Option<Duration>,
    is_single: bool,
}

impl Ask {
    /// A GET.
    pub(in crate::auth) fn get(url: Url) -> Self {
        Self {
            verb: HttpVerb::Get,
            url,
            headers: HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("*/*"))]),
            body: None,
            signer: None,
            scope: None,
            limit: None,
            is_single: false,
        }
    }

    /// A PUT without a body.
    pub(in crate::auth) fn put(url: Url) -> Self {
        Self { verb: HttpVerb::Put, body: Some(Bytes::new()), ..Self::get(url) }
    }

    /// A POST of a form.
    pub(in crate::auth) fn form<'a>(
        url: Url,
        fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let media = HeaderValue::from_static("application/x-www-form-urlencoded");
        let mut ask = Self::get(url);
        ask.headers.insert(CONTENT_TYPE, media);
        Self { verb: HttpVerb::Post, body: Some(form.finish().into()), ..ask }
    }

    /// A POST of JSON.
    pub(in crate::auth) fn json(url: Url, body: &serde_json::Value) -> Self {
        let mut ask = Self::get(url);
        ask.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { verb: HttpVerb::Post, body: Some(body.to_string().into()), ..ask }
    }

    /// With a header.
    pub(in crate::auth) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// With a secret header.
    pub(in crate::auth) fn secret(
        mut self,
        name: &'static str,
        prefix: &str,
        secret: &SecretString,
    ) -> Self {
        if let Some(value) = header_value(prefix, secret) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// With a secret header whose name a file gives.
    pub(in crate::auth) fn any_secret(mut self, name: &str, secret: &SecretString) -> Self {
        let value = header_value("", secret);
        if let (Ok(name), Some(value)) = (HeaderName::try_from(name), value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// With a user name and a password.
    pub(in crate::auth) fn basic(self, user: &str, password: &SecretString) -> Self {
        use base64::Engine as _;
        let pair = format!("{user}:{}", password.expose_secret());
        let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
        self.secret("authorization", "Basic ", &SecretString::from(encoded))
    }

    /// Sent once, and not redirected.
    pub(in crate::auth) fn once(mut self) -> Self {
        self.is_single = true;
        self
    }

    /// Signed for a service.
    pub(in crate::auth) fn signed(mut self, signer: Arc<dyn Sign>, scope: SigningScope) -> Self {
        self.signer = Some(signer);
        self.scope = Some(Arc::new(scope));
        self
    }

    /// To a service on the same machine, which answers soon or is not there.
    pub(in crate::auth) fn nearby(mut self) -> Self {
        self.limit = Some(METADATA_LIMIT);
        self
    }
}

/// Sends requests of one provider's grants.
#[derive(Clone)]
pub(in crate::auth) struct Asker {
    pub(in crate::auth) provider: String,
    pub(in crate::auth) redactor: Redactor,
}

impl Asker {
    /// Sends a request; any status is an answer.
    pub(in crate::auth) async fn send(
        &self,
        core: &Arc<dyn Sender>,
        ask: Ask,
    ) -> Result<Response, Failure> {
        let shown = self.shown(&ask.url);
        let (verb, limit) = (ask.verb, ask.limit);
        let errand = Errand {
            provider: self.provider.clone(),
            verb: ask.verb,
            url: ask.url,
            headers: ask.headers,
            body: ask.body,
            // asking twice for a token changes nothing; whoever is not there need not be asked twice
            repeat: if limit.is_some() || ask.is_single { Repeat::Never } else { Repeat::Safe },
            scope: ask.scope,
            signer: ask.signer,
        };
        let sent = Arc::clone(core).send(errand);
        let Some(limit) = limit else { return sent.await };
        match tokio::time::timeout(limit, sent).await {
            Ok(result) => result,
            Err(_) => Err(Failure {
                cause: Cause::Timeout { phase: crate::failure::Phase::Answer, limit },
                verb,
                url: shown,
                endpoint: None,
                token_of: Some(self.provider.as_str().into()),
                status: None,
                attempts: 1,
                waited: Duration::ZERO,
                maybe_sent: false,
            }),
        }
    }

    /// Marks a text as secret.
    pub(in crate::auth) fn registered(&self, secret: &str) -> SecretString {
        self.redactor.register(secret);
        SecretString::from(secret)
    }

    /// The failure of a service that refused to give a credential.
    pub(in crate::auth) fn refused(&self, response: &Response) -> Failure {
        self.failure(status_report(&response.facts, response), Some(response))
    }

    /// A failure with a report of its own.
    pub(in crate::auth) fn failure(&self, report: Report, response: Option<&Response>) -> Failure {
        let report = report.redacted(&self.redactor);
        Failure {
            cause: Cause::Credential(Box::new(report)),
            verb: response.map_or(HttpVerb::Get, |response| response.facts.verb),
            url: response.map(|response| response.facts.url.clone()).unwrap_or_default(),
            endpoint: None,
            token_of: Some(self.provider.as_str().into()),
            status: response.map(|response| response.status),
            attempts: response.map_or(0, |response| response.attempts),
            waited: Duration::ZERO,
            maybe_sent: false,
        }
    }

    fn shown(&self, url: &Url) -> String {
        self.redactor.redact(&crate::origin::shown(url)).into_owned()
    }
}
