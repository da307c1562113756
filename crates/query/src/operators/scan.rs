//! The scan operator: pages of one method as record batches.
//!
//! Owns: fan-out over value lists, exact row limits, the early first request, demand-driven reading
//! under a LIMIT.
//! Surprise: without a LIMIT the first request leaves in `execute()`, so that the two sides of a join
//! wait for the network together; one batch of look-ahead, stopped when the stream is dropped.

use std::fmt;
use std::sync::{Arc, OnceLock};

use datafusion::arrow::array::{ArrayRef, RecordBatch, Scalar};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::compute::kernels::cmp::eq;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, ScalarValue, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion::physical_plan::stream::{RecordBatchReceiverStream, RecordBatchStreamAdapter};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
};
use futures::{Stream, StreamExt, TryStreamExt};
use strataql_call::{Arguments, CallContext, CallMetrics, MethodRef, field_of};
use strataql_diag::Code;
use strataql_spec::{Location, Method};

use super::fan_out::{self, CallStream};
use super::identity::{Identities, Noted, Requested};
use super::{BoundKeys, CallRuntime, ScanSpec};
use crate::error::external;
use crate::outcome::Issue;
use crate::partial;
use crate::predicate::bindings::ParameterSource;
use crate::run::read_only_refusal;

/// The operator.
#[derive(Debug, Clone)]
pub(crate) struct ScanExec {
    spec: Arc<ScanSpec>,
    properties: Arc<PlanProperties>,
    /// Counters of all executions: the fed side of a join is executed once per key.
    metrics: Arc<OnceLock<Arc<CallMetrics>>>,
    /// Notes about other objects, of all executions too.
    noted: Noted,
}

impl ScanExec {
    pub(crate) fn new(spec: ScanSpec) -> Self {
        let fields: Vec<Field> = spec
            .columns
            .iter()
            .map(|column| {
                let metadata = column.metadata.clone().into_iter().collect();
                field_of(&column.name, column.kind).with_metadata(metadata)
            })
            .collect();
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        Self {
            spec: Arc::new(spec),
            properties: Arc::new(properties),
            metrics: Arc::default(),
            noted: Noted::default(),
        }
    }

    pub(crate) fn spec(&self) -> &ScanSpec {
        &self.spec
    }

    /// The same scan with a changed spec.
    pub(crate) fn with(&self, change: impl FnOnce(&mut ScanSpec)) -> Self {
        let mut spec = self.spec.as_ref().clone();
        change(&mut spec);
        Self {
            spec: Arc::new(spec),
            properties: Arc::clone(&self.properties),
            metrics: Arc::clone(&self.metrics),
            noted: Arc::clone(&self.noted),
        }
    }
}

impl DisplayAs for ScanExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScanExec: {} parameters=[", self.spec.name())?;
        let names: Vec<&str> = self.spec.bindings.keys().map(String::as_str).collect();
        write!(f, "{}]", names.join(", "))?;
        match self.spec.limit {
            Some(limit) => write!(f, " limit={limit}"),
            None => Ok(()),
        }
    }
}

impl ExecutionPlan for ScanExec {
    fn name(&self) -> &'static str {
        "ScanExec"
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

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        Some(Arc::new(self.with(|spec| spec.limit = limit)))
    }

    fn fetch(&self) -> Option<usize> {
        self.spec.limit
    }

    fn execute(
        &self,
        _partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let schema = self.schema();
        let rows = self.rows(&context)?;
        if !self.spec.eager || self.spec.lazy || self.spec.limit.is_some() {
            return Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)));
        }
        let mut builder = RecordBatchReceiverStream::builder(schema, 1);
        let sender = builder.tx();
        builder.spawn(async move {
            let mut rows = std::pin::pin!(rows);
            while let Some(batch) = rows.next().await {
                if sender.send(batch).await.is_err() {
                    break;
                }
            }
            Ok(())
        });
        Ok(builder.build())
    }
}

impl ScanExec {
    /// The rows of all calls, cut at the limit.
    fn rows(
        &self,
        context: &TaskContext,
    ) -> Result<impl Stream<Item = Result<RecordBatch>> + Send + use<>> {
        let runtime = CallRuntime::of(context)?;
        for note in &self.spec.notes {
            runtime.outcome.note(note.clone());
        }
        let metrics = Arc::clone(self.metrics.get_or_init(|| runtime.metrics(self.spec.name())));
        let keys = context.session_config().get_extension::<BoundKeys>();
        let arguments = self.spec.arguments(keys.as_deref()).map_err(|slot| {
            DataFusionError::Internal(format!(
                "join key {slot} of {} has no value",
                self.spec.name()
            ))
        })?;
        let target = self.spec.target(&runtime.registry).map_err(external)?;
        let identities = Identities::of(
            &self.spec,
            &target,
            &arguments,
            (&runtime.outcome, &runtime.run),
            &self.noted,
        );
        let calls = arguments
            .iter()
            .enumerate()
            .filter(|(_, arguments)| !self.is_of_no_object(target.method(), arguments))
            .map(|(number, arguments)| {
                let requested = identities.requested(number, arguments);
                self.leg(&runtime, &metrics, &target, arguments, requested)
            })
            .collect::<Result<Vec<CallStream>>>()?;
        let width =
            if self.spec.lazy || self.spec.limit.is_some() { 1 } else { self.spec.concurrency };
        let rows = fan_out::run(calls, width, self.spec.arrival_order);
        Ok(limited(rows, self.spec.limit))
    }

    /// True if a join key names no object: no path and no host is made with the empty text.
    fn is_of_no_object(&self, method: &Method, arguments: &Arguments) -> bool {
        self.spec.bindings.iter().any(|(name, source)| {
            matches!(source, ParameterSource::Slot(_))
                && method.param(name).is_some_and(|param| {
                    matches!(param.location, Location::Path | Location::Server)
                        && arguments.value(param).is_some_and(|value| value.text().is_empty())
                })
        })
    }

    /// The pages of one call.
    fn leg(
        &self,
        runtime: &Arc<CallRuntime>,
        metrics: &Arc<CallMetrics>,
        target: &MethodRef,
        arguments: &Arguments,
        requested: Requested,
    ) -> Result<CallStream> {
        let (spec, method) = (&self.spec, target.method());
        if runtime.run.is_read_only && method.is_write() {
            let what = format!("SELECT by method `{}`, which sends {}", spec.name(), method.verb);
            return Err(external(read_only_refusal(&what)));
        }
        let call = match spec.call(target, arguments) {
            Ok(call) => call,
            Err(report) if spec.is_fed() && report.code == Code::BadParamValue => {
                // one row of many, whose key cannot be asked for
                if runtime.run.is_partial {
                    let scope = partial::scope(&spec.name(), method, arguments);
                    runtime.outcome.add_issue(Issue::of(scope, &report));
                    return Ok(futures::stream::empty().boxed());
                }
                return Err(external(Box::new(report.with_note(
                    "the value comes from a row that is joined; a condition in ON or WHERE can leave such rows out",
                ))));
            }
            Err(report) => return Err(external(report)),
        };
        let context = CallContext {
            missing_is_empty: method.is_lookup() || method.extension.missing_is_empty,
            decides_write: runtime.run.decides_write(),
            shared: spec.shared.then(|| Arc::clone(&runtime.chains)),
            ahead: if spec.lazy || spec.limit.is_some() { 1 } else { spec.concurrency },
            most_pages: runtime.run.most_pages,
            ..CallContext::new(Arc::clone(&runtime.exchange), Arc::clone(metrics))
        };
        let plan = spec.decode_plan(&call).map_err(external)?;
        let schema = self.schema();
        let pages = runtime.run.span.in_scope(|| call.pages(context, plan));
        let pages = if runtime.run.is_partial {
            let scope = partial::scope(&spec.name(), method, arguments);
            let outlives = runtime.run.outlives_refusals;
            partial::kept(pages, runtime.outcome.clone(), scope, outlives).boxed()
        } else {
            pages.boxed()
        };
        let budget = Arc::clone(&runtime.run.budget);
        let compared = self.compared(arguments)?;
        let stream = pages.inspect_ok(move |page| budget.count_read(page.batch.num_rows())).map(
            move |page| {
                let page = page.map_err(external)?;
                let batch = requested.rows(&page.batch)?.with_schema(Arc::clone(&schema))?;
                of_call(&batch, &compared)
            },
        );
        Ok(stream.boxed())
    }

    /// The values that rows of a call must have, with the positions of their columns.
    fn compared(&self, arguments: &Arguments) -> Result<Vec<(usize, ArrayRef)>> {
        let mut compared = Vec::new();
        for name in &self.spec.compared {
            let position = self.spec.columns.iter().position(|column| column.name == *name);
            let (Some(position), Some(value)) = (position, arguments.0.get(name)) else {
                return internal_err!("{name} of {} is not there to compare", self.spec.name());
            };
            let value = ScalarValue::Utf8(Some(value.text()));
            let kind = self.schema().field(position).data_type().clone();
            // a value of another type equals none
            let value = match value.cast_to(&kind) {
                Ok(value) => value,
                Err(_) => ScalarValue::try_from(&kind)?,
            };
            compared.push((position, value.to_array()?));
        }
        Ok(compared)
    }
}

/// The rows that have all those values.
fn of_call(batch: &RecordBatch, compared: &[(usize, ArrayRef)]) -> Result<RecordBatch> {
    let mut batch = batch.clone();
    for (position, value) in compared {
        let is_own = eq(batch.column(*position), &Scalar::new(Arc::clone(value)))?;
        batch = filter_record_batch(&batch, &is_own)?;
    }
    Ok(batch)
}

/// The stream up to exactly `limit` rows.
fn limited(
    rows: impl Stream<Item = Result<RecordBatch>> + Send,
    limit: Option<usize>,
) -> impl Stream<Item = Result<RecordBatch>> + Send {
    let state = (Box::pin(rows), limit);
    futures::stream::try_unfold(state, |(mut rows, left)| async move {
        if left == Some(0) {
            return Ok(None);
        }
        let Some(batch) = rows.next().await.transpose()? else { return Ok(None) };
        Ok(Some(match left {
            None => (batch, (rows, None)),
            Some(left) => {
                let taken = batch.num_rows().min(left);
                (batch.slice(0, taken), (rows, Some(left - taken)))
            }
        }))
    })
}
