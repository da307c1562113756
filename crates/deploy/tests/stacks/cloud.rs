//! A cloud that answers from a table, and a machine that remembers what it was told.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use strataql_deploy::flow::{Ended, Flow, Options};
use strataql_deploy::{
    Answer, Ask, Described, EnvironmentLookup, Host, Level, Request, Row, Runner, Script, Stack,
};
use strataql_diag::{Code, RemoteFailure, Report};

/// What a statement is answered with.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Rows(Vec<Json>),
    /// The service answers with this status and this code.
    Status(u16, &'static str),
    /// The connection is lost after the request was sent.
    Lost,
}

/// Rows of a result.
pub(crate) fn rows<const N: usize>(rows: [Json; N]) -> Reply {
    Reply::Rows(rows.to_vec())
}

/// Answers by a part of the statement; the last answer of a part stays.
#[derive(Debug, Default)]
pub(crate) struct Cloud {
    table: Vec<(&'static str, RefCell<Vec<Reply>>)>,
    /// The statements, in their order, with their credentials.
    pub(crate) statements: RefCell<Vec<(String, Option<Json>)>>,
}

impl Cloud {
    pub(crate) fn new(table: Vec<(&'static str, Vec<Reply>)>) -> Self {
        let table = table
            .into_iter()
            .map(|(part, mut replies)| {
                replies.reverse();
                (part, RefCell::new(replies))
            })
            .collect();
        Self { table, statements: RefCell::default() }
    }

    /// The statements as they were sent.
    pub(crate) fn sent(&self) -> Vec<String> {
        self.statements.borrow().iter().map(|(sql, _)| sql.clone()).collect()
    }

    /// How many statements have a part.
    pub(crate) fn count(&self, part: &str) -> usize {
        self.sent().iter().filter(|sql| sql.contains(part)).count()
    }
}

fn is_read(sql: &str) -> bool {
    let word = sql.split_whitespace().next().unwrap_or_default().to_lowercase();
    matches!(word.as_str(), "select" | "with" | "show")
}

impl Runner for Cloud {
    fn run(&self, ask: &Ask<'_>) -> Result<Answer, Box<Report>> {
        self.statements.borrow_mut().push((ask.sql.to_owned(), ask.auth.cloned()));
        assert!(!ask.only_reads || is_read(ask.sql), "a write among reads: {}", ask.sql);
        let Some((_, replies)) = self.table.iter().find(|(part, _)| ask.sql.contains(part)) else {
            panic!("nothing answers {}", ask.sql)
        };
        let mut replies = replies.borrow_mut();
        let reply = if replies.len() > 1 { replies.pop() } else { replies.last().cloned() };
        match reply {
            Some(Reply::Rows(rows)) => {
                let rows: Vec<Row> = rows
                    .into_iter()
                    .map(|row| row.as_object().expect("an object").clone())
                    .collect();
                Ok(Answer { rows, ..Answer::default() })
            }
            Some(Reply::Status(status, code)) => {
                let class = match status {
                    404 => Code::RemoteMissing,
                    409 => Code::RemoteConflict,
                    429 => Code::RateLimited,
                    500.. => Code::RemoteUnavailable,
                    _ => Code::RemoteRejected,
                };
                Err(Box::new(Report {
                    remote: Some(Box::new(RemoteFailure {
                        status: Some(status),
                        code: Some(code.to_owned()),
                        ..RemoteFailure::default()
                    })),
                    ..Report::new(class, format!("the API answered {status} {code}"))
                }))
            }
            Some(Reply::Lost) => {
                Err(Box::new(Report::new(Code::WriteOutcomeUnknown, "the connection was lost")))
            }
            None => Ok(Answer::default()),
        }
    }

    fn requests(&self, _: &Ask<'_>) -> Result<Vec<Request>, Box<Report>> {
        Ok(Vec::new())
    }

    fn only_reads(&self, sql: &str) -> Result<bool, Box<Report>> {
        Ok(is_read(sql))
    }

    fn describe(&self, resource: &str) -> Result<Described, Box<Report>> {
        Err(Box::new(Report::new(Code::UnknownResource, format!("`{resource}` is not known"))))
    }

    fn providers(&self) -> Vec<(String, String)> {
        vec![("aws".to_owned(), "v24.07.00246".to_owned())]
    }
}

/// A machine without a clock; what it is told is kept.
#[derive(Default)]
pub(crate) struct Machine {
    pub(crate) log: RefCell<Vec<String>>,
    pub(crate) printed: RefCell<String>,
    pub(crate) secrets: RefCell<Vec<String>>,
    pub(crate) waits: RefCell<Vec<u64>>,
    pub(crate) scripts: RefCell<Vec<String>>,
    /// What scripts print.
    pub(crate) script: String,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) journal: RefCell<String>,
}

impl Machine {
    /// True if a line of the log has a text.
    pub(crate) fn told(&self, text: &str) -> bool {
        self.log.borrow().iter().any(|line| line.contains(text))
    }
}

impl Host for Machine {
    fn tell(&self, level: Level, text: &str) {
        if level <= Level::Info {
            self.log.borrow_mut().push(self.masked(text));
        }
    }

    fn print(&self, text: &str) -> Result<(), Box<Report>> {
        self.printed.borrow_mut().push_str(&self.masked(text));
        Ok(())
    }

    fn keep_secret(&self, value: &str) {
        self.secrets.borrow_mut().push(value.to_owned());
    }

    fn masked(&self, text: &str) -> String {
        self.secrets
            .borrow()
            .iter()
            .filter(|secret| secret.len() > 3)
            .fold(text.to_owned(), |text, secret| text.replace(secret, "********"))
    }

    fn wait(&self, time: Duration) -> Result<(), Box<Report>> {
        self.waits.borrow_mut().push(time.as_secs());
        Ok(())
    }

    fn script(&self, script: &Script) -> Result<String, Box<Report>> {
        self.scripts.borrow_mut().push(script.text.clone());
        Ok(self.script.clone())
    }

    fn environment(&self) -> EnvironmentLookup {
        let environment = self.environment.clone();
        Arc::new(move |name| environment.get(name).cloned())
    }

    fn record(&self, line: &str) -> Result<(), Box<Report>> {
        self.journal.borrow_mut().extend([line, "\n"]);
        Ok(())
    }
}

/// A stack in a folder, and what ran.
pub(crate) struct Case {
    folder: tempfile::TempDir,
    pub(crate) cloud: Cloud,
    pub(crate) machine: Machine,
    pub(crate) options: Options,
}

impl Case {
    /// A stack of files: the manifest, and query files by their name.
    pub(crate) fn new(
        manifest: &str,
        files: &[(&str, &str)],
        table: Vec<(&'static str, Vec<Reply>)>,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: &Path, text: &str| {
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
            std::fs::write(path, text).expect("writable");
        };
        write(&folder.path().join("stackql_manifest.yml"), manifest);
        for (name, text) in files {
            write(&folder.path().join("resources").join(name), text);
        }
        let options = Options { environment: "dev".to_owned(), ..Options::default() };
        Self { folder, cloud: Cloud::new(table), machine: Machine::default(), options }
    }

    pub(crate) fn stack(&self) -> Result<Stack, Box<Report>> {
        Stack::load(self.folder.path())
    }

    fn run(
        &self,
        run: impl FnOnce(Flow<'_>) -> Result<Ended, Box<Report>>,
    ) -> Result<Ended, Box<Report>> {
        let stack = self.stack()?;
        Flow::new(&stack, &self.options, &self.cloud, &self.machine).and_then(run)
    }

    pub(crate) fn build(&self) -> Result<Ended, Box<Report>> {
        self.run(|flow| flow.build())
    }

    pub(crate) fn test(&self) -> Result<Ended, Box<Report>> {
        self.run(|flow| flow.test())
    }

    pub(crate) fn teardown(&self) -> Result<Ended, Box<Report>> {
        self.run(|flow| flow.teardown())
    }

    /// The build went well.
    #[track_caller]
    pub(crate) fn built(&self) -> Ended {
        match self.build() {
            Ok(ended) => ended,
            Err(report) => panic!("{report:?}\n{:#?}\n{:#?}", self.machine.log, self.cloud.sent()),
        }
    }
}
