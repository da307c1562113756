//! Equality of JSON values.
//!
//! Surprise: both functions compare canonical texts, so that objects need no search for every key.

use std::collections::BTreeMap;

use crate::node::{Node, quoted};

/// How arrays are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrays {
    Ordered,
    /// As sets, a lone value being a set of one.
    Sets,
}

/// True if two values are the same: the order of keys and the spelling of numbers do not matter.
pub fn equal(one: &Node, other: &Node) -> bool {
    canonical(one, Arrays::Ordered) == canonical(other, Arrays::Ordered)
}

/// As [`equal`], where arrays are sets, and a value alone is an array of one.
pub fn equal_as_sets(one: &Node, other: &Node) -> bool {
    set(one) == set(other)
}

/// True if a value holds another as PostgreSQL's `@>` has it: an object has its members, an array its
/// elements in any order and number, and a lone scalar is an element of an array.
pub fn contains(whole: &Node, part: &Node) -> bool {
    match (whole, part) {
        (Node::Array(items), part) if !part.is_container() => {
            items.iter().any(|item| equal(item, part))
        }
        _ => holds(whole, part),
    }
}

fn holds(whole: &Node, part: &Node) -> bool {
    match (whole, part) {
        (Node::Object(whole), Node::Object(part)) => part
            .iter()
            .all(|(key, part)| whole.iter().any(|(name, whole)| name == key && holds(whole, part))),
        (Node::Array(whole), Node::Array(part)) => {
            part.iter().all(|part| whole.iter().any(|whole| holds(whole, part)))
        }
        (whole, part) => equal(whole, part),
    }
}

fn canonical(node: &Node, arrays: Arrays) -> String {
    match node {
        Node::Array(_) if arrays == Arrays::Sets => set(node),
        Node::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| canonical(item, arrays)).collect();
            format!("[{}]", items.join(","))
        }
        Node::Object(members) => {
            let members: BTreeMap<&str, String> = members
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
        // zero has two signs as a float
        Ok(0.0) => "0".to_owned(),
        // whole and small enough to be exact: the same as the integer
        Ok(real) if real.fract() == 0.0 && real.abs() < 9.0e15 => format!("{real:.0}"),
        Ok(real) if real.is_finite() => format!("{real:?}"),
        // more than a float can hold
        _ => raw.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_contains_its_parts() {
        for (whole, part, wanted) in [
            (r#"{"a":1,"b":{"c":[1,2]}}"#, r#"{"b":{"c":[2]}}"#, true),
            ("[1,[2,3]]", "[[3]]", true),
            ("[1,2]", "[2,2,1]", true),
            ("[1,2]", "1.0", true),
            ("[[1]]", "1", false),
            (r#"{"a":1}"#, r#"{"a":2}"#, false),
            (r#"{"a":[1]}"#, r#"{"a":1}"#, false),
            ("[]", "{}", false),
            ("{}", "{}", true),
        ] {
            let trees = (Node::read(whole).unwrap(), Node::read(part).unwrap());
            assert_eq!(contains(&trees.0, &trees.1), wanted, "{whole} @> {part}");
        }
    }

    #[test]
    fn equality_is_by_meaning() {
        for (one, other, same, same_sets) in [
            (r#"{"a":1,"b":2}"#, r#" {"b": 2, "a": 1.0} "#, true, true),
            ("[1,2]", "[2,1]", false, true),
            ("[1,1]", "[1]", false, true),
            (r#"{"A":"x"}"#, r#"{"A":["x"]}"#, false, true),
            (r#"{"S":{"A":"x"}}"#, r#"{"S":[{"A":["x"]}]}"#, false, true),
            (r#"{"C":{"P":{"k":["b","a"]}}}"#, r#"{"C":{"P":{"k":["a","b"]}}}"#, false, true),
            (r#"{"A":"x"}"#, r#"{"A":"y"}"#, false, false),
            ("[\"1\"]", "[1]", false, false),
            ("{}", "[]", false, false),
            ("[10000000000000000000001]", "[10000000000000000000002]", false, false),
            ("{}", "{}", true, true),
            ("[0,1e3]", "[-0.0,1000]", true, true),
            ("[1e400]", "[1e401]", false, false),
        ] {
            let trees = (Node::read(one).unwrap(), Node::read(other).unwrap());
            assert_eq!(equal(&trees.0, &trees.1), same, "{one} and {other}");
            assert_eq!(equal_as_sets(&trees.0, &trees.1), same_sets, "{one} and {other}");
        }
    }
}
