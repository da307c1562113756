use std::sync::Arc;

use arrow_array::{
    BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
    IntervalMonthDayNanoArray, ListArray, StringArray, StructArray, TimestampMicrosecondArray,
    TimestampNanosecondArray, UInt64Array,
};
use arrow_schema::{DataType, Field};

use super::*;

fn text(array: ArrayRef) -> Vec<Option<String>> {
    let kind = Kind::of_type(array.data_type());
    let cells = Cells::new(&kind, &array).expect("fits");
    (0..array.len())
        .map(|row| {
            let mut out = BytesMut::new();
            let there = cells.text(row, &mut out).expect("text");
            there.then(|| String::from_utf8(out.to_vec()).expect("UTF-8"))
        })
        .collect()
}

fn binary(array: ArrayRef) -> Vec<u8> {
    let kind = Kind::of_type(array.data_type());
    let mut out = BytesMut::new();
    Cells::new(&kind, &array).expect("fits").write(0, true, &mut out).expect("binary");
    out.to_vec()
}

fn some(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|text| Some((*text).to_owned())).collect()
}

#[test]
fn texts_are_those_of_postgresql() {
    assert_eq!(text(Arc::new(BooleanArray::from(vec![true, false]))), some(&["t", "f"]));
    let floats = vec![1.0, 0.1, 1e15, 1e14, 1e300, -1.5e-7, 0.0001, f64::NAN, f64::INFINITY];
    let shown =
        ["1", "0.1", "1e+15", "100000000000000", "1e+300", "-1.5e-07", "0.0001", "NaN", "Infinity"];
    assert_eq!(text(Arc::new(Float64Array::from(floats))), some(&shown));
    let days = Date32Array::from(vec![0, -1, 19_782, -719_528]);
    assert_eq!(
        text(Arc::new(days)),
        some(&["1970-01-01", "1969-12-31", "2024-02-29", "0001-01-01 BC"])
    );
    let times = TimestampMicrosecondArray::from(vec![0, -1, 1_500_000]);
    let shown = ["1970-01-01 00:00:00", "1969-12-31 23:59:59.999999", "1970-01-01 00:00:01.5"];
    assert_eq!(text(Arc::new(times)), some(&shown));
    let zoned = TimestampNanosecondArray::from(vec![1_000]).with_timezone("UTC");
    assert_eq!(text(Arc::new(zoned)), some(&["1970-01-01 00:00:00.000001+00"]));
    let intervals = IntervalMonthDayNanoArray::from(vec![
        Some(IntervalMonthDayNano::new(14, -3, 4_000_000_000)),
        Some(IntervalMonthDayNano::new(0, 0, 0)),
        Some(IntervalMonthDayNano::new(0, 1, -500_000_000)),
        None,
    ]);
    let mut shown = some(&["1 year 2 mons -3 days 00:00:04", "00:00:00", "1 day -00:00:00.5"]);
    shown.push(None);
    assert_eq!(text(Arc::new(intervals)), shown);
    assert_eq!(text(Arc::new(UInt64Array::from(vec![u64::MAX]))), some(&["18446744073709551615"]));
    let wide = Decimal128Array::from(vec![10_i128.pow(37) + 1])
        .with_precision_and_scale(38, 2)
        .expect("fits");
    assert_eq!(text(Arc::new(wide)), some(&["100000000000000000000000000000000000.01"]));
}

#[test]
fn arrays_quote_what_needs_it() {
    let mut builder =
        arrow_array::builder::ListBuilder::new(arrow_array::builder::StringBuilder::new());
    builder.append_value([Some("a"), None, Some("b c"), Some("q\"\\"), Some(""), Some("null")]);
    let list: ListArray = builder.finish();
    assert_eq!(text(Arc::new(list)), some(&[r#"{a,NULL,"b c","q\"\\","","null"}"#]));
}

#[test]
fn structures_are_json() {
    let fields = vec![
        (
            Arc::new(Field::new("a", DataType::Int64, true)),
            Arc::new(Int64Array::from(vec![Some(1), None])) as ArrayRef,
        ),
        (
            Arc::new(Field::new("b\"", DataType::Utf8, true)),
            Arc::new(StringArray::from(vec!["x\n", "\u{1}"])) as ArrayRef,
        ),
    ];
    let array: ArrayRef = Arc::new(StructArray::from(fields));
    assert_eq!(text(array), some(&[r#"{"a":1,"b\"":"x\n"}"#, r#"{"a":null,"b\"":"\u0001"}"#]));
}

#[test]
fn binary_values_are_those_of_postgresql() {
    assert_eq!(binary(Arc::new(Int64Array::from(vec![258]))), [0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 1, 2]);
    assert_eq!(binary(Arc::new(Date32Array::from(vec![10_958]))), [0, 0, 0, 4, 0, 0, 0, 1]);
    assert_eq!(binary(Arc::new(Int64Array::from(vec![None]))), [0xff; 4]);
    let decimal = |value: i128, scale: i8| -> Vec<i16> {
        let array =
            Decimal128Array::from(vec![value]).with_precision_and_scale(38, scale).expect("fits");
        let bytes = binary(Arc::new(array));
        bytes[4..].chunks(2).map(|two| i16::from_be_bytes([two[0], two[1]])).collect()
    };
    assert_eq!(decimal(12_345_678, 3), [3, 1, 0, 3, 1, 2345, 6780]);
    assert_eq!(decimal(-5, 2), [1, -1, 0x4000, 2, 500]);
    assert_eq!(decimal(0, 2), [0, 0, 0, 2]);
    assert_eq!(decimal(1, 8), [1, -2, 0, 8, 1]);
    assert_eq!(decimal(10_000, 0), [1, 1, 0, 0, 1]);
}
