//! `timezone(zone, x)`, which `x AT TIME ZONE zone` is: a point in time as a clock in that zone shows it,
//! and what such a clock shows as a point in time.
//!
//! Surprise: as in PostgreSQL a bare offset counts hours *west* of Greenwich (`'+02:00'` is two hours
//! behind), since POSIX has it so; names such as `Europe/Berlin` are what people want.

use std::sync::{Arc, LazyLock};

use arrow::array::timezone::Tz;
use arrow::array::{Array, ArrayRef, AsArray, TimestampNanosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampNanosecondType};
use chrono::{DateTime, FixedOffset, LocalResult, NaiveDateTime, Offset, TimeDelta, TimeZone};
use datafusion_common::{Result, ScalarValue, internal_err, plan_err};
use datafusion_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use strataql_diag::{Report, excerpt};

use super::cell::bad;
use super::doc::{Example, FunctionDoc, Section};
use crate::error::external;

/// UTC, in which results are shown, as Arrow writes it.
const UTC: &str = "+00:00";

static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| DOC.documentation());

pub(super) static DOC: FunctionDoc = FunctionDoc {
    name: "timezone",
    aliases: &[],
    section: Section::Dates,
    syntax: "timezone(zone, x)",
    text: "The same as `x AT TIME ZONE zone`. A point in time (TIMESTAMPTZ) becomes the TIMESTAMP that a clock in the zone shows; a TIMESTAMP is taken for what such a clock shows and becomes the point in time. The zone is a name such as `Europe/Berlin`, an abbreviation, or an offset, which as in PostgreSQL counts hours west of Greenwich.",
    example: Example {
        sql: "SELECT to_char(timezone('America/New_York', timestamptz '2026-07-01 02:00:00Z'), 'YYYY-MM-DD HH24:MI') AS there, to_char(timestamp '2026-07-01 02:00:00' AT TIME ZONE 'America/New_York', 'HH24:MI TZ') AS instant",
        rows: "2026-06-30 22:00 | 06:00 UTC",
    },
};

/// Hours east of Greenwich of abbreviations that are no zones of their own.
const ABBREVIATIONS: &[(&str, f32)] = &[
    ("ACST", 9.5),
    ("AEDT", 11.0),
    ("AEST", 10.0),
    ("AKDT", -8.0),
    ("AKST", -9.0),
    ("AWST", 8.0),
    ("BST", 1.0),
    ("CDT", -5.0),
    ("CEST", 2.0),
    ("CET", 1.0),
    ("CST", -6.0),
    ("EDT", -4.0),
    ("EEST", 3.0),
    ("EET", 2.0),
    ("EST", -5.0),
    ("GMT", 0.0),
    ("HST", -10.0),
    ("IST", 2.0),
    ("JST", 9.0),
    ("KST", 9.0),
    ("MDT", -6.0),
    ("MSK", 3.0),
    ("MST", -7.0),
    ("NZDT", 13.0),
    ("NZST", 12.0),
    ("PDT", -7.0),
    ("PST", -8.0),
    ("UTC", 0.0),
    ("WEST", 1.0),
    ("WET", 0.0),
    ("Z", 0.0),
];

/// A zone as people name it.
enum Zone {
    Fixed(FixedOffset),
    Named(Tz),
}

impl Zone {
    fn read(name: &str) -> std::result::Result<Self, Box<Report>> {
        let name = name.trim();
        let upper = name.to_ascii_uppercase();
        if let Some((_, hours)) = ABBREVIATIONS.iter().find(|(known, _)| *known == upper) {
            #[expect(clippy::cast_possible_truncation, reason = "at most 13 hours")]
            let seconds = (hours * 3600.0) as i32;
            return FixedOffset::east_opt(seconds).map(Self::Fixed).ok_or_else(|| unknown(name));
        }
        if let Some(west) = offset(name) {
            return FixedOffset::west_opt(west).map(Self::Fixed).ok_or_else(|| unknown(name));
        }
        name.parse().map(Self::Named).map_err(|_| unknown(name))
    }

    /// What a clock shows at a point in time.
    fn shown(&self, at: NaiveDateTime) -> NaiveDateTime {
        let offset = match self {
            Self::Fixed(offset) => *offset,
            Self::Named(zone) => zone.offset_from_utc_datetime(&at).fix(),
        };
        at + offset
    }

    /// The point in time at which a clock shows that. An hour that comes twice is the later one; one
    /// that is left out is counted on from the hour before, as in PostgreSQL.
    fn instant(&self, shown: NaiveDateTime) -> NaiveDateTime {
        let offset = match self {
            Self::Fixed(offset) => *offset,
            Self::Named(zone) => match zone.offset_from_local_datetime(&shown) {
                LocalResult::Single(offset) | LocalResult::Ambiguous(_, offset) => offset.fix(),
                LocalResult::None => {
                    let before = shown - TimeDelta::hours(24);
                    zone.offset_from_utc_datetime(&before).fix()
                }
            },
        };
        shown - offset
    }
}

/// Seconds of `+02`, `-5`, `+05:30`.
fn offset(text: &str) -> Option<i32> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "0"));
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    ((0..=15).contains(&hours) && (0..60).contains(&minutes))
        .then_some(sign * (hours * 3600 + minutes * 60))
}

fn unknown(name: &str) -> Box<Report> {
    bad(
        format!("`{}` is no time zone", excerpt(name)),
        "name one of the IANA database, such as `Europe/Berlin`, or `UTC`",
    )
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Timezone {
    signature: Signature,
}

/// The function.
pub(super) fn udf() -> ScalarUDF {
    ScalarUDF::from(Timezone { signature: Signature::user_defined(Volatility::Immutable) })
}

/// The type of points in time.
fn instant_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some(UTC.into()))
}

impl ScalarUDFImpl for Timezone {
    fn name(&self) -> &'static str {
        DOC.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, kinds: &[DataType]) -> Result<Vec<DataType>> {
        let [_, time] = kinds else {
            return plan_err!("timezone takes a zone and a point in time");
        };
        let time = match time {
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, None) => {
                DataType::Timestamp(TimeUnit::Nanosecond, None)
            }
            _ => instant_type(),
        };
        Ok(vec![DataType::Utf8, time])
    }

    fn return_type(&self, kinds: &[DataType]) -> Result<DataType> {
        Ok(match kinds {
            [_, DataType::Timestamp(_, None)] => instant_type(),
            _ => DataType::Timestamp(TimeUnit::Nanosecond, None),
        })
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = arguments.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { arguments.number_rows };
        let [zones, times] = arguments.args.as_slice() else {
            return internal_err!("timezone takes two arguments");
        };
        let has_zone = matches!(times.data_type(), DataType::Timestamp(_, Some(_)));
        let zones = cast(&zones.to_array(rows)?, &DataType::Utf8)?;
        let zones = zones.as_string::<i32>();
        let times = times.to_array(rows)?;
        let times = times.as_primitive::<TimestampNanosecondType>();
        let mut known: Option<(&str, Zone)> = None;
        let mut made = Vec::with_capacity(rows);
        for row in 0..rows {
            if zones.is_null(row) || times.is_null(row) {
                made.push(None);
                continue;
            }
            let name = zones.value(row);
            let zone = match known.take() {
                Some((last, zone)) if last == name => zone,
                _ => Zone::read(name).map_err(external)?,
            };
            let at = DateTime::from_timestamp_nanos(times.value(row)).naive_utc();
            let there = if has_zone { zone.shown(at) } else { zone.instant(at) };
            known = Some((name, zone));
            let nanos = there.and_utc().timestamp_nanos_opt();
            made.push(Some(nanos.ok_or_else(|| {
                external(bad(
                    "a timestamp is out of range in that time zone".to_owned(),
                    "timestamps lie between the years 1678 and 2261",
                ))
            })?));
        }
        let made = TimestampNanosecondArray::from(made);
        let made: ArrayRef = Arc::new(if has_zone { made } else { made.with_timezone(UTC) });
        if is_constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&made, 0)?));
        }
        Ok(ColumnarValue::Array(made))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&DOCUMENTATION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("a time")
    }

    #[test]
    fn hours_that_come_twice_or_never_are_as_in_postgres() {
        let zone = Zone::read("America/New_York").unwrap_or_else(|report| panic!("{report}"));
        assert_eq!(zone.shown(at("2026-07-01 02:00")), at("2026-06-30 22:00"));
        assert_eq!(zone.instant(at("2026-11-01 01:30")), at("2026-11-01 06:30"));
        assert_eq!(zone.instant(at("2026-03-08 02:30")), at("2026-03-08 07:30"));
    }

    #[test]
    fn offsets_count_west_of_greenwich() {
        for (zone, shown) in [("+02:00", "00:00"), ("-5", "07:00"), ("EST", "21:00")] {
            let zone = Zone::read(zone).unwrap_or_else(|report| panic!("{report}"));
            let day = if shown == "21:00" { "2026-06-30" } else { "2026-07-01" };
            assert_eq!(zone.shown(at("2026-07-01 02:00")), at(&format!("{day} {shown}")));
        }
        assert!(Zone::read("Mars/Base").is_err());
    }
}
