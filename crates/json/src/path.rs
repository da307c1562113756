//! Paths into JSON text in SQLite's syntax: `$.a.b[0]."c d"[#-1]`.
//!
//! Surprise: a key in double quotes is a JSON string with escapes, so that every key has a path. In
//! single quotes (`['a']`) and unquoted, a backslash is literal.

use jiter::Jiter;
use strataql_diag::{Code, Report, excerpt};

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A key of an object.
    Key(String),
    /// An element of an array.
    Index(usize),
    /// An element counted from the end; 1 is the last.
    FromEnd(usize),
}

impl Step {
    /// The step as typed paths write it: the type does not depend on the index.
    pub fn key(&self) -> String {
        match self {
            Self::Key(key) => key.clone(),
            Self::Index(index) => index.to_string(),
            Self::FromEnd(_) => "0".to_owned(),
        }
    }
}

fn bad_path(text: &str) -> Box<Report> {
    Report::new(Code::BadValue, format!("`{}` is no JSON path", excerpt(text)))
        .with_help("a path looks like `$.key[0].\"other key\"[#-1]`")
        .into()
}

/// Parses a path.
///
/// # Errors
/// `bad-value` for anything else.
pub fn parse_path(text: &str) -> Result<Vec<Step>, Box<Report>> {
    let wrong = || bad_path(text);
    let mut rest = text.strip_prefix('$').ok_or_else(wrong)?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let (key, left) = key(after).ok_or_else(wrong)?;
            steps.push(Step::Key(key));
            rest = left;
        } else if let Some(after) = rest.strip_prefix('[') {
            let (step, left) = bracket(after).ok_or_else(wrong)?;
            steps.push(step);
            rest = left;
        } else {
            return Err(wrong());
        }
    }
    Ok(steps)
}

/// The key after a dot, and the rest.
fn key(text: &str) -> Option<(String, &str)> {
    if text.starts_with('"') {
        return string(text);
    }
    let (key, left) = text.split_at(text.find(['.', '[']).unwrap_or(text.len()));
    (!key.is_empty()).then(|| (key.to_owned(), left))
}

/// The JSON string at the start of a text, and the rest.
fn string(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut is_escaped = false;
    let end = inside.find(|char| {
        let is_end = char == '"' && !is_escaped;
        is_escaped = char == '\\' && !is_escaped;
        is_end
    })?;
    let (key, left) = (&inside[..end], &inside[end + 1..]);
    if !key.contains('\\') {
        return Some((key.to_owned(), left));
    }
    let with_quotes = &text[..text.len() - left.len()];
    let key = Jiter::new(with_quotes.as_bytes()).next_str().ok()?.to_owned();
    Some((key, left))
}

/// The step in brackets, and the rest.
fn bracket(text: &str) -> Option<(Step, &str)> {
    if let Some((key, left)) = string(text) {
        return Some((Step::Key(key), left.strip_prefix(']')?));
    }
    if let Some(quoted) = text.strip_prefix('\'') {
        let (key, left) = quoted.split_once('\'')?;
        return Some((Step::Key(key.to_owned()), left.strip_prefix(']')?));
    }
    let (inside, left) = text.split_once(']')?;
    let step = match inside.strip_prefix('#') {
        Some("") => Step::FromEnd(0),
        Some(back) => Step::FromEnd(back.strip_prefix('-')?.parse().ok()?),
        None => Step::Index(inside.parse().ok()?),
    };
    Some((step, left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read() {
        let key = |text: &str| Step::Key(text.to_owned());
        for (text, steps) in [
            ("$", vec![]),
            ("$.a.b[0].c", vec![key("a"), key("b"), Step::Index(0), key("c")]),
            ("$.\"a.b\"[#-1]", vec![key("a.b"), Step::FromEnd(1)]),
            ("$['a b'][\"c\"]", vec![key("a b"), key("c")]),
            ("$.\"\"", vec![key("")]),
            ("$[#]", vec![Step::FromEnd(0)]),
            (r#"$."a\"b\\\u00e9"["\n"]"#, vec![key("a\"b\\é"), key("\n")]),
            (r"$.a\b['c\d']", vec![key(r"a\b"), key(r"c\d")]),
        ] {
            assert_eq!(parse_path(text).unwrap(), steps, "{text}");
        }
        for text in [
            "",
            "a",
            "$a",
            "$.",
            "$..a",
            "$[",
            "$[x]",
            "$[-1]",
            "$[#-x]",
            "$.\"a",
            "$['a]",
            "$[0",
            r#"$."a\""#,
            r#"$."a\x""#,
        ] {
            assert_eq!(parse_path(text).unwrap_err().code, Code::BadValue, "{text}");
        }
    }
}
