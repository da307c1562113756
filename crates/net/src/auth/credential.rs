//! One credential, ready to be used.
//!
//! Owns: [`Credential`], and what one attempt gets from it.

use std::sync::Arc;

use strataql_diag::Report;
use url::Url;

use super::sign::Sign;
use super::token::{Token, TokenSource};
use crate::attempt::{Answer, WireRequest};
use crate::failure::Failure;
use crate::sender::Sender;

/// A credential that is ready to be used.
pub(crate) enum Credential {
    /// Nothing is added.
    Anonymous,
    /// Everything that is needed is there.
    Signer(Arc<dyn Sign>),
    /// A token that is fetched and renewed.
    Token(Arc<TokenSource>),
}

/// A credential for one attempt.
pub(crate) struct Authorised {
    signer: Option<Arc<dyn Sign>>,
    token: Option<Arc<Token>>,
    is_from_cache: bool,
}

impl Authorised {
    /// Puts the credential into the request, which is complete otherwise.
    pub(crate) fn sign(&self, request: &mut WireRequest) -> Result<(), Box<Report>> {
        self.signer.as_ref().map_or(Ok(()), |signer| signer.sign(request))
    }
}

impl Credential {
    /// Equal for equal credentials, whatever provider they belong to.
    pub(crate) fn identity(&self) -> u64 {
        match self {
            Self::Anonymous => 0,
            Self::Signer(signer) => signer.identity(),
            Self::Token(source) => source.identity(),
        }
    }

    /// The credential for an attempt at `url`, fetching a token if there is none.
    pub(crate) async fn authorise(
        &self,
        core: &Arc<dyn Sender>,
        url: Option<&Url>,
    ) -> Result<Authorised, Failure> {
        let (signer, token, is_from_cache) = match self {
            Self::Anonymous => (None, None, false),
            Self::Signer(signer) => (Some(Arc::clone(signer)), None, false),
            Self::Token(source) => {
                let (token, is_from_cache) = source.token(core, url).await?;
                (Some(token.signer()), Some(token), is_from_cache)
            }
        };
        Ok(Authorised { signer, token, is_from_cache })
    }

    /// True if an answer says that a credential that was kept is no longer valid: a fresh one may do
    /// better.
    pub(crate) fn is_expired(&self, authorised: &Authorised, answer: &Answer) -> bool {
        match self {
            Self::Token(source) => authorised.is_from_cache && source.is_expired(answer),
            Self::Anonymous | Self::Signer(_) => false,
        }
    }

    /// Drops the token of an attempt that was refused.
    pub(crate) fn forget(&self, authorised: &Authorised) {
        if let (Self::Token(source), Some(token)) = (self, &authorised.token) {
            source.forget(token);
        }
    }
}
