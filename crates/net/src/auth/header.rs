//! Secrets as values of headers.

use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

/// A prefix and a secret as the value of a header.
pub(super) fn header_value(prefix: &str, secret: &SecretString) -> Option<HeaderValue> {
    let text = SecretString::from(format!("{prefix}{}", secret.expose_secret()));
    let mut value = HeaderValue::from_str(text.expose_secret()).ok()?;
    value.set_sensitive(true);
    Some(value)
}
