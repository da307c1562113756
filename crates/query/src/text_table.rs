//! Results whose cells are texts, as SHOW and DESCRIBE give them.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use strataql_diag::Report;

/// A table of texts.
pub fn text_table(
    names: &[&str],
    rows: Vec<Vec<Option<String>>>,
) -> Result<RecordBatch, Box<Report>> {
    let fields: Vec<Field> =
        names.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
    let columns: Vec<ArrayRef> = (0..names.len())
        .map(|column| {
            let cells: StringArray = rows.iter().map(|row| row[column].clone()).collect();
            Arc::new(cells) as ArrayRef
        })
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .map_err(|error| Box::new(Report::internal(error.to_string())))
}
