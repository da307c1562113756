//! Correlated subqueries that compare two columns of one name.
//!
//! DataFusion makes a join of such a subquery, and gives its columns the alias of the whole:
//! `a.id = o.x AND b.id = o.y` becomes `sq.id = o.x AND sq.id = o.y`, and one column answers for both.
//! The same befalls a compared column whose name is that of a result. Here, where names meet, each
//! compared column gets a name of its own first.

use std::sync::Arc;

use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{Column, Result};
use datafusion_expr::utils::{conjunction, split_conjunction};
use datafusion_expr::{Expr, Filter, LogicalPlan, LogicalPlanBuilder, Subquery};
use datafusion_optimizer::OptimizerConfig;

use crate::correction::{Apply, Correction};
use crate::nodes::columns_of;

pub(crate) const CORRECTION: Correction = Correction {
    name: "compared_names",
    datafusion: "55.2",
    example: "SELECT id FROM o WHERE EXISTS (SELECT 1 FROM t a JOIN t b ON a.id < b.id WHERE a.x = o.x AND b.x = o.id + 1)",
    apply: Apply::Logical(apply),
};

/// Gives compared columns of a plan's subqueries names of their own, where names meet.
fn apply(plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Subquery(subquery) if names_meet(&subquery)? => {
            let plan = Arc::unwrap_or_clone(subquery.subquery);
            let done = plan.transform_up(|node| match node {
                LogicalPlan::Filter(filter) if filter.predicate.contains_outer() => {
                    with_own_names(filter, config).map(Transformed::yes)
                }
                other => Ok(Transformed::no(other)),
            })?;
            let subquery = Subquery { subquery: Arc::new(done.data), ..subquery };
            Ok(Transformed::yes(LogicalPlan::Subquery(subquery)))
        }
        other => Ok(Transformed::no(other)),
    })
}

/// True if two columns of one name are compared with the outer row, or if a compared column has the
/// name of something else that the subquery gives.
fn names_meet(subquery: &Subquery) -> Result<bool> {
    if subquery.outer_ref_columns.is_empty() {
        return Ok(false);
    }
    // with the filter that compares them
    let mut compared: Vec<(usize, Column)> = Vec::new();
    let mut given: Vec<(String, Option<Column>)> = Vec::new();
    let mut filters = 0;
    subquery.subquery.apply(|node| {
        match node {
            LogicalPlan::Subquery(_) => return Ok(TreeNodeRecursion::Jump),
            LogicalPlan::Filter(filter) => {
                filters += 1;
                let own = split_conjunction(&filter.predicate);
                let own = own.into_iter().filter(|condition| condition.contains_outer());
                compared.extend(
                    own.flat_map(Expr::column_refs).map(|column| (filters, column.clone())),
                );
            }
            LogicalPlan::Projection(projection) => {
                given.extend(projection.expr.iter().map(|expr| match expr {
                    Expr::Column(column) => (column.name.clone(), Some(column.clone())),
                    other => (other.schema_name().to_string(), None),
                }));
            }
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    let columns = subquery.subquery.schema().columns();
    given.extend(columns.into_iter().map(|column| (column.name.clone(), Some(column))));
    Ok(compared.iter().any(|(filter, column)| {
        compared.iter().any(|(other_filter, other)| {
            other.name == column.name && (other != column || other_filter != filter)
        }) || given
            .iter()
            .any(|(name, other)| *name == column.name && other.as_ref() != Some(column))
    }))
}

/// The filter, with the columns that it compares with the outer row under names of their own.
fn with_own_names(filter: Filter, config: &dyn OptimizerConfig) -> Result<LogicalPlan> {
    let shown = columns_of(&filter.input);
    let mut own: Vec<(Column, String)> = Vec::new();
    let mut conditions = Vec::new();
    for condition in split_conjunction(&filter.predicate) {
        let condition = condition.clone();
        if !condition.contains_outer() {
            conditions.push(condition);
            continue;
        }
        let renamed = condition.transform_up(|expr| {
            let Expr::Column(column) = expr else { return Ok(Transformed::no(expr)) };
            let known = own.iter().find(|(known, _)| *known == column);
            let name = match known {
                Some((_, name)) => name.clone(),
                None => {
                    let name = config.alias_generator().next("__compared");
                    own.push((column, name.clone()));
                    name
                }
            };
            Ok(Transformed::yes(Expr::Column(Column::from_name(name))))
        })?;
        conditions.push(renamed.data);
    }
    let more = own.into_iter().map(|(column, name)| Expr::Column(column).alias(name));
    let input = LogicalPlanBuilder::from(Arc::unwrap_or_clone(filter.input))
        .project(shown.iter().cloned().chain(more))?
        .build()?;
    let mut plan = LogicalPlanBuilder::from(input);
    if let Some(predicate) = conjunction(conditions) {
        plan = plan.filter(predicate)?;
    }
    plan.project(shown)?.build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check;

    #[test]
    fn datafusion_needs_it() {
        check(&CORRECTION, &["1"]);
    }
}
