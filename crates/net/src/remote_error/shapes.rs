//! Error objects in JSON, by their shape.
//!
//! Owns: where services put code, message, details and request id.
//! Surprise: details are read too. `Validation failed` says nothing without the field that follows in
//! a list beside it.

use serde_json::{Map, Value as Json};

use super::RemoteError;

/// At most so many details follow a message.
const MAX_DETAILS: usize = 5;

/// Keys of the object that is the error, inside the answer.
const WRAPPERS: &[&str] = &["error", "Error", "fault", "Fault"];

/// Keys of texts for people, most specific first.
const MESSAGES: &[&str] = &[
    "message",
    "Message",
    "error_message",
    "errorMessage",
    "errorSummary",
    "error_description",
    "faultstring",
    "detail",
    "msg",
    "description",
    "title",
];

/// Keys of lists and maps that say more about an error.
const DETAILS: &[&str] = &[
    "errors",
    "errorMessages",
    "errorCauses",
    "details",
    "detail",
    "causes",
    "caused_by",
    "fieldViolations",
    "violations",
    "invalid_params",
    "invalid-params",
];

/// Keys that name what a detail is about.
const PLACES: &[&str] = &["field", "path", "parameter", "param", "property", "pointer", "target"];

/// Parses a response.
pub(super) fn read(json: &Json) -> RemoteError {
    match json {
        Json::Object(object) => of_object(object),
        // some services wrap the error object in a list
        Json::Array(items) => listed(items),
        Json::String(text) => super::from_text(text),
        _ => RemoteError::default(),
    }
}

fn of_object(object: &Map<String, Json>) -> RemoteError {
    let wrapped = WRAPPERS.iter().find_map(|key| match object.get(*key)? {
        Json::Object(inner) => Some(nested(inner)),
        Json::Array(items) if !items.is_empty() => Some(listed(items)),
        Json::String(code) if !code.is_empty() => Some(RemoteError {
            code: Some(code.clone()),
            message: with_details(text_of(object, MESSAGES), object),
            request_id: None,
        }),
        _ => None,
    });
    let mut error = wrapped.unwrap_or_else(|| flat(object));
    error.request_id = error.request_id.or_else(|| {
        text_of(object, &["request_id", "requestId", "RequestId", "requestID", "errorId"])
    });
    error
}

/// The first of several errors, with the messages of the others.
fn listed(items: &[Json]) -> RemoteError {
    let mut error = items.first().map(read).unwrap_or_default();
    let others = items.iter().skip(1).filter_map(detail_text).collect();
    error.message = joined(error.message, others);
    error
}

/// `{"error": {…}}`
fn nested(inner: &Map<String, Json>) -> RemoteError {
    let message = text_of(inner, MESSAGES);
    let names: &[&str] =
        if message.is_some() { &["status", "type", "reason"] } else { &["status", "type"] };
    // a numeric `code` repeats the HTTP status; then `status` has the name
    let code = name_of(inner, &["code"])
        .or_else(|| name_of(inner, names))
        .or_else(|| name_of(inner.get("detail")?.as_object()?, &["errorcode"]))
        .or_else(|| text_of(inner, &["code"]));
    let deeper = inner.get("innerError").or_else(|| inner.get("innererror"));
    RemoteError {
        code,
        message: with_details(message.or_else(|| text_of(inner, &["reason"])), inner),
        request_id: detail_id(inner)
            .or_else(|| text_of(deeper?.as_object()?, &["request-id", "requestId", "request_id"])),
    }
}

/// An object that is the error itself.
fn flat(object: &Map<String, Json>) -> RemoteError {
    let aws_type = text_of(object, &["__type"])
        .map(|name| name.rsplit('#').next().unwrap_or_default().to_owned());
    let scim = object.contains_key("detail").then(|| {
        text_of(object, &["scimType"])
            .or_else(|| Some(format!("SCIM_{}", scalar(object.get("status")?)?)))
    });
    let is_scim = object.contains_key("schemas") || object.contains_key("scimType");
    let message = text_of(object, MESSAGES);
    // without a message of its own, the object is an envelope around its first error
    let first = object.get("errors").and_then(Json::as_array).and_then(|items| items.first());
    let inner = first.filter(|_| message.is_none()).map(read).unwrap_or_default();
    RemoteError {
        code: text_of(object, &["error_code", "errorCode"])
            .or(aws_type)
            .or_else(|| scim.flatten().filter(|_| is_scim))
            // a numeric `code` beside a name repeats the HTTP status
            .or_else(|| name_of(object, &["code", "Code", "reason", "type"]))
            .or_else(|| text_of(object, &["code", "Code"]))
            .or(inner.code),
        message: with_details(message, object),
        request_id: detail_id(object),
    }
}

/// The message with what the object says beside it.
fn with_details(message: Option<String>, object: &Map<String, Json>) -> Option<String> {
    joined(message, details(object))
}

/// A message and details, without those that repeat it.
fn joined(message: Option<String>, details: Vec<String>) -> Option<String> {
    let mut all: Vec<String> = message.into_iter().collect();
    for detail in details {
        let is_new = !all.iter().any(|said| said.contains(&detail));
        if is_new && all.len() <= MAX_DETAILS {
            all.push(detail);
        }
    }
    Some(all.join("; ")).filter(|text| !text.is_empty())
}

fn details(object: &Map<String, Json>) -> Vec<String> {
    DETAILS
        .iter()
        .filter_map(|key| Some((*key, object.get(*key)?)))
        .flat_map(|(key, list)| match list {
            Json::Array(items) => items.iter().filter_map(detail_text).collect(),
            Json::Object(one) => match detail_text(list) {
                Some(text) => vec![text],
                None if key == "errors" => {
                    one.iter().filter_map(|(name, value)| of_field(name, value)).collect()
                }
                None => Vec::new(),
            },
            _ => Vec::new(),
        })
        .collect()
}

/// One item of a list of details.
fn detail_text(item: &Json) -> Option<String> {
    let detail = match item {
        Json::String(text) => return Some(text.clone()).filter(|text| !text.is_empty()),
        Json::Object(detail) => detail,
        _ => return None,
    };
    let inner = || joined(None, details(detail));
    // `reason` of a typed detail is a name for programs
    let reason = || text_of(detail, &["reason"]).filter(|_| !detail.contains_key("@type"));
    let text = text_of(detail, MESSAGES).or_else(reason).or_else(inner);
    let place = match detail.get("loc").or_else(|| detail.get("path")) {
        Some(Json::Array(keys)) => {
            Some(keys.iter().filter_map(scalar).collect::<Vec<_>>().join("."))
        }
        _ => text_of(detail, PLACES)
            .or_else(|| text_of(detail.get("source")?.as_object()?, &["pointer", "parameter"])),
    }
    .filter(|place| !place.is_empty());
    match (place, text) {
        (Some(place), Some(text)) if text.starts_with(&place) => Some(text),
        (Some(place), Some(text)) => Some(format!("{place}: {text}")),
        (Some(place), None) => Some(format!("{place}: {}", text_of(detail, &["code"])?)),
        (None, text) => text,
    }
}

/// `{"name": "is taken"}` and `{"name": ["is taken"]}`.
fn of_field(name: &str, value: &Json) -> Option<String> {
    match value {
        Json::String(text) if !text.is_empty() => Some(format!("{name}: {text}")),
        Json::Array(items) => {
            let texts: Vec<&str> = items.iter().filter_map(Json::as_str).collect();
            (!texts.is_empty()).then(|| format!("{name}: {}", texts.join(", ")))
        }
        _ => None,
    }
}

/// The request id among `details`.
fn detail_id(object: &Map<String, Json>) -> Option<String> {
    object
        .get("details")?
        .as_array()?
        .iter()
        .filter_map(Json::as_object)
        .find_map(|detail| text_of(detail, &["request_id", "requestId"]))
}

fn text_of(object: &Map<String, Json>, keys: &[&str]) -> Option<String> {
    keys.iter().filter_map(|key| scalar(object.get(*key)?)).find(|text| !text.is_empty())
}

/// A text, not a number.
fn name_of(object: &Map<String, Json>, keys: &[&str]) -> Option<String> {
    let names = keys.iter().filter_map(|key| object.get(*key)?.as_str());
    names.map(str::to_owned).find(|text| !text.is_empty())
}

fn scalar(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
