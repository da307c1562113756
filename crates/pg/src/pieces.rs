//! A text with several statements, statement by statement.
//!
//! Owns: where a statement ends, and its first words.
//! Refuses: its meaning; `commands` knows what the server does by itself.

use std::ops::Range;

/// The statements of a text, without those that are empty.
pub(crate) fn split(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < bytes.len() {
        if bytes[at] == b';' {
            pieces.push(start..at);
            at += 1;
            start = at;
        } else {
            at = skip(bytes, at);
        }
    }
    pieces.push(start..bytes.len());
    pieces.retain(|piece| words(&text[piece.clone()], 1).next().is_some());
    pieces
}

/// The end of what begins at a byte: a comment, a quoted text, or that byte.
fn skip(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let until = |found: Option<usize>, width: usize| found.map_or(bytes.len(), |end| end + width);
    match rest {
        [b'-', b'-', ..] => {
            until(rest.iter().position(|byte| *byte == b'\n').map(|end| at + end), 1)
        }
        [b'/', b'*', ..] => {
            let (mut depth, mut end) = (1, at + 2);
            while depth > 0 && end < bytes.len() {
                match &bytes[end..] {
                    [b'*', b'/', ..] => (depth, end) = (depth - 1, end + 2),
                    [b'/', b'*', ..] => (depth, end) = (depth + 1, end + 2),
                    _ => end += 1,
                }
            }
            end
        }
        [quote @ (b'\'' | b'"' | b'`'), ..] => {
            let escapes = *quote == b'\'' && is_escape_string(bytes, at);
            let mut end = at + 1;
            while end < bytes.len() && bytes[end] != *quote {
                end += if escapes && bytes[end] == b'\\' { 2 } else { 1 };
            }
            (end + 1).min(bytes.len())
        }
        [b'$', ..] => dollar(bytes, at),
        _ => at + 1,
    }
}

/// True after `E` that is no part of a word.
fn is_escape_string(bytes: &[u8], at: usize) -> bool {
    at > 0
        && matches!(bytes[at - 1], b'e' | b'E')
        && (at < 2 || !(bytes[at - 2].is_ascii_alphanumeric() || bytes[at - 2] == b'_'))
}

/// The end of `$tag$ … $tag$`; a parameter such as `$1` is none.
fn dollar(bytes: &[u8], at: usize) -> usize {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let tag = bytes[at + 1..].iter().take_while(|byte| is_word(byte)).count();
    let close = at + 1 + tag;
    let in_word = at > 0 && is_word(&bytes[at - 1]);
    if bytes.get(close) != Some(&b'$') || in_word || bytes[at + 1].is_ascii_digit() {
        return at + 1;
    }
    let mark = &bytes[at..=close];
    let rest = &bytes[close + 1..];
    let found = rest.windows(mark.len()).position(|window| window == mark);
    found.map_or(bytes.len(), |end| close + 1 + end + mark.len())
}

/// A word of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word<'a> {
    /// The bytes of the statement.
    pub(crate) span: Range<usize>,
    /// As written, quotes included.
    pub(crate) text: &'a str,
}

impl Word<'_> {
    /// True for a keyword in any case.
    pub(crate) fn is(&self, keyword: &str) -> bool {
        self.text.eq_ignore_ascii_case(keyword)
    }

    /// A name or text without its quotes; names without quotes in lower case.
    pub(crate) fn name(&self) -> String {
        let mut letters = self.text.chars();
        match letters.next() {
            Some(quote @ ('\'' | '"')) => {
                let inner = letters.as_str();
                let inner = inner.strip_suffix(quote).unwrap_or(inner);
                inner.replace(&format!("{quote}{quote}"), &quote.to_string())
            }
            _ => self.text.to_lowercase(),
        }
    }
}

/// The first words and signs of a statement, without comments.
pub(crate) fn words(text: &str, most: usize) -> impl Iterator<Item = Word<'_>> {
    let bytes = text.as_bytes();
    let mut at = 0;
    let next = move || {
        while at < bytes.len() {
            let rest = &bytes[at..];
            if rest[0].is_ascii_whitespace() || rest.starts_with(b"--") || rest.starts_with(b"/*") {
                at = skip(bytes, at);
                continue;
            }
            let start = at;
            let is_word = |byte: u8| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'$') || byte >= 0x80
            };
            if matches!(rest[0], b'\'' | b'"') {
                // a doubled quote goes on
                while at < bytes.len() && bytes[at] == rest[0] {
                    at = skip(bytes, at);
                }
            } else if is_word(rest[0]) {
                while at < bytes.len() && is_word(bytes[at]) {
                    at += 1;
                }
            } else {
                at += 1;
            }
            let text = text.get(start..at)?;
            return Some(Word { span: start..at, text });
        }
        None
    };
    std::iter::from_fn(next).take(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<&str> {
        split(text).into_iter().map(|piece| text[piece].trim()).collect()
    }

    #[test]
    fn statements_end_at_their_semicolon() {
        assert_eq!(pieces("SELECT 1; SELECT 2"), ["SELECT 1", "SELECT 2"]);
        assert_eq!(pieces(" ; ;-- x\n;/* ; */"), Vec::<&str>::new());
        assert_eq!(
            pieces("SELECT ';', \";\" -- ;\n, $$;$$, $a$;$$;$a$"),
            ["SELECT ';', \";\" -- ;\n, $$;$$, $a$;$$;$a$"]
        );
        assert_eq!(pieces("SELECT 'it''s;' ; x"), ["SELECT 'it''s;'", "x"]);
        assert_eq!(
            pieces(r"SELECT E'\';' ; SELECT '\' ; x"),
            [r"SELECT E'\';'", r"SELECT '\'", "x"]
        );
        assert_eq!(pieces("/* /* ; */ ; */ SELECT $1;"), ["/* /* ; */ ; */ SELECT $1"]);
        assert_eq!(pieces("SELECT 'open; x"), ["SELECT 'open; x"]);
    }

    #[test]
    fn words_have_their_spans() {
        let text = "DECLARE \"My c\" /* x */ CURSOR (ü.b 'it''s')";
        let all: Vec<Word<'_>> = words(text, 99).collect();
        let shown: Vec<&str> = all.iter().map(|word| word.text).collect();
        assert_eq!(shown, ["DECLARE", "\"My c\"", "CURSOR", "(", "ü.b", "'it''s'", ")"]);
        assert_eq!(all[1].name(), "My c");
        assert_eq!(all[5].name(), "it's");
        assert!(all[2].is("cursor"));
        assert_eq!(&text[all[4].span.clone()], "ü.b");
    }
}
