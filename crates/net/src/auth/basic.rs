//! `basic`: user name and password in the `Authorization` header.
//!
//! Surprise: a secret from one variable or file is sent unchanged, so it must be base64 already; a
//! pair of variables or literals is encoded here.

use strataql_spec::AuthConfig;

use super::lookup::{Built, Lookup};
use super::parts::Part;

pub(super) fn parts(config: &AuthConfig, lookup: &Lookup<'_>) -> Built<Vec<Part>> {
    let prefix = config.value_prefix.as_deref().filter(|prefix| !prefix.is_empty());
    let secret = lookup.basic(config)?;
    Ok(vec![Part::authorization(lookup, prefix.unwrap_or("Basic "), &secret)?])
}
