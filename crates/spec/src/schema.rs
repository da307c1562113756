//! The schema arena: every JSON schema that a service's methods use, by index.
//!
//! Owns: the subset of JSON Schema that requests and responses need, `$ref` chains, flattening of
//! `allOf`/`oneOf`/`anyOf`, cycles.
//! Refuses: validation keywords that no request check uses.
//! Surprise: a `$ref` becomes one arena entry however often it is used, so cycles need no special
//! case.

mod build;
mod compact;
mod union;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

pub(crate) use build::SchemaBuilder;

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
    /// No type given: anything is allowed.
    #[default]
    Any,
}

impl SchemaKind {
    /// The `OpenAPI` name of the type; `any` when none is given.
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
    /// Description.
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
    /// Schema of additional properties; `None` with `open` when anything is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additional: Option<SchemaId>,
    /// True when `additionalProperties` is `true` or a schema.
    #[serde(skip_serializing_if = "is_false")]
    pub open: bool,
    /// Set by the server; not part of a request.
    #[serde(skip_serializing_if = "is_false")]
    pub read_only: bool,
    /// `null` is allowed.
    #[serde(skip_serializing_if = "is_false")]
    pub nullable: bool,
    /// `x-stackQL-stringOnly`: JSON text stays text, objects are sent as text.
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

    /// Follows a path of property names; a number or `*` selects array items.
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

    /// True if the index points into the arena.
    pub fn contains(&self, id: SchemaId) -> bool {
        (id.0 as usize) < self.0.len()
    }

    /// True if every reference points into the arena (a stored model may be damaged).
    pub fn is_consistent(&self) -> bool {
        let inside = |id: &SchemaId| self.contains(*id);
        self.0.iter().all(|schema| {
            schema.properties.values().all(inside)
                && schema.items.iter().all(inside)
                && schema.additional.iter().all(inside)
        })
    }
}
