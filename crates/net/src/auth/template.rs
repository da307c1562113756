//! Token URLs with placeholders: `https://h/accounts/{{ .__env__ACCOUNT }}/token`.
//!
//! Owns: filling `{{ .__env__NAME }}` from the environment and `{{ .field }}` from the
//! configuration.
//! Surprise: a value can never change the destination: in the path it is encoded, in the host it
//! must be valid as part of a host name.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;
use strataql_diag::{Code, Report};
use strataql_spec::AuthConfig;
use url::Url;

use super::lookup::{Built, Lookup};

/// Everything but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The address of a token endpoint.
pub(super) fn token_url(config: &AuthConfig, lookup: &Lookup<'_>) -> Built<Url> {
    let template = config.token_url.as_deref().filter(|url| !url.is_empty()).ok_or_else(|| {
        lookup
            .report("has an `oauth2` credential without `token_url`")
            .with_help("add the address of its token endpoint to the `auth` block")
    })?;
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let (name, after) = after.split_once("}}").ok_or_else(|| malformed(lookup, template))?;
        let name = name.trim().trim_matches('-').trim();
        let name = name.strip_prefix('.').ok_or_else(|| malformed(lookup, template))?;
        let value = value(name, config, lookup)?;
        let fitting = fit(&filled, &value).ok_or_else(|| {
            lookup
                .report(&format!(
                    "has a value for `{name}` that does not fit into its token address"
                ))
                .with_help("correct the value; it may not hold `/`, `?`, `#` or `@` in a host name")
        })?;
        filled.push_str(&fitting);
        rest = after;
    }
    filled.push_str(rest);
    let url = Url::parse(&filled).map_err(|_| malformed(lookup, template))?;
    if crate::Origin::of(&url).is_none() {
        return Err(malformed(lookup, template).into());
    }
    Ok(url)
}

fn malformed(lookup: &Lookup<'_>, template: &str) -> Report {
    let message =
        format!("the token address `{template}` of provider `{}` cannot be used", lookup.provider);
    Report::new(Code::BadDocument, message)
        .with_help("write placeholders as `{{ .__env__NAME }}` or `{{ .account_id }}`")
}

fn value(name: &str, config: &AuthConfig, lookup: &Lookup<'_>) -> Built<String> {
    if let Some(variable) = name.strip_prefix("__env__") {
        return lookup.variable(variable);
    }
    if name == "account_id" {
        let variable = config.account_id_env_var.as_deref();
        if let Some(value) = lookup.variable_or(variable, config.account_id.as_deref())? {
            return Ok(value);
        }
    }
    // the serialised form has no secrets
    let fields = serde_json::to_value(config).unwrap_or_default();
    match fields.get(name) {
        Some(Json::String(text)) if !text.is_empty() => Ok(text.clone()),
        _ => Err(lookup
            .report(&format!("needs a value for `{name}` in its `auth` block"))
            .with_help(format!("add `{name}` to the provider's entry in `--auth`"))
            .into()),
    }
}

/// The value encoded for its position after `before`.
fn fit(before: &str, value: &str) -> Option<String> {
    if before.is_empty() {
        // the whole prefix: it must be a URL by itself
        return Url::parse(value).ok().map(|_| value.trim_end_matches('/').to_owned());
    }
    let is_in_host = !before.split_once("://")?.1.contains('/');
    if is_in_host {
        let is_host_part =
            value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
        return is_host_part.then(|| value.to_owned());
    }
    if matches!(value, "." | "..") {
        return None;
    }
    Some(utf8_percent_encode(value, ENCODED).to_string())
}
