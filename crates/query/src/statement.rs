//! One statement: what it is run with, and how it is planned and started.
//!
//! Owns: the snapshot of settings that a statement sees, its budget (time included) and its memory; and
//! the way from text to a logical plan, to operators, to rows.
//! Refuses: dispatch by kind of statement, settings that change, transactions; the session has those.
//! Surprise: a result streams. Its notes and completeness are final only once its rows have ended.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SessionState, TaskContext};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::{StreamExt, TryStreamExt};
use strataql_call::{Exchange, ServerVariables, SharedChains};
use strataql_diag::Report;
use strataql_functions::MemoryLimit;
use strataql_registry::Registry;
use strataql_sql::{Name, Parsed, Statement as Syntax, WriteKind, sqlparser};

use crate::activity::Activity;
use crate::budget;
use crate::catalog::Catalog;
use crate::error::{report_of, report_of_planned};
use crate::front::{Front, Planned, RelationResolver};
use crate::operators::CallRuntime;
use crate::outcome::Outcome;
use crate::parameters::Parameters;
use crate::query_engine::QueryEngine;
use crate::resource::ResourceRef;
use crate::result_set::ResultSet;
use crate::run::Run;
use crate::settings::Settings;

/// Opens the relations of a query that are no resources: local tables and views, system tables, files.
#[async_trait]
pub trait Relations: Send + Sync {
    /// The relations that `query` and the views in it name.
    ///
    /// # Errors
    /// What keeps one from being read.
    async fn open<'a>(
        &'a self,
        statement: &'a Statement,
        query: &sqlparser::ast::Query,
    ) -> Result<Box<dyn RelationResolver + 'a>, Box<Report>>;
}

/// A statement that runs.
///
/// Nothing in it is shared with another statement but what [`QueryEngine`] shares and what a session
/// keeps from one statement to the next (its journal and its response cache).
#[derive(Clone)]
pub struct Statement {
    /// What all statements of the process share.
    pub engine: Arc<QueryEngine>,
    /// The text that spans of reports point into.
    pub text: Arc<str>,
    /// The parsed statement.
    pub parsed: Arc<Parsed>,
    /// Values of bind parameters.
    pub parameters: Arc<Parameters>,
    /// The settings as they were when the statement began.
    pub settings: Arc<Settings>,
    /// Its budget, and its ways to the network.
    pub run: Arc<Run>,
    /// What its operators may hold in memory; set up for the first of them.
    memory: Arc<OnceLock<Arc<RuntimeEnv>>>,
    /// Values of server variables that are not in the statement.
    variables: ServerVariables,
    /// True if default parameters take part, although `default.writes` is off.
    uses_defaults: bool,
    /// Where waits report what they wait for.
    pub activity: Activity,
    /// Opens relations that are no resources.
    pub relations: Arc<dyn Relations>,
}

/// A query that is planned, without operators.
pub struct Logical {
    /// The logical plan and its labels.
    pub planned: Planned,
    state: SessionState,
    outcome: Outcome,
}

/// A query that is ready to run.
pub struct PreparedQuery {
    /// The operators.
    pub plan: Arc<dyn ExecutionPlan>,
    labels: Vec<String>,
    /// The corrections of DataFusion that changed the logical plan.
    pub(crate) corrections: Vec<&'static str>,
    state: SessionState,
    outcome: Outcome,
}

impl Statement {
    /// A statement that starts now.
    pub fn begin(
        engine: Arc<QueryEngine>,
        (text, parsed, parameters): (Arc<str>, Arc<Parsed>, Arc<Parameters>),
        settings: Arc<Settings>,
        run: Arc<Run>,
        activity: Activity,
        relations: Arc<dyn Relations>,
    ) -> Self {
        let variables = variables(&engine, &settings);
        let uses_defaults = !is_change(&parsed.statement);
        Self {
            engine,
            text,
            parsed,
            parameters,
            settings,
            run,
            memory: Arc::default(),
            variables,
            uses_defaults,
            activity,
            relations,
        }
    }

    /// The same statement with another text, as part of its run.
    #[must_use]
    pub fn part(
        &self,
        text: impl Into<Arc<str>>,
        parsed: impl Into<Arc<Parsed>>,
        parameters: impl Into<Arc<Parameters>>,
    ) -> Self {
        let parsed = parsed.into();
        Self {
            text: text.into(),
            uses_defaults: self.uses_defaults && !is_change(&parsed.statement),
            parsed,
            parameters: parameters.into(),
            ..self.clone()
        }
    }

    /// The same statement under other settings, as part of its run.
    #[must_use]
    pub fn with_settings(&self, settings: Settings) -> Self {
        let variables = variables(&self.engine, &settings);
        Self { settings: Arc::new(settings), variables, ..self.clone() }
    }

    /// The provider documents.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.engine.registry
    }

    /// Names as the statement's namespace resolves them.
    pub fn catalog(&self) -> Catalog<'_> {
        Catalog { registry: &self.engine.registry, namespace: &self.settings.namespace }
    }

    /// The resource that a name means.
    ///
    /// # Errors
    /// `unknown-provider`, `unknown-service`, `unknown-resource`, `ambiguous-name`.
    pub fn resource(&self, name: &Name) -> Result<ResourceRef, Box<Report>> {
        self.catalog().resource(name)
    }

    /// The way to the network for writes, and for what is read to decide about them.
    pub fn exchange(&self) -> Arc<dyn Exchange> {
        self.run.writing(&self.engine.exchange)
    }

    /// Source of server variables that are not in the statement, and of default parameters unless the
    /// statement changes or deletes what is there.
    pub fn server_variables(&self) -> ServerVariables {
        if self.uses_defaults { self.variables.clone() } else { self.change_variables() }
    }

    /// The source for a call that changes what is there: with default parameters only if
    /// `default.writes` is on.
    pub fn change_variables(&self) -> ServerVariables {
        let variables = self.variables.clone();
        if self.settings.default_writes { variables } else { variables.without_defaults() }
    }

    /// The source for a call of EXEC.
    pub fn call_variables(&self, is_read: bool) -> ServerVariables {
        if is_read { self.variables.clone() } else { self.change_variables() }
    }

    /// What its operators may hold in memory, all together.
    ///
    /// # Errors
    /// `internal` if it cannot be set up.
    pub fn memory(&self) -> Result<Arc<RuntimeEnv>, Box<Report>> {
        if let Some(memory) = self.memory.get() {
            return Ok(Arc::clone(memory));
        }
        let memory = RuntimeEnvBuilder::from_runtime_env(self.engine.state.runtime_env())
            .with_memory_limit(self.settings.memory_limit, 1.0)
            .build_arc()
            .map_err(|error| report_of(&error, ""))?;
        Ok(Arc::clone(self.memory.get_or_init(|| memory)))
    }

    /// Plans a query down to its operators.
    ///
    /// # Errors
    /// Reports of planning.
    pub async fn prepare(
        &self,
        query: &sqlparser::ast::Query,
    ) -> Result<PreparedQuery, Box<Report>> {
        let relations = self.relations.open(self, query).await?;
        self.prepare_with(relations.as_ref(), |front| {
            front.plan(&self.parsed, query, &self.parameters)
        })
        .await
    }

    /// Plans what `plan` makes of a front down to its operators.
    ///
    /// # Errors
    /// Reports of planning.
    pub async fn prepare_with(
        &self,
        relations: &dyn RelationResolver,
        plan: impl FnOnce(&Front<'_>) -> Result<Planned, Box<Report>>,
    ) -> Result<PreparedQuery, Box<Report>> {
        let logical = self.plan_with(relations, plan)?;
        self.operators(logical).await
    }

    /// Plans what `plan` makes of a front, as far as the logical plan.
    ///
    /// # Errors
    /// Reports of planning.
    pub fn plan_with(
        &self,
        relations: &dyn RelationResolver,
        plan: impl FnOnce(&Front<'_>) -> Result<Planned, Box<Report>>,
    ) -> Result<Logical, Box<Report>> {
        let outcome = Outcome::default();
        let state = self.state(&outcome);
        let planned = plan(&Front {
            state: &state,
            registry: &self.engine.registry,
            settings: Arc::clone(&self.settings),
            variables: self.server_variables(),
            text: &self.text,
            relations,
        })?;
        Ok(Logical { planned, state, outcome })
    }

    /// The operators of a logical plan.
    ///
    /// # Errors
    /// Reports of planning.
    pub async fn operators(&self, logical: Logical) -> Result<PreparedQuery, Box<Report>> {
        let Logical { planned, state, outcome } = logical;
        let plan = state
            .create_physical_plan(&planned.plan)
            .await
            .map_err(|error| report_of_planned(&error, &self.text))?;
        let Planned { labels, corrections, .. } = planned;
        Ok(PreparedQuery { plan, labels, corrections, state, outcome })
    }

    /// Starts a prepared query.
    ///
    /// # Errors
    /// What keeps its operators from starting; later failures come with the rows.
    pub fn execute(&self, prepared: PreparedQuery) -> Result<ResultSet, Box<Report>> {
        let PreparedQuery { plan, labels, state, outcome, .. } = prepared;
        let schema = plan.schema();
        let task = TaskContext::from(&state).with_runtime(self.memory()?);
        let rows =
            execute_stream(plan, Arc::new(task)).map_err(|error| report_of(&error, &self.text))?;
        let text = Arc::clone(&self.text);
        let rows = rows.map_err(move |error| report_of(&error, &text)).boxed();
        let rows = budget::within(rows, Arc::clone(&self.run.budget));
        Ok(ResultSet { schema, labels, rows, outcome, affected: None })
    }

    /// DataFusion's state for one query, with its call runtime.
    fn state(&self, outcome: &Outcome) -> SessionState {
        let mut state = self.engine.state.clone();
        // before the line below, which gives the options to the folding of constants
        let limit = MemoryLimit(self.settings.memory_limit);
        state.config_mut().options_mut().extensions.insert(limit);
        // the time that now() gives is the time of the statement
        state.mark_start_execution();
        let runtime = CallRuntime {
            registry: Arc::clone(&self.engine.registry),
            exchange: self.run.reading(&self.engine.exchange, outcome),
            chains: Arc::new(SharedChains::default()),
            outcome: outcome.clone(),
            run: Arc::clone(&self.run),
        };
        state.config_mut().set_extension(Arc::new(runtime));
        state
    }
}

fn variables(engine: &QueryEngine, settings: &Settings) -> ServerVariables {
    let variables =
        ServerVariables::new(settings.variables.clone(), Arc::clone(&engine.environment))
            .with_defaults(settings.defaults.clone());
    if settings.profile.is_some() { variables.with_server_defaults() } else { variables }
}

/// True for UPDATE, REPLACE, DELETE and EXEC.
fn is_change(statement: &Syntax) -> bool {
    match statement {
        Syntax::Write(kind, _) => *kind != WriteKind::Insert,
        Syntax::Exec(_) => true,
        Syntax::Explain { inner, .. } => is_change(inner),
        _ => false,
    }
}
