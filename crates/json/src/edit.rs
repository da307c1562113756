//! Edits of JSON: parts are set, added, replaced or removed.

use indexmap::IndexMap;
use strataql_diag::{Code, Report};

use crate::node::Node;
use crate::path::{Step, parse_path};

/// The longest path that creates new levels.
const MAX_STEPS: usize = 100;

/// The behaviour of an edit at its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Only where no value exists.
    Insert,
    /// Only where a value exists.
    Replace,
    /// In both cases.
    Set,
}

/// Parses the path of an edit.
///
/// # Errors
/// `bad-value` if it is not a path, or has more than a hundred steps.
pub fn changing_path(text: &str) -> Result<Vec<Step>, Box<Report>> {
    let steps = parse_path(text)?;
    if steps.len() > MAX_STEPS {
        return Err(Report::new(
            Code::BadValue,
            format!("a JSON path with {} steps is too long to change something", steps.len()),
        )
        .with_help("change the parts one after the other")
        .into());
    }
    Ok(steps)
}

impl Node {
    /// Sets a value at a path. Missing objects and arrays are created, arrays without gaps. Where
    /// that is impossible, the value stays unchanged.
    pub fn put(&mut self, steps: &[Step], value: Self, mode: Mode) {
        let mut here = self;
        for (done, step) in steps.iter().enumerate() {
            let rest = &steps[done + 1..];
            let made = |value| if mode == Mode::Replace { None } else { nested(rest, value) };
            here = match (here, step) {
                (Self::Object(members), Step::Key(key)) => {
                    match members.iter().position(|(own, _)| own == key) {
                        Some(at) => &mut members[at].1,
                        None => {
                            members.extend(made(value).map(|value| (key.clone(), value)));
                            return;
                        }
                    }
                }
                (Self::Array(items), step) => match position(step, items.len()) {
                    Some(at) if at < items.len() => &mut items[at],
                    Some(at) if at == items.len() => {
                        items.extend(made(value));
                        return;
                    }
                    _ => return,
                },
                _ => return,
            };
        }
        if mode != Mode::Insert {
            *here = value;
        }
    }

    /// Removes the value at a path; `None` if that is the whole value.
    pub fn without(mut self, steps: &[Step]) -> Option<Self> {
        let (last, before) = steps.split_last()?;
        match (self.below(before), last) {
            (Some(Self::Object(members)), Step::Key(key)) => members.retain(|(own, _)| own != key),
            (Some(Self::Array(items)), step) => {
                if let Some(at) = position(step, items.len()).filter(|at| *at < items.len()) {
                    items.remove(at);
                }
            }
            _ => {}
        }
        Some(self)
    }

    /// The value at a path.
    fn below(&mut self, steps: &[Step]) -> Option<&mut Self> {
        let mut here = self;
        for step in steps {
            here = match (here, step) {
                (Self::Object(members), Step::Key(key)) => {
                    members.iter_mut().find(|(own, _)| own == key).map(|(_, value)| value)?
                }
                (Self::Array(items), step) => {
                    let at = position(step, items.len())?;
                    items.get_mut(at)?
                }
                _ => return None,
            };
        }
        Some(here)
    }

    /// Merges a patch (RFC 7396): members of the patch replace those of the same name, `null`
    /// removes them, objects are merged.
    #[must_use]
    pub fn patched(self, patch: Self) -> Self {
        let Self::Object(changes) = patch else { return patch };
        let members = if let Self::Object(members) = self { members } else { Vec::new() };
        // looked up by name, so that two large objects do not cost the product of their sizes
        let mut changes: IndexMap<String, Option<Self>> =
            changes.into_iter().map(|(key, change)| (key, Some(change))).collect();
        let mut merged = Vec::with_capacity(members.len());
        for (key, value) in members {
            match changes.get_mut(&key) {
                Some(Some(Self::Null)) => {}
                Some(change) => {
                    let value = match change.take() {
                        Some(change) => value.patched(change),
                        None => value,
                    };
                    merged.push((key, value));
                }
                None => merged.push((key, value)),
            }
        }
        merged.extend(changes.into_iter().filter_map(|(key, change)| {
            let change = change.filter(|change| *change != Self::Null)?;
            Some((key, Self::Null.patched(change)))
        }));
        Self::Object(merged)
    }
}

/// The element that a step refers to; one past the last is where an element can be appended.
fn position(step: &Step, length: usize) -> Option<usize> {
    match step {
        Step::Key(_) => None,
        Step::Index(index) => Some(*index),
        Step::FromEnd(back) => length.checked_sub(*back),
    }
}

/// The value nested in new objects and arrays; `None` if an array would have gaps.
fn nested(steps: &[Step], value: Node) -> Option<Node> {
    steps.iter().rev().try_fold(value, |inner, step| match step {
        Step::Key(key) => Some(Node::Object(vec![(key.clone(), inner)])),
        Step::Index(0) | Step::FromEnd(0) => Some(Node::Array(vec![inner])),
        Step::Index(_) | Step::FromEnd(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Node {
        Node::read(text).unwrap()
    }

    #[test]
    fn places_are_found_or_made() {
        for (mode, whole, path, value, wanted) in [
            (Mode::Set, "{}", "$.a[0].b", "1", r#"{"a":[{"b":1}]}"#),
            (Mode::Set, "{}", "$.a[1]", "1", "{}"),
            (Mode::Set, "[1,2]", "$[#-1]", "9", "[1,9]"),
            (Mode::Set, "[1,2]", "$[2]", "9", "[1,2,9]"),
            (Mode::Set, "[1,2]", "$[3]", "9", "[1,2]"),
            (Mode::Set, "[1,2]", "$[#-3]", "9", "[1,2]"),
            (Mode::Set, r#"{"a":1}"#, "$", "9", "9"),
            (Mode::Set, r#"{"a":1}"#, "$.a.b", "9", r#"{"a":1}"#),
            (Mode::Insert, r#"{"a":1}"#, "$", "9", r#"{"a":1}"#),
            (Mode::Insert, r#"{"a":null}"#, "$.a", "9", r#"{"a":null}"#),
            (Mode::Insert, r#"{"a":1}"#, "$.b.c", "9", r#"{"a":1,"b":{"c":9}}"#),
            (Mode::Replace, r#"{"a":{}}"#, "$.a.b", "9", r#"{"a":{}}"#),
            (Mode::Replace, "[1]", "$[#]", "9", "[1]"),
            (Mode::Replace, "[1]", "$[0]", "[null]", "[[null]]"),
        ] {
            let mut node = read(whole);
            node.put(&changing_path(path).unwrap(), read(value), mode);
            assert_eq!(node.json(), wanted, "{mode:?} {whole} {path}");
        }
        let long = format!("${}", ".a".repeat(101));
        assert!(changing_path(&long).unwrap_err().message.contains("too long"));
    }

    #[test]
    fn what_is_taken_out_is_gone() {
        for (whole, path, wanted) in [
            ("[1,2,3]", "$[0]", Some("[2,3]")),
            ("[1,2,3]", "$[#-1]", Some("[1,2]")),
            ("[1,2,3]", "$[#]", Some("[1,2,3]")),
            (r#"{"a":1,"b":2,"a":3}"#, "$.a", Some(r#"{"b":2}"#)),
            (r#"{"a":{"b":[{"c":1}]}}"#, "$.a.b[0].c", Some(r#"{"a":{"b":[{}]}}"#)),
            (r#"{"a":1}"#, "$.a.b", Some(r#"{"a":1}"#)),
            (r#"{"a":1}"#, "$", None),
        ] {
            let left = read(whole).without(&parse_path(path).unwrap());
            assert_eq!(left.map(|node| node.json()).as_deref(), wanted, "{whole} {path}");
        }
    }

    /// The examples of RFC 7396, appendix A.
    #[test]
    fn patches_are_merged_as_the_rfc_says() {
        for (whole, patch, wanted) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
            (r#"{"a":"foo"}"#, "null", "null"),
            (r#"{"a":"foo"}"#, "\"bar\"", "\"bar\""),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            assert_eq!(read(whole).patched(read(patch)).json(), wanted, "{whole} {patch}");
        }
    }

    #[test]
    fn a_name_that_comes_twice_is_meant_once_by_a_patch() {
        let twice = r#"{"a":1,"a":2,"b":3}"#;
        for (patch, wanted) in [
            (r#"{"a":9}"#, r#"{"a":9,"a":2,"b":3}"#),
            (r#"{"a":null}"#, r#"{"b":3}"#),
            (r#"{"c":1,"c":2}"#, r#"{"a":1,"a":2,"b":3,"c":2}"#),
        ] {
            assert_eq!(read(twice).patched(read(patch)).json(), wanted, "{patch}");
        }
    }
}
