//! Whether a success response to a write shows that the write was carried out.
//!
//! Owns: the response shapes that count as done, and those that do not: HTML pages, error objects,
//! truncated documents, `null`, partial and multiple statuses.
//! Refuses: determining what happened instead; the sender of the write looks the object up.
//! Surprise: no body at all counts. An empty body, `{}`, 202 and 204 are done.

use serde_json::{Map, Value as Json};
use strataql_diag::{Code, RemoteFailure, Report};
use strataql_net::Response;
use strataql_spec::{Method, Schema, SchemaId, SchemaKind, Schemas};

use crate::decode::excerpt;
use crate::decode::media::{Body, NotJson};
use crate::error_object::error_key;
use crate::method_ref::MethodRef;

/// Keys whose `false` marks a failure.
const SUCCESS_KEYS: &[&str] = &["success", "ok", "Success", "succeeded"];

/// Checks the success response to a write.
///
/// # Errors
/// `remote-rejected` for an error under a success status, `unexpected-body` for another response that does not
/// show that the write was carried out.
pub(crate) fn check_accepted(target: &MethodRef, response: &Response) -> Result<(), Box<Report>> {
    let expected = Expected::of(target.method(), &target.service().schemas);
    let Some(problem) = expected.problem(response) else { return Ok(()) };
    let message = format!("the {} response to `{}` {problem}", response.status, target.name());
    let code =
        if expected.is_error(response) { Code::RemoteRejected } else { Code::UnexpectedBody };
    let mut report =
        Report::new(code, message).with_help("read the object before you repeat the statement");
    if !Body::of(response).is_empty() {
        report = report
            .with_note(format!("the response body begins with `{}`", excerpt(&response.body)));
    }
    Err(Box::new(response.redacted(report.with_remote(RemoteFailure {
        status: Some(response.status),
        verb: response.facts.verb.to_string(),
        url: response.facts.url.clone(),
        attempts: response.attempts,
        request_id: response.request_id(),
        ..RemoteFailure::default()
    }))))
}

/// What a document states about the responses of a method.
struct Expected<'a> {
    schemas: &'a Schemas,
    /// The schema that columns are read from, then those of other success statuses.
    shapes: Vec<SchemaId>,
    media_type: Option<&'a str>,
    /// True if responses are rewritten first: only their form can be checked.
    is_rewritten: bool,
}

impl<'a> Expected<'a> {
    fn of(method: &'a Method, schemas: &'a Schemas) -> Self {
        let response = &method.response;
        Self {
            schemas,
            shapes: response.schema.iter().chain(&response.other_schemas).copied().collect(),
            media_type: response.media_type.as_deref(),
            is_rewritten: response.transform.is_some(),
        }
    }

    /// Why the response does not count as done.
    fn problem(&self, response: &Response) -> Option<String> {
        match response.status {
            206 => return Some("is partial (206)".to_owned()),
            207 => return Some("has several outcomes (207)".to_owned()),
            _ => {}
        }
        let body = Body::of(response);
        let json = match body.json() {
            Ok(json) => json,
            Err(NotJson::Empty) => return None,
            Err(page @ NotJson::Page(_)) => return Some(page.to_string()),
            Err(other) => return markup_problem(body.bytes).or_else(|| self.unless_json(&other)),
        };
        // 202 states by itself that the write was accepted
        let is_checked = response.status != 202 && !self.is_rewritten;
        match serde_json::from_slice::<Json>(json) {
            Ok(Json::Null) => Some("is `null`".to_owned()),
            Ok(Json::Object(object)) => self
                .error_in(&object)
                .or_else(|| if is_checked { self.unknown_object(&object) } else { None }),
            Ok(other) if is_checked => self.unless_documented(&other),
            Ok(_) => None,
            // plain text such as `OK` is accepted where the document has no structure
            Err(error) if is_json_begun(json) => self.broken(&body, &error.to_string()),
            Err(error) => {
                self.is_structured().then(|| self.broken(&body, &error.to_string())).flatten()
            }
        }
    }

    /// True for a response that says itself that the write failed.
    fn is_error(&self, response: &Response) -> bool {
        let json = Body::of(response).json().ok().map(serde_json::from_slice::<Json>);
        matches!(json, Some(Ok(Json::Object(object))) if self.error_in(&object).is_some())
    }

    fn broken(&self, body: &Body<'_>, syntax: &str) -> Option<String> {
        Some(body.not_json(syntax, self.media_type).to_string())
    }

    fn unless_json(&self, found: &NotJson) -> Option<String> {
        self.is_structured().then(|| found.to_string())
    }

    fn documented(&self) -> impl Iterator<Item = &'a Schema> {
        let schemas = self.schemas;
        self.shapes.iter().map(move |id| &schemas[*id])
    }

    /// True if the document has a JSON object or array.
    fn is_structured(&self) -> bool {
        let is_json = self.media_type.is_none_or(|text| text.contains("json"));
        is_json && !self.is_rewritten && self.documented().any(|schema| schema.kind.is_nested())
    }

    /// The error that an object carries.
    fn error_in(&self, object: &Map<String, Json>) -> Option<String> {
        let is_known = |key: &str| self.documented().any(|it| it.properties.contains_key(key));
        if let Some(key) =
            SUCCESS_KEYS.iter().find(|key| object.get(**key) == Some(&Json::Bool(false)))
        {
            return Some(format!("reports a failure: `{key}` is false"));
        }
        if let Some(key) = error_key(object, is_known) {
            return Some(format!("is an error object: it has `{key}`"));
        }
        let has_no_known_key = !object.keys().any(|key| is_known(key));
        let is_message = object.keys().all(|key| {
            matches!(
                key.as_str(),
                "code"
                    | "message"
                    | "Message"
                    | "status"
                    | "statusCode"
                    | "detail"
                    | "details"
                    | "reason"
                    | "title"
                    | "type"
                    | "trace_id"
                    | "traceId"
                    | "request_id"
                    | "requestId"
                    | "instance"
            )
        });
        let failed = ["status", "statusCode", "code"].iter().any(|key| {
            object.get(*key).and_then(Json::as_i64).is_some_and(|code| (400..600).contains(&code))
        });
        (has_no_known_key && is_message && failed)
            .then(|| "is an error object: it has an error status".to_owned())
    }

    /// An object without any field of the document.
    fn unknown_object(&self, object: &Map<String, Json>) -> Option<String> {
        if object.is_empty() || self.shapes.is_empty() {
            return None;
        }
        let fits = self.documented().any(|schema| match schema.kind {
            SchemaKind::Any => true,
            SchemaKind::Object => {
                schema.open
                    || schema.properties.is_empty()
                    || object.keys().any(|key| schema.properties.contains_key(key))
            }
            _ => false,
        });
        if fits {
            return None;
        }
        let key = object.keys().next()?;
        Some(format!("has no field of its document; it has `{key}`"))
    }

    /// A value of a kind that the document does not have.
    fn unless_documented(&self, value: &Json) -> Option<String> {
        // the objects that were written, each in its documented form
        let is_described = |item: &Json| {
            let fields = item.as_object().filter(|fields| !fields.is_empty());
            fields.is_some_and(|fields| {
                self.error_in(fields).is_none() && self.unknown_object(fields).is_none()
            })
        };
        if let Json::Array(items) = value
            && !items.is_empty()
            && items.iter().all(is_described)
        {
            return None;
        }
        let (found, kinds): (_, &[SchemaKind]) = match value {
            Json::Array(_) => ("an array", &[SchemaKind::Array]),
            Json::String(_) => ("text", &[SchemaKind::String]),
            Json::Bool(_) => ("a boolean", &[SchemaKind::Boolean]),
            _ => ("a number", &[SchemaKind::Integer, SchemaKind::Number]),
        };
        let fits = |schema: &Schema| kinds.contains(&schema.kind) || schema.kind == SchemaKind::Any;
        let wanted = self.documented().next()?;
        let is_fit = self.documented().any(fits);
        (!is_fit).then(|| format!("is {found} where its document has {}", wanted.kind.name()))
    }
}

fn is_json_begun(json: &[u8]) -> bool {
    matches!(json.trim_ascii_start().first(), Some(b'{' | b'[' | b'"'))
}

/// Why an XML response does not count as done.
fn markup_problem(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}').trim();
    let mut rest = text;
    // declarations, comments and processing instructions precede the root element
    while let Some(inner) = rest.strip_prefix("<?").or_else(|| rest.strip_prefix("<!")) {
        let end = if inner.starts_with("--") { "-->" } else { ">" };
        rest = rest.split_once(end).map_or("", |(_, rest)| rest.trim_start());
    }
    let name: String = rest
        .strip_prefix('<')?
        .chars()
        .take_while(|c| !c.is_whitespace() && !matches!(c, '>' | '/'))
        .collect();
    let local = name.rsplit(':').next().unwrap_or_default();
    if ["Error", "ErrorResponse", "Errors", "Fault"].contains(&local) {
        return Some(format!("is an error document: `<{name}>`"));
    }
    let is_closed = text.ends_with(&format!("</{name}>"))
        || (rest.ends_with("/>") && rest.matches('<').count() == 1);
    (!is_closed).then(|| format!("is an incomplete document: `<{name}>` is not closed"))
}

#[cfg(test)]
mod tests;
