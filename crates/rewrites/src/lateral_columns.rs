//! LATERAL as a join, early.
//!
//! DataFusion's rule leaves the columns that the subquery was compared by in the join's result; what
//! was planned above it (a window, a subquery that reads the result) counts its columns and fails.
//! Here the rule is asked before, and the columns go again.

use datafusion_common::Result;
use datafusion_common::tree_node::Transformed;
use datafusion_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion_optimizer::decorrelate_lateral_join::DecorrelateLateralJoin;
use datafusion_optimizer::{OptimizerConfig, OptimizerRule};

use crate::correction::{Apply, Correction};
use crate::nodes::columns_of;

pub(crate) const CORRECTION: Correction = Correction {
    name: "lateral_columns",
    datafusion: "55.2",
    example: "SELECT o.id, n, row_number() OVER (ORDER BY o.id, n) FROM o, LATERAL (SELECT x AS n FROM t WHERE t.k = o.k) l",
    apply: Apply::Logical(apply),
};

/// Makes joins of a plan's LATERAL subqueries, where a join expresses them.
fn apply(plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
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
}
