//! Tokens of other identity providers, and acting as a service account.
//!
//! Owns: the token exchange of RFC 8693 as Google does it, and impersonation.
//! Refuses: programs that print tokens, which Google's own tools run only when a variable allows it.

use std::sync::Arc;

use secrecy::SecretString;
use serde_json::{Value as Json, json};

use super::{Google, SCOPE};
use crate::auth::answer::issued;
use crate::auth::ask::Ask;
use crate::auth::time::{instant, life};
use crate::auth::token::Token;
use crate::failure::Failure;
use crate::sender::Sender;

impl Google {
    pub(super) async fn of_external(
        &self,
        core: &Arc<dyn Sender>,
        key: &Json,
        source: &str,
    ) -> Result<Token, Failure> {
        let needed = |name: &str| {
            let text = key.get(name).and_then(Json::as_str);
            text.ok_or_else(|| self.broken(source, &format!("has no `{name}`")))
        };
        let subject = self.subject_token(core, key, source).await?;
        let impersonated = key.get("service_account_impersonation_url").and_then(Json::as_str);
        let scopes = self.scopes.join(" ");
        let scope = if impersonated.is_some() { SCOPE } else { &scopes };
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("audience", needed("audience")?),
            ("subject_token_type", needed("subject_token_type")?),
            ("subject_token", &subject),
            ("scope", scope),
        ];
        let url = self.address(needed("token_url")?, source)?;
        let asked = core.clock().now();
        let response = self.asker.send(core, Ask::form(url, fields)).await?;
        let token = self.asker.token(&response, asked)?;
        match (impersonated, issued(&response.body)) {
            (Some(address), Some(issued)) => {
                self.impersonated(core, address, &issued.secret, source).await
            }
            _ => Ok(token),
        }
    }

    async fn subject_token(
        &self,
        core: &Arc<dyn Sender>,
        key: &Json,
        source: &str,
    ) -> Result<String, Failure> {
        let place = key.get("credential_source");
        let place = place.ok_or_else(|| self.broken(source, "has no `credential_source`"))?;
        let text = |name: &str| place.get(name).and_then(Json::as_str);
        let content = if let Some(path) = text("file") {
            self.machine.secret_file(&self.machine.path(path)).map_err(|why| self.failed(&why))?
        } else if let Some(address) = text("url") {
            let url = url::Url::parse(address)
                .map_err(|_| self.broken(source, "names an address that is none"))?;
            let mut ask = Ask::get(url);
            let headers = place.get("headers").and_then(Json::as_object);
            for (name, value) in headers.into_iter().flatten() {
                let value = self.asker.registered(value.as_str().unwrap_or_default());
                ask = ask.any_secret(name, &value);
            }
            let response = self.asker.send(core, ask).await?;
            if !response.is_success() {
                return Err(self.asker.refused(&response));
            }
            String::from_utf8_lossy(&response.body).trim().to_owned()
        } else {
            let what = "has a `credential_source` that is neither a file nor an address";
            return Err(self.broken(source, what));
        };
        let format = place.get("format");
        let format_text = |name: &str| format?.get(name)?.as_str();
        let token = if format_text("type") == Some("json") {
            let field = format_text("subject_token_field_name").unwrap_or("access_token");
            let json: Option<Json> = serde_json::from_str(&content).ok();
            let token = json.as_ref().and_then(|json| json.get(field)?.as_str());
            let token = token.map(str::to_owned);
            token.ok_or_else(|| self.broken(source, "leads to a token that is not there"))?
        } else {
            content
        };
        self.machine.redactor.register(&token);
        Ok(token)
    }

    pub(super) async fn of_impersonated(
        &self,
        core: &Arc<dyn Sender>,
        key: &Json,
        source: &str,
    ) -> Result<Token, Failure> {
        let address = key.get("service_account_impersonation_url").and_then(Json::as_str);
        let inner = key.get("source_credentials").filter(|inner| inner.is_object());
        let (Some(address), Some(inner)) = (address, inner) else {
            return Err(self.broken(source, "has no account to act as, or no credential for it"));
        };
        let inner = match inner.get("type").and_then(Json::as_str) {
            Some("authorized_user") => self.of_user(core, inner, source).await?,
            Some("service_account") => self.of_service_account(core, inner, source).await?,
            _ => return Err(self.broken(source, "has a `source_credentials` that is not known")),
        };
        let secret = inner.secret().cloned();
        let secret = secret.ok_or_else(|| self.broken(source, "has no usable token"))?;
        self.impersonated(core, address, &secret, source).await
    }

    async fn impersonated(
        &self,
        core: &Arc<dyn Sender>,
        address: &str,
        token: &SecretString,
        source: &str,
    ) -> Result<Token, Failure> {
        let url = self.address(address, source)?;
        let account = url.path().rsplit('/').next().unwrap_or_default();
        let account = account.split(':').next().unwrap_or_default().to_owned();
        let body = json!({"scope": self.scopes, "lifetime": "3600s"});
        let ask = Ask::json(url, &body).secret("authorization", "Bearer ", token);
        let asked = core.clock().now();
        let response = self.asker.send(core, ask).await?;
        if !response.is_success() {
            return Err(self.asker.refused(&response));
        }
        let json: Option<Json> = serde_json::from_slice(&response.body).ok();
        let field = |name: &str| json.as_ref()?.get(name)?.as_str();
        let secret = field("accessToken").ok_or_else(|| self.asker.unreadable(&response))?;
        let ends = field("expireTime").and_then(instant);
        let token = self.asker.registered(secret);
        Token::new("Bearer", &token, asked, life(ends, core.clock().wall()))
            .map(|token| token.of(account))
            .ok_or_else(|| self.asker.unreadable(&response))
    }
}
