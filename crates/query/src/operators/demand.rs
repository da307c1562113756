//! Demand: which scans must not run ahead, and which calls are made more than once.
//!
//! A pass over the finished physical plan. Under a LIMIT that nothing in between collects for, a scan
//! reads a page only when it is asked for one, so that the number of requests is the minimum. The fed
//! side of a bind join starts when its key is there, never before. Scans that may make the same call
//! share it.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::physical_plan::{
    ExecutionPlan, ExecutionPlanProperties, replace_children_if_necessary,
};

use super::{BindJoinExec, OrderedPartitionsExec, ScanExec, ScanSpec};
use crate::predicate::bindings::SlotId;

type Plan = Arc<dyn ExecutionPlan>;

/// Marks the scans of a plan.
pub(crate) fn mark(plan: Plan) -> Result<Plan> {
    let plan = mark_demand(plan, Demand { limited: false, fed: false })?;
    let mut specs = Vec::new();
    collect(&plan, &mut specs);
    mark_shared(plan, &specs, &Repetition::default())
}

/// The scan that a node is.
pub(crate) fn scan(node: &Plan) -> Option<&ScanExec> {
    let any: &dyn std::any::Any = node.as_ref();
    any.downcast_ref::<ScanExec>()
}

/// The bind join that a node is.
pub(crate) fn bind_join(node: &Plan) -> Option<&BindJoinExec> {
    let any: &dyn std::any::Any = node.as_ref();
    any.downcast_ref::<BindJoinExec>()
}

fn collect(node: &Plan, specs: &mut Vec<ScanSpec>) {
    if let Some(scan) = scan(node) {
        specs.push(scan.spec().clone());
    }
    if let Some(join) = bind_join(node) {
        collect(join.template(), specs);
    }
    for child in node.children() {
        collect(child, specs);
    }
}

/// What makes a scan run more than once.
#[derive(Debug, Clone, Default)]
struct Repetition {
    /// Join keys for each of which the scan runs.
    slots: BTreeSet<SlotId>,
    /// Inside the part of a recursive query that runs once per step.
    recursive: bool,
}

impl Repetition {
    /// True if the scan makes a call again that it has made before: keys that it does not take differ.
    fn repeats(&self, spec: &ScanSpec) -> bool {
        self.recursive || self.slots.iter().any(|slot| !spec.takes(*slot))
    }
}

fn mark_shared(node: Plan, specs: &[ScanSpec], repetition: &Repetition) -> Result<Plan> {
    if let Some(found) = scan(&node) {
        let spec = found.spec();
        let others = specs.iter().filter(|other| spec.may_repeat(other)).count();
        if others < 2 && !repetition.repeats(spec) {
            return Ok(node);
        }
        return Ok(Arc::new(found.with(|spec| spec.shared = true)));
    }
    let any: &dyn std::any::Any = node.as_ref();
    let is_recursive = any.is::<RecursiveQueryExec>();
    let fed = bind_join(&node).map(|join| join.slots().iter().copied().collect::<BTreeSet<_>>());
    rebuild(node, |child, side| {
        let mut repetition = repetition.clone();
        match side {
            Side::Template => repetition.slots.extend(fed.iter().flatten()),
            Side::Child(position) => repetition.recursive |= is_recursive && position == 1,
        }
        mark_shared(child, specs, &repetition)
    })
}

#[derive(Debug, Clone, Copy)]
struct Demand {
    /// Few rows may be enough.
    limited: bool,
    /// Inside the fed side of a bind join.
    fed: bool,
}

fn mark_demand(node: Plan, demand: Demand) -> Result<Plan> {
    if let Some(found) = scan(&node) {
        return Ok(Arc::new(found.with(|spec| {
            spec.lazy = demand.limited;
            spec.eager = !demand.limited && !demand.fed;
        })));
    }
    let any: &dyn std::any::Any = node.as_ref();
    if let Some(found) = any.downcast_ref::<OrderedPartitionsExec>()
        && demand.limited
    {
        // one branch may have rows enough
        return rebuild(Arc::new(found.with(true)), |child, _| mark_demand(child, demand));
    }
    let is_limit =
        any.is::<GlobalLimitExec>() || any.is::<LocalLimitExec>() || node.fetch().is_some();
    let is_hash_join = any.is::<HashJoinExec>();
    let collects = matches!(node.pipeline_behavior(), EmissionType::Final);
    let limited = !collects && (demand.limited || is_limit);
    let node = rebuild(node, |child, position| match position {
        Side::Template => mark_demand(child, Demand { limited: false, fed: true }),
        // the build side of a hash join is read to its end whatever the limit
        Side::Child(0) if is_hash_join => mark_demand(child, Demand { limited: false, ..demand }),
        Side::Child(_) => mark_demand(child, Demand { limited, ..demand }),
    })?;
    Ok(match bind_join(&node) {
        Some(join) if limited => {
            let driver = Arc::clone(join.children()[0]);
            Arc::new(join.with(driver, Arc::clone(join.template()), true))
        }
        _ => node,
    })
}

/// Which part of its parent a node is.
#[derive(Debug, Clone, Copy)]
enum Side {
    Child(usize),
    Template,
}

/// The node with its children, and the template of a bind join, replaced.
fn rebuild(node: Plan, mut change: impl FnMut(Plan, Side) -> Result<Plan>) -> Result<Plan> {
    if let Some(join) = bind_join(&node) {
        let driver = change(Arc::clone(join.children()[0]), Side::Child(0))?;
        let template = change(Arc::clone(join.template()), Side::Template)?;
        return Ok(Arc::new(join.with(driver, template, join.is_lazy())));
    }
    let children: Vec<Plan> = node.children().into_iter().map(Arc::clone).collect();
    if children.is_empty() {
        return Ok(node);
    }
    let children = children
        .into_iter()
        .enumerate()
        .map(|(position, child)| change(child, Side::Child(position)))
        .collect::<Result<Vec<_>>>()?;
    replace_children_if_necessary(node, children)
}
