//! Properties of all texts. The fuzz target `json` checks the same.
//!
//! Surprise: `serde_json` is the reference. It keeps the last of two members of one name, parses
//! numbers and stops at 128 levels, so it is used only where that makes no difference.

use serde_json::Value;
use strataql_json::{
    Found, Mode, Node, Row, Step, changing_path, compact, each, elements, equal, equal_as_sets,
    find, find_keys, parse_path, quoted, raw_at, tree,
};

/// Rows of a walk that are looked up again.
const LOOKED_UP: usize = 20;

/// Reads, finds, changes, compares and walks.
///
/// # Panics
/// If a property does not hold.
pub(crate) fn check(text: &str, path: &str, edit: &str) {
    let steps = steps(path);
    for string in [text, path, edit] {
        assert_eq!(Node::read(&quoted(string)), Some(Node::Text(string.to_owned())));
    }
    let value = Node::read_or_text(edit).unwrap_or_else(|report| {
        assert!(!report.message.is_empty() && !report.help.is_empty());
        Node::Text(edit.to_owned())
    });
    if let Some(steps) = &steps {
        found(text, steps);
    }
    let Some(root) = read(text) else { return };
    if let Some(steps) = &steps {
        looked_up(text, &root, steps);
        changed(&root, steps, &value, path.len());
    }
    compared(&root, &value);
    patched(&root, &value);
    walked(text, &root);
}

fn steps(path: &str) -> Option<Vec<Step>> {
    let changing = changing_path(path);
    match parse_path(path) {
        Ok(steps) => {
            assert_eq!(changing.is_ok(), steps.len() <= 100, "{path:?}");
            Some(steps)
        }
        Err(report) => {
            assert!(!report.message.is_empty() && !report.help.is_empty(), "{path:?}");
            assert!(changing.is_err(), "{path:?}");
            None
        }
    }
}

/// Both ways to find a value agree, also in a text that is not JSON.
fn found(text: &str, steps: &[Step]) {
    let raw = raw_at(text, steps);
    match find(text, steps) {
        Some(Found::Raw(found)) => assert_eq!(raw, Some(found.as_str())),
        Some(Found::Text(found)) => {
            let string = raw.and_then(Node::read);
            assert_eq!(string, Some(Node::Text(found)), "{text:?} {steps:?}");
        }
        None => assert!(raw.is_none_or(|raw| raw == "null" || Node::read(raw).is_none())),
    }
}

/// Values agree with the reference, and output parses back to the same value.
fn read(text: &str) -> Option<Node> {
    let other = serde_json::from_str::<Value>(text);
    let Some(root) = Node::read(text) else {
        assert!(other.is_err() || text.len() > 4300, "{text:?} is JSON");
        return None;
    };
    match other {
        Ok(other) => assert!(has_twins(&root) || is_same(&root, &other), "{text:?}"),
        Err(error) => {
            let error = error.to_string();
            let known = ["recursion limit exceeded", "number out of range"];
            assert!(known.iter().any(|known| error.starts_with(known)), "{text:?}: {error}");
        }
    }
    let written = root.json();
    assert!(written.len() <= text.len(), "{text:?} grew to {written:?}");
    assert_eq!(Node::read(&written).as_ref(), Some(&root), "{text:?}");
    assert_eq!(Node::read(&compact(text)).as_ref(), Some(&root), "{text:?}");
    assert_eq!(compact(&written), written);
    Some(root)
}

fn is_same(node: &Node, other: &Value) -> bool {
    match (node, other) {
        (Node::Null, Value::Null) => true,
        (Node::Boolean(one), Value::Bool(other)) => one == other,
        (Node::Text(one), Value::String(other)) => one == other,
        (Node::Number(one), Value::Number(other)) => match (one.parse::<i64>(), other.as_i64()) {
            (Ok(one), Some(other)) => one == other,
            _ => {
                let one: f64 = one.parse().expect("a number");
                let other = other.as_f64().expect("a number");
                // the reference may be off in the last digit
                (one - other).abs() <= one.abs() * 1e-14
            }
        },
        (Node::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Node::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|((key, one), (other_key, other))| key == other_key && is_same(one, other))
        }
        _ => false,
    }
}

/// True if an object has two members of one name.
fn has_twins(node: &Node) -> bool {
    match node {
        Node::Array(items) => items.iter().any(has_twins),
        Node::Object(members) => {
            let mut keys: Vec<&str> = members.iter().map(|(key, _)| key.as_str()).collect();
            keys.sort_unstable();
            keys.windows(2).any(|pair| pair[0] == pair[1])
                || members.iter().any(|(_, value)| has_twins(value))
        }
        _ => false,
    }
}

fn count(node: &Node) -> usize {
    1 + match node {
        Node::Array(items) => items.iter().map(count).sum(),
        Node::Object(members) => members.iter().map(|(_, value)| count(value)).sum(),
        _ => 0,
    }
}

/// The value at a path, step by step.
fn at<'a>(node: &'a Node, steps: &[Step]) -> Option<&'a Node> {
    steps.iter().try_fold(node, |here, step| match (here, step) {
        (Node::Object(members), Step::Key(key)) => {
            members.iter().find(|(own, _)| own == key).map(|(_, value)| value)
        }
        (Node::Array(items), Step::Index(index)) => items.get(*index),
        (Node::Array(items), Step::FromEnd(back)) => items.get(items.len().checked_sub(*back)?),
        _ => None,
    })
}

/// The same in the reference's tree.
fn at_other<'a>(value: &'a Value, steps: &[Step]) -> Option<&'a Value> {
    steps.iter().try_fold(value, |here, step| match (here, step) {
        (Value::Object(members), Step::Key(key)) => members.get(key),
        (Value::Array(items), Step::Index(index)) => items.get(*index),
        (Value::Array(items), Step::FromEnd(back)) => items.get(items.len().checked_sub(*back)?),
        _ => None,
    })
}

/// A lookup in the text finds what a walk of the tree finds.
fn looked_up(text: &str, root: &Node, steps: &[Step]) {
    let raw = raw_at(text, steps);
    assert_eq!(raw.and_then(Node::read).as_ref(), at(root, steps), "{text:?} {steps:?}");
    if let Some(other) = serde_json::from_str::<Value>(text).ok().filter(|_| !has_twins(root)) {
        let raw = raw.map(|raw| serde_json::from_str::<Value>(raw).expect("part of JSON"));
        assert_eq!(raw.as_ref(), at_other(&other, steps), "{text:?} {steps:?}");
    }
}

/// The position of a value that was appended.
fn reached(steps: &[Step]) -> Vec<Step> {
    let last =
        |step: &Step| if *step == Step::FromEnd(0) { Step::FromEnd(1) } else { step.clone() };
    steps.iter().map(last).collect()
}

fn changed(root: &Node, steps: &[Step], value: &Node, path: usize) {
    let put = |mode| {
        let mut node = root.clone();
        node.put(steps, value.clone(), mode);
        node
    };
    let (old, set) = (at(root, steps), put(Mode::Set));
    if set != *root || old == Some(value) {
        assert_eq!(at(&set, &reached(steps)), Some(value), "{root:?} {steps:?}");
        let (text, most) = (set.json(), root.json().len() + value.json().len() + 6 * path + 16);
        assert!(text.len() <= most, "{root:?} {steps:?} grew to {text}");
        if Node::read(&text).is_some() {
            looked_up(&text, &set, &reached(steps));
        }
    }
    let (inserted, replaced) = if old.is_some() { (root, &set) } else { (&set, root) };
    assert_eq!(put(Mode::Insert), *inserted, "{root:?} {steps:?}");
    assert_eq!(put(Mode::Replace), *replaced, "{root:?} {steps:?}");

    let Some(left) = root.clone().without(steps) else {
        assert!(steps.is_empty(), "{root:?} {steps:?}");
        return;
    };
    match (old, steps.last()) {
        (None, _) => assert_eq!(left, *root, "{steps:?}"),
        (Some(_), Some(Step::Key(_))) => assert_eq!(at(&left, steps), None, "{root:?} {steps:?}"),
        (Some(old), _) => assert_eq!(count(&left) + count(old), count(root), "{root:?} {steps:?}"),
    }
}

/// The value with everything reversed, and its integers written with a decimal point.
fn turned(node: &Node, arrays: bool) -> Node {
    match node {
        Node::Number(raw) if raw.len() < 16 && raw.parse::<i64>().is_ok() => {
            Node::Number(format!("{raw}.0"))
        }
        Node::Array(items) => {
            let mut items: Vec<Node> = items.iter().map(|item| turned(item, arrays)).collect();
            if arrays {
                items.reverse();
            }
            Node::Array(items)
        }
        Node::Object(members) => {
            let turn = |(key, value): &(String, Node)| (key.clone(), turned(value, arrays));
            Node::Object(members.iter().rev().map(turn).collect())
        }
        other => other.clone(),
    }
}

fn compared(one: &Node, other: &Node) {
    assert!(equal(one, one) && equal_as_sets(one, one), "{one:?}");
    assert_eq!(equal(one, other), equal(other, one), "{one:?} {other:?}");
    assert_eq!(equal_as_sets(one, other), equal_as_sets(other, one), "{one:?} {other:?}");
    if equal(one, other) {
        assert!(equal_as_sets(one, other), "{one:?} {other:?}");
    }
    if !has_twins(one) {
        assert!(equal(one, &turned(one, false)), "{one:?}");
        assert!(equal_as_sets(one, &turned(one, true)), "{one:?}");
    }
    if !matches!(one, Node::Array(_)) {
        assert!(equal_as_sets(one, &Node::Array(vec![one.clone(), one.clone()])), "{one:?}");
    }
}

fn patched(root: &Node, patch: &Node) {
    let result = root.clone().patched(patch.clone());
    let Node::Object(changes) = patch else { return assert_eq!(result, *patch) };
    if has_twins(root) || has_twins(patch) {
        return;
    }
    for (key, change) in changes {
        let now = at(&result, &[Step::Key(key.clone())]);
        match change {
            Node::Null => assert_eq!(now, None, "{root:?} {patch:?}"),
            Node::Object(_) => assert!(now.is_some(), "{root:?} {patch:?}"),
            other => assert_eq!(now, Some(other), "{root:?} {patch:?}"),
        }
    }
    if let Node::Object(members) = root {
        for (key, value) in members.iter().filter(|(key, _)| !changes.iter().any(|(c, _)| c == key))
        {
            assert_eq!(at(&result, &[Step::Key(key.clone())]), Some(value), "{root:?} {patch:?}");
        }
    }
    assert_eq!(result.clone().patched(patch.clone()), result, "{root:?} {patch:?}");
}

fn walked(text: &str, root: &Node) {
    let mut rows: Vec<Row> = Vec::new();
    tree(root, "$", &mut rows);
    assert_eq!(rows.len(), count(root), "{text:?}");
    for (id, row) in (0..).zip(&rows) {
        assert_eq!(row.id, id, "{text:?}");
        let parent = row.parent.and_then(|parent| rows.get(usize::try_from(parent).ok()?));
        assert_eq!(parent.map(|parent| &parent.fullkey), row.parent.map(|_| &row.path));
    }
    let below = |rows: &[Row]| -> Vec<(Option<String>, String, String)> {
        rows.iter().map(|row| (row.key.clone(), row.json(), row.fullkey.clone())).collect()
    };
    let (mut members, mut items) = (Vec::new(), Vec::new());
    each(root, "$", &mut members);
    elements(root, &mut items);
    if root.is_container() {
        let children: Vec<Row> = rows.iter().filter(|row| row.parent == Some(0)).cloned().collect();
        assert_eq!(below(&members), below(&children), "{text:?}");
    } else {
        assert_eq!(members, rows, "{text:?}");
    }
    assert_eq!(items.len(), if let Node::Array(items) = root { items.len() } else { 1 });
    if has_twins(root) {
        return;
    }
    for row in rows.iter().take(LOOKED_UP) {
        let steps = parse_path(&row.fullkey).expect("a walk gives paths");
        let found = raw_at(text, &steps).and_then(Node::read);
        assert_eq!(found.map(|node| node.json()), Some(row.json()), "{text:?} {}", row.fullkey);
        let keys: Vec<String> = steps.iter().map(Step::key).collect();
        assert_eq!(find_keys(text, &keys), find(text, &steps), "{text:?} {keys:?}");
    }
}
