//! A resource of a loaded document: its columns, its parameters, and the schema they come to.
//!
//! Owns: the schema (visible columns in document order, then parameter-only columns, hidden).

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use strataql_call::{MethodRef, field_of};
use strataql_functions::JSON_SCHEMA;
use strataql_spec::method::SqlVerb;
use strataql_spec::{Column, ColumnType, Method, Provider, Resource, SchemaKind, Service};

/// Field metadata key of parameter-only columns.
pub(crate) const HIDDEN: &str = "strataql:hidden";

/// Field metadata key of text columns that hold numbers by their document.
pub(crate) const NUMBERS: &str = "strataql:numbers";

/// A word that no SQL holds: among the words of a statement it stands for every JSON column, so that
/// rows that are kept keep the schemas of their columns.
pub const EVERY_SCHEMA: &str = "\u{1}schemas";

/// A resource of a loaded document.
#[derive(Debug, Clone)]
pub struct ResourceRef {
    /// The provider.
    pub provider: Arc<Provider>,
    /// The service, with its resources.
    pub service: Arc<Service>,
    /// The resource's name in the service.
    pub name: String,
}

impl ResourceRef {
    /// The resource's description.
    pub fn resource(&self) -> &Resource {
        &self.service.resources[self.name.as_str()]
    }

    /// `provider.service.resource`.
    pub fn dotted(&self) -> String {
        format!("{}.{}.{}", self.provider.name, self.service.name, self.name)
    }

    /// A method of the resource.
    pub fn method(&self, name: &str) -> Option<MethodRef> {
        MethodRef::find(&self.provider, &self.service, &self.name, name)
    }

    /// True if some select method returns a column of that name.
    pub fn is_column(&self, name: &str) -> bool {
        self.select_methods().any(|method| method.column(name).is_some())
    }

    /// The methods that SELECT may call, in document order.
    pub fn select_methods(&self) -> impl Iterator<Item = &Method> {
        self.resource().candidates(SqlVerb::Select)
    }

    /// The union of the select methods' columns, in document order. A name that methods give
    /// different types is text.
    pub fn columns(&self) -> Vec<Column> {
        let mut columns: Vec<Column> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for column in self.select_methods().flat_map(|method| &method.response.columns) {
            match places.get(column.name.as_str()) {
                None => {
                    places.insert(&column.name, columns.len());
                    columns.push(column.clone());
                }
                Some(at) if columns[*at].kind != column.kind => {
                    columns[*at].kind = ColumnType::Text;
                }
                Some(_) => {}
            }
        }
        columns
    }

    /// True for text whose format is that of a number: numbers too long for JSON are written so.
    fn holds_numbers(&self, column: &Column) -> bool {
        let schema = &self.service.schemas[column.schema];
        schema.kind == SchemaKind::String
            && schema.format.as_deref().is_some_and(|format| {
                let bare = format.trim_start_matches("google-");
                matches!(bare, "double" | "float" | "decimal" | "number" | "integer")
                    || bare.trim_start_matches('u').strip_prefix("int").is_some_and(|bits| {
                        !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit())
                    })
            })
    }

    /// Names that are parameters of some select method, in order, each once.
    pub fn parameters(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for input in self.select_methods().flat_map(Method::inputs) {
            if !names.iter().any(|known| known == input.name) {
                names.push(input.name.to_owned());
            }
        }
        names
    }

    /// The schema: columns, then parameters that are no columns, marked hidden. JSON columns among
    /// `words` (lower case) carry their documented schema, so that paths into them are typed.
    pub(crate) fn schema(&self, words: &BTreeSet<String>) -> SchemaRef {
        let columns = self.columns();
        let mut fields: Vec<Field> = columns
            .iter()
            .map(|column| {
                let mut field = field_of(&column.name, column.kind);
                if column.kind == ColumnType::Text && self.holds_numbers(column) {
                    let mut metadata = field.metadata().clone();
                    metadata.insert(NUMBERS.to_owned(), "1".to_owned());
                    field = field.with_metadata(metadata);
                }
                let is_wanted =
                    words.contains(&column.name.to_lowercase()) || words.contains(EVERY_SCHEMA);
                if column.kind != ColumnType::Json || !is_wanted {
                    return field;
                }
                let mut metadata = field.metadata().clone();
                let schema = self.service.schemas.compact(column.schema);
                metadata.insert(JSON_SCHEMA.to_owned(), schema);
                field.with_metadata(metadata)
            })
            .collect();
        let names: HashSet<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        for name in self.parameters() {
            if !names.contains(name.as_str()) {
                let hidden = [(HIDDEN.to_owned(), "1".to_owned())];
                fields.push(Field::new(name, DataType::Utf8, true).with_metadata(hidden.into()));
            }
        }
        Arc::new(Schema::new(fields))
    }
}

/// True for a parameter-only column.
pub(crate) fn is_hidden(field: &Field) -> bool {
    field.metadata().contains_key(HIDDEN)
}
