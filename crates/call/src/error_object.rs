//! Error objects: which keys make an object the report of an error instead of an object of the API.
//!
//! Owns: the one list of such keys, and which of their values say nothing.
//! Refuses: what follows from it; whoever reads the answer decides, and knows which keys are documented.
//! Surprise: `__type` also names the type of an object that is no error.

use serde_json::{Map, Value as Json};

/// What a key would be in an error object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Not at all.
    Neutral,
    /// It stands in error objects and in others (`message`, `id`).
    Common,
    /// It names an error.
    Error,
}

impl Tone {
    pub(crate) fn of(key: &str) -> Self {
        match key {
            "error" | "errors" | "Error" | "Errors" | "error_code" | "errorCode" | "ErrorCode"
            | "error_message" | "errorMessage" | "errorMessages" | "ErrorMessage"
            | "error_description" | "errorSummary" | "errorCauses" | "error_type" | "errorType"
            | "fault" | "Fault" | "faultstring" | "exception" => Self::Error,
            "code" | "Code" | "message" | "Message" | "status" | "statusCode" | "status_code"
            | "detail" | "details" | "reason" | "title" | "type" | "id" | "name" | "index"
            | "key" => Self::Common,
            _ => Self::Neutral,
        }
    }
}

/// The key by which an object says that it is an error; `is_known` tells the keys that its document has.
pub(crate) fn error_key(
    fields: &Map<String, Json>,
    is_known: impl Fn(&str) -> bool,
) -> Option<&str> {
    let is_error = |key: &str, value: &Json| match key {
        "__type" => is_error_type(value),
        key => Tone::of(key) == Tone::Error && says_something(value) && !is_known(key),
    };
    fields.iter().find(|(key, value)| is_error(key, value)).map(|(key, _)| key.as_str())
}

/// False for values that stand where there is no error: `null`, `false`, zero, and what is empty.
pub(crate) fn says_something(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => false,
        Json::Bool(true) => true,
        Json::Number(number) => number.as_f64() != Some(0.0),
        Json::String(text) => !text.is_empty(),
        Json::Array(items) => !items.is_empty(),
        Json::Object(fields) => !fields.is_empty(),
    }
}

/// [`says_something`] of JSON text.
pub(crate) fn text_says_something(value: &[u8]) -> bool {
    let is_empty = matches!(value, b"null" | b"false" | b"0")
        || value.iter().all(|byte| b"[]{}\" \t\r\n".contains(byte));
    !is_empty
}

fn is_error_type(value: &Json) -> bool {
    let text = value.as_str().unwrap_or_default();
    text.ends_with("Exception") || text.ends_with("Error") || text.ends_with("Fault")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(object: &Json, expected: Option<&str>) {
        let fields = object.as_object().expect("an object");
        assert_eq!(error_key(fields, |key| key == "exception"), expected, "{object}");
        for value in fields.values() {
            let text = value.to_string();
            assert_eq!(text_says_something(text.as_bytes()), says_something(value), "{text}");
        }
    }

    #[test]
    fn an_object_with_an_error_is_one() {
        check(&json!({"error": {"code": 5}}), Some("error"));
        check(&json!({"id": "x", "errorMessages": ["no"]}), Some("errorMessages"));
        check(&json!({"__type": "com.amazon#ResourceNotFoundException"}), Some("__type"));
        check(&json!({"error_code": 7}), Some("error_code"));
    }

    #[test]
    fn a_key_that_says_nothing_or_is_documented_is_none() {
        for value in [json!(null), json!(false), json!(0), json!(""), json!([]), json!({})] {
            check(&json!({"id": "x", "error": value, "errors": value}), None);
        }
        check(&json!({"id": "x", "message": "hello"}), None);
        check(&json!({"id": "x", "exception": "of the rule"}), None);
        check(&json!({"__type": "com.amazon#Table"}), None);
    }
}
