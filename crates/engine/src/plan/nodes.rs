//! What the rewrites of plans have in common.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result, Spans};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan, Subquery};

/// The columns of a plan, as expressions of what stands above it.
pub(super) fn columns_of(plan: &LogicalPlan) -> Vec<Expr> {
    plan.schema().iter().map(Expr::from).collect()
}

/// Keeps the names of what a node gives while its expressions change.
pub(super) fn names_of(node: &LogicalPlan) -> NamePreserver {
    match node {
        LogicalPlan::Projection(_) => NamePreserver::new_for_projection(),
        _ => NamePreserver::new(node),
    }
}

/// The node with the parts of its expressions rewritten, innermost first, its names kept.
///
/// # Errors
/// Those of the rewrite, and of the node's new schema.
pub(super) fn with_parts(
    node: LogicalPlan,
    mut rewrite: impl FnMut(Expr) -> Result<Transformed<Expr>>,
) -> Result<Transformed<LogicalPlan>> {
    let names = names_of(&node);
    let done = node.map_expressions(|expr| {
        let name = names.save(&expr);
        let done = expr.transform_up(&mut rewrite)?;
        Ok(done.update_data(|expr| name.restore(expr)))
    })?;
    if done.transformed {
        return done.data.recompute_schema().map(Transformed::yes);
    }
    Ok(done)
}

/// The only value of a plan of one column.
pub(super) fn scalar(plan: LogicalPlan) -> Expr {
    let outer_ref_columns = plan.all_out_ref_exprs();
    Expr::ScalarSubquery(Subquery {
        subquery: Arc::new(plan),
        outer_ref_columns,
        spans: Spans::new(),
    })
}

/// True if a node of the plan reads rows of a query around it.
pub(super) fn reads_outer(plan: &LogicalPlan) -> Result<bool> {
    plan.exists(|node| Ok(node.contains_outer_reference()))
}
