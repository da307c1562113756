//! `api_key`: a key with its own prefix, in `Authorization` or where `location` and `name` say.
//!
//! Surprise: without a prefix and a name, documents rely on the literal prefix `api_key `.

use http::HeaderName;
use strataql_spec::AuthConfig;

use super::lookup::{Built, Lookup};
use super::parts::Part;

pub(super) fn parts(config: &AuthConfig, lookup: &Lookup<'_>) -> Built<Vec<Part>> {
    let secret = lookup.secret(config)?;
    let prefix = config.value_prefix.as_deref().filter(|prefix| !prefix.is_empty());
    let part = match (&config.name, config.location.as_deref()) {
        (Some(name), Some("query")) => Part::Query(name.clone(), secret),
        (Some(name), _) => {
            Part::header(lookup, header_name(lookup, name)?, prefix.unwrap_or(""), &secret)?
        }
        (None, _) => Part::authorization(lookup, prefix.unwrap_or("api_key "), &secret)?,
    };
    Ok(vec![part])
}

/// The header name in a document.
pub(super) fn header_name(lookup: &Lookup<'_>, name: &str) -> Built<HeaderName> {
    name.parse().map_err(|_| {
        lookup
            .report(&format!(
                "is to be named in the header `{}`, which is no header name",
                name.escape_debug()
            ))
            .with_help("correct `name` in the `auth` block")
            .into()
    })
}
