//! The time between two points in time: `timestamp - timestamp`, as an interval of days and time.
//!
//! Surprise: DataFusion's own is a number of units without days, so that `extract(day FROM a - b)` is 0
//! and `extract(hour FROM a - b)` counts beyond 24. As in PostgreSQL a day has 24 hours here, and there
//! are no months.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, AsArray, IntervalMonthDayNanoArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Int64Type, IntervalMonthDayNano, TimeUnit};
use datafusion_common::{DFSchema, Result, internal_err};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion_functions::utils::make_scalar_function;
use sqlparser::ast::BinaryOperator;
use strataql_diag::{Code, Report};

use super::intervals::{INTERVAL, NANOS_PER_DAY, is_chain};
use crate::error::external;

static DIFFERENCE: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    let signature = Signature::any(2, Volatility::Immutable);
    Arc::new(ScalarUDF::from(Difference { signature }))
});

#[derive(Debug, PartialEq, Eq, Hash)]
struct Difference {
    signature: Signature,
}

/// The planner's hook for `timestamp - timestamp`.
#[derive(Debug)]
pub(crate) struct Differences;

impl ExprPlanner for Differences {
    fn plan_binary_op(
        &self,
        binary: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        if binary.op != BinaryOperator::Minus || is_chain(&binary.left) {
            return Ok(PlannerResult::Original(binary));
        }
        let kinds = (binary.left.get_type(schema), binary.right.get_type(schema));
        if !matches!(&kinds, (Ok(left), Ok(right)) if is_one(left, right)) {
            return Ok(PlannerResult::Original(binary));
        }
        let points = vec![binary.left, binary.right];
        let call = ScalarFunction::new_udf(Arc::clone(&DIFFERENCE), points);
        Ok(PlannerResult::Planned(Expr::ScalarFunction(call)))
    }
}

/// True if `left - right` is the time between two points in time: at least one has a time of day.
fn is_one(left: &DataType, right: &DataType) -> bool {
    let is_stamp = |kind: &DataType| matches!(kind, DataType::Timestamp(..));
    let is_point = |kind: &DataType| is_stamp(kind) || *kind == DataType::Date32;
    is_point(left) && is_point(right) && (is_stamp(left) || is_stamp(right))
}

impl ScalarUDFImpl for Difference {
    fn name(&self) -> &'static str {
        "timestamp_difference"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _kinds: &[DataType]) -> Result<DataType> {
        Ok(INTERVAL)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        make_scalar_function(
            |arrays| {
                let [left, right] = arrays else {
                    return internal_err!("{} needs two points in time", self.name());
                };
                let (left, right) = (Points::of(left)?, Points::of(right)?);
                let made: Result<IntervalMonthDayNanoArray> = (0..arrays[0].len())
                    .map(|row| {
                        left.at(row).zip(right.at(row)).map(|(a, b)| between(a, b)).transpose()
                    })
                    .collect();
                Ok(Arc::new(made?))
            },
            vec![],
        )(&arguments.args)
    }
}

/// Points in time, as whole units since 1970.
struct Points {
    units: ArrayRef,
    nanos_per_unit: i128,
}

impl Points {
    fn of(values: &ArrayRef) -> Result<Self> {
        let nanos_per_unit = match values.data_type() {
            DataType::Timestamp(TimeUnit::Second, _) => 1_000_000_000,
            DataType::Timestamp(TimeUnit::Millisecond, _) => 1_000_000,
            DataType::Timestamp(TimeUnit::Microsecond, _) => 1_000,
            DataType::Timestamp(TimeUnit::Nanosecond, _) => 1,
            DataType::Date32 => {
                let days = values.as_primitive::<Date32Type>();
                let days = days.unary::<_, Int64Type>(i64::from);
                return Ok(Self { units: Arc::new(days), nanos_per_unit: NANOS_PER_DAY.into() });
            }
            kind => return internal_err!("{kind} is no point in time"),
        };
        Ok(Self { units: cast(values, &DataType::Int64)?, nanos_per_unit })
    }

    /// Nanoseconds since 1970.
    fn at(&self, row: usize) -> Option<i128> {
        let units = self.units.as_primitive::<Int64Type>();
        (!arrow::array::Array::is_null(units, row))
            .then(|| i128::from(units.value(row)) * self.nanos_per_unit)
    }
}

/// Whole days of 24 hours and the rest, both with the sign of the difference.
fn between(later: i128, earlier: i128) -> Result<IntervalMonthDayNano> {
    let nanos = later - earlier;
    let day = i128::from(NANOS_PER_DAY);
    let (Ok(days), Ok(rest)) = (i32::try_from(nanos / day), i64::try_from(nanos % day)) else {
        return Err(external(Box::new(
            Report::new(Code::BadValue, "the interval is out of range")
                .with_help("subtract points in time that are nearer to each other"),
        )));
    };
    Ok(IntervalMonthDayNano::new(0, days, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_split_off_with_the_sign_of_the_difference() {
        let hour = 3_600_000_000_000;
        let parts = |nanos: i128| between(nanos, 0).map(|at| (at.days, at.nanoseconds)).ok();
        assert_eq!(parts(i128::from(hour) * 50), Some((2, 2 * hour)));
        assert_eq!(parts(i128::from(hour) * -50), Some((-2, -2 * hour)));
        assert_eq!(parts(i128::MAX / 2), None);
    }

    #[test]
    fn only_points_in_time_with_a_time_of_day_count() {
        let stamp = DataType::Timestamp(TimeUnit::Nanosecond, None);
        let zoned = DataType::Timestamp(TimeUnit::Second, Some("+00:00".into()));
        assert!(is_one(&stamp, &zoned) && is_one(&stamp, &DataType::Date32));
        assert!(!is_one(&DataType::Date32, &DataType::Date32));
        assert!(!is_one(&stamp, &INTERVAL));
    }
}
