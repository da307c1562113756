//! Values of one row, as the functions of this folder see them.
//!
//! Owns: reading any Arrow array as one of eight kinds of value, and building result arrays.
//! Surprise: JSON is text with a mark. A function that makes JSON marks its result, so that
//! `json_array(json('[1]'))` nests; a nested column of a provider is marked too, but may hold plain
//! text where the document allows anything, so there only objects and arrays count as JSON.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, BooleanArray, BooleanBuilder,
    Float64Array, Float64Builder, Int64Array, Int64Builder, StringArray, StringBuilder,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type};
use datafusion_common::Result;
use strataql_diag::{Code, Report};
use strataql_json::quoted;

use super::json_column::{EXACT_JSON, is_json};
use crate::error::external;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Real(f64),
    Text(Cow<'a, str>),
    /// Text that is valid JSON.
    Json(Cow<'a, str>),
    Blob(Cow<'a, [u8]>),
}

/// What a function answers for a row.
pub(super) type Answer = std::result::Result<Cell<'static>, Box<Report>>;

impl Cell<'_> {
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The value as text; `None` for NULL and for bytes that are no text.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Null => None,
            Self::Boolean(flag) => Some(Cow::Borrowed(if *flag { "true" } else { "false" })),
            Self::Integer(number) => Some(Cow::Owned(number.to_string())),
            Self::Real(number) => Some(Cow::Owned(real_text(*number))),
            Self::Text(text) | Self::Json(text) => Some(Cow::Borrowed(text)),
            Self::Blob(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        }
    }

    /// The value as a whole number: reals are cut, text is read as far as it is a number.
    pub(super) fn integer(&self) -> Option<i64> {
        match self {
            Self::Null | Self::Blob(_) => None,
            Self::Boolean(flag) => Some(i64::from(*flag)),
            Self::Integer(number) => Some(*number),
            Self::Real(number) => Some(whole(*number)),
            Self::Text(text) | Self::Json(text) => {
                let text = text.trim();
                text.parse().ok().or_else(|| text.parse().ok().map(whole))
            }
        }
    }

    /// The value as a real number.
    pub(super) fn real(&self) -> Option<f64> {
        match self {
            Self::Null | Self::Blob(_) => None,
            Self::Boolean(flag) => Some(f64::from(u8::from(*flag))),
            #[expect(clippy::cast_precision_loss, reason = "a real number was asked for")]
            Self::Integer(number) => Some(*number as f64),
            Self::Real(number) => Some(*number),
            Self::Text(text) | Self::Json(text) => text.trim().parse().ok(),
        }
    }

    /// The value as JSON.
    pub(super) fn json(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Real(number) if !number.is_finite() => "null".to_owned(),
            Self::Json(text) => text.clone().into_owned(),
            Self::Text(text) => quoted(text),
            Self::Blob(bytes) => quoted(&String::from_utf8_lossy(bytes)),
            other => other.text().map(Cow::into_owned).unwrap_or_default(),
        }
    }
}

/// A real number as text: always with a point or an exponent.
pub(super) fn real_text(number: f64) -> String {
    format!("{number:?}")
}

#[expect(clippy::cast_possible_truncation, reason = "saturates, which is what is wanted")]
fn whole(number: f64) -> i64 {
    number as i64
}

/// Makes a cell of text.
pub(super) fn text(text: impl Into<String>) -> Cell<'static> {
    Cell::Text(Cow::Owned(text.into()))
}

/// Makes a cell of JSON.
pub(super) fn json(text: impl Into<String>) -> Cell<'static> {
    Cell::Json(Cow::Owned(text.into()))
}

/// A value that cannot be used.
pub(super) fn bad(message: String, help: &str) -> Box<Report> {
    Box::new(Report::new(Code::BadValue, message).with_help(help))
}

/// A column that is read row by row.
#[derive(Debug)]
pub(super) enum Cells {
    Null,
    Boolean(BooleanArray),
    Integer(Int64Array),
    Real(Float64Array),
    Text(StringArray),
    Json(StringArray),
    /// JSON where it is an object or an array.
    Nested(StringArray),
    Blob(BinaryArray),
}

impl Cells {
    /// Reads an array; `field` tells whether text is JSON.
    pub(super) fn new(array: &ArrayRef, field: &Field) -> Result<Self> {
        if let DataType::Dictionary(_, values) = array.data_type() {
            return Self::new(&cast(array, values)?, field);
        }
        Ok(match array.data_type() {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Boolean(array.as_boolean().clone()),
            DataType::UInt64 => match cast(array, &DataType::Int64) {
                Ok(whole) if whole.null_count() == array.null_count() => {
                    Self::Integer(whole.as_primitive::<Int64Type>().clone())
                }
                _ => Self::real(array)?,
            },
            kind if kind.is_integer() => {
                Self::Integer(cast(array, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
            }
            kind if kind.is_numeric() => Self::real(array)?,
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => {
                Self::Blob(cast(array, &DataType::Binary)?.as_binary::<i32>().clone())
            }
            kind => {
                let texts = cast(array, &DataType::Utf8).map_err(|_| {
                    external(Box::new(
                        Report::new(
                            Code::TypeMismatch,
                            format!("a function cannot read a value of type {kind}"),
                        )
                        .with_help("pass one of its fields or elements"),
                    ))
                })?;
                let texts = texts.as_string::<i32>().clone();
                match json_mark(field) {
                    Mark::None => Self::Text(texts),
                    Mark::Nested => Self::Nested(texts),
                    Mark::Exact => Self::Json(texts),
                }
            }
        })
    }

    fn real(array: &ArrayRef) -> Result<Self> {
        Ok(Self::Real(cast(array, &DataType::Float64)?.as_primitive::<Float64Type>().clone()))
    }

    /// The value of a row.
    pub(super) fn at(&self, row: usize) -> Cell<'_> {
        match self {
            Self::Boolean(array) if array.is_valid(row) => Cell::Boolean(array.value(row)),
            Self::Integer(array) if array.is_valid(row) => Cell::Integer(array.value(row)),
            Self::Real(array) if array.is_valid(row) => Cell::Real(array.value(row)),
            Self::Text(array) if array.is_valid(row) => Cell::Text(Cow::Borrowed(array.value(row))),
            Self::Json(array) if array.is_valid(row) => Cell::Json(Cow::Borrowed(array.value(row))),
            Self::Nested(array) if array.is_valid(row) => {
                let text = array.value(row);
                if text.starts_with(['{', '[']) {
                    Cell::Json(Cow::Borrowed(text))
                } else {
                    Cell::Text(Cow::Borrowed(text))
                }
            }
            Self::Blob(array) if array.is_valid(row) => Cell::Blob(Cow::Borrowed(array.value(row))),
            _ => Cell::Null,
        }
    }
}

enum Mark {
    None,
    Nested,
    Exact,
}

fn json_mark(field: &Field) -> Mark {
    if field.metadata().contains_key(EXACT_JSON) {
        Mark::Exact
    } else if is_json(field) {
        Mark::Nested
    } else {
        Mark::None
    }
}

/// A result column.
#[derive(Debug)]
pub(super) enum Output {
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Real(Float64Builder),
    Text(StringBuilder),
    Blob(BinaryBuilder),
}

impl Output {
    /// A builder for a type; everything that is not listed is text.
    pub(super) fn new(kind: &DataType) -> Self {
        match kind {
            DataType::Boolean => Self::Boolean(BooleanBuilder::new()),
            DataType::Int64 => Self::Integer(Int64Builder::new()),
            DataType::Float64 => Self::Real(Float64Builder::new()),
            DataType::Binary => Self::Blob(BinaryBuilder::new()),
            _ => Self::Text(StringBuilder::new()),
        }
    }

    pub(super) fn push(&mut self, cell: &Cell<'_>) {
        match self {
            Self::Boolean(builder) => builder.append_option(match cell {
                Cell::Boolean(flag) => Some(*flag),
                _ => None,
            }),
            Self::Integer(builder) => builder.append_option(cell.integer()),
            Self::Real(builder) => builder.append_option(cell.real()),
            Self::Text(builder) => builder.append_option(cell.text()),
            Self::Blob(builder) => builder.append_option(match cell {
                Cell::Blob(bytes) => Some(bytes),
                _ => None,
            }),
        }
    }

    pub(super) fn finish(self) -> ArrayRef {
        match self {
            Self::Boolean(mut builder) => Arc::new(builder.finish()),
            Self::Integer(mut builder) => Arc::new(builder.finish()),
            Self::Real(mut builder) => Arc::new(builder.finish()),
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Blob(mut builder) => Arc::new(builder.finish()),
        }
    }
}
