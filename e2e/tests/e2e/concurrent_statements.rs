//! Statements that run at the same time: each has its own rows, budget and completeness.
//!
//! Surprise: half of them run on one session, whose settings change between their starts. A statement
//! keeps the settings with which it began. `STRATAQL_FULL=1` runs fifty times as many rounds.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch};
use futures::TryStreamExt;
use futures::future::{BoxFuture, join_all};
use strataql_call::Exchange;
use strataql_diag::{Code, Report};
use strataql_engine::{
    Completeness, Engine, EngineConfig, Parameters, Recording, ResultSet, Session, Settings,
};
use strataql_net::{Request, Response};
use strataql_registry::{Registry, Settings as RegistrySettings, Source};

const APPS: &str = "databricks_account.oauth2.published_app_integration";

/// Pages of two apps each: accounts that begin with `long` have three pages, every other one has one;
/// accounts that begin with `broken` fail.
struct Apps;

impl Exchange for Apps {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, Box<Report>>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let account = request.url.path().split('/').nth(4).unwrap_or_default().to_owned();
            let token = request.url.query_pairs().find(|(name, _)| name == "page_token");
            let page: usize = token.and_then(|(_, text)| text.parse().ok()).unwrap_or(1);
            let mut headers = request.headers.clone();
            headers.clear();
            if account.starts_with("broken") {
                let body = r#"{"error_code":"BROKEN","message":"not now"}"#.to_owned();
                return Ok(Response::new(503, headers, body, &request));
            }
            let next = if account.starts_with("long") && page < 3 {
                format!(r#","next_page_token":"{}""#, page + 1)
            } else {
                String::new()
            };
            let body = format!(
                r#"{{"apps":[{{"name":"{account}-{page}-1"}},{{"name":"{account}-{page}-2"}}]{next}}}"#
            );
            Ok(Response::new(200, headers, body, &request))
        })
    }
}

fn engine() -> Arc<Engine> {
    let sources = vec![Source::embedded()];
    let registry = Registry::new(RegistrySettings { sources, cache_dir: None });
    Engine::new(EngineConfig {
        registry: Arc::new(registry.expect("embedded documents")),
        exchange: Arc::new(Apps),
        environment: Arc::new(|_: &str| None),
        tables: None,
        recording: Recording::Off { folder: None },
    })
    .expect("an engine")
}

/// What a statement is run with, and what has to come of it.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A call fails, and the rest is accepted.
    Partial,
    /// A call fails.
    Whole,
    /// Fewer requests are allowed than it needs.
    FewRequests,
    /// Fewer rows are allowed than it gives.
    FewRows,
    /// Everything is allowed.
    Free,
    /// Responses are kept.
    Kept,
    /// Nothing may be written.
    ReadOnly,
}

impl Kind {
    fn of(number: usize, is_shared: bool) -> Self {
        let all = [
            Self::Partial,
            Self::Whole,
            Self::FewRequests,
            Self::FewRows,
            Self::Free,
            Self::Kept,
            // cannot be switched off again, so never on a session that others use
            Self::ReadOnly,
        ];
        all[number % (all.len() - usize::from(is_shared))]
    }

    fn set(self, session: &Session) {
        let value = |holds: bool, value: &'static str, other: &'static str| {
            if holds { value } else { other }
        };
        let pairs = [
            ("on_error", value(matches!(self, Self::Partial), "partial", "error")),
            ("budget.requests", value(matches!(self, Self::FewRequests), "2", "none")),
            ("budget.rows", value(matches!(self, Self::FewRows), "3", "none")),
            ("cache.ttl", value(matches!(self, Self::Kept), "1m", "off")),
        ];
        for (name, value) in pairs {
            session.set(name, value).expect("a setting");
        }
        if matches!(self, Self::ReadOnly) {
            session.set("read_only", "on").expect("a setting");
        }
    }

    fn text(self, number: usize) -> String {
        let select =
            |accounts: &str| format!("SELECT name FROM {APPS} WHERE account_id IN ({accounts})");
        match self {
            Self::Partial | Self::Whole => select(&format!("'a{number}', 'broken{number}'")),
            Self::FewRequests | Self::FewRows | Self::Free => select(&format!("'long{number}'")),
            Self::Kept => select(&format!("'a{number}'")),
            Self::ReadOnly => {
                format!("INSERT INTO {APPS} (account_id, app_id) VALUES ('a{number}', 'x')")
            }
        }
    }

    fn check(self, number: usize, ended: &Ended) {
        let names = |account: &str, pages: usize| -> Vec<String> {
            let page = |page| [1, 2].map(|app| format!("{account}{number}-{page}-{app}"));
            (1..=pages).flat_map(page).collect()
        };
        let rows = |expected: Vec<String>, completeness: Completeness| match ended {
            Ok(given) => assert_eq!(*given, (expected, completeness), "{self:?} {number}"),
            Err(report) => panic!("{self:?} {number}: {report}"),
        };
        let fails = |code: Code| match ended {
            Err(report) => assert_eq!(report.code, code, "{self:?} {number}: {report}"),
            Ok(given) => panic!("{self:?} {number} gave {given:?}"),
        };
        match self {
            Self::Partial => rows(names("a", 1), Completeness::Partial),
            Self::Whole => fails(Code::RemoteUnavailable),
            Self::FewRequests | Self::FewRows => fails(Code::Budget),
            Self::Free => rows(names("long", 3), Completeness::Complete),
            Self::Kept => rows(names("a", 1), Completeness::Complete),
            Self::ReadOnly => fails(Code::ReadOnly),
        }
    }
}

/// Names and completeness, or the failure of a statement.
type Ended = Result<(Vec<String>, Completeness), Box<Report>>;

async fn start(session: &Session, text: &str) -> Result<ResultSet, Box<Report>> {
    let parsed = Session::parse(text)?;
    session.run_statement(text, &parsed[0], &Parameters::default()).await
}

async fn finish(started: Result<ResultSet, Box<Report>>) -> Ended {
    let ResultSet { rows, outcome, .. } = started?;
    let batches: Vec<RecordBatch> = rows.try_collect().await?;
    let names = batches.iter().flat_map(|batch| {
        let names = batch.column(0).as_string::<i32>().iter();
        names.map(|name| name.unwrap_or_default().to_owned()).collect::<Vec<_>>()
    });
    Ok((names.collect(), outcome.completeness()))
}

#[expect(clippy::disallowed_methods, reason = "a test asks how it was started")]
fn rounds() -> usize {
    let is_full = std::env::var("STRATAQL_FULL").is_ok_and(|value| value == "1");
    if is_full { 1_000 } else { 20 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_at_the_same_time_share_nothing_that_they_should_not() {
    let engine = engine();
    for round in 0..rounds() {
        let shared = engine.session(Settings::default());
        let mut started = Vec::new();
        for number in 0..8 {
            let kind = Kind::of(round + number, true);
            kind.set(&shared);
            started.push((kind, number, start(&shared, &kind.text(number)).await));
        }
        let on_one = started.into_iter().map(|(kind, number, started)| async move {
            kind.check(number, &finish(started).await);
        });
        let alone = (8..16).map(|number| {
            let engine = Arc::clone(&engine);
            async move {
                let session = engine.session(Settings::default());
                let kind = Kind::of(round + number, false);
                kind.set(&session);
                kind.check(number, &finish(start(&session, &kind.text(number)).await).await);
            }
        });
        futures::join!(join_all(on_one), join_all(alone));
    }
}
