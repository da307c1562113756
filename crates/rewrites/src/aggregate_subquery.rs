//! Correlated subqueries that aggregate without GROUP BY.
//!
//! Such a subquery gives its one row also where nothing matches: `count(*)` is 0 then. DataFusion makes
//! a join with groups of it, which has no row there; scalar subqueries it puts right, unless they have
//! a HAVING. Here EXISTS, IN, ANY and ALL become the scalar subquery that they mean: `x IN (SELECT
//! count(*) …)` is `x = (SELECT count(*) …)`. What HAVING asks of the row is asked first, as a subquery
//! of its own: where it does not hold there is no row.

use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::expr::{Exists, InSubquery, SetComparison, SetQuantifier};
use datafusion_expr::{
    BinaryExpr, Distinct, Expr, FetchType, LogicalPlan, LogicalPlanBuilder, Operator, SkipType,
    lit, when,
};
use datafusion_optimizer::OptimizerConfig;

use crate::correction::{Apply, Correction};
use crate::nodes::{scalar, with_parts};

pub(crate) const CORRECTION: Correction = Correction {
    name: "aggregate_subquery",
    datafusion: "55.2",
    example: "SELECT id FROM o WHERE EXISTS (SELECT count(*) FROM t WHERE t.k = o.k)",
    apply: Apply::Logical(apply),
};

/// Rewrites such conditions of a plan, subqueries included.
fn apply(plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    plan.transform_up_with_subqueries(|node| {
        if !node.expressions().iter().any(asks) {
            return Ok(Transformed::no(node));
        }
        let outer: Vec<LogicalPlan> = node.inputs().into_iter().cloned().collect();
        with_parts(node, |expr| of_condition(expr, &outer))
    })
}

fn asks(expr: &Expr) -> bool {
    let is_one = |inner: &Expr| {
        matches!(
            inner,
            Expr::Exists(_)
                | Expr::InSubquery(_)
                | Expr::SetComparison(_)
                | Expr::ScalarSubquery(_)
        )
    };
    expr.exists(|inner| Ok(is_one(inner))).unwrap_or(false)
}

fn of_condition(expr: Expr, outer: &[LogicalPlan]) -> Result<Transformed<Expr>> {
    let (Expr::Exists(Exists { subquery, .. })
    | Expr::InSubquery(InSubquery { subquery, .. })
    | Expr::SetComparison(SetComparison { subquery, .. })
    | Expr::ScalarSubquery(subquery)) = &expr
    else {
        return Ok(Transformed::no(expr));
    };
    if subquery.outer_ref_columns.is_empty() {
        return Ok(Transformed::no(expr));
    }
    let Some(row) = Row::of(&subquery.subquery, outer)? else { return Ok(Transformed::no(expr)) };
    if row.conditions.is_empty() && matches!(expr, Expr::ScalarSubquery(_)) {
        return Ok(Transformed::no(expr));
    }
    let is_there = row.conditions.into_iter().reduce(Expr::and).map(Expr::is_true);
    let compared = |left: Box<Expr>, op| {
        let value = Box::new(scalar(row.plan.clone()));
        Expr::BinaryExpr(BinaryExpr::new(left, op, value))
    };
    // `of_none` is the value where there is no row
    let (value, of_none) = match expr {
        Expr::Exists(Exists { negated, .. }) => (lit(!negated), lit(negated)),
        Expr::InSubquery(InSubquery { expr, negated, .. }) => {
            (compared(expr, if negated { Operator::NotEq } else { Operator::Eq }), lit(negated))
        }
        Expr::SetComparison(SetComparison { expr, op, quantifier, .. }) => {
            (compared(expr, op), lit(matches!(quantifier, SetQuantifier::All)))
        }
        Expr::ScalarSubquery(_) => (scalar(row.plan), lit(ScalarValue::Null)),
        other => return Ok(Transformed::no(other)),
    };
    Ok(Transformed::yes(match is_there {
        Some(is_there) => when(is_there, value).otherwise(of_none)?,
        None => value,
    }))
}

/// A plan that always gives one row, and what is asked of that row, in the outer query's terms.
struct Row {
    plan: LogicalPlan,
    conditions: Vec<Expr>,
}

impl Row {
    fn of(plan: &LogicalPlan, outer: &[LogicalPlan]) -> Result<Option<Self>> {
        match plan {
            LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.is_empty() => {
                Ok(Some(Self { plan: plan.clone(), conditions: vec![] }))
            }
            LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) => {
                let Some(row) = Self::of(plan.inputs()[0], outer)? else { return Ok(None) };
                let plan = plan.with_new_exprs(plan.expressions(), vec![row.plan])?;
                Ok(Some(Self { plan, ..row }))
            }
            LogicalPlan::Filter(filter) => {
                let Some(mut row) = Self::of(&filter.input, outer)? else { return Ok(None) };
                row.conditions.push(asked_of(filter.predicate.clone(), &row.plan, outer)?);
                Ok(Some(row))
            }
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => Self::of(&sort.input, outer),
            LogicalPlan::Distinct(Distinct::All(input)) => Self::of(input, outer),
            LogicalPlan::Limit(limit)
                if matches!(limit.get_skip_type(), Ok(SkipType::Literal(0)))
                    && matches!(
                        limit.get_fetch_type(),
                        Ok(FetchType::Literal(None | Some(1..)))
                    ) =>
            {
                Self::of(&limit.input, outer)
            }
            _ => Ok(None),
        }
    }
}

/// The predicate on a row, as a condition of the outer query.
fn asked_of(predicate: Expr, row: &LogicalPlan, outer: &[LogicalPlan]) -> Result<Expr> {
    let is_correlated =
        predicate.exists(|inner| Ok(matches!(inner, Expr::OuterReferenceColumn(..))))?;
    if !is_correlated {
        let builder = LogicalPlanBuilder::from(row.clone());
        return Ok(scalar(builder.project([predicate.alias("__holds")])?.build()?));
    }
    // a projection cannot read the outer row: the row's columns come to it, one by one
    predicate
        .transform_down(|inner| match inner {
            Expr::OuterReferenceColumn(field, column) => {
                let is_next = outer.iter().any(|plan| plan.schema().has_column(&column));
                let found = if is_next {
                    Expr::Column(column)
                } else {
                    Expr::OuterReferenceColumn(field, column)
                };
                Ok(Transformed::new(found, true, TreeNodeRecursion::Jump))
            }
            Expr::Column(_) => {
                let builder = LogicalPlanBuilder::from(row.clone());
                let value = scalar(builder.project([inner])?.build()?);
                Ok(Transformed::new(value, true, TreeNodeRecursion::Jump))
            }
            other => Ok(Transformed::no(other)),
        })
        .map(|done| done.data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check;

    #[test]
    fn datafusion_needs_it() {
        check(&CORRECTION, &["1", "2", "3"]);
    }
}
