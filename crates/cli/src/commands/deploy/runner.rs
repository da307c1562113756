//! Statements of a stack, run by the engine.
//!
//! Owns: sessions with credentials of single resources, rows as JSON, requests that would be sent.
//! Surprise: what may only read runs in a session that refuses writes.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use futures::TryStreamExt;
use secrecy::SecretString;
use serde_json::Value as Json;
use strataql_deploy::{Answer, Ask, Described, Request, Row, Runner};
use strataql_diag::{Code, Report};
use strataql_engine::{Parameters, Session};
use strataql_output::{Format, Options, writer};
use strataql_sql::Statement;

use super::Own;
use crate::commands::exec::{self, Opened, Opening, Simulated};
use crate::interruption::{Interruption, interrupted};

/// Runs statements of a stack.
pub(super) struct EngineRunner<'a> {
    own: &'a Own,
    opened: &'a Opened,
    /// A session that refuses to write.
    reader: Session,
    opening: Opening<'a>,
    interruption: &'a Interruption,
    /// Sessions with credentials of their own, by these.
    others: Mutex<HashMap<String, Arc<Other>>>,
}

/// A session with other credentials, and one that refuses to write.
struct Other {
    opened: Opened,
    reader: Session,
}

/// A session of the same engine that refuses to write.
fn reader(opened: &Opened, opening: &Opening<'_>) -> Result<Session, Box<Report>> {
    let settings = opening.settings.session.clone();
    let reader = opened.engine.session(settings).on(opening.workers.clone());
    reader.set("read_only", "on")?;
    Ok(reader)
}

impl<'a> EngineRunner<'a> {
    /// A runner over an open session.
    ///
    /// # Errors
    /// Those of a setting.
    pub(super) fn new(
        own: &'a Own,
        opened: &'a Opened,
        opening: Opening<'a>,
        interruption: &'a Interruption,
    ) -> Result<Self, Box<Report>> {
        let reader = reader(opened, &opening)?;
        Ok(Self { own, opened, reader, opening, interruption, others: Mutex::default() })
    }

    /// Waits until what was abandoned has ended.
    pub(super) async fn idle(&self) {
        self.opened.session.idle(exec::SETTLING).await;
        self.reader.idle(exec::SETTLING).await;
        let others: Vec<Arc<Other>> = {
            let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
            others.drain().map(|(_, opened)| opened).collect()
        };
        for other in others {
            other.opened.session.idle(exec::SETTLING).await;
            exec::ledger::close(&other.opened.recording, self.opening.console).await;
        }
    }

    /// The session with other credentials; simulated services have their own.
    fn other(&self, auth: &Json) -> Result<Option<Arc<Other>>, Box<Report>> {
        if self.opened.sandbox.is_some() {
            return Ok(None);
        }
        let key = auth.to_string();
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = others.get(&key) {
            return Ok(Some(Arc::clone(known)));
        }
        let variables = auth.get("variables").and_then(Json::as_object);
        let variables = variables
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect();
        let environment = self.opening.environment.clone().with_overriding(variables);
        let mut settings = self.opening.settings.clone();
        let providers = auth.get("providers").cloned().unwrap_or_default();
        settings.auth = Some(SecretString::from(providers.to_string()));
        let opening = Opening { settings: &settings, environment: &environment, ..self.opening };
        let opened = self.own.block_on(opening.open(Simulated::NamedIn("")))?;
        let reader = reader(&opened, &opening)?;
        let opened = Arc::new(Other { opened, reader });
        others.insert(key, Arc::clone(&opened));
        Ok(Some(opened))
    }

    fn block<T>(
        &self,
        work: impl Future<Output = Result<T, Box<Report>>>,
    ) -> Result<T, Box<Report>> {
        self.own.block_on(async {
            tokio::select! {
                result = work => result,
                () = self.interruption.received() => Err(interrupted()),
            }
        })
    }

    async fn all(
        &self,
        session: &Session,
        sql: &str,
        explains: bool,
    ) -> Result<Answer, Box<Report>> {
        let text: Arc<str> = Arc::from(sql);
        let mut answer = Answer::default();
        let statements = Session::parse(sql)?;
        if statements.is_empty() {
            return Err(Box::new(
                Report::new(Code::Syntax, "there is no statement to run")
                    .with_help("the text holds only blanks and comments"),
            ));
        }
        for mut parsed in statements {
            for secret in strataql_sql::secret_literals(&parsed) {
                self.opening.console.redactor.register(&secret);
            }
            if explains {
                let inner = Box::new(parsed.statement);
                parsed.statement = Statement::Explain { analyze: false, verbose: false, inner };
            }
            let bound = Arc::new(Parameters::default());
            let mut result = session.start(Arc::clone(&text), Arc::new(parsed), bound).await?;
            let buffer = Buffer::default();
            let mut rows = writer(Format::Jsonl, Box::new(buffer.clone()), Options::default());
            rows.start(&result.schema, &result.labels)?;
            while let Some(batch) = result.rows.try_next().await? {
                rows.batch(&batch)?;
            }
            rows.finish()?;
            let read = buffer.rows()?;
            if explains {
                answer.rows.extend(read);
            } else {
                answer.rows = read;
            }
            answer.affected = match (answer.affected, result.affected) {
                (Some(before), Some(now)) => Some(before + now),
                (before, now) => now.or(before),
            };
            answer.notes.extend(result.outcome.notes());
        }
        Ok(answer)
    }

    fn answer(&self, ask: &Ask<'_>, explains: bool) -> Result<Answer, Box<Report>> {
        let other = ask.auth.map(|auth| self.other(auth)).transpose()?.flatten();
        let only_reads = ask.only_reads || explains;
        let session: &Session = match (&other, only_reads) {
            (Some(other), true) => &other.reader,
            (Some(other), false) => &other.opened.session,
            (None, true) => &self.reader,
            (None, false) => &self.opened.session,
        };
        self.block(self.all(session, ask.sql, explains))
    }
}

impl Runner for EngineRunner<'_> {
    fn run(&self, ask: &Ask<'_>) -> Result<Answer, Box<Report>> {
        self.answer(ask, false)
    }

    fn requests(&self, ask: &Ask<'_>) -> Result<Vec<Request>, Box<Report>> {
        let answer = self.answer(ask, true)?;
        let text = |row: &Row, name: &str| row.get(name)?.as_str().map(str::to_owned);
        let requests = answer.rows.iter().filter_map(|row| {
            Some(Request {
                method: text(row, "http")?,
                url: text(row, "url").unwrap_or_default(),
                body: text(row, "body"),
            })
        });
        Ok(requests.collect())
    }

    fn only_reads(&self, sql: &str) -> Result<bool, Box<Report>> {
        Ok(Session::parse(sql)?.iter().all(|parsed| {
            parsed.execs.is_empty()
                && matches!(
                    parsed.statement,
                    Statement::Query(_)
                        | Statement::Show(_)
                        | Statement::Describe(_)
                        | Statement::Explain { analyze: false, .. }
                )
        }))
    }

    fn describe(&self, resource: &str) -> Result<Described, Box<Report>> {
        super::describe::described(&self.opened.registry, resource)
    }

    fn providers(&self) -> Vec<(String, String)> {
        let all = self.opened.registry.providers();
        all.into_iter().map(|provider| (provider.name, provider.version)).collect()
    }
}

/// Bytes that a writer leaves.
#[derive(Debug, Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn rows(&self) -> Result<Vec<Row>, Box<Report>> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| {
                serde_json::from_slice(line).map_err(|error| {
                    Box::new(Report::internal(format!("a row is no object: {error}")))
                })
            })
            .collect()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
