//! A backend that is made up: the first word of a statement is what it does.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use serde_json::json;
use strataql_diag::{Code, RemoteFailure, Report};
use strataql_mcp::{
    About, Backend, Column, Credential, Described, Done, Effect, Facts, Found, Planned, Row,
    Statement, Stopped, Table,
};

type Result<T, E = Box<Report>> = std::result::Result<T, E>;

/// The backend; it notes what was run.
#[derive(Default)]
pub(crate) struct Fake {
    ran: Mutex<Vec<(String, Option<u64>)>>,
    plans: AtomicU64,
    changes_plans: AtomicBool,
}

impl Fake {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn ran(&self) -> Vec<(String, Option<u64>)> {
        self.ran.lock().expect("not poisoned").clone()
    }

    /// Each plan is another one from now on.
    pub(crate) fn change_plans(&self) {
        self.changes_plans.store(true, Ordering::Relaxed);
    }
}

fn row(number: u64) -> Row {
    json!({"n": number, "name": "some text"}).as_object().cloned().expect("an object")
}

fn columns() -> Vec<Column> {
    let column = |name: &str, kind: &str| Column { name: name.to_owned(), kind: kind.to_owned() };
    vec![column("n", "BIGINT"), column("name", "TEXT")]
}

impl Backend for Fake {
    fn about(&self) -> About {
        About { version: "1.0".to_owned(), ..About::default() }
    }

    fn statements(&self, text: &str) -> Result<Vec<Statement>> {
        let one = |text: &str| {
            let keyword = text.split_whitespace().next().unwrap_or_default().to_owned();
            let effect = match keyword.as_str() {
                "SELECT" | "SHOW" | "DESCRIBE" => Effect::Select,
                "SET" => Effect::Session,
                "INSERT" => Effect::Write,
                "DELETE" => Effect::Delete,
                "EXEC" => Effect::Exec,
                _ => Effect::Other,
            };
            Statement { keyword, effect }
        };
        Ok(text.split(';').map(one).collect())
    }

    fn query(&self, text: String) -> BoxFuture<'_, Result<Table>> {
        async move {
            assert!(!text.contains("PANIC"), "as asked");
            let last = text.split_whitespace().last().unwrap_or_default().to_owned();
            let count = last.parse::<u64>().unwrap_or(3);
            let mut batches: Vec<Result<Vec<Row>>> =
                (0..count).map(|number| Ok(vec![row(number)])).collect();
            if last == "FAIL" {
                let mut report = Report::new(Code::RemoteRejected, "the service refused");
                report.remote = Some(Box::new(RemoteFailure {
                    status: Some(403),
                    verb: "GET".to_owned(),
                    url: "https://host/x".to_owned(),
                    ..RemoteFailure::default()
                }));
                batches.push(Err(Box::new(report)));
            }
            let rows = stream::iter(batches).boxed();
            Ok(Table { columns: columns(), rows, facts: Arc::new(Facts::default) })
        }
        .boxed()
    }

    fn execute(
        &self,
        text: String,
        max_writes: Option<u64>,
    ) -> BoxFuture<'_, Result<Vec<Done>, Stopped>> {
        self.ran.lock().expect("not poisoned").push((text, max_writes));
        async {
            Ok(vec![Done { keyword: "DELETE".to_owned(), affected: Some(1), ..Done::default() }])
        }
        .boxed()
    }

    fn explain(&self, text: String) -> BoxFuture<'_, Result<Vec<Planned>>> {
        let number = self.plans.fetch_add(1, Ordering::Relaxed);
        let changes = self.changes_plans.load(Ordering::Relaxed);
        let path = if changes { format!("x{number}") } else { "x".to_owned() };
        let step = json!({"http": "DELETE", "url": format!("https://host/{path}"), "body": null});
        let steps = step.as_object().cloned().into_iter().collect();
        let keyword = text.split_whitespace().next().unwrap_or_default().to_owned();
        async move { Ok(vec![Planned { keyword, steps }]) }.boxed()
    }

    fn describe(&self, _: String) -> BoxFuture<'_, Result<Described>> {
        let keyword = "SELECT".to_owned();
        async move { Ok(Described { keyword, columns: columns(), parameters: Vec::new() }) }.boxed()
    }

    fn search(
        &self,
        _: String,
        _: Option<String>,
        _: Option<String>,
    ) -> BoxFuture<'_, Result<Vec<Found>>> {
        async { Ok(Vec::new()) }.boxed()
    }

    fn reload_credentials(
        &self,
        _: Option<String>,
    ) -> BoxFuture<'_, Result<(Vec<String>, Vec<Credential>)>> {
        async { Ok((Vec::new(), Vec::new())) }.boxed()
    }

    fn redacted(&self, text: &str) -> String {
        text.to_owned()
    }
}
