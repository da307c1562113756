//! Python text to tokens, with indentation as tokens of its own.

use super::ast::{Expr, Part};

/// Nesting of f-strings and blocks beyond which a text is refused.
const MAX_DEPTH: usize = 64;

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Number(String),
    /// A string, or an f-string that is read already.
    String(Expr),
    Operator(&'static str),
    Newline,
    Indent,
    Dedent,
}

/// Operators, longest first.
const OPERATORS: &[&str] = &[
    "**=", "//=", "<<=", ">>=", "...", "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "->", "+=",
    "-=", "*=", "/=", "%=", "&=", "|=", "^=", "@=", ":=", "+", "-", "*", "/", "%", "@", "&", "|",
    "^", "~", "<", ">", "(", ")", "[", "]", "{", "}", ",", ":", ".", ";", "=", "!",
];

/// Splits a text into tokens.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    Lexer { text, at: 0, line: 1, open: 0, indents: vec![0], out: Vec::new(), depth: 0 }.run()
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    /// Brackets that are open.
    open: usize,
    indents: Vec<usize>,
    out: Vec<Token>,
    depth: usize,
}

impl Lexer<'_> {
    fn run(mut self) -> Result<Vec<Token>, String> {
        while self.at < self.text.len() {
            if self.open == 0 && self.at_line_start() && !self.indentation()? {
                continue;
            }
            self.token()?;
        }
        if self.out.last().is_some_and(|last| *last != Token::Newline) {
            self.out.push(Token::Newline);
        }
        for _ in 1..self.indents.len() {
            self.out.push(Token::Dedent);
        }
        Ok(self.out)
    }

    fn at_line_start(&self) -> bool {
        self.at == 0 || self.text.as_bytes()[self.at - 1] == b'\n'
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn error(&self, what: &str) -> String {
        format!("line {}: {what}", self.line)
    }

    /// Reads the indentation of a line; `false` for a line without code, which is skipped.
    fn indentation(&mut self) -> Result<bool, String> {
        let rest = self.rest();
        let width = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let code = &rest[width..];
        if code.is_empty() || code.starts_with(['#', '\n', '\r']) {
            self.at += width;
            self.skip_line();
            return Ok(false);
        }
        self.at += width;
        let current = self.indents.last().copied().unwrap_or(0);
        if width > current {
            if self.indents.len() > MAX_DEPTH {
                return Err(self.error("blocks are nested too deeply"));
            }
            self.indents.push(width);
            self.out.push(Token::Indent);
        }
        while width < self.indents.last().copied().unwrap_or(0) {
            self.indents.pop();
            self.out.push(Token::Dedent);
        }
        Ok(true)
    }

    fn skip_line(&mut self) {
        match self.rest().find('\n') {
            Some(end) => {
                self.at += end + 1;
                self.line += 1;
            }
            None => self.at = self.text.len(),
        }
    }

    fn token(&mut self) -> Result<(), String> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(()) };
        match first {
            ' ' | '\t' | '\r' | '\u{c}' => self.at += 1,
            '\\' if rest[1..].starts_with('\n') || rest[1..].starts_with("\r\n") => {
                self.skip_line();
                // a continued line has no indentation of its own
                let rest = self.rest();
                self.at += rest.len() - rest.trim_start_matches([' ', '\t']).len();
            }
            '#' => self.at += rest.find('\n').unwrap_or(rest.len()),
            '\n' => {
                if self.open == 0 {
                    self.out.push(Token::Newline);
                }
                self.at += 1;
                self.line += 1;
            }
            '"' | '\'' => self.string("")?,
            _ if first.is_ascii_digit() => {
                let part = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
                let end = rest.find(|c| !part(c)).unwrap_or(rest.len());
                self.out.push(Token::Number(rest[..end].to_owned()));
                self.at += end;
            }
            _ if first.is_alphabetic() || first == '_' => {
                let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
                let end = end.unwrap_or(rest.len());
                let name = &rest[..end];
                let is_prefix = name.len() <= 2
                    && name.chars().all(|c| "rRbBfFuU".contains(c))
                    && rest[end..].starts_with(['"', '\'']);
                if is_prefix {
                    let prefix = name.to_ascii_lowercase();
                    self.at += end;
                    self.string(&prefix)?;
                } else {
                    self.out.push(Token::Name(name.to_owned()));
                    self.at += end;
                }
            }
            _ => {
                let operator = OPERATORS.iter().find(|operator| rest.starts_with(**operator));
                let Some(operator) = operator else {
                    return Err(self.error(&format!("`{first}` is not expected here")));
                };
                match *operator {
                    "(" | "[" | "{" => self.open += 1,
                    ")" | "]" | "}" => self.open = self.open.saturating_sub(1),
                    _ => {}
                }
                self.out.push(Token::Operator(operator));
                self.at += operator.len();
            }
        }
        Ok(())
    }

    /// Reads a string; neighbours are joined.
    fn string(&mut self, prefix: &str) -> Result<(), String> {
        let (raw, format) = (prefix.contains('r'), prefix.contains('f'));
        let rest = self.rest();
        let quote = &rest[..1];
        let triple = quote.repeat(3);
        let delimiter = if rest.starts_with(&triple) { triple } else { quote.to_owned() };
        let body = &rest[delimiter.len()..];
        let end = closing(body, &delimiter).ok_or_else(|| self.error("a string has no end"))?;
        let content = body[..end].to_owned();
        let expression = if format {
            Expr::Format(self.parts(&content)?)
        } else if raw {
            Expr::Text(content.clone())
        } else {
            Expr::Text(unescaped(&content))
        };
        self.line += content.matches('\n').count();
        self.at += 2 * delimiter.len() + end;
        match (self.out.last_mut(), expression) {
            (Some(Token::String(Expr::Text(before))), Expr::Text(text)) => before.push_str(&text),
            (Some(Token::String(before)), expression) => {
                let mut parts = into_parts(std::mem::replace(before, Expr::Other));
                parts.extend(into_parts(expression));
                *before = Expr::Format(parts);
            }
            (_, expression) => self.out.push(Token::String(expression)),
        }
        Ok(())
    }

    /// Splits the content of an f-string.
    fn parts(&self, content: &str) -> Result<Vec<Part>, String> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error("strings are nested too deeply"));
        }
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = content;
        while let Some(at) = rest.find(['{', '}']) {
            text.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                text.push_str(brace);
                rest = after;
                continue;
            }
            if brace == "}" {
                return Err(self.error("`}` is alone in an f-string"));
            }
            let end = rest.find('}').ok_or_else(|| self.error("`{` is alone in an f-string"))?;
            let inner = Lexer {
                text: &rest[..end],
                at: 0,
                line: self.line,
                open: 1,
                indents: vec![0],
                out: Vec::new(),
                depth: self.depth + 1,
            };
            let tokens = inner.run()?;
            if !text.is_empty() {
                parts.push(Part::Text(unescaped(&std::mem::take(&mut text))));
            }
            parts.push(Part::Expr(super::expression::whole(&tokens)));
            rest = &rest[end + 1..];
        }
        text.push_str(rest);
        if !text.is_empty() {
            parts.push(Part::Text(unescaped(&text)));
        }
        Ok(parts)
    }
}

fn into_parts(expression: Expr) -> Vec<Part> {
    match expression {
        Expr::Format(parts) => parts,
        Expr::Text(text) => vec![Part::Text(text)],
        other => vec![Part::Expr(other)],
    }
}

/// Where the delimiter closes; escaped quotes do not.
fn closing(body: &str, delimiter: &str) -> Option<usize> {
    let bytes = body.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'\\' {
            at += 2;
        } else if bytes[at..].starts_with(delimiter.as_bytes()) {
            return Some(at);
        } else {
            at += 1;
        }
    }
    None
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match characters.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('\n') | None => {}
            Some(quoted @ ('\\' | '\'' | '"')) => out.push(quoted),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
        }
    }
    out
}
