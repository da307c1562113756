//! What can be said about a credential without giving it away.
//!
//! Owns: [`CredentialReport`], for people who ask why a provider refuses them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use strataql_diag::{Redactor, Report};
use strataql_spec::AuthConfig;

use super::credential::Credential;
use super::principal::Principal;
use super::trail::Tried;
use crate::sender::Sender;

/// A provider's credential: where it came from, and how long it is valid.
#[derive(Debug, Clone)]
pub struct CredentialReport {
    /// The provider.
    pub provider: String,
    /// True if the user's own entry counts rather than the document's.
    pub is_users: bool,
    /// Whose credential it is.
    pub principal: Principal,
    /// The source that has it, for types with several.
    pub source: Option<String>,
    /// The sources that were tried, in order.
    pub tried: Vec<Tried>,
    /// When it expires, as far as that is known.
    pub expires: Option<SystemTime>,
    /// How long it is valid.
    pub life: Option<Duration>,
    /// Why there is none.
    pub failure: Option<Box<Report>>,
}

impl CredentialReport {
    /// Obtains the credential as a request would.
    pub(super) async fn of(
        provider: &str,
        kind: &str,
        is_users: bool,
        place: Option<String>,
        credential: &Credential,
        core: &Arc<dyn Sender>,
    ) -> Self {
        let mut report = Self {
            provider: provider.to_owned(),
            is_users,
            principal: Principal::of(kind, credential),
            source: place.filter(|_| !matches!(credential, Credential::Anonymous)),
            tried: Vec::new(),
            expires: None,
            life: None,
            failure: None,
        };
        let Credential::Token(source) = credential else { return report };
        match source.token(core, None).await {
            Ok((token, _)) => {
                report.life = token.life(core.clock().now());
                report.expires = report.life.and_then(|life| core.clock().wall().checked_add(life));
                let known = Some(token.source().to_owned()).filter(|text| !text.is_empty());
                report.source = known.or(report.source);
                if let Some(owner) = token.owner() {
                    report.principal.identity = Some(owner);
                }
            }
            Err(failure) => {
                report.failure = Some(Box::new(Report::from(failure)));
            }
        }
        report.tried = source.tried();
        report
    }

    /// The same, with all known secrets masked.
    pub(super) fn redacted(mut self, redactor: &Redactor) -> Self {
        self.failure = self.failure.map(|failure| Box::new(failure.redacted(redactor)));
        self
    }

    /// The place of a secret that a configuration names, in words.
    pub(super) fn place(config: &AuthConfig) -> Option<String> {
        let named = |name: &Option<String>| name.as_ref().map(|name| format!("`{name}`"));
        let file = |path: &String| format!("file `{path}`");
        named(&config.credentials_env_var)
            .or_else(|| named(&config.client_secret_env_var))
            .or_else(|| named(&config.credentials_file_env_var))
            .or_else(|| config.credentials_file.as_ref().map(file))
            .or_else(|| named(&config.password_env_var))
            .or_else(|| named(&config.username_env_var))
            .or_else(|| (!config.literal.is_empty()).then(|| "configuration".to_owned()))
    }

    /// A provider whose credential is not even configured completely.
    pub(super) fn missing(provider: &str, kind: &str, is_users: bool, why: Box<Report>) -> Self {
        Self {
            provider: provider.to_owned(),
            is_users,
            principal: Principal { auth_type: kind.to_owned(), identity: None },
            source: None,
            tried: Vec::new(),
            expires: None,
            life: None,
            failure: Some(why),
        }
    }
}
