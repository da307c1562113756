//! JSON as the reference spells it: keys in byte order, no blanks, `<`, `>` and `&` escaped.

use serde_json::Value as Json;

/// Appends a text as a JSON string.
pub fn push_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let escape = format!("\\u{:04x}", u32::from(character));
                out.push_str(&escape);
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// A value, compact.
pub fn compact(value: &Json) -> String {
    let mut out = String::new();
    push(value, &mut out);
    out
}

/// JSON text spelt that way; a text that is no object or array stands as it is.
pub fn respelt(text: &str) -> String {
    if !text.trim_start().starts_with(['{', '[']) {
        return text.to_owned();
    }
    serde_json::from_str::<Json>(text).map_or_else(|_| text.to_owned(), |value| compact(&value))
}

/// A text with indentation, if it is JSON.
pub fn pretty(text: &str) -> Option<String> {
    let value: Json = serde_json::from_str(text).ok()?;
    let mut out = String::new();
    indent(&value, 0, &mut out);
    Some(out)
}

fn push(value: &Json, out: &mut String) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Json::Number(number) => out.push_str(&number_text(number)),
        Json::String(text) => push_text(text, out),
        Json::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                push(item, out);
            }
            out.push(']');
        }
        Json::Object(map) => {
            out.push('{');
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by(|one, other| one.0.cmp(other.0));
            for (at, (key, item)) in entries.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                push_text(key, out);
                out.push(':');
                push(item, out);
            }
            out.push('}');
        }
    }
}

fn indent(value: &Json, depth: usize, out: &mut String) {
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    };
    match value {
        Json::Array(items) if !items.is_empty() => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                line(out, depth + 1);
                indent(item, depth + 1, out);
            }
            line(out, depth);
            out.push(']');
        }
        Json::Object(map) if !map.is_empty() => {
            out.push('{');
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by(|one, other| one.0.cmp(other.0));
            for (at, (key, item)) in entries.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                line(out, depth + 1);
                push_text(key, out);
                out.push_str(": ");
                indent(item, depth + 1, out);
            }
            line(out, depth);
            out.push('}');
        }
        other => push(other, out),
    }
}

/// Whole numbers keep their digits; others lose a `.0`.
fn number_text(number: &serde_json::Number) -> String {
    if number.is_i64() || number.is_u64() {
        return number.to_string();
    }
    number.as_f64().map_or_else(|| number.to_string(), float_text)
}

/// A float without a needless fraction, with an exponent where it would be long.
pub fn float_text(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || (1e-6..1e21).contains(&size) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => {
            format!("{digits}e+{exponent:0>2}")
        }
        Some((digits, exponent)) => format!("{digits}e-{:0>2}", &exponent[1..]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_and_markup_is_escaped() {
        assert_eq!(
            respelt(r#"{ "b": 1.0, "a": ["<x>", null], "B": true }"#),
            r#"{"B":true,"a":["\u003cx\u003e",null],"b":1}"#
        );
        assert_eq!(respelt("[1, 9007199254740993, 1.5]"), "[1,9007199254740993,1.5]");
        for text in ["plain", "{no json", "", "\"text\"", "{} rest"] {
            assert_eq!(respelt(text), text);
        }
    }

    #[test]
    fn texts_are_escaped() {
        let mut out = String::new();
        push_text("a\"b\\c\n\t\u{1}&é\u{2028}", &mut out);
        assert_eq!(out, "\"a\\\"b\\\\c\\n\\t\\u0001\\u0026é\\u2028\"");
    }

    #[test]
    fn floats_have_no_needless_fraction() {
        for (value, text) in [
            (3.0, "3"),
            (1.5, "1.5"),
            (1e21, "1e+21"),
            (1.25e-7, "1.25e-07"),
            (1e20, "100000000000000000000"),
            (0.0, "0"),
            (-2.0, "-2"),
        ] {
            assert_eq!(float_text(value), text);
        }
    }

    #[test]
    fn pretty_indents_by_two() {
        assert_eq!(
            pretty(r#"{"b":[1,{}],"a":[]}"#).as_deref(),
            Some("{\n  \"a\": [],\n  \"b\": [\n    1,\n    {}\n  ]\n}")
        );
        assert_eq!(pretty("x y"), None);
    }
}
