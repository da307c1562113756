//! The schema arena: every JSON schema that a service's methods reach, by index.
//!
//! Owns: the subset of JSON Schema that requests and responses need, `$ref` chains, flattening of
//! `allOf`/`oneOf`/`anyOf`, cycles.
//! Refuses: validation keywords that no request check uses.
//! Surprise: a `$ref` becomes one arena entry however often it is used, so cycles end by themselves.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::node::Node;

/// Index of a [`Schema`] in its service's [`Schemas`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SchemaId(pub u32);

/// The JSON type a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SchemaKind {
    /// `string`.
    String,
    /// `integer` (also the legacy `int`, `int64`, …).
    Integer,
    /// `number` (also `float`, `double`).
    Number,
    /// `boolean` (also `bool`).
    Boolean,
    /// `object`, or a schema with properties.
    Object,
    /// `array`, or a schema with items.
    Array,
    /// No type given: anything goes.
    #[default]
    Any,
}

impl SchemaKind {
    /// The OpenAPI name of the type; `any` when none is given.
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Object => "object",
            Self::Array => "array",
            Self::Any => "any",
        }
    }

    /// True for objects and arrays.
    pub const fn is_nested(self) -> bool {
        matches!(self, Self::Object | Self::Array)
    }
}

/// One schema.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Schema {
    /// The JSON type.
    pub kind: SchemaKind,
    /// The component name when it came from `#/components/schemas/<name>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `format`, for example `int64`, `date-time`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Text for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Allowed values (`enum` or `x-enum`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Json>,
    /// Default value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Json>,
    /// Properties in document order; keys are wire names.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub properties: IndexMap<String, SchemaId>,
    /// Names of required properties.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<String>,
    /// Schema of array items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<SchemaId>,
    /// Schema of further properties; `None` with `open` when anything may follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additional: Option<SchemaId>,
    /// True when `additionalProperties` is `true` or a schema.
    #[serde(skip_serializing_if = "is_false")]
    pub open: bool,
    /// The server fills it; it is not part of a request.
    #[serde(skip_serializing_if = "is_false")]
    pub read_only: bool,
    /// `null` is a value of it.
    #[serde(skip_serializing_if = "is_false")]
    pub nullable: bool,
    /// `x-stackQL-stringOnly`: JSON text stays text, assembled objects are sent as text.
    #[serde(skip_serializing_if = "is_false")]
    pub string_only: bool,
    /// The element name in XML bodies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xml_name: Option<String>,
    /// `x-stackQL-alias`: another name in SQL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// All schemas of a service.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schemas(Vec<Schema>);

impl std::ops::Index<SchemaId> for Schemas {
    type Output = Schema;

    fn index(&self, id: SchemaId) -> &Schema {
        &self.0[id.0 as usize]
    }
}

impl Schemas {
    /// How many schemas there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The schema of property `name` of `id`.
    pub fn property(&self, id: SchemaId, name: &str) -> Option<SchemaId> {
        self[id].properties.get(name).copied()
    }

    /// Follows a path of property names; a number or `*` steps into array items.
    pub fn at_path<S: AsRef<str>>(&self, from: SchemaId, path: &[S]) -> Option<SchemaId> {
        path.iter().try_fold(from, |id, step| {
            let step = step.as_ref();
            let schema = &self[id];
            match schema.properties.get(step) {
                Some(id) => Some(*id),
                None if step == "*" || step.parse::<usize>().is_ok() => {
                    schema.items.or(schema.additional)
                }
                None => schema.additional,
            }
        })
    }

    /// True if every reference points into the arena (a stored model may be damaged).
    pub fn is_consistent(&self) -> bool {
        let len = self.0.len();
        let inside = |id: &SchemaId| (id.0 as usize) < len;
        self.0.iter().all(|schema| {
            schema.properties.values().all(inside)
                && schema.items.iter().all(inside)
                && schema.additional.iter().all(inside)
        })
    }
}

/// Builds the arena from document nodes.
pub(crate) struct SchemaBuilder<'a> {
    root: &'a Node,
    arena: Vec<Schema>,
    by_ref: HashMap<String, SchemaId>,
    /// `$ref`s that point nowhere, with the line of the reference.
    pub(crate) dangling: Vec<(String, u32)>,
}

/// Longest chain of `$ref` to `$ref`.
const MAX_REF_CHAIN: usize = 32;
/// Deepest nesting of inline schemas.
const MAX_INLINE_DEPTH: usize = 100;

impl<'a> SchemaBuilder<'a> {
    pub(crate) fn new(root: &'a Node) -> Self {
        Self {
            root,
            arena: Vec::new(),
            by_ref: HashMap::new(),
            dangling: Vec::new(),
        }
    }

    pub(crate) fn finish(self) -> Schemas {
        Schemas(self.arena)
    }

    pub(crate) fn schema(&self, id: SchemaId) -> &Schema {
        &self.arena[id.0 as usize]
    }

    /// A plain text schema.
    pub(crate) fn text(&mut self) -> SchemaId {
        self.arena.push(Schema { kind: SchemaKind::String, ..Schema::default() });
        SchemaId(index(self.arena.len() - 1))
    }

    /// A schema that allows anything.
    pub(crate) fn any(&mut self) -> SchemaId {
        self.reserve()
    }

    /// Follows `$ref` chains of anything but schemas (parameters, responses, bodies).
    pub(crate) fn resolve(&mut self, node: &'a Node) -> Option<&'a Node> {
        let mut node = node;
        for _ in 0..MAX_REF_CHAIN {
            let Some(reference) = node.text_at("$ref") else { return Some(node) };
            match self.root.pointer(reference) {
                Some(target) => node = target,
                None => {
                    self.dangling.push((reference.to_owned(), node.line));
                    return None;
                }
            }
        }
        self.dangling.push((node.text_at("$ref").unwrap_or_default().to_owned(), node.line));
        None
    }

    /// The arena entry of a schema node.
    pub(crate) fn add(&mut self, node: &'a Node) -> SchemaId {
        self.add_at(node, 0)
    }

    fn add_at(&mut self, node: &'a Node, depth: usize) -> SchemaId {
        if let Some(reference) = node.text_at("$ref") {
            return self.add_reference(node, reference, depth);
        }
        let id = self.reserve();
        self.fill(id, node, None, depth);
        id
    }

    fn add_reference(&mut self, node: &'a Node, reference: &str, depth: usize) -> SchemaId {
        let id = match self.by_ref.get(reference) {
            Some(id) => *id,
            None => {
                let id = self.reserve();
                self.by_ref.insert(reference.to_owned(), id);
                match self.chase(reference) {
                    Some(target) => self.fill(id, target, component_name(reference), depth),
                    None => self.dangling.push((reference.to_owned(), node.line)),
                }
                id
            }
        };
        // siblings of `$ref` (OpenAPI 3.1 style) annotate this use only
        let description = node.string_at("description");
        let string_only = node.flag_at("x-stackQL-stringOnly");
        let differs = description.is_some() && self.schema(id).description != description;
        if !differs && !string_only {
            return id;
        }
        let mut copy = self.schema(id).clone();
        copy.description = description.or(copy.description);
        copy.string_only |= string_only;
        self.arena.push(copy);
        SchemaId(index(self.arena.len() - 1))
    }

    /// The node at the end of a chain of references.
    fn chase(&self, reference: &str) -> Option<&'a Node> {
        let mut node = self.root.pointer(reference)?;
        for _ in 0..MAX_REF_CHAIN {
            match node.text_at("$ref") {
                Some(next) => node = self.root.pointer(next)?,
                None => return Some(node),
            }
        }
        None
    }

    fn reserve(&mut self) -> SchemaId {
        self.arena.push(Schema::default());
        SchemaId(index(self.arena.len() - 1))
    }

    fn fill(&mut self, id: SchemaId, node: &'a Node, name: Option<String>, depth: usize) {
        let mut schema = Schema {
            name,
            format: node.string_at("format"),
            description: node.string_at("description"),
            default: node.get("default").map(Node::to_json),
            required: node.texts_at("required"),
            read_only: node.flag_at("readOnly"),
            nullable: node.flag_at("nullable"),
            string_only: node.flag_at("x-stackQL-stringOnly"),
            xml_name: node.get("xml").and_then(|xml| xml.string_at("name")),
            alias: node.string_at("x-stackQL-alias"),
            values: node
                .get("enum")
                .or_else(|| node.get("x-enum"))
                .map(|values| values.items().iter().map(Node::to_json).collect())
                .unwrap_or_default(),
            ..Schema::default()
        };
        schema.kind = kind_of(node, &mut schema.nullable);
        if depth < MAX_INLINE_DEPTH {
            for (property, child) in node.get("properties").into_iter().flat_map(Node::entries) {
                let child = self.add_at(child, depth + 1);
                schema.properties.insert(property.to_owned(), child);
            }
            schema.items = node.get("items").map(|items| self.add_at(items, depth + 1));
            match node.get("additionalProperties") {
                Some(rest) if rest.map().is_some() => {
                    schema.open = true;
                    schema.additional = Some(self.add_at(rest, depth + 1));
                }
                Some(rest) => schema.open = rest.flag() == Some(true),
                None => {}
            }
            // publish before flattening: a member may refer back to this very schema
            self.arena[id.0 as usize] = schema.clone();
            self.flatten(&mut schema, node, depth);
        }
        if schema.kind == SchemaKind::Any {
            if !schema.properties.is_empty() || schema.open {
                schema.kind = SchemaKind::Object;
            } else if schema.items.is_some() {
                schema.kind = SchemaKind::Array;
            }
        }
        self.arena[id.0 as usize] = schema;
    }

    /// Unions the members of `allOf`; those of `oneOf`, then `anyOf`, only when nothing else gives properties.
    fn flatten(&mut self, schema: &mut Schema, node: &'a Node, depth: usize) {
        for keyword in ["allOf", "oneOf", "anyOf"] {
            let Some(members) = node.get(keyword) else { continue };
            if !schema.properties.is_empty() && (keyword != "allOf") {
                continue;
            }
            for member in members.items() {
                let member = self.add_at(member, depth + 1);
                let member = self.schema(member).clone();
                for (name, id) in member.properties {
                    schema.properties.entry(name).or_insert(id);
                }
                if keyword == "allOf" {
                    schema.required.extend(member.required);
                }
                if schema.kind == SchemaKind::Any {
                    schema.kind = member.kind;
                }
                schema.items = schema.items.or(member.items);
                schema.additional = schema.additional.or(member.additional);
                schema.open |= member.open;
                schema.format = schema.format.take().or(member.format);
                schema.description = schema.description.take().or(member.description);
                if schema.values.is_empty() {
                    schema.values = member.values;
                }
            }
        }
    }
}

fn index(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

fn component_name(reference: &str) -> Option<String> {
    let name = reference.strip_prefix("#/components/schemas/")?;
    (!name.contains('/')).then(|| name.replace("~1", "/").replace("~0", "~"))
}

fn kind_of(node: &Node, nullable: &mut bool) -> SchemaKind {
    let Some(declared) = node.get("type") else { return SchemaKind::Any };
    let names = node.texts_at("type");
    if declared.is_sequence() && names.iter().any(|name| name == "null") {
        *nullable = true;
    }
    match names.iter().find(|name| *name != "null").map(String::as_str) {
        Some("string") => SchemaKind::String,
        Some("integer" | "int" | "int32" | "int64" | "long") => SchemaKind::Integer,
        Some("number" | "float" | "double" | "decimal") => SchemaKind::Number,
        Some("boolean" | "bool") => SchemaKind::Boolean,
        Some("object") => SchemaKind::Object,
        Some("array") => SchemaKind::Array,
        _ => SchemaKind::Any,
    }
}
