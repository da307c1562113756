//! Answers of token endpoints.
//!
//! Owns: reading them leniently: services send `expires_in` as text, leave `token_type` out, or call
//! JSON something else.

use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;
use strataql_diag::{Code, Report};

use super::ask::Asker;
use super::token::Token;
use crate::failure::Failure;
use crate::request::Response;

/// An access token as a service issued it.
pub(in crate::auth) struct Issued {
    pub(in crate::auth) secret: SecretString,
    pub(in crate::auth) scheme: String,
    pub(in crate::auth) life: Option<Duration>,
}

/// The token in the body of an answer, if there is one.
pub(in crate::auth) fn issued(body: &[u8]) -> Option<Issued> {
    let json: Json = serde_json::from_slice(body).ok()?;
    let secret = json.get("access_token")?.as_str().filter(|token| !token.is_empty())?;
    let life = json.get("expires_in").and_then(|life| match life {
        Json::String(text) => text.trim().parse::<f64>().ok(),
        other => other.as_f64(),
    });
    let scheme = json.get("token_type").and_then(Json::as_str).unwrap_or("Bearer");
    // services spell the scheme in any case; some compare it with the usual spelling
    let scheme = if scheme.eq_ignore_ascii_case("bearer") { "Bearer" } else { scheme };
    Some(Issued {
        secret: SecretString::from(secret),
        scheme: scheme.to_owned(),
        life: life
            .and_then(|life| Duration::try_from_secs_f64(life).ok())
            .map(|life| Duration::from_secs(life.as_secs())),
    })
}

impl Asker {
    /// The token of an answer to a request that was sent at `asked`.
    ///
    /// # Errors
    /// The service's own words if it refused; `unexpected-body` if there is no usable token.
    pub(in crate::auth) fn token(
        &self,
        response: &Response,
        asked: Instant,
    ) -> Result<Token, Failure> {
        if !response.is_success() {
            return Err(self.refused(response));
        }
        let issued = issued(&response.body).ok_or_else(|| self.unreadable(response))?;
        self.redactor.register(issued.secret.expose_secret());
        Token::new(&issued.scheme, &issued.secret, asked, issued.life)
            .ok_or_else(|| self.unreadable(response))
    }

    /// The failure of an answer without what was asked for.
    pub(in crate::auth) fn unreadable(&self, response: &Response) -> Failure {
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
}
