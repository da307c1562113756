//! Ways to obtain access tokens and temporary keys.
//!
//! Owns: [`Grant`], and the choice by `grant_type`.
//! Refuses: keeping tokens (see [`super::token`]).

mod client_credentials;

use std::sync::Arc;

use futures::future::BoxFuture;
use strataql_spec::AuthConfig;
use url::Url;

use self::client_credentials::ClientCredentials;
use super::lookup::{Built, Lookup};
use super::token::Token;
use super::trail::Tried;
use crate::attempt::Answer;
use crate::failure::Failure;
use crate::sender::Sender;

/// A way to obtain access tokens.
pub(super) trait Grant: Send + Sync {
    /// Equal for equal credentials that ask for the same scopes and audiences.
    fn identity(&self) -> u64;

    /// On whose behalf tokens are issued, known before there is one.
    fn principal(&self) -> String;

    /// What a token for a request to `url` is valid for, where that depends on the host.
    fn audience(&self, _url: Option<&Url>) -> String {
        String::new()
    }

    /// True if an answer says that the credential is no longer valid.
    fn is_expired(&self, answer: &Answer) -> bool {
        answer.status == 401
    }

    /// The sources that the latest fetch tried, if there are several.
    fn tried(&self) -> Vec<Tried> {
        Vec::new()
    }

    /// Asks for a new token.
    ///
    /// # Errors
    /// Why there is none.
    fn fetch<'a>(
        &'a self,
        core: &'a Arc<dyn Sender>,
        audience: &'a str,
    ) -> BoxFuture<'a, Result<Token, Failure>>;
}

/// The grant of an `oauth2` configuration, with everything that it needs.
pub(super) fn of(config: &AuthConfig, lookup: &Lookup<'_>) -> Built<Box<dyn Grant>> {
    match config.grant_type.as_deref() {
        None | Some("client_credentials") => {
            Ok(Box::new(ClientCredentials::build(config, lookup)?))
        }
        Some(other) => Err(lookup
            .report(&format!("asks for the grant `{other}`, which this version does not support"))
            .with_help("use `grant_type: client_credentials`")
            .into()),
    }
}
