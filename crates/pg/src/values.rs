//! Values of parameters: what clients send, as Arrow arrays of one row.
//!
//! Owns: text and binary formats of each type.

use std::sync::Arc;

use arrow::buffer::OffsetBuffer;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::IntervalMonthDayNano;
use arrow_array::builder::BinaryBuilder;
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Float32Array, Float64Array, Int16Array, Int32Array,
    Int64Array, IntervalMonthDayNanoArray, ListArray, StringArray, Time64MicrosecondArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow_schema::{DataType, Field};
use bytes::{Buf, Bytes};
use strataql_diag::{Code, Report, excerpt};

use crate::cells::DAY;
use crate::kinds::Kind;

/// Microseconds from 1970-01-01 to 2000-01-01.
const EPOCH: i64 = 10_957 * DAY;

/// The value of parameter `number`.
///
/// # Errors
/// `bad-param-value` for bytes that are no value of the type.
pub(crate) fn value(
    number: usize,
    kind: &Kind,
    binary: bool,
    bytes: Option<&Bytes>,
) -> Result<ArrayRef, Box<Report>> {
    let Some(bytes) = bytes else {
        return Ok(new_null_array(&kind.form().unwrap_or(DataType::Utf8), 1));
    };
    let read = if binary { of_binary(kind, bytes.clone()) } else { of_text(kind, bytes) };
    read.ok_or_else(|| {
        let given = if binary {
            format!("{} bytes", bytes.len())
        } else {
            format!("`{}`", excerpt(&String::from_utf8_lossy(bytes)))
        };
        Box::new(
            Report::new(
                Code::BadParamValue,
                format!("the value of parameter ${number}, {given}, is no {}", kind.name()),
            )
            .with_help("give a value of that type, or cast the parameter: `$1::text`"),
        )
    })
}

fn of_text(kind: &Kind, bytes: &[u8]) -> Option<ArrayRef> {
    let text = std::str::from_utf8(bytes).ok()?;
    match kind {
        Kind::Text | Kind::Json | Kind::Structure => Some(one_text(text)),
        Kind::Bytea => {
            let mut builder = BinaryBuilder::new();
            match text.strip_prefix("\\x") {
                Some(digits) => builder.append_value(of_hex(digits)?),
                None => builder.append_value(text),
            }
            Some(Arc::new(builder.finish()))
        }
        Kind::Array(item) => {
            let elements = elements(text)?;
            let texts: StringArray = elements.into_iter().collect();
            list(item, cast(Arc::new(texts), &item.form()?)?)
        }
        Kind::Numeric => decimal(text),
        _ => cast(one_text(text.trim()), &kind.form()?),
    }
}

fn of_binary(kind: &Kind, mut bytes: Bytes) -> Option<ArrayRef> {
    let array: ArrayRef = match kind {
        Kind::Bool => Arc::new(BooleanArray::from(vec![bytes.try_get_u8().ok()? != 0])),
        Kind::Int2 => Arc::new(Int16Array::from(vec![bytes.try_get_i16().ok()?])),
        Kind::Int4 => Arc::new(Int32Array::from(vec![bytes.try_get_i32().ok()?])),
        // numbers of objects have four bytes
        Kind::Int8 if bytes.len() == 4 => {
            Arc::new(Int64Array::from(vec![i64::from(bytes.try_get_u32().ok()?)]))
        }
        Kind::Int8 => Arc::new(Int64Array::from(vec![bytes.try_get_i64().ok()?])),
        Kind::Float4 => Arc::new(Float32Array::from(vec![bytes.try_get_f32().ok()?])),
        Kind::Float8 => Arc::new(Float64Array::from(vec![bytes.try_get_f64().ok()?])),
        Kind::Numeric => numeric(&mut bytes)?,
        Kind::Text | Kind::Structure => return Some(one_text(std::str::from_utf8(&bytes).ok()?)),
        Kind::Json => {
            // jsonb has its version in front
            let text = bytes.strip_prefix(&[1]).unwrap_or(&bytes);
            return Some(one_text(std::str::from_utf8(text).ok()?));
        }
        Kind::Bytea => {
            let mut builder = BinaryBuilder::new();
            builder.append_value(&bytes);
            return Some(Arc::new(builder.finish()));
        }
        Kind::Date => {
            Arc::new(Date32Array::from(vec![bytes.try_get_i32().ok()?.checked_add(10_957)?]))
        }
        Kind::Time => Arc::new(Time64MicrosecondArray::from(vec![bytes.try_get_i64().ok()?])),
        Kind::Timestamp | Kind::TimestampTz => {
            let time = bytes.try_get_i64().ok()?.checked_add(EPOCH)?;
            let zone = (*kind == Kind::TimestampTz).then_some("UTC");
            Arc::new(TimestampMicrosecondArray::from(vec![time]).with_timezone_opt(zone))
        }
        Kind::Interval => {
            let micros = bytes.try_get_i64().ok()?;
            let (days, months) = (bytes.try_get_i32().ok()?, bytes.try_get_i32().ok()?);
            let value = IntervalMonthDayNano::new(months, days, micros.checked_mul(1000)?);
            Arc::new(IntervalMonthDayNanoArray::from(vec![value]))
        }
        Kind::Array(item) => array(item, &mut bytes)?,
    };
    (!bytes.has_remaining()).then_some(array)
}

/// An array in binary: dimensions, a flag, the type, then the elements.
fn array(item: &Kind, bytes: &mut Bytes) -> Option<ArrayRef> {
    let dimensions = bytes.try_get_i32().ok()?;
    bytes.try_get_i32().ok()?;
    let kind = Kind::of_oid(bytes.try_get_u32().ok()?)?;
    if dimensions == 0 {
        return list(item, new_null_array(&item.form()?, 0));
    }
    let count = usize::try_from(bytes.try_get_i32().ok()?).ok()?;
    bytes.try_get_i32().ok()?;
    // every element has at least its length
    if dimensions != 1 || count > bytes.len() / 4 {
        return None;
    }
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        let length = bytes.try_get_i32().ok()?;
        all.push(if length == -1 {
            new_null_array(&item.form()?, 1)
        } else {
            let length = usize::try_from(length).ok().filter(|length| *length <= bytes.len())?;
            cast(of_binary(&kind, bytes.split_to(length))?, &item.form()?)?
        });
    }
    let parts: Vec<&dyn arrow_array::Array> = all.iter().map(AsRef::as_ref).collect();
    list(item, arrow::compute::concat(&parts).ok()?)
}

fn list(item: &Kind, values: ArrayRef) -> Option<ArrayRef> {
    let field = Arc::new(Field::new_list_field(item.form()?, true));
    let offsets = OffsetBuffer::from_lengths([values.len()]);
    Some(Arc::new(ListArray::try_new(field, offsets, values, None).ok()?))
}

/// The elements of `{a,"b c",NULL}`.
fn elements(text: &str) -> Option<Vec<Option<String>>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let mut all = Vec::new();
    let mut letters = inner.chars().peekable();
    if inner.trim().is_empty() {
        return Some(all);
    }
    loop {
        let (mut element, mut quoted) = (String::new(), false);
        let mut inside = false;
        let end = loop {
            match letters.next() {
                None if inside => return None,
                None => break true,
                Some('"') => {
                    inside = !inside;
                    quoted = true;
                }
                Some('\\') => element.push(letters.next()?),
                Some(',') if !inside => break false,
                // arrays of arrays have no type here
                Some('{' | '}') if !inside => return None,
                Some(letter) => element.push(letter),
            }
        };
        let element = if quoted { element } else { element.trim().to_owned() };
        let is_null = !quoted && element.eq_ignore_ascii_case("null");
        all.push((!is_null).then_some(element));
        if end {
            return Some(all);
        }
    }
}

/// A decimal from its binary digits.
fn numeric(bytes: &mut Bytes) -> Option<ArrayRef> {
    let count = usize::from(bytes.try_get_u16().ok()?);
    let weight = i32::from(bytes.try_get_i16().ok()?);
    let sign = bytes.try_get_u16().ok()?;
    let scale = usize::from(bytes.try_get_u16().ok()?);
    if count > bytes.len() / 2 || !matches!(sign, 0 | 0x4000) || weight.abs() > 64 || scale > 76 {
        return None;
    }
    let digits: Vec<u16> = (0..count).map_while(|_| bytes.try_get_u16().ok()).collect();
    let group = |at: i32| {
        let index = usize::try_from(weight - at).ok();
        index.and_then(|index| digits.get(index)).copied().unwrap_or(0)
    };
    let mut text = String::from(if sign == 0x4000 { "-0" } else { "0" });
    for at in (0..=weight).rev() {
        text.push_str(&format!("{:04}", group(at)));
    }
    if scale > 0 {
        let mut fraction = String::new();
        for at in 1..=i32::try_from(scale.div_ceil(4)).ok()? {
            fraction.push_str(&format!("{:04}", group(-at)));
        }
        text.push('.');
        text.push_str(fraction.get(..scale)?);
    }
    decimal(&text)
}

/// A decimal with as many places as are written.
fn decimal(text: &str) -> Option<ArrayRef> {
    let text = text.trim();
    if text.contains(['e', 'E']) {
        return cast(one_text(text), &DataType::Float64);
    }
    let places = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let scale = i8::try_from(places).ok().filter(|scale| *scale <= 37)?;
    cast(one_text(text), &DataType::Decimal128(38, scale))
}

fn one_text(text: &str) -> ArrayRef {
    Arc::new(StringArray::from(vec![text]))
}

fn cast(array: ArrayRef, form: &DataType) -> Option<ArrayRef> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(&array, form, &options).ok()
}

fn of_hex(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let value =
        |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    digits.chunks(2).map(|two| Some(value(two[0])? << 4 | value(two[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use arrow::util::display::array_value_to_string;
    use bytes::BytesMut;

    use super::*;
    use crate::cells::Cells;

    fn text(kind: &Kind, text: &str) -> Result<String, String> {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        shown(value(1, kind, false, Some(&bytes)))
    }

    fn shown(value: Result<ArrayRef, Box<Report>>) -> Result<String, String> {
        let array = value.map_err(|report| report.message)?;
        Ok(array_value_to_string(&array, 0).expect("text"))
    }

    fn list_of(kind: Kind) -> Kind {
        Kind::Array(Box::new(kind))
    }

    #[test]
    fn texts_are_read_by_type() {
        assert_eq!(text(&Kind::Int8, "42").expect("fits"), "42");
        assert_eq!(text(&Kind::Bool, "t").expect("fits"), "true");
        assert_eq!(text(&Kind::Numeric, "-1.50").expect("fits"), "-1.50");
        assert_eq!(
            text(&Kind::Timestamp, "2024-02-29 01:02:03").expect("fits"),
            "2024-02-29T01:02:03"
        );
        assert_eq!(text(&Kind::Bytea, "\\x00ff").expect("fits"), "00ff");
        assert_eq!(
            text(&list_of(Kind::Text), r#"{a,"b, c",NULL,"\""}"#).expect("fits"),
            r#"[a, b, c, , "]"#
        );
        assert_eq!(text(&list_of(Kind::Int4), "{}").expect("fits"), "[]");
    }

    #[test]
    fn wrong_values_are_refused() {
        for (kind, wrong) in [
            (Kind::Int8, "x"),
            (Kind::Int2, "70000"),
            (Kind::Bool, "maybe"),
            (Kind::Date, "2024-02-30"),
            (Kind::Numeric, "1.2.3"),
            (Kind::Bytea, "\\x0"),
            (list_of(Kind::Int4), "{1,x}"),
            (list_of(Kind::Text), "{\"a}"),
            (list_of(Kind::Text), "a"),
        ] {
            let message = text(&kind, wrong).expect_err("refused");
            assert!(message.contains(&kind.name()), "{message}");
        }
        for bytes in [
            &b""[..],
            b"\0",
            b"\0\0\0\0\0\0\0\0\0",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            for kind in [Kind::Int4, Kind::Numeric, Kind::Interval, list_of(Kind::Int4)] {
                let bytes = Bytes::from_static(bytes);
                assert!(value(1, &kind, true, Some(&bytes)).is_err(), "{kind:?} {bytes:?}");
            }
        }
    }

    #[test]
    fn what_is_written_in_binary_reads_as_the_same() {
        for (kind, given) in [
            (Kind::Bool, "true"),
            (Kind::Int2, "-7"),
            (Kind::Int4, "70000"),
            (Kind::Int8, "-9223372036854775808"),
            (Kind::Float8, "0.1"),
            (Kind::Date, "1999-12-31"),
            (Kind::Time, "01:02:03.5"),
            (Kind::Timestamp, "1969-12-31T23:59:59.5"),
            (Kind::Interval, "1 mons 2 days 0.000003000 secs"),
            (Kind::Text, "ü"),
            (Kind::Numeric, "-12345678.90"),
            (Kind::Numeric, "0.00010"),
            (list_of(Kind::Int4), "{1,NULL,3}"),
        ] {
            let bytes = Bytes::copy_from_slice(given.as_bytes());
            let first = value(1, &kind, false, Some(&bytes)).expect("text");
            let mut out = BytesMut::new();
            Cells::new(&kind, &first).expect("fits").write(0, true, &mut out).expect("binary");
            let back = value(1, &kind, true, Some(&out.freeze().slice(4..)));
            assert_eq!(shown(back), shown(Ok(first)), "{given}");
        }
    }
}
