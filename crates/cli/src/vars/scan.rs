//! Finding `{{ name }}` in a statement.
//!
//! Owns: the boundaries of code, strings, quoted names and comments.
//! Refuses: values.
//! Surprise: comments contain no variables. `{{` that begins JSON (`'{{"a": 1}}'`) is left alone,
//! but `{{ two words }}` is an error: it would otherwise be sent to the service as text.

use strataql_diag::{Code, Report, Result, Span};

/// The context of a variable, which decides how its value is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Between tokens: the value must be a literal of its own.
    Code,
    /// In `'…'`.
    Text,
    /// In `E'…'`, where the backslash escapes.
    EscapedText,
    /// In `"…"` or `` `…` ``.
    Name(u8),
    /// In `$tag$…$tag$`.
    Dollar,
}

/// One variable of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// From the first brace to the last.
    pub(super) span: Span,
    /// Its name.
    pub(super) name: String,
    /// Its context.
    pub(super) place: Place,
}

/// The content of a text.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The variables in the order of the text.
    pub(super) found: Vec<Found>,
    /// Lines, with their line feed, that begin and end outside strings and block comments.
    pub(super) lines: Vec<Span>,
}

enum Mode {
    Within(Place),
    Tagged(String),
    LineComment,
    BlockComment(usize),
}

const CODE: Mode = Mode::Within(Place::Code);

/// Finds the variables.
///
/// # Errors
/// `syntax` for braces around something like a name that is not one.
pub(super) fn scan(text: &str) -> Result<Scan> {
    let mut scanner = Scanner { text, at: 0, mode: CODE, scan: Scan::default() };
    let (mut line, mut is_clean) = (0, true);
    while scanner.at < text.len() {
        if text.as_bytes()[scanner.at] != b'\n' {
            scanner.step()?;
            continue;
        }
        if matches!(scanner.mode, Mode::LineComment) {
            scanner.mode = CODE;
        }
        scanner.at += 1;
        let ends_in_code = matches!(scanner.mode, Mode::Within(Place::Code));
        if is_clean && ends_in_code {
            scanner.scan.lines.push(Span::new(line, scanner.at));
        }
        (line, is_clean) = (scanner.at, ends_in_code);
    }
    let ends_in_code = matches!(scanner.mode, Mode::Within(Place::Code) | Mode::LineComment);
    if is_clean && ends_in_code && line < text.len() {
        scanner.scan.lines.push(Span::new(line, text.len()));
    }
    Ok(scanner.scan)
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    mode: Mode,
    scan: Scan,
}

impl Scanner<'_> {
    fn rest(&self) -> &[u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// Consumes one byte or token; never a line feed.
    fn step(&mut self) -> Result<()> {
        if !matches!(self.mode, Mode::LineComment | Mode::BlockComment(_))
            && self.rest().starts_with(b"{{")
        {
            return self.braces();
        }
        self.at += match &mut self.mode {
            Mode::Within(Place::Code) => self.code(),
            Mode::Within(place) => {
                let (quote, escapes) = match place {
                    Place::Name(quote) => (*quote, false),
                    place => (b'\'', *place == Place::EscapedText),
                };
                match self.rest() {
                    [b'\\', next, ..] if escapes && *next != b'\n' => 2,
                    [first, second, ..] if *first == quote && *second == quote => 2,
                    [first, ..] if *first == quote => {
                        self.mode = CODE;
                        1
                    }
                    _ => 1,
                }
            }
            Mode::Tagged(tag) => {
                let tag = tag.clone();
                if self.rest().starts_with(tag.as_bytes()) {
                    self.mode = CODE;
                    tag.len()
                } else {
                    1
                }
            }
            Mode::LineComment => 1,
            Mode::BlockComment(depth) => {
                let depth = *depth;
                match self.rest() {
                    [b'/', b'*', ..] => {
                        self.mode = Mode::BlockComment(depth + 1);
                        2
                    }
                    [b'*', b'/', ..] => {
                        self.mode = if depth > 1 { Mode::BlockComment(depth - 1) } else { CODE };
                        2
                    }
                    _ => 1,
                }
            }
        };
        Ok(())
    }

    /// A token of code that may open something; returns its length.
    fn code(&mut self) -> usize {
        match self.rest() {
            [b'\'', ..] => {
                let place = if self.follows_e() { Place::EscapedText } else { Place::Text };
                self.mode = Mode::Within(place);
                1
            }
            [quote @ (b'"' | b'`'), ..] => {
                self.mode = Mode::Within(Place::Name(*quote));
                1
            }
            [b'-', b'-', ..] => {
                self.mode = Mode::LineComment;
                2
            }
            [b'/', b'*', ..] => {
                self.mode = Mode::BlockComment(1);
                2
            }
            [b'$', ..] => match self.dollar_tag() {
                Some(tag) => {
                    let length = tag.len();
                    self.mode = Mode::Tagged(tag);
                    length
                }
                None => 1,
            },
            _ => 1,
        }
    }

    /// True when an `E` of its own stands directly before.
    fn follows_e(&self) -> bool {
        match &self.text.as_bytes()[..self.at] {
            [.., before, b'e' | b'E'] => !is_word(*before),
            [b'e' | b'E'] => true,
            _ => false,
        }
    }

    /// The `$tag$` that opens here.
    fn dollar_tag(&self) -> Option<String> {
        if self.at > 0 && is_word(self.text.as_bytes()[self.at - 1]) {
            return None;
        }
        let rest = &self.text[self.at + 1..];
        let tag = &rest[..rest.find('$')?];
        let is_tag = tag.bytes().all(is_word) && !tag.starts_with(|c: char| c.is_ascii_digit());
        is_tag.then(|| format!("${tag}$"))
    }

    /// `{{` in code or text.
    fn braces(&mut self) -> Result<()> {
        let rest = &self.text[self.at + 2..];
        let content = rest.find("}}").map(|end| &rest[..end]);
        let Some(content) = content.filter(|content| is_intended(content)) else {
            self.at += 1;
            return Ok(());
        };
        let span = Span::new(self.at, self.at + content.len() + 4);
        let name = content.trim();
        if !is_name(name) {
            return Err(no_name(name, span));
        }
        let place = match &self.mode {
            Mode::Within(place) => place.clone(),
            _ => Place::Dollar,
        };
        self.scan.found.push(Found { span, name: name.to_owned(), place });
        self.at = span.end;
        Ok(())
    }
}

/// True for a byte of an identifier, or of any character beyond ASCII.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// True when the braces are meant as a variable, not as JSON.
fn is_intended(content: &str) -> bool {
    !content.trim().is_empty() && !content.contains(['"', '\'', '{', '}', ':', '\n'])
}

/// True for the name of a variable.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

fn no_name(name: &str, span: Span) -> Box<Report> {
    Box::new(
        Report::new(Code::Syntax, format!("`{name}` is not the name of a variable"))
            .with_label(span, "a name has letters, digits, `_`, `-` and `.`")
            .with_help("to send the braces themselves, pass them: `--var text='{{ … }}'`"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, Place)]) {
        let found = scan(text).expect("valid").found;
        let found: Vec<(&str, Place)> =
            found.iter().map(|found| (found.name.as_str(), found.place.clone())).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn places_are_told_apart() {
        check("SELECT {{ a }}, '{{b}}'", &[("a", Place::Code), ("b", Place::Text)]);
        check("SELECT 'it''s {{ a }}'", &[("a", Place::Text)]);
        check("SELECT 'x\\' || {{ a }}", &[("a", Place::Code)]);
        check(
            "SELECT E'x\\'{{ a }}', some_e'{{ b }}'",
            &[("a", Place::EscapedText), ("b", Place::Text)],
        );
        check(
            "SELECT \"{{ a }}\", `{{ b }}`",
            &[("a", Place::Name(b'"')), ("b", Place::Name(b'`'))],
        );
        check(
            "SELECT $$ '{{ a }} $$, $x$ $$ {{ b }} $x$, {{ c }}",
            &[("a", Place::Dollar), ("b", Place::Dollar), ("c", Place::Code)],
        );
        check("SELECT $1, {{ a }}, $2", &[("a", Place::Code)]);
    }

    #[test]
    fn comments_hide_variables() {
        check("-- {{ a }}\n{{ b }}", &[("b", Place::Code)]);
        check("/* {{ a }} /* ' */ {{ b }} */ '{{ c }}'", &[("c", Place::Text)]);
        check("x --required; ' {{ a }}\n'{{ b }}'", &[("b", Place::Text)]);
    }

    #[test]
    fn json_is_left_alone_and_near_misses_are_not() {
        check("'{\"a\":{\"b\":{{ x }}}}'", &[("x", Place::Text)]);
        check("'{{\"a\": 1}}' '{{}}' {{", &[]);
        for text in ["{{ two words }}", "'{{ .Values.x }}'", "'{{ a | upper }}'"] {
            assert_eq!(scan(text).expect_err(text).code, Code::Syntax);
        }
    }

    #[test]
    fn lines_within_texts_are_not_lines_of_code() {
        let text = "a\n'b\nc'\n/* d\n*/ e\nf -- '\ng";
        let lines: Vec<&str> =
            scan(text).expect("valid").lines.iter().map(|line| line.slice(text)).collect();
        assert_eq!(lines, ["a\n", "f -- '\n", "g"]);
    }
}
