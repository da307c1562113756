//! The session: the one door through which statements run.
//!
//! Owns: statement dispatch, settings, the DataFusion session, timeouts.
//! Refuses: rendering and transport set-up; both are handed in or done by the doors.
//! Surprise: a result streams. Its notes and completeness are final only once its rows have ended.

use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::optimizer::Optimizer;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{SessionConfig as EngineConfig, SessionContext};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use strataql_call::{Exchange, SharedChains};
use strataql_diag::{Code, Report};
use strataql_net::Environment;
use strataql_registry::Registry;
use strataql_sql::{Name, Parsed, Statement, sqlparser};

use crate::activity::Activity;
use crate::catalog::Catalog;
use crate::error::{report_of, report_of_planned};
use crate::front::{Front, Locals, Planned};
use crate::operators::{CallRuntime, MarkOptionalSides};
use crate::outcome::Outcome;
use crate::parameters::Parameters;
use crate::plan::planner::Planner;
use crate::recording::Recording;
use crate::run::{Memory, Run};
use crate::settings::Settings;
use crate::table::ResourceRef;
use crate::transaction::{self, OpenTransaction, Transaction};
use crate::{budget, explain, local, meta, read_only, write};

/// What a session works with.
pub struct SessionConfig {
    /// Provider documents.
    pub registry: Arc<Registry>,
    /// The way to the network.
    pub exchange: Arc<dyn Exchange>,
    /// Environment lookup, for server variables that documents bind to one.
    pub environment: Environment,
    /// First settings.
    pub settings: Settings,
    /// Folder of local views and tables; without one they are kept in memory.
    pub tables: Option<std::path::PathBuf>,
    /// Whether and where writes are recorded.
    pub recording: Recording,
}

/// A session.
pub struct Session {
    registry: Arc<Registry>,
    exchange: Arc<dyn Exchange>,
    environment: Environment,
    settings: Mutex<Settings>,
    engine: SessionContext,
    local: local::Store,
    memory: Memory,
    activity: Activity,
    transaction: Transaction,
    /// The statement that runs, or ran last.
    running: Mutex<Arc<Run>>,
    recording: Recording,
}

/// The result of one statement.
pub struct ResultSet {
    /// Columns; an empty schema for statements without rows.
    pub schema: SchemaRef,
    /// What stands above the columns; may repeat.
    pub labels: Vec<String>,
    /// The rows, as they arrive.
    pub rows: BoxStream<'static, Result<RecordBatch, Box<Report>>>,
    /// Notes, completeness and counters, shared with the running statement.
    pub outcome: Outcome,
}

impl ResultSet {
    /// A result without rows and columns.
    pub(crate) fn nothing() -> Self {
        Self {
            schema: Arc::new(Schema::empty()),
            labels: Vec::new(),
            rows: futures::stream::empty().boxed(),
            outcome: Outcome::default(),
        }
    }

    /// A result that is already there.
    pub(crate) fn of_batch(batch: RecordBatch) -> Self {
        let schema = batch.schema();
        Self {
            labels: schema.fields().iter().map(|field| field.name().clone()).collect(),
            schema,
            rows: futures::stream::iter([Ok(batch)]).boxed(),
            outcome: Outcome::default(),
        }
    }

    /// True when there are no columns to show.
    pub fn is_empty(&self) -> bool {
        self.schema.fields().is_empty()
    }
}

impl std::fmt::Debug for ResultSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResultSet").field("labels", &self.labels).finish_non_exhaustive()
    }
}

impl Session {
    /// A session.
    ///
    /// # Errors
    /// `internal` if the engine cannot be set up.
    pub fn new(config: SessionConfig) -> Result<Self, Box<Report>> {
        Self::without_rules(config, &[])
    }

    /// A session that plans without these optimizer rules of DataFusion, logical and physical ones by
    /// name. Rows never depend on a rule, so this tells whether one is to blame for wrong rows.
    /// Without a rule that gives a statement its plannable form (`decorrelate_predicate_subquery`)
    /// or brings conditions to the resources (`push_down_filter`), statements may be refused.
    ///
    /// # Errors
    /// `internal` if the engine cannot be set up.
    pub fn without_rules(config: SessionConfig, rules: &[&str]) -> Result<Self, Box<Report>> {
        let memory = config.settings.memory_limit;
        let mut logical = Optimizer::new().rules;
        logical.retain(|rule| !rules.contains(&rule.name()));
        let mut physical = PhysicalOptimizer::new().rules;
        physical.retain(|rule| !rules.contains(&rule.name()));
        physical.insert(0, Arc::new(MarkOptionalSides));
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_limit(memory, 1.0)
            .build_arc()
            .map_err(|error| report_of(&error, ""))?;
        let mut state = SessionStateBuilder::new()
            .with_config(engine_config())
            .with_runtime_env(runtime)
            .with_default_features()
            .with_optimizer_rules(logical)
            .with_physical_optimizer_rules(physical)
            .with_query_planner(Arc::new(Planner))
            .build();
        strataql_functions::register(&mut state).map_err(|error| report_of(&error, ""))?;
        let memory = Memory::default();
        let run = Run::before_all(&memory, &config.settings);
        Ok(Self {
            registry: config.registry,
            exchange: config.exchange,
            environment: config.environment,
            settings: Mutex::new(config.settings),
            engine: SessionContext::new_with_state(state),
            local: local::Store::new(config.tables),
            memory,
            activity: Activity::default(),
            transaction: Transaction::default(),
            running: Mutex::new(Arc::new(run)),
            recording: config.recording,
        })
    }

    /// Reads the statements of a text.
    ///
    /// # Errors
    /// `syntax` with its place.
    pub fn parse(text: &str) -> Result<Vec<Parsed>, Box<Report>> {
        strataql_sql::parse(text)
    }

    /// The settings now.
    pub fn settings(&self) -> Settings {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the session waits for.
    pub fn activity(&self) -> Activity {
        self.activity.clone()
    }

    /// Changes a setting as SET does.
    ///
    /// # Errors
    /// `unknown-setting`, `bad-param-value`.
    pub fn set(&self, name: &str, value: &str) -> Result<(), Box<Report>> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).set_text(name, value)
    }

    /// Runs all statements of a text, one after the other: each result must be read to its end before
    /// the next statement starts. The stream ends with the first failure.
    pub fn run<'a>(
        &'a self,
        text: &'a str,
        parameters: &'a Parameters,
    ) -> impl Stream<Item = Result<ResultSet, Box<Report>>> + 'a {
        let statements = match Self::parse(text) {
            Ok(statements) => statements.into_iter().map(Ok).collect(),
            Err(report) => vec![Err(report)],
        };
        futures::stream::iter(statements).and_then(move |parsed| async move {
            self.run_statement(text, &parsed, parameters).await
        })
    }

    /// Runs one statement of `text`.
    ///
    /// # Errors
    /// Reports of planning; those of execution come through the rows.
    pub async fn run_statement(
        &self,
        text: &str,
        parsed: &Parsed,
        parameters: &Parameters,
    ) -> Result<ResultSet, Box<Report>> {
        if self.settings().read_only
            && let Some(report) = read_only::refusal(self, parsed)
        {
            return Err(report);
        }
        let run = Run::begin(&self.memory, &self.settings(), is_query(&parsed.statement));
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(run);
        if let Some(queued) = transaction::take(self, text, parsed, parameters).await? {
            return Ok(queued);
        }
        self.dispatch(text, parsed, &parsed.statement, parameters).await
    }

    async fn dispatch(
        &self,
        text: &str,
        parsed: &Parsed,
        statement: &Statement,
        parameters: &Parameters,
    ) -> Result<ResultSet, Box<Report>> {
        match statement {
            Statement::Query(query) => {
                let prepared = self.prepare(text, parsed, query, parameters).await?;
                self.execute(text, prepared)
            }
            Statement::Explain { analyze, verbose, inner } => match inner.as_ref() {
                Statement::Query(query) => {
                    let prepared = self.prepare(text, parsed, query, parameters).await?;
                    explain::explain(self, text, prepared, *analyze, *verbose).await
                }
                Statement::Write(..) if !*analyze => {
                    Box::pin(write::write(self, text, parsed, parameters, true)).await
                }
                Statement::Exec(exec) if !*analyze => {
                    Box::pin(write::exec(self, text, parsed, exec, true)).await
                }
                Statement::Definition(definition) if !*analyze => {
                    local::explain(self, text, parsed, definition, parameters).await
                }
                other => Err(no_explain(parsed, other, *analyze)),
            },
            Statement::Write(kind, write) => {
                match local::write(self, text, parsed, *kind, write, parameters).await? {
                    Some(result) => Ok(result),
                    None => Box::pin(write::write(self, text, parsed, parameters, false)).await,
                }
            }
            Statement::Definition(definition) => {
                write::refuse_in_view(parsed, definition)?;
                local::define(self, text, parsed, definition, parameters).await
            }
            Statement::Refresh(name) => local::refresh(self, name).await,
            Statement::Exec(exec) => Box::pin(write::exec(self, text, parsed, exec, false)).await,
            Statement::Show(show) => meta::show(self, text, show).await,
            Statement::Describe(describe) => match local::describe(self, describe).await? {
                Some(result) => Ok(result),
                None => meta::describe(self, describe),
            },
            Statement::Use(name) => {
                let namespace = meta::namespace(self, name)?;
                self.settings.lock().unwrap_or_else(PoisonError::into_inner).namespace = namespace;
                Ok(ResultSet::nothing())
            }
            Statement::Set { name, value } => {
                self.settings.lock().unwrap_or_else(PoisonError::into_inner).set(name, value)?;
                Ok(ResultSet::nothing())
            }
            Statement::Transaction(word) => transaction::run(self, text, parsed, *word).await,
            other => Err(unsupported(parsed, other)),
        }
    }

    /// The transaction that is open, if one is.
    pub fn open_transaction(&self) -> Option<OpenTransaction> {
        self.transaction.open()
    }

    pub(crate) fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    pub(crate) fn set_namespace(&self, namespace: Vec<String>) {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).namespace = namespace;
    }

    /// Plans a query down to its operators.
    pub(crate) async fn prepare(
        &self,
        text: &str,
        parsed: &Parsed,
        query: &sqlparser::ast::Query,
        parameters: &Parameters,
    ) -> Result<Prepared, Box<Report>> {
        let locals = local::Relations::of(self, query).await?;
        self.prepare_with(text, &locals, |front| front.plan(parsed, query, parameters)).await
    }

    /// Plans what `plan` makes of a front down to its operators.
    pub(crate) async fn prepare_with(
        &self,
        text: &str,
        locals: &dyn Locals,
        plan: impl FnOnce(&Front<'_>) -> Result<Planned, Box<Report>>,
    ) -> Result<Prepared, Box<Report>> {
        let logical = self.plan_with(self.settings(), text, locals, plan)?;
        self.operators(text, logical).await
    }

    /// Plans what `plan` makes of a front, under the given settings, as far as the logical plan.
    pub(crate) fn plan_with(
        &self,
        settings: Settings,
        text: &str,
        locals: &dyn Locals,
        plan: impl FnOnce(&Front<'_>) -> Result<Planned, Box<Report>>,
    ) -> Result<Logical, Box<Report>> {
        let outcome = Outcome::default();
        let state = self.statement_state(&outcome);
        let timeout = settings.timeout;
        let planned = plan(&Front {
            state: &state,
            registry: &self.registry,
            settings: Arc::new(settings),
            environment: Arc::clone(&self.environment),
            text,
            locals,
        })?;
        Ok(Logical { planned, state, outcome, timeout })
    }

    /// The operators of a logical plan.
    pub(crate) async fn operators(
        &self,
        text: &str,
        logical: Logical,
    ) -> Result<Prepared, Box<Report>> {
        let Logical { planned, state, outcome, timeout } = logical;
        let plan = state
            .create_physical_plan(&planned.plan)
            .await
            .map_err(|error| report_of_planned(&error, text))?;
        Ok(Prepared { plan, labels: planned.labels, state, outcome, timeout })
    }

    /// Starts a prepared query.
    pub(crate) fn execute(&self, text: &str, prepared: Prepared) -> Result<ResultSet, Box<Report>> {
        let Prepared { plan, labels, state, outcome, timeout } = prepared;
        let schema = plan.schema();
        let text: Arc<str> = Arc::from(text);
        let task = state.task_ctx();
        let rows = execute_stream(plan, task).map_err(|error| report_of(&error, &text))?;
        let reported = Arc::clone(&text);
        let rows = rows.map_err(move |error| report_of(&error, &reported)).boxed();
        let rows = match timeout {
            Some(timeout) => deadline(rows, timeout).boxed(),
            None => rows,
        };
        let rows = budget::within(rows, Arc::clone(&self.running().budget));
        Ok(ResultSet { schema, labels, rows, outcome })
    }

    /// The engine's state for one statement, with its call runtime.
    fn statement_state(&self, outcome: &Outcome) -> SessionState {
        let mut state = self.engine.state();
        let run = self.running();
        let runtime = CallRuntime {
            registry: Arc::clone(&self.registry),
            exchange: run.reading(&self.exchange, outcome),
            chains: Arc::new(SharedChains::default()),
            outcome: outcome.clone(),
            run,
            recording: self.recording.clone(),
        };
        state.config_mut().set_extension(Arc::new(runtime));
        state
    }

    /// The resource that a name of a statement means.
    pub(crate) fn catalog_resource(&self, name: &Name) -> Result<ResourceRef, Box<Report>> {
        let settings = self.settings();
        Catalog { registry: &self.registry, namespace: &settings.namespace }.resource(name)
    }

    /// The way to the network for writes.
    pub(crate) fn exchange(&self) -> Arc<dyn Exchange> {
        self.running().writing(&self.exchange)
    }

    /// The statement that runs.
    pub(crate) fn running(&self) -> Arc<Run> {
        Arc::clone(&self.running.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is kept from one statement to the next.
    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// True if the session knows a server variable's value.
    pub(crate) fn has_variable(&self, provider: &str, name: &str) -> bool {
        let key = (provider.to_owned(), name.to_owned());
        self.settings().variables.contains_key(&key)
    }

    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    pub(crate) fn local(&self) -> &local::Store {
        &self.local
    }

    pub(crate) fn recording(&self) -> &Recording {
        &self.recording
    }

    pub(crate) fn engine(&self) -> &SessionContext {
        &self.engine
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("settings", &self.settings()).finish_non_exhaustive()
    }
}

/// A query that is planned, without operators.
pub(crate) struct Logical {
    pub(crate) planned: Planned,
    state: SessionState,
    outcome: Outcome,
    timeout: Option<std::time::Duration>,
}

/// A query that is ready to run.
pub(crate) struct Prepared {
    pub(crate) plan: Arc<dyn ExecutionPlan>,
    pub(crate) labels: Vec<String>,
    pub(crate) state: SessionState,
    pub(crate) outcome: Outcome,
    pub(crate) timeout: Option<std::time::Duration>,
}

/// What differs from DataFusion's defaults (docs/decisions/0014-settings-of-datafusion.md).
fn engine_config() -> EngineConfig {
    let mut config = EngineConfig::new().with_information_schema(false);
    let options = config.options_mut();
    options.sql_parser.enable_ident_normalization = false;
    options.sql_parser.collect_spans = true;
    options.sql_parser.map_string_types_to_utf8view = false;
    // a repartition pulls its input without waiting for demand: more pages than a LIMIT needs
    options.optimizer.enable_round_robin_repartition = false;
    // a count that a join brings is never NULL; only the logical plan knows, and both are right
    options.execution.skip_physical_aggregate_schema_check = true;
    config
}

/// A stream that fails when it has not ended in time.
fn deadline(
    rows: BoxStream<'static, Result<RecordBatch, Box<Report>>>,
    timeout: std::time::Duration,
) -> impl Stream<Item = Result<RecordBatch, Box<Report>>> {
    let end = tokio::time::Instant::now() + timeout;
    futures::stream::try_unfold(rows, move |mut rows| async move {
        match tokio::time::timeout_at(end, rows.next()).await {
            Ok(None) => Ok(None),
            Ok(Some(batch)) => Ok(Some((batch?, rows))),
            Err(_) => Err(Box::new(
                Report::new(
                    Code::Timeout,
                    format!("the statement did not end within {} ms", timeout.as_millis()),
                )
                .with_help("narrow it with WHERE or LIMIT, or raise the timeout"),
            )),
        }
    })
}

/// True for statements that write and keep nothing.
fn is_query(statement: &Statement) -> bool {
    match statement {
        Statement::Query(_) => true,
        Statement::Explain { inner, .. } => is_query(inner),
        _ => false,
    }
}

/// EXPLAIN of what has no requests to tell.
fn no_explain(parsed: &Parsed, statement: &Statement, analyze: bool) -> Box<Report> {
    let word = if analyze { "EXPLAIN ANALYZE" } else { "EXPLAIN" };
    let help = if analyze {
        "EXPLAIN ANALYZE runs a query and measures it; EXPLAIN shows what others would send"
    } else {
        "EXPLAIN takes queries, INSERT, UPDATE, REPLACE, DELETE, EXEC and CREATE … AS; leave EXPLAIN out of others"
    };
    Box::new(
        Report::new(
            Code::UnsupportedSyntax,
            format!("{word} does not take {}", statement.keyword()),
        )
        .with_label(parsed.span, "")
        .with_help(help),
    )
}

fn unsupported(parsed: &Parsed, statement: &Statement) -> Box<Report> {
    Box::new(
        Report::new(
            Code::UnsupportedSyntax,
            format!("{} cannot be run by this version", statement.keyword()),
        )
        .with_label(parsed.span, "")
        .with_help("SELECT, INSERT, UPDATE, REPLACE, DELETE, EXEC, CREATE, DROP, REFRESH, EXPLAIN, SHOW, DESCRIBE, USE, SET, BEGIN, COMMIT and ROLLBACK can"),
    )
}
