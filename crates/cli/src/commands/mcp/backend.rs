//! The engine as the server of agents sees it.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use strataql_diag::{Code, Report};
use strataql_engine::{Completeness, Effect as Changes, Engine, Outcome, Parameters, Session};
use strataql_mcp::{
    About, Backend, Column, Credential, Described, Done, Effect, Facts, Found, Planned, Statement,
    Stopped, Table,
};
use strataql_net::Transport;
use strataql_output::sql_type;
use strataql_sql::{Parsed, Statement as Syntax};
use tokio::runtime::Handle;

use super::rows::{Reader, columns};
use super::{Serve, search};
use crate::args::SessionArguments;
use crate::commands::exec::{Opened, Opening, explained};
use crate::console::Console;
use crate::env::Environment;
use crate::settings::Settings;

type Result<T, E = Box<Report>> = std::result::Result<T, E>;

/// What a door opens to.
pub(super) struct Door {
    arguments: Arc<SessionArguments>,
    env_files: Vec<PathBuf>,
    settings: Settings,
    console: Console,
    workers: Handle,
    opened: Opened,
    /// The engine with the credentials as they were read last.
    live: RwLock<(Arc<Transport>, Arc<Engine>)>,
    is_sandbox: bool,
}

impl Door {
    pub(super) fn new(
        serve: &Serve<'_>,
        settings: Settings,
        opened: Opened,
        is_sandbox: bool,
    ) -> Self {
        let live = RwLock::new((Arc::clone(&opened.transport), Arc::clone(&opened.engine)));
        Self {
            arguments: Arc::new(serve.arguments.session.clone()),
            env_files: serve.arguments.env_file.clone(),
            settings,
            console: serve.console.clone(),
            workers: serve.workers.clone(),
            opened,
            live,
            is_sandbox,
        }
    }

    fn live(&self) -> (Arc<Transport>, Arc<Engine>) {
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        (Arc::clone(&live.0), Arc::clone(&live.1))
    }

    fn session(&self) -> Session {
        self.live().1.session(self.settings.session.clone()).on(self.workers.clone())
    }

    /// Reads the statements of a text; their secrets are masked from now on.
    fn parse(&self, text: &str) -> Result<Vec<Parsed>> {
        let statements = Session::parse(text)?;
        for parsed in &statements {
            for secret in strataql_sql::secret_literals(parsed) {
                self.console.redactor.register(&secret);
            }
        }
        Ok(statements)
    }

    fn clean(&self, report: Report) -> Box<Report> {
        Box::new(report.redacted(&self.console.redactor))
    }

    async fn run(&self, session: &Session, text: &str, parsed: &Parsed) -> Result<Done> {
        let keyword = parsed.keyword().to_owned();
        let result = session.run_statement(text, parsed, &Parameters::default()).await?;
        let (columns, outcome) = (columns(&result), result.outcome.clone());
        let affected = result.affected;
        let mut reader = Reader::new(&result);
        let mut rows = Vec::new();
        let mut batches = result.rows;
        while let Some(batch) = batches.next().await {
            rows.extend(reader.rows(&batch?)?);
        }
        Ok(Done { keyword, affected, columns, rows, facts: facts(&outcome) })
    }

    async fn run_all(
        &self,
        text: &str,
        max_writes: Option<u64>,
        done: &mut Vec<Done>,
    ) -> Result<()> {
        let statements = self.parse(text)?;
        let session = self.session();
        if let Some(most) = max_writes {
            let own = session.settings().max_writes as u64;
            session.set("max_writes", &most.min(own).to_string())?;
        }
        for parsed in &statements {
            match self.run(&session, text, parsed).await {
                Ok(one) => done.push(one),
                Err(report) => {
                    self.roll_back(&session).await?;
                    return Err(report);
                }
            }
        }
        if self.roll_back(&session).await? {
            return Err(Box::new(
                Report::new(
                    Code::Usage,
                    "the text left a transaction open, and it was rolled back",
                )
                .with_help("end it with COMMIT in the same call"),
            ));
        }
        Ok(())
    }

    /// Ends a transaction that is open; tells whether one was.
    async fn roll_back(&self, session: &Session) -> Result<bool> {
        if session.open_transaction().is_none() {
            return Ok(false);
        }
        for parsed in Session::parse("ROLLBACK")? {
            let result = session.run_statement("ROLLBACK", &parsed, &Parameters::default()).await?;
            result.rows.try_collect::<Vec<_>>().await?;
        }
        Ok(true)
    }

    async fn plan(&self, session: &Session, text: &str, parsed: &Parsed) -> Result<Planned> {
        let keyword = parsed.keyword().to_owned();
        let statement = explained(parsed.statement.clone());
        let is_explained = matches!(statement, Syntax::Explain { .. });
        let parsed = Parsed { statement, assertion: None, ..parsed.clone() };
        if !is_explained {
            return Ok(Planned { keyword, steps: Vec::new() });
        }
        match self.run(session, text, &parsed).await {
            Ok(done) => Ok(Planned { keyword, steps: done.rows }),
            // what has no requests to tell
            Err(report) if report.code == Code::UnsupportedSyntax && !has_requests(&keyword) => {
                Ok(Planned { keyword, steps: Vec::new() })
            }
            Err(report) => Err(report),
        }
    }
}

/// False for statements on local tables and views, whose EXPLAIN may not exist.
fn has_requests(keyword: &str) -> bool {
    !matches!(keyword, "CREATE" | "DROP" | "REFRESH" | "ALTER")
}

fn effect(changes: Changes) -> Effect {
    match changes {
        Changes::Nothing => Effect::Select,
        Changes::Session => Effect::Session,
        Changes::Write => Effect::Write,
        Changes::Delete => Effect::Delete,
        Changes::Exec => Effect::Exec,
        Changes::Other => Effect::Other,
    }
}

fn facts(outcome: &Outcome) -> Facts {
    Facts {
        notes: outcome.notes(),
        warnings: outcome.warnings(),
        is_partial: outcome.completeness() == Completeness::Partial,
        requests: outcome.totals().requests,
    }
}

impl Backend for Door {
    fn about(&self) -> About {
        About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            registry: self.settings.registry.clone().unwrap_or_else(|| "embedded".to_owned()),
            is_sandbox: self.is_sandbox,
        }
    }

    fn statements(&self, text: &str) -> Result<Vec<Statement>> {
        let session = self.session();
        let one = |parsed: &Parsed| Statement {
            keyword: parsed.keyword().to_owned(),
            effect: effect(session.effect(text, parsed)),
        };
        Ok(self.parse(text)?.iter().map(one).collect())
    }

    fn query(&self, text: String) -> BoxFuture<'_, Result<Table>> {
        async move {
            let mut statements = self.parse(&text)?.into_iter();
            let (Some(parsed), None) = (statements.next(), statements.next()) else {
                return Err(Box::new(
                    Report::new(Code::Usage, "one statement can be run at a time")
                        .with_help("give exactly one"),
                ));
            };
            let session = self.session();
            let result = session
                .run_statement(&text, &parsed, &Parameters::default())
                .await
                .map_err(|report| self.clean(*report))?;
            let (columns, outcome) = (columns(&result), result.outcome.clone());
            let mut reader = Reader::new(&result);
            let redactor = self.console.redactor.clone();
            let rows = result.rows.map(move |batch| {
                // rows come from the session, which ends with them
                let _kept = &session;
                let batch = batch.map_err(|report| Box::new(report.redacted(&redactor)))?;
                reader.rows(&batch)
            });
            Ok(Table { columns, rows: rows.boxed(), facts: Arc::new(move || facts(&outcome)) })
        }
        .boxed()
    }

    fn execute(
        &self,
        text: String,
        max_writes: Option<u64>,
    ) -> BoxFuture<'_, Result<Vec<Done>, Stopped>> {
        async move {
            let mut done = Vec::new();
            match self.run_all(&text, max_writes, &mut done).await {
                Ok(()) => Ok(done),
                Err(report) => Err(Stopped { report: self.clean(*report), done }),
            }
        }
        .boxed()
    }

    fn explain(&self, text: String) -> BoxFuture<'_, Result<Vec<Planned>>> {
        async move {
            let session = self.session();
            let mut planned = Vec::new();
            for parsed in &self.parse(&text)? {
                let plan = self.plan(&session, &text, parsed).await;
                planned.push(plan.map_err(|report| self.clean(*report))?);
            }
            Ok(planned)
        }
        .boxed()
    }

    fn describe(&self, text: String) -> BoxFuture<'_, Result<Described>> {
        async move {
            let found = self.session().describe(&text).await?;
            let fields = found.labels.iter().zip(found.schema.fields());
            let columns =
                fields.map(|(label, field)| Column { name: label.clone(), kind: sql_type(field) });
            let parameters = found.parameters.into_iter().map(|parameter| {
                let kind = parameter.data_type.map_or_else(String::new, |kind| {
                    sql_type(&arrow::datatypes::Field::new("", kind, true))
                });
                Column { name: parameter.name, kind }
            });
            Ok(Described {
                keyword: found.keyword.to_owned(),
                columns: columns.collect(),
                parameters: parameters.collect(),
            })
        }
        .boxed()
    }

    fn search(
        &self,
        words: String,
        provider: Option<String>,
        service: Option<String>,
    ) -> BoxFuture<'_, Result<Vec<Found>>> {
        let registry = Arc::clone(&self.opened.registry);
        // documents are read and compiled
        let search = self.workers.spawn_blocking(move || {
            search::resources(&registry, &words, provider.as_deref(), service.as_deref())
        });
        async move { search.await.map_err(|error| Box::new(Report::internal(error.to_string())))? }
            .boxed()
    }

    fn reload_credentials(
        &self,
        provider: Option<String>,
    ) -> BoxFuture<'_, Result<(Vec<String>, Vec<Credential>)>> {
        async move {
            let files = self.env_files.iter().map(|path| path.display().to_string()).collect();
            if !self.is_sandbox {
                let environment = Environment::of_process().with_files(&self.env_files)?;
                let opening = Opening {
                    arguments: &self.arguments,
                    settings: &self.settings,
                    environment: &environment,
                    console: &self.console,
                    workers: &self.workers,
                };
                let live = opening.connect_again(&self.opened)?;
                *self.live.write().unwrap_or_else(PoisonError::into_inner) = live;
            }
            let names = match provider {
                Some(name) => vec![self.opened.registry.provider(&name)?.name.clone()],
                None => {
                    let known = self.opened.registry.providers().into_iter();
                    known.map(|provider| provider.name).collect()
                }
            };
            let mut credentials = Vec::new();
            for name in names {
                credentials.push(self.credential(&name).await?);
            }
            Ok((files, credentials))
        }
        .boxed()
    }

    fn redacted(&self, text: &str) -> String {
        self.console.redactor.redact(text).into_owned()
    }
}

impl Door {
    async fn credential(&self, name: &str) -> Result<Credential> {
        let provider = self.opened.registry.provider(name)?;
        let transport = self.live().0;
        transport.register_provider(&provider.name, provider.auth.clone());
        let report = transport.credential_report(&provider.name).await;
        let status = if report.failure.is_some() { "unresolved" } else { "ok" };
        Ok(Credential {
            provider: provider.name.clone(),
            auth_type: report.principal.auth_type,
            sourced_from: report.source.unwrap_or_default(),
            status,
            detail: report.failure.map(|failure| failure.message).unwrap_or_default(),
        })
    }
}
