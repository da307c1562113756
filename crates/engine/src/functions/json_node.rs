//! JSON as a tree, with numbers as written.
//!
//! Surprise: `serde_json`'s value would turn a long integer into a float; here it stays text.

use jiter::{Jiter, Peek};

use super::cell::quoted;

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 200;

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Null,
    Boolean(bool),
    /// As written.
    Number(String),
    Text(String),
    Array(Vec<Node>),
    /// In the order of the text.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// Reads a whole text; `None` if it is no JSON.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut jiter = Jiter::new(text.as_bytes());
        let peek = jiter.peek().ok()?;
        let node = node(text, &mut jiter, peek, MAX_DEPTH)?;
        jiter.finish().ok()?;
        Some(node)
    }

    /// What SQLite's `json_type` calls it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(true) => "true",
            Self::Boolean(false) => "false",
            Self::Number(raw) if raw.contains(['.', 'e', 'E']) => "real",
            Self::Number(_) => "integer",
            Self::Text(_) => "text",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }

    pub(super) fn is_container(&self) -> bool {
        matches!(self, Self::Array(_) | Self::Object(_))
    }

    /// Compact JSON.
    pub(super) fn json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Boolean(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Self::Number(raw) => out.push_str(raw),
            Self::Text(text) => out.push_str(&quoted(text)),
            Self::Array(items) => {
                out.push('[');
                for (position, item) in items.iter().enumerate() {
                    if position > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (position, (key, value)) in members.iter().enumerate() {
                    if position > 0 {
                        out.push(',');
                    }
                    out.push_str(&quoted(key));
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

fn node(text: &str, jiter: &mut Jiter<'_>, peek: Peek, depth: usize) -> Option<Node> {
    let deeper = depth.checked_sub(1)?;
    Some(match peek {
        Peek::Null => {
            jiter.known_null().ok()?;
            Node::Null
        }
        Peek::True | Peek::False => Node::Boolean(jiter.known_bool(peek).ok()?),
        Peek::String => Node::Text(jiter.known_str().ok()?.to_owned()),
        Peek::Array => {
            let mut items = Vec::new();
            let mut next = jiter.known_array().ok()?;
            while let Some(peek) = next {
                items.push(node(text, jiter, peek, deeper)?);
                next = jiter.array_step().ok()?;
            }
            Node::Array(items)
        }
        Peek::Object => {
            let mut members = Vec::new();
            let mut key = jiter.known_object().ok()?.map(str::to_owned);
            while let Some(name) = key {
                let peek = jiter.peek().ok()?;
                members.push((name, node(text, jiter, peek, deeper)?));
                key = jiter.next_key().ok()?.map(str::to_owned);
            }
            Node::Object(members)
        }
        _ => {
            let start = jiter.current_index();
            jiter.known_number(peek).ok()?;
            Node::Number(text.get(start..jiter.current_index())?.to_owned())
        }
    })
}

/// JSON without the white space between its tokens. The text has to be JSON.
pub(super) fn compact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_text = false;
    let mut is_escaped = false;
    for char in text.chars() {
        if in_text {
            in_text = is_escaped || char != '"';
            is_escaped = !is_escaped && char == '\\';
        } else if char.is_ascii_whitespace() {
            continue;
        } else {
            in_text = char == '"';
        }
        out.push(char);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn trees_keep_order_and_numbers() {
        let text = r#"{"b":[1,-2.50,12345678901234567890123,true,null],"a":{"x\"y":"é\n"}}"#;
        assert_eq!(Node::read(text).unwrap().json(), text);
        for text in ["", "{", "[1,]", "{\"a\":}", "nul", "1 2", "NaN", "'a'", "{a:1}"] {
            assert_eq!(Node::read(text), None, "{text}");
        }
    }

    #[test]
    fn deep_texts_are_refused_not_followed() {
        let deep = "[".repeat(100_000);
        assert_eq!(Node::read(&deep), None);
        let closed = format!("{}1{}", "[".repeat(150), "]".repeat(150));
        assert!(Node::read(&closed).is_some());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(text in r#"[\[\]{}:,"a0-9 \\.\-ét]{0,40}"#) {
            if let Some(node) = Node::read(&text) {
                prop_assert_eq!(Node::read(&node.json()), Some(node.clone()));
                prop_assert_eq!(Node::read(&compact(&text)), Some(node));
            }
        }
    }
}
