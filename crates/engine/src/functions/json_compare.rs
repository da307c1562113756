//! Equality of JSON values.
//!
//! Surprise: both functions compare canonical texts, so the work is linear even for deep values.

use super::about::{About, Example, Section};
use super::cell::{Answer, Cell, quoted, real_text};
use super::json_node::Node;
use super::scalar::{Memory, Returns, Scalar};

/// How arrays are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrays {
    Ordered,
    /// As sets, a lone value being a set of one.
    Sets,
}

fn canonical(node: &Node, arrays: Arrays) -> String {
    match node {
        Node::Array(_) if arrays == Arrays::Sets => set(node),
        Node::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| canonical(item, arrays)).collect();
            format!("[{}]", items.join(","))
        }
        Node::Object(members) => {
            let members: std::collections::BTreeMap<&str, String> = members
                .iter()
                .map(|(key, value)| {
                    let value = match arrays {
                        Arrays::Ordered => canonical(value, arrays),
                        Arrays::Sets => set(value),
                    };
                    (key.as_str(), value)
                })
                .collect();
            let members: Vec<String> =
                members.iter().map(|(key, value)| format!("{}:{value}", quoted(key))).collect();
            format!("{{{}}}", members.join(","))
        }
        Node::Number(raw) => number(raw),
        other => other.json(),
    }
}

/// A value as the set of its elements.
fn set(node: &Node) -> String {
    let mut items: Vec<String> = match node {
        Node::Array(items) => items.iter().map(|item| canonical(item, Arrays::Sets)).collect(),
        other => vec![canonical(other, Arrays::Sets)],
    };
    items.sort();
    items.dedup();
    format!("[{}]", items.join(","))
}

/// Numbers that are equal get one spelling, as far as a float can tell.
fn number(raw: &str) -> String {
    if let Ok(whole) = raw.parse::<i128>() {
        return whole.to_string();
    }
    match raw.parse::<f64>() {
        // whole and small enough to be exact: the same as the integer
        Ok(real) if real.fract() == 0.0 && real.abs() < 9.0e15 => format!("{real:.0}"),
        Ok(real) => real_text(real),
        Err(_) => raw.to_owned(),
    }
}

/// The tree of an object or an array.
fn container(cell: &Cell<'_>) -> Option<Node> {
    Node::read(&cell.text()?).filter(Node::is_container)
}

fn json_equal(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    Ok(match (container(&cells[0]), container(&cells[1])) {
        (Some(one), Some(other)) => {
            Cell::Boolean(canonical(&one, Arrays::Ordered) == canonical(&other, Arrays::Ordered))
        }
        _ => Cell::Null,
    })
}

fn aws_policy_equal(cells: &[Cell<'_>], _memory: &mut Memory) -> Answer {
    Ok(match (container(&cells[0]), container(&cells[1])) {
        (Some(one), Some(other)) => Cell::Boolean(set(&one) == set(&other)),
        _ => Cell::Null,
    })
}

/// The functions of this file.
pub(super) static FUNCTIONS: &[Scalar] = &[
    Scalar {
        about: About {
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
        time: None,
        call: json_equal,
    },
    Scalar {
        about: About {
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
        time: None,
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
    fn equality_is_by_meaning() {
        let (yes, no) = (Cell::Boolean(true), Cell::Boolean(false));
        for (one, other, json, policy) in [
            (r#"{"a":1,"b":2}"#, r#" {"b": 2, "a": 1.0} "#, &yes, &yes),
            ("[1,2]", "[2,1]", &no, &yes),
            ("[1,1]", "[1]", &no, &yes),
            (r#"{"A":"x"}"#, r#"{"A":["x"]}"#, &no, &yes),
            (r#"{"S":{"A":"x"}}"#, r#"{"S":[{"A":["x"]}]}"#, &no, &yes),
            (r#"{"C":{"P":{"k":["b","a"]}}}"#, r#"{"C":{"P":{"k":["a","b"]}}}"#, &no, &yes),
            (r#"{"A":"x"}"#, r#"{"A":"y"}"#, &no, &no),
            ("[\"1\"]", "[1]", &no, &no),
            ("{}", "[]", &no, &no),
            ("[10000000000000000000001]", "[10000000000000000000002]", &no, &no),
            ("{}", "{}", &yes, &yes),
        ] {
            assert_eq!(both(one, other), (json.clone(), policy.clone()), "{one} and {other}");
        }
        assert_eq!(both("1", "1"), (Cell::Null, Cell::Null));
        assert_eq!(both("{", "{}"), (Cell::Null, Cell::Null));
    }
}
