//! Cells of batches as the profile spells them.
//!
//! Surprise: a boolean that a statement computes is 1 or 0, one that a service answers is `true` or
//! `false`.

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema};
use strataql_compat::go_json::{float_text, respelt};
use strataql_diag::Report;

/// Appends the rows of a batch. `computed` tells for each column whether the statement computes it.
///
/// # Errors
/// `internal` for a batch of another shape.
pub(super) fn append(
    schema: &Schema,
    batch: &RecordBatch,
    computed: &[bool],
    rows: &mut Vec<Vec<Option<String>>>,
) -> Result<(), Box<Report>> {
    for mut row in strataql_output::texts(schema, batch)? {
        for (at, cell) in row.iter_mut().enumerate() {
            let Some(text) = cell else { continue };
            let field = schema.field(at);
            match field.data_type() {
                DataType::Float16 | DataType::Float32 | DataType::Float64 => {
                    if let Ok(number) = text.parse() {
                        *text = float_text(number);
                    }
                }
                DataType::Boolean if computed.get(at) == Some(&true) => {
                    *text = if text == "true" { "1".to_owned() } else { "0".to_owned() };
                }
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
                    if strataql_output::holds_json(field) =>
                {
                    *text = respelt(text);
                }
                _ => {}
            }
        }
        rows.push(row);
    }
    Ok(())
}
