//! Result columns of a select method.
//!
//! Owns: the mapping of `OpenAPI` types to column types (nested values:
//! docs/decisions/0003-nested-values-are-json-text.md).
//! Refuses: Arrow; the decoder maps [`ColumnType`] to it.

use serde::{Deserialize, Serialize};

use crate::schema::{Schema, SchemaId, SchemaKind};

/// The type of a result column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// UTF-8 text; also untyped values (scalars as text, structures as JSON text).
    Text,
    /// 64-bit signed integer.
    Integer,
    /// 64-bit float.
    Number,
    /// Boolean.
    Boolean,
    /// An object or array as JSON text.
    Json,
}

impl ColumnType {
    /// The column type of values of a schema.
    pub fn of(schema: &Schema) -> Self {
        match schema.kind {
            SchemaKind::Integer => Self::Integer,
            SchemaKind::Number => Self::Number,
            SchemaKind::Boolean => Self::Boolean,
            SchemaKind::Object | SchemaKind::Array => Self::Json,
            SchemaKind::String | SchemaKind::Any => Self::Text,
        }
    }

    /// The SQL name shown by DESCRIBE and errors.
    pub const fn sql_name(self) -> &'static str {
        match self {
            Self::Text => "TEXT",
            Self::Integer => "BIGINT",
            Self::Number => "DOUBLE",
            Self::Boolean => "BOOLEAN",
            Self::Json => "JSON",
        }
    }
}

/// One result column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// The SQL name.
    pub name: String,
    /// The key in the response; differs from `name` under snake-case aliases.
    pub wire: String,
    /// The type.
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// The schema of its values.
    pub schema: SchemaId,
}

/// The column of rows that are not objects (arrays of scalars).
pub const ANONYMOUS: &str = "column_anon";
