//! `max(a, b, …)` and `min(a, b, …)`: with several arguments they are no aggregates but choose one of
//! the values of a row.
//!
//! Surprise: the names belong to the aggregates, so the planner's hook for aggregates finds these by
//! the number of arguments; no registry knows them.

use std::sync::Arc;

use arrow::array::{Array, BooleanArray};
use arrow::compute::{is_null, nullif, or};
use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::planner::{ExprPlanner, PlannerResult, RawAggregateExpr};
use datafusion_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion_functions::core::{greatest, least};

use super::doc::{FunctionDoc, Section};

pub(super) static DOCS: &[FunctionDoc] = &[
    FunctionDoc::new(
        Section::Text,
        ("max", &[]),
        "max(x, y, …)",
        "The largest of several values of one row; NULL if one of them is, where `greatest` leaves NULL out. With one argument an aggregate.",
        ("SELECT max(2, 10, 3.5), max('a', NULL), greatest('a', NULL)", "10.0 | NULL | a"),
    ),
    FunctionDoc::new(
        Section::Text,
        ("min", &[]),
        "min(x, y, …)",
        "The smallest of several values of one row; NULL if one of them is, where `least` leaves NULL out. With one argument an aggregate.",
        ("SELECT min('b', 'a', 'c'), min(1, NULL), least(1, NULL)", "a | NULL | 1"),
    ),
];

/// `greatest` or `least`, except that NULL is passed on.
#[derive(Debug, PartialEq, Eq, Hash)]
struct RowExtreme {
    name: &'static str,
    inner: Arc<ScalarUDF>,
    signature: Signature,
}

/// The planner's hook.
#[derive(Debug)]
pub(super) struct MinMax;

impl ExprPlanner for MinMax {
    fn plan_aggregate(&self, call: RawAggregateExpr) -> Result<PlannerResult<RawAggregateExpr>> {
        Ok(planned(call))
    }
}

/// A call of `max` or `min` with several arguments as what it is.
fn planned(call: RawAggregateExpr) -> PlannerResult<RawAggregateExpr> {
    let is_plain = !call.distinct
        && call.filter.is_none()
        && call.order_by.is_empty()
        && call.null_treatment.is_none();
    if !is_plain || call.args.len() < 2 {
        return PlannerResult::Original(call);
    }
    let (name, inner) = match call.func.name() {
        "max" => ("max", greatest()),
        "min" => ("min", least()),
        _ => return PlannerResult::Original(call),
    };
    let signature = Signature::user_defined(Volatility::Immutable);
    let function = ScalarUDF::new_from_impl(RowExtreme { name, inner, signature });
    PlannerResult::Planned(function.call(call.args))
}

impl ScalarUDFImpl for RowExtreme {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut absent: Option<BooleanArray> = None;
        for value in &args.args {
            match value {
                ColumnarValue::Scalar(value) if value.is_null() => {
                    let kind = args.return_field.data_type();
                    return Ok(ColumnarValue::Scalar(ScalarValue::try_new_null(kind)?));
                }
                ColumnarValue::Array(array) if array.logical_null_count() > 0 => {
                    let here = is_null(array)?;
                    absent = Some(match absent {
                        Some(before) => or(&before, &here)?,
                        None => here,
                    });
                }
                _ => {}
            }
        }
        let rows = args.number_rows;
        let found = self.inner.invoke_with_args(args)?;
        let Some(absent) = absent else { return Ok(found) };
        Ok(ColumnarValue::Array(nullif(found.to_array(rows)?.as_ref(), &absent)?))
    }
}
