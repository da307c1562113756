//! JSON functions with a fixed result type.

use std::borrow::Cow;

use strataql_json::{Found, Node, compact, find_keys, pretty, quoted, raw_at};

use super::cell::{Answer, Cell, bad, json, text};
use super::doc::{FunctionDoc, Section};
use super::scalar::{ANY, Memory, Returns, Scalar, text_of};

/// The JSON of an argument as a tree. Text that is no object or array and no JSON is a string, as
/// nested columns hold it.
pub(super) fn tree(cell: &Cell<'_>) -> Result<Option<Node>, Box<strataql_diag::Report>> {
    Ok(match cell {
        Cell::Null => None,
        Cell::Boolean(flag) => Some(Node::Boolean(*flag)),
        Cell::Integer(_) | Cell::Real(_) => Some(Node::Number(cell.json())),
        other => Some(Node::read_or_text(&other.text().unwrap_or_default())?),
    })
}

/// The part of an argument that the path argument names, if there is one.
fn part<'a>(
    cells: &'a [Cell<'_>],
    memory: &mut Memory,
) -> Result<Option<Cow<'a, str>>, Box<strataql_diag::Report>> {
    let whole = match &cells[0] {
        Cell::Text(text) | Cell::Json(text) => Cow::Borrowed(text.as_ref()),
        other => Cow::Owned(other.json()),
    };
    let Some(path) = cells.get(1) else { return Ok(Some(whole)) };
    let Some(path) = path.text() else { return Ok(None) };
    let steps = memory.path(&path)?;
    Ok(raw_at(&whole, steps).map(|raw| Cow::Owned(raw.to_owned())))
}

fn make_json(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    match &cells[0] {
        Cell::Text(raw) | Cell::Json(raw) => {
            Node::require(raw)?;
            Ok(json(compact(raw)))
        }
        other => Ok(json(other.json())),
    }
}

fn json_pretty(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    let indent = match cells.get(1) {
        None | Some(Cell::Null) => Cow::Borrowed("    "),
        Some(_) => text_of(cells, 1),
    };
    if !indent.bytes().all(|byte| matches!(byte, b' ' | b'\t')) {
        return Err(bad(
            "the second argument of `json_pretty` would make something else than JSON".to_owned(),
            "indent with blanks or tabs",
        ));
    }
    Ok(match &cells[0] {
        Cell::Null => Cell::Null,
        Cell::Text(raw) | Cell::Json(raw) => {
            Node::require(raw)?;
            json(pretty(raw, &indent))
        }
        other => json(other.json()),
    })
}

fn json_valid(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    Ok(Cell::Boolean(match &cells[0] {
        Cell::Text(text) | Cell::Json(text) => Node::read(text).is_some(),
        Cell::Blob(_) => false,
        _ => true,
    }))
}

fn json_type(cells: &[Cell<'_>], memory: &mut Memory) -> Answer {
    let Some(part) = part(cells, memory)? else { return Ok(Cell::Null) };
    Ok(tree(&Cell::Text(part))?.map_or(Cell::Null, |node| text(node.kind())))
}

/// `PostgreSQL` has other names for some types.
fn json_typeof(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    Ok(tree(&cells[0])?.map_or(Cell::Null, |node| {
        text(match node.kind() {
            "true" | "false" => "boolean",
            "integer" | "real" => "number",
            "text" => "string",
            other => other,
        })
    }))
}

fn json_array_length(cells: &[Cell<'_>], memory: &mut Memory) -> Answer {
    let Some(part) = part(cells, memory)? else { return Ok(Cell::Null) };
    Ok(match tree(&Cell::Text(part))? {
        Some(Node::Array(items)) => Cell::Integer(i64::try_from(items.len()).unwrap_or(i64::MAX)),
        _ => Cell::Integer(0),
    })
}

fn json_quote(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    Ok(json(cells[0].json()))
}

fn json_array(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    let items: Vec<String> = cells.iter().map(Cell::json).collect();
    Ok(json(format!("[{}]", items.join(","))))
}

fn json_object(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    if !cells.len().is_multiple_of(2) {
        return Err(bad(
            "`json_object` has a key without a value".to_owned(),
            "give keys and values in turn: `json_object('a', 1, 'b', 2)`",
        ));
    }
    let mut members = Vec::new();
    for pair in cells.chunks_exact(2) {
        members.push(member(&pair[0], &pair[1])?);
    }
    Ok(json(format!("{{{}}}", members.join(","))))
}

/// `"key":value`.
pub(super) fn member(
    key: &Cell<'_>,
    value: &Cell<'_>,
) -> Result<String, Box<strataql_diag::Report>> {
    let Some(key) = key.text() else {
        return Err(bad(
            "a key of a JSON object is NULL".to_owned(),
            "give it a name with `coalesce(key, '…')`",
        ));
    };
    Ok(format!("{}:{}", quoted(&key), value.json()))
}

fn json_extract_path_text(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    let keys: Vec<String> =
        cells[1..].iter().map(|key| key.text().unwrap_or_default().into_owned()).collect();
    let found = find_keys(&text_of(cells, 0), &keys).map(Found::into_compact_text);
    Ok(found.map_or(Cell::Null, text))
}

/// The functions of this file.
pub(super) static FUNCTIONS: &[Scalar] = &[
    Scalar {
        doc: FunctionDoc::new(
            Section::Json,
            ("json", &["jsonb"]),
            "json(x)",
            "Checks that a text is JSON and gives it without white space between its tokens. Anything but JSON is an error. `x::json` and `x::jsonb` mean the same; there is no binary form.",
            (r#"SELECT json('{"a": [1, 2]}') AS j"#, r#"{"a":[1,2]}"#),
        ),
        arguments: (1, 1),
        returns: Returns::SameJson,
        strict: true,
        times: &[],
        call: make_json,
    },
    Scalar {
        doc: FunctionDoc::new(
            Section::Json,
            ("json_pretty", &["jsonb_pretty"]),
            "json_pretty(x[, indent])",
            "JSON with a line for each member and element, indented by four blanks or by the blanks or tabs of the second argument. Anything but JSON is an error.",
            (
                r#"SELECT json_pretty('{"a":[1,{}]}', '  ')"#,
                "{\n  \"a\": [\n    1,\n    {}\n  ]\n}",
            ),
        ),
        arguments: (1, 2),
        returns: Returns::Json,
        strict: false,
        times: &[],
        call: json_pretty,
    },
    Scalar {
        doc: FunctionDoc::new(
            Section::Json,
            ("json_valid", &[]),
            "json_valid(x)",
            "True if a text is JSON.",
            (r#"SELECT json_valid('[1]'), json_valid('[1')"#, "true | false"),
        ),
        arguments: (1, 1),
        returns: Returns::Boolean,
        strict: true,
        times: &[],
        call: json_valid,
    },
    Scalar {
        doc: FunctionDoc::new(
            Section::Json,
            ("json_type", &[]),
            "json_type(x[, path])",
            "The type of a JSON value: `null`, `true`, `false`, `integer`, `real`, `text`, `array` or `object`. NULL if nothing is at the path.",
            (r#"SELECT json_type('{"a": [1.5]}', '$.a[0]')"#, "real"),
        ),
        arguments: (1, 2),
        returns: Returns::Text,
        strict: true,
        times: &[],
        call: json_type,
    },
    Scalar {
        doc: FunctionDoc::new(
            Section::Json,
            ("json_typeof", &["jsonb_typeof"]),
            "json_typeof(x)",
            "The type of a JSON value by its PostgreSQL name: `null`, `boolean`, `number`, `string`, `array` or `object`.",
            (r#"SELECT json_typeof('[1]'), json_typeof('1.5')"#, "array | number"),
        ),
        arguments: (1, 1),
        returns: Returns::Text,
        strict: true,
        times: &[],
        call: json_typeof,
    },
    Scalar {
        doc: FunctionDoc::new(
            Section::Json,
            ("json_array_length", &["jsonb_array_length"]),
            "json_array_length(x[, path])",
            "The number of elements of a JSON array; 0 for anything else, NULL if nothing is at the path.",
            (r#"SELECT json_array_length('{"a": [1, 2]}', '$.a')"#, "2"),
        ),
        arguments: (1, 2),
        returns: Returns::Integer,
        strict: true,
        times: &[],
        call: json_array_length,
    },
    Scalar {
        doc: FunctionDoc::new(
            Section::Json,
            ("json_quote", &["to_json", "to_jsonb"]),
            "json_quote(x)",
            "A value as JSON: text in quotes, numbers, booleans and JSON as they are, NULL as `null`.",
            (r#"SELECT json_quote('say "hi"'), json_quote(1.5)"#, r#""say \"hi\"" | 1.5"#),
        ),
        arguments: (1, 1),
        returns: Returns::Json,
        strict: false,
        times: &[],
        call: json_quote,
    },
    Scalar {
        doc: FunctionDoc::new(
            Section::Json,
            ("json_array", &["json_build_array", "jsonb_array", "jsonb_build_array"]),
            "json_array(x, …)",
            "A JSON array of the arguments. JSON arguments nest, text is quoted.",
            (r#"SELECT json_array(1, 'a', NULL, json('[2]'))"#, r#"[1,"a",null,[2]]"#),
        ),
        arguments: (0, ANY),
        returns: Returns::Json,
        strict: false,
        times: &[],
        call: json_array,
    },
    Scalar {
        doc: FunctionDoc::new(
            Section::Json,
            ("json_object", &["json_build_object", "jsonb_build_object", "jsonb_object"]),
            "json_object(key, value, …)",
            "A JSON object of keys and values in turn. A NULL key is an error.",
            (r#"SELECT json_object('a', 1, 'b', json_array(true))"#, r#"{"a":1,"b":[true]}"#),
        ),
        arguments: (0, ANY),
        returns: Returns::Json,
        strict: false,
        times: &[],
        call: json_object,
    },
    Scalar {
        doc: FunctionDoc::new(
            Section::Json,
            ("json_extract_path_text", &["jsonb_extract_path_text"]),
            "json_extract_path_text(x, key, …)",
            "The value at a path of keys, as text; a number is an element of an array, counted from the end if negative. NULL if nothing is there.",
            (r#"SELECT json_extract_path_text('{"a": [{"b": "x"}]}', 'a', '0', 'b')"#, "x"),
        ),
        arguments: (1, ANY),
        returns: Returns::Text,
        strict: true,
        times: &[],
        call: json_extract_path_text,
    },
];
