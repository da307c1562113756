//! LIMIT in a correlated subquery over a resource: where the bind join meets it once per key, and where the
//! rows are numbered within their keys.
//!
//! Where the resource needs the compared parameter, one call per key brings its rows, and the limit ends
//! the call. Any other comparison is one of rows: the list is read once, and a correction numbers its rows.
//! That correction leaves out columns that a scan takes over; a column in a cast is none.

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, Filter, LogicalPlan, Operator, Subquery, cast,
};

use crate::resource_table::table_of;

/// Marks such comparisons in a plan.
pub(crate) fn rank_by_free_keys(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| {
        if let LogicalPlan::Subquery(subquery) = node {
            let done = of_subquery(&subquery, false)?;
            return Ok(match done {
                Some(subquery) => Transformed::yes(LogicalPlan::Subquery(subquery)),
                None => Transformed::no(LogicalPlan::Subquery(subquery)),
            });
        }
        if !matches!(node, LogicalPlan::Filter(_)) {
            return Ok(Transformed::no(node));
        }
        // a condition has no place for a join that meets the limit
        node.map_expressions(|expr| {
            expr.transform_up(|expr| {
                let Expr::ScalarSubquery(subquery) = &expr else {
                    return Ok(Transformed::no(expr));
                };
                Ok(match of_subquery(subquery, true)? {
                    Some(subquery) => Transformed::yes(Expr::ScalarSubquery(subquery)),
                    None => Transformed::no(expr),
                })
            })
        })
    })
    .map(|done| done.data)
}

fn of_subquery(subquery: &Subquery, all: bool) -> Result<Option<Subquery>> {
    let plan = subquery.subquery.as_ref();
    if subquery.outer_ref_columns.is_empty()
        || !plan.exists(|node| Ok(matches!(node, LogicalPlan::Limit(_))))?
    {
        return Ok(None);
    }
    let done = plan.clone().transform_up(|node| match node {
        LogicalPlan::Filter(filter) if filter.predicate.contains_outer() => of_filter(filter, all),
        other => Ok(Transformed::no(other)),
    })?;
    let plan = done.transformed.then(|| std::sync::Arc::new(done.data));
    Ok(plan.map(|plan| Subquery { subquery: plan, ..subquery.clone() }))
}

fn of_filter(filter: Filter, all: bool) -> Result<Transformed<LogicalPlan>> {
    let mut is_changed = false;
    let conditions = split_conjunction(&filter.predicate).into_iter().map(|condition| {
        let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition else {
            return Ok(condition.clone());
        };
        let ((column @ Expr::Column(_), outer) | (outer, column @ Expr::Column(_))) =
            (left.as_ref(), right.as_ref())
        else {
            return Ok(condition.clone());
        };
        let is_key = matches!(outer, Expr::OuterReferenceColumn(..));
        if !outer.contains_outer() || (!all && is_key && is_needed(&filter.input, column)?) {
            return Ok(condition.clone());
        }
        is_changed = true;
        let kind = column.get_type(filter.input.schema())?;
        Ok(cast(column.clone(), kind).eq(outer.clone()))
    });
    let conditions = conditions.collect::<Result<Vec<Expr>>>()?;
    Ok(match conjunction(conditions) {
        Some(predicate) if is_changed => {
            Transformed::yes(LogicalPlan::Filter(Filter::try_new(predicate, filter.input)?))
        }
        _ => Transformed::no(LogicalPlan::Filter(filter)),
    })
}

/// True if the column is a parameter of a resource that cannot be listed without it, or that is no column
/// of its rows.
fn is_needed(plan: &LogicalPlan, column: &Expr) -> Result<bool> {
    let Expr::Column(column) = column else { return Ok(false) };
    plan.exists(|node| {
        let LogicalPlan::TableScan(scan) = node else { return Ok(false) };
        let Some(table) = table_of(scan) else { return Ok(false) };
        let resource = &table.resource;
        let requires = |name: &str| {
            resource
                .select_methods()
                .all(|method| method.input(name).is_some_and(|input| input.required))
        };
        let name = column.name.as_str();
        Ok(table.is_parameter(name) && (!resource.is_column(name) || requires(name)))
    })
}
