//! A decoded request.
//!
//! Owns: decoding of path, query, form and JSON body, exactly once.
//! Refuses: interpretation.
//! Surprise: the host is the `Host` header, not the address of the connection; a client redirected
//! with `--endpoint` still sends the original authority.

use bytes::Bytes;
use http::{HeaderMap, Uri, header};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value as Json};
use strataql_spec::HttpVerb;

/// A decoded request.
#[derive(Debug, Clone)]
pub(crate) struct Incoming {
    /// The verb; `None` for one that documents cannot have.
    pub(crate) verb: Option<HttpVerb>,
    /// The verb as sent.
    pub(crate) verb_text: String,
    /// Authority in lower case, without a default port.
    pub(crate) host: String,
    /// True when the authority is the server's own address.
    pub(crate) direct: bool,
    /// The path as sent.
    pub(crate) path: String,
    /// Decoded segments after the first slash.
    pub(crate) segments: Vec<String>,
    /// The query as sent.
    pub(crate) raw_query: String,
    /// Decoded query; `None` values have no `=`.
    pub(crate) query: Vec<(String, Option<String>)>,
    /// Headers.
    pub(crate) headers: HeaderMap,
    /// The body as sent.
    pub(crate) body: Bytes,
    /// The body as JSON, if it is.
    pub(crate) json: Option<Json>,
    /// The body as form fields, if it is a form.
    pub(crate) form: Vec<(String, String)>,
}

impl Incoming {
    /// Decodes a request; `own` is the server's own authority.
    pub(crate) fn new(verb: &str, uri: &Uri, headers: HeaderMap, body: Bytes, own: &str) -> Self {
        let named = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = named.or_else(|| uri.authority().map(http::uri::Authority::as_str));
        let host = normal_host(host.unwrap_or(own));
        let media = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_ascii_lowercase();
        let form = if media.starts_with("application/x-www-form-urlencoded") {
            let text = String::from_utf8_lossy(&body);
            pairs(&text)
                .into_iter()
                .map(|(name, value)| (name, value.unwrap_or_default()))
                .collect()
        } else {
            Vec::new()
        };
        let json = if form.is_empty() { serde_json::from_slice(&body).ok() } else { None };
        Self {
            verb: HttpVerb::parse(&verb.to_ascii_lowercase()),
            verb_text: verb.to_owned(),
            direct: host == own || is_loopback(&host),
            host,
            path: uri.path().to_owned(),
            segments: segments(uri.path()),
            raw_query: uri.query().unwrap_or_default().to_owned(),
            query: pairs(uri.query().unwrap_or_default()),
            headers,
            body,
            json,
            form,
        }
    }

    /// The first value of a query parameter, which a form may have in place of the query.
    pub(crate) fn query_value(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(own, _)| own == name);
        let in_form = || self.form.iter().find(|(own, _)| own == name);
        found
            .map(|(_, value)| value.as_deref().unwrap_or_default())
            .or_else(|| in_form().map(|(_, value)| value.as_str()))
    }

    /// The text of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A top-level attribute of a JSON body.
    pub(crate) fn body_value(&self, name: &str) -> Option<&Json> {
        self.json.as_ref()?.get(name)
    }

    /// The body as an object: JSON, or form fields as texts.
    pub(crate) fn body_object(&self) -> Option<Map<String, Json>> {
        if !self.form.is_empty() {
            let fields = self.form.iter();
            return Some(fields.map(|(k, v)| (k.clone(), Json::String(v.clone()))).collect());
        }
        self.json.as_ref()?.as_object().cloned()
    }

    /// The scheme of absolute URLs for this host.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.direct { "http" } else { "https" }
    }
}

/// Lower case, without the ports 443 and 80.
fn normal_host(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    let bare = host.strip_suffix(":443").or_else(|| host.strip_suffix(":80"));
    bare.map_or(host.clone(), str::to_owned)
}

fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

/// Decoded segments of a path.
pub(crate) fn segments(path: &str) -> Vec<String> {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.split('/').map(decoded).collect()
}

/// Decoded pairs of a query string or form.
pub(crate) fn pairs(text: &str) -> Vec<(String, Option<String>)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let plus = |text: &str| decoded(&text.replace('+', " "));
            match pair.split_once('=') {
                Some((name, value)) => (plus(name), Some(plus(value))),
                None => (plus(pair), None),
            }
        })
        .collect()
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(uri: &str, host: &str, media: &str, body: &'static str) -> Incoming {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().expect("a header"));
        headers.insert(header::CONTENT_TYPE, media.parse().expect("a header"));
        let uri = uri.parse().expect("a URI");
        Incoming::new("GET", &uri, headers, Bytes::from(body), "127.0.0.1:9")
    }

    #[test]
    fn encoded_slashes_stay_inside_their_segment() {
        let got = incoming("/a%2Fb/c%20d?x=1+2&acl&e=", "API.example.com:443", "", "");
        assert_eq!(got.segments, ["a/b", "c d"]);
        assert_eq!(got.query_value("x"), Some("1 2"));
        assert_eq!(got.query[1], ("acl".to_owned(), None));
        assert_eq!(got.query_value("e"), Some(""));
        assert_eq!(
            (got.host.as_str(), got.direct, got.scheme()),
            ("api.example.com", false, "https")
        );
    }

    #[test]
    fn bodies_are_json_or_forms() {
        let got = incoming("/", "127.0.0.1:9", "application/json", "{\"a\": 1}");
        assert_eq!(got.body_value("a"), Some(&Json::from(1)));
        assert!(got.direct);
        let got = incoming("/", "localhost:9", "application/x-www-form-urlencoded", "a=b%26c&d=");
        assert_eq!(got.body_object().map(|o| o["a"].clone()), Some(Json::from("b&c")));
        assert!(got.json.is_none());
    }
}
