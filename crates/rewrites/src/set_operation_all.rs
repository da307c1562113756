//! `INTERSECT ALL` and `EXCEPT ALL` that count.
//!
//! In SQL a row that stands m times on the left and n times on the right is min(m, n) times in the
//! intersection and max(m - n, 0) times in the difference (ISO 9075-2, 7.17). DataFusion asks only
//! whether the row stands on the right at all.
//! Here the copies of a row are numbered on both sides, and the number is compared like a column.

use std::sync::Arc;

use datafusion_common::tree_node::Transformed;
use datafusion_common::{Column, JoinType, NullEquality, Result};
use datafusion_expr::{Expr, ExprFunctionExt, Join, LogicalPlan, LogicalPlanBuilder};
use datafusion_functions_window::expr_fn::row_number;
use datafusion_optimizer::OptimizerConfig;

use crate::correction::{Apply, Correction};

pub(crate) const CORRECTION: Correction = Correction {
    name: "set_operation_all",
    datafusion: "55.2",
    example: "SELECT k FROM t EXCEPT ALL SELECT k FROM o WHERE id = 1",
    apply: Apply::Logical(apply),
};

/// The columns that number copies on the left and on the right; no SQL text can spell them.
const COPIES: [&str; 2] = ["\u{1}copy on the left", "\u{1}copy on the right"];

/// Rewrites those set operations of a plan that is fresh from SQL.
fn apply(plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Join(join) if is_all(&join) => rewrite(&join).map(Transformed::yes),
        other => Ok(Transformed::no(other)),
    })
}

/// True for INTERSECT ALL and EXCEPT ALL. In a fresh plan only set operations equate NULLs, and those
/// without ALL drop the copies on the left.
fn is_all(join: &Join) -> bool {
    matches!(join.join_type, JoinType::LeftSemi | JoinType::LeftAnti)
        && join.null_equality == NullEquality::NullEqualsNull
        && !matches!(join.left.as_ref(), LogicalPlan::Distinct(_))
}

fn rewrite(join: &Join) -> Result<LogicalPlan> {
    let columns: Vec<Expr> = join.left.schema().columns().into_iter().map(Expr::Column).collect();
    let (left, right) = (numbered(&join.left, COPIES[0])?, numbered(&join.right, COPIES[1])?);
    let mut on = (Vec::new(), Vec::new());
    for (own, other) in left.schema().columns().into_iter().zip(right.schema().columns()) {
        on.0.push(own);
        on.1.push(other);
    }
    LogicalPlanBuilder::from(left)
        .join_detailed(right, join.join_type, on, None, join.null_equality)?
        .project(columns)?
        .build()
}

/// The plan with a last column that numbers the copies of each row.
fn numbered(plan: &Arc<LogicalPlan>, name: &str) -> Result<LogicalPlan> {
    let columns: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
    let number = if columns.is_empty() {
        row_number()
    } else {
        row_number().partition_by(columns.clone()).build()?
    };
    let number_column = Expr::Column(Column::from_name(number.schema_name().to_string()));
    let shown = columns.into_iter().chain([number_column.alias(name)]);
    LogicalPlanBuilder::from(Arc::clone(plan)).window([number])?.project(shown)?.build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, check_unchanged};

    #[test]
    fn datafusion_needs_it() {
        check(&CORRECTION, &["a", "b", "c"]);
    }
    #[test]
    fn set_operations_without_all_stay() {
        check_unchanged(&CORRECTION, "SELECT k FROM t EXCEPT SELECT k FROM o");
    }
}
