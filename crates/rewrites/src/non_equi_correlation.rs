//! Correlated aggregates whose comparison with the outer row is no equality.
//!
//! `(SELECT count(*) FROM t WHERE t.x < o.x)` has no groups that a join could find by a key, and
//! DataFusion refuses it. Here the values of the outer rows, each once, are joined with the inner rows
//! before those are counted: `(SELECT count(*) FROM t JOIN (SELECT DISTINCT x FROM o) d ON t.x < d.x
//! WHERE d.x = o.x)`. The outer rows are read twice by that, their requests are sent once.

use std::sync::Arc;

use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{Column, JoinType, Result, ScalarValue};
use datafusion_expr::expr::Cast;
use datafusion_expr::utils::{conjunction, split_conjunction};
use datafusion_expr::{
    BinaryExpr, Expr, Filter, LogicalPlan, LogicalPlanBuilder, Operator, Subquery,
};
use datafusion_optimizer::OptimizerConfig;

use crate::correction::{Apply, Correction};
use crate::nodes::{
    is_comparison, is_key, or_zero, reads_further, reads_outer, scalar, with_parts,
};

pub(crate) const CORRECTION: Correction = Correction {
    name: "non_equi_correlation",
    datafusion: "55.2",
    example: "SELECT id, (SELECT count(*) FROM t WHERE t.x < o.x) FROM o",
    apply: Apply::Logical(apply),
};

/// Rewrites such subqueries of a plan.
fn apply(plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    plan.transform_up_with_subqueries(|node| {
        let [outer] = node.inputs()[..] else { return Ok(Transformed::no(node)) };
        if !node.expressions().iter().any(has_subquery) || reads_further(outer)? {
            return Ok(Transformed::no(node));
        }
        let outer = outer.clone();
        with_parts(node, |expr| match expr {
            Expr::ScalarSubquery(subquery) => of_subquery(subquery, &outer, config),
            other => Ok(Transformed::no(other)),
        })
    })
}

fn has_subquery(expr: &Expr) -> bool {
    let is_ours = |inner: &Expr| matches!(inner, Expr::ScalarSubquery(subquery) if !subquery.outer_ref_columns.is_empty());
    expr.exists(|inner| Ok(is_ours(inner))).unwrap_or(false)
}

fn of_subquery(
    subquery: Subquery,
    outer: &LogicalPlan,
    config: &dyn OptimizerConfig,
) -> Result<Transformed<Expr>> {
    let plan = Arc::clone(&subquery.subquery);
    let done = Arc::unwrap_or_clone(plan).transform_down(|node| match node {
        LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) => Ok(Transformed::no(node)),
        LogicalPlan::Aggregate(mut aggregate) if aggregate.group_expr.is_empty() => {
            let done = match aggregate.input.as_ref() {
                LogicalPlan::Filter(filter) => joined(filter, outer, config)?,
                _ => None,
            };
            let is_done = done.is_some();
            if let Some(input) = done {
                aggregate.input = Arc::new(input);
            }
            let node = LogicalPlan::Aggregate(aggregate);
            Ok(Transformed::new(node, is_done, TreeNodeRecursion::Stop))
        }
        other => Ok(Transformed::new(other, false, TreeNodeRecursion::Stop)),
    })?;
    if !done.transformed {
        return Ok(Transformed::no(Expr::ScalarSubquery(subquery)));
    }
    Ok(Transformed::yes(scalar(done.data)))
}

/// The rows of the filter, each beside the outer values that it holds for.
fn joined(
    filter: &Filter,
    outer: &LogicalPlan,
    config: &dyn OptimizerConfig,
) -> Result<Option<LogicalPlan>> {
    let (correlated, own): (Vec<&Expr>, Vec<&Expr>) =
        split_conjunction(&filter.predicate).into_iter().partition(|expr| expr.contains_outer());
    if correlated.iter().all(|condition| is_key(condition)) || reads_outer(&filter.input)? {
        return Ok(None);
    }
    let mut values: Vec<(Column, String)> = Vec::new();
    for condition in &correlated {
        condition.apply(|expr| {
            if let Expr::OuterReferenceColumn(_, column) = expr
                && !values.iter().any(|(known, _)| known == column)
            {
                values.push((column.clone(), config.alias_generator().next("__outer")));
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    if !values.iter().all(|(column, _)| outer.schema().has_column(column)) {
        return Ok(None);
    }
    let mut columns = Vec::new();
    let mut same = Vec::new();
    for (column, name) in &values {
        let (_, field) = outer.schema().qualified_field_from_column(column)?;
        let theirs = Expr::OuterReferenceColumn(Arc::clone(field), column.clone());
        let own = Expr::Column(column.clone());
        columns.push(own.clone().alias(name));
        if correlated.iter().any(|condition| fails_for_null(condition, column)) {
            same.push(Expr::Column(Column::from_name(name)).eq(theirs));
            continue;
        }
        // NULL is equal to NULL here
        let zero = ScalarValue::new_default(field.data_type())?;
        for of in [|expr: Expr, _: &ScalarValue| expr.is_null(), or_zero] {
            let name = config.alias_generator().next("__outer");
            columns.push(of(own.clone(), &zero).alias(&name));
            same.push(Expr::Column(Column::from_name(name)).eq(of(theirs.clone(), &zero)));
        }
    }
    let distinct = LogicalPlanBuilder::from(outer.clone()).project(columns)?.distinct()?.build()?;
    let on = correlated.into_iter().cloned().map(|condition| {
        let done = condition.transform(|expr| {
            let Expr::OuterReferenceColumn(_, column) = &expr else {
                return Ok(Transformed::no(expr));
            };
            let name = values.iter().find(|(known, _)| known == column).map(|(_, name)| name);
            Ok(match name {
                Some(name) => Transformed::yes(Expr::Column(Column::from_name(name))),
                None => Transformed::no(expr),
            })
        })?;
        Ok(done.data)
    });
    let on = on.collect::<Result<Vec<Expr>>>()?;
    let mut inner = LogicalPlanBuilder::from(filter.input.as_ref().clone());
    if let Some(own) = conjunction(own.into_iter().cloned()) {
        inner = inner.filter(own)?;
    }
    let plan = inner.join_on(distinct, JoinType::Inner, on)?;
    match conjunction(same) {
        Some(same) => plan.filter(same)?.build().map(Some),
        None => Ok(None),
    }
}

/// True if the condition cannot hold where the outer column is NULL.
fn fails_for_null(condition: &Expr, column: &Column) -> bool {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if is_comparison(*op)
                && !matches!(op, Operator::IsDistinctFrom | Operator::IsNotDistinctFrom) =>
        {
            is_null_with(left, column) || is_null_with(right, column)
        }
        Expr::Like(like) => is_null_with(&like.expr, column) || is_null_with(&like.pattern, column),
        _ => false,
    }
}

/// True if the value is NULL where the outer column is.
fn is_null_with(value: &Expr, column: &Column) -> bool {
    match value {
        Expr::OuterReferenceColumn(_, own) => own == column,
        Expr::Cast(Cast { expr, .. }) => is_null_with(expr, column),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.is_numerical_operators() => {
            is_null_with(left, column) || is_null_with(right, column)
        }
        // our own `+`, `-` and `*`
        Expr::ScalarFunction(call) if matches!(call.func.name(), "+" | "-" | "*") => {
            call.args.iter().any(|argument| is_null_with(argument, column))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check;

    #[test]
    fn datafusion_needs_it() {
        check(&CORRECTION, &["1 0", "2 1", "3 0"]);
    }
}
