//! Secrets inside of texts: passwords of URLs, credentials of headers, settings, private keys.
//!
//! Owns: where a text that is no JSON holds a secret, by the forms in which people write them down.
//! Refuses: guessing by the look of a value alone; a name, a scheme or a marker stands before each.
//! Surprise: prose speaks of tokens and passwords too. A value counts only where the form leaves no doubt: one word
//! directly behind `=`, or behind `: ` at the end of its line.

use std::ops::Range;

use crate::secret::is_secret_name;

/// Values shorter than this hide nothing.
const SHORTEST: usize = 4;

/// Credentials behind `Bearer` or `Basic` are longer than words.
const SHORTEST_CREDENTIAL: usize = 12;

/// Where a text holds secrets: ranges of bytes in order, none of which overlap.
pub fn secrets_in_text(text: &str) -> Vec<Range<usize>> {
    let mut found = private_keys(text);
    found.extend(url_passwords(text));
    found.extend(credentials(text));
    found.extend(settings(text));
    found.retain(|range| range.len() >= SHORTEST);
    found.sort_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
    let mut end = 0;
    found.retain(|range| {
        let is_new = range.start >= end;
        end = end.max(range.end);
        is_new
    });
    found
}

/// What stands between the lines of a PEM block whose label ends with `PRIVATE KEY` (RFC 7468).
fn private_keys(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(begin) = text[at..].find("-----BEGIN ").map(|begin| at + begin) {
        let label = begin + "-----BEGIN ".len();
        let Some(length) = text[label..].find("-----") else { break };
        let inside = label + length + "-----".len();
        at = inside;
        if text[label..label + length].ends_with("PRIVATE KEY") {
            let end = text[inside..].find("-----END ").map_or(text.len(), |end| inside + end);
            let key = &text[inside..end];
            let start = inside + (key.len() - key.trim_start().len());
            found.push(start..(start + key.trim().len()));
            at = end;
        }
    }
    found
}

/// The password of `scheme://user:password@host` (RFC 3986, 3.2.1).
fn url_passwords(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(begin) = text[at..].find("://").map(|begin| at + begin + 3) {
        at = begin;
        let is_end =
            |c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '<' | '>');
        let end = text[begin..].find(is_end).map_or(text.len(), |end| begin + end);
        let authority = &text[begin..end];
        if let Some((user, _)) = authority.rsplit_once('@')
            && let Some((name, _)) = user.split_once(':')
        {
            found.push(begin + name.len() + 1..begin + user.len());
        }
    }
    found
}

/// What stands behind `Bearer`, `Basic` and the like.
fn credentials(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut before: Option<&str> = None;
    let mut at = 0;
    for word in text.split([' ', '\t', '\n', '\r', ':', '"', '\'', ',', ';']) {
        let range = at..at + word.len();
        at = range.end + 1;
        if word.is_empty() {
            continue;
        }
        let is_scheme = before.is_some_and(|before| {
            ["bearer", "basic", "token", "apikey"]
                .iter()
                .any(|name| before.eq_ignore_ascii_case(name))
        });
        let is_mixed = word.contains(|c: char| c.is_ascii_digit())
            && word.contains(|c: char| c.is_ascii_alphabetic());
        if is_scheme && word.len() >= SHORTEST_CREDENTIAL && is_mixed {
            found.push(range);
        }
        before = Some(word);
    }
    found
}

/// The values of settings with a secret name: `Password=x;`, `?token=x&`, `password: x` in a line of its own.
fn settings(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    for (at, sign) in text.match_indices(['=', ':']) {
        let before = &text[..at];
        let before = before.strip_suffix(['"', '\'']).unwrap_or(before);
        let start = before
            .rfind(|c| !is_name(c))
            .map_or(0, |start| start + before[start..].chars().next().map_or(1, char::len_utf8));
        if !is_secret_name(&before[start..]) {
            continue;
        }
        let value = at + sign.len();
        let rest = &text[value..];
        found.extend(
            match sign {
                "=" => assigned(rest),
                _ => of_line(text, start, rest),
            }
            .map(|range| value + range.start..value + range.end),
        );
    }
    found
}

/// The value directly behind `=`: quoted, or up to what ends it.
fn assigned(rest: &str) -> Option<Range<usize>> {
    if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let end = rest[1..].find(quote).map_or(rest.len(), |end| end + 1);
        return Some(1..end);
    }
    let is_end =
        |c: char| c.is_whitespace() || matches!(c, ';' | '&' | '"' | '\'' | '<' | '>' | ',' | ')');
    let end = rest.find(is_end).unwrap_or(rest.len());
    (end > 0).then_some(0..end)
}

/// The value behind `name: ` if it is one word, or quoted, and ends its line; the name begins the line.
fn of_line(text: &str, start: usize, rest: &str) -> Option<Range<usize>> {
    let before = text[..start].trim_end_matches([' ', '\t', '-', '"', '\'', '{']);
    let is_first = before.is_empty() || before.ends_with(['\n', '\r']);
    let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
    let value = &rest[..end];
    if !is_first || !value.starts_with([' ', '\t']) {
        return None;
    }
    let from = value.len() - value.trim_start().len();
    let value = value.trim();
    let bare = value.trim_matches(['"', '\'']);
    let is_one = bare.len() < value.len() || !bare.contains(char::is_whitespace);
    let from = from + value.find(bare)?;
    (is_one && !bare.is_empty()).then_some(from..from + bare.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        secrets_in_text(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn secrets_are_found_in_the_forms_that_people_write() {
        for (text, expected) in [
            ("postgres://app:s3cr3t@db/x", "s3cr3t"),
            ("see https://u:p:w@rd!@h/ now", "p:w@rd!"),
            ("https://h/cb?x=1&token=abcd1234&y=2", "abcd1234"),
            ("Server=h;User=u;Password=Pässwort x;", "Pässwort"),
            ("Server=h;Pwd='a b c d';", "a b c d"),
            ("curl -H 'Authorization: Bearer eyJhbGciOiJ9.x'", "eyJhbGciOiJ9.x"),
            ("user: me\npassword: hunter22\n", "hunter22"),
            ("  - api_key: \"k e y 1\"\n", "k e y 1"),
            ("export DB_PASSWORD=hunter22 && run", "hunter22"),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nMIIB\nabcd\n-----END RSA PRIVATE KEY-----\n",
                "MIIB\nabcd",
            ),
            ("-----BEGIN PRIVATE KEY-----\nMIIBcut", "MIIBcut"),
        ] {
            assert_eq!(found(text), [expected], "{text}");
        }
    }

    #[test]
    fn prose_and_plain_settings_hold_none() {
        for text in [
            "",
            "a bearer of bad news, basic understanding",
            "The token = a word that is kept. Password: see the manual",
            "https://example.com/a:b@c",
            "https://h/x?page_token=abcdefgh&size=5",
            "Server=h;User=someone;Timeout=5000",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
            "name: alpha\nowner: someone",
            "token=ab",
            "time: 12:30:00",
        ] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }
}
