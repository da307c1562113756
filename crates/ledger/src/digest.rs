//! SHA-256 digests as lower-case hexadecimal text.
//!
//! Owns: what exactly is digested for statements and requests.
//! Surprise: a request's digest covers the body as it was sent, secrets included; the body in the
//! ledger is masked, so the digest proves what was sent without showing it.

use ring::digest::{Context, SHA256, digest};

/// Digest of a statement's text.
pub fn statement_digest(text: &str) -> String {
    sha256(text.as_bytes())
}

/// Digest of a request: verb, line feed, URL, line feed, body as sent.
pub fn request_digest(verb: &str, url: &str, body: &[u8]) -> String {
    let mut context = Context::new(&SHA256);
    for part in [verb.as_bytes(), b"\n", url.as_bytes(), b"\n", body] {
        context.update(part);
    }
    hex(context.finish().as_ref())
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_sha_256() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(statement_digest("abc"), abc);
    }

    #[test]
    fn a_request_is_its_verb_url_and_body() {
        assert_eq!(request_digest("PUT", "https://h/a", b"{}"), sha256(b"PUT\nhttps://h/a\n{}"));
        assert_ne!(
            request_digest("PUT", "https://h/a", b""),
            request_digest("PUT", "https://h/", b"a")
        );
    }
}
