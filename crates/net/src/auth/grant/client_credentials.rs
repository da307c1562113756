//! The grant `client_credentials`: an id and a secret for a token.
//!
//! Owns: the token request, and reading its answer leniently.
//! Surprise: services disagree on where id and secret belong. They are sent in the `Authorization`
//! header first, and in the form if that is refused; what worked is remembered.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use oauth2::basic::{BasicClient, BasicTokenResponse, BasicTokenType};
use oauth2::{AuthType, ClientId, ClientSecret, RequestTokenError, Scope, TokenResponse, TokenUrl};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};
use strataql_diag::{Code, Redactor, Report};
use strataql_spec::{AuthConfig, HttpVerb};
use url::Url;

use super::Grant;
use crate::auth::Credential;
use crate::auth::lookup::{Built, Lookup};
use crate::auth::template::token_url;
use crate::auth::token::Token;
use crate::exchange::{Core, Outgoing};
use crate::failure::{Cause, Failure};
use crate::request::{Repeat, Response};
use crate::settings::FixedCredential;
use crate::status::status_report;
use crate::trace::Purpose;

/// How the client shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// In the `Authorization` header; if that is refused, in the form.
    Either,
    Form,
    Header,
}

/// Id and secret of a client, and what it asks for.
pub(super) struct ClientCredentials {
    provider: String,
    url: Url,
    id: String,
    secret: SecretString,
    scopes: Vec<String>,
    values: Vec<(String, String)>,
    style: Style,
    identity: u64,
    redactor: Redactor,
    prefers_form: AtomicBool,
}

impl Grant for ClientCredentials {
    fn identity(&self) -> u64 {
        self.identity
    }

    fn principal(&self) -> &str {
        &self.id
    }

    fn fetch<'a>(&'a self, core: &'a Arc<Core>) -> BoxFuture<'a, Result<Token, Failure>> {
        self.request(core).boxed()
    }
}

impl ClientCredentials {
    /// Looks up everything that the token request needs.
    pub(super) fn build(config: &AuthConfig, lookup: &Lookup<'_>) -> Built<Self> {
        let (id, secret) = client(config, lookup)?;
        let url = token_url(config, lookup)?;
        let scopes = config.scopes.clone();
        let pairs = config.values.iter().flat_map(|(name, values)| {
            values.iter().map(move |value| (name.clone(), value.clone()))
        });
        let values: Vec<(String, String)> = pairs.collect();
        let mut hasher = DefaultHasher::new();
        // further fields of the form are part of it: an audience is one of them
        (url.as_str(), &id, secret.expose_secret(), &scopes, &values).hash(&mut hasher);
        Ok(Self {
            provider: lookup.provider.to_owned(),
            url,
            id,
            secret,
            scopes,
            values,
            style: match config.auth_style {
                Some(1) => Style::Form,
                Some(2) => Style::Header,
                _ => Style::Either,
            },
            identity: hasher.finish(),
            redactor: lookup.redactor.clone(),
            prefers_form: AtomicBool::new(false),
        })
    }

    async fn request(&self, core: &Arc<Core>) -> Result<Token, Failure> {
        let start = core.clock.now();
        let may_switch = self.style == Style::Either && !self.prefers_form.load(Ordering::Relaxed);
        let first = if self.style == Style::Form || (self.style == Style::Either && !may_switch) {
            AuthType::RequestBody
        } else {
            AuthType::BasicAuth
        };
        let mut answer = self.ask(core, first).await?;
        if may_switch && answer.token.is_none() && matches!(answer.response.status, 400 | 401) {
            let second = self.ask(core, AuthType::RequestBody).await?;
            if second.token.is_some() {
                self.prefers_form.store(true, Ordering::Relaxed);
            }
            // of two refusals, the one that speaks of the client says more than "bad request"
            if second.token.is_some() || answer.response.status == 400 {
                answer = second;
            }
        }
        match &answer.token {
            Some(token) => self.ready(token, start, &answer.response),
            None => Err(self.refused(&answer.response)),
        }
    }

    async fn ask(&self, core: &Arc<Core>, auth_type: AuthType) -> Result<TokenAnswer, Failure> {
        let client = BasicClient::new(ClientId::new(self.id.clone()))
            .set_client_secret(ClientSecret::new(self.secret.expose_secret().to_owned()))
            .set_auth_type(auth_type)
            .set_token_uri(TokenUrl::from_url(self.url.clone()));
        let mut request = client
            .exchange_client_credentials()
            .add_scopes(self.scopes.iter().cloned().map(Scope::new));
        for (name, value) in &self.values {
            request = request.add_extra_param(name, value);
        }
        let seen = Arc::new(Mutex::new(None));
        let http = |request: oauth2::HttpRequest| {
            let outgoing = self.outgoing(request);
            let (core, seen) = (Arc::clone(core), Arc::clone(&seen));
            async move {
                let response = core.exchange(outgoing).await?;
                let plain = for_parser(&response);
                *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(response);
                Ok::<_, Failure>(plain)
            }
        };
        let result = request.request_async(&http).await;
        let response = seen.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (result, response) {
            (Ok(token), Some(response)) => Ok(TokenAnswer { token: Some(token), response }),
            (Err(RequestTokenError::Request(failure)), _) => Err(failure),
            (_, Some(response)) => Ok(TokenAnswer { token: None, response }),
            (_, None) => {
                Err(self.failure(Report::internal("a token request was never sent"), None))
            }
        }
    }

    fn outgoing(&self, request: oauth2::HttpRequest) -> Outgoing {
        let (parts, body) = request.into_parts();
        let mut headers = HeaderMap::new();
        for (name, value) in &parts.headers {
            let mut value = value.clone();
            value.set_sensitive(name == AUTHORIZATION);
            headers.insert(name, value);
        }
        Outgoing {
            provider: self.provider.clone(),
            purpose: Purpose::Token,
            verb: HttpVerb::Post,
            url: self.url.clone(),
            headers,
            body: Some(body.into()),
            // asking twice for a token changes nothing
            repeat: Repeat::Safe,
            credential: Arc::new(Credential::Anonymous),
        }
    }

    fn ready(
        &self,
        token: &BasicTokenResponse,
        asked: Instant,
        response: &Response,
    ) -> Result<Token, Failure> {
        let secret = SecretString::from(token.access_token().secret().as_str());
        self.redactor.register(secret.expose_secret());
        let scheme = match token.token_type() {
            BasicTokenType::Bearer => "Bearer",
            other => other.as_ref(),
        };
        Token::new(scheme, &secret, asked, token.expires_in())
            .ok_or_else(|| self.unreadable(response))
    }

    fn refused(&self, response: &Response) -> Failure {
        if response.is_success() {
            return self.unreadable(response);
        }
        self.failure(status_report(&response.facts, response), Some(response))
    }

    fn unreadable(&self, response: &Response) -> Failure {
        let facts = &response.facts;
        let report = Report::new(
            Code::UnexpectedBody,
            format!(
                "the token endpoint answered {} without a usable access token to `{} {}`",
                response.status, facts.verb, facts.url
            ),
        )
        .with_help(format!("check the token address of provider `{}`", self.provider));
        self.failure(report, Some(response))
    }

    fn failure(&self, report: Report, response: Option<&Response>) -> Failure {
        Failure {
            cause: Cause::Credential(Box::new(report)),
            verb: HttpVerb::Post,
            url: self.redactor.redact(&crate::origin::shown(&self.url)).into_owned(),
            endpoint: None,
            token_of: Some(self.provider.as_str().into()),
            status: response.map(|response| response.status),
            attempts: response.map_or(0, |response| response.attempts),
            waited: Duration::ZERO,
            maybe_sent: false,
        }
    }
}

struct TokenAnswer {
    token: Option<BasicTokenResponse>,
    response: Response,
}

fn client(config: &AuthConfig, lookup: &Lookup<'_>) -> Built<(String, SecretString)> {
    if let Some(FixedCredential::Client { id, secret }) = lookup.fixed {
        return Ok((id.clone(), lookup.registered(secret.expose_secret())));
    }
    let incomplete = |key: &str| {
        lookup.report(&format!("has an `oauth2` credential without `{key}`")).with_help(format!(
            "name its environment variable with `{key}_env_var` in the `auth` block"
        ))
    };
    let id = lookup
        .variable_or(config.client_id_env_var.as_deref(), config.client_id.as_deref())?
        .ok_or_else(|| incomplete("client_id"))?;
    let literal = config.literal.get("client_secret").map(String::as_str);
    let secret = lookup
        .variable_or(config.client_secret_env_var.as_deref(), literal)?
        .ok_or_else(|| incomplete("client_secret"))?;
    Ok((id, lookup.registered(&secret)))
}

/// The answer as the parser of token responses wants it: services send `expires_in` as text, leave
/// `token_type` out, or call JSON something else.
fn for_parser(response: &Response) -> oauth2::HttpResponse {
    let mut body = response.body.to_vec();
    let mut headers = response.headers.clone();
    let mut status = response.status;
    let json = serde_json::from_slice::<Json>(&body).ok().filter(|_| response.is_success());
    if let Some(access_token) = json.as_ref().and_then(|json| json.get("access_token")) {
        let field = |name: &str| json.as_ref().and_then(|json| json.get(name));
        let life = field("expires_in").and_then(|life| match life {
            Json::String(text) => text.trim().parse::<f64>().ok(),
            other => other.as_f64(),
        });
        let token_type = field("token_type").and_then(Json::as_str).unwrap_or("bearer");
        let mut plain = json!({"access_token": access_token, "token_type": token_type});
        if let Some(life) = life.and_then(|life| Duration::try_from_secs_f64(life).ok()) {
            plain["expires_in"] = life.as_secs().into();
        }
        body = plain.to_string().into_bytes();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        status = 200;
    }
    let mut plain = oauth2::HttpResponse::new(body);
    *plain.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    *plain.headers_mut() = headers;
    plain
}
