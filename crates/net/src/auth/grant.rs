//! Ways to obtain access tokens and temporary keys.
//!
//! Owns: [`Grant`], the choice by `grant_type`, and what all grants share: sending, reading answers,
//! and the record of the sources that a chain tried.
//! Refuses: keeping tokens (see [`super::token`]).

mod answer;
mod ask;
mod client_credentials;
mod trail;

use std::sync::Arc;

use futures::future::BoxFuture;
use strataql_spec::AuthConfig;
use url::Url;

pub(super) use self::answer::issued;
pub(super) use self::ask::{Ask, Asker};
use self::client_credentials::ClientCredentials;
pub use self::trail::Tried;
pub(super) use self::trail::{Step, Trail};
use super::lookup::{Built, Lookup};
use super::token::Token;
use crate::exchange::Core;
use crate::failure::Failure;

/// A way to obtain access tokens.
pub(super) trait Grant: Send + Sync {
    /// Equal for equal credentials that ask for the same scopes and audiences.
    fn identity(&self) -> u64;

    /// On whose behalf tokens are issued, known before there is one.
    fn principal(&self) -> String;

    /// What a token for a request to `url` is valid for, where that depends on the host.
    fn audience(&self, url: Option<&Url>) -> String {
        let _any = url;
        String::new()
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
        core: &'a Arc<Core>,
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
