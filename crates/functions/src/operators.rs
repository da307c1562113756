//! Operators of PostgreSQL that DataFusion does not plan, or takes for something else.
//!
//! Owns: `^` (to the power of), `@>` and `<@` for JSON, `&&` for arrays, `||` of texts and times;
//! comparisons of times with text and with times of another unit.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion_common::{DFSchema, Result};
use datafusion_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion_expr::{BinaryExpr, Expr, ExprSchemable, Operator, ScalarUDF, cast};
use datafusion_functions::math::power;
use datafusion_functions_nested::array_has::array_has_any;
use sqlparser::ast::BinaryOperator;

use super::time_texts::has_text;
use super::{json_compare, scalar};

/// The planner's hook.
#[derive(Debug)]
pub(crate) struct Operators;

impl ExprPlanner for Operators {
    fn plan_binary_op(
        &self,
        binary: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        use BinaryOperator::{ArrowAt, AtArrow, BitwiseXor, PGOverlap, StringConcat};
        let is_list =
            |expr: &Expr| expr.get_type(schema).is_ok_and(|kind| kind.is_list() || kind.is_null());
        let is_text = |expr: &Expr| {
            expr.get_type(schema).is_ok_and(|kind| kind.is_string() || kind.is_null())
        };
        let is_time = |expr: &Expr| expr.get_type(schema).is_ok_and(|kind| has_text(&kind));
        let RawBinaryExpr { op, left, right } = binary;
        if is_comparison(&op) {
            return Ok(match times(&left, &right, schema) {
                Some((left, right)) => planned(op, left, right),
                None => PlannerResult::Original(RawBinaryExpr { op, left, right }),
            });
        }
        Ok(PlannerResult::Planned(match op {
            BitwiseXor => {
                let number = |expr| cast(expr, DataType::Float64);
                power().call(vec![number(left), number(right)])
            }
            AtArrow if is_text(&left) && is_text(&right) => contains().call(vec![left, right]),
            ArrowAt if is_text(&left) && is_text(&right) => contains().call(vec![right, left]),
            StringConcat if is_time(&left) || is_time(&right) => {
                let as_text = |side| if is_time(&side) { cast(side, DataType::Utf8) } else { side };
                let [left, right] = [left, right].map(as_text);
                let both = BinaryExpr::new(Box::new(left), Operator::StringConcat, Box::new(right));
                Expr::BinaryExpr(both)
            }
            PGOverlap if is_list(&left) && is_list(&right) => array_has_any(left, right),
            op => return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right })),
        }))
    }
}

const fn is_comparison(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

/// Operands of a comparison with a type that holds both: DataFusion has none for times of different
/// units, and reads text beside a timestamp as nanoseconds, which end in the year 2262.
fn times(left: &Expr, right: &Expr, schema: &DFSchema) -> Option<(Expr, Expr)> {
    let is_text = |expr: &Expr| matches!(expr, Expr::Literal(value, _) if value.try_as_str().flatten().is_some());
    let stamp = |expr: &Expr| match expr {
        Expr::Column(_) => {
            expr.get_type(schema).ok().filter(|kind| matches!(kind, DataType::Timestamp(..)))
        }
        _ => None,
    };
    if is_text(right) {
        return stamp(left).map(|kind| (left.clone(), cast(right.clone(), kind)));
    }
    if is_text(left) {
        return stamp(right).map(|kind| (cast(left.clone(), kind), right.clone()));
    }
    let is_time = |kind: &DataType| matches!(kind, DataType::Time32(_) | DataType::Time64(_));
    let literal = |expr: &Expr| matches!(expr, Expr::Column(_) | Expr::Cast(_) | Expr::Literal(..));
    if !literal(left) || !literal(right) {
        return None;
    }
    let (one, other) = (left.get_type(schema).ok()?, right.get_type(schema).ok()?);
    if one == other || !is_time(&one) || !is_time(&other) {
        return None;
    }
    let wide = |expr: &Expr| cast(expr.clone(), DataType::Time64(TimeUnit::Nanosecond));
    Some((wide(left), wide(right)))
}

fn planned(op: BinaryOperator, left: Expr, right: Expr) -> PlannerResult<RawBinaryExpr> {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq};
    let op = match op {
        Eq => Operator::Eq,
        Lt => Operator::Lt,
        LtEq => Operator::LtEq,
        Gt => Operator::Gt,
        GtEq => Operator::GtEq,
        _ => Operator::NotEq,
    };
    let comparison = BinaryExpr::new(Box::new(left), op, Box::new(right));
    PlannerResult::Planned(Expr::BinaryExpr(comparison))
}

fn contains() -> Arc<ScalarUDF> {
    Arc::new(scalar::udf(json_compare::CONTAINS))
}
