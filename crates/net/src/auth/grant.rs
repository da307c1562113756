//! Ways to obtain access tokens.
//!
//! Owns: [`Grant`], and the choice by `grant_type`.
//! Refuses: keeping tokens (see [`super::token`]).

mod client_credentials;

use std::sync::Arc;

use futures::future::BoxFuture;
use strataql_spec::AuthConfig;

use self::client_credentials::ClientCredentials;
use super::lookup::{Built, Lookup};
use super::token::Token;
use crate::exchange::Core;
use crate::failure::Failure;

/// A way to obtain access tokens.
pub(super) trait Grant: Send + Sync {
    /// Equal for equal credentials that ask for the same scopes and audiences.
    fn identity(&self) -> u64;

    /// On whose behalf tokens are issued, known before there is one.
    fn principal(&self) -> &str;

    /// Asks for a new token.
    ///
    /// # Errors
    /// Why there is none.
    fn fetch<'a>(&'a self, core: &'a Arc<Core>) -> BoxFuture<'a, Result<Token, Failure>>;
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
