//! Comparisons of columns with constants of another type
//! (docs/decisions/0005-comparisons-as-people-write-them.md).
//!
//! `text = 5` compares as text, a boolean column with `'true'`, `'false'`, 1 and 0 as a boolean.
//! DataFusion's type coercion puts a cast on the column, and fails on the first row that does not
//! convert.

use arrow::datatypes::DataType;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{DFSchema, Result, ScalarValue};
use datafusion_expr::expr::InList;
use datafusion_expr::{Between, BinaryExpr, Expr, ExprSchemable, LogicalPlan};
use datafusion_optimizer::OptimizerConfig;

use crate::correction::{Apply, Correction};
use crate::nodes::is_comparison;

pub(crate) const CORRECTION: Correction = Correction {
    name: "comparison_types",
    datafusion: "55.2",
    example: "SELECT id FROM t WHERE k = 5",
    apply: Apply::Logical(normalize_comparisons),
};

/// Converts the constants of such comparisons.
fn normalize_comparisons(
    plan: LogicalPlan,
    _config: &dyn OptimizerConfig,
) -> Result<Transformed<LogicalPlan>> {
    plan.transform_up_with_subqueries(|node| {
        let mut schema = DFSchema::empty();
        for input in node.inputs() {
            schema.merge(input.schema());
        }
        node.map_expressions(|expr| expr.transform_up(|expr| Ok(rewrite(expr, &schema))))
    })
}

fn rewrite(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(op) => {
            let (new_right, a) = fitted(&left, *right, schema);
            let (new_left, b) = fitted(&new_right, *left, schema);
            let expr =
                Expr::BinaryExpr(BinaryExpr::new(Box::new(new_left), op, Box::new(new_right)));
            if a || b { Transformed::yes(expr) } else { Transformed::no(expr) }
        }
        Expr::InList(InList { expr, list, negated }) => {
            let mut changed = false;
            let list = list
                .into_iter()
                .map(|item| {
                    let (item, fitted) = fitted(&expr, item, schema);
                    changed |= fitted;
                    item
                })
                .collect();
            let expr = Expr::InList(InList { expr, list, negated });
            if changed { Transformed::yes(expr) } else { Transformed::no(expr) }
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            let (low, a) = fitted(&expr, *low, schema);
            let (high, b) = fitted(&expr, *high, schema);
            let expr = Expr::Between(Between::new(expr, negated, Box::new(low), Box::new(high)));
            if a || b { Transformed::yes(expr) } else { Transformed::no(expr) }
        }
        other => Transformed::no(other),
    }
}

/// A literal as the type of the column that it is compared with.
fn fitted(column: &Expr, literal: Expr, schema: &DFSchema) -> (Expr, bool) {
    let (Expr::Column(_) | Expr::ScalarFunction(_), Expr::Literal(scalar, _)) = (column, &literal)
    else {
        return (literal, false);
    };
    let Ok(kind) = column.get_type(schema) else { return (literal, false) };
    let converted = match (kind, scalar.data_type()) {
        // text that a function makes of JSON compares with a number as a number
        (DataType::Utf8, _) if !matches!(column, Expr::Column(_)) => None,
        (DataType::Utf8, from) if from.is_numeric() || from == DataType::Boolean => text_of(scalar),
        (DataType::Boolean, DataType::Utf8) => match scalar.try_as_str().flatten() {
            Some("true") => Some(ScalarValue::Boolean(Some(true))),
            Some("false") => Some(ScalarValue::Boolean(Some(false))),
            _ => None,
        },
        (DataType::Boolean, from) if from.is_integer() => match scalar.cast_to(&DataType::Int64) {
            Ok(ScalarValue::Int64(Some(1))) => Some(ScalarValue::Boolean(Some(true))),
            Ok(ScalarValue::Int64(Some(0))) => Some(ScalarValue::Boolean(Some(false))),
            _ => None,
        },
        _ => None,
    };
    match converted {
        Some(scalar) => (Expr::Literal(scalar, None), true),
        None => (literal, false),
    }
}

/// A number or a boolean as people write it; whole numbers without a point.
fn text_of(scalar: &ScalarValue) -> Option<ScalarValue> {
    let text = match scalar {
        ScalarValue::Float32(number) => number.map(|number| f64::from(number).to_string()),
        ScalarValue::Float64(number) => number.map(|number| number.to_string()),
        other => match other.cast_to(&DataType::Utf8) {
            Ok(ScalarValue::Utf8(text)) => text,
            _ => None,
        },
    };
    text.map(|text| ScalarValue::Utf8(Some(text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check;

    #[test]
    fn datafusion_needs_it() {
        check(&CORRECTION, &[]);
    }
}
