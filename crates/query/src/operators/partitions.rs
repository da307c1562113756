//! Partitions that become one, in their order: the branches of UNION ALL, the parts of files.
//!
//! Owns: the operator that takes the place of DataFusion's `CoalescePartitionsExec`, and where it may.
//! Surprise: below a join of repartitioned inputs DataFusion's operator stays. Partitions that wait for their
//! turn would keep what their inputs bring in memory.

use std::fmt;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, ExecutionPlanProperties,
    Partitioning, PlanProperties,
};
use futures::StreamExt;

use super::fan_out::{self, CallStream};

type Plan = Arc<dyn ExecutionPlan>;

/// A plan of one partition with the rows of all partitions, in their order where that costs nothing.
pub(crate) fn merged(plan: Plan) -> Plan {
    if plan.output_partitioning().partition_count() == 1 {
        plan
    } else if is_free(&plan) {
        Arc::new(OrderedPartitionsExec::new(plan, false))
    } else {
        Arc::new(CoalescePartitionsExec::new(plan))
    }
}

/// True if partitions may wait for their turn: nothing sends rows to all of them at once, or what comes in
/// between takes all rows before it gives any.
fn is_free(node: &Plan) -> bool {
    let any: &dyn std::any::Any = node.as_ref();
    if any.is::<RepartitionExec>() {
        return false;
    }
    let collects = matches!(node.pipeline_behavior(), EmissionType::Final);
    collects || node.children().into_iter().all(is_free)
}

/// Runs after DataFusion's own rules.
#[derive(Debug)]
pub(crate) struct PartitionsInOrder;

impl PhysicalOptimizerRule for PartitionsInOrder {
    fn optimize(&self, plan: Plan, _config: &ConfigOptions) -> Result<Plan> {
        plan.transform_up(|node| {
            let any: &dyn std::any::Any = node.as_ref();
            let Some(found) = any.downcast_ref::<CoalescePartitionsExec>() else {
                return Ok(Transformed::no(node));
            };
            if !is_free(found.input()) {
                return Ok(Transformed::no(node));
            }
            let merged = merged(Arc::clone(found.input()));
            Ok(Transformed::yes(match found.fetch() {
                None => merged,
                fetch => Arc::new(GlobalLimitExec::new(merged, 0, fetch)),
            }))
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "partitions_in_order"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The rows of all partitions of its input, one partition after the other.
#[derive(Debug)]
pub(crate) struct OrderedPartitionsExec {
    input: Plan,
    /// True if a partition starts only when the one before is read to its end.
    lazy: bool,
    properties: Arc<PlanProperties>,
}

impl OrderedPartitionsExec {
    fn new(input: Plan, lazy: bool) -> Self {
        // windows above may count on a key that has one value
        let mut equivalences: EquivalenceProperties = input.equivalence_properties().clone();
        equivalences.clear_orderings();
        equivalences.clear_per_partition_constants();
        let properties = PlanProperties::new(
            equivalences,
            Partitioning::UnknownPartitioning(1),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        Self { input, lazy, properties: Arc::new(properties) }
    }

    /// The same with another way to start partitions.
    pub(crate) fn with(&self, lazy: bool) -> Self {
        Self::new(Arc::clone(&self.input), lazy)
    }
}

impl DisplayAs for OrderedPartitionsExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OrderedPartitionsExec")
    }
}

impl ExecutionPlan for OrderedPartitionsExec {
    fn name(&self) -> &'static str {
        "OrderedPartitionsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Plan> {
        vec![&self.input]
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![Distribution::UnspecifiedDistribution]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Plan>) -> Result<Plan> {
        let Some(input) = children.into_iter().next() else {
            return internal_err!("partitions that become one have an input");
        };
        Ok(Arc::new(Self::new(input, self.lazy)))
    }

    fn execute(
        &self,
        _partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let count = self.input.output_partitioning().partition_count();
        let parts = (0..count)
            .map(|partition| Ok(self.input.execute(partition, Arc::clone(&context))?.boxed()))
            .collect::<Result<Vec<CallStream>>>()?;
        let width = if self.lazy { 1 } else { count };
        let rows = fan_out::run(parts, width, false);
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}
