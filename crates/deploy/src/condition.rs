//! `if` of a resource.
//!
//! Surprise: the text is rendered first, so that both `{{ stack_env }} == 'prd'` and
//! `stack_env == 'prd'` work; a word without a value stands for itself.

use minijinja::Value;

use crate::template::{Failure, Templates};

/// Whether a condition holds.
///
/// # Errors
/// What is wrong with the text.
pub(crate) fn holds(templates: &Templates, text: &str, context: &Value) -> Result<bool, Failure> {
    let rendered = templates.render(text, context)?;
    let rendered = rendered.trim();
    match rendered {
        "true" | "True" | "1" => return Ok(true),
        "false" | "False" | "0" | "" | "None" | "null" => return Ok(false),
        _ => {}
    }
    match comparison(rendered) {
        // `prd == prd` after rendering: words, not names
        Some((left, equal, right)) if was_rendered(text, left, right) => {
            return Ok((unquoted(left) == unquoted(right)) == equal);
        }
        _ => {}
    }
    let value = templates.evaluated(&expression(rendered, context, templates), context)?;
    Ok(match value.as_str() {
        Some(text) => !matches!(text, "" | "false" | "False"),
        None => value.is_true(),
    })
}

/// `a == b` or `a != b` of two plain words.
fn comparison(text: &str) -> Option<(&str, bool, &str)> {
    let (at, equal) = match (text.find("=="), text.find("!=")) {
        (Some(at), None) => (at, true),
        (None, Some(at)) => (at, false),
        _ => return None,
    };
    let (left, right) = (text[..at].trim(), text[at + 2..].trim());
    let plain = |text: &str| {
        let inner = unquoted(text);
        !inner.contains(['\'', '"', '(', '[', '|'])
            && !words(text).any(|word| matches!(word, "and" | "or" | "not" | "in" | "is"))
    };
    (plain(left) && plain(right)).then_some((left, equal, right))
}

/// True if a side was made by a template: then it is no name.
fn was_rendered(text: &str, left: &str, right: &str) -> bool {
    crate::template::has_template(text) && !(is_quoted(left) && is_quoted(right))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

fn is_quoted(text: &str) -> bool {
    text.len() >= 2
        && (text.starts_with('\'') && text.ends_with('\'')
            || text.starts_with('"') && text.ends_with('"'))
}

fn unquoted(text: &str) -> &str {
    if is_quoted(text) { &text[1..text.len() - 1] } else { text }
}

/// The expression with quotes around words that name nothing.
fn expression(text: &str, context: &Value, templates: &Templates) -> String {
    let unknown: Vec<String> = templates
        .names(&format!("{{{{ {text} }}}}"))
        .into_iter()
        .filter(|name| {
            let first = name.split('.').next().unwrap_or(name);
            context.get_attr(first).is_ok_and(|value| value.is_undefined())
        })
        .filter(|name| !name.contains('.'))
        .collect();
    let mut out = String::with_capacity(text.len());
    let mut quote = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(open) = quote {
            if c == open {
                quote = None;
            }
        } else if c == '\'' || c == '"' {
            quote = Some(c);
        } else if c.is_alphabetic() || c == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            if unknown.iter().any(|name| name == word) {
                out.extend(["'", word, "'"]);
            } else {
                out.push_str(word);
            }
            rest = after;
            continue;
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::template::json::to_template;

    fn check(text: &str) -> Result<bool, Failure> {
        let templates = Templates::new(Path::new("."), Arc::new(|_| None));
        let context = to_template(&json!({
            "stack_env": "prd", "flag": false, "text": "false", "list": ["a", "b"], "n": 3,
        }));
        holds(&templates, text, &context)
    }

    #[test]
    fn conditions_of_both_generations() {
        let cases = [
            ("true", true),
            ("False", false),
            ("{{ stack_env }} == 'prd'", true),
            ("'{{ stack_env }}' == 'prd'", true),
            ("'{{ stack_env }}' != 'dev'", true),
            ("{{ stack_env }} == prd", true),
            ("{{ stack_env }} == dev", false),
            ("stack_env == 'prd'", true),
            ("environment == 'production'", false),
            ("'{{ stack_env }}' in ['dev', 'prd']", true),
            ("{{ stack_env }} in ['dev', 'prd']", true),
            ("'{{ stack_env }}' not in ['dev', 'sit']", true),
            ("'a' in list and n > 2", true),
            ("not flag", true),
            ("{{ flag }}", false),
            ("{{ text }}", false),
            ("'{{ stack_env }}' == 'prd' and '{{ flag }}' == 'true'", false),
            ("stack_env | upper == 'PRD'", true),
        ];
        for (text, expected) in cases {
            assert_eq!(check(text), Ok(expected), "{text}");
        }
        assert!(matches!(check("{{ gone }} == 'x'"), Err(Failure::Undefined { .. })));
        assert!(matches!(check("a == == b"), Err(Failure::Invalid { .. })));
    }
}
