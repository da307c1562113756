//! Demand: which scans must not run ahead, and which calls are made more than once.
//!
//! A pass over the finished physical plan. Under a LIMIT that nothing in between collects for, a scan
//! reads a page only when it is asked for one, so that the number of requests is the minimum. Scans
//! whose calls another scan makes too share them.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::{
    ExecutionPlan, ExecutionPlanProperties, replace_children_if_necessary,
};

use super::ScanExec;

/// Marks the scans of a plan.
pub(crate) fn mark(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let plan = mark_lazy(plan, false)?;
    let mut shapes: HashMap<String, usize> = HashMap::new();
    count_shapes(&plan, &mut shapes);
    plan.transform_up(|node| {
        let Some(scan) = scan(&node) else { return Ok(Transformed::no(node)) };
        if shapes.get(&scan.spec().call_shape()).is_none_or(|count| *count < 2) {
            return Ok(Transformed::no(node));
        }
        let scan = scan.with(|spec| spec.shared = true);
        Ok(Transformed::yes(Arc::new(scan) as Arc<dyn ExecutionPlan>))
    })
    .map(|transformed| transformed.data)
}

pub(crate) fn scan(node: &Arc<dyn ExecutionPlan>) -> Option<&ScanExec> {
    let any: &dyn std::any::Any = node.as_ref();
    any.downcast_ref::<ScanExec>()
}

fn count_shapes(node: &Arc<dyn ExecutionPlan>, shapes: &mut HashMap<String, usize>) {
    if let Some(scan) = scan(node) {
        *shapes.entry(scan.spec().call_shape()).or_default() += 1;
    }
    for child in node.children() {
        count_shapes(child, shapes);
    }
}

fn mark_lazy(node: Arc<dyn ExecutionPlan>, limited: bool) -> Result<Arc<dyn ExecutionPlan>> {
    if let Some(found) = scan(&node) {
        if !limited {
            return Ok(node);
        }
        return Ok(Arc::new(found.with(|spec| spec.lazy = true)));
    }
    let any: &dyn std::any::Any = node.as_ref();
    let is_limit = any.is::<GlobalLimitExec>() || any.is::<LocalLimitExec>() || node.fetch().is_some();
    let is_hash_join = any.is::<HashJoinExec>();
    let collects = matches!(node.pipeline_behavior(), EmissionType::Final);
    let children = node.children().into_iter().map(Arc::clone).collect::<Vec<_>>();
    if children.is_empty() {
        return Ok(node);
    }
    let children = children
        .into_iter()
        .enumerate()
        .map(|(position, child)| {
            // the build side of a hash join is read to its end whatever the limit
            let whole = is_hash_join && position == 0;
            let limited = !collects && !whole && (limited || is_limit);
            mark_lazy(child, limited)
        })
        .collect::<Result<Vec<_>>>()?;
    replace_children_if_necessary(node, children)
}
