//! A session: settings, namespace, transaction, and what is kept from one statement to the next.
//!
//! Owns: dispatch of statements, SET, USE.
//! Refuses: planning and running (a [`Statement`] does), rendering, transport set-up.
//! Surprise: statements of one session may run at the same time. Each sees the settings as they were
//! when it began, and has a budget and an outcome of its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{Stream, TryStreamExt};
use strataql_diag::{Code, Report};
use strataql_sql::{Parsed, ShowWhat, Statement as Syntax};

use crate::activity::Activity;
use crate::engine::Engine;
use crate::local::Store;
use crate::meta::system::SystemTables;
use crate::parameters::Parameters;
use crate::relations::SessionRelations;
use crate::result_set::ResultSet;
use crate::run::{Memory, Run};
use crate::settings::Settings;
use crate::statement::Statement;
use crate::transaction::{self, OpenTransaction, Transaction};
use crate::write::WriteContext;
use crate::{assertion, explain, local, meta, read_only, write};

/// A session.
pub struct Session {
    engine: Arc<Engine>,
    settings: Mutex<Settings>,
    store: Arc<Store>,
    relations: Arc<SessionRelations>,
    memory: Memory,
    activity: Activity,
    transaction: Transaction,
    writes: WriteContext,
}

impl Session {
    pub(crate) fn new(engine: Arc<Engine>, settings: Settings) -> Self {
        let store = engine.store();
        let writes = WriteContext::new(engine.recording.clone());
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
        }
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
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.lock().set_text(name, value)
    }

    /// The transaction that is open, if one is.
    pub fn open_transaction(&self) -> Option<OpenTransaction> {
        self.transaction.open(&self.writes.undo)
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
        let statement = self.begin(text, parsed, parameters)?;
        statement.exchange().conceal(&strataql_sql::secret_literals(parsed));
        if statement.settings.read_only
            && let Some(report) = read_only::refusal(&statement)
        {
            return Err(report);
        }
        if let Some(queued) =
            transaction::take(&self.transaction, &statement, &self.store, &self.writes).await?
        {
            return Ok(queued);
        }
        self.dispatch(&statement).await
    }

    /// The statement, with the settings as they are now.
    fn begin(
        &self,
        text: &str,
        parsed: &Parsed,
        parameters: &Parameters,
    ) -> Result<Statement, Box<Report>> {
        let settings = Arc::new(self.settings());
        let run = Run::begin(&self.memory, &settings, is_query(&parsed.statement));
        Statement::begin(
            Arc::clone(&self.engine.query),
            (text, parsed, parameters),
            settings,
            Arc::new(run),
            self.activity.clone(),
            Arc::clone(&self.relations) as _,
        )
    }

    /// DataFusion's state, for what lists its functions.
    #[cfg(test)]
    pub(crate) fn state(&self) -> datafusion::execution::SessionState {
        self.engine.query.state.clone()
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
                let system = SystemTables { statement, ledger: writes.recording.folder() };
                match local::describe(statement, store, &|name| system.has(name), describe).await? {
                    Some(result) => Ok(result),
                    None => meta::describe(statement, describe),
                }
            }
            Syntax::Use(name) => {
                let namespace = meta::namespace(statement, name)?;
                self.lock().namespace = namespace;
                Ok(ResultSet::nothing())
            }
            Syntax::Set { name, value } => {
                self.lock().set(name, value)?;
                Ok(ResultSet::nothing())
            }
            Syntax::Transaction(word) => {
                transaction::run(&self.transaction, statement, writes, *word).await
            }
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

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("settings", &self.settings()).finish_non_exhaustive()
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
        .with_help("SELECT, ASSERT, INSERT, UPDATE, REPLACE, DELETE, EXEC, CREATE, DROP, REFRESH, EXPLAIN, SHOW, DESCRIBE, USE, SET, BEGIN, COMMIT and ROLLBACK can"),
    )
}
