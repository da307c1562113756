//! Bodies that are not JSON: forms, XML, multipart and text.
//!
//! Owns: how an object of attributes is written in each media type.
//! Surprise: `*/*` is sent as JSON. A boundary of multipart is computed from the content, so that the same
//! statement sends the same bytes.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Map, Value as Json};
use strataql_spec::{Body, Schema, SchemaId, SchemaKind, Schemas};

use crate::value::json_text;

/// What is encoded in a form besides a space, which becomes `+`.
const FORM: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b' ');

/// A body as it is sent.
#[derive(Debug, PartialEq)]
pub(super) enum Encoded {
    /// JSON of this media type.
    Json(String),
    /// The media type, and the text.
    Text(String, String),
}

/// Writes an object of attributes as the media type of the body asks.
///
/// # Errors
/// What cannot be written, as a clause about the media type.
pub(super) fn encode(
    schemas: &Schemas,
    body: &Body,
    object: &Map<String, Json>,
    operation: Option<&str>,
) -> Result<Encoded, String> {
    let media = body.media_type.as_str();
    let essence = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence.contains("json") {
        return Ok(Encoded::Json(media.to_owned()));
    }
    if essence.is_empty() || essence.contains('*') {
        return Ok(Encoded::Json("application/json".to_owned()));
    }
    if essence == "application/x-www-form-urlencoded" {
        return Ok(Encoded::Text(media.to_owned(), form(object)));
    }
    if essence == "multipart/form-data" {
        let (boundary, text) = multipart(schemas, body, object)?;
        return Ok(Encoded::Text(format!("{essence}; boundary={boundary}"), text));
    }
    if essence.ends_with("/xml") || essence.ends_with("+xml") {
        return xml(schemas, body, object, operation)
            .map(|text| Encoded::Text(media.to_owned(), text));
    }
    // anything else is the one attribute, as it is
    match object.values().next() {
        Some(only) if object.len() == 1 => Ok(Encoded::Text(media.to_owned(), json_text(only))),
        _ => Err("takes one attribute, whose value is the whole body".to_owned()),
    }
}

/// `a=1&b=2`; lists repeat their name, parts of objects are `name[part]`.
fn form(object: &Map<String, Json>) -> String {
    let mut pairs = Vec::new();
    for (name, value) in object {
        flatten(name, value, &mut pairs);
    }
    let component = |text: &str| utf8_percent_encode(text, FORM).to_string().replace(' ', "+");
    let parts: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", component(name), component(value)))
        .collect();
    parts.join("&")
}

fn flatten(name: &str, value: &Json, pairs: &mut Vec<(String, String)>) {
    match value {
        Json::Null => {}
        Json::Object(fields) => {
            for (key, value) in fields {
                flatten(&format!("{name}[{key}]"), value, pairs);
            }
        }
        Json::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            for (at, item) in items.iter().enumerate() {
                flatten(&format!("{name}[{at}]"), item, pairs);
            }
        }
        Json::Array(items) => items.iter().for_each(|item| flatten(name, item, pairs)),
        scalar => pairs.push((name.to_owned(), json_text(scalar))),
    }
}

/// The boundary and the parts; binary attributes are files.
fn multipart(
    schemas: &Schemas,
    body: &Body,
    object: &Map<String, Json>,
) -> Result<(String, String), String> {
    let mut parts = Vec::new();
    for (name, value) in object {
        if name.contains(['"', '\r', '\n']) {
            return Err(format!("cannot have a part called `{name}`"));
        }
        let id = body.properties.iter().find(|property| property.wire == *name);
        let schema = id.map(|property| &schemas[property.schema]);
        let is_file = schema.is_some_and(|schema| schema.format.as_deref() == Some("binary"));
        let values = match value {
            Json::Null => continue,
            Json::Array(items) if items.iter().all(|item| !item.is_object()) => items.clone(),
            other => vec![other.clone()],
        };
        for value in values {
            let kind = match (is_file, &value) {
                (true, _) => "; filename=\"file\"\r\nContent-Type: application/octet-stream",
                (false, Json::Object(_) | Json::Array(_)) => "\r\nContent-Type: application/json",
                (false, _) => "",
            };
            let text = json_text(&value);
            parts.push(format!(
                "Content-Disposition: form-data; name=\"{name}\"{kind}\r\n\r\n{text}\r\n"
            ));
        }
    }
    let whole = parts.concat();
    let digest = whole.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |digest, byte| {
        (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // another one if the content has it
    let boundary = (0..u64::MAX)
        .map(|at| format!("part-{:016x}", digest.wrapping_add(at)))
        .find(|boundary| !whole.contains(boundary.as_str()))
        .ok_or("has no boundary")?;
    let mut text = String::with_capacity(whole.len() + parts.len() * 32 + 32);
    for part in &parts {
        text.push_str("--");
        text.push_str(&boundary);
        text.push_str("\r\n");
        text.push_str(part);
    }
    text.push_str("--");
    text.push_str(&boundary);
    text.push_str("--\r\n");
    Ok((boundary, text))
}

/// An XML document: the root is called as its schema is. Where that has no name, the one attribute that it has
/// is the root if it is an object, and else the root is the request of the operation.
fn xml(
    schemas: &Schemas,
    body: &Body,
    object: &Map<String, Json>,
    operation: Option<&str>,
) -> Result<String, String> {
    let schema = body.schema.map(|id| &schemas[id]);
    let own = schema.and_then(|schema| schema.xml_name.clone().or_else(|| schema.name.clone()));
    let mut out = body.xml_declaration.clone().unwrap_or_default();
    let start = out.len();
    let only = object.iter().next().filter(|(key, _)| is_payload(schemas, schema, key));
    let name = match (own, only) {
        (Some(name), _) => {
            element(&mut out, schemas, &name, body.schema, &Json::Object(object.clone()))?;
            name
        }
        (None, Some((key, value))) => {
            let inner = schema.and_then(|schema| schema.properties.get(key)).copied();
            let own = inner.and_then(|id| schemas[id].xml_name.clone());
            let name = own.unwrap_or_else(|| key.clone());
            element(&mut out, schemas, &name, inner, value)?;
            name
        }
        (None, None) => {
            let operation = operation.ok_or("has a root element without a name")?;
            let name = format!("{operation}Request");
            element(&mut out, schemas, &name, body.schema, &Json::Object(object.clone()))?;
            name
        }
    };
    if let Some(annotation) = body.xml_root_annotation.as_deref() {
        out.insert_str(start + 1 + name.len(), &format!(" {}", annotation.trim()));
    }
    Ok(out)
}

/// True for the only attribute of a body, if it is an object: the body is that object.
fn is_payload(schemas: &Schemas, schema: Option<&Schema>, key: &str) -> bool {
    schema.is_some_and(|schema| {
        let inner = schema.properties.get(key).filter(|_| schema.properties.len() == 1);
        inner.is_some_and(|id| schemas[*id].kind == SchemaKind::Object)
    })
}

fn element(
    out: &mut String,
    schemas: &Schemas,
    name: &str,
    id: Option<SchemaId>,
    value: &Json,
) -> Result<(), String> {
    if name.is_empty() || name.contains(|c: char| !c.is_alphanumeric() && !"_-.:".contains(c)) {
        return Err(format!("cannot have an element called `{name}`"));
    }
    let schema = id.map(|id| &schemas[id]);
    out.push('<');
    out.push_str(name);
    out.push('>');
    match value {
        Json::Null => {}
        Json::Object(fields) => {
            for (key, value) in fields {
                let inner = schema.and_then(|schema| schema.properties.get(key)).copied();
                let wire = inner.and_then(|id| schemas[id].xml_name.as_deref()).unwrap_or(key);
                element(out, schemas, wire, inner, value)?;
            }
        }
        Json::Array(items) => {
            let inner = schema.and_then(|schema| schema.items);
            let item = inner.map(|id| &schemas[id]);
            let called = item.and_then(|item| item.xml_name.as_deref().or(item.name.as_deref()));
            for value in items {
                element(out, schemas, called.unwrap_or("member"), inner, value)?;
            }
        }
        // a part of the document that the statement has written itself
        Json::String(text)
            if schema.is_none_or(|schema| schema.kind != SchemaKind::String)
                && is_elements(text.trim()) =>
        {
            out.push_str(text.trim());
        }
        scalar => escape(out, &json_text(scalar))?,
    }
    out.push_str("</");
    out.push_str(name);
    out.push('>');
    Ok(())
}

/// True for a text of whole elements; any other text is a value, whatever it begins with.
fn is_elements(text: &str) -> bool {
    if !text.starts_with('<') {
        return false;
    }
    let mut reader = Reader::from_str(text);
    let mut open = 0_u32;
    loop {
        match reader.read_event() {
            Ok(Event::Start(_)) => open += 1,
            Ok(Event::End(_)) if open > 0 => open -= 1,
            Ok(Event::End(_)) | Err(_) => return false,
            Ok(Event::Eof) => return open == 0,
            Ok(_) => {}
        }
    }
}

fn escape(out: &mut String, text: &str) -> Result<(), String> {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\r' => out.push_str("&#13;"),
            c if c.is_control() && !matches!(c, '\n' | '\t') => {
                return Err("cannot have control characters".to_owned());
            }
            other => out.push(other),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use strataql_spec::BodyNaming;

    use super::*;

    fn body(media_type: &str) -> Body {
        Body {
            media_type: media_type.to_owned(),
            schema: None,
            required: false,
            naming: BodyNaming::Naive,
            properties: Vec::new(),
            base: None,
            default: None,
            transform: None,
            xml_declaration: None,
            xml_root_annotation: None,
        }
    }

    fn encoded(media_type: &str, object: &Json) -> Result<Encoded, String> {
        let object = object.as_object().expect("an object");
        encode(&Schemas::default(), &body(media_type), object, None)
    }

    fn check(media_type: &str, object: &Json, sent_as: &str, text: &str) {
        let expected = Encoded::Text(sent_as.to_owned(), text.to_owned());
        assert_eq!(encoded(media_type, object), Ok(expected), "{media_type}");
    }

    #[test]
    fn forms_repeat_lists_and_name_parts() {
        let object = json!({"a": "x y&z", "l": [1, 2], "o": {"k": true, "d": {"e": null}}, "r": [{"n": "ü"}]});
        let media = "application/x-www-form-urlencoded";
        check(media, &object, media, "a=x+y%26z&l=1&l=2&o%5Bk%5D=true&r%5B0%5D%5Bn%5D=%C3%BC");
    }

    #[test]
    fn a_root_without_a_name_is_the_request_of_its_operation() {
        let object = json!({"A": 1, "B": "<"});
        let object = object.as_object().expect("an object");
        let own = body("application/xml");
        let encode = |operation| encode(&Schemas::default(), &own, object, operation);
        assert!(encode(None).is_err());
        let text = "<ChangeThingRequest><A>1</A><B>&lt;</B></ChangeThingRequest>";
        let expected = Encoded::Text("application/xml".to_owned(), text.to_owned());
        assert_eq!(encode(Some("ChangeThing")), Ok(expected));
    }

    #[test]
    fn parts_of_multipart_keep_their_text() {
        let object = json!({"purpose": "batch", "meta": {"a": 1}});
        let Ok(Encoded::Text(media, text)) = encoded("multipart/form-data", &object) else {
            panic!("not written")
        };
        let boundary = media.split_once("boundary=").expect("a boundary").1;
        assert_eq!(
            text,
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n\
                 --{boundary}\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Type: application/json\r\n\r\n{{\"a\":1}}\r\n\
                 --{boundary}--\r\n"
            )
        );
        assert!(encoded("multipart/form-data", &json!({"a\"\r\nX": 1})).is_err());
    }

    #[test]
    fn other_media_types_take_one_attribute() {
        check("text/plain", &json!({"data": "a\nb"}), "text/plain", "a\nb");
        assert!(encoded("application/octet-stream", &json!({"a": 1, "b": 2})).is_err());
        assert_eq!(
            encoded("*/*", &json!({"a": 1})),
            Ok(Encoded::Json("application/json".to_owned()))
        );
    }

    #[test]
    fn values_in_xml_are_escaped() {
        let mut out = String::new();
        let value = json!({"Key": "a<b>&", "List": [1, {"x": null}], "Raw": "<Rule/>"});
        element(&mut out, &Schemas::default(), "Root", None, &value).expect("written");
        assert_eq!(
            out,
            "<Root><Key>a&lt;b&gt;&amp;</Key><List><member>1</member><member><x></x></member></List><Raw><Rule/></Raw></Root>"
        );
        assert!(element(&mut out, &Schemas::default(), "a b", None, &json!(1)).is_err());
        assert!(element(&mut out, &Schemas::default(), "a", None, &json!("\u{1}")).is_err());
        assert!(xml(&Schemas::default(), &body("application/xml"), &Map::new(), None).is_err());
    }
}
