//! What the rewrites of plans have in common.

use std::sync::Arc;

use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{Column, DFSchema, Result, ScalarValue, Spans};
use datafusion_expr::expr::Cast;
use datafusion_expr::expr_rewriter::NamePreserver;
use datafusion_expr::{
    BinaryExpr, Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, Operator, SortExpr,
    Subquery, TableProviderFilterPushDown, WindowFrame, WindowFrameBound, WindowFrameUnits, lit,
};
use datafusion_functions::expr_fn::coalesce;
use datafusion_functions_window::expr_fn::row_number;
use datafusion_optimizer::OptimizerConfig;

/// The columns of a plan, as expressions of what stands above it.
pub fn columns_of(plan: &LogicalPlan) -> Vec<Expr> {
    plan.schema().iter().map(Expr::from).collect()
}

/// Keeps the names of what a node gives while its expressions change.
pub(crate) fn names_of(node: &LogicalPlan) -> NamePreserver {
    match node {
        LogicalPlan::Projection(_) => NamePreserver::new_for_projection(),
        _ => NamePreserver::new(node),
    }
}

/// The node with the parts of its expressions rewritten, innermost first, its names kept.
///
/// # Errors
/// Those of the rewrite, and of the node's new schema.
pub(crate) fn with_parts(
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
pub(crate) fn scalar(plan: LogicalPlan) -> Expr {
    let outer_ref_columns = plan.all_out_ref_exprs();
    Expr::ScalarSubquery(Subquery {
        subquery: Arc::new(plan),
        outer_ref_columns,
        spans: Spans::new(),
    })
}

/// True if a node of the plan reads rows of a query around it.
pub(crate) fn reads_outer(plan: &LogicalPlan) -> Result<bool> {
    plan.exists(|node| Ok(node.contains_outer_reference()))
}

/// True for `=`, `<>`, `<`, `>` and their kin.
pub const fn is_comparison(op: Operator) -> bool {
    matches!(
        op,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}

/// The plan with its rows numbered within their keys, and the column with the number.
pub(crate) fn numbered(
    plan: LogicalPlan,
    keys: &[Column],
    order: &[SortExpr],
    config: &dyn OptimizerConfig,
) -> Result<(LogicalPlan, Column)> {
    let number = row_number()
        .partition_by(keys.iter().cloned().map(Expr::Column).collect())
        .order_by(order.to_vec())
        // without an order the default frame is none
        .window_frame(WindowFrame::new_bounds(
            WindowFrameUnits::Rows,
            WindowFrameBound::Preceding(ScalarValue::UInt64(None)),
            WindowFrameBound::CurrentRow,
        ))
        .build()?;
    let name = config.alias_generator().next("__rank");
    let shown = columns_of(&plan);
    let label = number.schema_name().to_string();
    let plan = LogicalPlanBuilder::from(plan).window([number])?;
    let rank = Expr::Column(Column::from_name(label)).alias(&name);
    let plan = plan.project(shown.into_iter().chain([rank]))?.build()?;
    Ok((plan, Column::from_name(name)))
}

/// The sides of `inner = outer`.
pub(crate) fn compared(condition: &Expr) -> Option<(&Expr, &Expr)> {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition else {
        return None;
    };
    let is_outer = |expr: &Expr| expr.contains_outer() && expr.column_refs().is_empty();
    let is_inner = |expr: &Expr| !expr.contains_outer() && !expr.column_refs().is_empty();
    match (left.as_ref(), right.as_ref()) {
        (inner, outer) | (outer, inner) if is_inner(inner) && is_outer(outer) => {
            Some((inner, outer))
        }
        _ => None,
    }
}

/// True if some scan of the plan takes over an equality on the column.
pub(crate) fn is_parameter(plan: &LogicalPlan, value: &Expr) -> Result<bool> {
    let Expr::Column(column) = value else { return Ok(false) };
    let equality = Expr::Column(Column::from_name(&column.name)).eq(lit("x"));
    let mut is_one = false;
    plan.apply(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && scan.source.schema().field_with_name(&column.name).is_ok()
        {
            let answer = scan.source.supports_filters_pushdown(&[&equality])?;
            is_one |= answer.first() == Some(&TableProviderFilterPushDown::Exact);
        }
        Ok(if is_one { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(is_one)
}

/// True for `inner column = outer value`, which groups are made by.
pub(crate) fn is_key(condition: &Expr) -> bool {
    let is_column = |expr: &Expr| match expr {
        Expr::Column(_) => true,
        Expr::Cast(Cast { expr, .. }) => matches!(expr.as_ref(), Expr::Column(_)),
        _ => false,
    };
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            (is_column(left) && right.column_refs().is_empty())
                || (is_column(right) && left.column_refs().is_empty())
        }
        _ => false,
    }
}

/// The value, or zero for NULL.
pub(crate) fn or_zero(value: Expr, zero: &ScalarValue) -> Expr {
    coalesce(vec![value, lit(zero.clone())])
}

/// True if the plan reads rows that are not its own; its LATERAL subqueries read its own.
pub(crate) fn reads_further(plan: &LogicalPlan) -> Result<bool> {
    let is_own = |expr: &Expr| match expr {
        Expr::OuterReferenceColumn(_, column) => {
            plan.exists(|node| Ok(node.schema().has_column(column))).unwrap_or(false)
        }
        _ => true,
    };
    let mut reads = false;
    plan.apply(|node| {
        if let LogicalPlan::Subquery(subquery) = node {
            reads |= !subquery.outer_ref_columns.iter().all(is_own);
            return Ok(TreeNodeRecursion::Jump);
        }
        reads |= node.contains_outer_reference();
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(reads)
}

/// The plan under an alias of its own, if a column of it has the name of a column outside: a condition
/// that compares the two would compare the column with itself.
pub(crate) fn with_own_alias(
    plan: &Arc<LogicalPlan>,
    outer: &DFSchema,
    config: &dyn OptimizerConfig,
) -> Result<Option<Arc<LogicalPlan>>> {
    if !plan.schema().columns().iter().any(|column| outer.has_column(column)) {
        return Ok(None);
    }
    let alias = config.alias_generator().next("__list");
    // the name of an expression would be taken apart again
    let values = plan.schema().iter().enumerate();
    let values =
        values.map(|(position, field)| Expr::from(field).alias(format!("value_{position}")));
    let values: Vec<Expr> = values.collect();
    let plan = LogicalPlanBuilder::from(Arc::clone(plan)).project(values)?.alias(alias)?.build()?;
    Ok(Some(Arc::new(plan)))
}
