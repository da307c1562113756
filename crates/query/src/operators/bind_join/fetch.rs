//! The rows of a key: fetched once, shared by every driver row that has it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::RecordBatch;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use futures::future::{BoxFuture, Shared};
use futures::{FutureExt, TryStreamExt};
use strataql_call::Value;

use super::JoinParts;
use crate::operators::BoundKeys;

/// The fed rows of one key.
#[derive(Debug)]
pub(super) struct FedRows {
    pub(super) batches: Vec<RecordBatch>,
    /// For joins that give fed rows: which of them were given, batch by batch.
    pub(super) given: Vec<Vec<AtomicBool>>,
}

type Flight = Shared<BoxFuture<'static, std::result::Result<Arc<FedRows>, Arc<DataFusionError>>>>;

/// Fetches rows of keys, each key once.
pub(super) struct Fetcher {
    parts: Arc<JoinParts>,
    context: Arc<TaskContext>,
    flights: Mutex<HashMap<Vec<String>, Flight>>,
    memory: Arc<MemoryReservation>,
}

impl Fetcher {
    pub(super) fn new(parts: Arc<JoinParts>, context: Arc<TaskContext>) -> Self {
        let memory = MemoryConsumer::new("BindJoinExec").register(context.memory_pool());
        Self { parts, context, flights: Mutex::default(), memory: Arc::new(memory) }
    }

    /// The fed rows of a key.
    pub(super) async fn rows(&self, key: &[Value]) -> Result<Arc<FedRows>> {
        let identity = key.iter().map(Value::text).collect();
        let flight = {
            let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
            flights.entry(identity).or_insert_with(|| self.flight(key.to_vec())).clone()
        };
        flight.await.map_err(DataFusionError::Shared)
    }

    fn flight(&self, key: Vec<Value>) -> Flight {
        let parts = Arc::clone(&self.parts);
        let context = self.context_of(key);
        let memory = Arc::clone(&self.memory);
        async move { fetch(&parts, context, &memory).await.map(Arc::new).map_err(Arc::new) }
            .boxed()
            .shared()
    }

    /// The task context in which the template finds this key, beside those of enclosing joins.
    fn context_of(&self, key: Vec<Value>) -> Arc<TaskContext> {
        let outer = &self.context;
        let mut keys = outer
            .session_config()
            .get_extension::<BoundKeys>()
            .map(|keys| keys.as_ref().clone())
            .unwrap_or_default();
        keys.0.extend(self.parts.slots.iter().copied().zip(key));
        let config = outer.session_config().clone().with_extension(Arc::new(keys));
        Arc::new(TaskContext::new(
            outer.task_id(),
            outer.session_id(),
            config,
            outer.scalar_functions().clone(),
            outer.higher_order_functions().clone(),
            outer.aggregate_functions().clone(),
            outer.window_functions().clone(),
            outer.runtime_env(),
        ))
    }
}

async fn fetch(
    parts: &JoinParts,
    context: Arc<TaskContext>,
    memory: &MemoryReservation,
) -> Result<FedRows> {
    let template = if is_stateless(&parts.template) {
        Arc::clone(&parts.template)
    } else {
        // aggregates and hash joins keep state between executions
        reset_plan_states(Arc::clone(&parts.template))?
    };
    let batches: Vec<RecordBatch> = template.execute(0, context)?.try_collect().await?;
    memory.try_grow(batches.iter().map(RecordBatch::get_array_memory_size).sum())?;
    let given = batches
        .iter()
        .map(|batch| (0..batch.num_rows()).map(|_| AtomicBool::new(false)).collect())
        .collect();
    Ok(FedRows { batches, given })
}

fn is_stateless(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let is = matches!(
        plan.name(),
        "ScanExec"
            | "FilterExec"
            | "ProjectionExec"
            | "CooperativeExec"
            | "BindJoinExec"
            | "OptionalSideExec"
    );
    is && plan.children().into_iter().all(is_stateless)
}

impl FedRows {
    /// True the first time it is asked for a row.
    pub(super) fn first_time(&self, batch: usize, row: usize) -> bool {
        !self.given[batch][row].swap(true, Ordering::Relaxed)
    }
}
