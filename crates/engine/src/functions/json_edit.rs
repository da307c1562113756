//! JSON with parts set, added, replaced or removed.
//!
//! Surprise: text is put in as a JSON string. To put in JSON, say so: `json_set(x, '$.a', json('[1]'))`.

use strataql_diag::Report;

use super::about::{About, Example, Section};
use super::cell::{Answer, Cell, bad, json};
use super::json::tree;
use super::json_node::Node;
use super::json_steps::{Step, parse_path};
use super::scalar::{ANY, Memory, Returns, Scalar};

/// The longest path that makes new levels.
const MAX_STEPS: usize = 100;

/// What happens at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Only where nothing is.
    Insert,
    /// Only where something is.
    Replace,
    /// Either way.
    Set,
}

fn steps_of(path: &str) -> Result<Vec<Step>, Box<Report>> {
    let steps = parse_path(path)?;
    if steps.len() > MAX_STEPS {
        return Err(bad(
            format!("a JSON path with {} steps is too long to change something", steps.len()),
            "change the parts one after the other",
        ));
    }
    Ok(steps)
}

/// The value of an argument as a tree.
fn value_of(cell: &Cell<'_>) -> Node {
    Node::read(&cell.json()).unwrap_or(Node::Null)
}

fn edit(name: &str, mode: Mode, cells: &[Cell<'_>]) -> Answer {
    if cells.len().is_multiple_of(2) {
        return Err(bad(
            format!("`{name}` has a path without a value"),
            "give paths and values in turn after the JSON",
        ));
    }
    let Some(mut root) = tree(&cells[0])? else { return Ok(Cell::Null) };
    for pair in cells[1..].chunks_exact(2) {
        let Some(path) = pair[0].text() else { continue };
        put(&mut root, &steps_of(&path)?, value_of(&pair[1]), mode);
    }
    Ok(json(root.json()))
}

fn put(root: &mut Node, steps: &[Step], value: Node, mode: Mode) {
    let mut here = root;
    for (done, step) in steps.iter().enumerate() {
        let rest = &steps[done + 1..];
        let made = |value| if mode == Mode::Replace { None } else { nested(rest, value) };
        here = match (here, step) {
            (Node::Object(members), Step::Key(key)) => {
                match members.iter().position(|(own, _)| own == key) {
                    Some(at) => &mut members[at].1,
                    None => {
                        members.extend(made(value).map(|value| (key.clone(), value)));
                        return;
                    }
                }
            }
            (Node::Array(items), step) => match position(step, items.len()) {
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

/// The element that a step means; one past the last is where something can be added.
fn position(step: &Step, length: usize) -> Option<usize> {
    match step {
        Step::Key(_) => None,
        Step::Index(index) => Some(*index),
        Step::FromEnd(back) => length.checked_sub(*back),
    }
}

/// The value below new objects and arrays; nothing if an array would have gaps.
fn nested(steps: &[Step], value: Node) -> Option<Node> {
    steps.iter().rev().try_fold(value, |inner, step| match step {
        Step::Key(key) => Some(Node::Object(vec![(key.clone(), inner)])),
        Step::Index(0) | Step::FromEnd(0) => Some(Node::Array(vec![inner])),
        Step::Index(_) | Step::FromEnd(_) => None,
    })
}

fn json_set(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    edit("json_set", Mode::Set, cells)
}

fn json_insert(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    edit("json_insert", Mode::Insert, cells)
}

fn json_replace(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    edit("json_replace", Mode::Replace, cells)
}

fn json_remove(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    let Some(mut root) = tree(&cells[0])? else { return Ok(Cell::Null) };
    for path in &cells[1..] {
        let Some(path) = path.text() else { return Ok(Cell::Null) };
        let steps = parse_path(&path)?;
        let Some((last, before)) = steps.split_last() else { return Ok(Cell::Null) };
        take(&mut root, before, last);
    }
    Ok(json(root.json()))
}

fn take(root: &mut Node, before: &[Step], last: &Step) {
    let mut here = root;
    for step in before {
        let next = match (here, step) {
            (Node::Object(members), Step::Key(key)) => {
                members.iter_mut().find(|(own, _)| own == key).map(|(_, value)| value)
            }
            (Node::Array(items), step) => {
                position(step, items.len()).and_then(|at| items.get_mut(at))
            }
            _ => None,
        };
        let Some(next) = next else { return };
        here = next;
    }
    match (here, last) {
        (Node::Object(members), Step::Key(key)) => members.retain(|(own, _)| own != key),
        (Node::Array(items), step) => {
            if let Some(at) = position(step, items.len()).filter(|at| *at < items.len()) {
                items.remove(at);
            }
        }
        _ => {}
    }
}

fn json_patch(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    Ok(match (tree(&cells[0])?, tree(&cells[1])?) {
        (Some(whole), Some(patch)) => json(patched(whole, patch).json()),
        _ => Cell::Null,
    })
}

/// RFC 7396.
fn patched(whole: Node, patch: Node) -> Node {
    let Node::Object(changes) = patch else { return patch };
    let mut members = if let Node::Object(members) = whole { members } else { Vec::new() };
    for (key, change) in changes {
        if change == Node::Null {
            members.retain(|(own, _)| *own != key);
        } else if let Some(at) = members.iter().position(|(own, _)| *own == key) {
            let old = std::mem::replace(&mut members[at].1, Node::Null);
            members[at].1 = patched(old, change);
        } else {
            members.push((key, patched(Node::Null, change)));
        }
    }
    Node::Object(members)
}

const fn about(
    name: &'static str,
    syntax: &'static str,
    text: &'static str,
    sql: &'static str,
    rows: &'static str,
) -> About {
    let example = Example { sql, rows };
    About { name, aliases: &[], section: Section::Json, syntax, text, example }
}

const fn scalar(
    about: About,
    arguments: (usize, usize),
    call: fn(&[Cell<'_>], &mut Memory) -> Answer,
) -> Scalar {
    Scalar { about, arguments, returns: Returns::Json, strict: false, time: None, call }
}

/// The functions of this file.
pub(super) static FUNCTIONS: &[Scalar] = &[
    scalar(
        about(
            "json_set",
            "json_set(x, path, value, …)",
            "The JSON with values set at paths, whether something is there or not. New objects and arrays are made on the way; `[#]` is the place after the last element. Text becomes a JSON string, a JSON value nests.",
            r#"SELECT json_set('{"a": 1}', '$.a', 2, '$.b.c', json('[true]'))"#,
            r#"{"a":2,"b":{"c":[true]}}"#,
        ),
        (1, ANY),
        json_set,
    ),
    scalar(
        about(
            "json_insert",
            "json_insert(x, path, value, …)",
            "The JSON with values added at paths where nothing is; what is there stays.",
            r#"SELECT json_insert('{"a": [1]}', '$.a[#]', 2, '$.a[0]', 9)"#,
            r#"{"a":[1,2]}"#,
        ),
        (1, ANY),
        json_insert,
    ),
    scalar(
        about(
            "json_replace",
            "json_replace(x, path, value, …)",
            "The JSON with values replaced at paths where something is; nothing is added.",
            r#"SELECT json_replace('{"a": 1}', '$.a', NULL, '$.b', 2)"#,
            r#"{"a":null}"#,
        ),
        (1, ANY),
        json_replace,
    ),
    scalar(
        about(
            "json_remove",
            "json_remove(x, path, …)",
            "The JSON without what is at the paths, one after the other. The path `$` gives NULL.",
            r#"SELECT json_remove('{"a": [1, 2], "b": 3}', '$.b', '$.a[0]')"#,
            r#"{"a":[2]}"#,
        ),
        (1, ANY),
        json_remove,
    ),
    scalar(
        about(
            "json_patch",
            "json_patch(x, patch)",
            "The JSON merged with a patch (RFC 7396): members of the patch replace those of the same name, `null` removes them, objects are merged.",
            r#"SELECT json_patch('{"a": 1, "b": {"c": 2}}', '{"a": null, "b": {"d": 3}}')"#,
            r#"{"b":{"c":2,"d":3}}"#,
        ),
        (2, 2),
        json_patch,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn run(name: &str, arguments: &[&str]) -> String {
        let function = FUNCTIONS.iter().find(|one| one.about.name == name).expect("known");
        let cells: Vec<Cell<'_>> = arguments
            .iter()
            .map(|text| match *text {
                "NULL" => Cell::Null,
                text => text.parse().map_or(Cell::Text(text.into()), Cell::Integer),
            })
            .collect();
        match (function.call)(&cells, &mut Memory::default()) {
            Ok(cell) => cell.text().map_or("NULL".to_owned(), std::borrow::Cow::into_owned),
            Err(report) => format!("error: {}", report.message),
        }
    }

    #[test]
    fn places_are_found_or_made() {
        for (name, arguments, wanted) in [
            ("json_set", &["{}", "$.a[0].b", "1"][..], r#"{"a":[{"b":1}]}"#),
            ("json_set", &["{}", "$.a[1]", "1"], "{}"),
            ("json_set", &["[1,2]", "$[#-1]", "9"], "[1,9]"),
            ("json_set", &["[1,2]", "$[2]", "9"], "[1,2,9]"),
            ("json_set", &["[1,2]", "$[3]", "9"], "[1,2]"),
            ("json_set", &["[1,2]", "$[#-3]", "9"], "[1,2]"),
            ("json_set", &["{\"a\":1}", "$", "9"], "9"),
            ("json_set", &["{\"a\":1}", "$.a.b", "9"], r#"{"a":1}"#),
            ("json_set", &["{\"a\":1}", "$.a", "[1]"], r#"{"a":"[1]"}"#),
            ("json_set", &["{\"a\":1}", "NULL", "9", "$.b", "NULL"], r#"{"a":1,"b":null}"#),
            ("json_set", &["NULL", "$.a", "9"], "NULL"),
            ("json_insert", &["{\"a\":1}", "$", "9"], r#"{"a":1}"#),
            ("json_insert", &["{\"a\":null}", "$.a", "9"], r#"{"a":null}"#),
            ("json_replace", &["{\"a\":{}}", "$.a.b", "9"], r#"{"a":{}}"#),
            ("json_replace", &["[1]", "$[#]", "9"], "[1]"),
            ("json_remove", &["[1,2,3]", "$[0]", "$[0]"], "[3]"),
            ("json_remove", &["[1,2,3]", "$[#-1]", "$[#]", "$[9]"], "[1,2]"),
            ("json_remove", &["{\"a\":1}", "$.b.c", "$.a.b"], r#"{"a":1}"#),
            ("json_remove", &["{\"a\":1}", "$"], "NULL"),
            ("json_remove", &["{\"a\":1}"], r#"{"a":1}"#),
            ("json_patch", &["[1]", "{\"a\":{\"b\":null,\"c\":1}}"], r#"{"a":{"c":1}}"#),
            ("json_patch", &["{\"a\":1}", "[2]"], "[2]"),
            ("json_patch", &["{\"a\":1}", "NULL"], "NULL"),
        ] {
            assert_eq!(run(name, arguments), wanted, "{name} {arguments:?}");
        }
    }

    #[test]
    fn what_cannot_be_done_is_an_error() {
        assert!(run("json_set", &["{}", "$.a"]).starts_with("error: `json_set` has a path"));
        assert!(run("json_set", &["{", "$.a", "1"]).contains("is no JSON"));
        assert!(run("json_set", &["{}", "a", "1"]).contains("no JSON path"));
        let long = format!("${}", ".a".repeat(101));
        assert!(run("json_set", &["{}", &long, "1"]).contains("too long"));
    }
}
