//! An untyped document tree with source lines.
//!
//! Owns: lenient typed access (`text`, `flag`, `map`) and JSON pointers.
//! Refuses: interpretation; the modules of the model do that.
//! Surprise: a scalar keeps its text, so a version `1.0`, a date or a key `200` is the original
//! text, whatever YAML makes of it. Clones are cheap: collections are shared.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value as Json;

/// The children of a mapping, in document order.
pub type Map = IndexMap<Box<str>, Node>;

/// One node of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// 1-based line in the file.
    pub line: u32,
    /// Its content.
    pub value: NodeValue,
}

/// The content of a node.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeValue {
    /// Null, `~` or nothing.
    Null,
    /// A plain `true` or `false`.
    Bool(bool),
    /// A plain number, as written.
    Number(Box<str>),
    /// Any other scalar.
    Text(Box<str>),
    /// A sequence.
    Sequence(Arc<Vec<Node>>),
    /// A mapping.
    Mapping(Arc<Map>),
}

impl Node {
    /// A null node of that line.
    pub fn null(line: u32) -> Self {
        Self { line, value: NodeValue::Null }
    }

    /// True for null.
    pub fn is_null(&self) -> bool {
        matches!(self.value, NodeValue::Null)
    }

    /// The child `key` of a mapping; null children count as absent.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.map()?.get(key).filter(|child| !child.is_null())
    }

    /// The mapping, if it is one.
    pub fn map(&self) -> Option<&Map> {
        match &self.value {
            NodeValue::Mapping(map) => Some(map),
            _ => None,
        }
    }

    /// The entries of a mapping; nothing for any other node.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.map().into_iter().flatten().map(|(key, node)| (&**key, node))
    }

    /// The items of a sequence; nothing for any other node.
    pub fn items(&self) -> &[Self] {
        match &self.value {
            NodeValue::Sequence(items) => items,
            _ => &[],
        }
    }

    /// True for a sequence.
    pub fn is_sequence(&self) -> bool {
        matches!(self.value, NodeValue::Sequence(_))
    }

    /// The text of a scalar: strings as they are, numbers and booleans as written.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            NodeValue::Text(text) | NodeValue::Number(text) => Some(text),
            NodeValue::Bool(true) => Some("true"),
            NodeValue::Bool(false) => Some("false"),
            _ => None,
        }
    }

    /// A boolean, also when it is written as text.
    pub fn flag(&self) -> Option<bool> {
        match self.text()? {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            _ => None,
        }
    }

    /// A whole number.
    pub fn integer(&self) -> Option<i64> {
        self.text()?.parse().ok()
    }

    /// The text of the child `key`.
    pub fn text_at(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// The owned text of the child `key`.
    pub fn string_at(&self, key: &str) -> Option<String> {
        self.text_at(key).map(str::to_owned)
    }

    /// The flag of the child `key`, `false` if absent.
    pub fn flag_at(&self, key: &str) -> bool {
        self.get(key).and_then(Self::flag).unwrap_or(false)
    }

    /// The texts of the sequence `key`; a single scalar counts as a sequence of one.
    pub fn texts_at(&self, key: &str) -> Vec<String> {
        match self.get(key) {
            Some(node) if node.is_sequence() => {
                node.items().iter().filter_map(|item| item.text().map(str::to_owned)).collect()
            }
            Some(node) => node.text().map(str::to_owned).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// Follows a JSON pointer (RFC 6901), with percent-decoding for the URI fragment form.
    pub fn pointer(&self, pointer: &str) -> Option<&Self> {
        let pointer = pointer.strip_prefix('#').unwrap_or(pointer);
        if pointer.is_empty() || pointer == "/" {
            return Some(self);
        }
        let mut node = self;
        for token in pointer.strip_prefix('/')?.split('/') {
            let token = percent_decoded(token).replace("~1", "/").replace("~0", "~");
            node = match &node.value {
                NodeValue::Mapping(map) => map.get(token.as_str())?,
                NodeValue::Sequence(items) => items.get(token.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        Some(node)
    }

    /// The tree as JSON: plain booleans and numbers keep their kind, numbers outside 64 bits become text.
    pub fn to_json(&self) -> Json {
        match &self.value {
            NodeValue::Null => Json::Null,
            NodeValue::Bool(flag) => Json::Bool(*flag),
            NodeValue::Number(text) => {
                serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.to_string()))
            }
            NodeValue::Text(text) => Json::String(text.to_string()),
            NodeValue::Sequence(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            NodeValue::Mapping(map) => {
                Json::Object(map.iter().map(|(k, v)| (k.to_string(), v.to_json())).collect())
            }
        }
    }
}

/// The text with `%XX` replaced by its byte; invalid sequences stay as they are.
fn percent_decoded(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if let Some(byte) = hex {
            out.push(byte);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::Node;
    use crate::yaml::parse;

    #[test]
    fn pointers_decode_both_escapes_and_walk_sequences() {
        let root = parse("a/b: {'c~d': [x, {e f: 1}]}").expect("valid").0;
        assert_eq!(root.pointer("#/a~1b/c~0d/0").and_then(|n| n.text()), Some("x"));
        assert_eq!(root.pointer("#/a~1b/c~0d/1/e%20f").and_then(|n| n.text()), Some("1"));
        assert!(root.pointer("#/a~1b/none").is_none());
        assert!(root.pointer("").is_some());
    }

    #[test]
    fn scalars_keep_their_text() {
        let root =
            parse("{version: 1.0, date: 2010-05-15, no: 'true', big: 18446744073709551616, n: ~}")
                .expect("valid")
                .0;
        assert_eq!(root.text_at("version"), Some("1.0"));
        assert_eq!(root.text_at("date"), Some("2010-05-15"));
        assert!(root.flag_at("no"));
        assert!(root.get("n").is_none());
        assert_eq!(
            root.get("big").map(Node::to_json),
            Some(serde_json::json!(1.844_674_407_370_955_2e19))
        );
    }
}
