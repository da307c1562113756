//! `(EXEC …)` in FROM: the answer of a method as a relation.
//!
//! Owns: its table and its operator.
//! Refuses: making the call; who plans the relation hands it in.
//! Surprise: a method that may change something is called once per statement, however often the plan
//! reads the relation (a common table expression that is named twice is planned twice); it is not
//! called at all when no row of it is wanted.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
};
use futures::StreamExt;

use super::CallRuntime;
use crate::error::external;
use crate::result_set::Batches;

/// The call of an EXEC in FROM, shared by everything that reads it.
pub trait CallRelation: Send + Sync {
    /// `provider.service.resource.method`.
    fn name(&self) -> String;

    /// The HTTP verb.
    fn http(&self) -> &'static str;

    /// The URL of the first request.
    fn url(&self) -> String;

    /// True if it is called at most once, since it may change something.
    fn is_change(&self) -> bool;

    /// The name of the method's paging.
    fn paging(&self) -> &'static str;

    /// Its rows, with all columns of the relation.
    fn rows(self: Arc<Self>, runtime: Arc<CallRuntime>) -> Batches;
}

/// The relation that an EXEC is.
pub struct CallTable {
    schema: SchemaRef,
    call: Arc<dyn CallRelation>,
}

impl CallTable {
    /// The relation of a call; `schema` has the columns that its rows have.
    pub fn new(schema: SchemaRef, call: Arc<dyn CallRelation>) -> Self {
        Self { schema, call }
    }
}

impl fmt::Debug for CallTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CallTable").field(&self.call.name()).finish()
    }
}

#[async_trait]
impl TableProvider for CallTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let columns: Vec<usize> =
            projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let projected: SchemaRef = Arc::new(self.schema.project(&columns)?);
        Ok(Arc::new(CallExec::new(
            Arc::clone(&self.call),
            Arc::clone(&self.schema),
            columns,
            projected,
        )))
    }
}

/// The call that a node makes, if it is the operator of an EXEC.
pub fn call_of(node: &Arc<dyn ExecutionPlan>) -> Option<&dyn CallRelation> {
    let any: &dyn std::any::Any = node.as_ref();
    any.downcast_ref::<CallExec>().map(|exec| exec.call.as_ref())
}

/// The operator.
struct CallExec {
    call: Arc<dyn CallRelation>,
    schema: SchemaRef,
    columns: Vec<usize>,
    properties: Arc<PlanProperties>,
}

impl CallExec {
    fn new(
        call: Arc<dyn CallRelation>,
        schema: SchemaRef,
        columns: Vec<usize>,
        projected: SchemaRef,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(projected),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { call, schema, columns, properties: Arc::new(properties) }
    }
}

impl fmt::Debug for CallExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CallExec").field(&self.call.name()).finish()
    }
}

impl DisplayAs for CallExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallExec: {}", self.call.name())
    }
}

impl ExecutionPlan for CallExec {
    fn name(&self) -> &'static str {
        "CallExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(
        &self,
        _partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let runtime = CallRuntime::of(&context)?;
        let (schema, columns) = (Arc::clone(&self.schema), self.columns.clone());
        let rows = Arc::clone(&self.call).rows(runtime).map(move |batch| match batch {
            Ok(batch) => shown(&batch, &schema, &columns),
            Err(report) => Err(external(report)),
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}

/// The columns that are wanted, with the schema that was planned.
fn shown(batch: &RecordBatch, schema: &SchemaRef, columns: &[usize]) -> Result<RecordBatch> {
    let batch = batch.clone().with_schema(Arc::clone(schema)).map_err(DataFusionError::from)?;
    let arrays = columns.iter().map(|column| Arc::clone(batch.column(*column))).collect();
    let fields: Schema = schema.project(columns)?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(fields), arrays, &options)
        .map_err(DataFusionError::from)
}
