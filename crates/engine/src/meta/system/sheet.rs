//! Rows of system tables on their way into columns.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanBuilder, Int64Builder, RecordBatch, RecordBatchOptions, StringBuilder,
    new_null_array,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use strataql_diag::Report;

use strataql_functions::json_field;

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Json,
    Integer,
    Boolean,
}

impl Kind {
    fn field(self, name: &str) -> Field {
        match self {
            Self::Text => Field::new(name, DataType::Utf8, true),
            Self::Json => json_field(name),
            Self::Integer => Field::new(name, DataType::Int64, true),
            Self::Boolean => Field::new(name, DataType::Boolean, true),
        }
    }
}

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    Text(Cow<'a, str>),
    Integer(i64),
    Boolean(bool),
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a String> for Cell<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<bool> for Cell<'_> {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<usize> for Cell<'_> {
    fn from(number: usize) -> Self {
        i64::try_from(number).map_or(Self::Null, Self::Integer)
    }
}

impl From<u64> for Cell<'_> {
    fn from(number: u64) -> Self {
        i64::try_from(number).map_or(Self::Null, Self::Integer)
    }
}

impl<'a, T: Into<Cell<'a>>> From<Option<T>> for Cell<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A text that people may have left out.
pub(super) fn described(text: &str) -> Cell<'_> {
    if text.is_empty() { Cell::Null } else { text.into() }
}

/// The schema of named columns.
pub(super) fn schema_of(columns: &[(&str, Kind)]) -> SchemaRef {
    let fields: Vec<Field> = columns.iter().map(|(name, kind)| kind.field(name)).collect();
    Arc::new(Schema::new(fields))
}

enum Column {
    Text(StringBuilder),
    Integer(Int64Builder),
    Boolean(BooleanBuilder),
    /// Nobody reads it.
    Unread(DataType),
}

/// Columns that grow row by row.
pub(super) struct Sheet {
    schema: SchemaRef,
    columns: Vec<Column>,
    rows: usize,
}

impl Sheet {
    /// An empty sheet. Columns that are not in `read` stay empty.
    pub(super) fn new(schema: &SchemaRef, read: Option<&[usize]>) -> Self {
        let columns = schema
            .fields()
            .iter()
            .enumerate()
            .map(|(position, field)| {
                let is_read = read.is_none_or(|read| read.contains(&position));
                match field.data_type() {
                    kind if !is_read => Column::Unread(kind.clone()),
                    DataType::Int64 => Column::Integer(Int64Builder::new()),
                    DataType::Boolean => Column::Boolean(BooleanBuilder::new()),
                    _ => Column::Text(StringBuilder::new()),
                }
            })
            .collect();
        Self { schema: Arc::clone(schema), columns, rows: 0 }
    }

    /// True if somebody reads the column at a position.
    pub(super) fn reads(&self, column: usize) -> bool {
        self.columns.get(column).is_some_and(|column| !matches!(column, Column::Unread(_)))
    }

    /// Adds a row.
    pub(super) fn row<'a>(&mut self, cells: impl IntoIterator<Item = Cell<'a>>) {
        self.rows += 1;
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            match (column, cell) {
                (Column::Unread(_), _) => {}
                (Column::Text(builder), Cell::Text(text)) => builder.append_value(text),
                (Column::Text(builder), _) => builder.append_null(),
                (Column::Integer(builder), Cell::Integer(number)) => builder.append_value(number),
                (Column::Integer(builder), _) => builder.append_null(),
                (Column::Boolean(builder), Cell::Boolean(value)) => builder.append_value(value),
                (Column::Boolean(builder), _) => builder.append_null(),
            }
        }
    }

    /// The rows.
    ///
    /// # Errors
    /// `internal` if a row had too few cells.
    pub(super) fn batch(self) -> Result<RecordBatch, Box<Report>> {
        let rows = self.rows;
        let columns: Vec<ArrayRef> = self
            .columns
            .into_iter()
            .map(|column| match column {
                Column::Text(mut builder) => Arc::new(builder.finish()) as ArrayRef,
                Column::Integer(mut builder) => Arc::new(builder.finish()),
                Column::Boolean(mut builder) => Arc::new(builder.finish()),
                Column::Unread(kind) => new_null_array(&kind, rows),
            })
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.schema, columns, &options)
            .map_err(|error| Box::new(Report::internal(error.to_string())))
    }
}
