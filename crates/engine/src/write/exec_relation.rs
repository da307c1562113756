//! `(EXEC …)` in FROM: the answer of a method as a relation.
//!
//! Owns: its columns, its operator, and whether a method may change something.
//! Refuses: EXEC inside views and inside INSERT, UPDATE, REPLACE and DELETE.
//! Surprise: a method that may change something is called once per statement, however often the plan
//! reads the relation (a common table expression that is named twice is planned twice); it is not
//! called at all when no row of it is wanted.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{Session as EngineSession, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result as Planned};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
};
use datafusion::sql::sqlparser::ast as sql;
use futures::{StreamExt, TryStreamExt};
use strataql_call::{CallContext, CallMetrics, DecodePlan, Pager, decode_answer, pages};
use strataql_diag::{Code, Report};
use strataql_spec::{Method, Paging, RowShape, SqlVerb};
use strataql_sql::{Exec, Name, Parsed};
use tokio::sync::{OnceCell, Semaphore};

use super::record::{Record, Statement};
use super::send::Prepared;
use super::sender::{Fate, Sender};
use super::{awaiting, call_statement, returning};
use crate::error::external;
use crate::operators::CallRuntime;
use crate::recording::Recording;
use crate::settings::Settings;
use crate::table::ResourceRef;

/// How a resource is found by its name.
pub(crate) type Find<'a> = &'a dyn Fn(&Name) -> Result<ResourceRef, Box<Report>>;

/// True if the method that EXEC names may change something; false also when there is none.
pub(crate) fn changes(find: Find<'_>, call: &Exec) -> bool {
    call_statement::method_of(find, &call.method)
        .is_ok_and(|(resource, method)| may_change(&resource, &method))
}

/// True unless the method surely only reads: a select method, or a safe HTTP verb whose path key
/// carries no action of its own (`?Action=TerminateInstances`).
pub(super) fn may_change(resource: &ResourceRef, method: &Method) -> bool {
    match resource.resource().verb_of(&method.name) {
        SqlVerb::Select => false,
        SqlVerb::Exec => !method.verb.is_safe() || !method.path.query.is_empty(),
        _ => true,
    }
}

/// Refuses `(EXEC …)` in a view, whose text could not be read again.
pub(crate) fn refuse_in_view(
    parsed: &Parsed,
    definition: &sql::Statement,
) -> Result<(), Box<Report>> {
    match definition {
        sql::Statement::CreateView(_) => refuse(parsed, "a view"),
        _ => Ok(()),
    }
}

/// Refuses `(EXEC …)` in a write of resources.
pub(crate) fn refuse_in_write(parsed: &Parsed) -> Result<(), Box<Report>> {
    refuse(parsed, "INSERT, UPDATE, REPLACE and DELETE")
}

fn refuse(parsed: &Parsed, place: &str) -> Result<(), Box<Report>> {
    let Some(call) = parsed.execs.first() else { return Ok(()) };
    Err(Box::new(
        Report::new(
            Code::UnsupportedSyntax,
            format!("EXEC as a relation cannot stand in {place} in this version"),
        )
        .with_label(call.span, "")
        .with_help(
            "keep its rows with CREATE TABLE … AS SELECT … FROM (EXEC …), and read that table",
        ),
    ))
}

/// The relation that an EXEC is.
///
/// # Errors
/// As EXEC itself, and `unsupported-syntax` for a method without rows or with hints of a statement.
pub(crate) fn table(
    find: Find<'_>,
    call: &Exec,
    (text, parsed): (&str, &Parsed),
    settings: &Settings,
) -> Result<Arc<dyn TableProvider>, Box<Report>> {
    let (resource, method) = call_statement::method_of(find, &call.method)?;
    if let Some(hint) = call.hints.iter().find(|hint| *hint == "AWAIT") {
        return Err(Box::new(
            Report::new(Code::UnsupportedSyntax, format!("{hint} has no meaning inside FROM"))
                .with_label(call.span, "")
                .with_help("run EXEC with AWAIT as a statement, then read the object"),
        ));
    }
    if let RowShape::Nothing { reason } = &method.response.rows {
        return Err(Box::new(
            Report::new(
                Code::UnsupportedSyntax,
                format!("method `{}` returns no rows: {reason}", method.name),
            )
            .with_label(call.span, "")
            .with_help("run EXEC as a statement"),
        ));
    }
    let arguments = call_statement::arguments(call, &method)?;
    let write = Prepared::bound(&resource, &method, arguments, false)
        .map_err(|report| Box::new(report.with_label(call.span, "")))?;
    let plan = call_statement::decode_plan(&resource, &method, &write.arguments);
    let plan = awaiting::with_parameters(plan, &resource, &method, &write.arguments);
    let schema = returning::documented(&resource, &method, plan.schema());
    let is_change = may_change(&resource, &method);
    let inner = Inner {
        resource,
        method,
        write,
        plan,
        is_change,
        images: settings.before_image,
        text: text.to_owned(),
        parsed: parsed.clone(),
        answer: OnceCell::new(),
    };
    Ok(Arc::new(ExecTable { schema, call: ExecCall(Arc::new(inner)) }))
}

/// The call of an EXEC in FROM, shared by everything that reads it.
#[derive(Clone)]
pub(crate) struct ExecCall(Arc<Inner>);

struct Inner {
    resource: ResourceRef,
    method: Method,
    write: Prepared,
    plan: DecodePlan,
    is_change: bool,
    /// Objects are read before they are written.
    images: bool,
    /// The statement, for the record of changes.
    text: String,
    parsed: Parsed,
    /// The rows of a call that may change something.
    answer: OnceCell<Result<RecordBatch, Box<Report>>>,
}

impl ExecCall {
    /// `provider.service.resource.method`.
    pub(crate) fn name(&self) -> String {
        format!("{}.{}", self.0.resource.dotted(), self.0.method.name)
    }

    /// The HTTP verb.
    pub(crate) fn http(&self) -> &'static str {
        self.0.method.verb.as_str()
    }

    /// The URL of the first request.
    pub(crate) fn url(&self) -> String {
        self.0.write.call.url(&[]).to_string()
    }

    /// True if it is called at most once.
    pub(crate) fn is_change(&self) -> bool {
        self.0.is_change
    }

    /// The name of the method's paging.
    pub(crate) fn paging(&self) -> &'static str {
        if self.0.is_change { Paging::None.name() } else { self.0.method.paging.name() }
    }

    /// Sends the request of a method that may change something.
    async fn send(&self, runtime: &CallRuntime) -> Result<RecordBatch, Box<Report>> {
        let inner = &self.0;
        let metrics = runtime.metrics(self.name());
        let exchange = runtime.run.forgetting(&runtime.exchange);
        let exchange = exchange.as_ref();
        let record = Record::of(
            &runtime.recording,
            inner.images && !matches!(runtime.recording, Recording::Off { .. }),
            &inner.resource,
            &inner.method,
            exchange,
            Statement { text: &inner.text, parsed: &inner.parsed },
            &[&inner.write.call],
        )?;
        let sender = Sender {
            exchange,
            metrics: &metrics,
            resource: &inner.resource,
            method: &inner.method,
            record: &record,
            outcome: &runtime.outcome,
            slots: Semaphore::new(1),
            stop: AtomicBool::new(false),
            stops: true,
        };
        let response = match sender.write(0, &inner.write).await {
            Fate::Applied(response) => response,
            Fate::Failed(report) | Fate::Unknown(report) => return Err(report),
            Fate::NotSent => return Err(Box::new(Report::internal("EXEC sent nothing"))),
        };
        runtime.outcome.note(format!("`{}` answered {}", self.name(), response.status));
        decode_answer(inner.plan.clone(), &response)
    }

    fn rows(&self, runtime: Arc<CallRuntime>) -> SendableBatches {
        runtime.exchange.introduce(&self.0.resource.provider);
        let call = self.clone();
        if self.0.is_change {
            return futures::stream::once(async move {
                call.0.answer.get_or_init(|| call.send(&runtime)).await.clone()
            })
            .boxed();
        }
        let method = &self.0.method;
        let metrics: Arc<CallMetrics> = runtime.metrics(self.name());
        let context = CallContext {
            exchange: Arc::clone(&runtime.exchange),
            metrics,
            missing_is_empty: false,
            shared: None,
        };
        let pager =
            Pager::new(method.paging.clone(), &method.name, None, &method.extension.origins);
        pages(context, Arc::new(self.0.write.call.clone()), self.0.plan.clone(), pager)
            .map_ok(|page| page.batch)
            .boxed()
    }
}

type SendableBatches = futures::stream::BoxStream<'static, Result<RecordBatch, Box<Report>>>;

impl fmt::Debug for ExecCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExecCall").field(&self.name()).finish()
    }
}

#[derive(Debug)]
struct ExecTable {
    schema: SchemaRef,
    call: ExecCall,
}

#[async_trait]
impl TableProvider for ExecTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn EngineSession,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Planned<Arc<dyn ExecutionPlan>> {
        let columns: Vec<usize> =
            projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let projected: SchemaRef = Arc::new(self.schema.project(&columns)?);
        Ok(Arc::new(ExecRelationExec::new(
            self.call.clone(),
            Arc::clone(&self.schema),
            columns,
            projected,
        )))
    }
}

/// The call that a node makes, if it is the operator of an EXEC.
pub(crate) fn exec_of(node: &Arc<dyn ExecutionPlan>) -> Option<&ExecCall> {
    let any: &dyn std::any::Any = node.as_ref();
    any.downcast_ref::<ExecRelationExec>().map(|exec| &exec.call)
}

/// The operator.
#[derive(Debug)]
struct ExecRelationExec {
    call: ExecCall,
    schema: SchemaRef,
    columns: Vec<usize>,
    properties: Arc<PlanProperties>,
}

impl ExecRelationExec {
    fn new(call: ExecCall, schema: SchemaRef, columns: Vec<usize>, projected: SchemaRef) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(projected),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { call, schema, columns, properties: Arc::new(properties) }
    }
}

impl DisplayAs for ExecRelationExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExecRelationExec: {}", self.call.name())
    }
}

impl ExecutionPlan for ExecRelationExec {
    fn name(&self) -> &'static str {
        "ExecRelationExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Planned<TreeNodeRecursion>,
    ) -> Planned<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Planned<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(
        &self,
        _partition: usize,
        context: Arc<TaskContext>,
    ) -> Planned<SendableRecordBatchStream> {
        let runtime = CallRuntime::of(&context)?;
        let (schema, columns) = (Arc::clone(&self.schema), self.columns.clone());
        let rows = self.call.rows(runtime).map(move |batch| match batch {
            Ok(batch) => shown(&batch, &schema, &columns),
            Err(report) => Err(external(report)),
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}

/// The columns that are wanted, with the schema that was planned.
fn shown(batch: &RecordBatch, schema: &SchemaRef, columns: &[usize]) -> Planned<RecordBatch> {
    let batch = batch.clone().with_schema(Arc::clone(schema)).map_err(DataFusionError::from)?;
    let arrays = columns.iter().map(|column| Arc::clone(batch.column(*column))).collect();
    let fields: Schema = schema.project(columns)?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(fields), arrays, &options)
        .map_err(DataFusionError::from)
}
