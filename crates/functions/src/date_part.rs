//! `extract(second FROM x)` and `date_part('second', x)` with the fraction, and the fields `century`,
//! `decade` and `millennium`.
//!
//! Surprise: DataFusion cuts the fraction off. EXTRACT gives a DECIMAL, `date_part` a DOUBLE, as in
//! PostgreSQL; every other field is DataFusion's own.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Field, FieldRef, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType,
};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::planner::{ExprPlanner, PlannerResult};
use datafusion_expr::preimage::PreimageResult;
use datafusion_expr::simplify::SimplifyContext;
use datafusion_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature,
};
use datafusion_functions::datetime::date_part;
use datafusion_functions::utils::make_scalar_function;

use super::intervals::INTERVAL;

/// The type of seconds: microseconds are kept.
const SECONDS: DataType = DataType::Decimal128(18, 6);
/// The type of milliseconds.
const MILLISECONDS: DataType = DataType::Decimal128(18, 3);

/// A field that DataFusion does not have, or gives whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Second,
    Millisecond,
    /// Years per unit, and whether the first unit begins with the year 1.
    Years(i64, bool),
}

impl Part {
    fn read(name: &str) -> Option<Self> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "second" | "seconds" | "sec" | "secs" | "s" => Self::Second,
            "millisecond" | "milliseconds" | "msec" | "msecs" | "ms" => Self::Millisecond,
            "decade" | "decades" => Self::Years(10, false),
            "century" | "centuries" => Self::Years(100, true),
            "millennium" | "millennia" => Self::Years(1000, true),
            _ => return None,
        })
    }

    /// The field of DataFusion that has what is needed, and its type.
    const fn source(self) -> (&'static str, DataType) {
        match self {
            Self::Second | Self::Millisecond => ("nanosecond", DataType::Int64),
            Self::Years(..) => ("year", DataType::Int32),
        }
    }

    fn kind(self, is_exact: bool) -> DataType {
        match self {
            Self::Years(..) => DataType::Int64,
            _ if !is_exact => DataType::Float64,
            Self::Second => SECONDS,
            Self::Millisecond => MILLISECONDS,
        }
    }
}

/// Either spelling.
#[derive(Debug, PartialEq, Eq, Hash)]
struct DatePart {
    is_exact: bool,
    inner: Arc<ScalarUDF>,
}

/// `date_part`.
pub(super) fn udf() -> ScalarUDF {
    ScalarUDF::from(DatePart { is_exact: false, inner: date_part() })
}

/// The planner's hook for EXTRACT.
#[derive(Debug)]
pub(crate) struct Extract;

impl ExprPlanner for Extract {
    fn plan_extract(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        let function = ScalarUDF::from(DatePart { is_exact: true, inner: date_part() });
        Ok(PlannerResult::Planned(function.call(args)))
    }
}

fn part_of(value: Option<&ScalarValue>) -> Option<Part> {
    value.and_then(|value| value.try_as_str().flatten()).and_then(Part::read)
}

fn is_epoch(name: &ScalarValue) -> bool {
    name.try_as_str().flatten().is_some_and(|name| name.trim().eq_ignore_ascii_case("epoch"))
}

/// Seconds of intervals: as in PostgreSQL a year has 365.25 days, and a month 30.
fn interval_seconds(intervals: &ArrayRef) -> Result<ArrayRef> {
    let intervals = cast(intervals, &INTERVAL)?;
    let seconds = |interval: IntervalMonthDayNano| {
        let (years, months) = (interval.months / 12, interval.months % 12);
        let days = f64::from(years) * 365.25 + f64::from(months) * 30.0 + f64::from(interval.days);
        #[expect(clippy::cast_precision_loss, reason = "a DOUBLE is what is asked for")]
        let time = interval.nanoseconds as f64 / 1e9;
        days * 86_400.0 + time
    };
    let intervals = intervals.as_primitive::<IntervalMonthDayNanoType>().iter();
    Ok(Arc::new(intervals.map(|one| one.map(seconds)).collect::<Float64Array>()))
}

impl ScalarUDFImpl for DatePart {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, kinds: &[DataType]) -> Result<DataType> {
        self.inner.return_type(kinds)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        match part_of(args.scalar_arguments.first().copied().flatten()) {
            Some(part) => Ok(Arc::new(Field::new(self.name(), part.kind(self.is_exact), true))),
            None => self.inner.return_field_from_args(args),
        }
    }

    fn invoke_with_args(&self, mut arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(ColumnarValue::Scalar(name)) = arguments.args.first() else {
            return self.inner.invoke_with_args(arguments);
        };
        if is_epoch(name)
            && let [_, value] = arguments.args.as_slice()
            && matches!(value.data_type(), DataType::Interval(_))
        {
            let seconds = |arrays: &[ArrayRef]| interval_seconds(&arrays[0]);
            return make_scalar_function(seconds, vec![])(&arguments.args[1..]);
        }
        let Some(part) = part_of(Some(name)) else { return self.inner.invoke_with_args(arguments) };
        let (source, kind) = part.source();
        arguments.args[0] = ColumnarValue::Scalar(ScalarValue::from(source));
        arguments.return_field = Arc::new(Field::new(self.name(), kind, true));
        let rows = arguments.number_rows;
        let is_constant = matches!(arguments.args.get(1), Some(ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { rows };
        let found = match arguments.args.get(1) {
            // of an interval DataFusion forgets the fraction
            Some(value)
                if part.source().0 == "nanosecond"
                    && matches!(value.data_type(), DataType::Interval(_)) =>
            {
                nanos_of_minute(&value.to_array(rows)?)?
            }
            _ => self.inner.invoke_with_args(arguments)?.to_array(rows)?,
        };
        let found = cast(&found, &DataType::Int64)?;
        let made = self.shown(part, found.as_primitive::<Int64Type>())?;
        if is_constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&made, 0)?));
        }
        Ok(ColumnarValue::Array(made))
    }

    fn preimage(
        &self,
        args: &[Expr],
        literal: &Expr,
        info: &SimplifyContext,
    ) -> Result<PreimageResult> {
        self.inner.inner().preimage(args, literal, info)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

fn nanos_of_minute(intervals: &ArrayRef) -> Result<ArrayRef> {
    let intervals = cast(intervals, &INTERVAL)?;
    let intervals = intervals.as_primitive::<IntervalMonthDayNanoType>();
    let nanos = intervals.iter().map(|at| at.map(|at| at.nanoseconds % 60_000_000_000));
    Ok(Arc::new(nanos.collect::<Int64Array>()))
}

impl DatePart {
    fn shown(&self, part: Part, found: &Int64Array) -> Result<ArrayRef> {
        let (nanos, digits) = match part {
            Part::Years(years, from_one) => {
                let unit = |year: i64| match (from_one, year > 0) {
                    (true, true) => (year + years - 1) / years,
                    (true, false) => -((years - 1 - year) / years),
                    (false, _) => year.div_euclid(years),
                };
                return Ok(Arc::new(
                    found.iter().map(|year| year.map(unit)).collect::<Int64Array>(),
                ));
            }
            Part::Second => (1_000, 1e6),
            Part::Millisecond => (1_000, 1e3),
        };
        let micros = found.iter().map(|at| at.map(|at| at / nanos));
        if self.is_exact {
            let exact: Decimal128Array = micros.map(|at| at.map(i128::from)).collect();
            return Ok(Arc::new(exact.with_data_type(part.kind(true))));
        }
        #[expect(clippy::cast_precision_loss, reason = "`date_part` gives a DOUBLE")]
        let real: Float64Array = micros.map(|at| at.map(|at| at as f64 / digits)).collect();
        Ok(Arc::new(real))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::RecordBatch;
    use arrow::datatypes::{Schema, TimeUnit};
    use datafusion_common::DFSchema;
    use datafusion_expr::execution_props::ExecutionProps;
    use datafusion_expr::lit;
    use datafusion_expr::physical_planning_context::PhysicalPlanningContext;
    use datafusion_physical_expr::create_physical_expr;

    use super::*;

    fn part(name: &str, of: &str, kind: DataType) -> String {
        let value = ScalarValue::from(of).cast_to(&kind).expect("a value");
        let call = udf().call(vec![lit(name), lit(value)]);
        let planning = PhysicalPlanningContext::default();
        let schema = DFSchema::empty();
        let expr = create_physical_expr(&call, &schema, &ExecutionProps::new(), &planning);
        let batch = RecordBatch::new_empty(Arc::new(Schema::empty()));
        match expr.and_then(|expr| expr.evaluate(&batch)) {
            Ok(ColumnarValue::Scalar(value)) => value.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn seconds_have_their_fraction() {
        let stamp = DataType::Timestamp(TimeUnit::Nanosecond, None);
        assert_eq!(part("second", "2026-01-01T00:00:01.5", stamp.clone()), "1.5");
        assert_eq!(part("ms", "2026-01-01T00:00:01.5", stamp.clone()), "1500");
        assert_eq!(part("second", "90.25 seconds", INTERVAL), "30.25");
        assert_eq!(part("century", "2000-12-31T00:00:00", stamp.clone()), "20");
        assert_eq!(part("minute", "2026-01-01T00:07:01.5", stamp), "7");
    }
}
