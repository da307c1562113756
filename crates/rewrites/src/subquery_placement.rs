//! Subqueries in ORDER BY, GROUP BY, arguments of aggregates and windows, ON, and left of IN.
//!
//! DataFusion plans subqueries in select lists and WHERE only. Those in other places move there: a sort,
//! an aggregate, a window, an outer join and `(SELECT …) IN (SELECT …)` read them from a projection below,
//! whose columns a projection above drops; in ON of an inner join they become a filter above the join.

use std::sync::Arc;

use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{Column, Result};
use datafusion_expr::expr::{InSubquery, SetComparison};
use datafusion_expr::utils::{conjunction, split_conjunction};
use datafusion_expr::{
    Expr, Filter, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Projection, Sort, Window,
};
use datafusion_optimizer::OptimizerConfig;

use crate::correction::{Apply, Correction};
use crate::nodes::{columns_of, names_of};

pub(crate) const CORRECTION: Correction = Correction {
    name: "subquery_placement",
    datafusion: "55.2",
    example: "SELECT id FROM o ORDER BY (SELECT count(*) FROM t WHERE t.k = o.k), id",
    apply: Apply::Logical(apply),
};

/// Moves such subqueries of a plan, subqueries included.
fn apply(plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Sort(sort) if sort.expr.iter().any(|sort| has_subquery(&sort.expr)) => {
            of_sort(sort).map(Transformed::yes)
        }
        LogicalPlan::Window(window) if window.window_expr.iter().any(has_subquery) => {
            of_window(window).map(Transformed::yes)
        }
        LogicalPlan::Join(join)
            if join.join_type == JoinType::Inner
                && join.filter.as_ref().is_some_and(has_subquery) =>
        {
            of_join(join).map(Transformed::yes)
        }
        LogicalPlan::Join(join)
            if matches!(join.join_type, JoinType::Left | JoinType::Right | JoinType::Full)
                && join.filter.as_ref().is_some_and(has_subquery) =>
        {
            of_outer_join(join)
        }
        LogicalPlan::Aggregate(_) if node.expressions().iter().any(has_subquery) => {
            from_below(node, taken).map(Transformed::yes)
        }
        node if node.expressions().iter().any(has_asker) => {
            from_below(node, taken_askers).map(Transformed::yes)
        }
        other => Ok(Transformed::no(other)),
    })
}

fn has_subquery(expr: &Expr) -> bool {
    expr.exists(|inner| Ok(is_subquery(inner))).unwrap_or(false)
}

const fn is_subquery(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_)
    )
}

/// The value that is looked up in a subquery.
fn asker(expr: &mut Expr) -> Option<&mut Expr> {
    match expr {
        Expr::InSubquery(InSubquery { expr, .. })
        | Expr::SetComparison(SetComparison { expr, .. }) => Some(expr.as_mut()),
        _ => None,
    }
}

/// True if what is looked up in a subquery is one.
fn has_asker(expr: &Expr) -> bool {
    let is_one = |inner: &Expr| match inner {
        Expr::InSubquery(InSubquery { expr, .. })
        | Expr::SetComparison(SetComparison { expr, .. }) => has_subquery(expr),
        _ => false,
    };
    expr.exists(|inner| Ok(is_one(inner))).unwrap_or(false)
}

/// Takes the subqueries out of an expression; columns of that name stand in for them.
fn taken(expr: Expr, out: &mut Vec<Expr>) -> Result<Expr> {
    let done = expr.transform_down(|inner| {
        if !is_subquery(&inner) {
            return Ok(Transformed::no(inner));
        }
        let name = format!("__subquery_{}", out.len());
        out.push(inner.alias(&name));
        Ok(Transformed::yes(Expr::Column(Column::from_name(name))))
    })?;
    Ok(done.data)
}

/// True if the plan has every column that the subqueries read from outside.
fn covers(plan: &LogicalPlan, subqueries: &[Expr]) -> bool {
    let has = |expr: &Expr| match expr {
        Expr::OuterReferenceColumn(_, column) => plan.schema().has_column(column),
        _ => true,
    };
    subqueries.iter().all(|expr| {
        let missing = expr.exists(|inner| {
            Ok(match inner {
                Expr::ScalarSubquery(subquery) => !subquery.outer_ref_columns.iter().all(has),
                Expr::Exists(exists) => !exists.subquery.outer_ref_columns.iter().all(has),
                Expr::InSubquery(InSubquery { expr, subquery, .. })
                | Expr::SetComparison(SetComparison { expr, subquery, .. }) => {
                    !subquery.outer_ref_columns.iter().all(has)
                        || !expr.column_refs().iter().all(|at| plan.schema().has_column(at))
                }
                _ => false,
            })
        });
        !missing.unwrap_or(true)
    })
}

fn of_sort(mut sort: Sort) -> Result<LogicalPlan> {
    let mut subqueries = Vec::new();
    for key in &mut sort.expr {
        let expr = std::mem::take(&mut key.expr);
        key.expr = taken(expr, &mut subqueries)?;
    }
    let shown = columns_of(&sort.input);
    let input = match sort.input.as_ref() {
        // what is sorted by need not be shown
        LogicalPlan::Projection(projection) if !covers(&sort.input, &subqueries) => {
            let mut all = projection.expr.clone();
            all.extend(subqueries);
            LogicalPlan::Projection(Projection::try_new(all, Arc::clone(&projection.input))?)
        }
        input => {
            let all = shown.iter().cloned().chain(subqueries);
            LogicalPlanBuilder::from(input.clone()).project(all)?.build()?
        }
    };
    let sorted = LogicalPlan::Sort(Sort { input: Arc::new(input), ..sort });
    LogicalPlanBuilder::from(sorted).project(shown)?.build()
}

fn of_window(window: Window) -> Result<LogicalPlan> {
    let mut subqueries = Vec::new();
    let names = window.schema.iter().skip(window.input.schema().fields().len());
    let names: Vec<String> = names.map(|(_, field)| field.name().clone()).collect();
    let functions = window
        .window_expr
        .into_iter()
        .map(|expr| taken(expr, &mut subqueries))
        .collect::<Result<Vec<Expr>>>()?;
    let mut shown = columns_of(&window.input);
    let all = shown.iter().cloned().chain(subqueries);
    let input = LogicalPlanBuilder::from(window.input.as_ref().clone()).project(all)?.build()?;
    let width = input.schema().fields().len();
    let plan = LogicalPlan::Window(Window::try_new(functions, Arc::new(input))?);
    let results = plan.schema().iter().skip(width).zip(names);
    shown.extend(results.map(|(result, name)| Expr::from(result).alias(name)));
    LogicalPlanBuilder::from(plan).project(shown)?.build()
}

/// Takes the subqueries out of what is looked up in others.
fn taken_askers(expr: Expr, out: &mut Vec<Expr>) -> Result<Expr> {
    let done = expr.transform_up(|mut inner| {
        let Some(asker) = asker(&mut inner).filter(|asker| has_subquery(asker)) else {
            return Ok(Transformed::no(inner));
        };
        *asker = taken(std::mem::take(asker), out)?;
        Ok(Transformed::yes(inner))
    })?;
    Ok(done.data)
}

/// The node, with the subqueries that `take` takes out of its expressions in a projection below.
fn from_below(
    node: LogicalPlan,
    take: fn(Expr, &mut Vec<Expr>) -> Result<Expr>,
) -> Result<LogicalPlan> {
    let [input] = node.inputs()[..] else { return Ok(node) };
    let (input, shown) = (input.clone(), columns_of(input));
    let names = names_of(&node);
    let mut subqueries = Vec::new();
    let mut changed = Vec::new();
    for expr in node.expressions() {
        let name = names.save(&expr);
        changed.push(name.restore(take(expr, &mut subqueries)?));
    }
    let all = shown.iter().cloned().chain(subqueries);
    let input = LogicalPlanBuilder::from(input).project(all)?.build()?;
    let is_filter = matches!(node, LogicalPlan::Filter(_));
    let node = node.with_new_exprs(changed, vec![input])?;
    if is_filter { LogicalPlanBuilder::from(node).project(shown)?.build() } else { Ok(node) }
}

fn of_join(mut join: Join) -> Result<LogicalPlan> {
    let conditions = join.filter.take();
    let (asked, kept): (Vec<Expr>, Vec<Expr>) =
        conditions.iter().flat_map(split_conjunction).cloned().partition(has_subquery);
    join.filter = conjunction(kept);
    let joined = LogicalPlan::Join(join);
    Ok(match conjunction(asked) {
        Some(asked) => LogicalPlan::Filter(Filter::try_new(asked, Arc::new(joined))?),
        None => joined,
    })
}

/// Computes the subqueries below the side that they read; both sides if they read none.
fn of_outer_join(mut join: Join) -> Result<Transformed<LogicalPlan>> {
    let Some(condition) = join.filter.take() else {
        return Ok(Transformed::no(LogicalPlan::Join(join)));
    };
    let shown: Vec<Expr> = join.schema.iter().map(Expr::from).collect();
    let mut subqueries = Vec::new();
    let changed = taken(condition.clone(), &mut subqueries)?;
    let (left, right): (Vec<Expr>, Vec<Expr>) = subqueries
        .into_iter()
        .partition(|subquery| covers(&join.left, std::slice::from_ref(subquery)));
    if !covers(&join.right, &right) {
        join.filter = Some(condition);
        return Ok(Transformed::no(LogicalPlan::Join(join)));
    }
    let with = |side: Arc<LogicalPlan>, subqueries: Vec<Expr>| {
        if subqueries.is_empty() {
            return Ok(side);
        }
        let all: Vec<Expr> = columns_of(&side).into_iter().chain(subqueries).collect();
        LogicalPlanBuilder::from(side).project(all)?.build().map(Arc::new)
    };
    let join = Join::try_new(
        with(join.left, left)?,
        with(join.right, right)?,
        join.on,
        Some(changed),
        join.join_type,
        join.join_constraint,
        join.null_equality,
        join.null_aware,
    )?;
    let plan = LogicalPlanBuilder::from(LogicalPlan::Join(join)).project(shown)?.build()?;
    Ok(Transformed::yes(plan))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, check_rows};

    #[test]
    fn datafusion_needs_it() {
        check(&CORRECTION, &["3", "2", "1"]);
    }
    #[test]
    fn on_of_an_outer_join_reads_one_side() {
        check_rows(
            "SELECT o.id, t.id FROM o LEFT JOIN t ON o.k = t.k AND o.x IN (SELECT x FROM t WHERE id < 3)",
            &["1 1", "1 2", "2 NULL", "3 NULL"],
        );
        check_rows(
            "SELECT o.id, t.id FROM o LEFT JOIN t ON o.k = t.k AND t.x = (SELECT max(x) FROM t)",
            &["1 2", "2 NULL", "3 NULL"],
        );
    }
}
