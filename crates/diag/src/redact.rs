//! Redaction by value: no text that leaves the process contains a registered secret.
//!
//! Owns: the set of secret values of a run and the masking of texts.
//! Refuses: guessing what looks like a secret; code that obtains one registers it.
//! Surprise: the encoded forms of a secret (percent-encoding, base64, JSON escapes) are masked too,
//! because secrets appear in those forms in URLs, `Authorization` headers and bodies.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// The replacement for a secret.
pub const MASK: &str = "***";

/// Values shorter than this are not masked: replacing every `1` would ruin the output and hide
/// nothing.
const SHORTEST: usize = 4;

/// The secrets of a run; clones share one set.
#[derive(Clone, Default)]
pub struct Redactor {
    values: Arc<RwLock<Vec<String>>>,
}

impl Redactor {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a secret value and its encoded forms. Values under four bytes are ignored.
    pub fn register(&self, secret: &str) {
        if secret.trim().len() < SHORTEST {
            return;
        }
        let mut forms = vec![secret.to_owned(), secret.trim().to_owned()];
        forms.push(percent_encoded(secret));
        forms.push(form_encoded(secret));
        forms.push(json_escaped(secret));
        forms.push(base64(secret.as_bytes()));
        self.insert(forms);
    }

    /// Registers a value only as it is (for text that is already encoded).
    pub fn register_exact(&self, value: &str) {
        if value.len() >= SHORTEST {
            self.insert(vec![value.to_owned()]);
        }
    }

    fn insert(&self, forms: Vec<String>) {
        let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
        for form in forms {
            if form.len() >= SHORTEST && !values.contains(&form) {
                values.push(form);
            }
        }
        // longest first, so that a secret which contains another is masked whole
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    }

    /// The text with every registered secret replaced by [`MASK`].
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
        let mut text = Cow::Borrowed(text);
        for value in values.iter() {
            if text.contains(value.as_str()) {
                text = Cow::Owned(text.replace(value.as_str(), MASK));
            }
        }
        text
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor(…)")
    }
}

fn percent_encoded(text: &str) -> String {
    encode(text, "%20")
}

fn form_encoded(text: &str) -> String {
    encode(text, "+")
}

fn encode(text: &str, space: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b' ' => out.push_str(space),
            other => {
                const HEX: &[u8; 16] = b"0123456789ABCDEF";
                out.push('%');
                out.push(char::from(HEX[usize::from(other >> 4)]));
                out.push(char::from(HEX[usize::from(other & 15)]));
            }
        }
    }
    out
}

fn json_escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            other => out.push(other),
        }
    }
    out
}

/// Standard base64 with padding (RFC 4648, section 4), used only to recognise a secret.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let group = (u32::from(chunk[0]) << 16)
            | (u32::from(*chunk.get(1).unwrap_or(&0)) << 8)
            | u32::from(*chunk.get(2).unwrap_or(&0));
        for position in 0..4 {
            if position <= chunk.len() {
                let index = (group >> (18 - 6 * position)) & 63;
                out.push(char::from(ALPHABET[index as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_in_every_encoding() {
        let redactor = Redactor::new();
        redactor.register("s3cr/et \"x\"");
        for text in [
            "token s3cr/et \"x\" end",
            "a=s3cr%2Fet%20%22x%22",
            "a=s3cr%2Fet+%22x%22",
            "{\"t\":\"s3cr/et \\\"x\\\"\"}",
            "Basic czNjci9ldCAieCI=",
        ] {
            let shown = redactor.redact(text);
            assert!(shown.contains(MASK), "{shown}");
            assert!(!shown.contains("s3cr") && !shown.contains("czNjci"), "{shown}");
        }
    }

    #[test]
    fn longer_secrets_win_and_short_values_are_left_alone() {
        let redactor = Redactor::new();
        redactor.register("abcd");
        redactor.register("abcdefgh");
        redactor.register("1");
        assert_eq!(redactor.redact("abcdefgh abcd 1"), "*** *** 1");
    }

    #[test]
    fn base64_follows_rfc_4648() {
        for (plain, coded) in [
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
