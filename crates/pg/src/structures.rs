//! Values without a type of PostgreSQL, as JSON text.

use std::fmt::Write;

use arrow::array::AsArray;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow_array::Array;
use arrow_schema::DataType;
use strataql_diag::{Code, Report};

/// A value as JSON.
///
/// # Errors
/// `type-mismatch` for a type that has no text.
pub(crate) fn json(array: &dyn Array, row: usize) -> Result<String, Box<Report>> {
    let mut out = String::new();
    append(array, row, &mut out)?;
    Ok(out)
}

fn append(array: &dyn Array, row: usize, out: &mut String) -> Result<(), Box<Report>> {
    if array.is_null(row) {
        out.push_str("null");
        return Ok(());
    }
    match array.data_type() {
        DataType::Struct(fields) => {
            let columns = array.as_struct();
            out.push('{');
            for (index, field) in fields.iter().enumerate() {
                comma(index, out);
                string(field.name(), out);
                out.push(':');
                append(columns.column(index).as_ref(), row, out)?;
            }
            out.push('}');
        }
        DataType::List(_) => list(array.as_list::<i32>().value(row).as_ref(), out)?,
        DataType::LargeList(_) => list(array.as_list::<i64>().value(row).as_ref(), out)?,
        DataType::FixedSizeList(..) => {
            list(array.as_fixed_size_list().value(row).as_ref(), out)?;
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            out.push('{');
            for index in 0..entries.len() {
                comma(index, out);
                string(&shown(entries.column(0).as_ref(), index)?, out);
                out.push(':');
                append(entries.column(1).as_ref(), index, out)?;
            }
            out.push('}');
        }
        DataType::Boolean => out.push_str(&shown(array, row)?),
        kind if kind.is_numeric() => {
            let text = shown(array, row)?;
            // JSON has no other numbers
            let is_number = !text.contains(['N', 'n', 'I', 'i']);
            if is_number { out.push_str(&text) } else { string(&text, out) }
        }
        _ => string(&shown(array, row)?, out),
    }
    Ok(())
}

fn list(values: &dyn Array, out: &mut String) -> Result<(), Box<Report>> {
    out.push('[');
    for index in 0..values.len() {
        comma(index, out);
        append(values, index, out)?;
    }
    out.push(']');
    Ok(())
}

fn comma(index: usize, out: &mut String) {
    if index > 0 {
        out.push(',');
    }
}

fn shown(array: &dyn Array, row: usize) -> Result<String, Box<Report>> {
    let options = FormatOptions::default();
    let text = ArrayFormatter::try_new(array, &options)
        .and_then(|formatter| formatter.value(row).try_to_string());
    text.map_err(|error| {
        Box::new(
            Report::new(Code::TypeMismatch, format!("a value has no text: {error}"))
                .with_help("leave the column out, or cast it"),
        )
    })
}

fn string(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => {
                // a text that grows refuses nothing
                let _grown = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}
