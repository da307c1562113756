//! Values of native resources: in SQL, laid over each other, compared.

use serde_json::Value as Json;

use crate::template::json::{plain, structured};
use crate::verdict;

/// A name in SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A value in SQL.
pub(super) fn literal(value: &Json) -> String {
    match value {
        Json::Null => "NULL".to_owned(),
        Json::Bool(flag) => flag.to_string(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => format!("'{}'", text.replace('\'', "''")),
        tree => format!("JSON('{}')", tree.to_string().replace('\'', "''")),
    }
}

/// The declared members laid over those that are there, so that a service that replaces objects keeps
/// the others.
pub(super) fn over(base: Option<&Json>, declared: &Json) -> Json {
    let base = match base {
        Some(Json::String(text)) => structured(text),
        other => other.cloned(),
    };
    match (base, declared) {
        (Some(Json::Object(mut base)), Json::Object(declared)) => {
            for (name, value) in declared {
                let merged = over(base.get(name), value);
                base.insert(name.clone(), merged);
            }
            base.retain(|_, value| !value.is_null());
            Json::Object(base)
        }
        _ => declared.clone(),
    }
}

/// Reports where a declared value differs from what is there.
pub(super) fn compare(
    path: &str,
    declared: &Json,
    observed: &Json,
    report: &mut dyn FnMut(&str, &Json, &Json),
) {
    match (declared, observed) {
        (Json::Object(declared), Json::Object(observed)) => {
            for (name, value) in declared {
                let found = observed.get(name).unwrap_or(&Json::Null);
                compare(&format!("{path}.{name}"), value, found, report);
            }
        }
        (Json::Array(wanted), Json::Array(found)) if wanted.len() == found.len() => {
            let differs = |(wanted, found): (&Json, &Json)| {
                let mut differs = false;
                compare("", wanted, found, &mut |_, _, _| differs = true);
                differs
            };
            if wanted.iter().zip(found).any(differs) && !is_same_set(wanted, found) {
                report(path, observed, declared);
            }
        }
        // what is not there and nothing are the same
        (Json::Null, _) if verdict::is_nothing(observed) => {}
        (Json::Array(items), Json::Null) if items.is_empty() => {}
        (Json::Object(members), Json::Null) if members.is_empty() => {}
        _ if plain(declared) == plain(observed) && !observed.is_null() => {}
        _ => report(path, observed, declared),
    }
}

/// True for lists of plain values that differ in their order only.
fn is_same_set(wanted: &[Json], found: &[Json]) -> bool {
    let sorted = |items: &[Json]| {
        let mut texts: Vec<String> = items.iter().map(plain).collect();
        texts.sort();
        texts
    };
    let is_plain = |items: &[Json]| items.iter().all(|item| !item.is_object() && !item.is_array());
    is_plain(wanted) && is_plain(found) && sorted(wanted) == sorted(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn differences(declared: Json, observed: Json) -> Vec<String> {
        let mut paths = Vec::new();
        compare("a", &declared, &observed, &mut |path, _, _| paths.push(path.to_owned()));
        paths
    }

    #[test]
    fn only_declared_fields_are_compared() {
        assert!(differences(json!({"b": 1}), json!({"b": "1", "c": 2})).is_empty());
        assert_eq!(differences(json!({"b": {"c": 1}}), json!({"b": {"c": 2}})), ["a.b.c"]);
        assert!(differences(json!(["x", "y"]), json!(["y", "x"])).is_empty());
        assert_eq!(differences(json!(["x"]), json!(["x", "y"])), ["a"]);
        assert!(differences(json!(true), json!("true")).is_empty());
        assert_eq!(differences(json!("x"), json!(null)), ["a"]);
        assert!(differences(json!([]), json!(null)).is_empty());
    }

    #[test]
    fn values_are_literals() {
        assert_eq!(literal(&json!("O'Brien")), "'O''Brien'");
        assert_eq!(literal(&json!({"a": "it's"})), "JSON('{\"a\":\"it''s\"}')");
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(
            over(Some(&json!("{\"a\":1,\"b\":null}")), &json!({"c": 2})),
            json!({"a": 1, "c": 2})
        );
    }
}
