//! LIKE of SHOW.
//!
//! Surprise: the pattern is compared with names, titles and identifiers, whichever fits; `%` and `_` are
//! its wildcards, and case counts.

use crate::layout::Table;

/// Columns that LIKE looks at.
const LIKEABLE: &[&str] = &["id", "name", "title", "MethodName"];

/// Keeps the rows that fit a pattern.
pub fn like(table: &mut Table, pattern: &str) {
    let columns: Vec<usize> = (0..table.labels.len())
        .filter(|at| LIKEABLE.contains(&table.labels[*at].as_str()))
        .collect();
    let pattern: Vec<char> = pattern.chars().collect();
    table.rows.retain(|row| {
        columns.iter().any(|at| row[*at].as_deref().is_some_and(|cell| fits(cell, &pattern)))
    });
}

/// True if the whole text fits a pattern.
pub fn is_like(text: &str, pattern: &str) -> bool {
    fits(text, &pattern.chars().collect::<Vec<_>>())
}

/// True if the whole text fits the pattern.
fn fits(text: &str, pattern: &[char]) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut of) = (0, 0);
    // where the last `%` was, and how far the text was read for it
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(of) {
            Some('%') => {
                retry = Some((of, at));
                of += 1;
            }
            Some(wanted) if *wanted == '_' || *wanted == text[at] => {
                at += 1;
                of += 1;
            }
            _ => {
                let Some((wildcard, read)) = retry else { return false };
                retry = Some((wildcard, read + 1));
                of = wildcard + 1;
                at = read + 1;
            }
        }
    }
    pattern[of..].iter().all(|left| *left == '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_fit() {
        let is = |text: &str, pattern: &str| fits(text, &pattern.chars().collect::<Vec<_>>());
        for (text, pattern) in [
            ("compute", "compute"),
            ("compute", "com%"),
            ("compute", "%ut%"),
            ("compute", "c_mpute"),
            ("", "%"),
            ("aab", "%ab"),
        ] {
            assert!(is(text, pattern), "{text} {pattern}");
        }
        for (text, pattern) in
            [("compute", "Comp%"), ("compute", "comp"), ("compute", "%x"), ("", "_")]
        {
            assert!(!is(text, pattern), "{text} {pattern}");
        }
    }

    #[test]
    fn names_titles_and_identifiers_are_compared() {
        let rows = [vec!["a:v1", "a", "Alpha", "x"], vec!["b:v1", "b", "Beta", "Alpha"]];
        let mut table = Table::of(&["id", "name", "title", "description"], rows);
        like(&mut table, "Alp%");
        assert_eq!(table.rows.len(), 1);
        assert_eq!(table.rows[0][1].as_deref(), Some("a"));
    }
}
