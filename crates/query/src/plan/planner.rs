//! The query planner: feed joins, resolve scans, check them, then plan physically.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, JoinType, Result, internal_err};
use datafusion::execution::SessionState;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};
use strataql_diag::Report;

use super::bind_join::{bind_joins, has_needy_scan};
use super::bind_node::BindJoinNode;
use super::shared_node::SharedRowsPlanner;
use super::{constants, resolve_scans, shapes, truth};
use crate::error::external;
use crate::operators::{BindJoinExec, JoinParts, demand, merged};

/// Installed in every session.
#[derive(Debug, Default)]
pub(crate) struct Planner;

/// Makes an optimised plan ready for physical planning.
///
/// # Errors
/// Reports of scans that cannot be answered truthfully.
fn finish(plan: LogicalPlan) -> Result<LogicalPlan> {
    // keys are numbered through the whole statement: a nested template reads the keys of all joins
    // around it
    let mut slots = 0;
    let plan = bind_joins(constants::without_empty_keys(plan)?, &mut slots)?;
    let why = unanswerable_join(&plan)?;
    let unusable = shapes::unusable(&plan)?;
    let plan = resolve_scans::resolve_scans(plan).map_err(|error| match (unusable, why) {
        (Some(unusable), _) => changed(error, |report| unusable.explain(report)),
        // the note says what the usual help only guesses
        (None, Some(why)) => changed(error, |mut report| {
            report.notes.insert(0, why.to_owned());
            report
        }),
        (None, None) => error,
    })?;
    truth::check(&plan)?;
    Ok(plan)
}

/// Why a join in the plan cannot feed the side that lacks parameters, if there is such a join.
fn unanswerable_join(plan: &LogicalPlan) -> Result<Option<&'static str>> {
    let mut why = None;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Join(join) = node {
            let left = has_needy_scan(&join.left)?;
            let right = has_needy_scan(&join.right)?;
            let reason = match join.join_type {
                JoinType::Full if left || right => Some(
                    "a FULL join also gives rows without a partner, and those of the side that needs the parameter cannot be listed; use LEFT JOIN from the side that has the values",
                ),
                JoinType::Left | JoinType::LeftAnti | JoinType::LeftMark if left => Some(
                    "the join keeps all rows of the side that needs the parameter, and those cannot be listed; put the side that has the values first, or use an inner join",
                ),
                JoinType::Right | JoinType::RightAnti if right => Some(
                    "the join keeps all rows of the side that needs the parameter, and those cannot be listed; use LEFT JOIN or an inner join",
                ),
                JoinType::LeftAnti if right && join.null_aware => {
                    Some("NOT IN cannot feed a parameter; write NOT EXISTS")
                }
                _ if left || right => Some(
                    "no equality of the join reaches the parameter: it has to compare the parameter itself with an expression over the other side, and nothing like LIMIT may stand between",
                ),
                _ => None,
            };
            why = why.or(reason);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(why)
}

/// The error with its report changed.
fn changed(error: DataFusionError, change: impl FnOnce(Report) -> Report) -> DataFusionError {
    match error {
        DataFusionError::External(inner) => match inner.downcast::<Report>() {
            Ok(report) => external(Box::new(change(*report))),
            Err(inner) => DataFusionError::External(inner),
        },
        other => other,
    }
}

#[async_trait]
impl QueryPlanner for Planner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = finish(plan.clone())?;
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![
            Arc::new(BindJoins),
            Arc::new(SharedRowsPlanner),
        ]);
        let physical = planner.create_physical_plan(&plan, session).await?;
        demand::mark(merged(physical))
    }
}

/// Plans bind joins.
struct BindJoins;

#[async_trait]
impl ExtensionPlanner for BindJoins {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(node) = node.as_any().downcast_ref::<BindJoinNode>() else { return Ok(None) };
        let Some(state) = session.as_any().downcast_ref::<SessionState>() else {
            return internal_err!("bind joins are planned in a session of strataql");
        };
        // the fed side is executed once per key: one partition, so that nothing repartitions it
        let mut single = state.clone();
        single.config_mut().options_mut().execution.target_partitions = 1;
        // the arms of a UNION stay partitions even so
        let template = merged(planner.create_physical_plan(&node.template, &single).await?);
        let driver_schema = logical_inputs[0].schema();
        let both = driver_schema.join(node.template.schema())?;
        let keys = node
            .keys
            .iter()
            .map(|key| planner.create_physical_expr(key, driver_schema, session, context))
            .collect::<Result<_>>()?;
        let on_driver = |expr| planner.create_physical_expr(expr, driver_schema, session, context);
        let on_both = |expr| planner.create_physical_expr(expr, &both, session, context);
        Ok(Some(Arc::new(BindJoinExec::new(JoinParts {
            driver: Arc::clone(&physical_inputs[0]),
            template,
            slots: node.slots.clone(),
            keys,
            key_names: node.keys.iter().map(resolve_scans::shown).collect(),
            driver_check: node.driver_check.as_ref().map(on_driver).transpose()?,
            check: node.check.as_ref().map(on_both).transpose()?,
            keep: node.keep,
            at_most_one: node.at_most_one,
            schema: Arc::new(node.schema.as_arrow().clone()),
            both: Arc::new(both.as_arrow().clone()),
        }))))
    }
}
