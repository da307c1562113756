//! Observability: the HTTP log and the observer.
//!
//! Owns: the lines of the log and their masking.
//! Refuses: writing anywhere; lines go to a closure.
//! Surprise: three layers keep secrets out: headers with credentials are masked by name, registered
//! values are masked everywhere, and fields with names that suggest a secret are masked in bodies,
//! because a secret that the service generates is not registered.

use std::fmt::Write as _;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use strataql_diag::{MASK, Redactor, is_secret_name};
use strataql_spec::HttpVerb;

use crate::remote_error::cut;

/// Bodies are logged up to this size …
const MAX_BODY: usize = 2048;

/// … and masked up to this size before they are cut, so that no part of a secret is left.
const MASKED_BODY: usize = 1024 * 1024;

/// The purpose of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A request of a caller.
    Call,
    /// A request for an access token.
    Token,
}

/// One attempt at a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The provider.
    pub provider: String,
    /// Its purpose.
    pub purpose: Purpose,
    /// HTTP verb.
    pub verb: HttpVerb,
    /// The logical URL, redacted.
    pub url: String,
    /// HTTP status, absent when no usable response arrived.
    pub status: Option<u16>,
    /// Bytes of the response on the wire.
    pub bytes: u64,
    /// From sending to the last byte.
    pub elapsed: Duration,
    /// 1 for the first attempt.
    pub attempt: u32,
}

/// Observes attempts.
pub trait Observer: Send + Sync {
    /// An attempt has ended.
    fn on_attempt(&self, attempt: &Attempt);
}

/// The lines before an attempt.
pub(crate) fn sent_lines(
    attempt: &Attempt,
    headers: &HeaderMap,
    body: Option<&[u8]>,
    redactor: &Redactor,
) -> Vec<String> {
    let again =
        if attempt.attempt > 1 { format!(" (attempt {})", attempt.attempt) } else { String::new() };
    let mut lines = vec![format!("> {} {}{again}", attempt.verb, attempt.url)];
    lines.extend(headers.iter().map(|(name, value)| header_line('>', name, value, redactor)));
    if let Some(body) = body {
        lines.push(body_line('>', attempt.purpose, body, redactor));
    }
    lines
}

/// The lines after an attempt with a response.
pub(crate) fn answer_lines(
    attempt: &Attempt,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    redactor: &Redactor,
) -> Vec<String> {
    let mut lines =
        vec![format!("< {status} {} bytes {} ms", attempt.bytes, attempt.elapsed.as_millis())];
    lines.extend(headers.iter().map(|(name, value)| header_line('<', name, value, redactor)));
    if !body.is_empty() {
        lines.push(body_line('<', attempt.purpose, body, redactor));
    }
    lines
}

/// The line after a failed attempt.
pub(crate) fn failure_line(attempt: &Attempt, cause: &str, redactor: &Redactor) -> String {
    format!(
        "! {} after {} bytes {} ms",
        redactor.redact(cause),
        attempt.bytes,
        attempt.elapsed.as_millis()
    )
}

fn header_line(
    direction: char,
    name: &HeaderName,
    value: &HeaderValue,
    redactor: &Redactor,
) -> String {
    if value.is_sensitive() || is_secret_name(name.as_str()) {
        return format!("{direction} {name}: {MASK}");
    }
    let value = String::from_utf8_lossy(value.as_bytes());
    format!("{direction} {name}: {}", redactor.redact(&value))
}

fn body_line(direction: char, purpose: Purpose, body: &[u8], redactor: &Redactor) -> String {
    if purpose == Purpose::Token {
        // the response has a token that is not registered yet
        return format!("{direction} ({} bytes about a token, not shown)", body.len());
    }
    let text = String::from_utf8_lossy(&body[..body.len().min(MASKED_BODY)]);
    let masked = mask_fields(&redactor.redact(&text));
    let mut line = format!("{direction} ");
    for c in cut(&masked, MAX_BODY).chars() {
        match c {
            '\n' => line.push_str("\\n"),
            c if c.is_control() => {
                let _never_fails = write!(line, "{}", c.escape_default());
            }
            c => line.push(c),
        }
    }
    line
}

/// Masks texts after keys that suggest a secret: `"client_secret": "…"` and `client_secret=…&`.
pub(crate) fn mask_fields(text: &str) -> String {
    let trimmed = text.trim_start();
    if trimmed.starts_with(['{', '[']) { mask_json(text) } else { mask_form(text) }
}

/// Also works on incomplete JSON, since bodies are cut.
fn mask_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut scope = Scope::default();
    while let Some(c) = rest.chars().next() {
        if c == '"' {
            let (literal, after) = split_literal(rest);
            let is_key = after.trim_start().starts_with(':');
            if scope.masks() && !is_key {
                out.extend(["\"", MASK, "\""]);
            } else {
                out.push_str(literal);
            }
            scope.is_secret = is_key && is_secret_name(literal);
            rest = after;
            continue;
        }
        let length = match c {
            '0'..='9' | '-' => rest.find(|c: char| !is_number(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        match c {
            '[' => scope.open(),
            ']' => scope.arrays = scope.arrays.saturating_sub(1),
            // the names inside an object speak for themselves
            '{' | '}' => scope = Scope::default(),
            ',' => scope.is_secret = false,
            _ => {}
        }
        let is_masked = scope.masks() && matches!(c, '0'..='9' | '-');
        out.push_str(if is_masked { MASK } else { &rest[..length] });
        rest = &rest[length..];
    }
    out
}

const fn is_number(c: char) -> bool {
    matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')
}

/// What masks values of JSON.
#[derive(Default)]
struct Scope {
    /// The value of a secret key comes next.
    is_secret: bool,
    /// Arrays below a secret key.
    arrays: usize,
}

impl Scope {
    const fn masks(&self) -> bool {
        self.is_secret || self.arrays > 0
    }

    fn open(&mut self) {
        if self.masks() {
            self.arrays += 1;
            self.is_secret = false;
        }
    }
}

/// Splits a text that begins with a quote after the closing quote.
fn split_literal(text: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return text.split_at(at + 1),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    (text, "")
}

fn mask_form(text: &str) -> String {
    text.split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, _)) if is_secret_name(name) => format!("{name}={MASK}"),
            _ => pair.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(purpose: Purpose) -> Attempt {
        Attempt {
            provider: "p".to_owned(),
            purpose,
            verb: HttpVerb::Post,
            url: "https://h.example/x".to_owned(),
            status: Some(200),
            bytes: 123,
            elapsed: Duration::from_millis(45),
            attempt: 2,
        }
    }

    #[test]
    fn lines_show_the_exchange_without_secrets() {
        let redactor = Redactor::new();
        redactor.register("known-value");
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Bearer abc"),
            ("x-api-key", "abc"),
            ("accept", "application/json"),
            ("x-other", "known-value"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let body = br#"{"client_secret": "abc", "next_page_token": "t1", "a": "known-value"}"#;
        let sent = sent_lines(&attempt(Purpose::Call), &headers, Some(body), &redactor);
        assert_eq!(
            sent,
            [
                "> POST https://h.example/x (attempt 2)",
                "> authorization: ***",
                "> x-api-key: ***",
                "> accept: application/json",
                "> x-other: ***",
                r#"> {"client_secret": "***", "next_page_token": "t1", "a": "***"}"#,
            ]
        );
        let answered =
            answer_lines(&attempt(Purpose::Token), 200, &HeaderMap::new(), b"token", &redactor);
        assert_eq!(answered, ["< 200 123 bytes 45 ms", "< (5 bytes about a token, not shown)"]);
    }

    #[test]
    fn fields_named_like_secrets_are_masked() {
        let check = |text: &str, expected: &str| assert_eq!(mask_fields(text), expected);
        check(r#"{"password":"a\"b","x":"c"}"#, r#"{"password":"***","x":"c"}"#);
        check(r#"{"secrets":["a", 5],"x":"c"}"#, r#"{"secrets":["***", ***],"x":"c"}"#);
        check(r#"{"password": 12.5e3,"x":5}"#, r#"{"password": ***,"x":5}"#);
        check(r#"{"secrets":[{"name":"c"}],"x":"c"}"#, r#"{"secrets":[{"name":"c"}],"x":"c"}"#);
        check(r#"{"token_value" : "abc"#, r#"{"token_value" : "***""#);
        check(r#"{"has_secret":true,"x":"c"}"#, r#"{"has_secret":true,"x":"c"}"#);
        check(r#"{"note":"password","x":"c"}"#, r#"{"note":"password","x":"c"}"#);
        check("a=1&client_secret=abc&b=2", "a=1&client_secret=***&b=2");
    }

    #[test]
    fn long_bodies_are_cut_after_masking() {
        let redactor = Redactor::new();
        redactor.register("straddling-secret");
        let body = format!("{}straddling-secret", "x".repeat(MAX_BODY - 5));
        let line = body_line('<', Purpose::Call, body.as_bytes(), &redactor);
        assert!(line.ends_with("***") || line.ends_with('…'), "{line}");
        assert!(!line.contains("strad"), "{line}");
    }
}
