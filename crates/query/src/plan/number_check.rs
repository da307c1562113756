//! Text that is no number, where a column of numbers is compared with it.
//!
//! The cast would fail later, in words that do not name the column.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{ExprSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Filter, LogicalPlan};
use strataql_diag::{Code, Report};
use strataql_rewrites::is_comparison;

use crate::error::external;
use crate::resource_table::table_of;

/// Refuses such comparisons in the filters of a plan, subqueries included.
///
/// # Errors
/// `bad-param-value` if the column is a parameter of a resource, else `bad-value`.
pub(crate) fn check_numbers(plan: &LogicalPlan) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Filter(filter) = node {
            check_filter(filter)?;
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .map(drop)
}

fn check_filter(filter: &Filter) -> Result<()> {
    let schema = filter.input.schema();
    filter.predicate.apply(|expr| {
        let pairs: Vec<(&Expr, &Expr)> = match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(*op) => {
                vec![(&**left, &**right), (&**right, &**left)]
            }
            Expr::InList(InList { expr, list, .. }) => {
                list.iter().map(|item| (&**expr, item)).collect()
            }
            Expr::Between(Between { expr, low, high, .. }) => {
                vec![(&**expr, &**low), (&**expr, &**high)]
            }
            _ => Vec::new(),
        };
        for (column, value) in pairs {
            let (Expr::Column(column), Expr::Literal(ScalarValue::Utf8(Some(text)), _)) =
                (column, value)
            else {
                continue;
            };
            let is_number =
                schema.field_from_column(column).is_ok_and(|field| field.data_type().is_numeric());
            if is_number && text.trim().parse::<f64>().is_err() {
                let code = if is_parameter(&filter.input, &column.name) {
                    Code::BadParamValue
                } else {
                    Code::BadValue
                };
                return Err(external(Box::new(
                    Report::new(
                        code,
                        format!("`{}` is a number, and '{text}' is none", column.name),
                    )
                    .with_help(format!("compare `{}` with a number", column.name)),
                )));
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// True if a resource below the node has a parameter of that name.
fn is_parameter(plan: &LogicalPlan, name: &str) -> bool {
    plan.exists(|node| {
        let LogicalPlan::TableScan(scan) = node else { return Ok(false) };
        Ok(table_of(scan).is_some_and(|table| table.is_parameter(name)))
    })
    .unwrap_or(false)
}
