//! Lists and objects that print as compact JSON.
//!
//! Owns: the form in which manifest values, exports and file contents enter a template, and back.
//! Surprise: a list or an object interpolates as the JSON text that the reference tool keeps in its
//! place, and still has members, items and a length.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};
use serde_json::Value as Json;

/// A list or an object of a manifest.
#[derive(Debug)]
struct Tree(Json);

impl Object for Tree {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        if self.0.is_array() { ObjectRepr::Seq } else { ObjectRepr::Map }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match &self.0 {
            Json::Array(items) => items.get(key.as_usize()?).map(to_template),
            Json::Object(members) => members.get(key.as_str()?).map(to_template),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match &self.0 {
            Json::Array(items) => Enumerator::Seq(items.len()),
            Json::Object(members) => {
                Enumerator::Values(members.keys().map(|key| Value::from(key.as_str())).collect())
            }
            _ => Enumerator::Empty,
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A value for templates.
pub(crate) fn to_template(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(flag) => Value::from(*flag),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Value::from(whole),
            (None, Some(whole)) => Value::from(whole),
            (None, None) => Value::from(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::from(text.as_str()),
        tree @ (Json::Array(_) | Json::Object(_)) => Value::from_object(Tree(tree.clone())),
    }
}

/// The value of a template as JSON; members that are undefined are left out.
pub(crate) fn from_template(value: &Value) -> Json {
    if let Some(tree) = value.downcast_object_ref::<Tree>() {
        return tree.0.clone();
    }
    match value.kind() {
        ValueKind::Map => {
            let mut members = serde_json::Map::new();
            for key in value.try_iter().into_iter().flatten() {
                match value.get_item(&key) {
                    Ok(member) if !member.is_undefined() => {
                        members.insert(text_of(&key), from_template(&member));
                    }
                    _ => {}
                }
            }
            Json::Object(members)
        }
        ValueKind::Seq | ValueKind::Iterable => {
            Json::Array(value.try_iter().into_iter().flatten().map(|i| from_template(&i)).collect())
        }
        ValueKind::Undefined | ValueKind::None => Json::Null,
        ValueKind::Bool => Json::Bool(value.is_true()),
        ValueKind::Number => serde_json::to_value(value).unwrap_or(Json::Null),
        _ => Json::String(value.to_string()),
    }
}

/// How a value stands in a rendered text: compact JSON, bare words, nothing for null.
pub(crate) fn text_of(value: &Value) -> String {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => String::new(),
        ValueKind::Bool => value.is_true().to_string(),
        ValueKind::Map | ValueKind::Seq | ValueKind::Iterable => from_template(value).to_string(),
        _ => value.to_string(),
    }
}

/// How a JSON value stands in a rendered text.
pub(crate) fn plain(json: &Json) -> String {
    match json {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The list or object that a text holds as JSON, if it holds one.
pub(crate) fn structured(text: &str) -> Option<Json> {
    let trimmed = text.trim();
    if !(trimmed.starts_with('{') || trimmed.starts_with('[')) {
        return None;
    }
    serde_json::from_str(trimmed).ok()
}
