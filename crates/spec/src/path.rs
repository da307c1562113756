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
    /// `{name}` (`+` before it and a regular expression after `:` are dropped).
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

impl PathTemplate {
    /// True if the template itself says that a value may have several segments: `{+name}`, or a regular
    /// expression that holds `/`.
    pub(crate) fn spans_segments(&self, name: &str) -> bool {
        let mut rest = self.raw.as_str();
        while let Some(open) = rest.find('{') {
            let Some(length) = closing(&rest[open + 1..]) else { return false };
            let inner = rest[open + 1..open + 1 + length].trim();
            let (own, pattern) = inner.split_once(':').unwrap_or((inner, ""));
            let reserved = own.strip_prefix('+');
            if reserved.unwrap_or(own).trim() == name {
                return reserved.is_some() || holds_slash(pattern);
            }
            rest = &rest[open + length + 2..];
        }
        false
    }

    /// True if the path ends with that parameter.
    pub(crate) fn ends_with(&self, name: &str) -> bool {
        matches!(self.path.last(), Some(Piece::Param(last)) if last == name)
    }
}

impl PathTemplate {
    /// True if the path is that of a list and this parameter in one more segment: `/items/{id}` of `/items`.
    pub(crate) fn is_item_of(&self, list: &Self, name: &str) -> bool {
        let text = |pieces: &[Piece]| {
            let pieces = pieces.iter().map(|piece| match piece {
                Piece::Literal(text) => text.as_str(),
                Piece::Param(_) => "{}",
            });
            pieces.collect::<String>().trim_end_matches('/').to_owned()
        };
        let without_slash = match self.path.split_last() {
            Some((Piece::Literal(last), rest)) if last == "/" => rest,
            _ => &self.path,
        };
        match without_slash.split_last() {
            Some((Piece::Param(last), scope)) => last == name && text(scope) == text(&list.path),
            _ => false,
        }
    }
}

/// True if a regular expression has a `/` in it that a value may have: `[^/]` and `(?!…)` forbid one.
pub(crate) fn holds_slash(pattern: &str) -> bool {
    let mut rest = pattern;
    while let Some(at) = rest.find(['/', '[', '(']) {
        let (skipped, end) = match &rest[at..] {
            part if part.starts_with("[^") => (2, ']'),
            part if part.starts_with("(?!") => (3, ')'),
            part if part.starts_with('/') => return true,
            _ => {
                rest = &rest[at + 1..];
                continue;
            }
        };
        let inner = &rest[at + skipped..];
        // `]` is a member where it stands first
        let first = usize::from(end == ']' && inner.starts_with(']'));
        let Some(length) = inner[first..].find(end) else { return false };
        rest = &inner[first + length + 1..];
    }
    false
}

/// True for names that speak of a path in some tree of files.
pub(crate) fn is_path_name(name: &str) -> bool {
    name.eq_ignore_ascii_case("path")
        || name.ends_with("_path")
        || name.ends_with("-path")
        || name.ends_with("Path")
        || matches!(name, "filepath" | "dirpath")
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
        let name = name.strip_prefix('+').unwrap_or(name);
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
    fn several_segments_need_a_mark() {
        let spans = |raw: &str, name: &str| PathTemplate::parse(raw).spans_segments(name);
        assert!(spans("/v1/{+name}", "name"));
        assert_eq!(PathTemplate::parse("/v1/{+name}:get").params(), ["name"]);
        assert!(spans("/v1/{name:projects/[^/]+/topics/.*}", "name"));
        assert!(!spans("/v1/{name:[^/]+}/{+rest}", "name"));
        assert!(!spans("/v1/{name}", "name"));
        for (pattern, expected) in [
            ("^projects/[^/]+$", true),
            ("[a-z/]+", true),
            (r"^[^\/]+$", false),
            ("^[^/?#]{1,64}$", false),
            ("^(?!.*/).+$", false),
            ("[]/]+", true),
            ("^[a-z]+$", false),
            ("[^/", false),
        ] {
            assert_eq!(holds_slash(pattern), expected, "{pattern}");
        }
        assert!(is_path_name("file_path") && is_path_name("directoryPath") && is_path_name("path"));
        assert!(!is_path_name("xpath_query") && !is_path_name("pathology"));
    }

    #[test]
    fn the_query_of_a_path_key_is_separate() {
        let template = PathTemplate::parse("/?Action=List&__x={y}");
        assert_eq!(template.path, [Piece::Literal("/".into())]);
        assert_eq!(template.params(), ["y"]);
    }
}
