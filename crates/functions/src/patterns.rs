//! `glob`, `like` and `similar_to`: patterns that are no regular expressions.
//!
//! Surprise: after a failed try only the last `*` takes one character more, which is enough for such
//! patterns; the time is at most the product of the lengths.

use super::cell::{Answer, Cell, bad};
use super::doc::{FunctionDoc, Section};
use super::scalar::{Memory, Returns, Scalar, text_of};

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// Any characters, or none.
    Many,
    /// One character, whichever.
    One,
    /// This character.
    Exactly(char),
    /// One of these, or none of these.
    Among { ranges: Vec<(char, char)>, is_negated: bool },
}

impl Part {
    fn takes(&self, char: char) -> bool {
        match self {
            Self::Many => false,
            Self::One => true,
            Self::Exactly(wanted) => *wanted == char,
            Self::Among { ranges, is_negated } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&char)) != *is_negated
            }
        }
    }
}

/// The parts of a GLOB pattern; `None` if a `[` is not closed, which nothing matches.
fn glob_parts(pattern: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        parts.push(match char {
            '*' => Part::Many,
            '?' => Part::One,
            '[' => among(&mut chars)?,
            other => Part::Exactly(other),
        });
    }
    Some(parts)
}

/// What stands in brackets, after the opening one.
fn among(chars: &mut std::str::Chars<'_>) -> Option<Part> {
    let mut ranges: Vec<(char, char)> = Vec::new();
    let mut next = chars.next()?;
    let is_negated = next == '^';
    if is_negated {
        next = chars.next()?;
    }
    // a bracket that would close nothing is a character
    if next == ']' {
        ranges.push((next, next));
        next = chars.next()?;
    }
    while next != ']' {
        let rest = chars.as_str();
        let upto = rest.strip_prefix('-').and_then(|rest| rest.chars().next());
        match upto.filter(|upto| *upto != ']') {
            Some(high) => {
                ranges.push((next, high));
                let _range = (chars.next(), chars.next());
            }
            None => ranges.push((next, next)),
        }
        next = chars.next()?;
    }
    Some(Part::Among { ranges, is_negated })
}

/// The parts of a LIKE pattern. An escape at the end stands for itself.
fn like_parts(pattern: &str, escape: char) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        parts.push(match char {
            char if char == escape => Part::Exactly(chars.next().unwrap_or(escape)),
            '%' => Part::Many,
            '_' => Part::One,
            other => Part::Exactly(other),
        });
    }
    parts
}

/// True if a pattern takes the whole text.
fn takes(parts: &[Part], text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    let (mut part, mut at) = (0, 0);
    // where to go on if what follows the last `*` does not fit
    let mut last: Option<(usize, usize)> = None;
    while at < chars.len() {
        match parts.get(part) {
            Some(Part::Many) => {
                last = Some((part + 1, at));
                part += 1;
            }
            Some(one) if one.takes(chars[at]) => {
                part += 1;
                at += 1;
            }
            _ => {
                let Some((after, from)) = last else { return false };
                last = Some((after, from + 1));
                part = after;
                at = from + 1;
            }
        }
    }
    parts[part..].iter().all(|part| *part == Part::Many)
}

fn glob(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    let parts = glob_parts(&text_of(cells, 0));
    Ok(Cell::Boolean(parts.is_some_and(|parts| takes(&parts, &text_of(cells, 1)))))
}

fn like(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    let mut escape = '\\';
    if cells.len() > 2 {
        let given = text_of(cells, 2);
        let mut chars = given.chars();
        let (Some(char), None) = (chars.next(), chars.next()) else {
            return Err(bad(
                "the third argument of `like` is not one character".to_owned(),
                "give the character that makes `%` and `_` stand for themselves",
            ));
        };
        escape = char;
    }
    let parts = like_parts(&text_of(cells, 0), escape);
    Ok(Cell::Boolean(takes(&parts, &text_of(cells, 1))))
}

fn similar_to(cells: &[Cell<'_>], memory: &mut Memory) -> Answer {
    let escape = if cells.len() > 2 { text_of(cells, 2).chars().next() } else { Some('\\') };
    let pattern = similar_regex(&text_of(cells, 1), escape);
    Ok(Cell::Boolean(memory.pattern(&pattern)?.is_match(&text_of(cells, 0))))
}

/// A pattern of SIMILAR TO as a regular expression over the whole text: `%` and `_` as for LIKE, and `|`,
/// `*`, `+`, `?`, `{…}`, `(…)`, `[…]` as in regular expressions; everything else stands for itself.
fn similar_regex(pattern: &str, escape: Option<char>) -> String {
    let mut out = String::from("(?s)^(?:");
    let mut chars = pattern.chars().peekable();
    let mut in_brackets = false;
    while let Some(char) = chars.next() {
        if Some(char) == escape {
            out.extend(chars.next().map(|next| regex::escape(next.encode_utf8(&mut [0; 4]))));
            continue;
        }
        match char {
            ']' if in_brackets => {
                in_brackets = false;
                out.push(']');
            }
            '\\' | '[' | '&' | '~' if in_brackets => {
                out.push('\\');
                out.push(char);
            }
            char if in_brackets => out.push(char),
            '[' => {
                in_brackets = true;
                out.push('[');
                if let Some(caret) = chars.next_if_eq(&'^') {
                    out.push(caret);
                }
                // a bracket that would close nothing is a character
                if chars.next_if_eq(&']').is_some() {
                    out.push_str("\\]");
                }
            }
            '%' => out.push_str(".*"),
            '_' => out.push('.'),
            '(' => out.push_str("(?:"),
            ')' | '|' | '*' | '+' | '?' | '{' | '}' => out.push(char),
            char => out.push_str(&regex::escape(char.encode_utf8(&mut [0; 4]))),
        }
    }
    out.push_str(")$");
    out
}

/// The functions of this file.
pub(super) static FUNCTIONS: &[Scalar] = &[
    Scalar {
        doc: FunctionDoc::new(
            Section::Text,
            ("glob", &[]),
            "glob(pattern, x)",
            "True if a text fits a pattern as file names have them: `*` any characters, `?` one, `[abc]` and `[a-z]` one of these, `[^abc]` one that is none of these. Case matters. `x GLOB pattern` means the same.",
            ("SELECT glob('db-[0-9]*', 'db-42-eu'), 'a' GLOB '[^a]'", "true | false"),
        ),
        arguments: (2, 2),
        returns: Returns::Boolean,
        strict: true,
        times: &[],
        call: glob,
    },
    Scalar {
        doc: FunctionDoc::new(
            Section::Text,
            ("similar_to", &[]),
            "similar_to(x, pattern[, escape])",
            "The same as `x SIMILAR TO pattern`: `%` any characters, `_` one, `|` either, `*`, `+`, `?`, `{m,n}` repetitions, `(…)` a group, `[…]` one of these. The pattern has to fit the whole text.",
            ("SELECT similar_to('abc', '%(b|d)%'), 'abc' SIMILAR TO '(b|c)%'", "true | false"),
        ),
        arguments: (2, 3),
        returns: Returns::Boolean,
        strict: true,
        times: &[],
        call: similar_to,
    },
    Scalar {
        doc: FunctionDoc::new(
            Section::Text,
            ("like", &[]),
            "like(pattern, x[, escape])",
            "The same as `x LIKE pattern`: `%` any characters, `_` one. Case matters, as it does for LIKE.",
            ("SELECT like('a%', 'abc'), like('10!%', '10%', '!')", "true | true"),
        ),
        arguments: (2, 3),
        returns: Returns::Boolean,
        strict: true,
        times: &[],
        call: like,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_patterns_fit_the_whole_text() {
        for (text, pattern, wanted) in [
            ("abc", "abc", true),
            ("abc", "a", false),
            ("abc", "%(b|d)%", true),
            ("abc", "(b|c)%", false),
            ("a.c", "a.c", true),
            ("abc", "a.c", false),
            ("a%c", "a\\%c", true),
            ("abc", "a\\%c", false),
            ("aaa", "a{3}", true),
            ("x]", "x[]]", true),
            ("ab\nc", "a%c", true),
            ("xyzxy", "(xy|z)+", true),
        ] {
            let regex = regex::Regex::new(&similar_regex(pattern, Some('\\'))).expect("a pattern");
            assert_eq!(regex.is_match(text), wanted, "{text} {pattern}");
        }
    }

    #[test]
    fn globs_follow_sqlite() {
        for (pattern, text, wanted) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("**", "ab", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-c-", false),
            ("?", "é", true),
            ("?", "", false),
            ("A*", "abc", false),
            ("[a-c]x", "bx", true),
            ("[a-c]x", "dx", false),
            ("[^a-c]", "d", true),
            ("[^a-c]", "", false),
            ("[]]", "]", true),
            ("[^]]", "]", false),
            ("[a-]", "-", true),
            ("[c-a]", "b", false),
            ("[ab", "a", false),
            ("[", "[", false),
            ("x]", "x]", true),
            ("[*]", "*", true),
            ("[*]", "a", false),
        ] {
            let found = glob_parts(pattern).is_some_and(|parts| takes(&parts, text));
            assert_eq!(found, wanted, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_take_no_long_time() {
        let parts = glob_parts(&"a*".repeat(50)).expect("a pattern");
        assert!(!takes(&parts, &"b".repeat(20_000)));
        let parts = glob_parts(&format!("{}b", "*a".repeat(50))).expect("a pattern");
        assert!(!takes(&parts, &"a".repeat(5_000)));
    }

    #[test]
    fn an_escape_makes_wildcards_plain() {
        for (pattern, escape, text, wanted) in [
            ("a%", '\\', "abc", true),
            ("a_", '\\', "abc", false),
            ("10\\%", '\\', "10%", true),
            ("10\\%", '\\', "100", false),
            ("10!%", '!', "10%", true),
            ("!", '!', "!", true),
        ] {
            assert_eq!(takes(&like_parts(pattern, escape), text), wanted, "{pattern} {text}");
        }
    }
}
