//! Loading a method's body: media type, schema, naming, `base` and `default`.

use std::collections::HashSet;

use super::method::Names;
use crate::body::{Body, BodyNaming, BodyProperty};
use crate::method::Transform;
use crate::node::Node;
use crate::schema::{SchemaBuilder, SchemaId, SchemaKind};

/// The attribute of a body that is one text.
const WHOLE: &str = "data";

/// Media types in order of preference when a method names none.
pub(super) const MEDIA_PREFERENCE: [&str; 3] =
    ["application/json", "application/xml", "application/octet-stream"];

pub(super) fn read_body<'a>(
    method: &'a Node,
    operation: &'a Node,
    levels: &[&'a Node],
    names: &Names<'_>,
    schemas: &mut SchemaBuilder<'a>,
) -> Option<Body> {
    let request = method.get("request");
    let declared = operation.get("requestBody").and_then(|body| schemas.resolve(body));
    let part = |key: &str| request.and_then(|request| request.get(key));
    let base = part("base");
    let default = part("default");
    if declared.is_none() && base.is_none() && default.is_none() {
        return None;
    }
    let content = declared.and_then(|body| body.get("content"));
    let wanted = part("mediaType").and_then(Node::text);
    let chosen = choose_media(content, wanted);
    let media_type =
        wanted.or(chosen.map(|(name, _)| name)).unwrap_or("application/json").to_owned();
    let schema_node =
        part("schema_override").or_else(|| chosen.and_then(|(_, media)| media.get("schema")));
    let schema = schema_node.map(|node| schemas.add(node));
    let algorithm = levels
        .iter()
        .find_map(|level| level.get("requestBodyTranslate")?.text_at("algorithm"))
        .unwrap_or("default");
    let naming = match algorithm {
        "naive" => BodyNaming::Naive,
        other => match other.strip_prefix("naive_") {
            Some(path) => BodyNaming::Nested(path.to_owned()),
            None => BodyNaming::Prefixed("data__".to_owned()),
        },
    };
    let properties =
        schema.map(|id| body_properties(id, &naming, names, schemas)).unwrap_or_default();
    let transform = part("transform").and_then(read_transform);
    let as_json = |node: &Node| match node.text() {
        Some(text) => serde_json::from_str(text).ok(),
        None => Some(node.to_json()),
    };
    Some(Body {
        media_type,
        schema,
        required: declared.is_some_and(|body| body.flag_at("required")),
        naming,
        properties,
        base: base.and_then(as_json),
        default: default.map(|node| {
            node.text().map_or_else(|| node.to_json().to_string(), |text| unquoted(text).to_owned())
        }),
        transform,
        xml_declaration: part("xmlDeclaration").and_then(Node::text).map(str::to_owned),
        xml_root_annotation: part("xmlRootAnnotation").and_then(Node::text).map(str::to_owned),
    })
}

/// A default body without the quotes that some documents put around its JSON.
fn unquoted(text: &str) -> &str {
    let inner = text.trim().strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    inner
        .filter(|inner| serde_json::from_str::<serde::de::IgnoredAny>(inner).is_ok())
        .unwrap_or(text)
}

fn body_properties(
    schema: SchemaId,
    naming: &BodyNaming,
    names: &Names<'_>,
    schemas: &SchemaBuilder<'_>,
) -> Vec<BodyProperty> {
    let holder = match naming {
        BodyNaming::Nested(path) => schemas.schema(schema).properties.get(path).copied(),
        _ => Some(schema),
    };
    let Some((id, holder)) = holder.map(|id| (id, schemas.schema(id))) else { return Vec::new() };
    // a body that is one text has one attribute
    if holder.properties.is_empty() && holder.kind == SchemaKind::String {
        let name = match naming {
            BodyNaming::Prefixed(prefix) => format!("{prefix}{WHOLE}"),
            _ => WHOLE.to_owned(),
        };
        return vec![BodyProperty { name, wire: WHOLE.to_owned(), schema: id, required: false }];
    }
    let required: HashSet<&str> = holder.required.iter().map(String::as_str).collect();
    holder
        .properties
        .iter()
        .filter(|(_, id)| !schemas.schema(**id).read_only)
        .map(|(wire, id)| {
            let plain = names.sql(wire, schemas.schema(*id).alias.as_deref());
            let name = match naming {
                BodyNaming::Prefixed(prefix) => format!("{prefix}{plain}"),
                _ => plain,
            };
            BodyProperty {
                name,
                wire: wire.clone(),
                schema: *id,
                required: required.contains(wire.as_str()),
            }
        })
        .collect()
}

/// The `content` entry to use: the named one, else the first of the usual types, else the first.
pub(super) fn choose_media<'a>(
    content: Option<&'a Node>,
    wanted: Option<&str>,
) -> Option<(&'a str, &'a Node)> {
    let content = content?;
    if let Some(wanted) = wanted {
        return content.entries().find(|(name, _)| *name == wanted);
    }
    MEDIA_PREFERENCE
        .iter()
        .find_map(|preferred| content.entries().find(|(name, _)| name == preferred))
        .or_else(|| content.entries().next())
}

pub(super) fn read_transform(node: &Node) -> Option<Transform> {
    Some(Transform {
        kind: node.string_at("type")?,
        body: node.string_at("body").unwrap_or_default(),
    })
}
