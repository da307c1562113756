//! Tokens of Jsonnet.

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A number.
    Number(f64),
    /// A text, its escapes resolved.
    Text(String),
    /// A name or a keyword.
    Word(String),
    /// An operator or a bracket.
    Sign(String),
}

/// Characters that operators are made of.
const OPERATORS: &str = "!$:~+-&|^=<>*/%";

/// The tokens of a text.
///
/// # Errors
/// The sentence about what cannot be read.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut out = Vec::new();
    let mut rest = text;
    loop {
        rest = skip(rest)?;
        let Some(first) = rest.chars().next() else { return Ok(out) };
        let taken = if first.is_ascii_digit() {
            number(rest, &mut out)?
        } else if first.is_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            out.push(Token::Word(rest[..end].to_owned()));
            end
        } else if rest.starts_with("|||") {
            block(rest, &mut out)?
        } else if first == '"' || first == '\'' {
            quoted(rest, first, &mut out)?
        } else if let Some(quote) = rest
            .strip_prefix('@')
            .and_then(|it| it.chars().next())
            .filter(|c| matches!(c, '"' | '\''))
        {
            verbatim(rest, quote, &mut out)?
        } else if "{}[](),;.".contains(first) {
            out.push(Token::Sign(first.to_string()));
            1
        } else if OPERATORS.contains(first) {
            let end = operator(rest);
            out.push(Token::Sign(rest[..end].to_owned()));
            end
        } else {
            return Err(format!("the context has an unexpected `{first}`"));
        };
        rest = &rest[taken..];
    }
}

/// Passes over blanks and comments.
fn skip(mut rest: &str) -> Result<&str, String> {
    loop {
        rest = rest.trim_start();
        if rest.starts_with("//") || rest.starts_with('#') {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if let Some(inside) = rest.strip_prefix("/*") {
            let end = inside.find("*/").ok_or("a comment of the context has no end")?;
            rest = &inside[end + 2..];
        } else {
            return Ok(rest);
        }
    }
}

/// The length of the operator at the start.
fn operator(rest: &str) -> usize {
    for known in [":::", "+:::", "+::", "+:", "::", "==", "!=", "<=", ">=", "&&", "||", "<<", ">>"]
    {
        if rest.starts_with(known) {
            return known.len();
        }
    }
    1
}

fn number(rest: &str, out: &mut Vec<Token>) -> Result<usize, String> {
    let bytes = rest.as_bytes();
    let mut end = 0;
    while end < bytes.len() {
        let is_sign = matches!(bytes[end], b'+' | b'-') && matches!(bytes[end - 1], b'e' | b'E');
        let is_part = bytes[end].is_ascii_digit() || matches!(bytes[end], b'.' | b'e' | b'E');
        if !(is_part || end > 0 && is_sign) {
            break;
        }
        end += 1;
    }
    let value = rest[..end].parse().map_err(|_| format!("`{}` is no number", &rest[..end]))?;
    out.push(Token::Number(value));
    Ok(end)
}

fn quoted(rest: &str, quote: char, out: &mut Vec<Token>) -> Result<usize, String> {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        if character == quote {
            out.push(Token::Text(text));
            return Ok(at + 1);
        }
        if character != '\\' {
            text.push(character);
            continue;
        }
        match characters.next().map(|(_, escaped)| escaped) {
            Some('n') => text.push('\n'),
            Some('t') => text.push('\t'),
            Some('r') => text.push('\r'),
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('u') => {
                let hex: String = characters.by_ref().take(4).map(|(_, digit)| digit).collect();
                let code = u32::from_str_radix(&hex, 16).ok();
                text.push(code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(other) => text.push(other),
            None => break,
        }
    }
    Err("a text of the context has no end".to_owned())
}

fn verbatim(rest: &str, quote: char, out: &mut Vec<Token>) -> Result<usize, String> {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(2).peekable();
    while let Some((at, character)) = characters.next() {
        if character == quote {
            if characters.peek().is_none_or(|(_, next)| *next != quote) {
                out.push(Token::Text(text));
                return Ok(at + 1);
            }
            characters.next();
        }
        text.push(character);
    }
    Err("a text of the context has no end".to_owned())
}

/// A text of several lines; what all of them are indented by is left out.
fn block(rest: &str, out: &mut Vec<Token>) -> Result<usize, String> {
    let body = rest[3..].find('\n').map(|at| 3 + at + 1).ok_or("a text block has no lines")?;
    let indent: String = rest[body..]
        .trim_start_matches('\n')
        .chars()
        .take_while(|c| matches!(c, ' ' | '\t'))
        .collect();
    if indent.is_empty() {
        return Err("the lines of a text block are not indented".to_owned());
    }
    let mut text = String::new();
    let mut at = body;
    for line in rest[body..].split_inclusive('\n') {
        if let Some(own) = line.strip_prefix(indent.as_str()) {
            text.push_str(own);
        } else if line.trim().is_empty() {
            text.push('\n');
        } else {
            let blanks = line.len() - line.trim_start().len();
            if line.trim_start().starts_with("|||") {
                out.push(Token::Text(text));
                return Ok(at + blanks + 3);
            }
            break;
        }
        at += line.len();
    }
    Err("a text block has no end `|||`".to_owned())
}
