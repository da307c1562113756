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

use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{Column, JoinType, NullEquality, Result, Spans};
use datafusion_expr::expr::{Exists, InSubquery, SetComparison};
use datafusion_expr::{Expr, Join, LogicalPlan, LogicalPlanBuilder, Subquery};
use datafusion_optimizer::OptimizerConfig;

use self::domain::Domain;
use crate::correction::{Apply, Correction};
use crate::nodes::{columns_of, with_parts};

pub(crate) const CORRECTION: Correction = Correction {
    name: "dependent_join",
    datafusion: "55.2",
    example: "SELECT id, (SELECT count(*) OVER () FROM t WHERE t.k = o.k AND t.id > 1) FROM o",
    apply: Apply::Logical(apply),
};

/// Where a subquery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Exists,
    /// In a select list or a comparison, IN included.
    Value,
    Lateral,
}

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
                let place = match expr {
                    Expr::Exists(_) => Place::Exists,
                    _ => Place::Value,
                };
                let Some(subquery) = subquery_of_mut(&mut expr) else {
                    return Ok(Transformed::no(expr));
                };
                let done = rewrite(&subquery.subquery, &outer, place, config)?;
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

/// A LATERAL join as a join on the outer values.
fn of_lateral(join: Join, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    let (alias, subquery) = match join.right.as_ref() {
        LogicalPlan::SubqueryAlias(alias) => (Some(alias.alias.clone()), alias.input.as_ref()),
        other => (None, other),
    };
    let is_join = matches!(join.join_type, JoinType::Inner | JoinType::Left) && join.on.is_empty();
    let LogicalPlan::Subquery(subquery) = subquery else {
        return Ok(Transformed::no(LogicalPlan::Join(join)));
    };
    let plan = &subquery.subquery;
    let Some(domain) = Domain::of(plan, &join.left, config)?.filter(|_| is_join) else {
        return Ok(Transformed::no(LogicalPlan::Join(join)));
    };
    // DataFusion has no condition on the pairs of a LEFT JOIN LATERAL
    let has_condition = join.join_type == JoinType::Left
        && join.filter.as_ref().is_some_and(|filter| !matches!(filter, Expr::Literal(..)))
        && !domain.has_only_parameters(plan)?;
    if !has_condition && !domain.is_needed(plan, Place::Lateral)? {
        return Ok(Transformed::no(LogicalPlan::Join(join)));
    }
    let Some(found) = domain.join(plan, false)? else {
        return Ok(Transformed::no(LogicalPlan::Join(join)));
    };
    let columns = columns_of(plan).into_iter().chain(found.keys.iter().cloned().map(Expr::Column));
    let mut right = LogicalPlanBuilder::from(found.plan).project(columns)?;
    let mut keys = found.keys;
    if let Some(alias) = alias {
        right = right.alias(alias.clone())?;
        keys = keys.into_iter().map(|key| Column::new(Some(alias.clone()), key.name)).collect();
    }
    let outer = domain.columns.iter().map(|(_, column)| Expr::Column(column.clone()));
    let on = outer.zip(keys.into_iter().map(Expr::Column)).collect();
    let shown: Vec<Expr> = join.schema.iter().map(Expr::from).collect();
    let plan = LogicalPlan::Join(Join::try_new(
        join.left,
        Arc::new(right.build()?),
        on,
        join.filter,
        join.join_type,
        join.join_constraint,
        NullEquality::NullEqualsNull,
        false,
    )?);
    LogicalPlanBuilder::from(plan).project(shown)?.build().map(Transformed::yes)
}

fn correlated(plan: LogicalPlan) -> Subquery {
    let outer_ref_columns = plan.all_out_ref_exprs();
    Subquery { subquery: Arc::new(plan), outer_ref_columns, spans: Spans::new() }
}

/// The subquery with its conditions on the outer row on top, if it needs that.
fn rewrite(
    plan: &LogicalPlan,
    outer: &LogicalPlan,
    place: Place,
    config: &dyn OptimizerConfig,
) -> Result<Option<LogicalPlan>> {
    let Some(domain) = Domain::of(plan, outer, config)? else { return Ok(None) };
    if !domain.is_needed(plan, place)? {
        return Ok(None);
    }
    let Some(found) = domain.join(plan, false)? else { return Ok(None) };
    domain.correlated(found, plan)
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

    #[test]
    fn lateral_subqueries_aggregate_and_have_conditions() {
        check_rows(
            "SELECT o.id, l.n FROM o JOIN LATERAL (SELECT count(*) AS n FROM t WHERE t.id > o.id AND t.k = o.k) l ON true",
            &["1 1", "2 1", "3 0"],
        );
        check_rows(
            "SELECT o.id, l.id FROM o LEFT JOIN LATERAL (SELECT id FROM t WHERE t.id > o.id) l ON l.id > 3",
            &["1 4", "2 4", "3 4"],
        );
        check_rows(
            "SELECT o.id, l.id FROM o LEFT JOIN LATERAL (SELECT id FROM t WHERE t.k = o.k) l ON l.id > 1",
            &["1 2", "2 3", "3 NULL"],
        );
    }

    #[test]
    fn subqueries_are_limited_inside_of_others() {
        check_rows(
            "SELECT id, (SELECT sum(q.id) FROM (SELECT id FROM t WHERE t.k = o.k ORDER BY id DESC LIMIT 1) q) FROM o",
            &["1 2", "2 3", "3 NULL"],
        );
    }

    #[test]
    fn conditions_on_the_outer_row_stay_inside() {
        check_rows(
            "SELECT id, (SELECT t.id FROM t WHERE t.id = o.id AND o.is_odd) AS v FROM o",
            &["1 1", "2 NULL", "3 3"],
        );
        check_rows(
            "SELECT id, (SELECT count(*) FROM t WHERE t.id = o.id GROUP BY x) FROM o",
            &["1 1", "2 1", "3 1"],
        );
    }
}
