//! The bind join: rows of the driver fetch the rows of the other side, once per distinct key.
//!
//! Owns: grouping of driver rows by key, single flight per key, bounded concurrency, the order of the
//! output (that of the driver), memory accounting.
//! Surprise: everything is pulled. A consumer that stops reading stops the requests; under a LIMIT
//! keys are asked for one at a time first, then twice as many, and so on.

mod emit;
mod fetch;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, ScalarValue, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, Partitioning, PlanProperties,
};
use futures::stream::FuturesUnordered;
use futures::{Stream, StreamExt};
use indexmap::IndexMap;
use strataql_call::Value;

use self::fetch::Fetcher;
use crate::plan::bind_node::Keep;
use crate::predicate::bindings::{SlotId, value_of};

/// Keys asked for at once; the gate of the transport bounds requests.
const CONCURRENCY: usize = 64;

/// What a bind join is made of.
#[derive(Debug, Clone)]
pub(crate) struct JoinParts {
    pub(crate) driver: Arc<dyn ExecutionPlan>,
    /// The fed side; not a child.
    pub(crate) template: Arc<dyn ExecutionPlan>,
    pub(crate) slots: Vec<SlotId>,
    pub(crate) keys: Vec<Arc<dyn PhysicalExpr>>,
    /// The keys as people write them, for EXPLAIN.
    pub(crate) key_names: Vec<String>,
    pub(crate) driver_check: Option<Arc<dyn PhysicalExpr>>,
    pub(crate) check: Option<Arc<dyn PhysicalExpr>>,
    pub(crate) keep: Keep,
    pub(crate) at_most_one: bool,
    /// Output.
    pub(crate) schema: SchemaRef,
    /// Driver columns, then fed columns: what `check` is evaluated on.
    pub(crate) both: SchemaRef,
}

/// The operator.
#[derive(Debug, Clone)]
pub(crate) struct BindJoinExec {
    parts: Arc<JoinParts>,
    /// True when few rows may be enough.
    lazy: bool,
    properties: Arc<PlanProperties>,
}

impl BindJoinExec {
    pub(crate) fn new(parts: JoinParts) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&parts.schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { parts: Arc::new(parts), lazy: false, properties: Arc::new(properties) }
    }

    /// The fed side.
    pub(crate) fn template(&self) -> &Arc<dyn ExecutionPlan> {
        &self.parts.template
    }

    /// The numbers of the keys.
    pub(crate) fn slots(&self) -> &[SlotId] {
        &self.parts.slots
    }

    /// True when few rows may be enough.
    pub(crate) const fn is_lazy(&self) -> bool {
        self.lazy
    }

    /// The keys as people write them.
    pub(crate) fn key_names(&self) -> &[String] {
        &self.parts.key_names
    }

    /// The same join with another driver and fed side, and whether few rows may be enough.
    pub(crate) fn with(
        &self,
        driver: Arc<dyn ExecutionPlan>,
        template: Arc<dyn ExecutionPlan>,
        lazy: bool,
    ) -> Self {
        let parts = JoinParts { driver, template, ..self.parts.as_ref().clone() };
        Self { parts: Arc::new(parts), lazy, properties: Arc::clone(&self.properties) }
    }
}

impl DisplayAs for BindJoinExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BindJoinExec: {:?} keys=[{}]", self.parts.keep, self.parts.key_names.join(", "))
    }
}

impl ExecutionPlan for BindJoinExec {
    fn name(&self) -> &'static str {
        "BindJoinExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.parts.driver]
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![Distribution::SinglePartition]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let parts = &self.parts;
        for expr in parts.keys.iter().chain(&parts.driver_check).chain(&parts.check) {
            if visit(expr)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(driver) = children.into_iter().next() else {
            return internal_err!("a bind join has a driver");
        };
        Ok(Arc::new(self.with(driver, Arc::clone(&self.parts.template), self.lazy)))
    }

    fn execute(
        &self,
        _partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let driver = self.parts.driver.execute(0, Arc::clone(&context))?;
        let fetcher = Arc::new(Fetcher::new(Arc::clone(&self.parts), context));
        let rows = run(Arc::clone(&self.parts), driver, fetcher, self.lazy);
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.parts.schema), rows)))
    }
}

/// Values of one key, `None` where a part is NULL or the driver row fails its own condition.
type Key = Option<Vec<Value>>;

/// Driver rows of one batch that share a key.
struct Group {
    batch: Arc<RecordBatch>,
    key: Key,
    rows: Vec<u32>,
}

/// Groups the rows of a driver batch, in order of first appearance.
fn group(parts: &JoinParts, batch: RecordBatch) -> Result<Vec<Group>> {
    let count = batch.num_rows();
    let columns = parts
        .keys
        .iter()
        .map(|key| key.evaluate(&batch)?.into_array(count))
        .collect::<Result<Vec<_>>>()?;
    let passing = emit::mask(parts.driver_check.as_ref(), &batch)?;
    let mut groups: IndexMap<Option<Vec<String>>, (Key, Vec<u32>)> = IndexMap::new();
    for row in 0..count {
        let passes = passing.as_ref().is_none_or(|mask| emit::is_true(mask, row));
        let key: Key = if passes {
            columns
                .iter()
                .map(|column| Ok(value_of(&ScalarValue::try_from_array(column, row)?)))
                .collect::<Result<Option<Vec<Value>>>>()?
        } else {
            None
        };
        let identity = key.as_ref().map(|values| values.iter().map(Value::text).collect());
        let position = u32::try_from(row)
            .map_err(|_| DataFusionError::Internal("a batch of over 2^32 rows".to_owned()))?;
        groups.entry(identity).or_insert_with(|| (key, Vec::new())).1.push(position);
    }
    let batch = Arc::new(batch);
    Ok(groups
        .into_values()
        .map(|(key, rows)| Group { batch: Arc::clone(&batch), key, rows })
        .collect())
}

/// The stream of output batches.
fn run(
    parts: Arc<JoinParts>,
    driver: SendableRecordBatchStream,
    fetcher: Arc<Fetcher>,
    lazy: bool,
) -> impl Stream<Item = Result<RecordBatch>> + Send {
    let state = Pump {
        parts,
        driver: Some(driver),
        fetcher,
        waiting: Vec::new(),
        running: FuturesUnordered::new(),
        done: BTreeMap::new(),
        started: 0,
        delivered: 0,
        window: if lazy { 1 } else { CONCURRENCY },
        driver_rows: 0,
        ready: Vec::new(),
    };
    futures::stream::try_unfold(state, |mut state| async move {
        Ok(state.next().await?.map(|batch| (batch, state)))
    })
}

type Emitted = futures::future::BoxFuture<'static, Result<(usize, Vec<RecordBatch>)>>;

/// Keeps a window of keys in flight and delivers their rows in the driver's order.
struct Pump {
    parts: Arc<JoinParts>,
    driver: Option<SendableRecordBatchStream>,
    fetcher: Arc<Fetcher>,
    /// Groups not yet started, last one first.
    waiting: Vec<Group>,
    running: FuturesUnordered<Emitted>,
    done: BTreeMap<usize, Vec<RecordBatch>>,
    started: usize,
    delivered: usize,
    window: usize,
    driver_rows: usize,
    /// Batches of the group whose turn it is, last one first.
    ready: Vec<RecordBatch>,
}

impl Pump {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.ready.pop() {
                return Ok(Some(batch));
            }
            if let Some(mut batches) = self.done.remove(&self.delivered) {
                self.delivered += 1;
                batches.reverse();
                self.ready = batches;
                continue;
            }
            self.fill();
            let room = self.running.len() < self.window;
            // the driver is asked only when a key could be started at once
            let wants_driver = room && self.waiting.is_empty() && self.driver.is_some();
            match (wants_driver, self.running.is_empty()) {
                (false, true) => return Ok(None),
                (true, true) => self.pull_driver().await?,
                (false, false) => self.finish_one().await?,
                (true, false) => {
                    let Some(driver) = self.driver.as_mut() else { continue };
                    tokio::select! {
                        biased;
                        finished = self.running.next() => self.take(finished)?,
                        batch = driver.next() => self.add(batch)?,
                    }
                }
            }
        }
    }

    fn fill(&mut self) {
        while self.running.len() < self.window
            && let Some(group) = self.waiting.pop()
        {
            let number = self.started;
            self.started += 1;
            let parts = Arc::clone(&self.parts);
            let fetcher = Arc::clone(&self.fetcher);
            self.running.push(Box::pin(async move {
                let rows = match &group.key {
                    Some(key) => Some(fetcher.rows(key).await?),
                    None => None,
                };
                Ok((number, emit::emit(&parts, &group.batch, &group.rows, rows.as_deref())?))
            }));
        }
    }

    async fn pull_driver(&mut self) -> Result<()> {
        let batch = match self.driver.as_mut() {
            Some(driver) => driver.next().await,
            None => None,
        };
        self.add(batch)
    }

    fn add(&mut self, batch: Option<Result<RecordBatch>>) -> Result<()> {
        let Some(batch) = batch else {
            self.driver = None;
            return Ok(());
        };
        let batch = batch?;
        self.driver_rows += batch.num_rows();
        if self.parts.at_most_one && self.driver_rows > 1 {
            return Err(DataFusionError::Execution(
                "the subquery gives more than one row".to_owned(),
            ));
        }
        let mut groups = group(&self.parts, batch)?;
        groups.reverse();
        self.waiting = groups;
        Ok(())
    }

    async fn finish_one(&mut self) -> Result<()> {
        let finished = self.running.next().await;
        self.take(finished)
    }

    fn take(&mut self, finished: Option<Result<(usize, Vec<RecordBatch>)>>) -> Result<()> {
        if let Some(finished) = finished {
            let (number, batches) = finished?;
            self.done.insert(number, batches);
            self.window = (self.window * 2).min(CONCURRENCY);
        }
        Ok(())
    }
}
