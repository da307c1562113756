//! Running one statement of a simple query, and the statements of the connection.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use strataql_diag::{Code, Report};

use super::{Client, MOST_BYTES, MOST_NAMES, Portal, Prepared, Progress, Status, Stop, stopped};
use crate::backend::Answer;
use crate::commands::{self, Command, OfConnection, VERSION, default, refusal};
use crate::kinds::Kind;
use crate::messages::text;
use crate::pieces::split;
use crate::portal::{Column, Formats, Rows, describe, parameter};
use crate::report::Failure;
use crate::state::stopping;
use crate::values::value;
use crate::wire::Socket;

impl<S: Socket> Client<S> {
    /// One statement, with its rows in text.
    pub(super) async fn simple(&mut self, statement: &str) -> Result<(), Stop> {
        let command = commands::read(statement)?;
        match command {
            Command::Fetch { name, count, moves } => self.fetch(&name, count, moves).await,
            Command::Copy { body, form } => {
                self.check(&Command::Run("SELECT".to_owned()))?;
                let query = &statement[body.clone()];
                let rows = self.start(query, &[], None).await;
                let rows = rows.map_err(|stop| shifted(stop, body.start))?;
                self.copy(rows, &form).await
            }
            Command::Execute { name, values } => self.execute_named(&name, values).await,
            command => {
                let words = words_of(&command);
                let rows = self.run(command, statement, &[], None).await?;
                let mut rows = match rows {
                    Outcome::Rows(rows) => rows,
                    Outcome::Done(tag) => {
                        self.complete(&tag);
                        return Ok(());
                    }
                };
                self.describe_columns(rows.columns(), &Formats::default());
                self.send(&mut rows, &Formats::default(), &words, 0).await?;
                Ok(())
            }
        }
    }

    pub(super) fn describe_columns(&mut self, columns: &[Column], formats: &Formats) {
        // a statement without columns is described to Describe only
        if !columns.is_empty() {
            let mut out = bytes::BytesMut::new();
            describe(columns, formats, &mut out);
            self.outgoing.put_all(&out);
        }
    }

    /// Refuses what a failed transaction does not take.
    pub(super) fn check(&self, command: &Command) -> Result<(), Failure> {
        let ends = matches!(command, Command::Commit | Command::Rollback | Command::RollbackTo(_));
        if self.status != Status::Failed || ends {
            return Ok(());
        }
        let report = Report::new(
            Code::Transaction,
            "the transaction has failed; statements are ignored until its end",
        );
        Err(Failure::new("25P02", report.with_help("end it with ROLLBACK")))
    }

    /// Runs a command that is not about rows of a portal.
    pub(super) async fn run(
        &mut self,
        command: Command,
        statement: &str,
        values: &[ArrayRef],
        told: Option<&[Column]>,
    ) -> Result<Outcome, Stop> {
        self.check(&command)?;
        let tag = match command {
            Command::Run(words) => {
                self.writes += u64::from(may_write(&words));
                let rows = self.start(statement, values, told).await?;
                self.follow();
                return Ok(Outcome::Rows(rows));
            }
            Command::Show(name) => {
                let value = self.settings.get(&name.to_lowercase()).cloned();
                let value = value.unwrap_or_else(|| default(&name).unwrap_or_default().to_owned());
                return Ok(Outcome::Rows(Rows::new(one_text(&name, &value)?, told)?));
            }
            Command::Value { label, value } => {
                let text = self.of_connection(value);
                return Ok(Outcome::Rows(Rows::new(one_text(&label, &text)?, told)?));
            }
            Command::Begin if self.session.in_transaction() => {
                self.warn("25001", "a transaction is open already");
                "BEGIN"
            }
            Command::Begin => {
                self.plain("BEGIN").await?;
                "BEGIN"
            }
            Command::Commit | Command::Rollback if !self.session.in_transaction() => {
                self.warn("25P01", "no transaction is open");
                if command == Command::Commit { "COMMIT" } else { "ROLLBACK" }
            }
            Command::Commit if self.status != Status::Failed => {
                // whatever becomes of it, the transaction has ended
                self.status = Status::Idle;
                self.plain("COMMIT").await?;
                "COMMIT"
            }
            Command::Commit | Command::Rollback => {
                self.status = Status::Idle;
                self.plain("ROLLBACK").await?;
                "ROLLBACK"
            }
            Command::Savepoint(_) | Command::Release(_) | Command::RollbackTo(_)
                if !self.session.in_transaction() =>
            {
                let report = Report::new(Code::Transaction, "no transaction is open");
                return Err(Failure::new("25P01", report.with_help("begin one with BEGIN")).into());
            }
            Command::Savepoint(name) => {
                self.savepoints.push((name, self.writes));
                "SAVEPOINT"
            }
            Command::Release(name) => {
                let at = self.savepoint(&name)?;
                self.savepoints.truncate(at);
                "RELEASE"
            }
            Command::RollbackTo(name) => {
                let at = self.savepoint(&name)?;
                if self.savepoints[at].1 != self.writes {
                    return Err(Report::new(
                        Code::UnsupportedSyntax,
                        format!("there were writes since the savepoint `{name}`"),
                    )
                    .with_help("end the transaction with ROLLBACK, which undoes all of it")
                    .into());
                }
                self.savepoints.truncate(at + 1);
                "ROLLBACK"
            }
            Command::Set { name, value } => {
                self.set(&name, value.as_deref()).await?;
                "SET"
            }
            Command::Nothing(tag) => tag,
            Command::Discard => {
                self.prepared.clear();
                self.portals.clear();
                self.settings.clear();
                "DISCARD ALL"
            }
            Command::Deallocate(Some(name)) => {
                self.prepared.remove(&name).ok_or_else(|| no_statement(&name))?;
                "DEALLOCATE"
            }
            Command::Deallocate(None) => {
                self.prepared.clear();
                "DEALLOCATE ALL"
            }
            Command::Prepare { name, body } => {
                let prepared = self.prepare(&statement[body.clone()], &[]).await;
                let prepared = prepared.map_err(|stop| shifted(stop, body.start))?;
                self.keep(name, prepared)?;
                "PREPARE"
            }
            Command::Declare { name, hold, body } => {
                let rows = self.start(&statement[body.clone()], values, None).await;
                let rows = rows.map_err(|stop| shifted(stop, body.start))?;
                let empty = Prepared {
                    text: String::new(),
                    parameters: Vec::new(),
                    numbers: Vec::new(),
                    columns: Vec::new(),
                };
                let portal = Portal {
                    statement: Arc::new(empty),
                    values: Vec::new(),
                    formats: Formats::default(),
                    progress: Progress::Running(rows),
                    hold: hold || self.status == Status::Idle,
                };
                self.keep_portal(name, portal)?;
                "DECLARE CURSOR"
            }
            Command::Close(Some(name)) => {
                self.portals.remove(&name).ok_or_else(|| no_portal(&name))?;
                "CLOSE CURSOR"
            }
            Command::Close(None) => {
                self.portals.clear();
                "CLOSE CURSOR ALL"
            }
            Command::Fetch { .. } | Command::Copy { .. } | Command::Execute { .. } => {
                return Err(Report::new(
                    Code::UnsupportedSyntax,
                    "FETCH, COPY and EXECUTE cannot be prepared",
                )
                .with_help("send them as a simple query")
                .into());
            }
        };
        self.follow();
        Ok(Outcome::Done(tag.to_owned()))
    }

    /// The place of the last savepoint of a name.
    fn savepoint(&self, name: &str) -> Result<usize, Failure> {
        let found = self.savepoints.iter().rposition(|(known, _)| known == name);
        found.ok_or_else(|| {
            let report = Report::new(Code::Transaction, format!("there is no savepoint `{name}`"));
            Failure::new("3B001", report.with_help("savepoints end with their transaction"))
        })
    }

    /// The status follows the transaction of the engine.
    fn follow(&mut self) {
        if !self.session.in_transaction() {
            self.savepoints.clear();
        }
        self.status = if self.session.in_transaction() { Status::Open } else { Status::Idle };
    }

    /// Runs a statement without rows and values.
    async fn plain(&mut self, statement: &str) -> Result<(), Stop> {
        let mut rows = self.start(statement, &[], None).await?;
        let is_over = self.next_row(&mut rows).await?;
        debug_assert!(!is_over, "a transaction statement has no rows");
        self.send_notices(&mut rows);
        Ok(())
    }

    /// Starts a statement of the engine.
    pub(super) async fn start(
        &mut self,
        statement: &str,
        values: &[ArrayRef],
        told: Option<&[Column]>,
    ) -> Result<Rows, Stop> {
        self.shared.metrics.started();
        let Self { session, incoming, shared, .. } = self;
        let answer = tokio::select! {
            answer = session.run(statement, values) => answer?,
            () = shared.cancel.asked() => return Err(cancelled().into()),
            () = incoming.gone() => return Err(Stop::End(super::End::Gone)),
            () = stopping(&mut shared.stop) => return Err(Stop::End(stopped())),
        };
        Ok(Rows::new(answer, told)?)
    }

    /// Waits for a row; `false` at the end.
    pub(super) async fn next_row(&mut self, rows: &mut Rows) -> Result<bool, Stop> {
        let Self { incoming, shared, .. } = self;
        // rows that are always there leave no time to hear of it
        if shared.cancel.is_asked() {
            return Err(cancelled().into());
        }
        if *shared.stop.borrow() {
            return Err(Stop::End(stopped()));
        }
        tokio::select! {
            biased;
            ready = rows.ready() => Ok(ready?),
            () = shared.cancel.asked() => Err(cancelled().into()),
            () = incoming.gone() => Err(Stop::End(super::End::Gone)),
            () = stopping(&mut shared.stop) => Err(Stop::End(stopped())),
        }
    }

    /// Plans a statement, which is not run.
    pub(super) async fn prepare(&mut self, text: &str, types: &[u32]) -> Result<Prepared, Stop> {
        let pieces = split(text);
        let piece = match pieces.as_slice() {
            [] => 0..0,
            [one] => one.clone(),
            _ => {
                return Err(Report::new(Code::Syntax, "a prepared statement holds one statement")
                    .with_help("prepare each by itself, or send them as a simple query")
                    .into());
            }
        };
        let statement = &text[piece.clone()];
        let command = commands::read(statement)?;
        self.check(&command)?;
        let (columns, implied) = match &command {
            Command::Run(_) if !statement.is_empty() => {
                let Self { session, shared, incoming, .. } = self;
                let declared = types.iter().map(|oid| Kind::of_oid(*oid)?.of_values());
                let declared: Vec<Option<DataType>> = declared.collect();
                let described = tokio::select! {
                    described = session.describe(statement, &declared) => described,
                    () = shared.cancel.asked() => return Err(cancelled().into()),
                    () = incoming.gone() => return Err(Stop::End(super::End::Gone)),
                };
                let described =
                    described.map_err(|report| Failure::from(report).shifted(piece.start))?;
                (Column::all(&described.schema, &described.labels), described.parameters)
            }
            Command::Show(label) | Command::Value { label, .. } => {
                let shown = one_text(label, "")?;
                (Column::all(&shown.schema, &shown.labels), Vec::new())
            }
            _ => (Vec::new(), Vec::new()),
        };
        let count = types.len().max(implied.len());
        let parameters = (0..count).map(|index| {
            let declared = types.get(index).copied().unwrap_or_default();
            parameter(declared, implied.get(index).and_then(Option::as_ref))
        });
        let parameters: Vec<Kind> = parameters.collect();
        let numbers = parameters.iter().enumerate().map(|(index, kind)| {
            let declared = types.get(index).copied().filter(|number| *number != 0);
            declared.unwrap_or_else(|| kind.oid())
        });
        let numbers = numbers.collect();
        Ok(Prepared { text: statement.to_owned(), parameters, numbers, columns })
    }

    /// Keeps a prepared statement under its name.
    pub(super) fn keep(&mut self, name: String, prepared: Prepared) -> Result<(), Failure> {
        if !name.is_empty() && self.prepared.contains_key(&name) {
            return Err(Failure::new(
                "42P05",
                Report::new(
                    Code::Usage,
                    format!("the prepared statement `{name}` is there already"),
                )
                .with_help("close it first, or use another name"),
            ));
        }
        let bytes: usize = self.prepared.values().map(|one| one.text.len()).sum();
        if self.prepared.len() >= MOST_NAMES || bytes + prepared.text.len() > MOST_BYTES {
            return Err(Failure::new(
                "53400",
                Report::new(
                    Code::Budget,
                    format!("the session has {} prepared statements already", self.prepared.len()),
                )
                .with_help("close those that are not needed, or run `DEALLOCATE ALL`"),
            ));
        }
        self.prepared.insert(name, Arc::new(prepared));
        Ok(())
    }

    /// Keeps a portal under its name.
    pub(super) fn keep_portal(&mut self, name: String, portal: Portal) -> Result<(), Failure> {
        if self.portals.len() >= MOST_NAMES {
            return Err(Failure::new(
                "53400",
                Report::new(Code::Budget, "the session has too many open cursors")
                    .with_help("close those that are not needed"),
            ));
        }
        self.portals.insert(name, portal);
        Ok(())
    }

    /// EXECUTE: a prepared statement with values that are written in SQL.
    async fn execute_named(&mut self, name: &str, given: Vec<Option<String>>) -> Result<(), Stop> {
        let statement = self.prepared.get(name).cloned().ok_or_else(|| no_statement(name))?;
        if given.len() != statement.parameters.len() {
            return Err(wrong_count(given.len(), statement.parameters.len()).into());
        }
        let values = given.into_iter().zip(&statement.parameters).enumerate();
        let values = values.map(|(index, (text, kind))| {
            let bytes = text.map(bytes::Bytes::from);
            value(index + 1, kind, false, bytes.as_ref())
        });
        let values = values.collect::<Result<Vec<_>, _>>()?;
        let command = commands::read(&statement.text)?;
        let words = words_of(&command);
        match self.run(command, &statement.text, &values, Some(&statement.columns)).await? {
            Outcome::Done(tag) => self.complete(&tag),
            Outcome::Rows(mut rows) => {
                self.describe_columns(rows.columns(), &Formats::default());
                self.send(&mut rows, &Formats::default(), &words, 0).await?;
            }
        }
        Ok(())
    }

    fn of_connection(&self, value: OfConnection) -> String {
        match value {
            OfConnection::Version => format!("PostgreSQL {VERSION}"),
            OfConnection::Schema => "public".to_owned(),
            OfConnection::Database => self.shared.login.database.clone(),
            OfConnection::User => self.shared.login.user.clone(),
        }
    }

    /// SET of one of PostgreSQL's settings.
    pub(crate) async fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), Failure> {
        let name = name.to_lowercase();
        let initial = default(&name).unwrap_or_default();
        let value = value.unwrap_or(initial);
        if let Some(report) = refusal(&name, value) {
            return Err(report.into());
        }
        match name.as_str() {
            "statement_timeout" => {
                let text = value.trim();
                let text = match text.parse::<u64>() {
                    Ok(0) => "none".to_owned(),
                    Ok(millis) => format!("{millis}ms"),
                    Err(_) => text.to_owned(),
                };
                self.session.set("timeout", &text).await?;
            }
            // times are shown in UTC, and their text says so
            "timezone" | "client_encoding" | "datestyle" => return Ok(()),
            "application_name" => {
                let value = value.to_owned();
                self.outgoing.put(b'S', |out| {
                    text(out, "application_name");
                    text(out, &value);
                });
            }
            _ => {}
        }
        self.settings.insert(name, value.to_owned());
        Ok(())
    }
}

/// What came of a command.
pub(super) enum Outcome {
    Rows(Rows),
    /// It has ended, with this tag.
    Done(String),
}

/// The words that a tag begins with.
pub(super) fn words_of(command: &Command) -> String {
    match command {
        Command::Run(words) => words.clone(),
        _ => "SHOW".to_owned(),
    }
}

/// True for statements that may change something; a text that is no statement changes nothing.
fn may_write(words: &str) -> bool {
    let first = words.split(' ').next().unwrap_or_default();
    matches!(
        first,
        "INSERT"
            | "UPDATE"
            | "REPLACE"
            | "DELETE"
            | "MERGE"
            | "TRUNCATE"
            | "CALL"
            | "CREATE"
            | "DROP"
            | "ALTER"
            | "REFRESH"
            | "WITH"
            | "EXPLAIN"
    )
}

/// The value of a setting as an answer.
fn one_text(name: &str, value: &str) -> Result<Answer, Box<Report>> {
    let schema = Arc::new(Schema::new(vec![Field::new(name, DataType::Utf8, false)]));
    let batch = RecordBatch::try_new(schema, vec![Arc::new(StringArray::from(vec![value]))]);
    batch.map(Answer::of_batch).map_err(|error| Box::new(Report::internal(error.to_string())))
}

pub(super) fn cancelled() -> Failure {
    Report::new(Code::Cancelled, "the statement was cancelled by its user")
        .with_note("requests in flight were abandoned")
        .into()
}

pub(super) fn no_statement(name: &str) -> Failure {
    let report = Report::new(Code::Usage, format!("there is no prepared statement `{name}`"));
    Failure::new("26000", report.with_help("prepare it first"))
}

pub(super) fn no_portal(name: &str) -> Failure {
    let report = Report::new(Code::Usage, format!("there is no cursor or portal `{name}`"));
    Failure::new("34000", report.with_help("cursors end with their transaction"))
}

pub(super) fn wrong_count(given: usize, wanted: usize) -> Failure {
    let report = Report::new(
        Code::BadParamValue,
        format!("the statement takes {wanted} parameters, and {given} values were given"),
    );
    Failure::new("08P01", report.with_help("give a value for each"))
}

fn shifted(stop: Stop, offset: usize) -> Stop {
    match stop {
        Stop::Failed(failure) => Stop::Failed(failure.shifted(offset)),
        Stop::End(end) => Stop::End(end),
    }
}
