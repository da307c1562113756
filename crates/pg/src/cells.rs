//! Values as text and in PostgreSQL's binary formats.
//!
//! Owns: both formats of each type.
//! Surprise: the epoch of dates and times is 2000-01-01, and decimals have digits of base 10000.

use arrow::array::AsArray;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, IntervalMonthDayNano,
    IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType,
};
use arrow_array::{Array, ArrayRef};
use bytes::{BufMut, BytesMut};
use strataql_diag::{Code, Report};

use crate::kinds::Kind;
use crate::structures;

/// Days from 1970-01-01 to 2000-01-01.
const EPOCH_DAYS: i32 = 10_957;

/// Microseconds of a day.
pub(crate) const DAY: i64 = 86_400_000_000;

/// The values of one column of a batch, in the form in which they are written.
pub(crate) struct Cells {
    kind: Kind,
    array: ArrayRef,
}

impl Cells {
    /// The values of an array.
    ///
    /// # Errors
    /// `bad-value` for one that the type cannot hold.
    pub(crate) fn new(kind: &Kind, array: &ArrayRef) -> Result<Self, Box<Report>> {
        let array = match kind.form() {
            Some(form) if form != *array.data_type() => {
                let options = CastOptions { safe: false, ..CastOptions::default() };
                cast_with_options(array, &form, &options).map_err(|error| {
                    let type_name = kind.name();
                    Box::new(
                        Report::new(
                            Code::BadValue,
                            format!("a value does not fit the type {type_name}: {error}"),
                        )
                        .with_help("cast the column to text"),
                    )
                })?
            }
            _ => std::sync::Arc::clone(array),
        };
        Ok(Self { kind: kind.clone(), array })
    }

    /// Writes a value with its length; -1 stands for NULL.
    ///
    /// # Errors
    /// `response-too-large` for a value of 2 GB.
    pub(crate) fn write(
        &self,
        row: usize,
        binary: bool,
        out: &mut BytesMut,
    ) -> Result<(), Box<Report>> {
        if self.array.is_null(row) {
            out.put_i32(-1);
            return Ok(());
        }
        sized(out, |out| {
            if binary {
                write_binary(&self.kind, self.array.as_ref(), row, out)
            } else {
                write_text(&self.kind, self.array.as_ref(), row, out)
            }
        })
    }

    /// Appends a value as text; gives `false` for NULL and appends nothing.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub(crate) fn text(&self, row: usize, out: &mut BytesMut) -> Result<bool, Box<Report>> {
        if self.array.is_null(row) {
            return Ok(false);
        }
        write_text(&self.kind, self.array.as_ref(), row, out)?;
        Ok(true)
    }
}

/// Writes what `write` appends, with its length in front.
pub(crate) fn sized(
    out: &mut BytesMut,
    write: impl FnOnce(&mut BytesMut) -> Result<(), Box<Report>>,
) -> Result<(), Box<Report>> {
    let start = out.len();
    out.put_i32(0);
    write(out)?;
    let length = i32::try_from(out.len() - start - 4).map_err(|_| {
        Box::new(
            Report::new(Code::ResponseTooLarge, "a value has more than 2 GB")
                .with_help("select a part of it, for example with `substr`"),
        )
    })?;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

fn write_binary(
    kind: &Kind,
    array: &dyn Array,
    row: usize,
    out: &mut BytesMut,
) -> Result<(), Box<Report>> {
    match kind {
        Kind::Bool => out.put_u8(u8::from(array.as_boolean().value(row))),
        Kind::Int2 => out.put_i16(array.as_primitive::<Int16Type>().value(row)),
        Kind::Int4 => out.put_i32(array.as_primitive::<Int32Type>().value(row)),
        Kind::Int8 => out.put_i64(array.as_primitive::<Int64Type>().value(row)),
        Kind::Float4 => out.put_f32(array.as_primitive::<Float32Type>().value(row)),
        Kind::Float8 => out.put_f64(array.as_primitive::<Float64Type>().value(row)),
        Kind::Numeric => numeric(array.as_string::<i32>().value(row), out),
        Kind::Bytea => out.put_slice(array.as_binary::<i32>().value(row)),
        Kind::Date => {
            let days = array.as_primitive::<Date32Type>().value(row);
            out.put_i32(days.saturating_sub(EPOCH_DAYS));
        }
        Kind::Time => out.put_i64(array.as_primitive::<Time64MicrosecondType>().value(row)),
        Kind::Timestamp | Kind::TimestampTz => {
            let time = array.as_primitive::<TimestampMicrosecondType>().value(row);
            out.put_i64(time.saturating_sub(i64::from(EPOCH_DAYS) * DAY));
        }
        Kind::Interval => {
            let value = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            out.put_i64(value.nanoseconds / 1000);
            out.put_i32(value.days);
            out.put_i32(value.months);
        }
        Kind::Array(item) => {
            let values = array.as_list::<i32>().value(row);
            let dimensions = i32::from(!values.is_empty());
            out.put_i32(dimensions);
            out.put_i32(i32::from(values.null_count() > 0));
            out.put_u32(item.oid());
            if dimensions == 1 {
                out.put_i32(i32::try_from(values.len()).unwrap_or(i32::MAX));
                out.put_i32(1);
                for index in 0..values.len() {
                    if values.is_null(index) {
                        out.put_i32(-1);
                    } else {
                        sized(out, |out| write_binary(item, values.as_ref(), index, out))?;
                    }
                }
            }
        }
        Kind::Text | Kind::Json | Kind::Structure => write_text(kind, array, row, out)?,
    }
    Ok(())
}

fn write_text(
    kind: &Kind,
    array: &dyn Array,
    row: usize,
    out: &mut BytesMut,
) -> Result<(), Box<Report>> {
    match kind {
        Kind::Bool => out.put_u8(if array.as_boolean().value(row) { b't' } else { b'f' }),
        Kind::Int2 => put(out, format_args!("{}", array.as_primitive::<Int16Type>().value(row))),
        Kind::Int4 => put(out, format_args!("{}", array.as_primitive::<Int32Type>().value(row))),
        Kind::Int8 => put(out, format_args!("{}", array.as_primitive::<Int64Type>().value(row))),
        Kind::Float4 => {
            let value = array.as_primitive::<Float32Type>().value(row);
            float(f64::from(value), format!("{value}"), format!("{value:e}"), 6, out);
        }
        Kind::Float8 => {
            let value = array.as_primitive::<Float64Type>().value(row);
            float(value, format!("{value}"), format!("{value:e}"), 15, out);
        }
        Kind::Numeric | Kind::Text | Kind::Json => {
            out.put_slice(array.as_string::<i32>().value(row).as_bytes());
        }
        Kind::Bytea => {
            out.put_slice(b"\\x");
            for byte in array.as_binary::<i32>().value(row) {
                put(out, format_args!("{byte:02x}"));
            }
        }
        Kind::Date => {
            let days = array.as_primitive::<Date32Type>().value(row);
            date(i64::from(days), None, "", out);
        }
        Kind::Time => time(array.as_primitive::<Time64MicrosecondType>().value(row), out),
        Kind::Timestamp | Kind::TimestampTz => {
            let value = array.as_primitive::<TimestampMicrosecondType>().value(row);
            let zone = if *kind == Kind::TimestampTz { "+00" } else { "" };
            date(value.div_euclid(DAY), Some(value.rem_euclid(DAY)), zone, out);
        }
        Kind::Interval => {
            interval(array.as_primitive::<IntervalMonthDayNanoType>().value(row), out);
        }
        Kind::Array(item) => {
            let values = array.as_list::<i32>().value(row);
            out.put_u8(b'{');
            let mut text = BytesMut::new();
            for index in 0..values.len() {
                if index > 0 {
                    out.put_u8(b',');
                }
                if values.is_null(index) {
                    out.put_slice(b"NULL");
                } else {
                    text.clear();
                    write_text(item, values.as_ref(), index, &mut text)?;
                    element(&text, out);
                }
            }
            out.put_u8(b'}');
        }
        Kind::Structure => out.put_slice(structures::json(array, row)?.as_bytes()),
    }
    Ok(())
}

fn put(out: &mut BytesMut, text: std::fmt::Arguments<'_>) {
    // a buffer that grows refuses nothing
    let _grown = std::fmt::Write::write_fmt(out, text);
}

/// An element of an array, in quotes where it needs them.
fn element(text: &[u8], out: &mut BytesMut) {
    let special = |byte: &u8| b"{},\"\\".contains(byte) || byte.is_ascii_whitespace();
    if !text.is_empty() && !text.iter().any(special) && !text.eq_ignore_ascii_case(b"null") {
        out.put_slice(text);
        return;
    }
    out.put_u8(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.put_u8(b'\\');
        }
        out.put_u8(*byte);
    }
    out.put_u8(b'"');
}

/// The shortest digits that mean the same; an exponent outside of `digits` places, as PostgreSQL has it.
fn float(value: f64, plain: String, exponential: String, digits: i32, out: &mut BytesMut) {
    if value.is_nan() {
        return out.put_slice(b"NaN");
    }
    if value.is_infinite() {
        return out.put_slice(if value > 0.0 { b"Infinity" } else { b"-Infinity" });
    }
    let (mantissa, exponent) = exponential.split_once('e').unwrap_or((&exponential, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if exponent < -4 || exponent >= digits => {
            let sign = if exponent < 0 { '-' } else { '+' };
            put(out, format_args!("{mantissa}e{sign}{:02}", exponent.abs()));
        }
        _ => out.put_slice(plain.as_bytes()),
    }
}

/// A date, with a time of day if there is one.
fn date(days: i64, time_of_day: Option<i64>, zone: &str, out: &mut BytesMut) {
    let (year, month, day) = civil(days);
    let shown = if year > 0 { year } else { 1 - year };
    put(out, format_args!("{shown:04}-{month:02}-{day:02}"));
    if let Some(micros) = time_of_day {
        out.put_u8(b' ');
        time(micros, out);
        out.put_slice(zone.as_bytes());
    }
    if year <= 0 {
        out.put_slice(b" BC");
    }
}

/// Year, month and day of a number of days since 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    // years begin in March here, so that the leap day is the last of its year
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

fn time(micros: i64, out: &mut BytesMut) {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    put(out, format_args!("{hours:02}:{minutes:02}:{:02}", seconds % 60));
    if fraction > 0 {
        let digits = format!("{fraction:06}");
        put(out, format_args!(".{}", digits.trim_end_matches('0')));
    }
}

/// `1 year 2 mons -3 days 04:05:06`.
fn interval(value: IntervalMonthDayNano, out: &mut BytesMut) {
    let IntervalMonthDayNano { months, days, nanoseconds } = value;
    let mut parts = Vec::new();
    for (count, word) in [(months / 12, "year"), (months % 12, "mon"), (days, "day")] {
        if count != 0 {
            parts.push(format!("{count} {word}{}", if count == 1 { "" } else { "s" }));
        }
    }
    let micros = nanoseconds / 1000;
    if micros != 0 || parts.is_empty() {
        let mut text = BytesMut::new();
        time(micros.saturating_abs(), &mut text);
        let sign = if micros < 0 { "-" } else { "" };
        parts.push(format!("{sign}{}", String::from_utf8_lossy(&text)));
    }
    out.put_slice(parts.join(" ").as_bytes());
}

/// A decimal in binary: its digits of base 10000, and how many of them stand before the point.
fn numeric(text: &str, out: &mut BytesMut) {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (0x4000, rest),
        None => (0, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0');
    let padded = format!("{whole:0>width$}", width = whole.len().div_ceil(4) * 4);
    let before = padded.len() / 4;
    let tail = format!("{fraction:0<width$}", width = fraction.len().div_ceil(4) * 4);
    let groups = |text: &str| -> Vec<i16> {
        text.as_bytes()
            .chunks(4)
            .map(|four| four.iter().fold(0, |sum, digit| sum * 10 + i16::from(digit - b'0')))
            .collect()
    };
    let mut all = groups(&padded);
    all.extend(groups(&tail));
    let leading = all.iter().take_while(|group| **group == 0).count();
    let zero = leading == all.len();
    all.drain(..leading);
    while all.last() == Some(&0) {
        all.pop();
    }
    let small = |number: usize| i16::try_from(number).unwrap_or(i16::MAX);
    let weight = if zero { 0 } else { small(before) - small(leading) - 1 };
    out.put_i16(small(all.len()));
    out.put_i16(weight);
    out.put_i16(if zero { 0 } else { sign });
    out.put_i16(small(fraction.len()));
    for group in all {
        out.put_i16(group);
    }
}

#[cfg(test)]
mod tests;
