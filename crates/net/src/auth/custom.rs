//! `custom`: a secret as header or query parameter of any name, and further ones after it.

use strataql_spec::AuthConfig;

use super::api_key::header_name;
use super::lookup::{Built, Lookup};
use super::parts::Part;

pub(super) fn parts(config: &AuthConfig, lookup: &Lookup<'_>) -> Built<Vec<Part>> {
    let mut parts = Vec::new();
    let mut next = Some(config);
    while let Some(config) = next {
        parts.push(part(config, lookup)?);
        next = config.successor.as_deref();
    }
    Ok(parts)
}

fn part(config: &AuthConfig, lookup: &Lookup<'_>) -> Built<Part> {
    let incomplete = || {
        lookup
            .report("has a `custom` credential without `location` and `name`")
            .with_help("say `location: header` or `location: query`, and the `name`")
    };
    let name = config.name.as_deref().ok_or_else(incomplete)?;
    let secret = lookup.secret(config)?;
    let prefix = config.value_prefix.as_deref().unwrap_or("");
    match config.location.as_deref() {
        Some("header") => Part::header(lookup, header_name(lookup, name)?, prefix, &secret),
        Some("query") => Ok(Part::Query(name.to_owned(), secret)),
        _ => Err(incomplete().into()),
    }
}
