//! LATERAL as a join, early.
//!
//! DataFusion's rule leaves the columns that the subquery was compared by in the join's result; what
//! was planned above it (a window, a subquery that reads the result) counts its columns and fails.
//! Here the rule is asked before, and the columns go again.

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::optimizer::decorrelate_lateral_join::DecorrelateLateralJoin;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::nodes::columns_of;

/// Makes joins of a plan's LATERAL subqueries, where a join expresses them.
pub(crate) fn as_plain_joins(
    plan: LogicalPlan,
    config: &dyn OptimizerConfig,
) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| {
        if !matches!(node, LogicalPlan::Join(_)) {
            return Ok(Transformed::no(node));
        }
        let shown = columns_of(&node);
        let done = DecorrelateLateralJoin::new().rewrite(node, config)?;
        if !done.transformed {
            return Ok(done);
        }
        LogicalPlanBuilder::from(done.data).project(shown)?.build().map(Transformed::yes)
    })
    .map(|done| done.data)
}
