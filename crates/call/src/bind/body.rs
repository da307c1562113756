//! Request bodies from attribute values.

use bytes::Bytes;
use serde_json::{Map, Value as Json};
use strataql_diag::{Code, Report};
use strataql_spec::{Body, BodyNaming, BodyProperty, Schema, SchemaId, SchemaKind, Schemas};

mod check;
mod encode;
mod rewrite;

use encode::Encoded;

use super::Binder;
use crate::exact;
use crate::value::{Value, whole_number};

/// A body that is about to be sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BodyContent {
    /// `Content-Type`.
    pub(super) media_type: String,
    /// The JSON object, or a whole body given by the document.
    content: Content,
}

#[derive(Debug, Clone, PartialEq)]
enum Content {
    Object(Map<String, Json>),
    Verbatim(String),
}

impl BodyContent {
    /// The bytes, with a page value in the given attribute.
    pub(crate) fn bytes(&self, page: Option<(&str, &str)>) -> Result<Bytes, Box<Report>> {
        match (&self.content, page) {
            (Content::Verbatim(text), _) => Ok(Bytes::from(text.clone())),
            (Content::Object(object), None) => serialise(object),
            (Content::Object(object), Some((name, value))) => {
                let mut object = object.clone();
                object.insert(name.to_owned(), Json::String(value.to_owned()));
                serialise(&object)
            }
        }
    }

    /// A body of one attribute.
    pub(super) fn of_attribute(name: &str, value: &str) -> Self {
        let mut object = Map::new();
        object.insert(name.to_owned(), Json::String(value.to_owned()));
        Self { media_type: "application/json".to_owned(), content: Content::Object(object) }
    }

    /// The value of a top-level attribute, inserted if absent. `None` for a body that the document
    /// gives as a whole, which cannot be extended.
    pub(super) fn ensure(&mut self, name: &str, value: &str) -> Option<String> {
        let Content::Object(object) = &mut self.content else { return None };
        let slot = object.entry(name.to_owned()).or_insert(Json::Null);
        if slot.is_null() {
            *slot = Json::String(value.to_owned());
        }
        Some(slot.as_str().map_or_else(|| slot.to_string(), str::to_owned))
    }

    /// The body as JSON, numbers with all their digits; `None` when the document gives it verbatim.
    pub(crate) fn json(&self) -> Option<Json> {
        match &self.content {
            Content::Object(object) => Some(Json::Object(object.clone())),
            Content::Verbatim(_) => None,
        }
    }
}

fn serialise(object: &Map<String, Json>) -> Result<Bytes, Box<Report>> {
    Ok(Bytes::from(exact::json_text(&Json::Object(object.clone()))))
}

/// The body of the call, if it has one.
pub(super) fn assemble(binder: &Binder<'_>) -> Result<Option<BodyContent>, Box<Report>> {
    let Some(body) = &binder.method.body else {
        return match binder.fields.0.keys().next() {
            Some(name) => Err(unknown(binder, name)),
            None => Ok(None),
        };
    };
    let mut attributes = Map::new();
    let mut add = |name: &str, wire: String, json: Json| match attributes.insert(wire, json) {
        None => Ok(()),
        Some(_) => Err(given_twice(binder, name)),
    };
    let named = binder.args.0.iter().filter(|(name, _)| binder.method.param(name).is_none());
    let named = named.map(|given| (given, false));
    for ((name, value), is_field) in named.chain(binder.fields.0.iter().map(|given| (given, true)))
    {
        if binder.method.extension.body_wrapper.as_deref() == Some(name.as_str())
            && body.property(name).is_none()
        {
            for (wire, json) in unwrapped(binder, body, name, value)? {
                add(name, wire, json)?;
            }
            continue;
        }
        match body.property(name) {
            Some(property) => {
                add(name, property.wire.clone(), convert(binder, property, value)?)?;
            }
            None if is_field => return Err(unknown(binder, name)),
            None => {}
        }
    }
    let content = if attributes.is_empty() {
        match (&body.default, &body.base) {
            (Some(text), _) => Content::Verbatim(text.clone()),
            (None, Some(Json::Object(base))) => Content::Object(base.clone()),
            // a required body is an empty object; otherwise none is sent
            (None, _) if body.required && !binder.method.verb.is_safe() => {
                Content::Object(Map::new())
            }
            _ => return Ok(None),
        }
    } else {
        Content::Object(with_base(body, attributes))
    };
    let refuse = |problem: String| {
        Box::new(
            Report::new(
                Code::UnsupportedSyntax,
                format!(
                    "a body of method `{}` cannot be written as `{}`: it {problem}",
                    binder.method.name, body.media_type
                ),
            )
            .with_help("`DESCRIBE METHOD EXTENDED …` lists what it takes"),
        )
    };
    let content = match (&body.transform, content) {
        (Some(transform), Content::Object(object)) => {
            rewrite::rewritten(transform, object, is_json(&body.media_type))
                .map_err(|problem| rewrite::report(binder, &problem))?
        }
        (_, content) => content,
    };
    match content {
        Content::Object(object) => {
            match encode::encode(
                &binder.service.schemas,
                body,
                &object,
                binder.method.operation_id.as_deref(),
            )
            .map_err(refuse)?
            {
                Encoded::Json(media_type) => {
                    Ok(Some(BodyContent { media_type, content: Content::Object(object) }))
                }
                Encoded::Text(media_type, text) => {
                    Ok(Some(BodyContent { media_type, content: Content::Verbatim(text) }))
                }
            }
        }
        verbatim @ Content::Verbatim(_) => {
            Ok(Some(BodyContent { media_type: body.media_type.clone(), content: verbatim }))
        }
    }
}

fn unknown(binder: &Binder<'_>, name: &str) -> Box<Report> {
    Box::new(
        Report::new(
            Code::UnknownColumn,
            format!("the body of method `{}` has no field `{name}`", binder.method.name),
        )
        .with_help("`DESCRIBE METHOD EXTENDED …` lists what it takes"),
    )
}

fn given_twice(binder: &Binder<'_>, name: &str) -> Box<Report> {
    Box::new(
        Report::new(
            Code::BadParamValue,
            format!("the field `{name}` of method `{}` is given twice", binder.method.name),
        )
        .with_help("give it once"),
    )
}

/// The fields of a whole body that older statements wrap in one column.
fn unwrapped(
    binder: &Binder<'_>,
    body: &Body,
    name: &str,
    value: &Value,
) -> Result<Map<String, Json>, Box<Report>> {
    let parsed = match value {
        Value::Json(json) => Some(json.clone()),
        Value::Text(text) => exact::read_json(text).ok(),
        _ => None,
    };
    let refuse = |expected: &str| {
        Box::new(
            Report::new(
                Code::BadParamValue,
                format!(
                    "`{}` is no value for `{name}` of method `{}`",
                    super::shortened(&value.text()),
                    binder.method.name
                ),
            )
            .with_help(format!("give {expected}")),
        )
    };
    let Some(Json::Object(fields)) = parsed else { return Err(refuse("a JSON object")) };
    if let Some(id) = body.schema {
        check::check(&binder.service.schemas, id, &Json::Object(fields.clone()), "")
            .map_err(|expected| refuse(&expected))?;
    }
    Ok(fields)
}

fn with_base(body: &Body, attributes: Map<String, Json>) -> Map<String, Json> {
    let mut object = match &body.base {
        Some(Json::Object(base)) => base.clone(),
        _ => Map::new(),
    };
    match &body.naming {
        BodyNaming::Nested(path) => {
            object.insert(path.clone(), Json::Object(attributes));
        }
        _ => object.extend(attributes),
    }
    object
}

fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    essence.ends_with("json") || essence.contains("json")
}

/// A value as JSON of the attribute's type, its parts checked against the schema.
fn convert(
    binder: &Binder<'_>,
    property: &BodyProperty,
    value: &Value,
) -> Result<Json, Box<Report>> {
    attribute_json(&binder.service.schemas, property.schema, value).map_err(|expected| {
        Box::new(
            Report::new(
                Code::BadParamValue,
                format!(
                    "`{}` is no value for `{}` of method `{}`",
                    super::shortened(&value.text()),
                    property.name,
                    binder.method.name
                ),
            )
            .with_help(format!("give {expected}")),
        )
    })
}

/// A value as JSON of a schema's type.
///
/// Text is read as JSON where the schema wants an object or array; objects are checked field by field.
///
/// # Errors
/// What was expected, when the value does not fit.
pub fn attribute_json(schemas: &Schemas, id: SchemaId, value: &Value) -> Result<Json, String> {
    let json = typed(&schemas[id], value)?;
    check::check(schemas, id, &json, "")?;
    Ok(json)
}

fn typed(schema: &Schema, value: &Value) -> Result<Json, String> {
    let refuse = str::to_owned;
    let text = match value {
        Value::Text(text) => text,
        Value::Json(json) if schema.string_only => return Ok(Json::String(value.text())),
        Value::Json(json) => {
            return match (schema.kind, exact::number_digits(json)) {
                (SchemaKind::Integer, Some(digits)) => whole(&digits),
                // a number as it is written
                (SchemaKind::String, Some(digits)) if exact::digits(json).is_some() => {
                    Ok(Json::String(digits))
                }
                _ => Ok(json.clone()),
            };
        }
        Value::Integer(number) => {
            return match schema.kind {
                SchemaKind::String => Ok(Json::String(number.to_string())),
                _ => Ok(Json::from(*number)),
            };
        }
        Value::Number(number) => {
            return match schema.kind {
                SchemaKind::String => Ok(Json::String(value.text())),
                SchemaKind::Integer => whole(&value.text()),
                _ => Ok(Json::from(*number)),
            };
        }
        Value::Boolean(flag) => return Ok(Json::Bool(*flag)),
    };
    if schema.string_only {
        return exact::text(text);
    }
    match schema.kind {
        SchemaKind::String => exact::text(text),
        SchemaKind::Integer => whole(text),
        SchemaKind::Number => exact::number(text.trim()).ok_or_else(|| refuse("a number")),
        SchemaKind::Boolean => match text.trim().to_ascii_lowercase().as_str() {
            "true" => Ok(Json::Bool(true)),
            "false" => Ok(Json::Bool(false)),
            _ => Err(refuse("`true` or `false`")),
        },
        SchemaKind::Object | SchemaKind::Array => {
            let json = exact::read_json(text).map_err(|_| refuse("JSON text"))?;
            let fits =
                if schema.kind == SchemaKind::Object { json.is_object() } else { json.is_array() };
            if fits || json.is_null() {
                Ok(json)
            } else {
                Err(refuse(if schema.kind == SchemaKind::Object {
                    "a JSON object"
                } else {
                    "a JSON array"
                }))
            }
        }
        SchemaKind::Any => {
            let trimmed = text.trim();
            let structured = trimmed.starts_with('{') || trimmed.starts_with('[');
            match exact::read_json(trimmed) {
                Ok(json) if structured => Ok(json),
                _ => exact::text(text),
            }
        }
    }
}

/// A whole number of any length.
fn whole(text: &str) -> Result<Json, String> {
    let number = whole_number(text).and_then(|digits| exact::number(&digits));
    number.ok_or_else(|| "a whole number".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_reach_the_body_as_they_are_written() {
        let sent = |kind, value: Value| {
            let schema = Schema { kind, ..Schema::default() };
            typed(&schema, &value).map(|json| exact::json_text(&json))
        };
        let text = |text: &str| Value::Text(text.to_owned());
        let json = |text: &str| Value::Json(exact::read_json(text).expect("JSON"));
        let long = "12345678901234567890123";
        for value in [text(long), json(long)] {
            assert_eq!(sent(SchemaKind::Integer, value.clone()).as_deref(), Ok(long));
            assert_eq!(sent(SchemaKind::Number, value).as_deref(), Ok(long));
        }
        for digits in ["1.10", "1e3", "-0.0", "0.1234567890123456789"] {
            assert_eq!(sent(SchemaKind::Number, text(digits)).as_deref(), Ok(digits));
            assert_eq!(sent(SchemaKind::Any, json(digits)).as_deref(), Ok(digits));
            assert!(sent(SchemaKind::Integer, json(digits)).is_err() || digits == "-0.0");
            let quoted = format!("\"{digits}\"");
            // what prints back the same stays a number
            let is_plain = digits == "-0.0";
            assert_eq!(
                sent(SchemaKind::String, json(digits)),
                Ok(if is_plain { digits.to_owned() } else { quoted })
            );
        }
        assert_eq!(sent(SchemaKind::Integer, text("007")).as_deref(), Ok("7"));
        assert_eq!(sent(SchemaKind::Integer, text("12.00")).as_deref(), Ok("12"));
        assert_eq!(
            sent(SchemaKind::Integer, Value::Number(1e20)).as_deref(),
            Ok("100000000000000000000")
        );
        let object = r#"{"a":[1.10,{"b":12345678901234567890123}],"c":"1.10"}"#;
        assert_eq!(sent(SchemaKind::Object, text(object)).as_deref(), Ok(object));
        assert_eq!(sent(SchemaKind::Any, text(object)).as_deref(), Ok(object));
        assert!(sent(SchemaKind::String, text("\u{fdd0}1")).is_err());
        assert!(sent(SchemaKind::Number, text("1.")).is_err());
    }
}
