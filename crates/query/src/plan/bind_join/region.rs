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
use super::{
    Parts, bind_part, conditions, has_needy_scan, is_covered, node, pairs, takes_keys,
    unbound_parameters,
};
use crate::predicate::bindings::{SlotId, bare};

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
    let mut needs_keys = false;
    for leaf in &leaves {
        needs_keys |= has_needy_scan(leaf)?;
    }
    let mut rest = carried(leaves, &open)?
        .into_iter()
        .map(|leaf| bind_part(leaf, slots))
        .collect::<Result<Vec<LogicalPlan>>>()?;
    let start = match first_without_keys(&rest)? {
        Some(start) => start,
        None => match first_sufficient(&rest)? {
            Some(start) => start,
            None => return Ok(None),
        },
    };
    let mut is_fed = false;
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
        is_fed |= fed.is_some();
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
    if !is_fed && !needs_keys {
        return Ok(None);
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
        if !takes_keys(leaf)? {
            if !pairs.is_empty() {
                return Ok(Some((position, None)));
            }
            continue;
        }
        if !waits(leaf, joined, open)?
            && let Some(fed) = probe(leaf, &pairs, slots)?
        {
            return Ok(Some((position, Some(fed))));
        }
    }
    if let Some(position) = first_without_keys(rest)? {
        return Ok(Some((position, None)));
    }
    for (position, leaf) in rest.iter().enumerate() {
        let pairs = pairs(open, joined.schema(), leaf.schema());
        if let Some(fed) = probe(leaf, &pairs, slots)? {
            return Ok(Some((position, Some(fed))));
        }
    }
    Ok(first_sufficient(rest)?.map(|position| (position, None)))
}

/// True if a leaf that is not joined yet has the value of a parameter that nothing else gives one.
fn waits(leaf: &LogicalPlan, joined: &LogicalPlan, open: &[Expr]) -> Result<bool> {
    let lacking = unbound_parameters(leaf)?;
    Ok(open.iter().any(|condition| {
        let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition else {
            return false;
        };
        [(left, right), (right, left)].into_iter().any(|(own, other)| {
            matches!(bare(own), Expr::Column(column)
                if leaf.schema().has_column(column) && lacking.contains(&column.name))
                && !is_covered(other, joined.schema())
                && !is_covered(other, leaf.schema())
        })
    }))
}

/// The first leaf that takes no keys.
fn first_without_keys(leaves: &[LogicalPlan]) -> Result<Option<usize>> {
    for (position, leaf) in leaves.iter().enumerate() {
        if !takes_keys(leaf)? {
            return Ok(Some(position));
        }
    }
    Ok(None)
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
