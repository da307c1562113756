//! The truth check: a parameter that has no value is not a column that is NULL.
//!
//! A parameter-only column that the chosen method was not given has no value. A predicate on it
//! would silently drop every row, so it is an error that names the parameter and the shapes that
//! work.

use std::collections::BTreeSet;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Column, Result, TableReference};
use datafusion::logical_expr::{Expr, LogicalPlan};
use strataql_diag::{Code, Report};

use super::bind_node::BindJoinNode;
use crate::error::external;
use crate::resource::is_hidden;
use crate::resource_table::{ResourceTable, table_of};

/// A column without a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Valueless {
    relation: Option<String>,
    name: String,
    resource: String,
}

/// Checks a resolved plan.
///
/// # Errors
/// `missing-param` for the first predicate on a parameter without a value.
pub(crate) fn check(plan: &LogicalPlan) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        if matches!(
            node,
            LogicalPlan::Filter(_)
                | LogicalPlan::Join(_)
                | LogicalPlan::Aggregate(_)
                | LogicalPlan::Window(_)
                | LogicalPlan::Extension(_)
        ) {
            let valueless: BTreeSet<Valueless> = sides_of(node).flat_map(valueless_of).collect();
            if !valueless.is_empty() {
                for expr in node.expressions() {
                    check_expr(&expr, &valueless)?;
                }
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// The inputs of a node, and the side of a bind join that is fed.
fn sides_of(node: &LogicalPlan) -> impl Iterator<Item = &LogicalPlan> {
    let fed = match node {
        LogicalPlan::Extension(extension) => {
            extension.node.as_any().downcast_ref::<BindJoinNode>().map(|join| &join.template)
        }
        _ => None,
    };
    node.inputs().into_iter().chain(fed)
}

fn check_expr(expr: &Expr, valueless: &BTreeSet<Valueless>) -> Result<()> {
    for column in expr.column_refs().into_iter().collect::<BTreeSet<_>>() {
        if let Some(found) = valueless.iter().find(|candidate| names(candidate, column)) {
            return Err(external(Box::new(
                Report::new(
                    Code::MissingParam,
                    format!(
                        "`{}` is a parameter of `{}` that this condition gives no value",
                        found.name, found.resource
                    ),
                )
                .with_help(format!(
                    "write it as `{0} = '…'` or `{0} IN ('…', …)`, joined to the rest with AND",
                    found.name
                ))
                .with_note(
                    "it is no column of the answer, so no other condition on it can be checked",
                ),
            )));
        }
    }
    Ok(())
}

fn names(valueless: &Valueless, column: &Column) -> bool {
    valueless.name == column.name
        && match &column.relation {
            Some(relation) => valueless.relation == Some(relation.to_string()),
            None => true,
        }
}

/// Columns of a plan's output that have no value.
fn valueless_of(plan: &LogicalPlan) -> BTreeSet<Valueless> {
    match plan {
        LogicalPlan::TableScan(scan) => match table_of(scan) {
            Some(table) => scan
                .projected_schema
                .iter()
                .filter(|(_, field)| is_hidden(field) && !has_value(&table, field.name()))
                .map(|(relation, field)| Valueless {
                    relation: relation.map(TableReference::to_string),
                    name: field.name().clone(),
                    resource: table.resource.dotted(),
                })
                .collect(),
            None => BTreeSet::new(),
        },
        LogicalPlan::SubqueryAlias(alias) => valueless_of(&alias.input)
            .into_iter()
            .map(|inner| Valueless { relation: Some(alias.alias.to_string()), ..inner })
            .collect(),
        LogicalPlan::Projection(projection) => {
            let inner = valueless_of(&projection.input);
            if inner.is_empty() {
                return inner;
            }
            let outputs = projection.schema.iter().zip(&projection.expr);
            outputs
                .filter_map(|((relation, field), expr)| {
                    let Expr::Column(column) = crate::predicate::bindings::bare(expr) else {
                        return None;
                    };
                    let found = inner.iter().find(|candidate| names(candidate, column))?;
                    Some(Valueless {
                        relation: relation.map(TableReference::to_string),
                        name: field.name().clone(),
                        resource: found.resource.clone(),
                    })
                })
                .collect()
        }
        other => sides_of(other).flat_map(valueless_of).collect(),
    }
}

fn has_value(table: &ResourceTable, name: &str) -> bool {
    table.call.as_ref().is_some_and(|call| call.bindings.contains_key(name))
}
