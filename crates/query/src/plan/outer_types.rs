//! Columns of the outer query whose type changes when types are coerced.
//!
//! `(SELECT … WHERE t.x = u.p) … FROM (SELECT CASE WHEN c THEN small ELSE big END AS p …) u`: the planner notes
//! the type of `u.p` where the subquery reads it, and at that time it is that of `small`. Coercion makes the
//! column as wide as `big`, the note stays, and the comparison becomes a join of keys of two types.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ExprSchema, Result};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, LogicalPlan, Subquery};
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::analyzer::type_coercion::TypeCoercion;

/// Coerces types and notes them again, if that changes the type of a column that a subquery reads.
///
/// # Errors
/// Those of schemas.
pub(crate) fn note_outer_types(plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
    if !has_correlation(&plan)? {
        return Ok(plan);
    }
    // what cannot be coerced yet is refused later
    let Ok(coerced) = TypeCoercion::new().analyze(plan.clone(), config) else {
        return Ok(plan);
    };
    let noted = noted(coerced, &mut Vec::new())?;
    Ok(if noted.transformed { noted.data } else { plan })
}

fn has_correlation(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found |= node.contains_outer_reference();
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// A plan whose columns of outer queries have the types of those. `around` are the inputs of the queries
/// around it, the innermost last.
fn noted(plan: LogicalPlan, around: &mut Vec<DFSchema>) -> Result<Transformed<LogicalPlan>> {
    plan.transform_up(|node| {
        let own =
            node.map_expressions(|expr| expr.transform_up(|part| Ok(retyped(part, around))))?;
        let inputs = merge_schema(&own.data.inputs());
        let is_changed = own.transformed;
        let inner = own.data.map_subqueries(|plan| {
            let LogicalPlan::Subquery(subquery) = plan else { return Ok(Transformed::no(plan)) };
            around.push(inputs.clone());
            let done = noted(Arc::unwrap_or_clone(subquery.subquery), around);
            let columns = subquery.outer_ref_columns.into_iter();
            let columns = columns.map(|column| retyped(column, around).data).collect();
            around.pop();
            done?.map_data(|plan| {
                Ok(LogicalPlan::Subquery(Subquery {
                    subquery: Arc::new(plan),
                    outer_ref_columns: columns,
                    spans: subquery.spans,
                }))
            })
        })?;
        let is_changed = is_changed || inner.transformed;
        let node = if is_changed { inner.data.recompute_schema()? } else { inner.data };
        Ok(if is_changed { Transformed::yes(node) } else { Transformed::no(node) })
    })
}

fn retyped(expr: Expr, around: &[DFSchema]) -> Transformed<Expr> {
    let Expr::OuterReferenceColumn(field, column) = expr else { return Transformed::no(expr) };
    let found = around.iter().rev().find_map(|schema| schema.field_from_column(&column).ok());
    match found {
        Some(found) if found.data_type() != field.data_type() => {
            let field = field.as_ref().clone().with_data_type(found.data_type().clone());
            Transformed::yes(Expr::OuterReferenceColumn(Arc::new(field), column))
        }
        _ => Transformed::no(Expr::OuterReferenceColumn(field, column)),
    }
}
