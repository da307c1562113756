//! Who a credential belongs to, without giving the credential away.
//!
//! Owns: [`Principal`] and what of a credential is digested for it.
//! Surprise: nothing is fetched. A token's principal is its client id, known before there is a token.

use ring::digest::{Context, SHA256};

use super::{Credential, Part};

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
            Credential::Parts(parts, _) => fingerprint(parts),
            Credential::Token(source) => source.client_id().to_owned(),
        };
        Self { auth_type: kind.to_owned(), identity: Some(identity) }
    }
}

fn fingerprint(parts: &[Part]) -> String {
    let mut context = Context::new(&SHA256);
    for part in parts {
        match part {
            Part::Header(_, value) => context.update(value.as_bytes()),
            Part::Query(_, value) => value.with(|text| context.update(text.as_bytes())),
        }
        context.update(b"\n");
    }
    let mut text = hex(context.finish().as_ref());
    text.truncate(12);
    text
}

/// Bytes as lower-case hexadecimal text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
