//! Equality of JSON values, and whether one contains another.

use strataql_json::{Node, contains, equal, equal_as_sets};

use super::cell::{Answer, Cell};
use super::doc::{Example, FunctionDoc, Section};
use super::scalar::{Memory, Returns, Scalar};

/// The tree of an object or an array.
fn container(cell: &Cell<'_>) -> Option<Node> {
    Node::read(&cell.text()?).filter(Node::is_container)
}

/// Compares two containers; anything else cannot be compared.
fn compared(cells: &[Cell<'_>], are_equal: fn(&Node, &Node) -> bool) -> Answer {
    Ok(match (container(&cells[0]), container(&cells[1])) {
        (Some(one), Some(other)) => Cell::Boolean(are_equal(&one, &other)),
        _ => Cell::Null,
    })
}

fn json_equal(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    compared(cells, equal)
}

fn aws_policy_equal(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    compared(cells, equal_as_sets)
}

fn json_contains(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    let read = |cell: &Cell<'_>| Node::read_or_text(&cell.text().unwrap_or_default());
    Ok(Cell::Boolean(contains(&read(&cells[0])?, &read(&cells[1])?)))
}

/// `json_contains`, which is also an operator.
pub(super) static CONTAINS: &Scalar = &Scalar {
    doc: FunctionDoc {
        name: "json_contains",
        aliases: &["jsonb_contains"],
        section: Section::Json,
        syntax: "json_contains(x, y)",
        text: "True if a JSON value has all of another in it: the members of an object, the elements of an array in any order, at every level. The same as `x @> y`.",
        example: Example {
            sql: r#"SELECT json_contains('{"a": 1, "tags": ["x", "y"]}', '{"tags": ["y"]}'), '[1, 2]' @> '[3]'"#,
            rows: "true | false",
        },
    },
    arguments: (2, 2),
    returns: Returns::Boolean,
    strict: true,
    times: &[],
    call: json_contains,
};

/// The other functions of this file.
pub(super) static FUNCTIONS: &[Scalar] = &[
    Scalar {
        doc: FunctionDoc {
            name: "json_equal",
            aliases: &[],
            section: Section::Json,
            syntax: "json_equal(x, y)",
            text: "True if two JSON objects or arrays are equal: the order of keys, white space and the spelling of numbers do not matter, the order of array elements does. NULL for anything but objects and arrays.",
            example: Example {
                sql: r#"SELECT json_equal('{"a": 1, "b": [1, 2]}', '{"b": [1, 2], "a": 1.0}'), json_equal('[1, 2]', '[2, 1]')"#,
                rows: "true | false",
            },
        },
        arguments: (2, 2),
        returns: Returns::Boolean,
        strict: true,
        times: &[],
        call: json_equal,
    },
    Scalar {
        doc: FunctionDoc {
            name: "aws_policy_equal",
            aliases: &[],
            section: Section::Json,
            syntax: "aws_policy_equal(x, y)",
            text: "True if two AWS policy documents mean the same as far as their form tells: arrays are sets, a single value is an array of one, the order of keys does not matter. NULL for anything but objects and arrays.",
            example: Example {
                sql: r#"SELECT aws_policy_equal('{"Action": "s3:Get*"}', '{"Action": ["s3:Get*"]}')"#,
                rows: "true",
            },
        },
        arguments: (2, 2),
        returns: Returns::Boolean,
        strict: true,
        times: &[],
        call: aws_policy_equal,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn both(one: &str, other: &str) -> (Cell<'static>, Cell<'static>) {
        let cells = [Cell::Text(one.into()), Cell::Text(other.into())];
        let mut memory = Memory::default();
        (json_equal(&cells, &mut memory).unwrap(), aws_policy_equal(&cells, &mut memory).unwrap())
    }

    #[test]
    fn only_containers_are_compared() {
        let (yes, no) = (Cell::Boolean(true), Cell::Boolean(false));
        assert_eq!(both("[2, 1]", "[1, 2]"), (no, yes));
        for (one, other) in [("1", "1"), ("{", "{}"), ("[1]", "1"), ("[]", "no json")] {
            assert_eq!(both(one, other), (Cell::Null, Cell::Null), "{one} and {other}");
        }
    }
}
