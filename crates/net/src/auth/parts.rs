//! Credentials that are the same for every request: headers and query parameters.
//!
//! Owns: [`Parts`] and how they get into a request.
//! Surprise: they replace what the request has under the same name, and any `Authorization` header.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use ring::digest::{Context, SHA256};
use secrecy::{ExposeSecret, SecretString};
use strataql_diag::Report;
use url::{Url, form_urlencoded};

use super::header::header_value;
use super::lookup::{Built, Lookup};
use super::sign::Sign;
use crate::attempt::WireRequest;
use crate::key::hex;

/// Something that is added to a request.
pub(super) enum Part {
    /// A header.
    Header(HeaderName, HeaderValue),
    /// A query parameter.
    Query(String, SecretString),
}

impl Part {
    /// The `Authorization` header.
    pub(super) fn authorization(
        lookup: &Lookup<'_>,
        prefix: &str,
        secret: &SecretString,
    ) -> Built<Self> {
        Self::header(lookup, AUTHORIZATION, prefix, secret)
    }

    /// A header whose value is a prefix and a secret.
    pub(super) fn header(
        lookup: &Lookup<'_>,
        name: HeaderName,
        prefix: &str,
        secret: &SecretString,
    ) -> Built<Self> {
        let value = header_value(prefix, secret).ok_or_else(|| {
            lookup
                .report("has a secret with characters that no header can carry")
                .with_help("look for line breaks or blanks around the secret where it is stored")
        })?;
        Ok(Self::Header(name, value))
    }

    fn bytes(&self) -> (&str, &[u8]) {
        match self {
            Self::Header(name, value) => (name.as_str(), value.as_bytes()),
            Self::Query(name, value) => (name, value.expose_secret().as_bytes()),
        }
    }
}

/// A credential that is added to every request as it is.
pub(super) struct Parts {
    parts: Vec<Part>,
    identity: u64,
}

impl Parts {
    pub(super) fn new(parts: Vec<Part>) -> Arc<Self> {
        let mut hasher = DefaultHasher::new();
        for part in &parts {
            part.bytes().hash(&mut hasher);
        }
        Arc::new(Self { parts, identity: hasher.finish() })
    }
}

impl Sign for Parts {
    fn identity(&self) -> u64 {
        self.identity
    }

    /// The first twelve characters of a SHA-256.
    fn principal(&self) -> String {
        let mut context = Context::new(&SHA256);
        for part in &self.parts {
            context.update(part.bytes().1);
            context.update(b"\n");
        }
        let mut text = hex(context.finish().as_ref());
        text.truncate(12);
        text
    }

    fn sign(&self, request: &mut WireRequest) -> Result<(), Box<Report>> {
        request.headers.remove(AUTHORIZATION);
        for part in &self.parts {
            match part {
                Part::Header(name, value) => {
                    request.headers.insert(name, value.clone());
                }
                Part::Query(name, value) => {
                    set_query(&mut request.url, name, value.expose_secret());
                }
            }
        }
        Ok(())
    }
}

/// Sets one query parameter and leaves the spelling of all others alone.
fn set_query(url: &mut Url, name: &str, value: &str) {
    let others = url.query().unwrap_or_default().split('&').filter(|pair| {
        let of_that_name = form_urlencoded::parse(pair.as_bytes()).any(|(other, _)| other == name);
        !pair.is_empty() && !of_that_name
    });
    let mut query = others.collect::<Vec<_>>().join("&");
    if !query.is_empty() {
        query.push('&');
    }
    let pair = form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
    query.push_str(&pair);
    url.set_query(Some(&query));
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use strataql_spec::HttpVerb;

    use super::*;

    #[test]
    fn parts_replace_what_has_their_name_and_leave_the_rest_as_it_is_spelt() {
        let mut request = WireRequest {
            verb: HttpVerb::Get,
            url: Url::parse("https://h.example/x?a=%2f+1&key=old&b").expect("a URL"),
            headers: HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("theirs"))]),
            body: None,
            scope: None,
            time: std::time::UNIX_EPOCH,
        };
        let parts = Parts::new(vec![
            Part::Header(HeaderName::from_static("x-key"), HeaderValue::from_static("one")),
            Part::Query("key".to_owned(), "t wo".into()),
        ]);
        parts.sign(&mut request).expect("signed");
        assert_eq!(request.url.query(), Some("a=%2f+1&b&key=t+wo"));
        assert_eq!(request.headers.len(), 1, "{:?}", request.headers);
        assert_eq!(request.headers["x-key"], "one");
    }
}
