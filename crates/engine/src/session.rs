//! A session: settings, namespace, transaction, and what is kept from one statement to the next.
//!
//! Owns: the interface to it. Each statement runs in a task of its own.
//! Refuses: planning and running (a `Statement` does), rendering, transport set-up.
//! Surprise: statements of one session may run at the same time. Each sees the settings as they were
//! when it began, and has a budget and an outcome of its own.

mod state;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::datatypes::DataType;
use futures::{Stream, TryStreamExt};
use strataql_diag::{Code, Report};
use strataql_query::activity::Activity;
use strataql_query::outcome::Outcome;
use strataql_query::parameters::Parameters;
use strataql_query::result_set::ResultSet;
use strataql_query::settings::{Login, Settings};
use strataql_query::task::Workers;
use strataql_query::trace::Trace;
use strataql_registry::Server;
use strataql_sql::{Parsed, Statement as Syntax};
use tokio::runtime::Handle;
use tracing::Instrument;

use self::state::State;
use crate::complete::Completions;
use crate::description::Description;
use crate::engine::Engine;
use crate::read_only::{self, Effect};
use crate::transaction::OpenTransaction;

/// A session.
pub struct Session {
    state: Arc<State>,
    workers: Workers,
}

impl Session {
    pub(crate) fn new(engine: Arc<Engine>, settings: Settings) -> Self {
        let (query, recording) = (Arc::clone(&engine.query), engine.recording.clone());
        let state = State::new(query, engine.store(), recording, settings);
        Self { state: Arc::new(state), workers: Workers::default() }
    }

    /// The session with its statements on another runtime than the caller's. A caller whose own
    /// runtime only waits sees every time limit at once, whatever its statements compute.
    #[must_use]
    pub fn on(self, runtime: Handle) -> Self {
        Self { workers: self.workers.on(runtime), ..self }
    }

    /// The session with a registry server for REGISTRY LIST and PULL; without one they are refused.
    #[must_use]
    pub fn with_registry_server(self, server: Arc<dyn Server>) -> Self {
        // the first and only value
        let _kept = self.state.server.set(server);
        self
    }

    /// Reads the statements of a text.
    ///
    /// # Errors
    /// `syntax` with its place.
    pub fn parse(text: &str) -> Result<Vec<Parsed>, Box<Report>> {
        strataql_sql::parse(text)
    }

    /// A text of a client of databases, with the names of schemas as a statement has them: such a client
    /// writes `"provider.service"."resource"`.
    pub fn with_plain_schemas<'a>(&self, text: &'a str) -> Cow<'a, str> {
        strataql_sql::plain_schemas(text, |name| self.state.has_provider(name))
    }

    /// What a client of databases is told of its connection. A database that is named after a provider
    /// is that provider, as after USE.
    pub fn log_in(&self, login: Login) {
        let is_provider = self.state.has_provider(&login.database);
        let mut settings = self.state.settings();
        if is_provider && settings.namespace.is_empty() {
            settings.namespace = vec![login.database.clone()];
        }
        settings.login = Some(login);
    }

    /// The settings now.
    pub fn settings(&self) -> Settings {
        self.state.settings().clone()
    }

    /// What the session waits for.
    pub fn activity(&self) -> Activity {
        self.state.activity.clone()
    }

    /// Changes a setting as SET does.
    ///
    /// # Errors
    /// `unknown-setting`, `bad-param-value`.
    pub fn set(&self, name: &str, value: &str) -> Result<(), Box<Report>> {
        self.state.settings().set_text(name, value)
    }

    /// The transaction that is open, if one is.
    pub fn open_transaction(&self) -> Option<OpenTransaction> {
        self.state.transaction.open(&self.state.writes.undo)
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
        let (text, parameters) = (Arc::from(text), Arc::new(parameters.clone()));
        futures::stream::iter(statements).and_then(move |parsed| {
            self.start(Arc::clone(&text), Arc::new(parsed), Arc::clone(&parameters))
        })
    }

    /// Runs one statement of `text`; as [`Self::start`] with copies of its arguments.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn run_statement(
        &self,
        text: &str,
        parsed: &Parsed,
        parameters: &Parameters,
    ) -> Result<ResultSet, Box<Report>> {
        self.start(Arc::from(text), Arc::new(parsed.clone()), Arc::new(parameters.clone())).await
    }

    /// Runs one statement of `text`. Dropping the future, or the rows of the result, cancels it:
    /// requests in flight are abandoned at once, a computation at its next pause.
    ///
    /// # Errors
    /// Reports of planning; those of execution come through the rows. `timeout` or `budget` when its
    /// time is up, and `write-outcome-unknown` when a write was then without a response.
    pub async fn start(
        &self,
        text: Arc<str>,
        parsed: Arc<Parsed>,
        parameters: Arc<Parameters>,
    ) -> Result<ResultSet, Box<Report>> {
        self.start_counted(text, parsed, parameters, &Outcome::default()).await
    }

    /// As [`Self::start`]; `counts` shows what is sent from the beginning on, also by a statement that
    /// fails before it has a result.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_counted(
        &self,
        text: Arc<str>,
        parsed: Arc<Parsed>,
        parameters: Arc<Parameters>,
        counts: &Outcome,
    ) -> Result<ResultSet, Box<Report>> {
        let trace = Trace::begin(parsed.keyword());
        let span = trace.span();
        let statement = span.in_scope(|| self.state.begin(text, parsed, parameters));
        let budget = Arc::clone(&statement.run.budget);
        let traffic = Arc::clone(&statement.run.traffic);
        counts.count(&traffic);
        let state = Arc::clone(&self.state);
        let is_setting = matches!(statement.parsed.statement, Syntax::Set { .. } | Syntax::Use(_));
        let work = Box::pin(async move { state.run(&statement).await }).instrument(span.clone());
        // a time limit that no statement can keep must not keep SET from raising it
        let result = if is_setting { work.await } else { self.workers.run(&budget, work).await };
        if let Ok(result) = &result {
            result.outcome.count(&traffic);
        }
        match result {
            // without rows it is done
            Ok(result) if result.is_empty() => {
                Ok(ResultSet { rows: trace.rows(result.rows), ..result })
            }
            Ok(result) => {
                let rows = trace.rows(self.workers.rows(budget, result.rows, span));
                Ok(ResultSet { rows, ..result })
            }
            Err(report) => Err(trace.failed(report)),
        }
    }

    /// The columns and parameters of a statement. It is planned and not run: no request is sent, and
    /// its parameters need no values.
    ///
    /// # Errors
    /// `syntax`, also for more or less than one statement; reports of planning.
    pub async fn describe(&self, text: &str) -> Result<Description, Box<Report>> {
        self.describe_given(text, &[]).await
    }

    /// As [`Self::describe`], with the types of the values that `$1`, `$2` and so on will have.
    ///
    /// # Errors
    /// As [`Self::describe`].
    pub async fn describe_given(
        &self,
        text: &str,
        types: &[Option<DataType>],
    ) -> Result<Description, Box<Report>> {
        let mut all = Self::parse(text)?.into_iter();
        let (Some(parsed), None) = (all.next(), all.next()) else {
            return Err(Box::new(
                Report::new(Code::Syntax, "one statement can be described at a time")
                    .with_help("give exactly one"),
            ));
        };
        let statement = self.state.outline(Arc::from(text), Arc::new(parsed));
        let budget = Arc::clone(&statement.run.budget);
        let state = Arc::clone(&self.state);
        let types = types.to_vec();
        let work = Box::pin(async move { state.describe(&statement, &types).await });
        self.workers.run(&budget, work).await
    }

    /// What a statement of `text` may change. It is judged by its tree, and nothing is sent.
    pub fn effect(&self, text: &str, parsed: &Parsed) -> Effect {
        read_only::effect(&self.state.outline(Arc::from(text), Arc::new(parsed.clone())))
    }

    /// What may be written at a byte of a text. It reads documents, from the cache once they are
    /// compiled, and sends no request; this blocks.
    pub fn complete(&self, text: &str, position: usize) -> Completions {
        self.state.complete(text, position)
    }

    /// Waits until statements that were cancelled have ended, at most that long.
    pub async fn idle(&self, limit: Duration) {
        self.workers.idle(limit).await;
    }

    /// DataFusion's state, for what lists its functions.
    #[cfg(test)]
    pub(crate) fn state(&self) -> datafusion::execution::SessionState {
        self.state.datafusion()
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("settings", &self.settings()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod identity_tests;
#[cfg(test)]
mod response_cache_tests;
#[cfg(test)]
mod run_tests;
