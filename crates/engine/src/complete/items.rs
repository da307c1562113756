//! The choices of a completion: those that fit what is typed, in order.

use std::collections::BTreeSet;

use strataql_sql::Place;

use super::{Completion, CompletionKind};

/// Characters of a description that are shown.
const LONGEST: usize = 200;

/// Choices.
pub(super) struct Items<'a> {
    prefix: &'a str,
    found: Vec<Completion>,
    /// What is there already: two resources may have a column of one name.
    known: BTreeSet<(CompletionKind, String)>,
}

impl<'a> Items<'a> {
    pub(super) fn of(place: &'a Place) -> Self {
        Self { prefix: &place.prefix, found: Vec::new(), known: BTreeSet::new() }
    }

    /// Adds a name if it begins with what is typed, in quotes where it needs them.
    pub(super) fn add_name(
        &mut self,
        name: &str,
        kind: CompletionKind,
        detail: &str,
        description: &str,
    ) {
        if begins(name, self.prefix) {
            self.push(quoted(name), kind, detail, description);
        }
    }

    /// Adds a text if it begins with `typed`.
    pub(super) fn add(
        &mut self,
        text: &str,
        typed: &str,
        kind: CompletionKind,
        detail: &str,
        description: &str,
    ) {
        if begins(text, typed) {
            self.push(text.to_owned(), kind, detail, description);
        }
    }

    /// Adds words of the language.
    pub(super) fn words(&mut self, words: &[&str]) {
        for word in words {
            if begins(word, self.prefix) {
                self.push((*word).to_owned(), CompletionKind::Keyword, "", "");
            }
        }
    }

    fn push(&mut self, text: String, kind: CompletionKind, detail: &str, description: &str) {
        if self.known.insert((kind, text.clone())) {
            let (detail, description) = (one_line(detail), one_line(description));
            self.found.push(Completion { text, kind, detail, description });
        }
    }

    /// The choices by kind; columns and words keep their order, names are sorted.
    pub(super) fn sorted(mut self) -> Vec<Completion> {
        let keeps =
            |kind: CompletionKind| matches!(kind, CompletionKind::Column | CompletionKind::Keyword);
        self.found.sort_by(|one, other| {
            one.kind.cmp(&other.kind).then_with(|| {
                if keeps(one.kind) { std::cmp::Ordering::Equal } else { one.text.cmp(&other.text) }
            })
        });
        self.found
    }
}

/// True if a name begins with what is typed, in any case.
fn begins(name: &str, typed: &str) -> bool {
    let mut name = name.chars().flat_map(char::to_lowercase);
    typed.chars().flat_map(char::to_lowercase).all(|c| name.next() == Some(c))
}

/// The name as it is written in SQL.
fn quoted(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// A text on one line, cut where it is long.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if line.chars().count() + word.chars().count() > LONGEST {
            line.push('…');
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_and_lines_cut() {
        assert_eq!(quoted("a_1"), "a_1");
        assert_eq!(quoted("1a"), "\"1a\"");
        assert_eq!(quoted("a-\"b"), "\"a-\"\"b\"");
        assert_eq!(one_line("a\n  b\tc"), "a b c");
        assert!(one_line(&"word ".repeat(100)).ends_with("word…"));
        assert!(begins("Straße", "STRA") && !begins("a", "ab"));
    }
}
