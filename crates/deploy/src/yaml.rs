//! Values as YAML.

use std::fmt::Write as _;

use serde_json::Value as Json;

/// The text of a value, as a block; texts in double quotes, which YAML reads as JSON does.
pub(crate) fn written(value: &Json) -> String {
    let mut out = String::new();
    block(value, 0, &mut out);
    out
}

fn is_block(value: &Json) -> bool {
    match value {
        Json::Array(items) => !items.is_empty(),
        Json::Object(members) => !members.is_empty(),
        _ => false,
    }
}

fn block(value: &Json, indent: usize, out: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        Json::Object(members) if !members.is_empty() => {
            for (key, member) in members {
                // writing to a string cannot fail
                let _ok = write!(out, "{pad}{}:", scalar_key(key));
                after(member, indent + 2, out);
            }
        }
        Json::Array(items) if !items.is_empty() => {
            for item in items {
                if is_block(item) {
                    let mut inner = String::new();
                    block(item, indent + 2, &mut inner);
                    let _ok = write!(out, "{pad}- {}", inner.trim_start());
                } else {
                    let _ok = writeln!(out, "{pad}- {}", scalar(item));
                }
            }
        }
        other => {
            let _ok = writeln!(out, "{pad}{}", scalar(other));
        }
    }
}

fn after(value: &Json, indent: usize, out: &mut String) {
    if is_block(value) {
        out.push('\n');
        block(value, indent, out);
    } else {
        let _ok = writeln!(out, " {}", scalar(value));
    }
}

/// Words and paths stand bare.
fn is_plain(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'))
        && !matches!(
            text.to_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
        )
}

fn scalar_key(key: &str) -> String {
    if is_plain(key) { key.to_owned() } else { Json::from(key).to_string() }
}

/// A value on one line.
pub(crate) fn scalar(value: &Json) -> String {
    match value {
        Json::String(text) if is_plain(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let value = serde_json::json!({
            "a": [{"b": 1, "c": ["x", []]}, "yes", "a: b", null], "d e": {}, "n": {"m": "line\nline"},
            "i": -1.5, "id": "0123",
        });
        let text = written(&value);
        let (read, _) = strataql_spec::yaml::parse(&text).expect("valid");
        assert_eq!(read.to_json(), value, "{text}");
    }
}
