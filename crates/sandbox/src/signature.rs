//! Signature Version 4 of AWS, as a server checks it.
//!
//! Owns: the canonical form of a request that arrived, and the comparison of signatures.
//! Refuses: checking the time; the sandbox's clock stands still.
//! Surprise: this is a second implementation on purpose, as everything here.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use ring::digest::{SHA256, digest};
use ring::hmac;

use crate::request::Incoming;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The parts of the `Authorization` header.
struct Parts<'a> {
    key: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    headers: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix(ALGORITHM)?;
        let field = |name: &str| {
            rest.split(',')
                .map(str::trim)
                .find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let mut scope = field("Credential")?.split('/');
        let (key, date, region, service) =
            (scope.next()?, scope.next()?, scope.next()?, scope.next()?);
        let is_complete = scope.next() == Some("aws4_request") && scope.next().is_none();
        let headers: Vec<&str> = field("SignedHeaders")?.split(';').collect();
        is_complete.then_some(Self {
            key,
            date,
            region,
            service,
            headers,
            signature: field("Signature")?,
        })
    }
}

/// Checks the signature of a request.
///
/// # Errors
/// What does not fit, in words.
pub(crate) fn check(request: &Incoming, key: &str, secret: &str) -> Result<(), String> {
    let header = request.header("authorization").ok_or("the request is not signed")?;
    let parts = Parts::of(header).ok_or("the `Authorization` header is no signature")?;
    if parts.key != key {
        return Err(format!("the access key `{}` is not known", parts.key));
    }
    let time = request.header("x-amz-date").ok_or("the request has no `x-amz-date`")?;
    if !time.starts_with(parts.date) || parts.date.len() != 8 {
        return Err("the date of the signature is not that of the request".to_owned());
    }
    if parts.region.is_empty() || parts.service.is_empty() {
        return Err("the signature names no region or no service".to_owned());
    }
    let is_sorted = parts.headers.windows(2).all(|pair| pair[0] < pair[1]);
    if !is_sorted || !parts.headers.contains(&"host") {
        return Err("the signed headers are not sorted, or lack `host`".to_owned());
    }
    let own = |name: &&str| name.starts_with("x-amz-") && !parts.headers.contains(name);
    if let Some(name) = request.headers.keys().map(http::HeaderName::as_str).find(own) {
        return Err(format!("the header `{name}` is not signed"));
    }
    let payload = hex(digest(&SHA256, &request.body).as_ref());
    match request.header("x-amz-content-sha256") {
        Some(sent) if sent != payload => return Err("the body is not the signed one".to_owned()),
        None if parts.service == "s3" => {
            return Err("the request has no `x-amz-content-sha256`".to_owned());
        }
        _ => {}
    }
    if let Some(sum) = request.header("x-amz-checksum-sha256")
        && sum != STANDARD.encode(digest(&SHA256, &request.body))
    {
        return Err("the checksum is not that of the body".to_owned());
    }
    let canonical = [
        request.verb_text.clone(),
        path(&request.path, parts.service == "s3"),
        query(&request.raw_query),
        headers(request, &parts)?,
        parts.headers.join(";"),
        payload,
    ]
    .join("\n");
    let scope = format!("{}/{}/{}/aws4_request", parts.date, parts.region, parts.service);
    let digest = hex(digest(&SHA256, canonical.as_bytes()).as_ref());
    let text = format!("{ALGORITHM}\n{time}\n{scope}\n{digest}");
    let first = format!("AWS4{secret}").into_bytes();
    let key = [parts.date, parts.region, parts.service, "aws4_request"]
        .iter()
        .fold(first, |key, part| mac(&key, part.as_bytes()));
    if hex(&mac(&key, text.as_bytes())) == parts.signature {
        Ok(())
    } else {
        Err("the signature does not match the request".to_owned())
    }
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

fn encoded(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(*byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// All services but S3 encode the path that was sent once more.
fn path(sent: &str, is_s3: bool) -> String {
    if is_s3 {
        return sent.to_owned();
    }
    let mut kept: Vec<&str> = Vec::new();
    for segment in sent.split('/').filter(|segment| !segment.is_empty() && *segment != ".") {
        if segment == ".." {
            kept.pop();
        } else {
            kept.push(segment);
        }
    }
    let segments: Vec<String> =
        kept.iter().map(|it| format!("/{}", encoded(it.as_bytes()))).collect();
    let mut text = segments.concat();
    if text.is_empty() || sent.ends_with('/') {
        text.push('/');
    }
    text
}

fn query(sent: &str) -> String {
    let once = |text: &str| encoded(&percent_decode_str(text).collect::<Vec<u8>>());
    let mut pairs: Vec<(String, String)> = sent
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (once(name), once(value))
        })
        .collect();
    pairs.sort();
    let texts: Vec<String> =
        pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    texts.join("&")
}

fn headers(request: &Incoming, parts: &Parts<'_>) -> Result<String, String> {
    let mut text = String::new();
    for name in &parts.headers {
        let values: Vec<String> = request
            .headers
            .get_all(*name)
            .iter()
            .map(|value| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                value.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
            })
            .collect();
        if values.is_empty() {
            return Err(format!("the signed header `{name}` was not sent"));
        }
        text.extend([name, ":", &*values.join(","), "\n"]);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;

    const KEY: &str = "AKIDEXAMPLE";
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    fn request(uri: &str, headers: &[(&str, &str)], body: &'static str) -> Incoming {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: http::HeaderName = name.parse().expect("a name");
            map.append(name, value.parse().expect("a value"));
        }
        let verb = if body.is_empty() { "GET" } else { "POST" };
        Incoming::new(verb, &uri.parse().expect("a URI"), map, Bytes::from(body), "127.0.0.1:9")
    }

    fn signed(signature: &str) -> Vec<(&'static str, String)> {
        let credential = format!("{KEY}/20150830/us-east-1/service/aws4_request");
        let text = format!(
            "{ALGORITHM} Credential={credential}, SignedHeaders=host;x-amz-date, Signature={signature}"
        );
        vec![
            ("host", "example.amazonaws.com".to_owned()),
            ("x-amz-date", "20150830T123600Z".to_owned()),
            ("authorization", text),
        ]
    }

    fn verdict(uri: &str, signature: &str, more: &[(&'static str, &str)]) -> Result<(), String> {
        let headers = signed(signature);
        let mut headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        headers.extend(more);
        check(&request(uri, &headers, ""), KEY, SECRET)
    }

    #[test]
    fn published_signatures_are_accepted_and_others_are_not() {
        let plain = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        let sorted = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500";
        assert_eq!(verdict("/", plain, &[]), Ok(()));
        assert_eq!(verdict("/?Param2=value2&Param1=value1", sorted, &[]), Ok(()));
        let refused = |result: Result<(), String>, part: &str| {
            let why = result.expect_err("refused");
            assert!(why.contains(part), "{why}");
        };
        refused(verdict("/?Param1=value1", plain, &[]), "does not match");
        refused(verdict("/x", plain, &[]), "does not match");
        refused(verdict("/", plain, &[("x-amz-target", "T")]), "`x-amz-target` is not signed");
        let other = check(&request("/", &[("authorization", "Bearer x")], ""), KEY, SECRET);
        refused(other, "no signature");
        refused(check(&request("/", &[], ""), KEY, SECRET), "not signed");
    }

    #[test]
    fn paths_and_queries_have_one_canonical_form() {
        assert_eq!(path("/a//b/../c%20d/", false), "/a/c%2520d/");
        assert_eq!(path("/a//b%20c", true), "/a//b%20c");
        assert_eq!(path("", false), "/");
        assert_eq!(query("b=2&a=%7e&a=1%202&lifecycle"), "a=1%202&a=~&b=2&lifecycle=");
    }
}
