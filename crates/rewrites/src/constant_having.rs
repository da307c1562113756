//! Conditions without a column, above an aggregate that has a row even if its input has none.
//!
//! `SELECT count(*) FROM t HAVING 5 < (SELECT …)` has no row where the condition is false. DataFusion
//! pushes it below the aggregate, which then counts no rows and returns one with 0. A LIMIT that keeps
//! all rows blocks the pushdown. GROUPING SETS with an empty set (ROLLUP, CUBE) have such a row, too.

use datafusion_common::Result;
use datafusion_common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion_expr::utils::split_conjunction;
use datafusion_expr::{Aggregate, Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion_optimizer::OptimizerConfig;

use crate::correction::{Apply, Correction};
use crate::nodes::reads_outer;

pub(crate) const CORRECTION: Correction = Correction {
    name: "constant_having",
    datafusion: "55.2",
    example: "SELECT count(*) FROM t HAVING 5 < (SELECT count(*) FROM t)",
    apply: Apply::Logical(apply),
};

/// Fences the totals of a plan in, if it has such conditions.
fn apply(plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    if !has_condition(&plan)? {
        return Ok(Transformed::no(plan));
    }
    plan.transform_up_with_subqueries(|node| match node {
        // what reads the outer row becomes groups by that row, and has to be seen as it is
        LogicalPlan::Aggregate(aggregate)
            if has_total(&aggregate) && !reads_outer(&aggregate.input)? =>
        {
            let rows = if aggregate.group_expr.is_empty() { 1 } else { i64::MAX.unsigned_abs() };
            let rows = usize::try_from(rows).unwrap_or(usize::MAX);
            let total = LogicalPlan::Aggregate(aggregate);
            LogicalPlanBuilder::from(total).limit(0, Some(rows))?.build().map(Transformed::yes)
        }
        other => Ok(Transformed::no(other)),
    })
}

fn has_total(aggregate: &Aggregate) -> bool {
    aggregate.group_expr.is_empty()
        || aggregate.group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_)))
}

fn has_condition(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        let condition = match node {
            LogicalPlan::Filter(filter) => Some(&filter.predicate),
            LogicalPlan::Join(join) => join.filter.as_ref(),
            _ => None,
        };
        found |= condition.into_iter().flat_map(split_conjunction).any(|condition| {
            !matches!(condition, Expr::Literal(..)) && condition.column_refs().is_empty()
        });
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, check_rows};

    #[test]
    fn datafusion_needs_it() {
        check(&CORRECTION, &[]);
    }
    #[test]
    fn grouping_sets_have_a_total() {
        check_rows("SELECT k, count(*) FROM t GROUP BY ROLLUP (k) HAVING random() > 5", &[]);
    }
}
