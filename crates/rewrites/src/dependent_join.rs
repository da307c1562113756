//! Correlated subqueries that DataFusion cannot turn into a join, or turns into a wrong one.
//!
//! DataFusion pulls the conditions that read the outer row out of the subquery and into a join. It
//! pulls them through windows, OFFSET and the optional side of outer joins, which changes the rows; and
//! it refuses outer columns in select lists, UNION, VALUES and under DISTINCT or GROUP BY without an
//! equality. Here the subquery first becomes a join with the distinct values of the outer columns:
//!
//! ```text
//! (SELECT count(*) OVER () FROM b WHERE b.x = o.x)
//! (SELECT count(*) OVER (PARTITION BY d.x) FROM b, (SELECT DISTINCT x FROM o) d WHERE b.x = d.x AND d.x = o.x)
//! ```
//!
//! `d.x = o.x` is the only condition left that reads the outer row, and it is on top. The outer query is
//! read twice; its requests are sent once.
//! Refuses: subqueries that read rows further out than the next query, GROUPING SETS.

mod domain;
mod need;
mod operators;

use std::sync::Arc;

use arrow::datatypes::FieldRef;
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{Column, Result, Spans};
use datafusion_expr::expr::{Exists, InSubquery, SetComparison};
use datafusion_expr::{Expr, Join, LogicalPlan, Subquery, SubqueryAlias};
use datafusion_optimizer::OptimizerConfig;

use self::domain::Domain;
use crate::correction::{Apply, Correction};
use crate::nodes::{reads_further, with_parts};

pub(crate) const CORRECTION: Correction = Correction {
    name: "dependent_join",
    datafusion: "55.2",
    example: "SELECT id, (SELECT count(*) OVER () FROM t WHERE t.k = o.k AND t.id > 1) FROM o",
    apply: Apply::Logical(apply),
};

/// Rewrites such subqueries of a plan, LATERAL ones included.
fn apply(plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Join(join) => of_lateral(join, config),
        node => {
            let [outer] = node.inputs()[..] else { return Ok(Transformed::no(node)) };
            let has_subquery = |expr: &Expr| expr.exists(|inner| Ok(subquery_of(inner).is_some()));
            if !node.expressions().iter().any(|expr| has_subquery(expr).unwrap_or(false)) {
                return Ok(Transformed::no(node));
            }
            let outer = outer.clone();
            with_parts(node, |mut expr| {
                let is_exists = matches!(expr, Expr::Exists(_));
                let Some(subquery) = subquery_of_mut(&mut expr) else {
                    return Ok(Transformed::no(expr));
                };
                let done = rewrite(&subquery.subquery, &outer, is_exists, config)?;
                let Some(plan) = done else { return Ok(Transformed::no(expr)) };
                *subquery = correlated(plan);
                Ok(Transformed::yes(expr))
            })
        }
    })
}

fn subquery_of(expr: &Expr) -> Option<&Subquery> {
    match expr {
        Expr::ScalarSubquery(subquery) => Some(subquery),
        Expr::Exists(Exists { subquery, .. })
        | Expr::InSubquery(InSubquery { subquery, .. })
        | Expr::SetComparison(SetComparison { subquery, .. }) => Some(subquery),
        _ => None,
    }
}

fn subquery_of_mut(expr: &mut Expr) -> Option<&mut Subquery> {
    match expr {
        Expr::ScalarSubquery(subquery) => Some(subquery),
        Expr::Exists(Exists { subquery, .. })
        | Expr::InSubquery(InSubquery { subquery, .. })
        | Expr::SetComparison(SetComparison { subquery, .. }) => Some(subquery),
        _ => None,
    }
}

fn of_lateral(mut join: Join, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    let (alias, subquery) = match join.right.as_ref() {
        LogicalPlan::SubqueryAlias(alias) => (Some(alias.alias.clone()), alias.input.as_ref()),
        other => (None, other),
    };
    let LogicalPlan::Subquery(subquery) = subquery else {
        return Ok(Transformed::no(LogicalPlan::Join(join)));
    };
    let Some(plan) = rewrite(&subquery.subquery, &join.left, false, config)? else {
        return Ok(Transformed::no(LogicalPlan::Join(join)));
    };
    let mut right = LogicalPlan::Subquery(correlated(plan));
    if let Some(alias) = alias {
        right = LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(Arc::new(right), alias)?);
    }
    join.right = Arc::new(right);
    Ok(Transformed::yes(LogicalPlan::Join(join)))
}

fn correlated(plan: LogicalPlan) -> Subquery {
    let outer_ref_columns = plan.all_out_ref_exprs();
    Subquery { subquery: Arc::new(plan), outer_ref_columns, spans: Spans::new() }
}

/// The subquery with its conditions on the outer row on top, if it needs that.
fn rewrite(
    plan: &LogicalPlan,
    outer: &LogicalPlan,
    is_exists: bool,
    config: &dyn OptimizerConfig,
) -> Result<Option<LogicalPlan>> {
    let Some(columns) = outer_columns(plan, outer)? else { return Ok(None) };
    let domain = Domain { outer, columns, config };
    if domain.columns.is_empty() || !domain.is_needed(plan, is_exists)? || is_unstable(outer)? {
        return Ok(None);
    }
    let Some(found) = domain.join(plan, false)? else { return Ok(None) };
    domain.correlated(found, plan)
}

/// The columns of the outer query that the subquery reads; `None` if it reads others, too.
fn outer_columns(
    plan: &LogicalPlan,
    outer: &LogicalPlan,
) -> Result<Option<Vec<(FieldRef, Column)>>> {
    if reads_further(outer)? {
        return Ok(None);
    }
    let mut columns: Vec<(FieldRef, Column)> = Vec::new();
    let mut is_ours = true;
    plan.apply(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|inner| {
                match inner {
                    Expr::OuterReferenceColumn(_, column) => {
                        if columns.iter().any(|(_, known)| known == column) {
                        } else if let Ok((_, field)) =
                            outer.schema().qualified_field_from_column(column)
                        {
                            columns.push((Arc::clone(field), column.clone()));
                        } else {
                            is_ours &= plan.exists(|node| Ok(node.schema().has_column(column)))?;
                        }
                    }
                    // a subquery below that reads the outer row
                    inner => {
                        let nested = subquery_of(inner).map(|subquery| &subquery.outer_ref_columns);
                        is_ours &= !nested.into_iter().flatten().any(|expr| {
                            matches!(expr, Expr::OuterReferenceColumn(_, column) if outer.schema().has_column(column))
                        });
                    }
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(is_ours.then_some(columns))
}

/// True if the plan gives other rows when it is read again.
fn is_unstable(plan: &LogicalPlan) -> Result<bool> {
    plan.exists(|node| Ok(node.expressions().iter().any(Expr::is_volatile)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, check_rows};

    #[test]
    fn datafusion_needs_it() {
        check(&CORRECTION, &["1 1", "2 1", "3 NULL"]);
    }

    #[test]
    fn conditions_of_outer_joins_keep_rows_without_a_partner() {
        check_rows(
            "SELECT id, (SELECT count(*) FROM t LEFT JOIN t u ON u.k = o.k) FROM o",
            &["1 8", "2 4", "3 4"],
        );
        check_rows(
            "SELECT id, (SELECT count(*) FROM t RIGHT JOIN t u ON t.k = o.k) FROM o",
            &["1 8", "2 4", "3 4"],
        );
        check_rows(
            "SELECT id, (SELECT count(*) FROM t FULL JOIN t u ON t.id = u.id AND t.k = o.k) FROM o",
            &["1 6", "2 7", "3 8"],
        );
    }

    #[test]
    fn windows_and_limits_are_those_of_an_outer_row() {
        check_rows(
            "SELECT o.id, l.id, l.n FROM o, LATERAL (SELECT id, row_number() OVER (ORDER BY t.id DESC) AS n FROM t WHERE t.id > o.id) l",
            &["1 2 3", "1 3 2", "1 4 1", "2 3 2", "2 4 1", "3 4 1"],
        );
        check_rows(
            "SELECT id FROM o WHERE EXISTS (SELECT 1 FROM t WHERE t.id > o.id LIMIT 1 OFFSET 1)",
            &["1", "2"],
        );
        check_rows(
            "SELECT o.id, l.id FROM o, LATERAL (SELECT id FROM t WHERE t.id > o.id ORDER BY id DESC LIMIT 1) l",
            &["1 4", "2 4", "3 4"],
        );
    }

    #[test]
    fn outer_columns_may_be_anywhere() {
        check_rows(
            "SELECT id, (SELECT t.x + o.x FROM t WHERE t.id = o.id + 1) FROM o",
            &["1 4", "2 NULL", "3 NULL"],
        );
        check_rows(
            "SELECT o.id, l.v FROM o, LATERAL (SELECT o.x AS v UNION ALL SELECT t.x FROM t WHERE t.k = o.k) l",
            &["1 1", "1 1", "1 3", "2 2", "2 NULL", "3 NULL"],
        );
        check_rows(
            "SELECT o.id, l.v FROM o, LATERAL (VALUES (o.id), (o.id * 10)) l(v)",
            &["1 1", "1 10", "2 2", "2 20", "3 3", "3 30"],
        );
        check_rows(
            "SELECT id, (SELECT sum(t.id + o.id) FROM t WHERE t.k = o.k) FROM o",
            &["1 5", "2 5", "3 NULL"],
        );
        check_rows(
            "SELECT o.id, l.k, l.n FROM o, LATERAL (SELECT k, count(*) AS n FROM t WHERE t.id <= o.id GROUP BY k) l",
            &["1 a 1", "2 a 2", "3 a 2", "3 b 1"],
        );
    }
}
