//! Origins, and which URLs a server may point to.
//!
//! Owns: the comparison of scheme, host and port; the check of every URL in a response (next page,
//! redirect, operation); the part of a URL that may be shown.
//! Refuses: guessing. A URL that is not clearly of the same origin is refused, because following it
//! would send the credential there.
//! Surprise: text is checked before it is parsed too. Parsers silently drop tabs, turn `\` into `/`
//! and ignore an empty user name, which has been used to bypass such checks.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use strataql_diag::{Code, Report};
use url::{Host, Url};

/// Names of a machine's own or its cloud's private services.
const PRIVATE_NAMES: &[&str] = &["localhost", "metadata", "metadata.google.internal"];

/// Scheme, host and port of a URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    /// `http` or `https`.
    pub scheme: String,
    /// The host in its canonical form.
    pub host: String,
    /// The port, also if it is the default of the scheme.
    pub port: u16,
}

impl Origin {
    /// The origin of an `http` or `https` URL.
    pub fn of(url: &Url) -> Option<Self> {
        let scheme = url.scheme();
        if scheme != "http" && scheme != "https" {
            return None;
        }
        Some(Self {
            scheme: scheme.to_owned(),
            host: url.host_str()?.to_owned(),
            port: url.port_or_known_default()?,
        })
    }

    /// `host` or `host:port`, as in the `Host` header.
    pub fn authority(&self) -> String {
        match (self.scheme.as_str(), self.port) {
            ("https", 443) | ("http", 80) => self.host.clone(),
            (_, port) => format!("{}:{port}", self.host),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority())
    }
}

/// The URL without user information and fragment, for messages; not yet redacted.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_fragment(None);
    // these fail only for URLs without a host, which have no user information
    let _without = url.set_username("");
    let _without = url.set_password(None);
    url.into()
}

/// True when the host is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => is_named(name, "localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    }
}

/// True for the services that tell a machine about itself: no proxy can reach them.
pub(crate) fn is_metadata(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => is_named(name, "metadata.google.internal"),
        Some(Host::Ipv4(address)) => address.is_link_local(),
        Some(Host::Ipv6(address)) => address.segments()[..2] == [0xfd00, 0x0ec2],
        None => false,
    }
}

/// True when the host is loopback, link-local, in a private network, or a metadata service.
fn is_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => PRIVATE_NAMES.iter().any(|private| is_named(name, private)),
        Some(Host::Ipv4(address)) => is_private_v4(address),
        Some(Host::Ipv6(address)) => is_private_v6(address),
        None => true,
    }
}

fn is_named(name: &str, wanted: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == wanted || name.strip_suffix(wanted).is_some_and(|rest| rest.ends_with('.'))
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || first == 0
        // shared address space of carriers, RFC 6598
        || (first == 100 && (64..128).contains(&second))
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(mapped) => is_private_v4(mapped),
        IpAddr::V6(address) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local()
        }
    }
}

/// Resolves a URL that the server supplied, if it may be followed.
///
/// `request_url` is the logical URL of the request; `allowed` lists additional origins that the
/// provider's document names.
///
/// # Errors
/// A `cross-origin` report when the URL is not clearly of the same origin.
pub fn check_same_origin(
    request_url: &Url,
    server_supplied: &str,
    allowed: &[String],
) -> Result<Url, Box<Report>> {
    judge(request_url, server_supplied, allowed).map_err(|refusal| {
        let from = Origin::of(request_url).map_or_else(String::new, |origin| origin.to_string());
        let to = refusal.target.unwrap_or_else(|| "an address".to_owned());
        Box::new(
            Report::new(
                Code::CrossOrigin,
                format!("an answer of `{from}` points to {to}, which {}", refusal.reason),
            )
            .with_help(
                "if the service is meant to continue there, name that origin in `x-strataql.origins` \
                 of the provider document",
            )
            .with_note("following the address would carry the credential to it"),
        )
    })
}

struct Refusal {
    reason: &'static str,
    target: Option<String>,
}

impl From<&'static str> for Refusal {
    fn from(reason: &'static str) -> Self {
        Self { reason, target: None }
    }
}

fn judge(request_url: &Url, text: &str, allowed: &[String]) -> Result<Url, Refusal> {
    let own = Origin::of(request_url).ok_or("cannot be compared")?;
    check_spelling(text)?;
    let mut url = request_url.join(text).map_err(|_| "is not a valid address")?;
    let other = Origin::of(&url).ok_or("is not an http address")?;
    url.set_fragment(None);
    let refuse = |reason| Refusal { reason, target: Some(format!("`{other}`")) };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("holds a user name"));
    }
    if other == own {
        return Ok(url);
    }
    if own.scheme == "https" && other.scheme == "http" {
        return Err(refuse("is not encrypted"));
    }
    let is_allowed = allowed
        .iter()
        .filter_map(|origin| Origin::of(&Url::parse(origin).ok()?))
        .any(|origin| origin == other);
    if !is_allowed {
        return Err(refuse("is another origin"));
    }
    if is_private(&url) {
        return Err(refuse("is a private address"));
    }
    Ok(url)
}

/// Rejects spellings that parsers interpret differently.
fn check_spelling(text: &str) -> Result<(), Refusal> {
    if text.is_empty() {
        return Err("is empty".into());
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\u{feff}') {
        return Err("holds blanks or control characters".into());
    }
    if text.contains('\\') {
        return Err("holds a backslash".into());
    }
    if text.starts_with("//") || text.starts_with(':') {
        return Err("has no scheme".into());
    }
    let Some((_, rest)) = scheme_of(text) else { return Ok(()) };
    let rest = rest.strip_prefix("//").ok_or("is not a complete address")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() {
        return Err("names no host".into());
    }
    if authority.contains('@') {
        return Err("holds a user name".into());
    }
    if authority.contains('%') || !authority.is_ascii() {
        return Err("names its host in an encoded form".into());
    }
    Ok(())
}

/// The scheme and the text after its colon (RFC 3986, 3.1).
fn scheme_of(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let mut characters = scheme.chars();
    let starts_well = characters.next().is_some_and(|c| c.is_ascii_alphabetic());
    let is_scheme = starts_well
        && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    is_scheme.then_some((scheme, rest))
}

#[cfg(test)]
mod tests;
