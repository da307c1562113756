//! The probe: can these keys reach the scans of that side?

use std::sync::Arc;

use datafusion::arrow::datatypes::Field;
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{Expr, ExprSchemable, Filter, LogicalPlan};
use datafusion::optimizer::push_down_filter::PushDownFilter;
use datafusion::optimizer::{Optimizer, OptimizerContext};

use super::super::bind_node::used_slots;
use super::super::resolve_scans::resolve_scans;
use super::super::truth;
use super::{bind_part, has_needy_scan, unbound_parameters};
use crate::predicate::bindings::{SlotId, bare, has_slot, slot_name};

/// The fed side, and the expression that fills each slot.
type Probe = (LogicalPlan, Vec<(SlotId, Expr)>);

/// The fed side with its slots pushed into the scans, and the keys that fill them. `None` when some
/// scan still lacks parameters.
pub(super) fn probe(
    side: &LogicalPlan,
    pairs: &[(Expr, Expr)],
    slots: &mut SlotId,
) -> Result<Option<Probe>> {
    let mut predicates = Vec::new();
    let mut keys = Vec::new();
    for (driver, fed) in pairs {
        let column = bare(fed);
        if !matches!(column, Expr::Column(_)) {
            continue;
        }
        *slots += 1;
        let kind = column.get_type(side.schema())?;
        let field = Arc::new(Field::new("key", kind, true));
        let placeholder =
            Expr::Placeholder(Placeholder::new_with_field(slot_name(*slots), Some(field)));
        predicates.push(column.clone().eq(placeholder));
        keys.push((*slots, bare_key(driver)));
    }
    let Some(predicate) = conjunction(predicates) else { return Ok(None) };
    let plan = LogicalPlan::Filter(Filter::try_new(predicate, Arc::new(side.clone()))?);
    let rules = Optimizer::with_rules(vec![Arc::new(PushDownFilter::new())]);
    let plan = rules.optimize(plan, &OptimizerContext::new(), |_, _| {})?;
    let plan = without_leftovers(plan)?;
    // joins inside the fed side may feed each other, now that some of them have their keys
    let plan = bind_part(plan, slots)?;
    if has_needy_scan(&plan)? {
        return Ok(None);
    }
    // lists that need no key get one only if they cannot be compared with it
    if !has_needy_scan(side)? {
        let before = unbound_parameters(side)?;
        if unbound_parameters(&plan)?.len() >= before.len() {
            return Ok(None);
        }
    }
    let plan = resolve_scans(plan)?;
    truth::check(&plan)?;
    let used = used_slots(&plan)?;
    let keys: Vec<(SlotId, Expr)> =
        keys.into_iter().filter(|(slot, _)| used.contains(slot)).collect();
    if keys.is_empty() {
        return Ok(None);
    }
    Ok(Some((plan, keys)))
}

/// A key without casts that type coercion put there to compare it: the value itself is sent.
fn bare_key(expr: &Expr) -> Expr {
    match bare(expr) {
        column @ Expr::Column(_) => column.clone(),
        _ => expr.clone(),
    }
}

/// The join compares again, so what is left of slot predicates above the scans goes.
fn without_leftovers(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up(|node| {
        let LogicalPlan::Filter(filter) = node else { return Ok(Transformed::no(node)) };
        let kept: Vec<Expr> = split_conjunction(&filter.predicate)
            .into_iter()
            .filter(|predicate| !has_slot(predicate))
            .cloned()
            .collect();
        Ok(match conjunction(kept) {
            None => Transformed::yes(Arc::unwrap_or_clone(filter.input)),
            Some(predicate) => {
                Transformed::yes(LogicalPlan::Filter(Filter::try_new(predicate, filter.input)?))
            }
        })
    })
    .map(|done| done.data)
}
