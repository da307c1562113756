//! Conditions without a column, above an aggregate without GROUP BY.
//!
//! `SELECT count(*) FROM t HAVING 5 < (SELECT …)` has no row where the condition fails. DataFusion
//! takes it below the aggregate, where it leaves nothing to count: the row says 0. A `LIMIT 1` around
//! the aggregate, which has one row anyway, keeps such conditions out.

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

use super::nodes::reads_outer;

/// Fences the totals of a plan in, if it has such conditions.
pub(crate) fn fenced(plan: LogicalPlan) -> Result<LogicalPlan> {
    if !has_condition(&plan)? {
        return Ok(plan);
    }
    plan.transform_up_with_subqueries(|node| match node {
        // what reads the outer row becomes groups by that row, and has to be seen as it is
        LogicalPlan::Aggregate(aggregate)
            if aggregate.group_expr.is_empty() && !reads_outer(&aggregate.input)? =>
        {
            let total = LogicalPlan::Aggregate(aggregate);
            LogicalPlanBuilder::from(total).limit(0, Some(1))?.build().map(Transformed::yes)
        }
        other => Ok(Transformed::no(other)),
    })
    .map(|done| done.data)
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
