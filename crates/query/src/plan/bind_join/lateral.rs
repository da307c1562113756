//! `LATERAL (SELECT … LIMIT n)`: a subquery that DataFusion cannot turn into a plain join, because
//! its rows are counted for each row of the other side.
//!
//! Its plan is the fed side as it stands: the columns it reads from outside become keys, and the
//! limit is met once per key.
//! Refuses: a column from outside that no scan takes as a parameter. Nothing compares it again here.

use std::sync::Arc;

use datafusion::arrow::datatypes::FieldRef;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinType, Result};
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::{Expr, Join, LogicalPlan};
use datafusion::optimizer::push_down_filter::PushDownFilter;
use datafusion::optimizer::{Optimizer, OptimizerContext};

use super::super::bind_node::used_slots;
use super::super::resolve_scans::{resolve_scans, takes_all_slots};
use super::super::truth;
use super::{Keep, Parts, bind_part, conditions, has_needy_scan, node};
use crate::predicate::bindings::{SlotId, has_slot, slot_name};

/// True if the right side reads columns of the left.
pub(super) fn is_lateral(join: &Join) -> Result<bool> {
    join.right.exists(|node| {
        Ok(matches!(node, LogicalPlan::Subquery(subquery) if !subquery.outer_ref_columns.is_empty()))
    })
}

/// The join with its right side fed; `None` when that cannot be.
pub(super) fn feed(join: &Join, slots: &mut SlotId) -> Result<Option<LogicalPlan>> {
    let driver = bind_part(join.left.as_ref().clone(), slots)?;
    let mut keys: Vec<(SlotId, Column)> = Vec::new();
    let side = join.right.as_ref().clone().transform_down(|plan| {
        let plan = match plan {
            LogicalPlan::Subquery(subquery) => Arc::unwrap_or_clone(subquery.subquery),
            other => other,
        };
        let keyed =
            plan.map_expressions(|expr| expr.transform(|expr| keyed(expr, &mut keys, slots)))?;
        Ok(Transformed::yes(keyed.data))
    })?;
    if keys.iter().any(|(_, column)| !driver.schema().has_column(column)) {
        return Ok(None);
    }
    let rules = Optimizer::with_rules(vec![Arc::new(PushDownFilter::new())]);
    let plan = rules.optimize(side.data, &OptimizerContext::new(), |_, _| {})?;
    let plan = bind_part(plan, slots)?;
    if has_needy_scan(&plan)? {
        return Ok(None);
    }
    let template = resolve_scans(plan)?;
    truth::check(&template)?;
    if !is_fed_by_scans(&template)? {
        return Ok(None);
    }
    let used = used_slots(&template)?;
    let keys: Vec<(SlotId, Expr)> = keys
        .into_iter()
        .filter(|(slot, _)| used.contains(slot))
        .map(|(slot, column)| (slot, Expr::Column(column)))
        .collect();
    if keys.is_empty() {
        return Ok(None);
    }
    let keep = if join.join_type == JoinType::Left { Keep::Left } else { Keep::Inner };
    let conditions = conditions(join);
    let schema = Arc::clone(&join.schema);
    Ok(Some(node(Parts { driver, template, keys, conditions, keep, at_most_one: false, schema })))
}

/// A column from outside as the slot of its key.
fn keyed(
    expr: Expr,
    keys: &mut Vec<(SlotId, Column)>,
    slots: &mut SlotId,
) -> Result<Transformed<Expr>> {
    let Expr::OuterReferenceColumn(field, column) = expr else { return Ok(Transformed::no(expr)) };
    let known = keys.iter().find(|(_, known)| *known == column).map(|(slot, _)| *slot);
    let slot = known.unwrap_or_else(|| {
        *slots += 1;
        keys.push((*slots, column));
        *slots
    });
    let field: FieldRef = field;
    let placeholder = Placeholder::new_with_field(slot_name(slot), Some(field));
    Ok(Transformed::yes(Expr::Placeholder(placeholder)))
}

/// True if keys are read by scans alone, each as a parameter that needs no further check.
fn is_fed_by_scans(plan: &LogicalPlan) -> Result<bool> {
    let mut is_fed = true;
    plan.apply_with_subqueries(|node| {
        is_fed &= match node {
            LogicalPlan::TableScan(scan) => takes_all_slots(scan),
            other => !other.expressions().iter().any(has_slot),
        };
        Ok(if is_fed { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    Ok(is_fed)
}
