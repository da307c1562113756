//! The side of an outer join whose columns may become NULL.
//!
//! Owns: a pass-through operator above such a side, and the rule that puts it there.
//! Surprise: DataFusion keeps, above an outer join, that a column of this side is constant
//! (`LEFT JOIN b ON … AND b.y = 5`), although rows without a partner have NULL there; ORDER BY, GROUP
//! BY and windows over the column then go wrong. The operator claims nothing of its input's values.

use std::fmt;
use std::sync::Arc;

use datafusion_common::config::ConfigOptions;
use datafusion_common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion_common::{JoinType, Result, internal_err};
use datafusion_execution::{SendableRecordBatchStream, TaskContext};
use datafusion_physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion_physical_optimizer::PhysicalOptimizerRule;
use datafusion_physical_plan::execution_plan::CardinalityEffect;
use datafusion_physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterDescription, FilterPushdownPhase, FilterPushdownPropagation,
};
use datafusion_physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion_physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
    replace_children_if_necessary,
};

use crate::correction::{Apply, Correction};

pub(crate) const CORRECTION: Correction = Correction {
    name: "optional_side",
    datafusion: "55.2",
    example: "SELECT o.id, t.x FROM o LEFT JOIN t ON o.k = t.k AND t.x = 3 ORDER BY t.x NULLS FIRST, o.id",
    apply: Apply::Physical { operator: OPERATOR, rule: || Arc::new(MarkOptionalSides) },
};

const OPERATOR: &str = "OptionalSideExec";

/// Puts [`OptionalSideExec`] where it is needed.
#[derive(Debug)]
struct MarkOptionalSides;

impl PhysicalOptimizerRule for MarkOptionalSides {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let Some(kind) = join_type(&node) else { return Ok(Transformed::no(node)) };
            let is_optional = match kind {
                JoinType::Left => [false, true],
                JoinType::Right => [true, false],
                JoinType::Full => [true, true],
                _ => return Ok(Transformed::no(node)),
            };
            let children = node.children().into_iter().zip(is_optional).map(|(side, optional)| {
                if optional && !side.equivalence_properties().constants().is_empty() {
                    Arc::new(OptionalSideExec::new(Arc::clone(side))) as Arc<dyn ExecutionPlan>
                } else {
                    Arc::clone(side)
                }
            });
            let children = children.collect();
            replace_children_if_necessary(node, children).map(Transformed::yes)
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "mark_optional_sides"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn join_type(node: &Arc<dyn ExecutionPlan>) -> Option<JoinType> {
    let any: &dyn std::any::Any = node.as_ref();
    if let Some(join) = any.downcast_ref::<HashJoinExec>() {
        return Some(*join.join_type());
    }
    if let Some(join) = any.downcast_ref::<NestedLoopJoinExec>() {
        return Some(*join.join_type());
    }
    any.downcast_ref::<SortMergeJoinExec>().map(SortMergeJoinExec::join_type)
}

/// Passes the rows of its input on.
#[derive(Debug)]
struct OptionalSideExec {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl OptionalSideExec {
    fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            input.output_partitioning().clone(),
            input.pipeline_behavior(),
            input.boundedness(),
        )
        .with_scheduling_type(input.properties().scheduling_type);
        Self { input, properties: Arc::new(properties) }
    }
}

impl DisplayAs for OptionalSideExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(OPERATOR)
    }
}

impl ExecutionPlan for OptionalSideExec {
    fn name(&self) -> &'static str {
        OPERATOR
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(input) = children.into_iter().next() else {
            return internal_err!("the side of a join has an input");
        };
        Ok(Arc::new(Self::new(input)))
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn gather_filters_for_pushdown(
        &self,
        _phase: FilterPushdownPhase,
        parent_filters: Vec<Arc<dyn PhysicalExpr>>,
        _config: &ConfigOptions,
    ) -> Result<FilterDescription> {
        FilterDescription::from_children(parent_filters, &self.children())
    }

    fn handle_child_pushdown_result(
        &self,
        _phase: FilterPushdownPhase,
        result: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        Ok(FilterPushdownPropagation::if_all(result))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check;

    #[test]
    fn datafusion_needs_it() {
        check(&CORRECTION, &["2 NULL", "3 NULL", "1 3"]);
    }
}
