//! What a credential does to a request.
//!
//! Owns: [`Sign`], the seam between credentials and the wire.
//! Surprise: it is asked for every attempt, after everything else has been decided, so that a
//! signature covers exactly what is sent.

mod aws;

use strataql_diag::Report;

pub(super) use self::aws::{Keys, SigV4};

use crate::attempt::WireRequest;

/// A credential whose secrets are at hand.
pub(crate) trait Sign: Send + Sync {
    /// Equal for equal credentials, whatever provider they belong to.
    fn identity(&self) -> u64;

    /// Whom the credential belongs to, without giving it away.
    fn principal(&self) -> String;

    /// Puts the credential into one attempt's request. Nothing changes the request afterwards.
    ///
    /// # Errors
    /// Why this request cannot carry the credential.
    fn sign(&self, request: &mut WireRequest) -> Result<(), Box<Report>>;
}
