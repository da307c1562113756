//! Words of an API description as SQL names.

use strataql_diag::{Code, Report};
use strataql_spec::naming::snake;

/// Checks a name that the user gives.
pub(super) fn check(what: &str, name: &str) -> Result<(), Box<Report>> {
    let is_inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(is_inside) {
        return Ok(());
    }
    Err(Box::new(
        Report::new(Code::Usage, format!("`{name}` cannot be the name of a {what}"))
            .with_help("use lower-case letters, digits and `_`, beginning with a letter: `acme`"),
    ))
}

/// A word as a name: lower case, with `_` between its parts.
pub(super) fn word(text: &str) -> String {
    let parts = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    let name = parts.map(snake).collect::<Vec<_>>().join("_");
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("n{name}") } else { name }
}

/// The name of one of several.
pub(super) fn singular(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("ies").filter(|stem| stem.len() > 1) {
        return format!("{stem}y");
    }
    for ending in ["sses", "shes", "ches", "xes"] {
        if word.ends_with(ending) {
            return word[..word.len() - 2].to_owned();
        }
    }
    if is_plural(word) { word[..word.len() - 1].to_owned() } else { word.to_owned() }
}

/// True if a word looks like several things.
pub(super) fn is_plural(word: &str) -> bool {
    let last = word.rsplit('_').next().unwrap_or(word);
    last.ends_with('s')
        && last.len() > 2
        && !["ss", "us", "is"].iter().any(|ending| last.ends_with(ending))
        || ["data", "people", "children", "media"].contains(&last)
}

/// A key without case and separators.
pub(super) fn plain(key: &str) -> String {
    key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_names() {
        for (text, expected) in [
            ("TicketTypes", "ticket_types"),
            ("audit-logs", "audit_logs"),
            ("2fa", "n2fa"),
            ("a.b", "a_b"),
        ] {
            assert_eq!(word(text), expected);
        }
        for (many, one) in [
            ("tickets", "ticket"),
            ("policies", "policy"),
            ("boxes", "box"),
            ("addresses", "address"),
            ("status", "status"),
            ("access", "access"),
        ] {
            assert_eq!(singular(many), one);
        }
        assert!(is_plural("user_groups") && !is_plural("analysis"));
    }

    #[test]
    fn names_of_the_user_are_checked() {
        assert!(check("provider", "acme_1").is_ok());
        for wrong in ["", "1a", "A", "a-b", "a/b", "../a", "a b"] {
            assert!(check("provider", wrong).is_err(), "{wrong}");
        }
    }
}
