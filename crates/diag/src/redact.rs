//! Redaction by value: no text that leaves the process may hold a registered secret.
//!
//! Owns: the set of secret values of a run and the masking of texts.
//! Refuses: guessing what looks like a secret; whoever obtains one registers it.
//! Surprise: a secret is also found in the forms in which a service may echo it: JSON escapes,
//! percent-encoding (once or twice, in any case, of any of its characters), HTML entities, `\x41`, hexadecimal
//! digits with or without separators, base64 of any alphabet, padding and alignment, and base32.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// What replaces a secret.
pub const MASK: &str = "***";

/// Values shorter than this are not masked: replacing every `1` would ruin the output and hide
/// nothing.
const SHORTEST: usize = 4;

/// Base64 and base32 shorter than this are not looked for: they would occur by chance.
const SHORTEST_CODED: usize = 6;

/// The secrets of a run; clones share one set.
#[derive(Clone, Default)]
pub struct Redactor {
    forms: Arc<RwLock<Forms>>,
}

#[derive(Default)]
struct Forms {
    /// Longest first, so that a secret which contains another is masked whole.
    all: Vec<Form>,
    known: HashSet<Form>,
    /// The forms that may begin with a byte, by that byte.
    by_byte: Vec<Vec<usize>>,
}

/// A form of a secret.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Form {
    bytes: Vec<u8>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    /// As it is.
    Exact,
    /// Hexadecimal digits, in any case; `:`, `-` or a space may stand between two bytes.
    Hex,
    /// Each character as it is or escaped.
    Escaped,
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
        let mut forms = Vec::new();
        for secret in [secret, secret.trim()] {
            forms.push(Form { bytes: secret.as_bytes().to_vec(), kind: Kind::Escaped });
            for bytes in std::iter::once(secret.as_bytes().to_vec()).chain(latin1(secret)) {
                forms.push(Form { bytes: hex(&bytes), kind: Kind::Hex });
                let coded = ALPHABETS.iter().flat_map(|alphabet| {
                    (0..alphabet.group()).map(|offset| alphabet.core(&bytes, offset))
                });
                let coded = coded.filter(|coded| coded.len() >= SHORTEST_CODED);
                forms.extend(coded.map(|bytes| Form { bytes, kind: Kind::Exact }));
            }
        }
        self.insert(forms);
    }

    /// Registers a value only as it is (for text that is already encoded).
    pub fn register_exact(&self, value: &str) {
        if value.len() >= SHORTEST {
            self.insert(vec![Form { bytes: value.as_bytes().to_vec(), kind: Kind::Exact }]);
        }
    }

    fn insert(&self, new: Vec<Form>) {
        let is_known = |form: &Form, forms: &Forms| forms.known.contains(form);
        {
            let forms = self.forms.read().unwrap_or_else(PoisonError::into_inner);
            if new.iter().all(|form| is_known(form, &forms)) {
                return;
            }
        }
        let mut forms = self.forms.write().unwrap_or_else(PoisonError::into_inner);
        for form in new {
            if forms.known.insert(form.clone()) {
                forms.all.push(form);
            }
        }
        forms.all.sort_by_key(|form| std::cmp::Reverse(form.bytes.len()));
        let mut by_byte = vec![Vec::new(); 256];
        for (at, form) in forms.all.iter().enumerate() {
            for byte in form.first_bytes() {
                by_byte[usize::from(byte)].push(at);
            }
        }
        forms.by_byte = by_byte;
    }

    /// The text with every registered secret replaced by [`MASK`].
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let forms = self.forms.read().unwrap_or_else(PoisonError::into_inner);
        if forms.all.is_empty() {
            return Cow::Borrowed(text);
        }
        let bytes = text.as_bytes();
        let mut out: Vec<u8> = Vec::new();
        let (mut at, mut copied) = (0, 0);
        while at < bytes.len() {
            let candidates = forms.by_byte[usize::from(bytes[at])].iter();
            let mut matches = candidates.filter_map(|form| {
                let form = &forms.all[*form];
                form.end_at(bytes, at).map(|end| end + form.padding(&bytes[end..]))
            });
            let Some(end) = matches.next() else {
                at += 1;
                continue;
            };
            out.extend_from_slice(&bytes[copied..at]);
            out.extend_from_slice(MASK.as_bytes());
            at = end;
            copied = end;
        }
        if copied == 0 {
            return Cow::Borrowed(text);
        }
        out.extend_from_slice(&bytes[copied..]);
        Cow::Owned(String::from_utf8_lossy(&out).into_owned())
    }
}

impl Form {
    /// The bytes that this form may begin with in a text.
    fn first_bytes(&self) -> Vec<u8> {
        let Some(first) = self.bytes.first() else { return Vec::new() };
        let mut bytes = match self.kind {
            Kind::Exact => vec![*first],
            Kind::Hex => vec![first.to_ascii_lowercase(), first.to_ascii_uppercase()],
            Kind::Escaped => vec![*first, b'%', b'\\', b'&', b'+'],
        };
        bytes.sort_unstable();
        bytes.dedup();
        bytes
    }

    /// How many bytes after this form still belong to it: the end of base64.
    fn padding(&self, rest: &[u8]) -> usize {
        if self.kind != Kind::Exact {
            return 0;
        }
        let partial = usize::from(rest.first().is_some_and(|byte| is_base64(*byte)));
        let padding = rest[partial..].iter().take(2).take_while(|byte| **byte == b'=').count();
        if padding == 0 { 0 } else { partial + padding }
    }

    /// Where this form ends if it begins at a place of a text.
    fn end_at(&self, text: &[u8], at: usize) -> Option<usize> {
        let end = at + self.bytes.len();
        match self.kind {
            Kind::Exact => (text.get(at..end)? == self.bytes).then_some(end),
            Kind::Hex => hex_end(&self.bytes, text, at),
            Kind::Escaped => escaped_end(&self.bytes, text, at),
        }
    }
}

/// Where hexadecimal digits end that begin at a place of a text.
fn hex_end(digits: &[u8], text: &[u8], at: usize) -> Option<usize> {
    let mut at = at;
    for (number, pair) in digits.chunks(2).enumerate() {
        at += usize::from(number > 0 && matches!(text.get(at), Some(b':' | b'-' | b' ')));
        let found = text.get(at..at + pair.len())?;
        if !found.eq_ignore_ascii_case(pair) {
            return None;
        }
        at += pair.len();
    }
    Some(at)
}

/// Where a secret ends that begins at a place of a text, each character as it is or escaped.
///
/// `%2512` is `%12` encoded once, or one byte encoded twice: all readings are followed, the longest counts.
fn escaped_end(secret: &[u8], text: &[u8], at: usize) -> Option<usize> {
    // most places of a text begin no secret
    if units(text.get(at..)?, secret) == [None; 3] {
        return None;
    }
    let (mut open, mut seen, mut longest) = (vec![(0, at)], Vec::new(), None);
    while let Some((matched, at)) = open.pop() {
        if matched == secret.len() {
            longest = longest.max(Some(at));
            continue;
        }
        let Some(rest) = text.get(at..) else { continue };
        for (length, more) in units(rest, &secret[matched..]).into_iter().flatten() {
            let place = (matched + more, at + length);
            // readings that differ meet again
            if length > 1 && seen.contains(&place) {
                continue;
            }
            if length > 1 {
                seen.push(place);
            }
            open.push(place);
        }
    }
    longest
}

/// Each way in which the text begins with the secret's first character: how many bytes of the text are how many
/// of the secret.
fn units(text: &[u8], secret: &[u8]) -> [Option<(usize, usize)>; 3] {
    let (Some(first), Some(wanted)) = (text.first(), secret.first()) else { return [None; 3] };
    let plain = (first == wanted).then_some((1, 1));
    let (escaped, again) = match first {
        b'%' => {
            let one = |reading: Option<(usize, u8)>| {
                reading.filter(|(_, byte)| byte == wanted).map(|(length, _)| (length, 1))
            };
            let (once, twice) = percent(text);
            (one(once), one(twice))
        }
        b'+' => ((*wanted == b' ').then_some((1, 1)), None),
        b'\\' => {
            let is_it = |(length, c): (usize, char)| {
                let mut buffer = [0; 4];
                let bytes = c.encode_utf8(&mut buffer).as_bytes();
                secret.starts_with(bytes).then_some((length, bytes.len()))
            };
            let byte = hex_escape(text).filter(|byte| byte == wanted).map(|_| (4, 1));
            let once = backslash(text).and_then(is_it).or(byte);
            (once, backslash_twice(text).and_then(is_it))
        }
        b'&' => {
            let named = ENTITIES.iter().find_map(|(entity, byte)| {
                (text.starts_with(entity.as_bytes()) && byte == wanted).then_some((entity.len(), 1))
            });
            let numbered = || {
                let (length, c) = numbered_entity(text)?;
                let mut buffer = [0; 4];
                let bytes = c.encode_utf8(&mut buffer).as_bytes();
                secret.starts_with(bytes).then_some((length, bytes.len()))
            };
            (named.or_else(numbered), None)
        }
        _ => (None, None),
    };
    [plain, escaped, again]
}

/// Characters that HTML escapes by name.
const ENTITIES: &[(&str, u8)] =
    &[("&amp;", b'&'), ("&lt;", b'<'), ("&gt;", b'>'), ("&quot;", b'"'), ("&apos;", b'\'')];

/// `&#67;` or `&#x43;`: its length, and the character that it is.
fn numbered_entity(text: &[u8]) -> Option<(usize, char)> {
    let number = text.strip_prefix(b"&#")?;
    let end = number.iter().take(10).position(|byte| *byte == b';')?;
    let digits = std::str::from_utf8(&number[..end]).ok()?;
    let code = match digits.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
        None => digits.parse().ok()?,
    };
    Some((end + 3, char::from_u32(code)?))
}

/// The byte that `\x43` is.
fn hex_escape(text: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(text.get(2..4)?).ok()?;
    text.starts_with(b"\\x").then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

/// A JSON escape inside of JSON text that is escaped itself: `\\\"` for `"`.
fn backslash_twice(text: &[u8]) -> Option<(usize, char)> {
    let mut inner = Vec::new();
    let mut ends = Vec::new();
    let mut at = 0;
    while inner.len() < 12 && at < text.len() {
        at += match (text[at], text.get(at + 1)) {
            (b'\\', Some(byte @ (b'"' | b'\\' | b'/'))) => {
                inner.push(*byte);
                2
            }
            (b'\\', _) => break,
            (byte, _) => {
                inner.push(byte);
                1
            }
        };
        ends.push(at);
    }
    let (length, c) = backslash(&inner)?;
    Some((*ends.get(length - 1)?, c))
}

/// How long an escape is, and the byte that it stands for.
type Reading = (usize, u8);

/// What `%41` is, and what it is if it goes on as `%2541`: the length of the reading, and the byte.
fn percent(text: &[u8]) -> (Option<Reading>, Option<Reading>) {
    let byte = |at: usize| {
        let digits = std::str::from_utf8(text.get(at..at + 2)?).ok()?;
        u8::from_str_radix(digits, 16).ok()
    };
    let once = byte(1);
    let twice = byte(3).filter(|_| once == Some(b'%'));
    (once.map(|byte| (3, byte)), twice.map(|byte| (5, byte)))
}

/// A JSON escape, and the character that it is.
fn backslash(text: &[u8]) -> Option<(usize, char)> {
    let plain = match *text.get(1)? {
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'u' => {
            let high = code_unit(text, 0)?;
            if let Some(c) = char::from_u32(high) {
                return Some((6, c));
            }
            let low = code_unit(text, 6).filter(|_| text.get(6) == Some(&b'\\'))?;
            let units = [u16::try_from(high).ok()?, u16::try_from(low).ok()?];
            return Some((12, char::decode_utf16(units).next()?.ok()?));
        }
        other @ (b'"' | b'\\' | b'/') => char::from(other),
        _ => return None,
    };
    Some((2, plain))
}

/// The number of the `\uXXXX` that begins at a place.
fn code_unit(text: &[u8], at: usize) -> Option<u32> {
    let digits = std::str::from_utf8(text.get(at + 2..at + 6)?).ok()?;
    (text.get(at + 1) == Some(&b'u')).then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor(…)")
    }
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .collect()
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// The bytes of a text in ISO 8859-1, if they are others than those of UTF-8.
fn latin1(text: &str) -> Option<Vec<u8>> {
    let bytes = text.chars().map(|c| u8::try_from(u32::from(c)).ok());
    bytes.collect::<Option<Vec<u8>>>().filter(|_| !text.is_ascii())
}

/// The digits of a coding of bytes (RFC 4648), and how many bits each holds.
struct Alphabet {
    digits: &'static [u8],
    bits: usize,
}

const ALPHABETS: &[Alphabet] = &[
    Alphabet {
        digits: b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        bits: 6,
    },
    Alphabet {
        digits: b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
        bits: 6,
    },
    Alphabet { digits: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", bits: 5 },
];

impl Alphabet {
    /// How many bytes make a whole number of digits.
    const fn group(&self) -> usize {
        if self.bits == 6 { 3 } else { 5 }
    }

    /// The digits that depend on the secret alone when it begins `offset` bytes into a group.
    fn core(&self, bytes: &[u8], offset: usize) -> Vec<u8> {
        let mut padded = vec![0; offset];
        padded.extend_from_slice(bytes);
        // digits that hold a bit of what stands before or after are left out
        let first = (offset * 8).div_ceil(self.bits);
        let last = padded.len() * 8 / self.bits;
        let bit = |at: usize| (padded[at / 8] >> (7 - at % 8)) & 1;
        (first..last)
            .map(|at| {
                let bits = at * self.bits..(at + 1) * self.bits;
                self.digits[bits.fold(0, |index, at| index << 1 | usize::from(bit(at)))]
            })
            .collect()
    }
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
    fn escapes_of_any_kind_are_seen_through() {
        let redactor = Redactor::new();
        redactor.register("pä/s\"w 🔑&x");
        for text in [
            r#"p\u00e4\/s\"w \ud83d\udd11&x"#,
            r#"p\u00E4\u002fs\u0022w\u0020\uD83D\uDD11\u0026x"#,
            "p%C3%a4%2fs%22w%20%F0%9f%94%91%26x",
            "%70ä/s%22w+🔑&x",
            "p%25C3%25A4%252Fs%2522w%2520🔑%2526x",
            "pä/s&quot;w 🔑&amp;x",
        ] {
            assert_eq!(redactor.redact(text), MASK, "{text}");
            assert_eq!(redactor.redact(&format!("é{text}é")), format!("é{MASK}é"), "{text}");
        }
        assert_eq!(redactor.redact("p%C3"), "p%C3");
        assert_eq!(redactor.redact(r"p\u00"), r"p\u00");
    }

    #[test]
    fn a_secret_that_looks_encoded_is_masked_too() {
        for secret in ["pass%12word", "a%25b%2512", "%%%%", "x\\\\n\\u0041", "&amp;&lt;a"] {
            let redactor = Redactor::new();
            redactor.register(secret);
            let percent = |text: &str| {
                let bytes: Vec<String> = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
                bytes.concat()
            };
            let only = |text: &str| text.replace('%', "%25").replace('\\', "%5C");
            let json = secret.replace('\\', "\\\\");
            for form in
                [secret.to_owned(), only(secret), percent(secret), only(&percent(secret)), json]
            {
                assert_eq!(redactor.redact(&format!("<{form}>")), "<***>", "{secret}: {form}");
            }
        }
        // readings are many, and found soon
        let redactor = Redactor::new();
        redactor.register(&"%25".repeat(200));
        assert_eq!(redactor.redact(&"%25".repeat(199)), "%25".repeat(199));
    }

    #[test]
    fn hexadecimal_digits_and_base64_of_every_kind_are_masked() {
        let redactor = Redactor::new();
        redactor.register("s3cret>>>?");
        for text in ["7333637265743e3e3e3f", "7333637265743E3E3E3F", "7333637265743e3E3e3F"] {
            assert_eq!(redactor.redact(text), MASK, "{text}");
        }
        for text in ["czNjcmV0Pj4+Pw==", "czNjcmV0Pj4-Pw==", "czNjcmV0Pj4-Pw"] {
            let shown = redactor.redact(text);
            assert!(shown.starts_with(MASK) && shown.len() <= MASK.len() + 1, "{text}: {shown}");
        }
        // `user:` before it, `x` before it, `;` after it
        for text in ["dXNlcjpzM2NyZXQ+Pj4/", "eHMzY3JldD4+Pj8=", "czNjcmV0Pj4+Pzs="] {
            let shown = redactor.redact(text);
            assert!(shown.contains(MASK), "{text}: {shown}");
            assert!(!shown.contains("NyZX") && !shown.contains("Y3Jl"), "{text}: {shown}");
        }
    }

    #[test]
    fn codings_follow_rfc_4648() {
        let [base64, _, base32] = ALPHABETS else { panic!("three alphabets") };
        for (plain, coded) in [("foo", "Zm9v"), ("foob", "Zm9vY"), ("fooba", "Zm9vYm")] {
            assert_eq!(base64.core(plain.as_bytes(), 0), coded.as_bytes());
        }
        // `xfoobar` is `eGZvb2Jhcg==`, `xxfoobar` is `eHhmb29iYXI=`
        assert_eq!(base64.core(b"foobar", 1), b"Zvb2Jhc");
        assert_eq!(base64.core(b"foobar", 2), b"mb29iYX");
        assert_eq!(base32.core(b"foobar", 0), b"MZXW6YTBO");
    }

    #[test]
    fn escapes_of_programs_and_pages_are_seen_through() {
        let redactor = Redactor::new();
        redactor.register("C\"4n\\ä/ry");
        for text in [
            "&#67;&#34;&#52;&#110;&#92;&#228;&#47;&#114;&#121;",
            "&#x43;&quot;4n\\&#xE4;/ry",
            r"\x43\x22\x34\x6e\x5c\xc3\xa4\x2f\x72\x79",
            r#"C\\\"4n\\\\ä/ry"#,
            r#"C\\u00224n\\\\\\u00e4\\\/ry"#,
            "43:22:34:6e:5c:c3:a4:2f:72:79",
            "43 22 34 6E 5C C3 A4 2F 72 79",
            "43-22-34-6e-5c-e4-2f-72-79",
        ] {
            assert_eq!(redactor.redact(text), MASK, "{text}");
        }
        // base64 of latin-1, base32 of UTF-8
        for text in ["QyI0blzkL3J5", "IMRDI3S4YOSC64TZ"] {
            let shown = redactor.redact(text);
            assert!(shown.starts_with(MASK) && shown.len() <= MASK.len() + 1, "{text}: {shown}");
        }
    }
}
