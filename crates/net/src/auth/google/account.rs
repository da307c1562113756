//! Keys of service accounts, and what `gcloud` stores for people.
//!
//! Owns: the signed assertion of RFC 7523, and the exchange of refresh tokens.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value as Json, json};
use url::Url;

use super::Google;
use crate::auth::ask::Ask;
use crate::auth::token::Token;
use crate::failure::Failure;
use crate::sender::Sender;

/// Where tokens are issued if the credential does not say.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
/// For how long an assertion asks, in seconds.
const LIFE: u64 = 3600;

impl Google {
    pub(super) async fn of_service_account(
        &self,
        core: &Arc<dyn Sender>,
        key: &Json,
        source: &str,
    ) -> Result<Token, Failure> {
        let field = |name: &str| key.get(name).and_then(Json::as_str);
        let needed = |name: &str| {
            field(name).ok_or_else(|| self.broken(source, &format!("has no `{name}`")))
        };
        let email = needed("client_email")?;
        let secret = needed("private_key")?;
        self.machine.redactor.register(secret);
        let url = self.address(field("token_uri").unwrap_or(TOKEN_URI), source)?;
        let secret = EncodingKey::from_rsa_pem(secret.as_bytes()).map_err(|_| {
            self.broken(source, "has a `private_key` that is no RSA key in PEM form")
        })?;
        let now = core.clock().wall().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut claims = json!({"iss": email, "scope": self.scopes.join(" "), "aud": url.as_str(),
            "iat": now, "exp": now + LIFE});
        if let Some(subject) = &self.subject {
            claims["sub"] = subject.as_str().into();
        }
        let mut header = Header::new(Algorithm::RS256);
        header.kid = field("private_key_id").map(str::to_owned);
        let assertion = encode(&header, &claims, &secret)
            .map_err(|_| self.broken(source, "has a `private_key` that cannot sign"))?;
        self.machine.redactor.register(&assertion);
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", &*assertion),
        ];
        let asked = core.clock().now();
        let response = self.asker.send(core, Ask::form(url, fields)).await?;
        Ok(self.asker.token(&response, asked)?.of(email))
    }

    pub(super) async fn of_user(
        &self,
        core: &Arc<dyn Sender>,
        key: &Json,
        source: &str,
    ) -> Result<Token, Failure> {
        let needed = |name: &str| {
            let text = key.get(name).and_then(Json::as_str);
            text.ok_or_else(|| self.broken(source, &format!("has no `{name}`")))
        };
        let (id, secret, refresh) =
            (needed("client_id")?, needed("client_secret")?, needed("refresh_token")?);
        self.machine.redactor.register(secret);
        self.machine.redactor.register(refresh);
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", id),
            ("client_secret", secret),
            ("refresh_token", refresh),
        ];
        let address = key.get("token_uri").and_then(Json::as_str).unwrap_or(TOKEN_URI);
        let url = self.address(address, source)?;
        let asked = core.clock().now();
        let response = self.asker.send(core, Ask::form(url, fields)).await?;
        let token = self.asker.token(&response, asked)?;
        Ok(match key.get("account").and_then(Json::as_str).filter(|name| !name.is_empty()) {
            Some(account) => token.of(account),
            None => token,
        })
    }

    /// An address in a credential: encrypted, or on this machine.
    pub(super) fn address(&self, text: &str, source: &str) -> Result<Url, Failure> {
        Url::parse(text)
            .ok()
            .filter(|url| url.scheme() == "https" || crate::origin::is_loopback(url))
            .ok_or_else(|| self.broken(source, "names an address that is not encrypted"))
    }
}
