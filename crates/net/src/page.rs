//! Pages for people where an answer of an API was expected.
//!
//! Owns: telling that a body is such a page, its title, and whether it asks for a login.
//! Refuses: trusting the text: the title is bounded and freed of control characters.

use std::fmt;

use crate::remote_error::tidied;

/// How much of a body is looked at.
const MAX_LOOKED_AT: usize = 64 * 1024;

/// A page in HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HtmlPage {
    /// Its title, on one line.
    pub title: Option<String>,
    /// True when it asks for a login.
    pub is_sign_in: bool,
}

impl HtmlPage {
    /// Reads the beginning of a body; `None` when that is no page.
    pub fn read(body: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(&body[..body.len().min(MAX_LOOKED_AT)]);
        let text = text.trim_start_matches('\u{feff}').trim_start();
        let lower = text.to_ascii_lowercase();
        let is_page = lower.starts_with("<!doctype html") || lower.starts_with("<html")
            // comments and declarations may come first
            || (lower.starts_with("<!--") || lower.starts_with("<?xml")) && lower.contains("<html");
        if !is_page {
            return None;
        }
        let title = element(text, "title").and_then(|title| tidied(title, 120));
        let is_sign_in = title.as_deref().is_some_and(asks_for_login)
            || ["type=\"password\"", "type='password'", "type=password"]
                .iter()
                .any(|field| lower.contains(field));
        Some(Self { title, is_sign_in })
    }
}

fn asks_for_login(title: &str) -> bool {
    let plain: String = title.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    ["signin", "login", "logon", "signon"].iter().any(|word| plain.contains(word))
}

impl fmt::Display for HtmlPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_sign_in { "a sign-in page" } else { "an HTML page" })?;
        self.title.as_ref().map_or(Ok(()), |title| write!(f, " (\"{title}\")"))
    }
}

/// The text of the first element of a name, if it holds nothing but text.
pub(crate) fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let lower = text.to_ascii_lowercase();
    let open = lower.find(&format!("<{name}"))?;
    let from = open + lower[open..].find('>')? + 1;
    let to = from + lower[from..].find(&format!("</{name}"))?;
    Some(&text[from..to]).filter(|found| !found.contains('<'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_told_from_other_markup_and_sign_in_pages_from_others() {
        let check = |body: &str, expected: Option<&str>| {
            let found = HtmlPage::read(body.as_bytes()).map(|page| page.to_string());
            assert_eq!(found.as_deref(), expected, "{body}");
        };
        check(
            "\u{feff}\n<!DOCTYPE html><html><head><title>Sign\n in · Acme</title>",
            Some("a sign-in page (\"Sign in · Acme\")"),
        );
        check("<html lang=en><title>Log-in</title>", Some("a sign-in page (\"Log-in\")"));
        check("<html><form><input type=\"password\"></form>", Some("a sign-in page"));
        check(
            "<!-- x --><html><title>502 Bad Gateway</title>",
            Some("an HTML page (\"502 Bad Gateway\")"),
        );
        check("<html><title></title>", Some("an HTML page"));
        check("<Error><Code>x</Code></Error>", None);
        check("<?xml version=\"1.0\"?><a/>", None);
        check("{\"html\": \"<html>\"}", None);
        check("", None);
    }
}
