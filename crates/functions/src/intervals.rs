//! Intervals as values: their order, products with numbers, and what is added to dates.
//!
//! Owns: the planner's hook for arithmetic with intervals, and [`order_intervals`], which compares and
//! sorts them.
//! Surprise: Arrow compares the months first, then the days, then the time, so that one day is more
//! than 25 hours. As in PostgreSQL a month counts as 30 days here, and a day as 24 hours.

mod extremes;

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, AsArray, Decimal128Array, IntervalMonthDayNanoArray};
use arrow::datatypes::{
    DataType, Float64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
};
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{DFSchema, Result, internal_err};
use datafusion_expr::expr::{AggregateFunction, Between, InList, ScalarFunction, Sort};
use datafusion_expr::expr_rewriter::NamePreserver;
use datafusion_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion_expr::utils::merge_schema;
use datafusion_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility, cast as cast_to,
};
use datafusion_functions::utils::make_scalar_function;
use datafusion_functions_aggregate::first_last::{first_value_udaf, last_value_udaf};
use sqlparser::ast::BinaryOperator;
use strataql_diag::{Code, Report};

use super::arithmetic::mentions;
use crate::error::external;

/// The type of every interval here.
pub(super) const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);
/// The type of its length: nanoseconds, which no BIGINT holds.
const LENGTH: DataType = DataType::Decimal128(38, 0);

const DAYS_PER_MONTH: i32 = 30;
const SECONDS_PER_DAY: f64 = 86_400.0;
pub(super) const NANOS_PER_DAY: i64 = 86_400_000_000_000;

static LENGTH_OF: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| udf(Operation::Length));
static TIMES: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| udf(Operation::Times));
static DIVIDED: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| udf(Operation::Divided));

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operation {
    /// The length that intervals are ordered by.
    Length,
    /// An interval and a number: their product.
    Times,
    /// An interval and a number: their quotient.
    Divided,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct IntervalFunction {
    operation: Operation,
    signature: Signature,
}

fn udf(operation: Operation) -> Arc<ScalarUDF> {
    let arguments = match operation {
        Operation::Length => vec![INTERVAL],
        Operation::Times | Operation::Divided => vec![INTERVAL, DataType::Float64],
    };
    let signature = Signature::exact(arguments, Volatility::Immutable);
    Arc::new(ScalarUDF::from(IntervalFunction { operation, signature }))
}

impl ScalarUDFImpl for IntervalFunction {
    fn name(&self) -> &'static str {
        match self.operation {
            Operation::Length => "interval_length",
            Operation::Times => "interval_times",
            Operation::Divided => "interval_divided",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _kinds: &[DataType]) -> Result<DataType> {
        Ok(match self.operation {
            Operation::Length => LENGTH,
            Operation::Times | Operation::Divided => INTERVAL,
        })
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        make_scalar_function(|arrays| self.computed(arrays), vec![])(&arguments.args)
    }
}

impl IntervalFunction {
    fn computed(&self, arrays: &[ArrayRef]) -> Result<ArrayRef> {
        let Some(intervals) = arrays.first() else {
            return internal_err!("{} needs an interval", self.name());
        };
        let intervals = intervals.as_primitive::<IntervalMonthDayNanoType>();
        Ok(match (self.operation, arrays.get(1)) {
            (Operation::Length, _) => {
                let lengths: Decimal128Array = intervals.iter().map(|at| at.map(length)).collect();
                Arc::new(lengths.with_data_type(LENGTH))
            }
            (operation, Some(factors)) => {
                let factors = factors.as_primitive::<Float64Type>();
                let made: Result<IntervalMonthDayNanoArray> = intervals
                    .iter()
                    .zip(factors)
                    .map(|pair| match pair {
                        (Some(interval), Some(by)) if operation == Operation::Times => {
                            scaled(interval, |part| part * by).map(Some)
                        }
                        (Some(interval), Some(by)) => divided(interval, by).map(Some),
                        _ => Ok(None),
                    })
                    .collect();
                Arc::new(made?)
            }
            (_, None) => return internal_err!("{} needs a number", self.name()),
        })
    }
}

/// The length in nanoseconds.
pub(super) fn length(interval: IntervalMonthDayNano) -> i128 {
    let days = i128::from(interval.months) * i128::from(DAYS_PER_MONTH) + i128::from(interval.days);
    days * i128::from(NANOS_PER_DAY) + i128::from(interval.nanoseconds)
}

/// Each part divided by a number.
///
/// # Errors
/// `bad-value` for zero, and if the result is out of range.
pub(super) fn divided(interval: IntervalMonthDayNano, by: f64) -> Result<IntervalMonthDayNano> {
    if by == 0.0 {
        return Err(external(Box::new(
            Report::new(Code::BadValue, "division by zero")
                .with_help("guard the divisor, for example with `nullif(x, 0)`"),
        )));
    }
    scaled(interval, |part| part / by)
}

/// Each part multiplied or divided; fractions of months become days, fractions of days become time,
/// as PostgreSQL has it.
fn scaled(interval: IntervalMonthDayNano, by: impl Fn(f64) -> f64) -> Result<IntervalMonthDayNano> {
    let rounded = |seconds: f64| (seconds * 1e6).round() / 1e6;
    let months = by(f64::from(interval.months));
    let days = by(f64::from(interval.days));
    let days_of_month = rounded((months - months.trunc()) * f64::from(DAYS_PER_MONTH));
    let mut whole_days = days.trunc() + days_of_month.trunc();
    let part_of_day = days - days.trunc() + days_of_month - days_of_month.trunc();
    let mut seconds = rounded(part_of_day * SECONDS_PER_DAY);
    if seconds.abs() >= SECONDS_PER_DAY {
        let more = (seconds / SECONDS_PER_DAY).trunc();
        whole_days += more;
        seconds -= more * SECONDS_PER_DAY;
    }
    #[expect(clippy::cast_precision_loss, reason = "PostgreSQL computes in DOUBLE, too")]
    let time = by(interval.nanoseconds as f64 / 1e3) + seconds * 1e6;
    let time = time.round() * 1e3;
    let fits = |value: f64, most: f64| value.is_finite() && value.abs() <= most;
    if !fits(months, f64::from(i32::MAX))
        || !fits(whole_days, f64::from(i32::MAX))
        || !fits(time, 9.2e18)
    {
        return Err(external(Box::new(
            Report::new(Code::BadValue, "the interval is out of range")
                .with_help("multiply by a smaller number"),
        )));
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked above")]
    Ok(IntervalMonthDayNano::new(months.trunc() as i32, whole_days as i32, time as i64))
}

/// The planner's hook.
#[derive(Debug)]
pub(crate) struct Intervals;

fn is_interval(kind: &DataType) -> bool {
    matches!(kind, DataType::Interval(_))
}

impl ExprPlanner for Intervals {
    /// `interval * 2`, `2 * interval`, `interval / 2`; `date + interval` as a timestamp, since it may
    /// have a time.
    fn plan_binary_op(
        &self,
        binary: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        use BinaryOperator::{Divide, Minus, Multiply, Plus};
        if !matches!(binary.op, Plus | Minus | Multiply | Divide) || is_chain(&binary.left) {
            return Ok(PlannerResult::Original(binary));
        }
        let (Ok(left), Ok(right)) = (binary.left.get_type(schema), binary.right.get_type(schema))
        else {
            return Ok(PlannerResult::Original(binary));
        };
        let is_date = |kind: &DataType| matches!(kind, DataType::Date32 | DataType::Date64);
        let is_number = |kind: &DataType| kind.is_numeric() && !kind.is_null();
        let stamp = |expr| cast_to(expr, DataType::Timestamp(TimeUnit::Nanosecond, None));
        let call = |function: &Arc<ScalarUDF>, interval, number| {
            let arguments = vec![cast_to(interval, INTERVAL), cast_to(number, DataType::Float64)];
            let call = ScalarFunction::new_udf(Arc::clone(function), arguments);
            Ok(PlannerResult::Planned(Expr::ScalarFunction(call)))
        };
        let RawBinaryExpr { op, left: first, right: second } = binary;
        match op {
            Plus | Minus if is_date(&left) && is_interval(&right) => {
                let op = if op == Plus { Operator::Plus } else { Operator::Minus };
                let sum = BinaryExpr::new(Box::new(stamp(first)), op, Box::new(second));
                Ok(PlannerResult::Planned(Expr::BinaryExpr(sum)))
            }
            Plus if is_interval(&left) && is_date(&right) => {
                let sum = BinaryExpr::new(Box::new(stamp(second)), Operator::Plus, Box::new(first));
                Ok(PlannerResult::Planned(Expr::BinaryExpr(sum)))
            }
            Multiply if is_interval(&left) && is_number(&right) => call(&TIMES, first, second),
            Multiply if is_number(&left) && is_interval(&right) => call(&TIMES, second, first),
            Divide if is_interval(&left) && is_number(&right) => call(&DIVIDED, first, second),
            op => Ok(PlannerResult::Original(RawBinaryExpr { op, left: first, right: second })),
        }
    }
}

/// True for a chain of whole numbers, whose type need not be asked.
pub(super) fn is_chain(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(call) if matches!(call.func.name(), "+" | "-" | "*"))
}

/// A plan that compares and sorts intervals by their length.
///
/// # Errors
/// Those of expressions that have no type.
pub fn order_intervals(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| {
        // most nodes compare nothing, and their types need not be asked
        let is_sort = matches!(node, LogicalPlan::Sort(_));
        if !is_sort && !mentions(&node, |expr| !compared(expr).is_empty())? {
            return Ok(Transformed::no(node));
        }
        let schema = merge_schema(&node.inputs());
        if let LogicalPlan::Sort(mut sort) = node {
            let changed = order(&mut sort.expr, &schema);
            // a key may compare intervals, too
            let done = by_length(LogicalPlan::Sort(sort), &schema)?;
            let changed = changed || done.transformed;
            return Ok(Transformed::new(done.data, changed, TreeNodeRecursion::Continue));
        }
        by_length(node, &schema)
    })
    .map(|done| done.data)
}

/// A node whose expressions compare intervals by their length.
fn by_length(node: LogicalPlan, schema: &DFSchema) -> Result<Transformed<LogicalPlan>> {
    let preserver = NamePreserver::new(&node);
    node.map_expressions(|expr| {
        // most expressions have no such part, and their names need not be made
        if !expr.exists(|part| Ok(compared(part).iter().any(|operand| is_one(operand, schema))))? {
            return Ok(Transformed::no(expr));
        }
        let name = preserver.save(&expr);
        let done = expr.transform_up(|part| Ok(part_by_length(part, schema)))?;
        Ok(done.update_data(|expr| name.restore(expr)))
    })
}

/// What an expression compares or sorts.
fn compared(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(*op) => {
            vec![left, right]
        }
        Expr::Between(between) => vec![&between.expr, &between.low, &between.high],
        Expr::InList(list) => std::iter::once(list.expr.as_ref()).chain(&list.list).collect(),
        Expr::AggregateFunction(call) => {
            let keys = call.params.order_by.iter().map(|key| &key.expr);
            let is_extreme = matches!(call.func.name(), "min" | "max");
            keys.chain(call.params.args.iter().filter(|_| is_extreme)).collect()
        }
        Expr::WindowFunction(call) => call.params.order_by.iter().map(|key| &key.expr).collect(),
        Expr::ScalarFunction(call) if extremes::of(call.func.name()).is_some() => {
            call.args.iter().collect()
        }
        _ => Vec::new(),
    }
}

fn is_comparison(op: Operator) -> bool {
    matches!(
        op,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}

fn is_one(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|kind| is_interval(&kind))
}

fn length_of(expr: Expr) -> Expr {
    let call = ScalarFunction::new_udf(Arc::clone(&LENGTH_OF), vec![cast_to(expr, INTERVAL)]);
    Expr::ScalarFunction(call)
}

/// Replaces sort keys that are intervals; true if there were any.
fn order(keys: &mut [Sort], schema: &DFSchema) -> bool {
    let mut changed = false;
    for key in keys.iter_mut().filter(|key| is_one(&key.expr, schema)) {
        key.expr = length_of(std::mem::take(&mut key.expr));
        changed = true;
    }
    changed
}

fn part_by_length(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    if !compared(&expr).iter().any(|operand| is_one(operand, schema)) {
        return Transformed::no(expr);
    }
    Transformed::yes(match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => Expr::BinaryExpr(BinaryExpr::new(
            Box::new(length_of(*left)),
            op,
            Box::new(length_of(*right)),
        )),
        Expr::Between(Between { expr, negated, low, high }) => Expr::Between(Between::new(
            Box::new(length_of(*expr)),
            negated,
            Box::new(length_of(*low)),
            Box::new(length_of(*high)),
        )),
        Expr::InList(InList { expr, list, negated }) => Expr::InList(InList::new(
            Box::new(length_of(*expr)),
            list.into_iter().map(length_of).collect(),
            negated,
        )),
        Expr::AggregateFunction(call) => Expr::AggregateFunction(extreme(call, schema)),
        Expr::WindowFunction(mut call) => {
            order(&mut call.params.order_by, schema);
            Expr::WindowFunction(call)
        }
        Expr::ScalarFunction(mut call) => {
            if let Some(extreme) = extremes::of(call.func.name()) {
                call.func = extreme;
                call.args = call.args.into_iter().map(|arg| cast_to(arg, INTERVAL)).collect();
            }
            Expr::ScalarFunction(call)
        }
        other => other,
    })
}

/// `max(d)` as the last `d` by its length, `min(d)` as the first.
fn extreme(mut call: AggregateFunction, schema: &DFSchema) -> AggregateFunction {
    order(&mut call.params.order_by, schema);
    let is_max = match call.func.name() {
        "max" => true,
        "min" => false,
        _ => return call,
    };
    let Some(value) = call.params.args.first().filter(|value| is_one(value, schema)) else {
        return call;
    };
    call.params.order_by = vec![length_of(value.clone()).sort(true, is_max)];
    call.params.distinct = false;
    call.func = if is_max { last_value_udaf() } else { first_value_udaf() };
    call
}

#[cfg(test)]
mod tests {
    use datafusion_common::ScalarValue;
    use datafusion_expr::{LogicalPlanBuilder, col, lit};
    use datafusion_functions_aggregate::min_max::max_udaf;

    use super::*;

    fn interval(months: i32, days: i32, seconds: i64) -> IntervalMonthDayNano {
        IntervalMonthDayNano::new(months, days, seconds * 1_000_000_000)
    }

    #[test]
    fn a_day_has_24_hours_and_a_month_30_days() {
        assert!(length(interval(0, 1, 0)) < length(interval(0, 0, 25 * 3600)));
        assert!(length(interval(1, 0, 0)) < length(interval(0, 40, 0)));
        assert_eq!(length(interval(0, 1, 0)), length(interval(0, 0, 86_400)));
    }

    #[test]
    fn a_plan_compares_and_sorts_by_length() {
        let literal = |days| lit(ScalarValue::new_interval_mdn(0, days, 0));
        let values = LogicalPlanBuilder::values(vec![vec![literal(1)], vec![literal(2)]]);
        let max = max_udaf().call(vec![col("column1")]);
        let plan = values
            .and_then(|plan| plan.filter(col("column1").gt(literal(1))))
            .and_then(|plan| plan.sort(vec![col("column1").sort(true, false)]))
            .and_then(|plan| plan.aggregate(Vec::<Expr>::new(), vec![max]))
            .and_then(LogicalPlanBuilder::build)
            .and_then(order_intervals)
            .expect("a plan");
        let shown = plan.display_indent().to_string();
        let lines: Vec<&str> = shown.lines().map(str::trim).collect();
        assert!(lines[0].contains("last_value(column1) ORDER BY [interval_length("), "{shown}");
        assert!(lines[0].ends_with("AS max(column1)]]"), "{shown}");
        assert!(lines[1].starts_with("Sort: interval_length("), "{shown}");
        assert!(lines[2].starts_with("Filter: interval_length("), "{shown}");
    }

    #[test]
    fn fractions_cascade_to_smaller_units() {
        let half = |months, days, seconds| {
            scaled(interval(months, days, seconds), |part| part * 0.5).expect("in range")
        };
        assert_eq!(half(1, 0, 0), interval(0, 15, 0));
        assert_eq!(half(0, 1, 0), interval(0, 0, 43_200));
        assert_eq!(half(3, 5, 10), interval(1, 17, 43_205));
        assert!(scaled(interval(i32::MAX, 0, 0), |part| part * 2.0).is_err());
    }
}
