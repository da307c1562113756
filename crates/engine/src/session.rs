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
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{SessionConfig as EngineConfig, SessionContext};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use strataql_call::{Exchange, SharedChains};
use strataql_diag::{Code, Report};
use strataql_net::Environment;
use strataql_registry::Registry;
use strataql_sql::{Name, Parsed, Statement, sqlparser};

use crate::catalog::Catalog;
use crate::error::report_of;
use crate::exec::CallRuntime;
use crate::front::{Front, Locals, Planned};
use crate::outcome::Outcome;
use crate::parameters::Parameters;
use crate::plan::planner::Planner;
use crate::settings::Settings;
use crate::table::ResourceRef;
use crate::{dml, explain, meta, read_only};

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
}

/// A session.
pub struct Session {
    registry: Arc<Registry>,
    exchange: Arc<dyn Exchange>,
    environment: Environment,
    settings: Mutex<Settings>,
    engine: SessionContext,
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
        let memory = config.settings.memory_limit;
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_limit(memory, 1.0)
            .build_arc()
            .map_err(|error| report_of(&error, ""))?;
        let state = SessionStateBuilder::new()
            .with_config(engine_config())
            .with_runtime_env(runtime)
            .with_default_features()
            .with_query_planner(Arc::new(Planner))
            .build();
        Ok(Self {
            registry: config.registry,
            exchange: config.exchange,
            environment: config.environment,
            settings: Mutex::new(config.settings),
            engine: SessionContext::new_with_state(state),
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
            && let Some(report) = read_only::refusal(parsed)
        {
            return Err(report);
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
                    dml::write(self, text, parsed, parameters, true).await
                }
                Statement::Exec(exec) if !*analyze => dml::exec(self, exec, true).await,
                other => Err(unsupported(parsed, other)),
            },
            Statement::Write(..) => dml::write(self, text, parsed, parameters, false).await,
            Statement::Exec(exec) => dml::exec(self, exec, false).await,
            Statement::Show(show) => meta::show(self, show).await,
            Statement::Describe(describe) => meta::describe(self, describe),
            Statement::Use(name) => {
                let namespace = meta::namespace(self, name)?;
                self.settings.lock().unwrap_or_else(PoisonError::into_inner).namespace = namespace;
                Ok(ResultSet::nothing())
            }
            Statement::Set { name, value } => {
                self.settings.lock().unwrap_or_else(PoisonError::into_inner).set(name, value)?;
                Ok(ResultSet::nothing())
            }
            other => Err(unsupported(parsed, other)),
        }
    }

    /// Plans a query down to its operators.
    pub(crate) async fn prepare(
        &self,
        text: &str,
        parsed: &Parsed,
        query: &sqlparser::ast::Query,
        parameters: &Parameters,
    ) -> Result<Prepared, Box<Report>> {
        self.prepare_with(text, &meta::system::SystemTables { session: self }, |front| {
            front.plan(parsed, query, parameters)
        })
        .await
    }

    /// Plans what `plan` makes of a front down to its operators.
    pub(crate) async fn prepare_with(
        &self,
        text: &str,
        locals: &dyn Locals,
        plan: impl FnOnce(&Front<'_>) -> Result<Planned, Box<Report>>,
    ) -> Result<Prepared, Box<Report>> {
        let settings = Arc::new(self.settings());
        let outcome = Outcome::default();
        let state = self.statement_state(&outcome);
        let planned = plan(&Front {
            state: &state,
            registry: &self.registry,
            settings: Arc::clone(&settings),
            environment: Arc::clone(&self.environment),
            text,
            locals,
        })?;
        let plan = state
            .create_physical_plan(&planned.plan)
            .await
            .map_err(|error| report_of(&error, text))?;
        Ok(Prepared { plan, labels: planned.labels, state, outcome, timeout: settings.timeout })
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
        Ok(ResultSet { schema, labels, rows, outcome })
    }

    /// The engine's state for one statement, with its call runtime.
    fn statement_state(&self, outcome: &Outcome) -> SessionState {
        let mut state = self.engine.state();
        let runtime = CallRuntime {
            registry: Arc::clone(&self.registry),
            exchange: Arc::clone(&self.exchange),
            chains: Arc::new(SharedChains::default()),
            outcome: outcome.clone(),
        };
        state.config_mut().set_extension(Arc::new(runtime));
        state
    }

    /// The resource that a name of a statement means.
    pub(crate) fn catalog_resource(&self, name: &Name) -> Result<ResourceRef, Box<Report>> {
        let settings = self.settings();
        Catalog { registry: &self.registry, namespace: &settings.namespace }.resource(name)
    }

    pub(crate) fn exchange(&self) -> Arc<dyn Exchange> {
        Arc::clone(&self.exchange)
    }

    /// True if the session knows a server variable's value.
    pub(crate) fn has_variable(&self, provider: &str, name: &str) -> bool {
        let key = (provider.to_owned(), name.to_owned());
        self.settings().variables.contains_key(&key)
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
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

/// A query that is ready to run.
pub(crate) struct Prepared {
    pub(crate) plan: Arc<dyn ExecutionPlan>,
    pub(crate) labels: Vec<String>,
    pub(crate) state: SessionState,
    pub(crate) outcome: Outcome,
    pub(crate) timeout: Option<std::time::Duration>,
}

/// The defaults of datafusion.md, each measured there.
fn engine_config() -> EngineConfig {
    let mut config = EngineConfig::new().with_information_schema(false);
    let options = config.options_mut();
    options.sql_parser.enable_ident_normalization = false;
    options.sql_parser.collect_spans = true;
    options.sql_parser.map_string_types_to_utf8view = false;
    // a repartition pulls its input without waiting for demand: more pages than a LIMIT needs
    options.optimizer.enable_round_robin_repartition = false;
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

fn unsupported(parsed: &Parsed, statement: &Statement) -> Box<Report> {
    Box::new(
        Report::new(
            Code::UnsupportedSyntax,
            format!("{} cannot be run by this version", statement.keyword()),
        )
        .with_label(parsed.span, "")
        .with_help("SELECT, INSERT, UPDATE, REPLACE, DELETE, EXEC, EXPLAIN, SHOW, DESCRIBE, USE and SET can"),
    )
}
