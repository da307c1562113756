//! Window functions whose types are not SQL's in DataFusion.
//!
//! Owns: `row_number`, `rank`, `dense_rank` and `ntile` as BIGINT; `lag` and `lead` with a default of
//! another type than the value.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::{Result, plan_err};
use datafusion_expr::binary::type_union_resolution;
use datafusion_expr::expr::{WindowFunction, WindowFunctionParams};
use datafusion_expr::function::{ExpressionArgs, PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion_expr::planner::{ExprPlanner, PlannerResult, RawWindowExpr};
use datafusion_expr::{
    Documentation, Expr, LimitEffect, PartitionEvaluator, ReversedUDWF, Signature, Volatility,
    WindowUDF, WindowUDFImpl, cast,
};
use datafusion_physical_expr_common::physical_expr::PhysicalExpr;

/// Functions that count rows, and whose type is unsigned in DataFusion.
const COUNTING: &[&str] = &["row_number", "rank", "dense_rank", "ntile"];

/// The planner hook.
#[derive(Debug)]
pub(crate) struct Windows;

impl ExprPlanner for Windows {
    /// Numbers of rows as BIGINT: with an unsigned number the operators would not be checked, and a
    /// CASE that has a BIGINT beside it would be a DECIMAL.
    fn plan_window(&self, call: RawWindowExpr) -> Result<PlannerResult<RawWindowExpr>> {
        if !COUNTING.contains(&call.func_def.name()) {
            return Ok(PlannerResult::Original(call));
        }
        let params = WindowFunctionParams {
            args: call.args,
            partition_by: call.partition_by,
            order_by: call.order_by,
            window_frame: call.window_frame,
            filter: call.filter,
            null_treatment: call.null_treatment,
            distinct: call.distinct,
        };
        let function = WindowFunction { fun: call.func_def, params };
        let number = Expr::WindowFunction(Box::new(function));
        Ok(PlannerResult::Planned(cast(number, DataType::Int64)))
    }
}

/// `lag` or `lead` whose value and default get a type that holds both.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Shift {
    inner: Arc<WindowUDF>,
    signature: Signature,
}

/// The function in place of DataFusion's own.
pub(super) fn shift(inner: Arc<WindowUDF>) -> WindowUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    WindowUDF::new_from_impl(Shift { inner, signature })
}

impl WindowUDFImpl for Shift {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, kinds: &[DataType]) -> Result<Vec<DataType>> {
        match kinds {
            [] | [_, _, _, _, ..] => plan_err!("{} takes one to three arguments", self.name()),
            [value, offset, default] if !value.is_null() && !default.is_null() => {
                let Some(both) = type_union_resolution(&[value.clone(), default.clone()]) else {
                    return plan_err!(
                        "the default of {} is {default}, its value {value}",
                        self.name()
                    );
                };
                Ok(vec![both.clone(), offset.clone(), both])
            }
            kinds => Ok(kinds.to_vec()),
        }
    }

    fn expressions(&self, args: ExpressionArgs<'_>) -> Vec<Arc<dyn PhysicalExpr>> {
        self.inner.expressions(args)
    }

    fn partition_evaluator(
        &self,
        args: PartitionEvaluatorArgs<'_>,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        self.inner.partition_evaluator_factory(args)
    }

    fn field(&self, args: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.field(args)
    }

    fn reverse_expr(&self) -> ReversedUDWF {
        self.inner.reverse_expr()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn limit_effect(&self, args: &[Arc<dyn PhysicalExpr>]) -> LimitEffect {
        self.inner.inner().limit_effect(args)
    }
}
