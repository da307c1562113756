//! Short texts of this project's own, made from names.
//!
//! Owns: a sentence per method and per resource. It says what the names say, and no more.

use super::layout::Placed;
use super::words::{named_by, plural, singular};

/// Abbreviations that are written in capitals.
const CAPITALS: &[&str] = &[
    "ai", "api", "acl", "acls", "aws", "cdf", "csp", "dbfs", "dbsql", "esm", "iam", "id", "ids",
    "ip", "llm", "llms", "mcp", "nb", "oauth", "pt", "rfa", "scim", "sql", "uc", "ui", "url",
    "urls", "vpc",
];

/// `ip_access_list` → `IP access list`.
pub(super) fn phrase(name: &str) -> String {
    let words: Vec<String> = name
        .split('_')
        .filter(|word| !word.is_empty())
        .map(|word| match word {
            "oauth" => "OAuth".to_owned(),
            _ if CAPITALS.contains(&word) => word.to_ascii_uppercase(),
            _ => word.to_owned(),
        })
        .collect();
    words.join(" ")
}

/// The phrase with its article.
fn one(name: &str) -> String {
    let phrase = phrase(&singular(name));
    let is_vowel = |c: char| matches!(c, 'a' | 'e' | 'i' | 'o' | 'A' | 'E' | 'I' | 'O');
    let says_you =
        phrase.starts_with("eu") || phrase.starts_with("one") || phrase.starts_with("UR");
    let article = if phrase.starts_with(is_vowel) && !says_you { "an" } else { "a" };
    format!("{article} {phrase}")
}

/// A sentence on a method.
pub(super) fn method(placed: &Placed<'_>) -> String {
    let resource = &placed.name.resource;
    let is_setting = singular(resource) == *resource && !has_own_id(placed);
    let object = if is_setting { format!("the {}", phrase(resource)) } else { one(resource) };
    let action = &placed.operation.name;
    let of = owner(placed);
    let verb = placed.name.verbs.first().map_or("exec", String::as_str);
    let is_list = matches!(placed.operation.answer, crate::sdk::Answer::Items { .. })
        || action.starts_with("list");
    let sentence = match verb {
        "select" if is_list => format!("Lists {}", phrase(&plural(resource))),
        "select" => format!("Returns {object}"),
        "insert" => format!("Creates {object}"),
        "update" => format!("Changes {object}"),
        "replace" => format!("Replaces {object}"),
        "delete" => format!("Deletes {object}"),
        _ => format!("Runs `{action}` on {}", phrase(&plural(resource))),
    };
    let waits = if placed.operation.wait.is_some() {
        " The change continues after the response."
    } else {
        ""
    };
    format!("{sentence}{of}.{waits}")
}

/// True if the path ends with a parameter.
fn has_own_id(placed: &Placed<'_>) -> bool {
    placed.key.ends_with('}')
}

/// ` of a metastore`: what the last but one identifier of the path names.
fn owner(placed: &Placed<'_>) -> String {
    let ids: Vec<&str> = placed
        .path
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| name.ends_with("_id") && *name != "account_id")
        .collect();
    let last = if has_own_id(placed) { ids.len().checked_sub(2) } else { ids.len().checked_sub(1) };
    match last.and_then(|at| ids.get(at)) {
        Some(id) if singular(&placed.name.resource) != named_by(id) => {
            format!(" of {}", one(named_by(id)))
        }
        _ => String::new(),
    }
}

/// A sentence on a resource.
pub(super) fn resource(name: &str, in_workspace: bool) -> String {
    let of = if in_workspace { "workspace" } else { "account" };
    let phrase = phrase(name);
    let mut letters = phrase.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase()).unwrap_or_default();
    format!("{first}{} of {} {of}.", letters.as_str(), if in_workspace { "a" } else { "an" })
}

#[cfg(test)]
mod tests {
    use super::{one, phrase, resource};

    #[test]
    fn names_are_read_as_words() {
        assert_eq!(phrase("ip_access_lists"), "IP access lists");
        assert_eq!(one("oauth_published_apps"), "an OAuth published app");
        assert_eq!(one("url_lists"), "a URL list");
        assert_eq!(one("users"), "a user");
        assert_eq!(resource("ip_access_lists", false), "IP access lists of an account.");
    }
}
