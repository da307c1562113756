//! Conditions on a parameter in a shape that gives it no value.
//!
//! Owns: finding, for a scan that lacks a parameter, the condition that was meant to give it, so that
//! the error can say which shapes do.

use std::collections::BTreeSet;

use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, Operator};
use strataql_diag::{Code, Report};

use super::resolve_scans::{lacking, shown};

/// A condition that names a lacking parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unusable {
    parameter: String,
    condition: String,
    /// Why it gives no value.
    why: &'static str,
    /// It reads a column of a query around it.
    is_correlated: bool,
}

impl Unusable {
    /// The report with what is wrong about the condition.
    pub(crate) fn explain(self, mut report: Report) -> Report {
        if report.code != Code::MissingParam {
            return report;
        }
        let Self { parameter, condition, why, is_correlated } = self;
        report.help = vec![if is_correlated {
            format!("join the tables instead, with `{parameter}` in ON")
        } else {
            format!(
                "write `{parameter} = '…'` or `{parameter} IN ('…', …)`, joined to the rest with AND"
            )
        }];
        report.notes.insert(0, format!("`{condition}` gives `{parameter}` no value: {why}"));
        report
    }
}

/// The first such condition of a plan.
pub(crate) fn unusable(plan: &LogicalPlan) -> Result<Option<Unusable>> {
    let mut missing: BTreeSet<String> = BTreeSet::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            missing.extend(lacking(scan));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    let mut found = None;
    plan.apply_with_subqueries(|node| {
        let LogicalPlan::Filter(filter) = node else { return Ok(TreeNodeRecursion::Continue) };
        for condition in split_conjunction(&filter.predicate) {
            let columns = condition.column_refs();
            let named = columns.iter().find(|column| missing.contains(&column.name));
            if let Some(column) = named {
                found = Some(Unusable {
                    parameter: column.name.clone(),
                    condition: shown(condition),
                    why: why(condition),
                    is_correlated: is_correlated(condition),
                });
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

fn is_correlated(condition: &Expr) -> bool {
    condition.exists(|expr| Ok(matches!(expr, Expr::OuterReferenceColumn(..)))).unwrap_or(false)
}

fn why(condition: &Expr) -> &'static str {
    if is_correlated(condition) {
        return "this subquery cannot be joined to the query around it";
    }
    if condition.is_volatile() {
        return "its other side may differ from row to row";
    }
    match condition {
        Expr::BinaryExpr(binary) => match binary.op {
            Operator::Or => "OR lets through rows that have any other",
            Operator::Eq => "the parameter itself has to be compared, with a constant",
            _ => "a service is asked for exact values, not for ranges",
        },
        Expr::Like(_) | Expr::SimilarTo(_) => "a service is asked for exact values, not patterns",
        Expr::IsNull(_) | Expr::IsNotNull(_) => "a parameter is what is asked for, never NULL",
        _ => "it does not say which values to ask for",
    }
}
