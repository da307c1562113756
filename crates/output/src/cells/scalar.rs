//! Scalar cells.

use std::fmt;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{Array, ArrayAccessor, BooleanArray, PrimitiveArray};
use arrow_schema::DataType;
use strataql_diag::Result;

use super::Cells;
use crate::failure::arrow_failed;
use crate::json::value::{Float, Integer, push_document, push_text};

/// A column of the null type.
pub(super) struct Nulls;

impl Cells for Nulls {
    fn is_null(&self, _: usize) -> bool {
        true
    }

    fn json(&self, _: usize, out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(b"null");
        Ok(())
    }

    fn text(&self, _: usize, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}

/// `true` and `false`.
pub(super) struct Booleans<'a>(pub(super) &'a BooleanArray);

impl Cells for Booleans<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.0.is_null(row)
    }

    fn json(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(if self.0.value(row) { b"true" } else { b"false" });
        Ok(())
    }

    fn text(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        self.json(row, out)
    }
}

/// Whole numbers.
pub(super) struct Integers<'a, T: ArrowPrimitiveType>(pub(super) &'a PrimitiveArray<T>);

impl<T: ArrowPrimitiveType<Native: Integer>> Cells for Integers<'_, T> {
    fn is_null(&self, row: usize) -> bool {
        self.0.is_null(row)
    }

    fn json(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        self.0.value(row).push(out);
        Ok(())
    }

    fn text(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        self.json(row, out)
    }
}

/// Floating-point numbers; those that JSON cannot represent become strings.
pub(super) struct Floats<'a, T: ArrowPrimitiveType>(pub(super) &'a PrimitiveArray<T>);

impl<T: ArrowPrimitiveType<Native: Float>> Cells for Floats<'_, T> {
    fn is_null(&self, row: usize) -> bool {
        self.0.is_null(row)
    }

    fn json(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        let value = self.0.value(row);
        if value.is_number() {
            value.push(out);
        } else {
            out.push(b'"');
            value.push(out);
            out.push(b'"');
        }
        Ok(())
    }

    fn text(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        self.0.value(row).push(out);
        Ok(())
    }
}

/// Text.
pub(super) struct Texts<A>(pub(super) A);

impl<'a, A: ArrayAccessor<Item = &'a str>> Cells for Texts<A> {
    fn is_null(&self, row: usize) -> bool {
        self.0.is_null(row)
    }

    fn json(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        push_text(self.0.value(row), out);
        Ok(())
    }

    fn text(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(self.0.value(row).as_bytes());
        Ok(())
    }
}

/// Text that holds JSON.
pub(super) struct JsonTexts<A>(pub(super) A);

impl<'a, A: ArrayAccessor<Item = &'a str>> Cells for JsonTexts<A> {
    fn is_null(&self, row: usize) -> bool {
        self.0.is_null(row)
    }

    fn json(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        push_document(self.0.value(row), out);
        Ok(())
    }

    fn text(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(self.0.value(row).as_bytes());
        Ok(())
    }
}

/// Bytes, written with `\x` and hexadecimal digits, the form of `bytea`.
pub(super) struct Bytes<A>(pub(super) A);

impl<'a, A: ArrayAccessor<Item = &'a [u8]>> Cells for Bytes<A> {
    fn is_null(&self, row: usize) -> bool {
        self.0.is_null(row)
    }

    fn json(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        // the backslash needs a second one in JSON
        out.extend_from_slice(b"\"\\");
        self.text(row, out)?;
        out.push(b'"');
        Ok(())
    }

    fn text(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        out.extend_from_slice(b"\\x");
        for byte in self.0.value(row) {
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
        }
        Ok(())
    }
}

/// Types that use Arrow's own display: dates, times, intervals, decimals.
pub(super) struct Displayed<'a> {
    array: &'a dyn Array,
    formatter: ArrayFormatter<'a>,
    is_number: bool,
}

impl<'a> Displayed<'a> {
    pub(super) fn new(array: &'a dyn Array) -> Result<Self> {
        let options = FormatOptions::new().with_display_error(false);
        let formatter = ArrayFormatter::try_new(array, &options).map_err(arrow_failed)?;
        let is_number = matches!(
            array.data_type(),
            DataType::Float16
                | DataType::Decimal32(..)
                | DataType::Decimal64(..)
                | DataType::Decimal128(..)
                | DataType::Decimal256(..)
        );
        Ok(Self { array, formatter, is_number })
    }
}

impl Cells for Displayed<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row)
    }

    fn json(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        let text = self.formatter.value(row).try_to_string().map_err(arrow_failed)?;
        // a half-precision `NaN` is no JSON number
        if self.is_number && text.ends_with(|c: char| c.is_ascii_digit()) {
            out.extend_from_slice(text.as_bytes());
        } else {
            push_text(&text, out);
        }
        Ok(())
    }

    fn text(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        self.formatter.value(row).write(&mut Utf8(out)).map_err(arrow_failed)
    }
}

/// Lets formatters write into a byte buffer.
struct Utf8<'a>(&'a mut Vec<u8>);

impl fmt::Write for Utf8<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
