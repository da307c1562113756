//! Subqueries that stand where values stand, as joins.
//!
//! DataFusion turns EXISTS into a join in WHERE alone. Here the select list and the arguments of
//! aggregates get the same: EXISTS becomes a mark join, and a correlated `(SELECT … LIMIT 1)` a LEFT
//! JOIN LATERAL. Both may then feed parameters.
//! Refuses: `x IN (SELECT …)` as a value; a mark cannot tell NULL from false.
//! Surprise: the join is made by DataFusion's own rule, asked with a filter that is taken apart again.

use std::sync::Arc;

use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{Column, JoinConstraint, JoinType, NullEquality, Result};
use datafusion_expr::{Expr, FetchType, Filter, Join, LogicalPlan, Subquery, SubqueryAlias};
use datafusion_optimizer::decorrelate_predicate_subquery::DecorrelatePredicateSubquery;
use datafusion_optimizer::{OptimizerConfig, OptimizerRule};

use crate::correction::{Apply, Correction};
use crate::nodes::names_of;

pub(crate) const CORRECTION: Correction = Correction {
    name: "subquery_joins",
    datafusion: "55.2",
    example: "SELECT id, EXISTS (SELECT 1 FROM t WHERE t.k = o.k) FROM o",
    apply: Apply::Logical(apply),
};

/// Rewrites the subqueries of a plan that stand in select lists and aggregates.
fn apply(plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_) => rewrite(node, config),
        other => Ok(Transformed::no(other)),
    })
}

fn rewrite(node: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    let expressions = node.expressions();
    if !expressions.iter().any(|expr| expr.exists(|inner| Ok(is_ours(inner))).unwrap_or(false)) {
        return Ok(Transformed::no(node));
    }
    let names = names_of(&node);
    let mut input = node.inputs()[0].clone();
    let mut is_changed = false;
    let mut changed = Vec::with_capacity(expressions.len());
    for expr in expressions {
        let name = names.save(&expr);
        let done = expr.transform_up(|inner| {
            let (next, inner) = match inner {
                Expr::Exists(_) => match exists(&input, &inner, config)? {
                    Some(done) => done,
                    None => return Ok(Transformed::no(inner)),
                },
                Expr::ScalarSubquery(subquery) if is_first_row(&subquery) => {
                    first_row(input.clone(), subquery, config)?
                }
                other => return Ok(Transformed::no(other)),
            };
            input = next;
            is_changed = true;
            Ok(Transformed::yes(inner))
        })?;
        changed.push(name.restore(done.data));
    }
    if !is_changed {
        return Ok(Transformed::no(node));
    }
    node.with_new_exprs(changed, vec![input]).map(Transformed::yes)
}

fn is_ours(expr: &Expr) -> bool {
    match expr {
        Expr::Exists(_) => true,
        Expr::ScalarSubquery(subquery) => is_first_row(subquery),
        _ => false,
    }
}

/// True for a correlated subquery that gives at most one row because it says so.
fn is_first_row(subquery: &Subquery) -> bool {
    if subquery.outer_ref_columns.is_empty() {
        return false;
    }
    let mut plan = subquery.subquery.as_ref();
    while let LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) = plan {
        plan = plan.inputs()[0];
    }
    match plan {
        LogicalPlan::Limit(limit) => {
            matches!(limit.get_fetch_type(), Ok(FetchType::Literal(Some(1))))
        }
        _ => false,
    }
}

/// The input with a mark, and the mark, if DataFusion's rule finds a join.
fn exists(
    input: &LogicalPlan,
    condition: &Expr,
    config: &dyn OptimizerConfig,
) -> Result<Option<(LogicalPlan, Expr)>> {
    let asked = condition.clone().is_true();
    let filter = LogicalPlan::Filter(Filter::try_new(asked, Arc::new(input.clone()))?);
    let mut plan = DecorrelatePredicateSubquery::new().rewrite(filter, config)?.data;
    while let LogicalPlan::Projection(projection) = plan {
        plan = Arc::unwrap_or_clone(projection.input);
    }
    let LogicalPlan::Filter(filter) = plan else { return Ok(None) };
    Ok(match filter.predicate {
        Expr::IsTrue(mark) if !matches!(*mark, Expr::Exists(_)) => {
            Some((Arc::unwrap_or_clone(filter.input), *mark))
        }
        _ => None,
    })
}

/// The input with the subquery's row beside it, and the subquery's value.
fn first_row(
    input: LogicalPlan,
    subquery: Subquery,
    config: &dyn OptimizerConfig,
) -> Result<(LogicalPlan, Expr)> {
    let alias = config.alias_generator().next("__first_row");
    let name = subquery.subquery.schema().field(0).name().clone();
    let right = SubqueryAlias::try_new(Arc::new(LogicalPlan::Subquery(subquery)), alias.clone())?;
    let join = Join::try_new(
        Arc::new(input),
        Arc::new(LogicalPlan::SubqueryAlias(right)),
        vec![],
        None,
        JoinType::Left,
        JoinConstraint::On,
        NullEquality::NullEqualsNothing,
        false,
    )?;
    Ok((LogicalPlan::Join(join), Expr::Column(Column::new(Some(alias), name))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check;

    #[test]
    fn datafusion_needs_it() {
        check(&CORRECTION, &["1 true", "2 true", "3 false"]);
    }
}
