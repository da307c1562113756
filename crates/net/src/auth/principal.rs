//! Who a credential belongs to, without giving the credential away.
//!
//! Owns: [`Principal`].
//! Surprise: nothing is fetched. A token's principal is its client id, known before there is a token.

use super::credential::Credential;

/// On whose behalf requests of a provider are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Kind of credential, for example `oauth2`; `none` when requests carry none.
    pub auth_type: String,
    /// Client id, or the first twelve characters of a SHA-256 of the credential.
    pub identity: Option<String>,
}

impl Principal {
    /// Nobody in particular.
    pub fn anonymous() -> Self {
        Self { auth_type: "none".to_owned(), identity: None }
    }

    pub(super) fn of(kind: &str, credential: &Credential) -> Self {
        let identity = match credential {
            Credential::Anonymous => return Self::anonymous(),
            Credential::Signer(signer) => signer.principal(),
            Credential::Token(source) => source.principal(),
        };
        Self { auth_type: kind.to_owned(), identity: Some(identity) }
    }
}
