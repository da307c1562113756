//! `bearer`: a token in the `Authorization` header. A `valuePrefix` has no effect here.

use strataql_spec::AuthConfig;

use super::lookup::{Built, Lookup};
use super::parts::Part;

pub(super) fn parts(config: &AuthConfig, lookup: &Lookup<'_>) -> Built<Vec<Part>> {
    Ok(vec![Part::authorization(lookup, "Bearer ", &lookup.secret(config)?)?])
}
