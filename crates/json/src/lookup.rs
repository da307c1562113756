//! The value at a path of JSON text.
//!
//! Surprise: nothing is read ahead. Text after the value is not read and may be invalid JSON. Only
//! `[#-1]` reads an array twice, because it needs the length.

use jiter::{Jiter, Peek};

use crate::node::compact;
use crate::path::Step;

/// A value found in JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A string, without quotes and escapes.
    Text(String),
    /// Number, boolean, object or array, as written.
    Raw(String),
}

impl Found {
    /// The text as written.
    pub fn into_text(self) -> String {
        match self {
            Self::Text(text) | Self::Raw(text) => text,
        }
    }

    /// The text; objects and arrays without white space between their tokens.
    pub fn into_compact_text(self) -> String {
        match self {
            Self::Raw(raw) if raw.starts_with(['{', '[']) => compact(&raw),
            other => other.into_text(),
        }
    }
}

/// The meanings of a step, depending on the value it is applied to.
trait Locate {
    /// The key, in an object.
    fn in_object(&self) -> Option<&str>;

    /// The element, in an array.
    fn in_array(&self) -> Option<Element>;
}

/// An element of an array.
enum Element {
    FromStart(usize),
    FromEnd(usize),
}

impl Locate for Step {
    fn in_object(&self) -> Option<&str> {
        match self {
            Self::Key(key) => Some(key),
            Self::Index(_) | Self::FromEnd(_) => None,
        }
    }

    fn in_array(&self) -> Option<Element> {
        match self {
            Self::Key(_) => None,
            Self::Index(index) => Some(Element::FromStart(*index)),
            Self::FromEnd(back) => Some(Element::FromEnd(*back)),
        }
    }
}

/// A key that is also an index if it is a number.
impl Locate for String {
    fn in_object(&self) -> Option<&str> {
        Some(self)
    }

    fn in_array(&self) -> Option<Element> {
        match self.parse::<i64>() {
            Ok(back) if back < 0 => usize::try_from(back.unsigned_abs()).ok().map(Element::FromEnd),
            _ => self.parse().ok().map(Element::FromStart),
        }
    }
}

/// True if a key refers to an element of an array.
pub fn is_index(key: &str) -> bool {
    key.parse::<i64>().is_ok() || key.parse::<usize>().is_ok()
}

/// The value at a path; `None` if it is absent, null, or the text is not JSON.
pub fn find(text: &str, steps: &[Step]) -> Option<Found> {
    found(text, steps)
}

/// As [`find`], under a sequence of keys. In an array a key is an index, counted from the end if it
/// is negative.
pub fn find_keys(text: &str, keys: &[String]) -> Option<Found> {
    found(text, keys)
}

/// The JSON at a path, as written.
pub fn raw_at<'a>(text: &'a str, steps: &[Step]) -> Option<&'a str> {
    let mut jiter = Jiter::new(text.as_bytes());
    seek(&mut jiter, text, steps)?;
    let peek = jiter.peek().ok()?;
    raw(&mut jiter, peek)
}

fn found<S: Locate>(text: &str, steps: &[S]) -> Option<Found> {
    let mut jiter = Jiter::new(text.as_bytes());
    seek(&mut jiter, text, steps)?;
    match jiter.peek().ok()? {
        Peek::Null => None,
        Peek::String => Some(Found::Text(jiter.known_str().ok()?.to_owned())),
        peek => raw(&mut jiter, peek).map(|raw| Found::Raw(raw.to_owned())),
    }
}

fn raw<'a>(jiter: &mut Jiter<'a>, peek: Peek) -> Option<&'a str> {
    let start = jiter.current_index();
    jiter.known_skip(peek).ok()?;
    str::from_utf8(jiter.slice_to_current(start)).ok()
}

/// Moves a reader of `text` to the value at a path.
fn seek<S: Locate>(jiter: &mut Jiter<'_>, text: &str, steps: &[S]) -> Option<()> {
    for step in steps {
        match jiter.peek().ok()? {
            Peek::Object => {
                let wanted = step.in_object()?;
                let mut is_there = jiter.known_object().ok()?.map(|key| key == wanted);
                while !is_there? {
                    jiter.next_skip().ok()?;
                    is_there = jiter.next_key().ok()?.map(|key| key == wanted);
                }
            }
            Peek::Array => {
                let index = match step.in_array()? {
                    Element::FromStart(index) => index,
                    Element::FromEnd(back) => {
                        length(text.get(jiter.current_index()..)?)?.checked_sub(back)?
                    }
                };
                element(jiter, index)?;
            }
            _ => return None,
        }
    }
    Some(())
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

/// The number of elements of the array at the start of a text.
fn length(text: &str) -> Option<usize> {
    let mut jiter = Jiter::new(text.as_bytes());
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
    use crate::path::parse_path;

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

    #[test]
    fn keys_walk_objects_and_arrays() {
        let at = |text: &str, path: &[&str]| {
            let path: Vec<String> = path.iter().map(|step| (*step).to_owned()).collect();
            find_keys(text, &path).map(Found::into_text)
        };
        let text = r#"{"a":{"b":[1,{"c":"x"},null]},"t":"s","f":false,"-1":"m","0":"z"}"#;
        assert_eq!(at(text, &["a", "b", "1", "c"]).as_deref(), Some("x"));
        assert_eq!(at(text, &["a", "b", "-2", "c"]).as_deref(), Some("x"));
        assert_eq!(at(text, &["a", "b", "0"]).as_deref(), Some("1"));
        assert_eq!(at(text, &["a", "b"]).as_deref(), Some(r#"[1,{"c":"x"},null]"#));
        assert_eq!(at(text, &["f"]).as_deref(), Some("false"));
        // in an object, a number is a key like any other
        assert_eq!(at(text, &["-1"]).as_deref(), Some("m"));
        assert_eq!(at(text, &["0"]).as_deref(), Some("z"));
        for path in [
            &["a", "x"][..],
            &["a", "b", "2"],
            &["a", "b", "9"],
            &["a", "b", "-4"],
            &["t", "x"],
            &["a", "b", "c"],
        ] {
            assert_eq!(at(text, path), None, "{path:?}");
        }
        assert_eq!(at("no json", &["a"]), None);
    }

    #[test]
    fn containers_become_compact_and_strings_stay() {
        let at = |path: &str| {
            let found = find(r#"{"a": [1, 2], "b": "[1, 2]"}"#, &parse_path(path).unwrap());
            found.unwrap().into_compact_text()
        };
        assert_eq!((at("$.a").as_str(), at("$.b").as_str()), ("[1,2]", "[1, 2]"));
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
