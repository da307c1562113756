//! JSON as a tree, with numbers as written.
//!
//! Surprise: `serde_json`'s value would turn a long integer into a float; here it stays text.

use jiter::{Jiter, Peek};
use strataql_diag::{Code, Report, excerpt};

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 200;

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number as written.
    Number(String),
    /// A string, without quotes and escapes.
    Text(String),
    /// Elements.
    Array(Vec<Node>),
    /// Members in the order of the text; names may repeat.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// Parses a whole text; `None` if it is not JSON, or is nested deeper than 200 levels.
    pub fn read(text: &str) -> Option<Self> {
        let mut jiter = Jiter::new(text.as_bytes());
        let peek = jiter.peek().ok()?;
        let node = node(&mut jiter, peek, MAX_DEPTH)?;
        jiter.finish().ok()?;
        Some(node)
    }

    /// Parses a whole text that must be JSON.
    ///
    /// # Errors
    /// `bad-value` for anything else.
    pub fn require(text: &str) -> Result<Self, Box<Report>> {
        Self::read(text).ok_or_else(|| no_json(text))
    }

    /// Parses a text that may be a plain string: text that is not JSON and does not start like an
    /// object or an array is a string.
    ///
    /// # Errors
    /// `bad-value` for text that only starts like an object or an array.
    pub fn read_or_text(text: &str) -> Result<Self, Box<Report>> {
        match Self::read(text) {
            Some(node) => Ok(node),
            None if text.trim_start().starts_with(['{', '[']) => Err(no_json(text)),
            None => Ok(Self::Text(text.to_owned())),
        }
    }

    /// The name of its type in SQLite's `json_type`.
    pub fn kind(&self) -> &'static str {
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

    /// True for objects and arrays.
    pub fn is_container(&self) -> bool {
        matches!(self, Self::Array(_) | Self::Object(_))
    }

    /// Compact JSON.
    pub fn json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Boolean(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Self::Number(raw) => out.push_str(raw),
            Self::Text(text) => push_quoted(out, text),
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
                    push_quoted(out, key);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

fn no_json(text: &str) -> Box<Report> {
    Report::new(Code::BadValue, format!("`{}` is no JSON", excerpt(text)))
        .with_help("test it with `json_valid(x)` first")
        .into()
}

fn node(jiter: &mut Jiter<'_>, peek: Peek, depth: usize) -> Option<Node> {
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
                items.push(node(jiter, peek, deeper)?);
                next = jiter.array_step().ok()?;
            }
            Node::Array(items)
        }
        Peek::Object => {
            let mut members = Vec::new();
            let mut key = jiter.known_object().ok()?.map(str::to_owned);
            while let Some(name) = key {
                let peek = jiter.peek().ok()?;
                members.push((name, node(jiter, peek, deeper)?));
                key = jiter.next_key().ok()?.map(str::to_owned);
            }
            Node::Object(members)
        }
        _ => {
            let raw = jiter.known_number_bytes(peek).ok()?;
            Node::Number(str::from_utf8(raw).ok()?.to_owned())
        }
    })
}

/// JSON without the white space between its tokens. The text must be JSON.
pub fn compact(text: &str) -> String {
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

/// JSON with a line for each member and element. The text must be JSON.
pub fn pretty(text: &str, indent: &str) -> String {
    let text = compact(text);
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let mut in_text = false;
    let mut is_escaped = false;
    let mut chars = text.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        for _ in 0..depth {
            out.push_str(indent);
        }
    };
    while let Some(char) = chars.next() {
        if in_text {
            in_text = is_escaped || char != '"';
            is_escaped = !is_escaped && char == '\\';
            out.push(char);
            continue;
        }
        in_text = char == '"';
        match char {
            '[' | '{' => {
                out.push(char);
                // empty objects and arrays stay on their line
                if let Some(end) = chars.next_if(|next| matches!(next, ']' | '}')) {
                    out.push(end);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            ']' | '}' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(char);
            }
            ',' => {
                out.push(char);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => out.push(char),
        }
    }
    out
}

/// Text as a JSON string.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_quoted(&mut out, text);
    out
}

fn push_quoted(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte < b' ' || matches!(byte, b'"' | b'\\')) {
        let (plain, escaped) = rest.split_at(at);
        out.push_str(plain);
        let byte = escaped.as_bytes()[0];
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            other => {
                out.push_str("\\u00");
                out.push(char::from(HEX[usize::from(other >> 4)]));
                out.push(char::from(HEX[usize::from(other & 15)]));
            }
        }
        rest = &escaped[1..];
    }
    out.push_str(rest);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pretty_json_is_the_same_with_lines() {
        for (text, wanted) in [
            ("[]", "[]"),
            (r#"{ "a" : {} }"#, "{\n \"a\": {}\n}"),
            (r#"["[,:]\"", 1]"#, "[\n \"[,:]\\\"\",\n 1\n]"),
        ] {
            let made = pretty(text, " ");
            assert_eq!(made, wanted);
            assert_eq!(compact(&made), compact(text));
        }
    }

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

    #[test]
    fn plain_text_is_a_string_and_broken_json_an_error() {
        assert_eq!(Node::read_or_text("a b").unwrap(), Node::Text("a b".to_owned()));
        assert_eq!(Node::read_or_text("1.50").unwrap(), Node::Number("1.50".to_owned()));
        let report = Node::read_or_text(" [1").unwrap_err();
        assert_eq!((report.code, report.message.as_str()), (Code::BadValue, "` [1` is no JSON"));
        assert!(Node::require("a b").is_err());
    }

    proptest! {
        #[test]
        fn strings_are_quoted_as_elsewhere(text in "[\\x00-\\x{ff}\"\\\\é𝄞]{0,20}") {
            prop_assert_eq!(quoted(&text), serde_json::to_string(&text).unwrap());
        }
    }
}
