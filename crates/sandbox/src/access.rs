//! Credentials: token endpoints, discovery, and the check of every request.
//!
//! Owns: OAuth client credentials, issued tokens, what counts as authenticated per scheme.
//! Refuses: verifying assertions of clients, whose keys it cannot know; their claims are checked.
//! Surprise: tokens do not expire by the clock, which stands still, but after a number of requests
//! (`auth.requests_per_token`).

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};
use strataql_spec::path::pieces;
use strataql_spec::{AuthConfig, AuthKind, HttpVerb, Provider};

use crate::options::{Credentials, Options};
use crate::problem::Problem;
use crate::random::{derive, mix};
use crate::request::Incoming;
use crate::routes::template::Template;
use crate::signature;

/// The account in discovery responses.
const ACCOUNT: &str = "5a5d0b0c-0000-4000-8000-000000000001";
/// Lifetime of a token in seconds, as the token endpoint states it.
const EXPIRES_IN: u64 = 3600;

/// Accepted credentials and issued tokens.
#[derive(Debug)]
pub(crate) struct Access {
    required: bool,
    accepted: Credentials,
    expires_in: u64,
    requests_per_token: Option<usize>,
    token_paths: Vec<Template>,
    issued: HashMap<String, usize>,
}

/// The response to a token or discovery request: a status and a JSON body.
pub(crate) type Reply = (u16, Json);

impl Access {
    /// The rules of these options, which override their scenario.
    pub(crate) fn new<'a>(
        options: &Options,
        providers: impl Iterator<Item = &'a Provider>,
    ) -> Self {
        let rules =
            options.scenario.as_ref().map(|scenario| scenario.auth.clone()).unwrap_or_default();
        let defaults = Credentials::default();
        let choose = |option: &String, default: &String, rule: Option<String>| match rule {
            Some(rule) if option == default => rule,
            _ => option.clone(),
        };
        let own = &options.credentials;
        let mut token_paths: Vec<Template> = Vec::new();
        let known = [
            "/oidc/v1/token",
            "/oidc/accounts/{id}/v1/token",
            // Google and Entra, whose documents do not name them
            "/token",
            "/v1/token",
            "/{tenant}/oauth2/v2.0/token",
        ]
        .map(str::to_owned);
        let declared = providers
            .filter_map(|provider| provider.auth.as_ref()?.token_url.as_deref())
            .map(token_path);
        for path in known.into_iter().chain(declared) {
            let template = Template::new(pieces(&path).iter());
            if !token_paths.contains(&template) {
                token_paths.push(template);
            }
        }
        Self {
            required: options.require_auth && rules.required.unwrap_or(true),
            accepted: Credentials {
                client_id: choose(&own.client_id, &defaults.client_id, rules.client_id),
                client_secret: choose(
                    &own.client_secret,
                    &defaults.client_secret,
                    rules.client_secret,
                ),
                token: choose(&own.token, &defaults.token, rules.token),
            },
            expires_in: rules.expires_in.unwrap_or(EXPIRES_IN),
            requests_per_token: rules.requests_per_token,
            token_paths,
            issued: HashMap::new(),
        }
    }

    /// Forgets issued tokens.
    pub(crate) fn reset(&mut self) {
        self.issued.clear();
    }

    /// Answers token and discovery requests; `None` for any other.
    pub(crate) fn answer(&mut self, request: &Incoming) -> Option<Reply> {
        let path: Vec<&str> = request.segments.iter().map(String::as_str).collect();
        let is_read = matches!(request.verb, Some(HttpVerb::Get | HttpVerb::Head));
        match path.as_slice() {
            [".well-known", "databricks-config"] if is_read => Some((200, discovery(request))),
            ["oidc", ".well-known", "oauth-authorization-server"] if is_read => {
                Some((200, endpoints(request, "/oidc")))
            }
            ["oidc", "accounts", account, ".well-known", "oauth-authorization-server"]
                if is_read =>
            {
                Some((200, endpoints(request, &format!("/oidc/accounts/{account}"))))
            }
            // a method of a document may have such a path; its requests have no grant
            _ if request.verb == Some(HttpVerb::Post)
                && self.is_token_path(request)
                && request.form.iter().any(|(name, _)| name == "grant_type") =>
            {
                Some(self.issue(request))
            }
            _ => None,
        }
    }

    fn is_token_path(&self, request: &Incoming) -> bool {
        self.token_paths.iter().any(|template| template.matches(&request.segments).is_some())
    }

    /// The grants: client credentials (RFC 6749, 4.4) by Basic, among the form fields, or by an
    /// assertion; assertions (RFC 7523); refresh tokens; token exchange (RFC 8693).
    fn issue(&mut self, request: &Incoming) -> Reply {
        let field = |name: &str| {
            request.form.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
        };
        let own = &self.accepted;
        let basic = basic_credentials(request);
        let given = match &basic {
            Some((id, secret)) => Some((id.as_str(), secret.as_str())),
            None => field("client_id").zip(field("client_secret")),
        };
        let is_client = given == Some((own.client_id.as_str(), own.client_secret.as_str()));
        let refused = |status: u16, error: &str, why: &str| {
            (status, json!({"error": error, "error_description": why}))
        };
        let is_valid = match field("grant_type").unwrap_or_default() {
            "client_credentials" => {
                let asserted = field("client_assertion").filter(|_| {
                    field("client_assertion_type").is_some_and(|kind| kind.ends_with(":jwt-bearer"))
                });
                is_client || asserted.is_some_and(|text| claims(text, &["iss", "sub", "aud"]))
            }
            "refresh_token" => is_client && field("refresh_token") == Some(&own.token),
            "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
                let assertion = field("assertion").unwrap_or_default();
                if !claims(assertion, &["iss", "aud", "iat", "exp", "scope"]) {
                    return refused(400, "invalid_grant", "the assertion is not complete");
                }
                true
            }
            "urn:ietf:params:oauth:grant-type:token-exchange" => {
                let subject = field("subject_token").unwrap_or_default();
                if field("subject_token_type").is_none() || !claims(subject, &["iss", "aud"]) {
                    return refused(400, "invalid_grant", "the subject token is not complete");
                }
                true
            }
            _ => {
                let why = "the sandbox knows the grants client_credentials, refresh_token, \
                           jwt-bearer and token-exchange";
                return refused(400, "unsupported_grant_type", why);
            }
        };
        if !is_valid {
            return refused(401, "invalid_client", "client authentication failed");
        }
        let number = self.issued.len();
        let value = mix(derive(number as u64, &self.accepted.client_secret));
        let token = format!("sandbox-{number}-{value:016x}");
        self.issued.insert(token.clone(), 0);
        (
            200,
            json!({
                "access_token": token,
                "token_type": "Bearer",
                "expires_in": self.expires_in,
                "scope": field("scope").unwrap_or("all-apis"),
            }),
        )
    }

    /// Authenticates a request for a provider.
    pub(crate) fn check(&mut self, provider: &Provider, request: &Incoming) -> Result<(), Problem> {
        let Some(config) = provider.auth.as_ref().filter(|config| config.kind != AuthKind::Null)
        else {
            return Ok(());
        };
        if !self.required || self.has_token(request) || self.fits(config, request) {
            return Ok(());
        }
        let is_optional = config.optional && request.verb.is_some_and(HttpVerb::is_safe);
        if is_optional && request.header("authorization").is_none() {
            return Ok(());
        }
        if matches!(config.kind, AuthKind::AwsSigningV4 | AuthKind::AwsAssumeRole) {
            let own = &self.accepted;
            return signature::check(request, &own.client_id, &own.client_secret)
                .map_err(|why| Problem::new(403, why));
        }
        let message = if request.header("authorization").is_some() {
            "the credential is not valid"
        } else {
            "the request has no credential"
        };
        Err(Problem::new(401, message).with_header("www-authenticate", "Bearer"))
    }

    /// A bearer token: the fixed one, or an issued one that is still valid.
    fn has_token(&mut self, request: &Incoming) -> bool {
        let Some((scheme, token)) = request.header("authorization").and_then(|h| h.split_once(' '))
        else {
            return false;
        };
        if !scheme.eq_ignore_ascii_case("bearer") {
            return false;
        }
        if token == self.accepted.token {
            return true;
        }
        let limit = self.requests_per_token.unwrap_or(usize::MAX);
        match self.issued.get_mut(token) {
            Some(used) if *used < limit => {
                *used += 1;
                true
            }
            _ => false,
        }
    }

    /// The scheme of the provider's document.
    fn fits(&self, config: &AuthConfig, request: &Incoming) -> bool {
        let own = &self.accepted;
        match &config.kind {
            AuthKind::Basic => {
                let wanted = (own.client_id.clone(), own.client_secret.clone());
                basic_credentials(request) == Some(wanted)
            }
            AuthKind::ApiKey | AuthKind::Custom => {
                let prefix = config.value_prefix.as_deref().unwrap_or_default();
                let name = config.name.as_deref().unwrap_or("authorization");
                let sent = match config.location.as_deref() {
                    Some("query") => request.query_value(name),
                    _ => request.header(name),
                };
                let value = sent.and_then(|text| text.strip_prefix(prefix));
                let second = config.successor.as_deref();
                value == Some(own.token.as_str())
                    && second.is_none_or(|second| self.fits(second, request))
            }
            _ => false,
        }
    }
}

/// The path of a token URL; `{{ … }}` matches anything.
fn token_path(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("/", |at| &rest[at..]);
    let mut plain = String::new();
    let mut left = path;
    while let Some((before, after)) = left.split_once("{{") {
        plain.push_str(before);
        plain.push_str("{any}");
        left = after.split_once("}}").map_or("", |(_, after)| after);
    }
    plain.push_str(left.trim());
    plain
}

/// True for a signed token (RFC 7519) that has these claims.
fn claims(token: &str, names: &[&str]) -> bool {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else { return false };
    let object = |part: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
        serde_json::from_slice::<Json>(&bytes).ok().filter(Json::is_object)
    };
    let has_algorithm = object(header).is_some_and(|header| header.get("alg").is_some());
    let is_signed = URL_SAFE_NO_PAD.decode(signature).is_ok_and(|bytes| !bytes.is_empty());
    let claims = object(claims);
    let has = |name: &&str| claims.as_ref().is_some_and(|claims| claims.get(*name).is_some());
    has_algorithm && is_signed && names.iter().all(has)
}

fn basic_credentials(request: &Incoming) -> Option<(String, String)> {
    let (scheme, value) = request.header("authorization")?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let plain = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    let (id, secret) = plain.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// The discovery document of an account-level host.
fn discovery(request: &Incoming) -> Json {
    let origin = format!("{}://{}", request.scheme(), request.host);
    json!({
        "account_id": ACCOUNT,
        "oidc_endpoint": format!("{origin}/oidc/accounts/{{account_id}}"),
        "cloud": "AWS",
        "host_type": "account",
    })
}

/// The authorization-server document (RFC 8414) of an issuer below a path.
fn endpoints(request: &Incoming, base: &str) -> Json {
    let issuer = format!("{}://{}{base}", request.scheme(), request.host);
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/v1/authorize"),
        "token_endpoint": format!("{issuer}/v1/token"),
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_judged_by_their_claims() {
        let part = |json: Json| URL_SAFE_NO_PAD.encode(json.to_string());
        let token =
            |claims: Json| format!("{}.{}.c2ln", part(json!({"alg": "RS256"})), part(claims));
        assert!(claims(&token(json!({"iss": "a", "aud": "b"})), &["iss", "aud"]));
        assert!(!claims(&token(json!({"iss": "a"})), &["iss", "aud"]));
        assert!(!claims("a.b.c", &[]));
        assert!(!claims("", &[]));
    }

    #[test]
    fn token_urls_become_path_templates() {
        let path = |url| token_path(url);
        assert_eq!(
            path("https://a.b/oidc/accounts/{{ .__env__X }}/v1/token"),
            "/oidc/accounts/{any}/v1/token"
        );
        assert_eq!(path("https://a.b/token"), "/token");
        assert_eq!(path("https://a.b"), "/");
    }
}
