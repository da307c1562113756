//! JSON values as YAML text.
//!
//! Owns: block style with two spaces, short lists of scalars in flow style, quoting. The text depends
//! on the value alone, and reading it back gives the value.

use serde_json::Value as Json;

/// The longest flow sequence, in bytes.
const MAX_FLOW: usize = 90;

/// The document of a value, with a final newline.
pub(crate) fn document(value: &Json) -> String {
    let mut out = String::new();
    match value {
        Json::Object(map) if !map.is_empty() => mapping(value, 0, &mut out),
        Json::Array(items) if !items.is_empty() => sequence(items, 0, &mut out),
        _ => {
            out.push_str(&scalar(value));
            out.push('\n');
        }
    }
    out
}

fn indent(depth: usize, out: &mut String) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}

fn mapping(value: &Json, depth: usize, out: &mut String) {
    for (at, (key, child)) in value.as_object().into_iter().flatten().enumerate() {
        // the first line of a mapping in a sequence stands behind its dash
        if at > 0 || !out.ends_with("- ") {
            indent(depth, out);
        }
        out.push_str(&text(key));
        out.push(':');
        entry(child, depth, out);
    }
}

/// What stands behind `key:`.
fn entry(child: &Json, depth: usize, out: &mut String) {
    match child {
        Json::Object(map) if !map.is_empty() => {
            out.push('\n');
            mapping(child, depth + 1, out);
        }
        Json::Array(items) if !items.is_empty() => {
            if let Some(flow) = flow(items) {
                out.push(' ');
                out.push_str(&flow);
                out.push('\n');
            } else {
                out.push('\n');
                sequence(items, depth + 1, out);
            }
        }
        Json::String(text) if is_literal(text) => {
            out.push_str(" |-\n");
            for line in text.split('\n') {
                if !line.is_empty() {
                    indent(depth + 1, out);
                    out.push_str(line);
                }
                out.push('\n');
            }
        }
        _ => {
            out.push(' ');
            out.push_str(&scalar(child));
            out.push('\n');
        }
    }
}

fn sequence(items: &[Json], depth: usize, out: &mut String) {
    for item in items {
        indent(depth, out);
        out.push_str("- ");
        match item {
            Json::Object(map) if !map.is_empty() => mapping(item, depth + 1, out),
            _ => {
                let inline = match item {
                    Json::Array(_) => item.to_string(),
                    _ => scalar(item),
                };
                out.push_str(&inline);
                out.push('\n');
            }
        }
    }
}

/// A list of scalars on one line, if it is short and holds nothing that flow style reads otherwise.
fn flow(items: &[Json]) -> Option<String> {
    let mut parts = Vec::with_capacity(items.len());
    for item in items {
        let part = match item {
            Json::Array(_) | Json::Object(_) => return None,
            _ => scalar(item),
        };
        let is_plain = !part.starts_with(['\'', '"']);
        if is_plain && part.contains([',', '[', ']', '{', '}', ':', '#']) {
            return None;
        }
        parts.push(part);
    }
    let line = format!("[{}]", parts.join(", "));
    (line.len() <= MAX_FLOW).then_some(line)
}

fn scalar(value: &Json) -> String {
    match value {
        Json::String(string) => text(string),
        Json::Object(_) => "{}".to_owned(),
        Json::Array(_) => "[]".to_owned(),
        other => other.to_string(),
    }
}

/// Texts of several lines that literal style keeps as they are.
fn is_literal(text: &str) -> bool {
    let is_odd = |line: &str| line.starts_with([' ', '\t']) && line.trim().is_empty();
    text.contains('\n')
        && !text.ends_with('\n')
        && !text.starts_with([' ', '\t', '\n'])
        && !text.split('\n').any(is_odd)
        && !text.contains(|c: char| c != '\n' && c.is_control())
}

/// A text as a plain, single-quoted or double-quoted scalar.
fn text(text: &str) -> String {
    if is_plain(text) {
        text.to_owned()
    } else if text.chars().any(char::is_control) || text.contains('\u{feff}') {
        Json::String(text.to_owned()).to_string()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

fn is_plain(text: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '/' | '$' | '(');
    let inside = |c: char| !c.is_control() && c != '\u{feff}';
    text.starts_with(first)
        && text.chars().all(inside)
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with([':', ' '])
        && !is_word_of_yaml(text)
}

/// Words that YAML 1.1 or 1.2 reads as something else than text.
fn is_word_of_yaml(text: &str) -> bool {
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::document;
    use serde_json::json;

    #[test]
    fn values_are_read_back() {
        let value = json!({
            "plain": "a text: no, with: colons", "path/{x}": {"$ref": "#/a"}, "empty": [], "none": {},
            "null": null, "words": ["yes", "No", "on", "1.0", "0x1", "", " a", "a ", "-", "? a", "a: b", "a #b"],
            "numbers": [1, -2.5, true], "list": [{"a": 1, "b": [1, 2]}, {"c": "x"}, ["nested"], []],
            "lines": "first\n  second: 'x'\n\nlast", "odd": " first\nlast\n", "control": "a\u{7}b\tc",
            "long": ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "ccccccccccccccccccccccccc,d"],
            "quotes": "it's \"so\"", "hash": "#/x", "brace": "{a}", "dollar": "$.apps[0]", "star": "*", "end:": "x:"
        });
        let text = document(&value);
        let (node, reports) = strataql_spec::yaml::parse(&text).expect(&text);
        assert_eq!(reports, []);
        assert_eq!(node.to_json(), value, "{text}");
    }
}
