//! Templates in SQL comments.

/// The text with the expressions of SQL comments blanked where `is_renderable` is false for the
/// comment. Line breaks stay, so that lines keep their numbers.
pub(super) fn blanked(text: &str, is_renderable: impl Fn(&str) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut quoted = None;
    while let Some(first) = rest.chars().next() {
        if let Some(end) = template_end(rest) {
            out.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        }
        if quoted.is_none()
            && let Some(end) = comment_end(rest)
        {
            let comment = &rest[..end];
            if comment.contains("{{") && !is_renderable(comment) {
                let blank = comment.chars().map(|c| match c {
                    '{' | '}' | '%' => ' ',
                    other => other,
                });
                out.extend(blank);
            } else {
                out.push_str(comment);
            }
            rest = &rest[end..];
            continue;
        }
        match quoted {
            Some(quote) if quote == first => quoted = None,
            None if matches!(first, '\'' | '"') => quoted = Some(first),
            _ => {}
        }
        out.push(first);
        rest = &rest[first.len_utf8()..];
    }
    out
}

/// The length of the template tag that begins here.
fn template_end(text: &str) -> Option<usize> {
    [("{{", "}}"), ("{%", "%}"), ("{#", "#}")]
        .iter()
        .find(|(open, _)| text.starts_with(open))
        .and_then(|(_, close)| Some(text.find(close)? + close.len()))
}

/// The length of the comment that begins here.
fn comment_end(text: &str) -> Option<usize> {
    if text.starts_with("--") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    let inner = text.strip_prefix("/*")?;
    Some(inner.find("*/").map_or(text.len(), |end| end + 4))
}

#[cfg(test)]
mod tests {
    use super::blanked;

    #[test]
    fn only_comments_that_cannot_be_rendered_change() {
        let text = "SELECT '{{ a }} -- {{ b }}' -- {{ c }}\n/* {{ d }} */ FROM {{ e }}";
        assert_eq!(
            blanked(text, |comment| comment.contains('d')),
            "SELECT '{{ a }} -- {{ b }}' --    c   \n/* {{ d }} */ FROM {{ e }}"
        );
        assert_eq!(blanked(text, |_| true), text);
    }
}
