//! `merge` of props.

use serde_json::Value as Json;

/// The items of both lists, each once, in the order in which they first appear.
pub(crate) fn lists(mut first: Vec<Json>, second: Vec<Json>) -> Vec<Json> {
    for item in second {
        if !first.contains(&item) {
            first.push(item);
        }
    }
    first
}

/// One value laid over another: lists are joined, members of the second object win.
///
/// # Errors
/// What the two are, when they do not fit.
pub(crate) fn values(base: Option<Json>, over: Json) -> Result<Json, String> {
    match (base, over) {
        (None | Some(Json::Null), over) => Ok(over),
        (Some(Json::Array(first)), Json::Array(second)) => Ok(Json::Array(lists(first, second))),
        (Some(Json::Object(mut first)), Json::Object(second)) => {
            first.extend(second);
            Ok(Json::Object(first))
        }
        (Some(base), over) => Err(format!("{} and {}", kind(&base), kind(&over))),
    }
}

/// What a value is, in words.
pub(crate) fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}
