//! Nested cells: lists, structs, maps, and dictionaries.
//!
//! Surprise: as text they have the form of their JSON.

use arrow::datatypes::ArrowNativeType;
use arrow_array::{
    AnyDictionaryArray, Array, FixedSizeListArray, GenericListArray, MapArray, OffsetSizeTrait,
    StructArray,
};
use strataql_diag::Result;

use super::{Cells, Column};
use crate::json::value::push_text;

/// The child rows of a row.
pub(super) trait Ranges {
    /// The range of child rows.
    fn range(&self, row: usize) -> std::ops::Range<usize>;
}

impl<O: OffsetSizeTrait> Ranges for GenericListArray<O> {
    fn range(&self, row: usize) -> std::ops::Range<usize> {
        let offsets = self.value_offsets();
        offsets[row].as_usize()..offsets[row + 1].as_usize()
    }
}

impl Ranges for FixedSizeListArray {
    fn range(&self, row: usize) -> std::ops::Range<usize> {
        let whole = |number: i32| usize::try_from(number).unwrap_or(0);
        let start = whole(self.value_offset(row));
        start..start + whole(self.value_length())
    }
}

impl Ranges for MapArray {
    fn range(&self, row: usize) -> std::ops::Range<usize> {
        let offsets = self.value_offsets();
        offsets[row].as_usize()..offsets[row + 1].as_usize()
    }
}

/// Appends a value or `null`.
fn push(cells: &dyn Cells, row: usize, out: &mut Vec<u8>) -> Result<()> {
    if cells.is_null(row) {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    cells.json(row, out)
}

/// JSON arrays.
pub(super) struct List<'a> {
    array: &'a dyn Array,
    ranges: &'a dyn Ranges,
    values: Column<'a>,
}

impl<'a> List<'a> {
    pub(super) fn new(array: &'a dyn Array, values: Column<'a>, ranges: &'a dyn Ranges) -> Self {
        Self { array, ranges, values }
    }
}

impl Cells for List<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row)
    }

    fn json(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        out.push(b'[');
        for (position, child) in self.ranges.range(row).enumerate() {
            if position > 0 {
                out.push(b',');
            }
            push(self.values.as_ref(), child, out)?;
        }
        out.push(b']');
        Ok(())
    }

    fn text(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        self.json(row, out)
    }
}

/// JSON objects with the keys of a struct type.
pub(super) struct Struct<'a> {
    array: &'a StructArray,
    children: Vec<(&'a str, Column<'a>)>,
}

impl<'a> Struct<'a> {
    pub(super) fn new(array: &'a StructArray, children: Vec<(&'a str, Column<'a>)>) -> Self {
        Self { array, children }
    }
}

impl Cells for Struct<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row)
    }

    fn json(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        out.push(b'{');
        for (position, (name, child)) in self.children.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            push_text(name, out);
            out.push(b':');
            push(child.as_ref(), row, out)?;
        }
        out.push(b'}');
        Ok(())
    }

    fn text(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        self.json(row, out)
    }
}

/// JSON objects with the keys of the value.
pub(super) struct Map<'a> {
    array: &'a MapArray,
    keys: Column<'a>,
    values: Column<'a>,
}

impl<'a> Map<'a> {
    pub(super) fn new(array: &'a MapArray, keys: Column<'a>, values: Column<'a>) -> Self {
        Self { array, keys, values }
    }
}

impl Cells for Map<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row)
    }

    fn json(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        let mut key = Vec::new();
        out.push(b'{');
        for (position, child) in self.array.range(row).enumerate() {
            if position > 0 {
                out.push(b',');
            }
            key.clear();
            self.keys.text(child, &mut key)?;
            push_text(&String::from_utf8_lossy(&key), out);
            out.push(b':');
            push(self.values.as_ref(), child, out)?;
        }
        out.push(b'}');
        Ok(())
    }

    fn text(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        self.json(row, out)
    }
}

/// Values by key.
pub(super) struct Dictionary<'a> {
    keys: &'a dyn Array,
    positions: Vec<usize>,
    values: Column<'a>,
}

impl<'a> Dictionary<'a> {
    pub(super) fn new(array: &'a dyn AnyDictionaryArray, values: Column<'a>) -> Self {
        // an empty dictionary has no key but null
        let positions =
            if array.values().is_empty() { Vec::new() } else { array.normalized_keys() };
        Self { keys: array.keys(), positions, values }
    }
}

impl Cells for Dictionary<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.positions.is_empty()
            || self.keys.is_null(row)
            || self.values.is_null(self.positions[row])
    }

    fn json(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        self.values.json(self.positions[row], out)
    }

    fn text(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        self.values.text(self.positions[row], out)
    }
}
