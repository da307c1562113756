//! Methods of values that templates for Jinja call: `x.items()`, `text.split(",")`.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, State, Value};
use serde_json::Value as Json;

use super::json::{from_template, text_of, to_template};

/// Calls a method.
pub(super) fn call(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let unknown = || Err(Error::from(ErrorKind::UnknownMethod));
    let argument = |at: usize| args.get(at).map(text_of);
    if value.kind() == ValueKind::Map {
        let Json::Object(members) = from_template(value) else { return unknown() };
        return Ok(match method {
            "items" => pairs(value),
            "keys" => to_template(&members.keys().cloned().collect()),
            "values" => to_template(&members.values().cloned().collect()),
            "get" => argument(0)
                .and_then(|key| members.get(&key).map(to_template))
                .or_else(|| args.get(1).cloned())
                .unwrap_or_else(|| Value::from(())),
            _ => return unknown(),
        });
    }
    if value.kind() != ValueKind::String {
        return unknown();
    }
    let text = text_of(value);
    let strip = argument(0).unwrap_or_else(|| " \t\r\n".to_owned());
    let set = |c: char| strip.contains(c);
    Ok(match (method, args.len()) {
        ("split", _) => {
            let mut all = vec![value.clone()];
            all.extend(args.iter().cloned());
            return state.apply_filter("split", &all);
        }
        ("replace", 2) => {
            let (from, to) = (argument(0).unwrap_or_default(), argument(1).unwrap_or_default());
            Value::from(text.replace(&from, &to))
        }
        ("upper", 0) => Value::from(text.to_uppercase()),
        ("lower", 0) => Value::from(text.to_lowercase()),
        ("strip", _) => Value::from(text.trim_matches(set)),
        ("lstrip", _) => Value::from(text.trim_start_matches(set)),
        ("rstrip", _) => Value::from(text.trim_end_matches(set)),
        ("startswith", 1) => Value::from(text.starts_with(&argument(0).unwrap_or_default())),
        ("endswith", 1) => Value::from(text.ends_with(&argument(0).unwrap_or_default())),
        ("join", 1) => {
            let items = args.first().and_then(|items| items.try_iter().ok());
            let items: Vec<String> =
                items.into_iter().flatten().map(|item| text_of(&item)).collect();
            Value::from(items.join(&text))
        }
        _ => return unknown(),
    })
}

/// The members of an object as pairs; a list as it is.
pub(super) fn pairs(value: &Value) -> Value {
    match from_template(value) {
        Json::Object(members) => to_template(&Json::Array(
            members
                .into_iter()
                .map(|(key, value)| Json::Array(vec![Json::String(key), value]))
                .collect(),
        )),
        _ => value.clone(),
    }
}
