//! `age`: the time between two points in time in years, months, days and hours, as a calendar counts
//! them; `justify_days`, `justify_hours` and `justify_interval`.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, IntervalMonthDayNanoArray};
use arrow::datatypes::{
    DataType, IntervalMonthDayNano, IntervalMonthDayNanoType, TimeUnit, TimestampNanosecondType,
};
use chrono::{DateTime, Datelike, NaiveDateTime, Timelike};
use datafusion_common::{Result, ScalarValue, plan_err};
use datafusion_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion_expr::{
    ColumnarValue, Documentation, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, lit,
};

use super::doc::{FunctionDoc, Section};
use super::intervals::{INTERVAL, NANOS_PER_DAY};

const STAMP: DataType = DataType::Timestamp(TimeUnit::Nanosecond, None);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operation {
    Age,
    JustifyDays,
    JustifyHours,
    JustifyInterval,
}

static DOCS: &[(Operation, FunctionDoc)] = &[
    (
        Operation::Age,
        FunctionDoc::new(
            Section::Dates,
            ("age", &[]),
            "age(x[, y])",
            "The time from the second point in time to the first in years, months, days and hours; with one argument the time from there to the beginning of today.",
            (
                "SELECT age(timestamp '2026-03-01', timestamp '2026-01-15 12:00:00') = interval '1 month 16 days 12 hours'",
                "true",
            ),
        ),
    ),
    (
        Operation::JustifyDays,
        FunctionDoc::new(
            Section::Dates,
            ("justify_days", &[]),
            "justify_days(interval)",
            "The interval with every 30 days as a month.",
            ("SELECT to_char(justify_days(interval '35 days'), 'MM DD')", "01 05"),
        ),
    ),
    (
        Operation::JustifyHours,
        FunctionDoc::new(
            Section::Dates,
            ("justify_hours", &[]),
            "justify_hours(interval)",
            "The interval with every 24 hours as a day.",
            ("SELECT to_char(justify_hours(interval '27 hours'), 'DD HH24')", "01 03"),
        ),
    ),
    (
        Operation::JustifyInterval,
        FunctionDoc::new(
            Section::Dates,
            ("justify_interval", &[]),
            "justify_interval(interval)",
            "The interval with every 24 hours as a day and every 30 days as a month, all parts with one sign.",
            (
                "SELECT to_char(justify_interval(interval '1 month -1 hour'), 'MM DD HH24')",
                "00 29 23",
            ),
        ),
    ),
];

/// The documentation of these functions.
pub(super) fn docs() -> impl Iterator<Item = &'static FunctionDoc> {
    DOCS.iter().map(|(_, doc)| doc)
}

/// The functions.
pub(super) fn udfs() -> impl Iterator<Item = ScalarUDF> {
    DOCS.iter().map(|(operation, doc)| udf(*operation, doc))
}

fn udf(operation: Operation, doc: &'static FunctionDoc) -> ScalarUDF {
    // of one argument it depends on the time of the statement
    let volatility =
        if operation == Operation::Age { Volatility::Stable } else { Volatility::Immutable };
    ScalarUDF::from(Ages {
        operation,
        doc,
        signature: Signature::user_defined(volatility),
        documentation: doc.documentation(),
    })
}

#[derive(Debug)]
struct Ages {
    operation: Operation,
    doc: &'static FunctionDoc,
    signature: Signature,
    documentation: Documentation,
}

impl PartialEq for Ages {
    fn eq(&self, other: &Self) -> bool {
        self.operation == other.operation
    }
}

impl Eq for Ages {}

impl Hash for Ages {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.operation.hash(state);
    }
}

impl ScalarUDFImpl for Ages {
    fn name(&self) -> &'static str {
        self.doc.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, kinds: &[DataType]) -> Result<Vec<DataType>> {
        match (self.operation, kinds.len()) {
            (Operation::Age, 1 | 2) => Ok(vec![STAMP; kinds.len()]),
            (Operation::Age, _) => plan_err!("age takes one or two points in time"),
            (_, 1) => Ok(vec![INTERVAL]),
            _ => plan_err!("{} takes one interval", self.name()),
        }
    }

    fn return_type(&self, _kinds: &[DataType]) -> Result<DataType> {
        Ok(INTERVAL)
    }

    fn simplify(&self, mut args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let today = info
            .query_execution_start_time()
            .and_then(|now| now.date_naive().and_hms_opt(0, 0, 0))
            .and_then(|today| today.and_utc().timestamp_nanos_opt());
        match today {
            Some(today) if self.operation == Operation::Age && args.len() == 1 => {
                args.insert(0, lit(ScalarValue::TimestampNanosecond(Some(today), None)));
                Ok(ExprSimplifyResult::Simplified(udf(self.operation, self.doc).call(args)))
            }
            _ => Ok(ExprSimplifyResult::Original(args)),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = arguments.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { arguments.number_rows };
        let columns: Vec<ArrayRef> =
            arguments.args.iter().map(|arg| arg.to_array(rows)).collect::<Result<_>>()?;
        let made: IntervalMonthDayNanoArray = match columns.as_slice() {
            [one, other] => {
                let (one, other) = (
                    one.as_primitive::<TimestampNanosecondType>(),
                    other.as_primitive::<TimestampNanosecondType>(),
                );
                let at = |nanos| DateTime::from_timestamp_nanos(nanos).naive_utc();
                one.iter().zip(other).map(|(one, other)| Some(age(at(one?), at(other?)))).collect()
            }
            [one] if self.operation != Operation::Age => {
                let justified = match self.operation {
                    Operation::JustifyDays => justify_days,
                    Operation::JustifyHours => justify_hours,
                    _ => justify_interval,
                };
                let intervals = one.as_primitive::<IntervalMonthDayNanoType>();
                intervals.iter().map(|interval| interval.map(justified)).collect()
            }
            _ => return plan_err!("age of one point in time needs the time of the statement"),
        };
        let made: ArrayRef = Arc::new(made);
        if is_constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&made, 0)?));
        }
        Ok(ColumnarValue::Array(made))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// The days of a month; months of other years count on.
fn days_in_month(year: i32, month: u32) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// `one - other` as a calendar counts: parts that are below zero borrow from the next, days from the
/// month of the earlier point.
fn age(one: NaiveDateTime, other: NaiveDateTime) -> IntervalMonthDayNano {
    let is_negative = one < other;
    let (late, early) = if is_negative { (other, one) } else { (one, other) };
    let nanos = |at: NaiveDateTime| {
        i64::from(at.num_seconds_from_midnight()) * 1_000_000_000 + i64::from(at.nanosecond())
    };
    let mut time = nanos(late) - nanos(early);
    let mut days = i64::from(late.day()) - i64::from(early.day());
    let mut months = i64::from(late.year() - early.year()) * 12 + i64::from(late.month())
        - i64::from(early.month());
    if time < 0 {
        time += NANOS_PER_DAY;
        days -= 1;
    }
    while days < 0 {
        days += days_in_month(early.year(), early.month());
        months -= 1;
    }
    let sign = if is_negative { -1 } else { 1 };
    let narrow = |number: i64| i32::try_from(number * sign).unwrap_or(i32::MAX);
    IntervalMonthDayNano::new(narrow(months), narrow(days), time * sign)
}

fn justify_hours(interval: IntervalMonthDayNano) -> IntervalMonthDayNano {
    let mut days = i64::from(interval.days) + interval.nanoseconds / NANOS_PER_DAY;
    let mut time = interval.nanoseconds % NANOS_PER_DAY;
    if days > 0 && time < 0 {
        time += NANOS_PER_DAY;
        days -= 1;
    } else if days < 0 && time > 0 {
        time -= NANOS_PER_DAY;
        days += 1;
    }
    IntervalMonthDayNano::new(interval.months, i32::try_from(days).unwrap_or(i32::MAX), time)
}

fn justify_days(interval: IntervalMonthDayNano) -> IntervalMonthDayNano {
    let mut months = interval.months.saturating_add(interval.days / 30);
    let mut days = interval.days % 30;
    if months > 0 && days < 0 {
        days += 30;
        months -= 1;
    } else if months < 0 && days > 0 {
        days -= 30;
        months += 1;
    }
    IntervalMonthDayNano::new(months, days, interval.nanoseconds)
}

fn justify_interval(interval: IntervalMonthDayNano) -> IntervalMonthDayNano {
    let carried = justify_days(justify_hours(interval));
    let (mut months, mut days, mut time) = (carried.months, carried.days, carried.nanoseconds);
    if months > 0 && (days < 0 || (days == 0 && time < 0)) {
        days += 30;
        months -= 1;
    } else if months < 0 && (days > 0 || (days == 0 && time > 0)) {
        days -= 30;
        months += 1;
    }
    if days > 0 && time < 0 {
        time += NANOS_PER_DAY;
        days -= 1;
    } else if days < 0 && time > 0 {
        time -= NANOS_PER_DAY;
        days += 1;
    }
    IntervalMonthDayNano::new(months, days, time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("a time")
    }

    #[test]
    fn ages_are_those_of_a_calendar() {
        let hour = 3_600_000_000_000;
        for (one, other, months, days, time) in [
            ("2026-03-01 00:00", "2026-01-15 00:00", 1, 17, 0),
            ("2026-01-15 00:00", "2026-03-01 00:00", -1, -17, 0),
            ("2024-03-01 00:00", "2024-02-29 12:00", 0, 0, 12 * hour),
            ("2024-03-31 00:00", "2024-02-29 00:00", 1, 2, 0),
            ("2026-03-30 01:00", "2026-01-31 02:00", 1, 29, 23 * hour),
        ] {
            let wanted = IntervalMonthDayNano::new(months, days, time);
            assert_eq!(age(at(one), at(other)), wanted, "{one} {other}");
        }
    }

    #[test]
    fn parts_are_carried_with_one_sign() {
        let interval = IntervalMonthDayNano::new(1, 0, -3_600_000_000_000);
        let wanted = IntervalMonthDayNano::new(0, 29, 23 * 3_600_000_000_000);
        assert_eq!(justify_interval(interval), wanted);
    }
}
