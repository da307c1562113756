//! Request bodies: the columns that a write accepts, and how they form a body.
//!
//! Owns: the choice of media type and schema, the naming algorithm, `base` and `default`.
//! Refuses: building a body; that needs values.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::schema::SchemaId;

/// How SQL names map to body attributes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BodyNaming {
    /// The attribute's own name.
    Naive,
    /// A prefix (`data__` unless the document says otherwise).
    Prefixed(String),
    /// The attribute's own name, placed under this top-level property.
    Nested(String),
}

/// A body attribute that SQL can set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyProperty {
    /// The name in SQL, with the prefix of the naming.
    pub name: String,
    /// The attribute's own name.
    pub wire: String,
    /// Its schema.
    pub schema: SchemaId,
    /// True when the request is rejected without it.
    pub required: bool,
}

/// The body of a method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Body {
    /// The media type sent as `Content-Type`.
    pub media_type: String,
    /// The schema of the whole body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<SchemaId>,
    /// True when the operation requires a body.
    pub required: bool,
    /// The naming algorithm.
    pub naming: BodyNaming,
    /// Attributes in document order.
    pub properties: Vec<BodyProperty>,
    /// Object that the given attributes are merged into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Json>,
    /// Whole body when no attribute is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Template that turns the attributes into the body (type, text).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<crate::method::Transform>,
    /// XML declaration before an XML body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xml_declaration: Option<String>,
    /// Attributes of the XML root element.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xml_root_annotation: Option<String>,
}

/// What stands before the SQL names of attributes, unless the document says otherwise.
const PREFIX: &str = "data__";

impl BodyProperty {
    /// The name in SQL without the prefix of the naming, as a column of that meaning is called.
    pub fn plain_name(&self) -> &str {
        self.name.strip_prefix(PREFIX).unwrap_or(&self.name)
    }
}

impl Body {
    /// The attribute that a SQL name sets: its name, the bare attribute name, or the prefixed form.
    pub fn property(&self, name: &str) -> Option<&BodyProperty> {
        let exact = self.properties.iter().find(|p| p.name == name || p.wire == name);
        let bare = name.strip_prefix(PREFIX).unwrap_or(name);
        exact.or_else(|| self.properties.iter().find(|p| p.wire == bare || p.plain_name() == bare))
    }
}
