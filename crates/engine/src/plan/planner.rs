//! The query planner: settle scans, check them, then plan physically.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};

use super::{settle, truth};
use crate::exec::demand;

/// Installed in every session.
#[derive(Debug, Default)]
pub(crate) struct Planner;

/// Settles an optimised plan.
///
/// # Errors
/// Reports of scans that cannot be answered truthfully.
pub(crate) fn finish(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = settle::settle(plan)?;
    truth::check(&plan)?;
    Ok(plan)
}

#[async_trait]
impl QueryPlanner for Planner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = finish(plan.clone())?;
        let physical =
            DefaultPhysicalPlanner::default().create_physical_plan(&plan, session).await?;
        demand::mark(physical)
    }
}
