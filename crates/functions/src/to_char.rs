//! `to_char(x, template)` with the templates of PostgreSQL, for times, intervals and numbers.
//!
//! Surprise: a template with a `%` is one of strftime, which is what DataFusion's own function of this
//! name reads; `date_format` is still that one.

mod number;
mod time;

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, IntervalMonthDayNanoType, TimeUnit, TimestampNanosecondType};
use chrono::DateTime;
use datafusion_common::{Result, ScalarValue, plan_err};
use datafusion_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion_functions::datetime::to_char as strftime;

use self::time::{Fields, Template};
use super::doc::{Example, FunctionDoc, Section};
use super::intervals::INTERVAL;
use crate::error::external;

static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| DOC.documentation());

pub(super) static DOC: FunctionDoc = FunctionDoc {
    name: "to_char",
    aliases: &[],
    section: Section::Dates,
    syntax: "to_char(x, template)",
    text: "A time, an interval or a number as text, by a template of PostgreSQL: `YYYY`, `MM`, `DD`, `HH24`, `MI`, `SS`, `MS`, `US`, `AM`, `Mon`, `Month`, `Dy`, `Day`, `DDD`, `IW`, `IYYY`, `Q`, `J`, `TZ`, `OF` and their kin for times, `9`, `0`, `.`, `,`, `D`, `G`, `S`, `MI`, `PL`, `SG`, `PR`, `V`, `RN`, `TH`, `EEEE` for numbers, `FM` for no padding. A template with a `%` is one of strftime. Text in double quotes stays as it is.",
    example: Example {
        sql: "SELECT to_char(timestamp '2026-01-02 15:04:05', 'FMDay, DD Mon YYYY HH12:MI am') AS t, to_char(1234.5, 'FM9,999.00') AS n, to_char(interval '90 minutes', 'HH24:MI') AS i",
        rows: "Friday, 02 Jan 2026 03:04 pm | 1,234.50 | 01:30",
    },
};

#[derive(Debug, PartialEq, Eq, Hash)]
struct ToChar {
    inner: Arc<ScalarUDF>,
    signature: Signature,
}

/// The function.
pub(super) fn udf() -> ScalarUDF {
    ScalarUDF::from(ToChar {
        inner: strftime(),
        signature: Signature::user_defined(Volatility::Immutable),
    })
}

fn is_strftime(template: &str) -> bool {
    template.contains('%')
}

impl ScalarUDFImpl for ToChar {
    fn name(&self) -> &'static str {
        DOC.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, kinds: &[DataType]) -> Result<Vec<DataType>> {
        let [value, _] = kinds else { return plan_err!("to_char takes a value and a template") };
        let value = match value {
            kind if kind.is_floating() => DataType::Float64,
            kind if kind.is_integer() => DataType::Decimal128(20, 0),
            DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Time32(_)
            | DataType::Time64(_)
            | DataType::Timestamp(TimeUnit::Nanosecond, _)
            | DataType::Date32 => value.clone(),
            DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Nanosecond, zone.clone()),
            DataType::Interval(_) | DataType::Duration(_) => INTERVAL,
            _ => DataType::Timestamp(TimeUnit::Nanosecond, None),
        };
        Ok(vec![value, DataType::Utf8])
    }

    fn return_type(&self, _kinds: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = arguments.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { arguments.number_rows };
        let [values, templates] = arguments.args.as_slice() else {
            return plan_err!("to_char takes a value and a template");
        };
        if let ColumnarValue::Scalar(ScalarValue::Utf8(Some(template))) = templates
            && is_strftime(template)
            && values.data_type().is_temporal()
            && values.data_type() != INTERVAL
        {
            return self.inner.invoke_with_args(arguments);
        }
        let values = values.to_array(rows)?;
        let templates = templates.to_array(rows)?;
        let templates = templates.as_string::<i32>();
        let mut known: Option<(&str, Template)> = None;
        let mut made = StringBuilder::new();
        let source = Source::new(&values)?;
        for row in 0..rows {
            if templates.is_null(row) || values.is_null(row) {
                made.append_null();
                continue;
            }
            let text = templates.value(row);
            if let Source::Numbers(numbers) = &source {
                made.append_value(number::shown(numbers.value(row), text).map_err(external)?);
                continue;
            }
            let template = match known.take() {
                Some((last, template)) if last == text => template,
                _ => Template::read(text),
            };
            match source.fields(row) {
                Some(fields) => made.append_value(template.shown(&fields)),
                None => made.append_null(),
            }
            known = Some((text, template));
        }
        let made: ArrayRef = Arc::new(made.finish());
        if is_constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&made, 0)?));
        }
        Ok(ColumnarValue::Array(made))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&DOCUMENTATION)
    }
}

/// What is shown, row by row.
enum Source {
    Instants { nanos: ArrayRef, has_zone: bool },
    Intervals(ArrayRef),
    Numbers(arrow::array::StringArray),
}

impl Source {
    fn new(values: &ArrayRef) -> Result<Self> {
        Ok(match values.data_type() {
            kind if kind.is_numeric() => {
                let texts = cast(values, &DataType::Utf8)?;
                Self::Numbers(texts.as_string::<i32>().clone())
            }
            DataType::Interval(_) => Self::Intervals(Arc::clone(values)),
            DataType::Time32(_) | DataType::Time64(_) => {
                let nanos = cast(values, &DataType::Time64(TimeUnit::Nanosecond))?;
                let nanos = cast(&nanos, &DataType::Int64)?;
                let nanos = cast(&nanos, &DataType::Timestamp(TimeUnit::Nanosecond, None))?;
                Self::Instants { nanos, has_zone: false }
            }
            kind => {
                let has_zone = matches!(kind, DataType::Timestamp(_, Some(_)));
                let zone = has_zone.then(|| "UTC".into());
                let nanos = cast(values, &DataType::Timestamp(TimeUnit::Nanosecond, zone))?;
                Self::Instants { nanos, has_zone }
            }
        })
    }

    fn fields(&self, row: usize) -> Option<Fields> {
        match self {
            Self::Instants { nanos, has_zone } => {
                let nanos = nanos.as_primitive::<TimestampNanosecondType>().value(row);
                let at = DateTime::from_timestamp_nanos(nanos).naive_utc();
                Some(Fields::of_time(at, *has_zone))
            }
            Self::Intervals(intervals) => {
                let interval = intervals.as_primitive::<IntervalMonthDayNanoType>().value(row);
                Some(Fields::of_interval(interval))
            }
            Self::Numbers(_) => None,
        }
    }
}
