//! What a correction is.

use std::sync::Arc;

use datafusion_common::Result;
use datafusion_common::tree_node::Transformed;
use datafusion_expr::LogicalPlan;
use datafusion_optimizer::OptimizerConfig;
use datafusion_physical_optimizer::PhysicalOptimizerRule;

/// A correction of DataFusion.
#[derive(Debug, Clone, Copy)]
pub struct Correction {
    /// Its name, as EXPLAIN VERBOSE shows it.
    pub name: &'static str,
    /// The version of DataFusion that needs it.
    pub datafusion: &'static str,
    /// A statement that DataFusion alone answers wrongly or refuses, over the tables of the tests.
    pub example: &'static str,
    /// The correction itself.
    pub apply: Apply,
}

/// How a plan is corrected.
#[derive(Debug, Clone, Copy)]
pub enum Apply {
    /// A rewrite of the logical plan, before DataFusion optimises it.
    Logical(fn(LogicalPlan, &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>>),
    /// An operator, and the rule that puts it into physical plans, before DataFusion's own rules.
    Physical {
        /// The name of the operator.
        operator: &'static str,
        /// Makes the rule.
        rule: fn() -> Arc<dyn PhysicalOptimizerRule + Send + Sync>,
    },
}
