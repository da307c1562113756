//! Rows of a catalog on their way into columns.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, new_null_array,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use strataql_diag::Report;

use super::layouts::Layout;

/// A cell. What a row leaves out is 0, false or NULL.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Null,
    Number(i64),
    Real(f64),
    Truth(bool),
    Text(String),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self::Truth(value)
    }
}

fn columns(layout: &Layout) -> impl Iterator<Item = (&'static str, &'static str)> {
    layout.columns.split_whitespace().filter_map(|column| column.split_once(':'))
}

fn data_type(kind: &str) -> DataType {
    match kind {
        "o" | "i" => DataType::Int64,
        "f" => DataType::Float64,
        "b" => DataType::Boolean,
        "a" => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
        _ => DataType::Utf8,
    }
}

/// The columns of a catalog.
pub(super) fn schema_of(layout: &Layout) -> SchemaRef {
    let fields = columns(layout).map(|(name, kind)| Field::new(name, data_type(kind), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Columns that grow row by row.
pub(super) struct Sheet {
    columns: Vec<(&'static str, &'static str)>,
    cells: Vec<Vec<Cell>>,
    schema: SchemaRef,
    rows: usize,
}

impl Sheet {
    /// An empty sheet.
    pub(super) fn new(layout: &Layout) -> Self {
        let columns: Vec<_> = columns(layout).collect();
        let cells = columns.iter().map(|_| Vec::new()).collect();
        Self { columns, cells, schema: schema_of(layout), rows: 0 }
    }

    /// Adds a row of named cells.
    pub(super) fn row<const N: usize>(&mut self, mut row: [(&str, Cell); N]) {
        self.rows += 1;
        for ((name, kind), cells) in self.columns.iter().zip(&mut self.cells) {
            let given = row.iter_mut().find(|(given, _)| given == name);
            let cell = match given {
                Some((_, cell)) => std::mem::replace(cell, Cell::Null),
                None => match *kind {
                    "o" | "i" => Cell::Number(0),
                    "f" => Cell::Real(0.0),
                    "b" => Cell::Truth(false),
                    _ => Cell::Null,
                },
            };
            cells.push(cell);
        }
    }

    /// The rows.
    ///
    /// # Errors
    /// `internal` if a cell does not fit its column.
    pub(super) fn batch(self) -> Result<RecordBatch, Box<Report>> {
        let rows = self.rows;
        let columns = self.columns.iter().zip(self.cells).map(|((_, kind), cells)| -> ArrayRef {
            match *kind {
                "o" | "i" => Arc::new(
                    cells
                        .iter()
                        .map(|cell| match cell {
                            Cell::Number(number) => Some(*number),
                            _ => None,
                        })
                        .collect::<Int64Array>(),
                ),
                "f" => Arc::new(
                    cells
                        .iter()
                        .map(|cell| match cell {
                            Cell::Real(number) => Some(*number),
                            _ => None,
                        })
                        .collect::<Float64Array>(),
                ),
                "b" => Arc::new(
                    cells
                        .iter()
                        .map(|cell| match cell {
                            Cell::Truth(value) => Some(*value),
                            _ => None,
                        })
                        .collect::<BooleanArray>(),
                ),
                "a" => new_null_array(&data_type("a"), rows),
                _ => Arc::new(
                    cells
                        .iter()
                        .map(|cell| match cell {
                            Cell::Text(text) => Some(text.as_str()),
                            _ => None,
                        })
                        .collect::<StringArray>(),
                ),
            }
        });
        RecordBatch::try_new(self.schema, columns.collect())
            .map_err(|error| Box::new(Report::internal(error.to_string())))
    }
}
