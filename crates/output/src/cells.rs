//! Cells of a batch as JSON and as text.
//!
//! Owns: one accessor per column, chosen once per batch, that appends values to a byte buffer.
//! Refuses: quoting and alignment; formats do that.
//! Surprise: columns marked `arrow.json` hold JSON text. As JSON they are nested values, as text
//! they are the response's text.

mod nested;
mod scalar;

use arrow::datatypes::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_schema::extension::EXTENSION_TYPE_NAME_KEY;
use arrow_schema::{DataType, Field, Schema};
use strataql_diag::{Report, Result};

use self::nested::{Dictionary, List, Map, Struct};
use self::scalar::{Booleans, Bytes, Displayed, Floats, Integers, JsonTexts, Nulls, Texts};

/// The values of one column.
pub(crate) trait Cells {
    /// True when there is no value in that row.
    fn is_null(&self, row: usize) -> bool;

    /// Appends the value as JSON; the row is not null.
    fn json(&self, row: usize, out: &mut Vec<u8>) -> Result<()>;

    /// Appends the value as UTF-8 text; the row is not null.
    fn text(&self, row: usize, out: &mut Vec<u8>) -> Result<()>;
}

/// One column of a batch that is being written.
pub(crate) type Column<'a> = Box<dyn Cells + 'a>;

/// The accessors of all columns; `schema` is the one the result set was started with.
pub(crate) fn columns<'a>(schema: &Schema, batch: &'a RecordBatch) -> Result<Vec<Column<'a>>> {
    if schema.fields().len() != batch.num_columns() {
        return Err(Box::new(Report::internal(format!(
            "a batch has {} columns, its result {}",
            batch.num_columns(),
            schema.fields().len()
        ))));
    }
    schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, array)| column(array.as_ref(), holds_json(field)))
        .collect()
}

/// The rows of a batch as texts; NULL is `None`. `schema` is the one the result set was started with.
///
/// # Errors
/// `internal` for a batch of another shape.
pub fn texts(schema: &Schema, batch: &RecordBatch) -> Result<Vec<Vec<Option<String>>>> {
    let columns = columns(schema, batch)?;
    let cell = |column: &Column<'_>, row: usize| {
        if column.is_null(row) {
            return Ok(None);
        }
        let mut text = Vec::new();
        column.text(row, &mut text)?;
        Ok(Some(String::from_utf8_lossy(&text).into_owned()))
    };
    let rows = 0..batch.num_rows();
    rows.map(|row| columns.iter().map(|column| cell(column, row)).collect()).collect()
}

/// True for text columns that hold JSON.
pub fn holds_json(field: &Field) -> bool {
    field.metadata().get(EXTENSION_TYPE_NAME_KEY).is_some_and(|name| name == "arrow.json")
}

fn column(array: &dyn Array, is_json: bool) -> Result<Column<'_>> {
    Ok(match array.data_type() {
        DataType::Null => Box::new(Nulls),
        DataType::Boolean => Box::new(Booleans(array.as_boolean())),
        DataType::Int8 => Box::new(Integers(array.as_primitive::<Int8Type>())),
        DataType::Int16 => Box::new(Integers(array.as_primitive::<Int16Type>())),
        DataType::Int32 => Box::new(Integers(array.as_primitive::<Int32Type>())),
        DataType::Int64 => Box::new(Integers(array.as_primitive::<Int64Type>())),
        DataType::UInt8 => Box::new(Integers(array.as_primitive::<UInt8Type>())),
        DataType::UInt16 => Box::new(Integers(array.as_primitive::<UInt16Type>())),
        DataType::UInt32 => Box::new(Integers(array.as_primitive::<UInt32Type>())),
        DataType::UInt64 => Box::new(Integers(array.as_primitive::<UInt64Type>())),
        DataType::Float32 => Box::new(Floats(array.as_primitive::<Float32Type>())),
        DataType::Float64 => Box::new(Floats(array.as_primitive::<Float64Type>())),
        DataType::Utf8 if is_json => Box::new(JsonTexts(array.as_string::<i32>())),
        DataType::LargeUtf8 if is_json => Box::new(JsonTexts(array.as_string::<i64>())),
        DataType::Utf8View if is_json => Box::new(JsonTexts(array.as_string_view())),
        DataType::Utf8 => Box::new(Texts(array.as_string::<i32>())),
        DataType::LargeUtf8 => Box::new(Texts(array.as_string::<i64>())),
        DataType::Utf8View => Box::new(Texts(array.as_string_view())),
        DataType::Binary => Box::new(Bytes(array.as_binary::<i32>())),
        DataType::LargeBinary => Box::new(Bytes(array.as_binary::<i64>())),
        DataType::BinaryView => Box::new(Bytes(array.as_binary_view())),
        DataType::FixedSizeBinary(_) => Box::new(Bytes(array.as_fixed_size_binary())),
        DataType::List(field) => {
            let list = array.as_list::<i32>();
            let values = column(list.values().as_ref(), holds_json(field))?;
            Box::new(List::new(list, values, list))
        }
        DataType::LargeList(field) => {
            let list = array.as_list::<i64>();
            let values = column(list.values().as_ref(), holds_json(field))?;
            Box::new(List::new(list, values, list))
        }
        DataType::FixedSizeList(field, _) => {
            let list = array.as_fixed_size_list();
            let values = column(list.values().as_ref(), holds_json(field))?;
            Box::new(List::new(list, values, list))
        }
        DataType::Struct(fields) => {
            let group = array.as_struct();
            let children = fields.iter().zip(group.columns()).map(|(field, child)| {
                Ok((field.name().as_str(), column(child.as_ref(), holds_json(field))?))
            });
            Box::new(Struct::new(group, children.collect::<Result<_>>()?))
        }
        DataType::Map(..) => {
            let map = array.as_map();
            let keys = column(map.keys().as_ref(), false)?;
            let values = column(map.values().as_ref(), false)?;
            Box::new(Map::new(map, keys, values))
        }
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let values = column(dictionary.values().as_ref(), is_json)?;
            Box::new(Dictionary::new(dictionary, values))
        }
        // temporal types, decimals and rare types
        _ => Box::new(Displayed::new(array)?),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::builder::{Int64Builder, ListBuilder, MapBuilder, StringBuilder};
    use arrow_array::types::Int32Type as Key;
    use arrow_array::{
        ArrayRef, BinaryArray, Date32Array, Decimal128Array, DictionaryArray, Float64Array,
        Int32Array, IntervalMonthDayNanoArray, NullArray, StringArray, StructArray,
        TimestampMillisecondArray, UInt64Array,
    };

    use super::*;

    /// JSON and text of every row, nulls as `∅`.
    fn render(array: &ArrayRef) -> Vec<(String, String)> {
        let cells = column(array.as_ref(), false).expect("an accessor");
        (0..array.len())
            .map(|row| {
                if cells.is_null(row) {
                    return ("∅".to_owned(), "∅".to_owned());
                }
                let (mut json, mut text) = (Vec::new(), Vec::new());
                cells.json(row, &mut json).expect("json");
                cells.text(row, &mut text).expect("text");
                let owned = |bytes| String::from_utf8(bytes).expect("UTF-8");
                (owned(json), owned(text))
            })
            .collect()
    }

    fn check(array: impl Array + 'static, expected: &[(&str, &str)]) {
        let array: ArrayRef = Arc::new(array);
        let rendered = render(&array);
        let rendered: Vec<(&str, &str)> =
            rendered.iter().map(|(json, text)| (json.as_str(), text.as_str())).collect();
        assert_eq!(rendered, expected);
    }

    #[test]
    fn numbers_are_exact() {
        check(
            UInt64Array::from(vec![Some(u64::MAX), Some(0), None]),
            &[("18446744073709551615", "18446744073709551615"), ("0", "0"), ("∅", "∅")],
        );
        check(
            Int32Array::from(vec![i32::MIN, 100]),
            &[("-2147483648", "-2147483648"), ("100", "100")],
        );
        check(
            Float64Array::from(vec![0.1, 12.0, f64::NAN, f64::NEG_INFINITY]),
            &[("0.1", "0.1"), ("12.0", "12.0"), ("\"NaN\"", "NaN"), ("\"-Infinity\"", "-Infinity")],
        );
        let decimals = Decimal128Array::from(vec![Some(123_456), None])
            .with_precision_and_scale(20, 2)
            .expect("fits");
        check(decimals, &[("1234.56", "1234.56"), ("∅", "∅")]);
    }

    #[test]
    fn times_are_text_in_iso_form() {
        check(Date32Array::from(vec![19_000]), &[("\"2022-01-08\"", "2022-01-08")]);
        check(
            TimestampMillisecondArray::from(vec![1_641_600_000_123]).with_timezone("+00:00"),
            &[("\"2022-01-08T00:00:00.123Z\"", "2022-01-08T00:00:00.123Z")],
        );
        let interval = arrow_array::types::IntervalMonthDayNano::new(1, 2, 0);
        check(
            IntervalMonthDayNanoArray::from(vec![interval]),
            &[("\"1 mons 2 days\"", "1 mons 2 days")],
        );
    }

    #[test]
    fn bytes_are_hexadecimal() {
        check(BinaryArray::from(vec![b"hi\xff".as_slice()]), &[("\"\\\\x6869ff\"", "\\x6869ff")]);
    }

    #[test]
    fn nulls_and_dictionaries_see_through() {
        check(NullArray::new(1), &[("∅", "∅")]);
        let dictionary: DictionaryArray<Key> =
            vec![Some("a"), None, Some("a")].into_iter().collect();
        check(dictionary, &[("\"a\"", "a"), ("∅", "∅"), ("\"a\"", "a")]);
        let empty: DictionaryArray<Key> = vec![None::<&str>].into_iter().collect();
        check(empty, &[("∅", "∅")]);
    }

    #[test]
    fn nested_values_are_json() {
        let mut lists = ListBuilder::new(Int64Builder::new());
        lists.append_value([Some(1), None]);
        lists.append_null();
        lists.append_value([]);
        let lists = lists.finish();
        check(lists.clone(), &[("[1,null]", "[1,null]"), ("∅", "∅"), ("[]", "[]")]);
        check(lists.slice(1, 2), &[("∅", "∅"), ("[]", "[]")]);

        let name: ArrayRef = Arc::new(StringArray::from(vec![Some("x\"y"), None]));
        let id: ArrayRef = Arc::new(Int32Array::from(vec![1, 2]));
        let group = StructArray::from(vec![
            (Arc::new(Field::new("na me", DataType::Utf8, true)), name),
            (Arc::new(Field::new("id", DataType::Int32, true)), id),
        ]);
        let first = r#"{"na me":"x\"y","id":1}"#;
        let second = r#"{"na me":null,"id":2}"#;
        check(group, &[(first, first), (second, second)]);

        let mut map = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
        map.keys().append_value("k");
        map.values().append_value(7);
        map.append(true).expect("balanced");
        check(map.finish(), &[(r#"{"k":7}"#, r#"{"k":7}"#)]);
    }
}
