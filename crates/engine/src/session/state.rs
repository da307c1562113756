//! What a session keeps, and which part of the engine runs a statement.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use datafusion::arrow::array::new_null_array;
use datafusion::arrow::datatypes::DataType;
use strataql_diag::{Code, Report};
use strataql_query::activity::Activity;
use strataql_query::parameters::Parameters;
use strataql_query::query_engine::QueryEngine;
use strataql_query::result_set::ResultSet;
use strataql_query::run::{Memory, Run};
use strataql_query::settings::Settings;
use strataql_query::statement::Statement;
use strataql_query::{assertion, explain};
use strataql_registry::Server;
use strataql_sql::{Parsed, ShowWhat, Statement as Syntax};

use crate::complete::{Completer, Completions};
use crate::description::Description;
use crate::local::Store;
use crate::meta::system::SystemTables;
use crate::recording::Recording;
use crate::relations::{SessionRelations, owned};
use crate::transaction::{self, Transaction};
use crate::write::WriteContext;
use crate::{local, meta, read_only, write};

/// The state of a session, shared with its running statements.
pub(super) struct State {
    engine: Arc<QueryEngine>,
    settings: Mutex<Settings>,
    store: Arc<Store>,
    relations: Arc<SessionRelations>,
    memory: Memory,
    pub(super) activity: Activity,
    pub(super) transaction: Transaction,
    pub(super) writes: WriteContext,
    pub(super) server: OnceLock<Arc<dyn Server>>,
}

impl State {
    pub(super) fn new(
        engine: Arc<QueryEngine>,
        store: Arc<Store>,
        recording: Recording,
        settings: Settings,
    ) -> Self {
        let writes = WriteContext::new(recording);
        let relations = Arc::new(SessionRelations::new(Arc::clone(&store), writes.clone()));
        Self {
            engine,
            settings: Mutex::new(settings),
            store,
            relations,
            memory: Memory::default(),
            activity: Activity::default(),
            transaction: Transaction::default(),
            writes,
            server: OnceLock::new(),
        }
    }

    pub(super) fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True for the name of a provider that is installed.
    pub(super) fn has_provider(&self, name: &str) -> bool {
        self.engine.registry.providers().iter().any(|provider| provider.name == name)
    }

    /// A statement, with the settings as they are now.
    pub(super) fn begin(
        &self,
        text: Arc<str>,
        parsed: Arc<Parsed>,
        parameters: Arc<Parameters>,
    ) -> Statement {
        let settings = Arc::new(self.settings().clone());
        let run = Run::begin(&self.memory, &settings, is_query(&parsed.statement));
        self.statement((text, parsed, parameters), settings, run)
    }

    fn statement(
        &self,
        (text, parsed, parameters): (Arc<str>, Arc<Parsed>, Arc<Parameters>),
        settings: Arc<Settings>,
        run: Run,
    ) -> Statement {
        Statement::begin(
            Arc::clone(&self.engine),
            (text, parsed, parameters),
            settings,
            Arc::new(run),
            self.activity.clone(),
            Arc::clone(&self.relations) as _,
        )
    }

    /// A statement that is described and not run.
    pub(super) fn outline(&self, text: Arc<str>, parsed: Arc<Parsed>) -> Statement {
        let settings = Arc::new(self.settings().clone());
        let run = Run::unnumbered(&self.memory, &settings);
        self.statement((text, parsed, Arc::new(Parameters::open())), settings, run)
    }

    /// Describes a statement.
    ///
    /// # Errors
    /// Reports of planning.
    pub(super) async fn describe(
        &self,
        statement: &Statement,
        types: &[Option<DataType>],
    ) -> Result<Description, Box<Report>> {
        if let Syntax::Show(_) | Syntax::Describe(_) = &statement.parsed.statement {
            // their rows are made without a request
            let result = self.dispatch(statement).await?;
            return Ok(Description::of_result(statement, &result));
        }
        let description = Description::of(statement, &self.writes).await?;
        if types.iter().all(Option::is_none) {
            return Ok(description);
        }
        // the columns of `SELECT $1` are those of its values
        let mut given = Parameters::default();
        for parameter in &description.parameters {
            let index =
                parameter.name.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            let declared = index.and_then(|index| types.get(index)?.clone());
            let kind = declared.or_else(|| parameter.data_type.clone()).unwrap_or(DataType::Utf8);
            given.add_array(&parameter.name, new_null_array(&kind, 1).as_ref())?;
        }
        let mut statement = statement.clone();
        statement.parameters = Arc::new(given);
        match Description::of(&statement, &self.writes).await {
            Ok(typed) => Ok(Description { parameters: description.parameters, ..typed }),
            // a NULL may be refused where a value is not
            Err(_) => Ok(description),
        }
    }

    /// What may be written at a byte of a text.
    pub(super) fn complete(&self, text: &str, position: usize) -> Completions {
        let settings = self.settings().clone();
        let completer = Completer { engine: &self.engine, settings: &settings, store: &self.store };
        completer.complete(text, position)
    }

    /// Runs a statement.
    ///
    /// # Errors
    /// Reports of planning; those of execution come through the rows.
    pub(super) async fn run(&self, statement: &Statement) -> Result<ResultSet, Box<Report>> {
        statement.exchange().conceal(&strataql_sql::secret_literals(&statement.parsed));
        if statement.settings.read_only
            && let Some(report) = read_only::refusal(statement)
        {
            return Err(report);
        }
        if let Some(queued) =
            transaction::take(&self.transaction, statement, &self.store, &self.writes).await?
        {
            return Ok(queued);
        }
        self.dispatch(statement).await
    }

    /// DataFusion's state, for what lists its functions.
    #[cfg(test)]
    pub(super) fn datafusion(&self) -> datafusion::execution::SessionState {
        self.engine.state.clone()
    }

    async fn dispatch(&self, statement: &Statement) -> Result<ResultSet, Box<Report>> {
        let (store, writes) = (self.store.as_ref(), &self.writes);
        match &statement.parsed.statement {
            Syntax::Query(query) => {
                let prepared = statement.prepare(query).await?;
                assertion::checked(statement, statement.execute(prepared)?)
            }
            Syntax::Explain { analyze, verbose, inner } => {
                self.explain(statement, inner, *analyze, *verbose).await
            }
            Syntax::Write(kind, tree) => match local::write(statement, store, *kind, tree).await? {
                Some(result) => Ok(result),
                None => Box::pin(write::write(statement, writes, false)).await,
            },
            Syntax::Definition(definition) => {
                write::refuse_in_view(&statement.parsed, definition)?;
                local::define(statement, store, definition).await
            }
            Syntax::Refresh(name) => local::refresh(statement, store, name).await,
            Syntax::Exec(exec) => Box::pin(write::exec(statement, writes, exec, false)).await,
            Syntax::Show(show) => {
                let batch = match &show.what {
                    ShowWhat::Views => local::show_views(store)?,
                    ShowWhat::Tables => local::show_tables(store)?,
                    _ => meta::rows(statement, show)?,
                };
                meta::filtered(statement, show, batch).await.map(ResultSet::of_batch)
            }
            Syntax::Describe(describe) => {
                let system = SystemTables {
                    statement,
                    ledger: writes.recording.folder(),
                    own: owned(&self.store),
                };
                match local::describe(statement, store, &|name| system.has(name), describe).await? {
                    Some(result) => Ok(result),
                    None => meta::describe(statement, describe),
                }
            }
            Syntax::Use(name) => {
                let namespace = meta::namespace(statement, name)?;
                self.settings().namespace = namespace;
                Ok(ResultSet::nothing())
            }
            Syntax::Set { name, value } => {
                self.settings().set(name, value)?;
                Ok(ResultSet::nothing())
            }
            Syntax::Transaction(word) => {
                transaction::run(&self.transaction, statement, writes, *word).await
            }
            Syntax::Registry(what) => meta::pull::run(statement, self.server.get(), what).await,
            other => Err(unsupported(&statement.parsed, other)),
        }
    }

    async fn explain(
        &self,
        statement: &Statement,
        inner: &Syntax,
        analyze: bool,
        verbose: bool,
    ) -> Result<ResultSet, Box<Report>> {
        match inner {
            Syntax::Query(query) => {
                let prepared = statement.prepare(query).await?;
                explain::explain(statement, prepared, analyze, verbose).await
            }
            Syntax::Write(..) if !analyze => {
                Box::pin(write::write(statement, &self.writes, true)).await
            }
            Syntax::Exec(exec) if !analyze => {
                Box::pin(write::exec(statement, &self.writes, exec, true)).await
            }
            Syntax::Definition(definition) if !analyze => {
                local::explain(statement, definition).await
            }
            other => Err(no_explain(&statement.parsed, other, analyze)),
        }
    }
}

/// True for statements that write and keep nothing.
fn is_query(statement: &Syntax) -> bool {
    match statement {
        Syntax::Query(_) => true,
        Syntax::Explain { inner, .. } => is_query(inner),
        _ => false,
    }
}

/// EXPLAIN of what has no requests to tell.
fn no_explain(parsed: &Parsed, statement: &Syntax, analyze: bool) -> Box<Report> {
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

fn unsupported(parsed: &Parsed, statement: &Syntax) -> Box<Report> {
    Box::new(
        Report::new(
            Code::UnsupportedSyntax,
            format!("{} cannot be run by this version", statement.keyword()),
        )
        .with_label(parsed.span, "")
        .with_help("SELECT, ASSERT, INSERT, UPDATE, REPLACE, DELETE, EXEC, CREATE, DROP, REFRESH, EXPLAIN, SHOW, DESCRIBE, REGISTRY, USE, SET, BEGIN, COMMIT and ROLLBACK can"),
    )
}
