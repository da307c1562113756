//! The tokens of a Rust file, without comments, literals and tests.
//!
//! Owns: enough of Rust's lexer to find paths and declarations.
//! Surprise: code under `#[cfg(test)]` is left out: tests may import from higher layers.

/// A word, or a sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    /// `::`
    Colons,
    Sign(char),
}

impl Token {
    pub(super) fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            Self::Colons | Self::Sign(_) => None,
        }
    }

    pub(super) fn is(&self, sign: char) -> bool {
        *self == Self::Sign(sign)
    }
}

/// Tokens with their lines.
pub(super) type Tokens = Vec<(Token, usize)>;

/// Reads a file.
pub(super) fn read(text: &str) -> Tokens {
    let mut reader = Reader { rest: text, line: 1 };
    let mut tokens = Vec::new();
    while let Some(token) = reader.next() {
        tokens.push(token);
    }
    tokens
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<(Token, usize)> {
        loop {
            let first = self.rest.chars().next()?;
            let line = self.line;
            if first.is_whitespace() {
                self.skip(first.len_utf8());
            } else if self.rest.starts_with("//") {
                self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
            } else if self.rest.starts_with("/*") {
                self.skip(comment(self.rest));
            } else if let Some(length) = literal(self.rest) {
                self.skip(length);
                return Some((Token::Sign('"'), line));
            } else if is_word(first) {
                // `r#type` is the word `type`
                let raw = if self.rest.starts_with("r#") { 2 } else { 0 };
                let word: String = self.rest[raw..].chars().take_while(|c| is_word(*c)).collect();
                self.skip(raw + word.len());
                return Some((Token::Word(word), line));
            } else if self.rest.starts_with("::") {
                self.skip(2);
                return Some((Token::Colons, line));
            } else {
                self.skip(first.len_utf8());
                return Some((Token::Sign(first), line));
            }
        }
    }

    fn skip(&mut self, length: usize) {
        self.line += self.rest[..length].matches('\n').count();
        self.rest = &self.rest[length..];
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Length of a block comment, which may hold others.
fn comment(text: &str) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// Length of the string, character or lifetime that begins there.
fn literal(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r"].into_iter().find(|prefix| {
        text.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(['"', '\'', '#']))
    });
    let prefix = prefix.unwrap_or_default();
    let rest = &text[prefix.len()..];
    if prefix.ends_with('r') {
        let hashes = rest.len() - rest.trim_start_matches('#').len();
        let body = rest[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        let length = body.find(&end).map_or(body.len(), |at| at + end.len());
        return Some(prefix.len() + hashes + 1 + length);
    }
    match rest.chars().next()? {
        '"' => Some(prefix.len() + quoted(rest, '"')),
        '\'' => Some(prefix.len() + character(rest)),
        _ => None,
    }
}

/// Length of a literal up to its closing quote.
fn quoted(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Length of `'a'`, or of the lifetime `'a`.
fn character(text: &str) -> usize {
    let mut chars = text.chars().skip(1);
    let (first, second) = (chars.next(), chars.next());
    if first == Some('\\') || second == Some('\'') {
        return quoted(text, '\'');
    }
    let name = text[1..].find(|c| !is_word(c));
    name.map_or(text.len(), |length| length + 1)
}

/// Takes out what is compiled for tests; the second value names the modules declared there.
pub(super) fn without_tests(tokens: Tokens) -> (Tokens, Vec<String>) {
    let mut kept = Tokens::new();
    let mut modules = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if let Some(length) = test_attribute(&tokens[at..]) {
            let end = at + length + item(&tokens[at + length..]);
            let words: Vec<&str> =
                tokens[at + length..end].iter().filter_map(|(token, _)| token.word()).collect();
            if let Some(at) = words.iter().position(|word| *word == "mod") {
                modules.extend(words.get(at + 1).map(|name| (*name).to_owned()));
            }
            at = end;
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    (kept, modules)
}

/// Length of `#[cfg(test)]`.
fn test_attribute(tokens: &[(Token, usize)]) -> Option<usize> {
    let expected = ["#", "[", "cfg", "(", "test", ")", "]"];
    let is_one = expected.iter().enumerate().all(|(at, expected)| match tokens.get(at) {
        Some((Token::Word(word), _)) => word == expected,
        Some((Token::Sign(sign), _)) => expected.chars().eq([*sign]),
        Some((Token::Colons, _)) | None => false,
    });
    is_one.then_some(expected.len())
}

/// Length of an item with its other attributes: up to a semicolon, or the end of its braces.
fn item(tokens: &[(Token, usize)]) -> usize {
    let mut depth = 0_usize;
    let mut is_attribute = false;
    // the braces of an import do not end it
    let is_import = tokens.iter().take(8).any(|(token, _)| token.word() == Some("use"));
    for (at, (token, _)) in tokens.iter().enumerate() {
        match token {
            Token::Sign('#') if depth == 0 => is_attribute = true,
            Token::Sign('(' | '[' | '{') => depth += 1,
            Token::Sign(closing @ (')' | ']' | '}')) => {
                let Some(outer) = depth.checked_sub(1) else { return at };
                depth = outer;
                if depth == 0 && is_attribute {
                    is_attribute = false;
                } else if depth == 0 && *closing == '}' && !is_import {
                    return at + 1;
                }
            }
            Token::Sign(';') if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> String {
        let words: Vec<String> = read(text)
            .into_iter()
            .filter_map(|(token, _)| token.word().map(str::to_owned))
            .collect();
        words.join(" ")
    }

    #[test]
    fn comments_and_literals_are_no_words() {
        assert_eq!(words("a // b\nc /* d /* e */ f */ g"), "a c g");
        assert_eq!(words(r##"a "b \" c" d r"e\" f r#"g " h"# i b"j" br#"k"# l"##), "a d f i l");
        assert_eq!(words(r"a 'b' '\'' '\u{1f}' c &'d e b'f' g"), "a c e g");
        assert_eq!(words("r#type rest br"), "type rest br");
    }

    #[test]
    fn lines_are_counted_across_literals() {
        let tokens = read("\"a\nb\" /* \n */ c");
        assert_eq!(tokens.last(), Some(&(Token::Word("c".to_owned()), 3)));
    }

    #[test]
    fn tests_are_left_out() {
        let text = "a; #[cfg(test)] mod tests; b; #[cfg(test)] #[path(x)] mod more { c { d } } e;
            #[cfg(test)] pub(crate) use f::{g, h}; i; #[cfg(test)] fn j(k: [u8; 2]) { l } m";
        let (tokens, modules) = without_tests(read(text));
        let kept: Vec<&str> = tokens.iter().filter_map(|(token, _)| token.word()).collect();
        assert_eq!(kept, ["a", "b", "e", "i", "m"]);
        assert_eq!(modules, ["tests", "more"]);
    }
}
