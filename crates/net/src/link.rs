//! The `Link` header (RFC 8288), as far as paging needs it.
//!
//! Owns: finding the target of the link whose relation is `next`, and telling a header without one from
//! a header that cannot be read.
//! Refuses: checking the target; [`crate::check_same_origin`] does.
//! Surprise: commas may occur inside `<…>` and quotes, several headers count as one list, and one
//! `rel` may have several relations.

use http::HeaderMap;
use http::header::LINK;

/// A `Link` header that does not tell whether there is a next page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkProblem {
    /// It cannot be read to its end.
    Unreadable,
    /// It names two next pages.
    Contradiction,
}

/// The target of the link whose relation is `next`, as the server wrote it.
///
/// # Errors
/// The header is broken, or names two next pages: no answer to whether there is another.
pub fn next_link(headers: &HeaderMap) -> Result<Option<String>, LinkProblem> {
    let mut next: Option<String> = None;
    for value in headers.get_all(LINK) {
        let text = String::from_utf8_lossy(value.as_bytes());
        let mut rest = text.trim_matches([' ', '\t', ',']);
        while !rest.is_empty() {
            let (link, after) = read_link(rest).ok_or(LinkProblem::Unreadable)?;
            if link.is_next {
                match &next {
                    // a next page without an address
                    _ if link.target.is_empty() => return Err(LinkProblem::Unreadable),
                    Some(other) if other != link.target => return Err(LinkProblem::Contradiction),
                    _ => next = Some(link.target.to_owned()),
                }
            }
            rest = after.trim_start_matches([' ', '\t', ',']);
        }
    }
    Ok(next)
}

struct Link<'a> {
    target: &'a str,
    is_next: bool,
}

/// Reads one link and gives the text from the comma after it; `None` if it is broken.
fn read_link(text: &str) -> Option<(Link<'_>, &str)> {
    let text = text.strip_prefix('<')?;
    let (target, mut rest) = text.split_once('>')?;
    let mut relation = None;
    let mut is_about_this = true;
    loop {
        rest = rest.trim_start();
        let Some(after) = rest.strip_prefix(';') else { break };
        let (name, value, after) = read_parameter(after)?;
        match name.to_ascii_lowercase().as_str() {
            // only the first `rel` counts (RFC 8288, 3.3)
            "rel" if relation.is_none() => relation = value,
            // a link with an anchor is about another document
            "anchor" => is_about_this = false,
            _ => {}
        }
        rest = after;
    }
    if !rest.is_empty() && !rest.starts_with(',') {
        return None;
    }
    let is_next = is_about_this
        && relation.is_some_and(|relations| {
            relations.split_ascii_whitespace().any(|one| one.eq_ignore_ascii_case("next"))
        });
    Some((Link { target: target.trim(), is_next }, rest))
}

/// Parses `name`, `name=token` or `name="quoted"`; returns it and the text after it.
fn read_parameter(text: &str) -> Option<(&str, Option<String>, &str)> {
    let text = text.trim_start();
    let end = text.find(['=', ';', ',']).unwrap_or(text.len());
    let name = text[..end].trim();
    let Some(value) = text[end..].strip_prefix('=') else {
        return Some((name, None, &text[end..]));
    };
    let value = value.trim_start();
    if let Some(quoted) = value.strip_prefix('"') {
        let (value, rest) = read_quoted(quoted)?;
        return Some((name, Some(value), rest));
    }
    let end = value.find([';', ',']).unwrap_or(value.len());
    Some((name, Some(value[..end].trim().to_owned()), &value[end..]))
}

/// Reads up to the closing quote; `None` without one.
fn read_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(values: &[&str], expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(LINK, HeaderValue::from_str(value).expect("a header value"));
        }
        let found = next_link(&headers).expect("readable");
        assert_eq!(found.as_deref(), expected, "{values:?}");
    }

    fn refuse(values: &[&str], expected: &LinkProblem) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(LINK, HeaderValue::from_str(value).expect("a header value"));
        }
        assert_eq!(next_link(&headers).as_ref().expect_err("unreadable"), expected, "{values:?}");
    }

    #[test]
    fn the_next_relation_is_found_in_every_spelling() {
        check(&[r#"<https://h/?p=2>; rel="next""#], Some("https://h/?p=2"));
        check(&["<https://h/?p=2>;rel=next"], Some("https://h/?p=2"));
        check(&["<https://h/?p=2> ; REL = NEXT ; title=x"], Some("https://h/?p=2"));
        check(&[r#"<a>; title="x"; rel="prev next""#], Some("a"));
        check(&[r#"<a>; rel="prev", <b>; rel="next", <c>; rel="last""#], Some("b"));
        check(&[r#"<a>; rel="self""#, r#"<b>; rel="next""#], Some("b"));
        check(&["< /relative?x=1 >; rel=next"], Some("/relative?x=1"));
    }

    #[test]
    fn commas_and_semicolons_inside_brackets_and_quotes_do_not_separate() {
        check(&[r#"<https://h/?f=a,b;c>; rel="next""#], Some("https://h/?f=a,b;c"));
        check(&[r#"<a>; title="x, <evil>; rel=next"; rel=prev, <b>; rel=next"#], Some("b"));
        check(&[r#"<a>; title="quote \" <c>; rel=next"; rel=next"#], Some("a"));
    }

    #[test]
    fn other_relations_give_nothing() {
        check(&[], None);
        check(&[""], None);
        check(&["<a>; rel=prev"], None);
        check(&[r#"<a>; rel="nextpage""#], None);
        check(&["<a>; rel=prev; rel=next"], None);
        check(&["<a>; anchor=\"/other\"; rel=next"], None);
        check(&["<a>"], None);
        check(&["<a>; rel=next", "<a>; rel=next"], Some("a"));
    }

    #[test]
    fn broken_headers_are_no_end() {
        for broken in [
            "<a; rel=next",
            "rel=next",
            r#"<a>; rel="prev"#,
            "<a> rel=next",
            "/things?page=2",
            "<>; rel=next",
        ] {
            refuse(&[broken], &LinkProblem::Unreadable);
        }
        refuse(&["<a>; rel=next, <b>; rel=next"], &LinkProblem::Contradiction);
        refuse(&["<a>; rel=next", "<b>; rel=next"], &LinkProblem::Contradiction);
    }
}
