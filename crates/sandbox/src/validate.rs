//! Validation of requests against their documents.
//!
//! Owns: parameters and JSON bodies: unknown fields, wrong types, missing required fields, values
//! outside an enumeration.
//! Refuses: coercion; a client that sends `"5"` for an integer gets an error.
//! Surprise: unknown query parameters are accepted, since most services ignore them; the log lists
//! them as `undocumented`.

use serde_json::Value as Json;
use strataql_diag::did_you_mean;
use strataql_spec::{HttpVerb, Location, Schema, SchemaId, SchemaKind, Schemas};

use crate::collection::scalar_text;
use crate::problem::Problem;
use crate::request::Incoming;
use crate::routes::Route;

/// Checks query and header parameters.
pub(crate) fn parameters(route: &Route, request: &Incoming) -> Result<(), Problem> {
    if route.method().graphql.is_some() {
        // they are in the text of the query
        return Ok(());
    }
    for param in &route.method().params {
        let sent: Vec<&str> = match param.location {
            Location::Query => request
                .query
                .iter()
                .filter(|(name, _)| *name == param.wire)
                .map(|(_, value)| value.as_deref().unwrap_or_default())
                .collect(),
            Location::Header => request.header(&param.wire).into_iter().collect(),
            Location::Path | Location::Server => continue,
        };
        if sent.is_empty() && param.required && !route.is_fixed(&param.wire) {
            // a list of the query protocol is `TagKeys.member.1`, a structure `Tag.Key`
            let is_part = |name: &str| {
                let rest = name.strip_prefix(param.wire.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            let in_query = request.query.iter().any(|(name, _)| is_part(name));
            if !in_query && !request.form.iter().any(|(name, _)| is_part(name)) {
                return Err(Problem::invalid(format!(
                    "the parameter `{}` is required",
                    param.wire
                )));
            }
        }
        for value in sent {
            text(&route.schemas()[param.schema], value).map_err(|fault| {
                Problem::invalid(format!("the parameter `{}` {fault}", param.wire))
            })?;
        }
    }
    Ok(())
}

/// Query parameters of the request that are not documented.
pub(crate) fn undocumented(route: &Route, request: &Incoming) -> Vec<String> {
    let method = route.method();
    let is_page = |name: &str| method.paging.target().is_some_and(|target| target.name == name);
    let known = |name: &str| {
        let declared =
            method.params.iter().any(|p| p.wire == name && p.location == Location::Query);
        declared || route.is_fixed(name) || is_page(name)
    };
    request.query.iter().map(|(name, _)| name).filter(|name| !known(name)).cloned().collect()
}

/// Checks the body.
pub(crate) fn body(route: &Route, request: &Incoming) -> Result<(), Problem> {
    let method = route.method();
    if method.graphql.is_some() {
        // the route was found by it
        return Ok(());
    }
    let Some(body) = &method.body else {
        let nothing = request.body.is_empty() || request.json.as_ref().is_some_and(is_empty_object);
        // a form may carry the query of the path key
        if nothing || !request.form.is_empty() {
            return Ok(());
        }
        return Err(Problem::invalid(format!("`{}` takes no body", method.path.raw)));
    };
    if request.body.is_empty() {
        return if body.required {
            Err(Problem::invalid("the request needs a body"))
        } else {
            Ok(())
        };
    }
    // the schema does not describe a transformed body
    if body.transform.is_some() || !body.media_type.contains("json") {
        return Ok(());
    }
    let Some(json) = &request.json else {
        return Err(Problem::invalid("the body is not valid JSON"));
    };
    let Some(schema) = body.schema else { return Ok(()) };
    let mut json = json.clone();
    // what the document puts into the body need not be in its schema
    if let (Some(fields), Some(Json::Object(base))) = (json.as_object_mut(), &body.base) {
        let known = &route.schemas()[schema].properties;
        fields.retain(|name, value| known.contains_key(name) || base.get(name) != Some(value));
    }
    let check = Check {
        schemas: route.schemas(),
        paging: method.paging.target().map(|target| target.name.as_str()),
        partial: method.verb == HttpVerb::Patch,
    };
    check.value(schema, &json, "", 0)
}

fn is_empty_object(json: &Json) -> bool {
    json.as_object().is_some_and(serde_json::Map::is_empty)
}

struct Check<'a> {
    schemas: &'a Schemas,
    /// A body attribute that carries a page token, documented or not.
    paging: Option<&'a str>,
    /// A PATCH need not have the required fields of the whole object.
    partial: bool,
}

/// Maximum nesting that is checked.
const MAX_DEPTH: usize = 64;

impl Check<'_> {
    fn value(&self, id: SchemaId, json: &Json, path: &str, depth: usize) -> Result<(), Problem> {
        let schema = &self.schemas[id];
        if json.is_null() || depth > MAX_DEPTH {
            return Ok(());
        }
        if (schema.string_only && json.is_string()) || is_union(schema) {
            return Ok(());
        }
        let wrong = || {
            let shown = if path.is_empty() { "the body" } else { path };
            Problem::invalid(format!(
                "`{shown}` is {}, expected {}",
                kind_of(json),
                schema.kind.name()
            ))
        };
        match (schema.kind, json) {
            (SchemaKind::Object, Json::Object(_)) => self.object(schema, json, path, depth)?,
            (SchemaKind::Array, Json::Array(items)) => {
                for (at, item) in items.iter().enumerate() {
                    if let Some(id) = schema.items {
                        self.value(id, item, &format!("{path}[{at}]"), depth + 1)?;
                    }
                }
            }
            (SchemaKind::Any, _)
            | (SchemaKind::String, Json::String(_))
            | (SchemaKind::Boolean, Json::Bool(_))
            | (SchemaKind::Number, Json::Number(_)) => {}
            (SchemaKind::Integer, Json::Number(number)) => {
                let whole = number.as_f64().is_some_and(|value| value.fract() == 0.0);
                if !whole {
                    return Err(wrong());
                }
            }
            _ => return Err(wrong()),
        }
        enumeration(schema, json)
            .map_err(|fault| Problem::invalid(format!("the field `{path}` {fault}")))
    }

    fn object(
        &self,
        schema: &Schema,
        json: &Json,
        path: &str,
        depth: usize,
    ) -> Result<(), Problem> {
        let fields = json.as_object().into_iter().flatten();
        let free = schema.open || schema.additional.is_some() || schema.properties.is_empty();
        for (name, value) in fields {
            let at = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            match schema.properties.get(name) {
                Some(id) if self.schemas[*id].read_only => {
                    return Err(Problem::invalid(format!("the field `{at}` is read-only")));
                }
                Some(id) => self.value(*id, value, &at, depth + 1)?,
                None if depth == 0 && self.paging == Some(name.as_str()) => {}
                None if free => {
                    if let Some(id) = schema.additional {
                        self.value(id, value, &at, depth + 1)?;
                    }
                }
                None => {
                    let known = schema.properties.keys().map(String::as_str);
                    let hint =
                        did_you_mean(name, known).map_or(String::new(), |h| format!(", {h}"));
                    return Err(Problem::invalid(format!("unknown field `{at}`{hint}")));
                }
            }
        }
        if self.partial && depth == 0 {
            return Ok(());
        }
        let missing = schema.required.iter().find(|name| {
            let id = schema.properties.get(*name);
            json.get(name.as_str()).is_none_or(Json::is_null)
                && id.is_some_and(|id| !self.schemas[*id].read_only)
        });
        match missing {
            Some(name) => {
                let at = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                Err(Problem::invalid(format!("the field `{at}` is required")))
            }
            None => Ok(()),
        }
    }
}

/// A scalar that also has properties or items comes from `oneOf`: the model keeps only one kind, so
/// the type cannot be checked.
fn is_union(schema: &Schema) -> bool {
    match schema.kind {
        SchemaKind::Object => schema.items.is_some(),
        SchemaKind::Array => !schema.properties.is_empty(),
        SchemaKind::Any => true,
        _ => schema.items.is_some() || !schema.properties.is_empty(),
    }
}

fn enumeration(schema: &Schema, json: &Json) -> Result<(), String> {
    if schema.values.is_empty() || schema.kind.is_nested() || schema.values.contains(json) {
        return Ok(());
    }
    Err(format!("is {json}, which is not one of {}", listed(schema)))
}

/// The allowed values, as many as fit a message.
fn listed(schema: &Schema) -> String {
    let mut values: Vec<String> = schema.values.iter().take(8).map(Json::to_string).collect();
    if schema.values.len() > values.len() {
        values.push("…".to_owned());
    }
    values.join(", ")
}

/// Checks a value in text form.
fn text(schema: &Schema, value: &str) -> Result<(), String> {
    let fits = match schema.kind {
        SchemaKind::Integer => value.parse::<i64>().is_ok() || value.parse::<u64>().is_ok(),
        SchemaKind::Number => value.parse::<f64>().is_ok(),
        SchemaKind::Boolean => matches!(value, "true" | "false"),
        _ => true,
    };
    if !fits {
        return Err(format!("is `{value}`, expected {}", schema.kind.name()));
    }
    if schema.values.is_empty() || schema.kind.is_nested() {
        return Ok(());
    }
    if schema.values.iter().any(|allowed| scalar_text(allowed).as_deref() == Some(value)) {
        return Ok(());
    }
    Err(format!("is `{value}`, which is not one of {}", listed(schema)))
}

const fn kind_of(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}
