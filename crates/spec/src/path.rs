//! URL templates: `/accounts/{account_id}/apps?view={view}`.
//!
//! Owns: splitting a template into literal and parameter pieces.
//! Refuses: values and encoding; those belong to the caller of a method.

use serde::{Deserialize, Serialize};

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Piece {
    /// Literal text.
    Literal(String),
    /// `{name}` (a regular expression after `:` is dropped).
    Param(String),
}

/// An `OpenAPI` path key: the path, and the query string that some documents put into it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathTemplate {
    /// The key as the document has it.
    pub raw: String,
    /// Pieces before the first `?`.
    pub path: Vec<Piece>,
    /// Pieces after it; empty without one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<Piece>,
}

impl PathTemplate {
    /// Splits a path key.
    pub fn parse(raw: &str) -> Self {
        let (path, query) = raw.split_once('?').unwrap_or((raw, ""));
        Self { raw: raw.to_owned(), path: pieces(path), query: pieces(query) }
    }

    /// Names of the parameters, in order of appearance, each once.
    pub fn params(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for piece in self.path.iter().chain(&self.query) {
            if let Piece::Param(name) = piece
                && !names.contains(&name.as_str())
            {
                names.push(name);
            }
        }
        names
    }
}

/// Splits a template into pieces; an unclosed brace is literal.
pub fn pieces(template: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = template;
    let mut literal = String::new();
    while let Some(open) = rest.find('{') {
        let Some(length) = closing(&rest[open + 1..]) else { break };
        let inner = &rest[open + 1..open + 1 + length];
        literal.push_str(&rest[..open]);
        let name = inner.split_once(':').map_or(inner, |(name, _)| name).trim();
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
        }
        pieces.push(Piece::Param(name.to_owned()));
        rest = &rest[open + length + 2..];
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    pieces
}

/// The offset of the brace that closes a parameter; braces of its regular expression nest.
fn closing(inner: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(template: &str) -> String {
        pieces(template)
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) => format!("[{text}]"),
                Piece::Param(name) => format!("<{name}>"),
            })
            .collect()
    }

    #[test]
    fn templates_split_into_pieces() {
        assert_eq!(show("/a/{b}/c"), "[/a/]<b>[/c]");
        assert_eq!(show("/{a}{b}"), "[/]<a><b>");
        assert_eq!(show("https://{host:[a-z]{2,3}}.x"), "[https://]<host>[.x]");
        assert_eq!(show("/a/{b"), "[/a/{b]");
        assert_eq!(show("{whole}"), "<whole>");
    }

    #[test]
    fn the_query_of_a_path_key_is_separate() {
        let template = PathTemplate::parse("/?Action=List&__x={y}");
        assert_eq!(template.path, [Piece::Literal("/".into())]);
        assert_eq!(template.params(), ["y"]);
    }
}
