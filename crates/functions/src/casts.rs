//! Casts that mean something else in PostgreSQL: of numbers with a fraction to whole numbers, which round, and of
//! timestamps and intervals to text.
//!
//! Owns: [`respell_casts`].
//! Surprise: DataFusion's cast drops the fraction, so that `1.5::int` is 1. A DECIMAL rounds half away from zero, a
//! DOUBLE half to even; a literal such as `2.5` is a DOUBLE here and rounds as the DECIMAL that PostgreSQL takes it for.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::compute::unary;
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Float64Type};
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{DFSchema, Result, internal_err};
use datafusion_expr::expr_rewriter::NamePreserver;
use datafusion_expr::utils::merge_schema;
use datafusion_expr::{
    Cast, ColumnarValue, Expr, ExprSchemable, LogicalPlan, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, TryCast, Volatility, cast as cast_to,
};
use datafusion_functions::math::round;
use datafusion_functions::utils::make_scalar_function;

use super::arithmetic::mentions;
use super::time_texts::{TIME_TEXT, has_text};

static ROUND_EVEN: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    let signature = Signature::exact(vec![DataType::Float64], Volatility::Immutable);
    Arc::new(ScalarUDF::from(RoundEven { signature }))
});

/// A plan whose casts of fractions to whole numbers round, and whose texts of times are those of PostgreSQL.
///
/// # Errors
/// Those of expressions that have no type.
pub fn respell_casts(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| {
        if !mentions(&node, |expr| target(expr).is_some_and(is_respelled))? {
            return Ok(Transformed::no(node));
        }
        let schema = merge_schema(&node.inputs());
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let expr = expr.transform_up(|expr| respelled(expr, &schema))?;
            Ok(expr.update_data(|expr| name.restore(expr)))
        })
    })
    .map(|done| done.data)
}

/// What a cast makes of its operand.
fn target(expr: &Expr) -> Option<&DataType> {
    match expr {
        Expr::Cast(Cast { field, .. }) | Expr::TryCast(TryCast { field, .. }) => {
            Some(field.data_type())
        }
        _ => None,
    }
}

fn is_respelled(kind: &DataType) -> bool {
    kind.is_integer() || kind.is_string()
}

fn respelled(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let Some(kind) = target(&expr).filter(|kind| is_respelled(kind)) else {
        return Ok(Transformed::no(expr));
    };
    let is_text = kind.is_string();
    let change = |operand: Box<Expr>| -> Result<Transformed<Box<Expr>>> {
        if !is_text {
            return rounded(operand, schema);
        }
        if !operand.get_type(schema).is_ok_and(|kind| has_text(&kind)) {
            return Ok(Transformed::no(operand));
        }
        Ok(Transformed::yes(Box::new(TIME_TEXT.call(vec![*operand]))))
    };
    Ok(match expr {
        Expr::Cast(Cast { expr, field }) => {
            change(expr)?.update_data(|expr| Expr::Cast(Cast { expr, field }))
        }
        Expr::TryCast(TryCast { expr, field }) => {
            change(expr)?.update_data(|expr| Expr::TryCast(TryCast { expr, field }))
        }
        other => Transformed::no(other),
    })
}

/// The operand of a cast to a whole number, rounded.
fn rounded(operand: Box<Expr>, schema: &DFSchema) -> Result<Transformed<Box<Expr>>> {
    let whole = match operand.get_type(schema) {
        Ok(DataType::Decimal128(_, scale)) if scale > 0 => {
            cast_to(*operand, DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0))
        }
        Ok(DataType::Decimal256(_, scale)) if scale > 0 => {
            cast_to(*operand, DataType::Decimal256(DECIMAL256_MAX_PRECISION, 0))
        }
        Ok(DataType::Float16 | DataType::Float32 | DataType::Float64) => {
            let is_literal = match operand.as_ref() {
                Expr::Negative(inner) => matches!(inner.as_ref(), Expr::Literal(..)),
                other => matches!(other, Expr::Literal(..)),
            };
            let function = if is_literal { round() } else { Arc::clone(&ROUND_EVEN) };
            function.call(vec![cast_to(*operand, DataType::Float64)])
        }
        _ => return Ok(Transformed::no(operand)),
    };
    Ok(Transformed::yes(Box::new(whole)))
}

/// The nearest whole number of a DOUBLE, the even one of two that are as near.
#[derive(Debug, PartialEq, Eq, Hash)]
struct RoundEven {
    signature: Signature,
}

impl ScalarUDFImpl for RoundEven {
    fn name(&self) -> &'static str {
        "round_even"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _kinds: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rounded = |arrays: &[ArrayRef]| {
            let [numbers] = arrays else { return internal_err!("round_even takes a number") };
            let whole: Float64Array =
                unary(numbers.as_primitive::<Float64Type>(), f64::round_ties_even);
            Ok(Arc::new(whole) as ArrayRef)
        };
        make_scalar_function(rounded, vec![])(&arguments.args)
    }
}
