//! Sort keys that are said twice.
//!
//! DataFusion drops a repeated key of an ordered aggregate, and of the aggregate that `DISTINCT ON`
//! becomes, in one place only; the accumulator then waits for a column that never comes and panics.
//! Here the second one goes before: rows that the first found equal are equal to it, too.

use datafusion_common::Result;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_expr::expr::AggregateFunction;
use datafusion_expr::expr_rewriter::NamePreserver;
use datafusion_expr::{Distinct, Expr, LogicalPlan, SortExpr};
use datafusion_optimizer::OptimizerConfig;

use crate::correction::{Apply, Correction};

pub(crate) const CORRECTION: Correction = Correction {
    name: "repeated_sort_keys",
    datafusion: "55.2",
    example: "SELECT DISTINCT ON (k) k, x FROM t ORDER BY k, k, id",
    apply: Apply::Logical(apply),
};

/// Drops such keys from a plan, subqueries included.
fn apply(plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Distinct(Distinct::On(mut distinct)) => {
            let dropped = distinct.sort_expr.as_mut().is_some_and(drop_repeated);
            let node = LogicalPlan::Distinct(Distinct::On(distinct));
            Ok(if dropped { Transformed::yes(node) } else { Transformed::no(node) })
        }
        LogicalPlan::Aggregate(_) => {
            // the keys are part of the result's name
            let names = NamePreserver::new(&node);
            node.map_expressions(|expr| {
                let name = names.save(&expr);
                let done = expr.transform_up(of_aggregate)?;
                Ok(done.update_data(|expr| name.restore(expr)))
            })
        }
        other => Ok(Transformed::no(other)),
    })
}

fn of_aggregate(expr: Expr) -> Result<Transformed<Expr>> {
    let Expr::AggregateFunction(AggregateFunction { func, mut params }) = expr else {
        return Ok(Transformed::no(expr));
    };
    let dropped = drop_repeated(&mut params.order_by);
    let expr = Expr::AggregateFunction(AggregateFunction { func, params });
    Ok(if dropped { Transformed::yes(expr) } else { Transformed::no(expr) })
}

/// True if a key went.
fn drop_repeated(keys: &mut Vec<SortExpr>) -> bool {
    let before = keys.len();
    let mut seen: Vec<Expr> = Vec::with_capacity(before);
    keys.retain(|key| {
        let is_new = !seen.contains(&key.expr);
        if is_new {
            seen.push(key.expr.clone());
        }
        is_new
    });
    keys.len() < before
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check;

    #[test]
    fn datafusion_needs_it() {
        check(&CORRECTION, &["a 1", "b NULL", "c 2"]);
    }
}
