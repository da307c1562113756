//! A session of a test: the embedded documents, and a service that answers as the test says.
//!
//! Owns: the seam for tests of this crate; nothing of it ships.

mod functions;
mod reference;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;
use futures::future::BoxFuture;
use strataql_call::Exchange;
use strataql_diag::{Code, Report};
use strataql_net::{Request, Response};
use strataql_registry::{Registry, Settings as RegistrySettings, Source};

use crate::{Engine, EngineConfig, Outcome, Parameters, Recording, Session, Settings};

type Answer = dyn Fn(&Request) -> (u16, String) + Send + Sync;

/// A service that notes what it was asked.
pub(crate) struct Service {
    answer: Box<Answer>,
    asked: Mutex<Vec<String>>,
}

impl Service {
    pub(crate) fn new(
        answer: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { answer: Box::new(answer), asked: Mutex::default() })
    }

    /// Verbs and addresses, in the order in which they came.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Exchange for Service {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, Box<Report>>> {
        Box::pin(async move {
            let line = format!("{} {}", request.verb, request.url);
            self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            // others may ask before the answer is there
            tokio::task::yield_now().await;
            let (status, body) = (self.answer)(&request);
            let mut headers = request.headers.clone();
            headers.clear();
            Ok(Response::new(status, headers, body, &request))
        })
    }
}

/// No request is made here.
struct Nobody;

impl Exchange for Nobody {
    fn exchange(&self, _request: Request) -> BoxFuture<'_, Result<Response, Box<Report>>> {
        Box::pin(async { Err(Box::new(Report::new(Code::RemoteUnavailable, "nobody is there"))) })
    }
}

/// A session that talks to a service.
pub(crate) fn session(service: &Arc<Service>) -> Session {
    over(embedded(), service)
}

/// A session without a service, which keeps its tables in that folder.
pub(crate) fn offline(tables: Option<PathBuf>) -> Session {
    open(embedded(), Arc::new(Nobody), tables)
}

fn embedded() -> Arc<Registry> {
    let sources = vec![Source::embedded()];
    let registry = Registry::new(RegistrySettings { sources, cache_dir: None });
    Arc::new(registry.expect("embedded documents"))
}

/// A session with other documents.
pub(crate) fn over(registry: Arc<Registry>, service: &Arc<Service>) -> Session {
    open(registry, Arc::clone(service) as Arc<dyn Exchange>, None)
}

fn open(registry: Arc<Registry>, exchange: Arc<dyn Exchange>, tables: Option<PathBuf>) -> Session {
    let engine = Engine::new(EngineConfig {
        registry,
        exchange,
        environment: Arc::new(|_: &str| None),
        tables,
        recording: Recording::Off { folder: None },
    });
    engine.expect("an engine").session(Settings::default())
}

/// The rows of the last statement of a text, cells separated by `|`, and what it did.
pub(crate) async fn run(
    session: &Session,
    text: &str,
) -> Result<(Vec<String>, Outcome), Box<Report>> {
    run_with(session, text, "|").await
}

/// [`run`] with another separator.
pub(crate) async fn run_with(
    session: &Session,
    text: &str,
    separator: &str,
) -> Result<(Vec<String>, Outcome), Box<Report>> {
    let parameters = Parameters::default();
    let mut lines = Vec::new();
    let mut outcome = Outcome::default();
    for parsed in Session::parse(text)? {
        let result = session.run_statement(text, &parsed, &parameters).await?;
        outcome = result.outcome.clone();
        let batches: Vec<RecordBatch> = result.rows.try_collect().await?;
        lines = batches.iter().flat_map(|batch| cells(batch, separator)).collect();
    }
    Ok((lines, outcome))
}

/// The rows of the last statement of a text.
pub(crate) async fn rows(session: &Session, text: &str) -> Vec<String> {
    run(session, text).await.unwrap_or_else(|report| panic!("{text}: {report}")).0
}

/// The failure of a text.
pub(crate) async fn failure(session: &Session, text: &str) -> Box<Report> {
    match run(session, text).await {
        Ok((lines, _)) => panic!("{text}: no failure, but {lines:?}"),
        Err(report) => report,
    }
}

fn cells(batch: &RecordBatch, separator: &str) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let columns: Vec<ArrayFormatter<'_>> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).expect("shown"))
        .collect();
    let line = |row: usize| {
        let cells: Vec<String> =
            columns.iter().map(|column| column.value(row).to_string()).collect();
        cells.join(separator)
    };
    (0..batch.num_rows()).map(line).collect()
}
