//! `+`, `-` and `*` of whole numbers, which fail where the result is no BIGINT (SQLSTATE 22003).
//!
//! Surprise: DataFusion's own operators wrap around, so that `9223372036854775807 + 1` is the smallest
//! BIGINT. The planner hook puts these functions in their place; they are written as the operators.

use std::sync::{Arc, LazyLock};

use arrow::compute::kernels::numeric::{add, mul, sub};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use datafusion_common::{DFSchema, Result, internal_err};
use datafusion_expr::expr::{ScalarFunction, WindowFunction, WindowFunctionParams};
use datafusion_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr, RawWindowExpr};
use datafusion_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, Operator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility, cast,
};
use datafusion_physical_expr_common::datum::apply;
use sqlparser::ast::BinaryOperator;
use strataql_diag::{Code, Report};

use crate::error::external;

static ADD: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| checked(Operator::Plus));
static SUBTRACT: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| checked(Operator::Minus));
static MULTIPLY: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| checked(Operator::Multiply));

fn checked(op: Operator) -> Arc<ScalarUDF> {
    let signature = Signature::exact(vec![DataType::Int64, DataType::Int64], Volatility::Immutable);
    Arc::new(ScalarUDF::from(Checked { op, signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    op: Operator,
    signature: Signature,
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &'static str {
        match self.op {
            Operator::Plus => "+",
            Operator::Minus => "-",
            _ => "*",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn display_name(&self, arguments: &[Expr]) -> Result<String> {
        self.schema_name(arguments)
    }

    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        let [left, right] = arguments else { return internal_err!("{} takes two", self.name()) };
        let operator = as_operator(self.op, left.clone(), right.clone());
        Ok(operator.schema_name().to_string())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = arguments.args.as_slice() else {
            return internal_err!("{} takes two", self.name());
        };
        let kernel = match self.op {
            Operator::Plus => add,
            Operator::Minus => sub,
            _ => mul,
        };
        apply(left, right, kernel).map_err(|error| match error.find_root() {
            datafusion_common::DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
                ArrowError::ArithmeticOverflow(_) => overflow(inner),
                _ => error,
            },
            _ => error,
        })
    }
}

/// The error of a result that is no BIGINT.
fn overflow(error: &ArrowError) -> datafusion_common::DataFusionError {
    let text = error.to_string();
    let operation = text.rsplit_once(": ").map_or(text.as_str(), |(_, operation)| operation);
    external(Box::new(
        Report::new(Code::BadValue, format!("{operation} is beyond BIGINT"))
            .with_help("compute with DECIMAL or DOUBLE: `CAST(x AS DECIMAL(38, 0))`"),
    ))
}

fn as_operator(op: Operator, left: Expr, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

/// The expression as the operator that the user wrote, if it is one of these functions.
pub fn operator_of(expr: &Expr) -> Option<Expr> {
    let Expr::ScalarFunction(call) = expr else { return None };
    let any: &dyn std::any::Any = call.func.inner().as_ref();
    let checked = any.downcast_ref::<Checked>()?;
    let [left, right] = call.args.as_slice() else { return None };
    Some(as_operator(checked.op, left.clone(), right.clone()))
}

/// The planner hook.
#[derive(Debug)]
pub(crate) struct Arithmetic;

/// Window functions that count rows, and whose type is unsigned in DataFusion.
const COUNTING: &[&str] = &["row_number", "rank", "dense_rank", "ntile"];

impl ExprPlanner for Arithmetic {
    /// Numbers of rows as BIGINT: with an unsigned number the operators above would not be ours, and a
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

    fn plan_binary_op(
        &self,
        binary: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let function = match binary.op {
            BinaryOperator::Plus => &*ADD,
            BinaryOperator::Minus => &*SUBTRACT,
            BinaryOperator::Multiply => &*MULTIPLY,
            _ => return Ok(PlannerResult::Original(binary)),
        };
        let is_whole = |expr: &Expr| {
            expr.get_type(schema).is_ok_and(|kind| kind.is_integer() && kind != DataType::UInt64)
        };
        if !is_whole(&binary.left) || !is_whole(&binary.right) {
            return Ok(PlannerResult::Original(binary));
        }
        let arguments = vec![binary.left, binary.right];
        let call = ScalarFunction::new_udf(Arc::clone(function), arguments);
        Ok(PlannerResult::Planned(Expr::ScalarFunction(call)))
    }
}
