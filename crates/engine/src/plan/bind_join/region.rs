//! Inner joins: leaves in any written order, each fed by what is joined before it.

use std::sync::Arc;

use datafusion::common::{JoinType, NullEquality, Result};
use datafusion::logical_expr::logical_plan::builder::build_join_schema;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    BinaryExpr, Expr, Join, JoinConstraint, LogicalPlan, LogicalPlanBuilder, Operator,
};
use strataql_rewrites::columns_of;

use super::super::bind_node::Keep;
use super::super::constants::carried;
use super::lateral::is_lateral;
use super::probe::probe;
use super::{Parts, bind_part, conditions, has_needy_scan, is_covered, node, pairs};
use crate::predicate::bindings::SlotId;

/// Joins the leaves of a region of inner joins. The first leaf that needs nothing starts; then, again
/// and again, the first that is connected by an equality or can be fed; a cross join only when nothing
/// else moves. `None` when some leaf can never be fed.
pub(super) fn rewrite(plan: &LogicalPlan, slots: &mut SlotId) -> Result<Option<LogicalPlan>> {
    let mut leaves = Vec::new();
    let mut open = Vec::new();
    flatten(plan, &mut leaves, &mut open);
    if leaves.len() < 2 {
        return Ok(None);
    }
    let mut rest = carried(leaves, &open)?
        .into_iter()
        .map(|leaf| bind_part(leaf, slots))
        .collect::<Result<Vec<LogicalPlan>>>()?;
    let Some(start) = first_sufficient(&rest)? else { return Ok(None) };
    let mut joined = rest.remove(start);
    while !rest.is_empty() {
        let Some((position, fed)) = next_step(&joined, &rest, &open, slots)? else {
            return Ok(None);
        };
        let leaf = rest.remove(position);
        let schema = Arc::new(build_join_schema(joined.schema(), leaf.schema(), &JoinType::Inner)?);
        let (now, later): (Vec<Expr>, Vec<Expr>) =
            open.into_iter().partition(|condition| is_covered(condition, &schema));
        open = later;
        joined = match fed {
            Some((template, keys)) => node(Parts {
                driver: joined,
                template,
                keys,
                conditions: now,
                keep: Keep::Inner,
                at_most_one: false,
                schema,
            }),
            None => plain_join(joined, leaf, now, schema),
        };
    }
    LogicalPlanBuilder::from(joined).project(columns_of(plan))?.build().map(Some)
}

type Fed = Option<(LogicalPlan, Vec<(SlotId, Expr)>)>;

fn next_step(
    joined: &LogicalPlan,
    rest: &[LogicalPlan],
    open: &[Expr],
    slots: &mut SlotId,
) -> Result<Option<(usize, Fed)>> {
    for (position, leaf) in rest.iter().enumerate() {
        let pairs = pairs(open, joined.schema(), leaf.schema());
        if !has_needy_scan(leaf)? {
            if !pairs.is_empty() {
                return Ok(Some((position, None)));
            }
            continue;
        }
        if let Some(fed) = probe(leaf, &pairs, slots)? {
            return Ok(Some((position, Some(fed))));
        }
    }
    Ok(first_sufficient(rest)?.map(|position| (position, None)))
}

fn first_sufficient(leaves: &[LogicalPlan]) -> Result<Option<usize>> {
    for (position, leaf) in leaves.iter().enumerate() {
        if !has_needy_scan(leaf)? {
            return Ok(Some(position));
        }
    }
    Ok(None)
}

fn plain_join(
    left: LogicalPlan,
    right: LogicalPlan,
    conditions: Vec<Expr>,
    schema: datafusion::common::DFSchemaRef,
) -> LogicalPlan {
    let (equalities, others): (Vec<Expr>, Vec<Expr>) =
        conditions.into_iter().partition(|condition| {
            let is_equality =
                matches!(condition, Expr::BinaryExpr(BinaryExpr { op: Operator::Eq, .. }));
            is_equality
                && !pairs(std::slice::from_ref(condition), left.schema(), right.schema()).is_empty()
        });
    let on = pairs(&equalities, left.schema(), right.schema());
    LogicalPlan::Join(Join {
        left: Arc::new(left),
        right: Arc::new(right),
        on,
        filter: conjunction(others),
        join_type: JoinType::Inner,
        join_constraint: JoinConstraint::On,
        schema,
        null_equality: NullEquality::NullEqualsNothing,
        null_aware: false,
    })
}

/// Leaves and conditions of nested inner joins, looking through projections of plain columns that the
/// optimizer puts between them.
fn flatten(plan: &LogicalPlan, leaves: &mut Vec<LogicalPlan>, open: &mut Vec<Expr>) {
    match plan {
        LogicalPlan::Join(join)
            if join.join_type == JoinType::Inner && !is_lateral(join).unwrap_or(true) =>
        {
            flatten(&join.left, leaves, open);
            flatten(&join.right, leaves, open);
            open.extend(conditions(join));
        }
        LogicalPlan::Projection(projection)
            if projection.expr.iter().all(|expr| matches!(expr, Expr::Column(_)))
                && matches!(projection.input.as_ref(), LogicalPlan::Join(join) if join.join_type == JoinType::Inner) =>
        {
            flatten(&projection.input, leaves, open);
        }
        other => leaves.push(other.clone()),
    }
}
