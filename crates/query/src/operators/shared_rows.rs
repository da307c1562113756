//! Rows that several readers of a plan have in common.
//!
//! Owns: the operator that runs its input once, whichever reader comes first, and keeps the rows.
//! Surprise: each reader has an input of its own in the plan; one of them runs.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, Partitioning, PlanProperties,
};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::OnceCell;

/// The rows, once they are there.
#[derive(Debug, Default)]
pub(crate) struct SharedRows {
    batches: OnceCell<Vec<RecordBatch>>,
    reservation: Mutex<Option<MemoryReservation>>,
}

impl SharedRows {
    /// The rows of the input, which runs unless it did.
    async fn rows(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        context: Arc<TaskContext>,
    ) -> Result<&[RecordBatch]> {
        let collect = || async {
            let pool = context.memory_pool();
            let reservation =
                MemoryConsumer::new("rows of a common table expression").register(pool);
            let mut rows = input.execute(0, Arc::clone(&context))?;
            let mut batches = Vec::new();
            while let Some(batch) = rows.next().await.transpose()? {
                reservation.try_grow(batch.get_array_memory_size())?;
                batches.push(batch);
            }
            *self.reservation.lock().unwrap_or_else(PoisonError::into_inner) = Some(reservation);
            Ok(batches)
        };
        self.batches.get_or_try_init(collect).await.map(Vec::as_slice)
    }
}

/// Returns the rows of its input, or those that another reader already read.
#[derive(Debug)]
pub(crate) struct SharedRowsExec {
    input: Arc<dyn ExecutionPlan>,
    rows: Arc<SharedRows>,
    properties: Arc<PlanProperties>,
}

impl SharedRowsExec {
    pub(crate) fn new(input: Arc<dyn ExecutionPlan>, rows: Arc<SharedRows>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self { input, rows, properties: Arc::new(properties) }
    }
}

impl DisplayAs for SharedRowsExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedRowsExec")
    }
}

impl ExecutionPlan for SharedRowsExec {
    fn name(&self) -> &'static str {
        "SharedRowsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![Distribution::SinglePartition]
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

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(input) = children.into_iter().next() else {
            return internal_err!("shared rows have an input");
        };
        Ok(Arc::new(Self::new(input, Arc::clone(&self.rows))))
    }

    fn execute(
        &self,
        _partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let schema = self.input.schema();
        let (input, rows) = (Arc::clone(&self.input), Arc::clone(&self.rows));
        let own = Arc::clone(&schema);
        let batches = stream::once(async move {
            let batches = rows.rows(&input, context).await?;
            // another reader's input may call its columns otherwise
            let batches = batches.iter().map(move |batch| {
                Ok(RecordBatch::try_new(Arc::clone(&own), batch.columns().to_vec())?)
            });
            Ok::<_, DataFusionError>(stream::iter(batches.collect::<Vec<Result<RecordBatch>>>()))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches.try_flatten())))
    }
}
