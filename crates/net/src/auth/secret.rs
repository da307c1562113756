//! Types that send a secret as it is.

use strataql_spec::{AuthConfig, AuthKind};

use super::credential::Credential;
use super::lookup::{Built, Lookup};
use super::parts::Parts;
use super::{api_key, basic, bearer, custom};

/// The credential of a type that sends a secret as it is.
pub(super) fn of_secret(config: &AuthConfig, lookup: &Lookup<'_>) -> Built<Credential> {
    let parts = match config.kind {
        AuthKind::Basic => basic::parts(config, lookup)?,
        AuthKind::ApiKey => api_key::parts(config, lookup)?,
        AuthKind::Custom => custom::parts(config, lookup)?,
        _ => bearer::parts(config, lookup)?,
    };
    Ok(Credential::Signer(Parts::new(parts)))
}
