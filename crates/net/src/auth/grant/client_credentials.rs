//! The grant `client_credentials`: an id and a secret for a token.
//!
//! Owns: the token request.
//! Surprise: services disagree on where id and secret belong. They are sent in the `Authorization`
//! header first, and in the form if that is refused; what worked is remembered.

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use oauth2::basic::BasicClient;
use oauth2::{AuthType, ClientId, ClientSecret, Scope, TokenUrl};
use secrecy::{ExposeSecret, SecretString};
use strataql_diag::Report;
use strataql_spec::{AuthConfig, HttpVerb};
use url::Url;

use super::Grant;
use crate::auth::answer::issued;
use crate::auth::ask::Asker;
use crate::auth::lookup::{Built, Lookup};
use crate::auth::template::token_url;
use crate::auth::token::Token;
use crate::failure::Failure;
use crate::request::{Repeat, Response};
use crate::sender::{Errand, Sender};
use crate::settings::FixedCredential;

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
    asker: Asker,
    url: Url,
    id: String,
    secret: SecretString,
    scopes: Vec<String>,
    values: Vec<(String, String)>,
    style: Style,
    identity: u64,
    prefers_form: AtomicBool,
}

impl Grant for ClientCredentials {
    fn identity(&self) -> u64 {
        self.identity
    }

    fn principal(&self) -> String {
        self.id.clone()
    }

    fn fetch<'a>(
        &'a self,
        core: &'a Arc<dyn Sender>,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Token, Failure>> {
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
            asker: lookup.asker(),
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
            prefers_form: AtomicBool::new(false),
        })
    }

    async fn request(&self, core: &Arc<dyn Sender>) -> Result<Token, Failure> {
        let start = core.clock().now();
        let may_switch = self.style == Style::Either && !self.prefers_form.load(Ordering::Relaxed);
        let first = if self.style == Style::Form || (self.style == Style::Either && !may_switch) {
            AuthType::RequestBody
        } else {
            AuthType::BasicAuth
        };
        let mut answer = self.ask(core, first).await?;
        if may_switch && matches!(answer.status, 400 | 401) {
            let second = self.ask(core, AuthType::RequestBody).await?;
            let has_token = second.is_success() && issued(&second.body).is_some();
            if has_token {
                self.prefers_form.store(true, Ordering::Relaxed);
            }
            // of two refusals, the one that speaks of the client says more than "bad request"
            if has_token || answer.status == 400 {
                answer = second;
            }
        }
        self.asker.token(&answer, start)
    }

    async fn ask(&self, core: &Arc<dyn Sender>, auth_type: AuthType) -> Result<Response, Failure> {
        let errand = self.errand(self.written(auth_type)?);
        Arc::clone(core).send(errand).await
    }

    /// The token request as the library writes it. It is caught there, and sent as all others are:
    /// the library would read the answer more strictly than services write it.
    fn written(&self, auth_type: AuthType) -> Result<oauth2::HttpRequest, Failure> {
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
        let caught = RefCell::new(None);
        let catch = |request: oauth2::HttpRequest| {
            caught.replace(Some(request));
            Err::<oauth2::HttpResponse, _>(std::fmt::Error)
        };
        let _never_sent = request.request(&catch);
        caught.into_inner().ok_or_else(|| {
            self.asker.failure(Report::internal("a token request was never written"), None)
        })
    }

    fn errand(&self, request: oauth2::HttpRequest) -> Errand {
        let (parts, body) = request.into_parts();
        let mut headers = HeaderMap::new();
        for (name, value) in &parts.headers {
            let mut value = value.clone();
            value.set_sensitive(name == AUTHORIZATION);
            headers.insert(name, value);
        }
        Errand {
            provider: self.asker.provider.clone(),
            verb: HttpVerb::Post,
            url: self.url.clone(),
            headers,
            body: Some(body.into()),
            // asking twice for a token changes nothing
            repeat: Repeat::Safe,
            scope: None,
            signer: None,
        }
    }
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
