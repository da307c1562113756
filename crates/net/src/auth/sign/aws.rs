//! Signature Version 4 of AWS.
//!
//! Owns: signing one attempt: canonical form, region, and the special rules of S3.
//! Surprise: the address is rewritten before it is signed, so that what is signed is also what is
//! sent: `+` in a query is a blank to some services and a plus sign to others.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use aws_credential_types::Credentials as AwsCredentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};
use strataql_diag::{Code, Report};
use url::{Url, form_urlencoded};

use super::Sign;
use crate::attempt::WireRequest;

/// Everything but the unreserved characters of RFC 3986.
const STRICT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Headers that proxies and connections change.
const UNSIGNED: &[&str] = &[
    "accept-encoding",
    "connection",
    "expect",
    "transfer-encoding",
    "user-agent",
    "x-amzn-trace-id",
];

/// Headers that the signature sets.
const SET: &[&str] =
    &["authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"];

/// A checksum that S3 demands of some writes; it accepts the checksum for all.
const CHECKSUM: HeaderName = HeaderName::from_static("x-amz-checksum-sha256");

/// Access key of AWS.
#[derive(Clone)]
pub(in crate::auth) struct Keys {
    pub(in crate::auth) id: String,
    pub(in crate::auth) secret: SecretString,
    /// The session of temporary keys.
    pub(in crate::auth) session: Option<SecretString>,
}

impl Keys {
    /// Equal for equal keys.
    pub(in crate::auth) fn identity(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.id, self.secret.expose_secret()).hash(&mut hasher);
        self.session.as_ref().map(|session| session.expose_secret()).hash(&mut hasher);
        hasher.finish()
    }
}

/// Signs requests with an access key.
pub(in crate::auth) struct SigV4 {
    keys: Keys,
    /// The region of requests that have none.
    region: Option<String>,
}

impl SigV4 {
    pub(in crate::auth) fn new(keys: Keys, region: Option<String>) -> Self {
        Self { keys, region }
    }
}

impl Sign for SigV4 {
    fn identity(&self) -> u64 {
        self.keys.identity()
    }

    fn principal(&self) -> String {
        self.keys.id.clone()
    }

    fn sign(&self, request: &mut WireRequest) -> Result<(), Box<Report>> {
        let host = request.host();
        let scope = request.scope.clone().ok_or_else(|| no_scope(&host, "service"))?;
        let service = scope.service.as_str();
        let given = scope.region.as_deref().or(self.region.as_deref());
        let region = global_region(&host, service).or(given);
        let region = region.ok_or_else(|| no_scope(&host, "region"))?.to_owned();
        let is_s3 = is_s3(service);
        normalise(&mut request.url, is_s3);
        for name in SET {
            request.headers.remove(*name);
        }
        let body = request.body.clone().unwrap_or_default();
        let has_checksum = request.headers.keys().any(|name| {
            name.as_str().starts_with("x-amz-checksum-") || name.as_str() == "content-md5"
        });
        if is_s3 && !body.is_empty() && !has_checksum {
            let sum = STANDARD.encode(digest(&SHA256, &body));
            request.headers.insert(CHECKSUM, text_value(&sum)?);
        }
        let credentials = AwsCredentials::new(
            self.keys.id.clone(),
            self.keys.secret.expose_secret(),
            self.keys.session.as_ref().map(|session| session.expose_secret().to_owned()),
            None,
            "strataql",
        );
        let identity = credentials.into();
        let mut settings = SigningSettings::default();
        settings.excluded_headers =
            Some(UNSIGNED.iter().map(|name| Cow::Borrowed(*name)).collect());
        if is_s3 {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&region)
            .name(service)
            .time(request.time)
            .settings(settings)
            .build()
            .map_err(|error| unsignable(&host, &error))?
            .into();
        let named = request.headers.get(HOST).is_none().then_some((HOST.as_str(), host.as_str()));
        let headers = request
            .headers
            .iter()
            .filter(|(name, _)| !UNSIGNED.contains(&name.as_str()))
            .map(|(name, value)| value.to_str().map(|value| (name.as_str(), value)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unsignable(&host, &error))?;
        let signable = SignableRequest::new(
            request.verb.as_str(),
            request.url.as_str(),
            named.into_iter().chain(headers),
            SignableBody::Bytes(&body),
        )
        .map_err(|error| unsignable(&host, &error))?;
        let signed = sign(signable, &parameters).map_err(|error| unsignable(&host, &error))?;
        let (headers, _) = signed.into_parts().0.into_parts();
        for header in headers {
            let mut value = text_value(header.value())?;
            value.set_sensitive(header.sensitive() || header.name() == AUTHORIZATION.as_str());
            request.headers.insert(HeaderName::from_static(header.name()), value);
        }
        Ok(())
    }
}

fn is_s3(service: &str) -> bool {
    service == "s3" || service.starts_with("s3-") || service == "s3express"
}

/// The region of signatures for a service that is the same in all regions of a partition, whatever
/// region the statement names. Buckets are in one region each, also below a global name.
fn global_region(host: &str, service: &str) -> Option<&'static str> {
    if is_s3(service) {
        return None;
    }
    let name = host.split(':').next().unwrap_or_default();
    let rest = name.strip_suffix(".amazonaws.com")?;
    let mut labels = rest.split('.');
    match (labels.next(), labels.next(), labels.next()) {
        (Some(_), None, None) => Some("us-east-1"),
        (Some(_), Some("us-gov"), None) => Some("us-gov-west-1"),
        _ => None,
    }
}

/// The address in the only spelling that every service reads alike.
fn normalise(url: &mut Url, is_s3: bool) {
    if is_s3 {
        let path = strict(url.path());
        url.set_path(&path);
    }
    let Some(query) = url.query() else { return };
    let encoded = |text: &str| percent_encode(text.as_bytes(), STRICT).to_string();
    let pairs: Vec<String> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let read = form_urlencoded::parse(pair.as_bytes()).next();
            let (name, value) = read.unwrap_or_default();
            if pair.contains('=') {
                format!("{}={}", encoded(&name), encoded(&value))
            } else {
                encoded(&name)
            }
        })
        .collect();
    let query = pairs.join("&");
    url.set_query((!query.is_empty()).then_some(query.as_str()));
}

/// A path with everything encoded but unreserved characters, slashes and what is encoded already.
fn strict(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut out = String::with_capacity(path.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let is_encoded = byte == b'%'
            && bytes.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        if is_encoded {
            out.push_str(&path[at..at + 3].to_ascii_uppercase());
            at += 3;
            continue;
        }
        if byte == b'/' {
            out.push('/');
        } else {
            out.extend(percent_encode(&[byte], STRICT));
        }
        at += 1;
    }
    out
}

fn text_value(text: &str) -> Result<HeaderValue, Box<Report>> {
    HeaderValue::from_str(text)
        .map_err(|_| Box::new(Report::internal("a signature is no text that a header can carry")))
}

fn no_scope(host: &str, what: &str) -> Box<Report> {
    let report = Report::new(
        Code::NoCredential,
        format!("the request to `{host}` cannot be signed: its {what} is not known"),
    );
    Box::new(match what {
        "region" => report.with_help(
            "add `region = '…'` to the statement, or set `AWS_REGION` or the region of the profile",
        ),
        _ => report.with_help("name it with `x-serviceName` in the service document"),
    })
}

fn unsignable(host: &str, error: &dyn std::fmt::Display) -> Box<Report> {
    Box::new(
        Report::new(
            Code::NoCredential,
            format!("the request to `{host}` cannot be signed: {error}"),
        )
        .with_help("look for characters in header values that are no ASCII text"),
    )
}

#[cfg(test)]
mod tests;
