//! Paths into JSON text as SQLite writes them: `$.a.b[0]."c d"[#-1]`.

use jiter::{Jiter, Peek};
use strataql_diag::Report;

use super::cell::{bad, excerpt};
use super::json_path::Found;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// A key of an object.
    Key(String),
    /// An element of an array.
    Index(usize),
    /// An element counted from the end; 1 is the last.
    FromEnd(usize),
}

impl Step {
    /// The step as typed paths write it: which element it is does not matter for its type.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Key(key) => key.clone(),
            Self::Index(index) => index.to_string(),
            Self::FromEnd(_) => "0".to_owned(),
        }
    }
}

fn bad_path(text: &str) -> Box<Report> {
    bad(
        format!("`{}` is no JSON path", excerpt(text)),
        "a path looks like `$.key[0].\"other key\"[#-1]`",
    )
}

/// Reads a path.
pub(super) fn parse_path(text: &str) -> Result<Vec<Step>, Box<Report>> {
    let wrong = || bad_path(text);
    let mut rest = text.strip_prefix('$').ok_or_else(wrong)?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let (key, left) = match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or_else(wrong)?,
                None => after.split_at(after.find(['.', '[']).unwrap_or(after.len())),
            };
            if key.is_empty() && !after.starts_with('"') {
                return Err(wrong());
            }
            steps.push(Step::Key(key.to_owned()));
            rest = left;
        } else if let Some(after) = rest.strip_prefix('[') {
            let (step, left) = bracket(after).ok_or_else(wrong)?;
            steps.push(step);
            rest = left;
        } else {
            return Err(wrong());
        }
    }
    Ok(steps)
}

/// The step in brackets and what follows.
fn bracket(text: &str) -> Option<(Step, &str)> {
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            let (key, left) = quoted.split_once(quote)?;
            return Some((Step::Key(key.to_owned()), left.strip_prefix(']')?));
        }
    }
    let (inside, left) = text.split_once(']')?;
    let step = match inside.strip_prefix('#') {
        Some("") => Step::FromEnd(0),
        Some(back) => Step::FromEnd(back.strip_prefix('-')?.parse().ok()?),
        None => Step::Index(inside.parse().ok()?),
    };
    Some((step, left))
}

/// The value at a path; `None` when it is absent, null, or the text is no JSON.
pub(super) fn find(text: &str, steps: &[Step]) -> Option<Found> {
    let raw = raw_at(text, steps)?;
    let mut jiter = Jiter::new(raw.as_bytes());
    match jiter.peek().ok()? {
        Peek::Null => None,
        Peek::String => Some(Found::Text(jiter.known_str().ok()?.to_owned())),
        _ => Some(Found::Raw(raw.to_owned())),
    }
}

/// The JSON at a path, as written.
pub(super) fn raw_at<'a>(text: &'a str, steps: &[Step]) -> Option<&'a str> {
    let mut jiter = Jiter::new(text.as_bytes());
    for (done, step) in steps.iter().enumerate() {
        match (jiter.peek().ok()?, step) {
            (Peek::Object, Step::Key(wanted)) => {
                let mut is_there = jiter.known_object().ok()?.map(|key| key == wanted);
                while !is_there? {
                    jiter.next_skip().ok()?;
                    is_there = jiter.next_key().ok()?.map(|key| key == wanted);
                }
            }
            (Peek::Array, Step::Index(index)) => element(&mut jiter, *index)?,
            (Peek::Array, Step::FromEnd(back)) => {
                let start = jiter.current_index();
                jiter.next_skip().ok()?;
                let array = std::str::from_utf8(jiter.slice_to_current(start)).ok()?;
                let mut within = Jiter::new(array.as_bytes());
                element(&mut within, elements(array)?.checked_sub(*back)?)?;
                within.peek().ok()?;
                return raw_at(array.get(within.current_index()..)?, &steps[done + 1..]);
            }
            _ => return None,
        }
    }
    let peek = jiter.peek().ok()?;
    let start = jiter.current_index();
    jiter.known_skip(peek).ok()?;
    std::str::from_utf8(jiter.slice_to_current(start)).ok().map(str::trim)
}

/// Moves to an element of an array.
fn element(jiter: &mut Jiter<'_>, index: usize) -> Option<()> {
    let mut next = jiter.known_array().ok()?;
    for _ in 0..index {
        jiter.known_skip(next?).ok()?;
        next = jiter.array_step().ok()?;
    }
    next.map(|_| ())
}

/// The number of elements of an array.
fn elements(array: &str) -> Option<usize> {
    let mut jiter = Jiter::new(array.as_bytes());
    let mut next = jiter.next_array().ok()?;
    let mut count = 0;
    while let Some(peek) = next {
        jiter.known_skip(peek).ok()?;
        count += 1;
        next = jiter.array_step().ok()?;
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_read() {
        let key = |text: &str| Step::Key(text.to_owned());
        for (text, steps) in [
            ("$", vec![]),
            ("$.a.b[0].c", vec![key("a"), key("b"), Step::Index(0), key("c")]),
            ("$.\"a.b\"[#-1]", vec![key("a.b"), Step::FromEnd(1)]),
            ("$['a b'][\"c\"]", vec![key("a b"), key("c")]),
            ("$.\"\"", vec![key("")]),
            ("$[#]", vec![Step::FromEnd(0)]),
        ] {
            assert_eq!(parse_path(text).unwrap(), steps, "{text}");
        }
        for text in
            ["", "a", "$a", "$.", "$..a", "$[", "$[x]", "$[-1]", "$[#-x]", "$.\"a", "$['a]", "$[0"]
        {
            assert_eq!(parse_path(text).unwrap_err().code, strataql_diag::Code::BadValue, "{text}");
        }
    }

    #[test]
    fn values_are_found_as_written() {
        let text = r#" {"a": {"b": [1, {"c": "x"}, null, 1e3]}, "big": 12345678901234567890123} "#;
        let at = |path: &str| raw_at(text, &parse_path(path).unwrap()).map(str::to_owned);
        for (path, found) in [
            ("$.a.b[1].c", Some("\"x\"")),
            ("$.a.b[#-1]", Some("1e3")),
            ("$.a.b[#-3].c", Some("\"x\"")),
            ("$.a.b[#-4]", Some("1")),
            ("$.a.b[#-5]", None),
            ("$.a.b[#]", None),
            ("$.a.b[9]", None),
            ("$.big", Some("12345678901234567890123")),
            ("$.a.b.c", None),
            ("$[0]", None),
        ] {
            assert_eq!(at(path).as_deref(), found, "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_text_and_no_path_breaks_the_search(text in ".{0,60}", path in ".{0,20}") {
            if let Ok(steps) = parse_path(&path) {
                let _found = find(&text, &steps);
            }
        }

        #[test]
        fn json_like_texts_and_paths_do_not_break_the_search(
            text in r#"[\[\]{}:,"a0-9 \\.\-é]{0,40}"#,
            path in r#"\$([.](a|"a"|é)|\[(#-)?[0-9]{1,3}\]){0,6}"#,
        ) {
            let steps = parse_path(&path).unwrap();
            let _found = find(&text, &steps);
        }
    }
}
