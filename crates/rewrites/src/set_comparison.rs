//! `x > ANY (SELECT …)` and `x > ALL (SELECT …)`.
//!
//! DataFusion's rule rewrites them to EXISTS while it optimizes, which is too late where EXISTS has to be
//! corrected. Here the same rule runs before. Where the list is of a column that the outer query has
//! too (`x >= ALL (SELECT x FROM t)` over `t`), the rule compares the column with itself; such a list gets
//! an alias first.

use datafusion_common::Result;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_expr::expr::SetComparison;
use datafusion_expr::utils::merge_schema;
use datafusion_expr::{Expr, LogicalPlan};
use datafusion_optimizer::rewrite_set_comparison::RewriteSetComparison;
use datafusion_optimizer::{OptimizerConfig, OptimizerRule};

use crate::correction::{Apply, Correction};
use crate::nodes::{with_own_alias, with_parts};

pub(crate) const CORRECTION: Correction = Correction {
    name: "set_comparison",
    datafusion: "55.2",
    example: "SELECT id, x >= ALL (SELECT t.x FROM t WHERE t.k = o.k) FROM o",
    apply: Apply::Logical(apply),
};

fn apply(plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    let done = plan.transform_up_with_subqueries(|node| {
        if !node.expressions().iter().any(has_comparison) {
            return Ok(Transformed::no(node));
        }
        let outer = merge_schema(&node.inputs());
        with_parts(node, |mut expr| {
            let Expr::SetComparison(SetComparison { subquery, .. }) = &mut expr else {
                return Ok(Transformed::no(expr));
            };
            match with_own_alias(&subquery.subquery, &outer, config)? {
                Some(plan) => subquery.subquery = plan,
                None => return Ok(Transformed::no(expr)),
            }
            Ok(Transformed::yes(expr))
        })
    })?;
    done.transform_data(|plan| RewriteSetComparison::new().rewrite(plan, config))
}

fn has_comparison(expr: &Expr) -> bool {
    expr.exists(|inner| Ok(matches!(inner, Expr::SetComparison(_)))).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, check_rows};

    #[test]
    fn datafusion_needs_it() {
        check(&CORRECTION, &["1 false", "2 NULL", "3 true"]);
    }
    #[test]
    fn a_list_of_the_same_column_is_another_list() {
        check_rows("SELECT id FROM t WHERE id >= ALL (SELECT id FROM t)", &["4"]);
        check_rows("SELECT id FROM t WHERE id > ANY (SELECT id FROM t WHERE x > 1)", &["3", "4"]);
        check_rows(
            "SELECT k FROM t GROUP BY k HAVING max(id) >= ALL (SELECT max(id) FROM t GROUP BY k)",
            &["c"],
        );
    }
}
