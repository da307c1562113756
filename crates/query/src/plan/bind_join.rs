//! Joins that feed parameters.
//!
//! Owns: the rewrite of joins (and of `p = (subquery)`) whose other side lacks parameters into bind
//! joins. Runs once, on the optimised plan: decorrelation, outer-to-inner and equality inference are
//! done, and nothing moves our nodes afterwards.
//! Surprise: whether a key can reach a scan is not decided here. The equality is put on top of the
//! other side and DataFusion's own `PushDownFilter` is asked; if the scan then has a method, it could.

mod lateral;
mod probe;
mod region;

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchemaRef, JoinType, NullEquality, Result};
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{
    BinaryExpr, Expr, Extension, Filter, Join, LogicalPlan, LogicalPlanBuilder, Operator,
    binary_expr,
};

use self::probe::probe;
use super::bind_node::{BindJoinNode, Keep};
use super::lateral_keys::is_shown_key;
use super::resolve_scans::{is_needy, methods, resolve_scans, unbound};
use crate::predicate::bindings::SlotId;

/// Rewrites the joins of a plan that feed parameters. What cannot be fed stays as it is: settling
/// reports it.
pub(crate) fn bind_joins(plan: LogicalPlan, slots: &mut SlotId) -> Result<LogicalPlan> {
    if !takes_keys(&plan)? {
        return Ok(plan);
    }
    plan.transform_down_with_subqueries(|node| rewrite(node, slots)).map(|done| done.data)
}

/// As [`bind_joins`], for a part of a plan whose subqueries are handled elsewhere.
fn bind_part(plan: LogicalPlan, slots: &mut SlotId) -> Result<LogicalPlan> {
    plan.transform_down(|node| rewrite(node, slots)).map(|done| done.data)
}

/// True if some scan of the plan has no method with what it is given.
pub(crate) fn has_needy_scan(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && is_needy(scan)
        {
            found = true;
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// Parameters that scans of the plan show and that nothing gives a value so far.
fn unbound_parameters(plan: &LogicalPlan) -> Result<Vec<String>> {
    let mut names = Vec::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            names.extend(unbound(scan));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(names)
}

/// True if some scan of the plan may take a parameter from a join: since it has no method without, or
/// since it shows a parameter that nothing else gives a value.
fn takes_keys(plan: &LogicalPlan) -> Result<bool> {
    Ok(has_needy_scan(plan)? || !unbound_parameters(plan)?.is_empty())
}

fn rewrite(node: LogicalPlan, slots: &mut SlotId) -> Result<Transformed<LogicalPlan>> {
    if let LogicalPlan::Filter(filter) = &node
        && let Some(fed) = scalar_feed(filter, slots)?
    {
        return Ok(Transformed::new(fed, true, TreeNodeRecursion::Jump));
    }
    let LogicalPlan::Join(join) = &node else { return Ok(Transformed::no(node)) };
    if let Some(kind) = mirrored(join.join_type) {
        // the optimizer likes to keep the right side; here the kept side is always the left one
        let swapped = swapped(join, kind)?;
        if swapped.null_aware || !takes_keys(&node)? {
            return Ok(Transformed::no(node));
        }
        let done = rewrite(LogicalPlan::Join(swapped), slots)?;
        return Ok(if done.transformed { done } else { Transformed::no(node) });
    }
    let left_takes = takes_keys(&join.left)?;
    let right_takes = takes_keys(&join.right)?;
    if !left_takes && !right_takes {
        return Ok(Transformed::no(node));
    }
    let rewritten = match join.join_type {
        JoinType::Inner | JoinType::Left if lateral::is_lateral(join)? => {
            lateral::feed(join, slots)?
        }
        JoinType::Inner => region::rewrite(&node, slots)?,
        JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark
            if right_takes && !join.null_aware =>
        {
            match feed_right(join, slots)? {
                None if join.join_type == JoinType::LeftSemi && left_takes => {
                    feed_kept(join, slots)?
                }
                fed => fed,
            }
        }
        JoinType::LeftSemi if left_takes => feed_kept(join, slots)?,
        JoinType::Right if left_takes => feed_swapped(join, slots)?,
        _ => None,
    };
    Ok(match rewritten {
        Some(plan) => Transformed::new(plan, true, TreeNodeRecursion::Jump),
        None => Transformed::no(node),
    })
}

/// The equality pairs and further conditions of a join.
pub(super) fn conditions(join: &Join) -> Vec<Expr> {
    let equality = match join.null_equality {
        NullEquality::NullEqualsNothing => Operator::Eq,
        // set operations compare so
        NullEquality::NullEqualsNull => Operator::IsNotDistinctFrom,
    };
    let pairs = join.on.iter().cloned();
    let mut all: Vec<Expr> =
        pairs.map(|(left, right)| binary_expr(left, equality, right)).collect();
    if let Some(filter) = &join.filter {
        all.extend(split_conjunction(filter).into_iter().filter(|it| !is_shown_key(it)).cloned());
    }
    all
}

/// True if every column of the expression is one of the schema's.
pub(super) fn is_covered(expr: &Expr, schema: &DFSchemaRef) -> bool {
    expr.column_refs().iter().all(|column| schema.has_column(column))
}

/// Equalities between an expression over the driver and one over the other side. A parameter is never
/// NULL, so that it does not matter whether NULLs are equal.
pub(super) fn pairs(
    conditions: &[Expr],
    driver: &DFSchemaRef,
    other: &DFSchemaRef,
) -> Vec<(Expr, Expr)> {
    let is_driver = |expr: &Expr| is_covered(expr, driver) && !expr.column_refs().is_empty();
    conditions
        .iter()
        .filter_map(|condition| {
            let Expr::BinaryExpr(BinaryExpr {
                left,
                op: Operator::Eq | Operator::IsNotDistinctFrom,
                right,
            }) = condition
            else {
                return None;
            };
            if is_driver(left) && is_covered(right, other) {
                return Some((left.as_ref().clone(), right.as_ref().clone()));
            }
            (is_driver(right) && is_covered(left, other))
                .then(|| (right.as_ref().clone(), left.as_ref().clone()))
        })
        .collect()
}

/// What makes a bind join of a driver and a fed side.
pub(super) struct Parts {
    pub(super) driver: LogicalPlan,
    pub(super) template: LogicalPlan,
    pub(super) keys: Vec<(SlotId, Expr)>,
    pub(super) conditions: Vec<Expr>,
    pub(super) keep: Keep,
    pub(super) at_most_one: bool,
    pub(super) schema: DFSchemaRef,
}

/// The node; conditions over the driver alone are checked before a request is made.
pub(super) fn node(parts: Parts) -> LogicalPlan {
    let (slots, keys) = parts.keys.into_iter().unzip();
    let driver_schema = parts.driver.schema();
    let (before, after): (Vec<Expr>, Vec<Expr>) =
        parts.conditions.into_iter().partition(|condition| is_covered(condition, driver_schema));
    LogicalPlan::Extension(Extension {
        node: Arc::new(BindJoinNode {
            driver: parts.driver,
            template: parts.template,
            slots,
            keys,
            driver_check: conjunction(before),
            check: conjunction(after),
            keep: parts.keep,
            at_most_one: parts.at_most_one,
            schema: parts.schema,
        }),
    })
}

/// A side that joins of its own feed, where keys from outside would only lead to other methods: whole
/// lists, joined here, cost fewer requests than a call per key.
fn on_its_own(
    side: &LogicalPlan,
    fed: Option<&LogicalPlan>,
    slots: &mut SlotId,
) -> Result<Option<LogicalPlan>> {
    let alone = bind_part(side.clone(), slots)?;
    if has_needy_scan(&alone)? || (fed.is_some() && !unbound_parameters(&alone)?.is_empty()) {
        return Ok(None);
    }
    let is_same = match fed {
        Some(fed) => methods(fed)? == methods(&resolve_scans(alone.clone())?)?,
        None => false,
    };
    Ok((!is_same).then_some(alone))
}

/// LEFT, SEMI, ANTI and MARK joins whose right side is fed.
fn feed_right(join: &Join, slots: &mut SlotId) -> Result<Option<LogicalPlan>> {
    let driver = bind_part(join.left.as_ref().clone(), slots)?;
    let conditions = conditions(join);
    let pairs = pairs(&conditions, driver.schema(), join.right.schema());
    let probed = probe(&join.right, &pairs, slots)?;
    let template = probed.as_ref().map(|(template, _)| template);
    if has_needy_scan(&join.right)?
        && let Some(right) = on_its_own(&join.right, template, slots)?
    {
        let sides = Join { left: Arc::new(driver), right: Arc::new(right), ..join.clone() };
        return Ok(Some(LogicalPlan::Join(sides)));
    }
    let Some((template, keys)) = probed else { return Ok(None) };
    let keep = match join.join_type {
        JoinType::Left => Keep::Left,
        JoinType::LeftSemi => Keep::Semi,
        JoinType::LeftMark => Keep::Mark,
        _ => Keep::Anti,
    };
    let schema = Arc::clone(&join.schema);
    Ok(Some(node(Parts { driver, template, keys, conditions, keep, at_most_one: false, schema })))
}

/// `p IN (SELECT …)`: the kept side is the one that is fed.
fn feed_kept(join: &Join, slots: &mut SlotId) -> Result<Option<LogicalPlan>> {
    let driver = bind_part(join.right.as_ref().clone(), slots)?;
    let conditions = conditions(join);
    let pairs = pairs(&conditions, driver.schema(), join.left.schema());
    let Some((template, keys)) = probe(&join.left, &pairs, slots)? else { return Ok(None) };
    let schema = Arc::clone(&join.schema);
    let keep = Keep::Fed;
    Ok(Some(node(Parts { driver, template, keys, conditions, keep, at_most_one: false, schema })))
}

/// RIGHT joins whose left side is fed: a LEFT join with the sides swapped, columns put back in order.
fn feed_swapped(join: &Join, slots: &mut SlotId) -> Result<Option<LogicalPlan>> {
    let Some(fed) = feed_right(&swapped(join, JoinType::Left)?, slots)? else { return Ok(None) };
    let columns: Vec<Expr> = join.schema.iter().map(Expr::from).collect();
    LogicalPlanBuilder::from(fed).project(columns)?.build().map(Some)
}

/// The kind of join that gives the same rows with the sides swapped, for kinds whose columns are
/// those of the right side.
const fn mirrored(kind: JoinType) -> Option<JoinType> {
    match kind {
        JoinType::RightSemi => Some(JoinType::LeftSemi),
        JoinType::RightAnti => Some(JoinType::LeftAnti),
        JoinType::RightMark => Some(JoinType::LeftMark),
        _ => None,
    }
}

/// The join with its sides swapped.
fn swapped(join: &Join, kind: JoinType) -> Result<Join> {
    let on = join.on.iter().map(|(left, right)| (right.clone(), left.clone())).collect();
    let mut swapped = Join::try_new(
        Arc::clone(&join.right),
        Arc::clone(&join.left),
        on,
        join.filter.clone(),
        kind,
        join.join_constraint,
        join.null_equality,
        join.null_aware,
    )?;
    if mirrored(join.join_type).is_some() {
        // a mark keeps the name that conditions above know it by
        swapped.schema = Arc::clone(&join.schema);
    }
    Ok(swapped)
}

/// `WHERE p = (SELECT …)` over a scan that needs `p`.
fn scalar_feed(filter: &Filter, slots: &mut SlotId) -> Result<Option<LogicalPlan>> {
    if !takes_keys(&filter.input)? {
        return Ok(None);
    }
    let all = split_conjunction(&filter.predicate);
    for (position, condition) in all.iter().enumerate() {
        let Some((column, subquery)) = scalar_equality(condition) else { continue };
        let key = Expr::from(subquery.schema().qualified_field(0));
        let equality = key.clone().eq(column.clone());
        let Some((template, keys)) = probe(&filter.input, &[(key, column)], slots)? else {
            continue;
        };
        let driver = bind_joins(subquery, slots)?;
        let mut conditions: Vec<Expr> = all.iter().map(|condition| (*condition).clone()).collect();
        conditions[position] = equality;
        let schema = Arc::clone(filter.input.schema());
        let keep = Keep::Fed;
        return Ok(Some(node(Parts {
            driver,
            template,
            keys,
            conditions,
            keep,
            at_most_one: true,
            schema,
        })));
    }
    Ok(None)
}

/// `column = (uncorrelated scalar subquery)`, either way round.
fn scalar_equality(condition: &Expr) -> Option<(Expr, LogicalPlan)> {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition else {
        return None;
    };
    [(left, right), (right, left)].into_iter().find_map(|(column, subquery)| {
        match (column.as_ref(), subquery.as_ref()) {
            (column @ Expr::Column(_), Expr::ScalarSubquery(subquery))
                if subquery.outer_ref_columns.is_empty() =>
            {
                Some((column.clone(), subquery.subquery.as_ref().clone()))
            }
            _ => None,
        }
    })
}
