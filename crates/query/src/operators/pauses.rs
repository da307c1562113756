//! Pauses in joins, so that a statement that was abandoned ends.
//!
//! Owns: the rule that puts DataFusion's `CooperativeExec` above operators that make many batches of
//! one.
//! Surprise: DataFusion's own rule puts it where batches come into a plan. A cross join of two
//! million rows reads few batches and makes millions, and pauses for none of them.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;

/// Runs after DataFusion's own rules.
#[derive(Debug)]
pub(crate) struct PauseInJoins;

impl PhysicalOptimizerRule for PauseInJoins {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            // a part of the plan may have been through this before
            if is_pause(&node)
                && let [child] = node.children().as_slice()
                && is_pause(child)
            {
                return Ok(Transformed::yes(Arc::clone(child)));
            }
            if multiplies(&node) {
                return Ok(Transformed::yes(Arc::new(CooperativeExec::new(node)) as _));
            }
            Ok(Transformed::no(node))
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "pause_in_joins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn is_pause(node: &Arc<dyn ExecutionPlan>) -> bool {
    node.name() == "CooperativeExec"
}

/// True for operators that may make many batches of one.
fn multiplies(node: &Arc<dyn ExecutionPlan>) -> bool {
    matches!(
        node.name(),
        "CrossJoinExec"
            | "NestedLoopJoinExec"
            | "HashJoinExec"
            | "SortMergeJoinExec"
            | "PiecewiseMergeJoinExec"
            | "UnnestExec"
    )
}
