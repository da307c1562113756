//! JSON with parts set, added, replaced or removed.
//!
//! Surprise: text is put in as a JSON string. To put in JSON, say so: `json_set(x, '$.a', json('[1]'))`.

use strataql_json::{Mode, Node, changing_path, parse_path};

use super::cell::{Answer, Cell, bad, json};
use super::doc::{FunctionDoc, Section};
use super::json::tree;
use super::scalar::{ANY, Memory, Returns, Scalar};

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
        root.put(&changing_path(&path)?, value_of(&pair[1]), mode);
    }
    Ok(json(root.json()))
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
        let Some(left) = root.without(&parse_path(&path)?) else { return Ok(Cell::Null) };
        root = left;
    }
    Ok(json(root.json()))
}

fn json_patch(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    Ok(match (tree(&cells[0])?, tree(&cells[1])?) {
        (Some(whole), Some(patch)) => json(whole.patched(patch).json()),
        _ => Cell::Null,
    })
}

const fn scalar(
    doc: FunctionDoc,
    arguments: (usize, usize),
    call: fn(&[Cell<'_>], &mut Memory) -> Answer,
) -> Scalar {
    Scalar { doc, arguments, returns: Returns::Json, strict: false, times: &[], call }
}

/// The functions of this file.
pub(super) static FUNCTIONS: &[Scalar] = &[
    scalar(
        FunctionDoc::new(
            Section::Json,
            ("json_set", &["jsonb_set"]),
            "json_set(x, path, value, …)",
            "The JSON with values set at paths, whether something is there or not. New objects and arrays are made on the way; `[#]` is the place after the last element. Text becomes a JSON string, a JSON value nests.",
            (
                r#"SELECT json_set('{"a": 1}', '$.a', 2, '$.b.c', json('[true]'))"#,
                r#"{"a":2,"b":{"c":[true]}}"#,
            ),
        ),
        (1, ANY),
        json_set,
    ),
    scalar(
        FunctionDoc::new(
            Section::Json,
            ("json_insert", &["jsonb_insert"]),
            "json_insert(x, path, value, …)",
            "The JSON with values added at paths where nothing is; what is there stays.",
            (r#"SELECT json_insert('{"a": [1]}', '$.a[#]', 2, '$.a[0]', 9)"#, r#"{"a":[1,2]}"#),
        ),
        (1, ANY),
        json_insert,
    ),
    scalar(
        FunctionDoc::new(
            Section::Json,
            ("json_replace", &["jsonb_replace"]),
            "json_replace(x, path, value, …)",
            "The JSON with values replaced at paths where something is; nothing is added.",
            (r#"SELECT json_replace('{"a": 1}', '$.a', NULL, '$.b', 2)"#, r#"{"a":null}"#),
        ),
        (1, ANY),
        json_replace,
    ),
    scalar(
        FunctionDoc::new(
            Section::Json,
            ("json_remove", &["jsonb_remove"]),
            "json_remove(x, path, …)",
            "The JSON without what is at the paths, one after the other. The path `$` gives NULL.",
            (r#"SELECT json_remove('{"a": [1, 2], "b": 3}', '$.b', '$.a[0]')"#, r#"{"a":[2]}"#),
        ),
        (1, ANY),
        json_remove,
    ),
    scalar(
        FunctionDoc::new(
            Section::Json,
            ("json_patch", &["jsonb_patch"]),
            "json_patch(x, patch)",
            "The JSON merged with a patch (RFC 7396): members of the patch replace those of the same name, `null` removes them, objects are merged.",
            (
                r#"SELECT json_patch('{"a": 1, "b": {"c": 2}}', '{"a": null, "b": {"d": 3}}')"#,
                r#"{"b":{"c":2,"d":3}}"#,
            ),
        ),
        (2, 2),
        json_patch,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn run(name: &str, arguments: &[&str]) -> String {
        let function = FUNCTIONS.iter().find(|one| one.doc.name == name).expect("known");
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
    fn arguments_are_values_and_paths() {
        for (name, arguments, wanted) in [
            ("json_set", &["{}", "$.a[0].b", "1"][..], r#"{"a":[{"b":1}]}"#),
            // text is a string, whatever it looks like
            ("json_set", &["{\"a\":1}", "$.a", "[1]"], r#"{"a":"[1]"}"#),
            // a path that is NULL is passed over, a value that is NULL is `null`
            ("json_set", &["{\"a\":1}", "NULL", "9", "$.b", "NULL"], r#"{"a":1,"b":null}"#),
            ("json_set", &["NULL", "$.a", "9"], "NULL"),
            ("json_insert", &["{\"a\":1}", "$.a", "9", "$.b", "9"], r#"{"a":1,"b":9}"#),
            ("json_replace", &["{\"a\":1}", "$.a", "9", "$.b", "9"], r#"{"a":9}"#),
            ("json_remove", &["[1,2,3]", "$[0]", "$[0]"], "[3]"),
            ("json_remove", &["[1,2,3]", "$[#-1]", "$[#]", "$[9]"], "[1,2]"),
            ("json_remove", &["{\"a\":1}", "$"], "NULL"),
            ("json_remove", &["{\"a\":1}", "NULL"], "NULL"),
            ("json_remove", &["{\"a\":1}"], r#"{"a":1}"#),
            ("json_patch", &["[1]", "{\"a\":{\"b\":null,\"c\":1}}"], r#"{"a":{"c":1}}"#),
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
