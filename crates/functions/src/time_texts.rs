//! Timestamps and intervals as text, in the forms of PostgreSQL.
//!
//! Owns: `2026-01-31 10:00:00.5`, `2026-01-31 10:00:00+02`, `1 year 2 mons 3 days 04:05:06`.
//! Surprise: DataFusion writes `T` and `Z` as ISO 8601 has them, and `1 days 2 hours`.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use arrow::array::timezone::Tz;
use arrow::array::{ArrayRef, AsArray, PrimitiveArray, StringArray};
use arrow::datatypes::{
    ArrowTimestampType, DataType, IntervalMonthDayNano, IntervalMonthDayNanoType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow::temporal_conversions::{as_datetime, as_datetime_with_timezone};
use chrono::{Datelike, NaiveDateTime, Offset, Timelike};
use datafusion_common::{DataFusionError, Result, internal_err};
use datafusion_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion_functions::utils::make_scalar_function;

use super::intervals::INTERVAL;

/// The text of a timestamp or an interval.
pub(super) static TIME_TEXT: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    let signature = Signature::any(1, Volatility::Immutable);
    Arc::new(ScalarUDF::from(TimeText { signature }))
});

/// True for the types whose text this is.
pub(super) fn has_text(kind: &DataType) -> bool {
    *kind == INTERVAL || matches!(kind, DataType::Timestamp(..))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TimeText {
    signature: Signature,
}

impl ScalarUDFImpl for TimeText {
    fn name(&self) -> &'static str {
        "time_text"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _kinds: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let texts = |arrays: &[ArrayRef]| {
            let [array] = arrays else { return internal_err!("time_text takes one value") };
            texts(array).map(|texts| Arc::new(texts) as ArrayRef)
        };
        make_scalar_function(texts, vec![])(&arguments.args)
    }
}

fn texts(array: &ArrayRef) -> Result<StringArray> {
    match array.data_type() {
        DataType::Interval(_) => {
            let intervals = array.as_primitive::<IntervalMonthDayNanoType>();
            Ok(intervals.iter().map(|interval| interval.map(interval_text)).collect())
        }
        DataType::Timestamp(TimeUnit::Second, zone) => {
            stamps(array.as_primitive::<TimestampSecondType>(), zone.as_deref())
        }
        DataType::Timestamp(TimeUnit::Millisecond, zone) => {
            stamps(array.as_primitive::<TimestampMillisecondType>(), zone.as_deref())
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            stamps(array.as_primitive::<TimestampMicrosecondType>(), zone.as_deref())
        }
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            stamps(array.as_primitive::<TimestampNanosecondType>(), zone.as_deref())
        }
        other => internal_err!("time_text of {other}"),
    }
}

fn stamps<T: ArrowTimestampType>(
    array: &PrimitiveArray<T>,
    zone: Option<&str>,
) -> Result<StringArray> {
    let zone: Option<Tz> = zone.map(str::parse).transpose()?;
    let text = |value: i64| {
        let out_of_range =
            || DataFusionError::Execution(format!("{value} is no timestamp that can be shown"));
        let Some(zone) = zone else {
            return as_datetime::<T>(value).map(|at| stamp_text(at, None)).ok_or_else(out_of_range);
        };
        let at = as_datetime_with_timezone::<T>(value, zone).ok_or_else(out_of_range)?;
        Ok(stamp_text(at.naive_local(), Some(at.offset().fix().local_minus_utc())))
    };
    array.iter().map(|value| value.map(text).transpose()).collect()
}

/// `2026-01-31 10:00:00.5+02`; years before the first are `0044-03-15 … BC`.
fn stamp_text(at: NaiveDateTime, offset: Option<i32>) -> String {
    let (year, is_before) = if at.year() > 0 { (at.year(), false) } else { (1 - at.year(), true) };
    let mut text = format!(
        "{year:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    );
    push_fraction(&mut text, u64::from(at.nanosecond()));
    if let Some(offset) = offset {
        let sign = if offset < 0 { '-' } else { '+' };
        let (hours, rest) = (offset.abs() / 3600, offset.abs() % 3600);
        // writing to a text does not fail
        let _ = write!(text, "{sign}{hours:02}");
        if rest > 0 {
            let _ = write!(text, ":{:02}", rest / 60);
        }
        if rest % 60 > 0 {
            let _ = write!(text, ":{:02}", rest % 60);
        }
    }
    if is_before {
        text.push_str(" BC");
    }
    text
}

/// Parts of a second without the zeros at their end.
fn push_fraction(text: &mut String, nanos: u64) {
    if nanos > 0 {
        let digits = format!("{nanos:09}");
        text.extend([".", digits.trim_end_matches('0')]);
    }
}

/// `1 year 2 mons 3 days 04:05:06.5`: each part with its sign, `+` where one before it is negative.
fn interval_text(interval: IntervalMonthDayNano) -> String {
    let (months, days, nanos) =
        (i64::from(interval.months), i64::from(interval.days), interval.nanoseconds);
    let mut text = String::new();
    let mut is_negative = false;
    for (number, unit) in [(months / 12, "year"), (months % 12, "mon"), (days, "day")] {
        if number == 0 {
            continue;
        }
        let sign = if is_negative && number > 0 { "+" } else { "" };
        let plural = if number == 1 { "" } else { "s" };
        let gap = if text.is_empty() { "" } else { " " };
        let _ = write!(text, "{gap}{sign}{number} {unit}{plural}");
        is_negative = number < 0;
    }
    if nanos != 0 || text.is_empty() {
        let sign = match (nanos < 0, is_negative) {
            (true, _) => "-",
            (false, true) => "+",
            (false, false) => "",
        };
        let all = nanos.unsigned_abs();
        let (seconds, rest) = (all / 1_000_000_000, all % 1_000_000_000);
        let gap = if text.is_empty() { "" } else { " " };
        let _ = write!(
            text,
            "{gap}{sign}{:02}:{:02}:{:02}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        );
        push_fraction(&mut text, rest);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_written_as_in_postgresql() {
        let second = 1_000_000_000;
        for (months, days, nanos, expected) in [
            (0, 0, 0, "00:00:00"),
            (0, 1, 7200 * second, "1 day 02:00:00"),
            (14, 3, 14_706 * second + 500_000_000, "1 year 2 mons 3 days 04:05:06.5"),
            (-1, 0, 0, "-1 mons"),
            (-12, 2, 0, "-1 years +2 days"),
            (0, -1, 60 * second, "-1 days +00:01:00"),
            (1, 0, -second, "1 mon -00:00:01"),
            (0, 0, 90_000 * second + 1, "25:00:00.000000001"),
        ] {
            let interval = IntervalMonthDayNano::new(months, days, nanos);
            assert_eq!(interval_text(interval), expected);
        }
    }

    #[test]
    fn timestamps_have_a_space_and_a_short_offset() {
        let at = |text: &str| text.parse::<NaiveDateTime>().expect("a time");
        for (time, offset, expected) in [
            ("2026-01-31T10:00:00", None, "2026-01-31 10:00:00"),
            ("2026-01-31T10:00:00.5", Some(0), "2026-01-31 10:00:00.5+00"),
            ("2026-01-31T10:00:00.000001", Some(-19_800), "2026-01-31 10:00:00.000001-05:30"),
            ("0800-12-25T00:00:00", Some(7_200), "0800-12-25 00:00:00+02"),
            ("-0043-03-15T00:00:00", None, "0044-03-15 00:00:00 BC"),
        ] {
            assert_eq!(stamp_text(at(time), offset), expected);
        }
    }
}
