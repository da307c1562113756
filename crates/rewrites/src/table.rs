//! The corrections, in the order in which they are applied.
//!
//! Surprise: the order matters. What one makes is often what a later one looks for.

use std::sync::Arc;

use datafusion_common::Result;
use datafusion_expr::LogicalPlan;
use datafusion_optimizer::OptimizerConfig;
use datafusion_physical_optimizer::PhysicalOptimizerRule;
use datafusion_physical_plan::ExecutionPlan;

use crate::correction::{Apply, Correction};
use crate::{
    aggregate_subquery, compared_names, comparison_types, constant_having, constant_operand,
    dependent_join, in_subquery_nulls, lateral_columns, limited_subquery, non_equi_correlation,
    nullable_scalar, optional_side, repeated_sort_keys, self_equality, set_comparison,
    set_operation_all, single_row_check, subquery_joins, subquery_placement,
};

/// All corrections, in their order.
pub const CORRECTIONS: &[Correction] = &[
    set_operation_all::CORRECTION,
    repeated_sort_keys::CORRECTION,
    aggregate_subquery::CORRECTION,
    limited_subquery::CORRECTION,
    nullable_scalar::CORRECTION,
    subquery_placement::CORRECTION,
    dependent_join::CORRECTION,
    set_comparison::CORRECTION,
    in_subquery_nulls::CORRECTION,
    single_row_check::CORRECTION,
    non_equi_correlation::CORRECTION,
    compared_names::CORRECTION,
    constant_having::CORRECTION,
    subquery_joins::CORRECTION,
    lateral_columns::CORRECTION,
    comparison_types::CORRECTION,
    constant_operand::CORRECTION,
    self_equality::CORRECTION,
    optional_side::CORRECTION,
];

/// The corrected plan, and the names of the corrections that changed it.
///
/// # Errors
/// Those of DataFusion's rules and of the schemas of new nodes.
pub fn apply_corrections(
    plan: LogicalPlan,
    config: &dyn OptimizerConfig,
) -> Result<(LogicalPlan, Vec<&'static str>)> {
    apply_all(CORRECTIONS, plan, config)
}

/// As [`apply_corrections`], with some corrections.
pub(crate) fn apply_all(
    corrections: &[Correction],
    mut plan: LogicalPlan,
    config: &dyn OptimizerConfig,
) -> Result<(LogicalPlan, Vec<&'static str>)> {
    let mut changed = Vec::new();
    for correction in corrections {
        let Apply::Logical(apply) = correction.apply else { continue };
        let done = apply(plan, config)?;
        if done.transformed {
            changed.push(correction.name);
        }
        plan = done.data;
    }
    Ok((plan, changed))
}

/// The rules of the corrections that work on physical plans.
pub fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let rules = CORRECTIONS.iter().filter_map(|correction| match correction.apply {
        Apply::Physical { rule, .. } => Some(rule()),
        Apply::Logical(_) => None,
    });
    rules.collect()
}

/// The names of the corrections whose operators stand in a physical plan.
pub fn operator_corrections(plan: &Arc<dyn ExecutionPlan>) -> Vec<&'static str> {
    let names = CORRECTIONS.iter().filter_map(|correction| match correction.apply {
        Apply::Physical { operator, .. } if has_operator(plan, operator) => Some(correction.name),
        _ => None,
    });
    names.collect()
}

fn has_operator(plan: &Arc<dyn ExecutionPlan>, name: &str) -> bool {
    plan.name() == name || plan.children().into_iter().any(|child| has_operator(child, name))
}
