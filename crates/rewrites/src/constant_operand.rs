//! Comparisons in conditions whose constant is on the left.
//!
//! DataFusion infers `u.k = 1` of `t.k = u.k AND 1 = t.k` both as it is written and turned around, and
//! takes the two for a contradiction. Here the constant goes to the right.

use datafusion_common::Result;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_expr::{BinaryExpr, Expr, LogicalPlan};
use datafusion_optimizer::OptimizerConfig;

use crate::correction::{Apply, Correction};
use crate::nodes::is_comparison;

pub(crate) const CORRECTION: Correction = Correction {
    name: "constant_operand",
    datafusion: "55.2",
    example: "SELECT o.id, t.id FROM o LEFT JOIN t ON o.k = t.k AND 'a' = o.k",
    apply: Apply::Logical(apply),
};

/// Turns such comparisons around.
fn apply(plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Filter(_) | LogicalPlan::Join(_) => {
            node.map_expressions(|expr| expr.transform_up(|expr| Ok(constant_right(expr))))
        }
        other => Ok(Transformed::no(other)),
    })
}

fn constant_right(expr: Expr) -> Transformed<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if is_comparison(op) && is_constant(&left) && !is_constant(&right) =>
        {
            match op.swap() {
                Some(op) => Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(right, op, left))),
                None => Transformed::no(Expr::BinaryExpr(BinaryExpr::new(left, op, right))),
            }
        }
        other => Transformed::no(other),
    }
}

fn is_constant(expr: &Expr) -> bool {
    !expr.contains_outer()
        && expr.column_refs().is_empty()
        && !expr.exists(|inner| Ok(matches!(inner, Expr::ScalarSubquery(_)))).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check;

    #[test]
    fn datafusion_needs_it() {
        check(&CORRECTION, &["1 1", "1 2", "2 NULL", "3 NULL"]);
    }
}
