//! Texts of pages: sanitising, orders of names, articles.

use std::cmp::Ordering;

/// A text for Markdown with components: braces and angle brackets are escaped, code stays code.
pub(super) fn sanitised(text: &str) -> String {
    let mut kept: Vec<String> = Vec::new();
    let mut out = protect_code(text, &mut kept);
    out = out.replace("<nobr>", "").replace("</nobr>", "");
    out =
        out.replace('{', "&#123;").replace('}', "&#125;").replace('>', "&gt;").replace('<', "&lt;");
    out = out.replace("&#125;_&#123;", "&#125;&#95;&#123;");
    out = out.replace("\r\n", "<br />").replace(['\r', '\n'], "<br />");
    for (escaped, tag) in [
        ("&lt;br&gt;", "<br />"),
        ("&lt;br/&gt;", "<br />"),
        ("&lt;br /&gt;", "<br />"),
        ("&lt;p&gt;", "<p>"),
        ("&lt;/p&gt;", "</p>"),
        ("&lt;BR&gt;", "<br />"),
        ("&lt;P&gt;", "<p>"),
        ("&lt;/P&gt;", "</p>"),
    ] {
        out = out.replace(escaped, tag);
    }
    out = brackets_in_code_spans(&out);
    out = out.replace("<location>", "&lt;location&gt;");
    for (at, code) in kept.iter().enumerate() {
        out = out.replace(&placeholder(at), code);
    }
    out
}

fn placeholder(at: usize) -> String {
    format!("\u{1}{at}\u{1}")
}

/// Takes `<code>…</code>` out.
fn protect_code(text: &str, kept: &mut Vec<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("<code>") {
        let Some(length) = rest[start..].find("</code>") else { break };
        let end = start + length + "</code>".len();
        out.push_str(&rest[..start]);
        out.push_str(&placeholder(kept.len()));
        kept.push(rest[start..end].to_owned());
        rest = &rest[end..];
    }
    out + rest
}

/// Restores angle brackets inside of single backticks.
fn brackets_in_code_spans(text: &str) -> String {
    let mut out = String::new();
    for (at, part) in text.split('`').enumerate() {
        if at > 0 {
            out.push('`');
        }
        let is_closed = at + 1 < text.split('`').count();
        if at % 2 == 1 && is_closed {
            out.push_str(&part.replace("&lt;", "<").replace("&gt;", ">"));
        } else {
            out.push_str(part);
        }
    }
    out
}

/// `a` or `an`.
pub(super) fn article(name: &str) -> &'static str {
    let lower = name.to_ascii_lowercase();
    let is_a = lower.starts_with('u') && !lower.starts_with("un");
    let is_an = lower.starts_with(['a', 'e', 'i', 'o', 'u']) || lower.starts_with("hour");
    if is_an && !is_a { "an" } else { "a" }
}

/// The group of a column: identity, identifiers, names, rest.
fn group(name: &str) -> u8 {
    match name {
        "id" | "name" => 0,
        _ if name.ends_with("_id") => 1,
        _ if name.ends_with("_name") => 2,
        _ => 3,
    }
}

/// The order of columns in statements.
pub(super) fn by_column(left: &str, right: &str) -> Ordering {
    group(left).cmp(&group(right)).then_with(|| left.encode_utf16().cmp(right.encode_utf16()))
}

/// The order of columns in tables of fields.
pub(super) fn by_field(left: &str, right: &str) -> Ordering {
    group(left).cmp(&group(right)).then_with(|| by_locale(left, right))
}

/// The order that a browser gives to identifiers: punctuation, digits, letters without case; then lower
/// case first.
pub(super) fn by_locale(left: &str, right: &str) -> Ordering {
    let weight = |c: char| {
        let class = if c.is_alphabetic() { 2 } else { u8::from(c.is_ascii_digit()) };
        (class, c.to_lowercase().next().unwrap_or(c))
    };
    let is_upper = |c: char| c.is_uppercase();
    left.chars()
        .map(weight)
        .cmp(right.chars().map(weight))
        .then_with(|| left.chars().map(is_upper).cmp(right.chars().map(is_upper)))
}

#[cfg(test)]
mod tests {
    use super::{article, by_field, by_locale, sanitised};

    #[test]
    fn markup_is_escaped_and_code_is_kept() {
        for (text, shown) in [
            ("a {b} <c>", "a &#123;b&#125; &lt;c&gt;"),
            ("one\ntwo\r\nthree", "one<br />two<br />three"),
            ("`a<b>` and <code>{x}</code><br>", "`a<b>` and <code>{x}</code><br />"),
            ("{a}_{b}", "&#123;a&#125;&#95;&#123;b&#125;"),
            ("<nobr>x</nobr> ` y<z", "x ` y&lt;z"),
            ("<p>a</p>", "<p>a</p>"),
        ] {
            assert_eq!(sanitised(text), shown, "{text}");
        }
    }

    #[test]
    fn names_have_articles_and_an_order() {
        for (name, expected) in
            [("app", "an"), ("user", "a"), ("unit", "an"), ("hourly", "an"), ("job", "a")]
        {
            assert_eq!(article(name), expected, "{name}");
        }
        let mut names =
            ["created_by", "b_name", "x_id", "create_time", "name", "Create_time", "id"];
        names.sort_by(|left, right| by_field(left, right));
        assert_eq!(
            names,
            ["id", "name", "x_id", "b_name", "create_time", "Create_time", "created_by"]
        );
        assert!(by_locale("a_b", "a1").is_lt() && by_locale("a1", "ab").is_lt());
    }
}
