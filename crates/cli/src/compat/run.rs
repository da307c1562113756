//! Running the statements of a script.
//!
//! Surprise: all of them run before anything is printed, and a failure does not stop those after it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::StreamExt;
use strataql_compat::layout::Table;
use strataql_compat::{Command, Line, Show, messages, pieces, shapes};
use strataql_diag::{Code, Report};
use strataql_engine::{Outcome, Parameters, ResultSet};
use strataql_ledger::Timestamp;
use strataql_sql::{Parsed, Statement, Transaction, WriteKind};

use super::answer::Answer;
use super::failure::{About, message};
use super::http::Refusal;
use super::select::Shape;
use super::session::Session;
use super::statement::{Kind, awaits, resource, shows_rows};
use super::{build, cells, filter, local, registry, seeds};
use crate::console::Console;

/// How long parts of a statement may take to end.
const SETTLING: Duration = Duration::from_millis(200);

/// Runs statements.
pub(super) struct Runner<'a> {
    line: &'a Line,
    session: &'a Session,
    console: &'a Console,
    /// Resources of the writes that wait for COMMIT.
    queued: Vec<String>,
    /// Statements of seeds that were run.
    seeded: Vec<&'static str>,
}

impl<'a> Runner<'a> {
    /// A runner with nothing in a transaction.
    pub(super) fn new(line: &'a Line, session: &'a Session, console: &'a Console) -> Self {
        Self { line, session, console, queued: Vec::new(), seeded: Vec::new() }
    }

    /// Runs the statements of a script.
    pub(super) fn all(&mut self, script: &str) -> Vec<Answer> {
        for seed in seeds::wanted(script) {
            if !self.seeded.contains(&seed) {
                self.seeded.push(seed);
                // a provider that is not installed has no seeds
                let _made = self.engine(seed);
            }
        }
        let answers = pieces(script).iter().map(|piece| self.one(piece)).collect();
        let session = self.session.session();
        self.session.runtime().block_on(session.idle(SETTLING));
        answers
    }

    /// Runs one statement.
    pub(super) fn one(&mut self, piece: &str) -> Answer {
        let done = match Command::read(piece) {
            Command::Engine => return self.engine(piece),
            Command::Show(show) => self.show(&show),
            Command::Describe { extended, method, name } => {
                if let [_one] = name.as_slice() {
                    return self.describe_local(piece);
                }
                self.describe(&name, extended, method)
            }
            Command::RegistryList(provider) => {
                registry::list(self.line, self.session, self.console, provider.as_deref())
            }
            Command::RegistryPull(provider, version) => {
                registry::pull(self.session, self.console, &provider, version.as_deref())
            }
            Command::Auth => {
                Err("there is no interactive login; give credentials with --auth".to_owned())
            }
            Command::Purge(kind) => purge(kind.as_deref()),
            Command::Native(text) => return self.engine(&text),
            Command::Sleep(milliseconds) => {
                let pause = Duration::from_millis(milliseconds);
                #[expect(clippy::disallowed_methods, reason = "the statement asks for the pause")]
                self.session.runtime().block_on(async move { tokio::time::sleep(pause).await });
                Ok(Answer::said(messages::slept(milliseconds)))
            }
            Command::Use(_) => {
                let answer = self.engine(piece);
                return Answer { table: None, messages: Vec::new(), ..answer };
            }
            Command::SetAuth(provider, field, value) => {
                self.session.set_auth(&provider, &field, &value).map(|()| Answer::default())
            }
            Command::SetUnknown(system) => Err(format!("system '{system}' not supported")),
            Command::Nothing(true) => Ok(Answer::said(messages::DEFINED)),
            Command::Nothing(false) => Ok(Answer::said(messages::OK)),
        };
        done.unwrap_or_else(Answer::failed)
    }

    /// The parts of a name, completed by USE to so many.
    fn full(&self, name: &[String], count: usize) -> Vec<String> {
        let namespace = self.session.session().settings().namespace;
        let missing = count.saturating_sub(name.len());
        let prefix = namespace.get(..missing).unwrap_or_default();
        prefix.iter().chain(name).cloned().collect()
    }

    fn show(&self, show: &Show) -> Result<Answer, String> {
        let documents = self.session.registry();
        let environment = &self.session.environment;
        let three = |name: &[String]| -> Result<[String; 3], String> {
            <[String; 3]>::try_from(self.full(name, 3))
                .map_err(|_| messages::no_table(&name.join(".")))
        };
        let mut table = match show.what.as_str() {
            "PROVIDERS" => shapes::providers(&documents),
            "SERVICES" => {
                let name = self.full(&show.name, 1);
                let provider = name.first().map(String::as_str).unwrap_or_default();
                shapes::services(&documents, provider, show.extended)?
            }
            "RESOURCES" => match self.full(&show.name, 2).as_slice() {
                [provider, service] => {
                    shapes::resources(&documents, provider, service, show.extended)?
                }
                [provider] => return Err(messages::no_provider(provider)),
                _ => return Err(messages::no_service(&show.name.join("."))),
            },
            "METHODS" => {
                let name = three(&show.name)?;
                let lookup = environment.lookup();
                let lookup = move |name: &str| lookup(name);
                shapes::methods(
                    &documents,
                    name.each_ref().map(String::as_str),
                    show.extended,
                    &lookup,
                )?
            }
            "INSERT" => {
                let name = three(&show.name)?;
                shapes::insert(&documents, name.each_ref().map(String::as_str), show.wanted())?
            }
            "VERSION" => shapes::version(build(), show.extended),
            "TRANSACTION" => shapes::isolation(),
            "AUTH" => {
                let provider = self.full(&show.name, 1).concat();
                let model =
                    documents.provider(&provider).map_err(|_| messages::no_provider(&provider))?;
                let kind =
                    model.auth.as_ref().map(|auth| auth.kind.to_string()).unwrap_or_default();
                Table::of(&["principal", "type", "source"], [vec!["", kind.as_str(), ""]])
            }
            other => return Err(messages::no_show(&other.to_lowercase())),
        };
        if let Some(pattern) = &show.like {
            shapes::like(&mut table, pattern);
        }
        if let Some(condition) = &show.filter {
            filter::apply(&mut table, condition)?;
        }
        Ok(Answer::rows(table))
    }

    fn describe(&self, name: &[String], extended: bool, method: bool) -> Result<Answer, String> {
        let documents = self.session.registry();
        let full = self.full(name, if method { 4 } else { 3 });
        let parts: Vec<&str> = full.iter().map(String::as_str).collect();
        match (method, parts.as_slice()) {
            (false, [p, s, r]) => shapes::describe(&documents, [p, s, r], extended),
            (true, [p, s, r, m]) => shapes::describe_method(&documents, [p, s, r, m], extended),
            _ => Err(messages::no_table(&name.join("."))),
        }
        .map(Answer::rows)
    }

    /// DESCRIBE of a view or table.
    fn describe_local(&mut self, piece: &str) -> Answer {
        let mut answer = self.engine(piece);
        if let Some(table) = &mut answer.table {
            table.labels.truncate(2);
            for row in &mut table.rows {
                row.truncate(2);
                if let Some(Some(kind)) = row.get_mut(1) {
                    kind.make_ascii_lowercase();
                }
            }
        }
        answer
    }

    /// Runs a statement of the engine.
    fn engine(&mut self, piece: &str) -> Answer {
        let namespace = self.session.session().settings().namespace;
        let mut parsed = match strataql_sql::parse(piece) {
            Ok(parsed) => parsed.into_iter(),
            Err(report) => {
                return Answer::failed(message(
                    &report,
                    &About { text: piece, ..About::default() },
                ));
            }
        };
        let Some(mut statement) = parsed.next() else { return Answer::default() };
        let mut text = piece.to_owned();
        let mut shape = Shape::default();
        if let Statement::Query(query) = &statement.statement {
            shape = Shape::of(query, &self.session.registry(), &namespace);
            let completed = shape.completed(piece);
            if completed != text
                && let Some(again) =
                    strataql_sql::parse(&completed).ok().and_then(|mut all| all.pop())
            {
                statement = again;
                text = completed;
            }
        }
        let kind = Kind::of(&statement);
        if let (Kind::Local(_), Some(table)) = (kind, local::table(&statement)) {
            return self.change_local(&statement, &table);
        }
        let about = About {
            text: piece,
            verb: kind.verb(),
            resource: resource(&statement, &namespace, piece),
        };
        self.session.refusals.take();
        self.session.refusals.await_changes(awaits(&text) && !text.contains("NOSTATUS"));
        let transaction = self.session.session().open_transaction().is_some();
        let result = self.rows(&text, &statement, &shape);
        let refusals = self.session.refusals.take();
        let ran = Ran { kind, transaction, refusals, about };
        self.answer(piece, &statement, ran, result)
    }

    /// UPDATE and DELETE of a local table.
    fn change_local(&mut self, statement: &Parsed, table: &str) -> Answer {
        let described = self.engine(&format!("DESCRIBE {table}"));
        let Some(columns) = described.table else { return described };
        let columns: Vec<(String, String)> = columns
            .rows
            .into_iter()
            .filter_map(|row| {
                let mut cells = row.into_iter().flatten();
                cells.next().zip(cells.next())
            })
            .collect();
        let Some(text) = local::replacement(statement, table, &columns) else {
            return Answer::default();
        };
        match self.engine(&text) {
            Answer { error: None, .. } => Answer::said(messages::EXECUTED),
            failed => failed,
        }
    }

    /// The rows of a statement, read to their end, with what was done.
    fn rows(&self, text: &str, parsed: &Parsed, shape: &Shape) -> Result<Rows, Box<Report>> {
        let session = self.session.session();
        for secret in strataql_sql::secret_literals(parsed) {
            self.console.redactor.register(&secret);
        }
        let (text, parsed) = (Arc::from(text), Arc::new(parsed.clone()));
        self.session.runtime().block_on(async move {
            let result = session.start(text, parsed, Arc::new(Parameters::default())).await?;
            let ResultSet { schema, labels, mut rows, outcome, affected } = result;
            let mut table = Table { labels, rows: Vec::new() };
            while let Some(batch) = rows.next().await {
                cells::append(&schema, &batch?, &shape.computed, &mut table.rows)?;
            }
            shape.order(&mut table);
            Ok(Rows { table, has_columns: !schema.fields().is_empty(), outcome, affected })
        })
    }

    fn answer(
        &mut self,
        piece: &str,
        parsed: &Parsed,
        ran: Ran<'_>,
        result: Result<Rows, Box<Report>>,
    ) -> Answer {
        let rows = match result {
            Ok(rows) => rows,
            Err(report) => return self.failure(parsed, &ran, &report),
        };
        let mut answer = Answer::default();
        if let Some(failure) = hard_failure(&rows.outcome) {
            return Answer::failed(failure);
        }
        answer.messages.extend(soft_failures(&rows.outcome));
        match ran.kind {
            Kind::Query => answer.table = Some(rows.table),
            Kind::Explain => {
                #[expect(clippy::disallowed_methods, reason = "the answer shows the time")]
                let now = SystemTime::now();
                let when = Timestamp::from(now);
                let when = when.as_str().split('.').next().unwrap_or_default().to_owned() + "Z UTC";
                let query = piece.get("EXPLAIN".len()..).unwrap_or_default().trim();
                let row = vec![query, "OK", when.as_str(), "true"];
                if !ran.about.resource.is_empty() || !is_local(query) {
                    answer.table =
                        Some(Table::of(&["query", "result", "timestamp", "valid"], [row]));
                    answer.messages.push(messages::EXPLAINED.to_owned());
                }
                answer.messages.push(messages::OK.to_owned());
            }
            Kind::Write(_) | Kind::Exec if ran.transaction && self.is_lazy() => {
                self.queued.push(ran.about.resource.clone());
                answer.messages.push(messages::QUEUED.to_owned());
            }
            Kind::Write(_) if let Some(status) = ran.refused_write().map(|it| it.status) => {
                answer.error =
                    Some(messages::over_http("insert", status, messages::phrase(status)));
            }
            Kind::Write(_) | Kind::Exec if shows_rows(parsed) && rows.has_columns => {
                let mut table = rows.table;
                if returns_all(parsed) {
                    self.of_response(&mut table, &ran.about.resource);
                }
                answer.table = Some(table);
            }
            Kind::Write(_)
                if rows.affected == Some(0) && ran.kind == Kind::Write(WriteKind::Insert) =>
            {
                answer.error = Some(messages::NOTHING_TO_INSERT.to_owned());
            }
            Kind::Write(_) | Kind::Exec if awaits(piece) => {}
            Kind::Write(_) => {
                let times = usize::try_from(rows.affected.unwrap_or(1)).unwrap_or(1).max(1);
                answer.messages.extend(vec![messages::DESPATCHED.to_owned(); times]);
            }
            Kind::Exec => answer.messages.push(messages::DESPATCHED.to_owned()),
            Kind::Local(WriteKind::Insert) => answer.messages.push(messages::INSERTED.to_owned()),
            Kind::Local(_) => answer.messages.push(messages::EXECUTED.to_owned()),
            Kind::Definition => answer.messages.push(messages::DEFINED.to_owned()),
            Kind::Refresh => answer.messages.push(messages::REFRESHED.to_owned()),
            Kind::Transaction(Transaction::Rollback) => {
                self.queued.clear();
                answer.messages.push(messages::ROLLED_BACK.to_owned());
            }
            Kind::Transaction(Transaction::Commit) => {
                let sent = self.queued.drain(..).map(|_| messages::DESPATCHED.to_owned());
                answer.messages.extend(sent);
                answer.messages.push(messages::OK.to_owned());
            }
            Kind::Transaction(_) => answer.messages.push(messages::OK.to_owned()),
            Kind::Other if rows.has_columns => answer.table = Some(rows.table),
            Kind::Other => {}
        }
        answer
    }

    /// Leaves the columns of responses in a result, in byte order.
    fn of_response(&self, table: &mut Table, resource: &str) {
        let documents = self.session.registry();
        let mut parts = resource.splitn(3, '.');
        let (Some(provider), Some(service), Some(name)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return;
        };
        let Ok(service) = documents.service(provider, service) else { return };
        let Some(resource) = service.resources.get(name) else { return };
        let is_shown = |label: &str| {
            let mut columns = resource.methods.values().flat_map(|method| &method.response.columns);
            columns.any(|column| column.name == label)
        };
        let mut order: Vec<usize> =
            (0..table.labels.len()).filter(|at| is_shown(&table.labels[*at])).collect();
        order.sort_by(|one, other| table.labels[*one].cmp(&table.labels[*other]));
        table.labels = order.iter().map(|at| table.labels[*at].clone()).collect();
        for row in &mut table.rows {
            *row = order.iter().map(|at| row[*at].take()).collect();
        }
    }

    fn is_lazy(&self) -> bool {
        !self.session.settings().eager
    }

    /// A statement that failed. Where a service refused a write, its status is told.
    fn failure(&mut self, parsed: &Parsed, ran: &Ran<'_>, report: &Report) -> Answer {
        let refused = match ran.kind {
            Kind::Query => ran.refusals.last().filter(|_| report.remote.is_some()),
            _ => ran.refused_write(),
        };
        match (ran.kind, refused) {
            (Kind::Write(_), Some(_)) if shows_rows(parsed) => {
                // the body was told when it came
                Answer::rows(Table { labels: returned(parsed), rows: Vec::new() })
            }
            (Kind::Write(WriteKind::Delete), Some(Refusal { status, body, .. })) => {
                Answer::failed(messages::delete_refused(*status, body))
            }
            // the reference says so for UPDATE and REPLACE, too
            (Kind::Write(_), Some(Refusal { status, .. })) => {
                Answer::failed(messages::over_http("insert", *status, messages::phrase(*status)))
            }
            (Kind::Exec, Some(Refusal { status, .. })) => {
                Answer::failed(messages::over_http("exec", *status, messages::phrase(*status)))
            }
            (Kind::Transaction(word), refused) => {
                let queued = std::mem::take(&mut self.queued);
                let status = refused.map(|it| (it.status, messages::phrase(it.status)));
                in_transaction(word, &queued, status, message(report, &ran.about))
            }
            (Kind::Query, Some(_)) if report.code.class() != strataql_diag::Class::Statement => {
                Answer::default()
            }
            (Kind::Definition, None) if report.code == Code::UnknownResource => {
                let name = report.message.split('`').nth(1).unwrap_or_default();
                Answer::failed(format!("no such table: {name}"))
            }
            (Kind::Refresh, None) if report.code == Code::UnknownResource => {
                let name = report.message.split('`').nth(1).unwrap_or_default();
                Answer::failed(format!("could not find materialized view '{name}' to refresh"))
            }
            _ => Answer::failed(message(report, &ran.about)),
        }
    }
}

/// The end of a transaction that failed.
fn in_transaction(
    word: Transaction,
    queued: &[String],
    status: Option<(u16, &str)>,
    text: String,
) -> Answer {
    let mut answer = Answer::default();
    match (word, status) {
        (Transaction::Rollback, Some((status, phrase))) => {
            answer.messages.push(format!("undo over HTTP error: {status} {phrase}"));
            answer.error = Some(messages::NOT_ROLLED_BACK.to_owned());
        }
        (Transaction::Commit, Some((status, phrase))) => {
            answer.messages.push(messages::over_http("insert", status, phrase));
            // the last of them failed, those before it were done
            let done = queued.len().saturating_sub(1);
            let undone = queued.iter().take(done).rev().map(|it| messages::undo_required(it));
            answer.messages.extend(undone);
        }
        _ => answer.error = Some(text),
    }
    answer
}

/// What is known of a statement that has run.
struct Ran<'a> {
    kind: Kind,
    /// A transaction was open.
    transaction: bool,
    refusals: Vec<Refusal>,
    about: About<'a>,
}

impl Ran<'_> {
    /// The write that a service refused.
    fn refused_write(&self) -> Option<&Refusal> {
        self.refusals.iter().rev().find(|refusal| refusal.is_write)
    }
}

/// True for RETURNING *.
fn returns_all(parsed: &Parsed) -> bool {
    returned(parsed) == ["*"]
}

/// The rows of a statement and what it did.
struct Rows {
    table: Table,
    has_columns: bool,
    outcome: Outcome,
    affected: Option<u64>,
}

/// Labels of RETURNING, as far as they are names.
fn returned(parsed: &Parsed) -> Vec<String> {
    use strataql_sql::sqlparser::ast as sql;
    let Statement::Write(_, tree) = &parsed.statement else { return Vec::new() };
    let items = match tree.as_ref() {
        sql::Statement::Insert(insert) => insert.returning.as_ref(),
        sql::Statement::Update(update) => update.returning.as_ref(),
        sql::Statement::Delete(delete) => delete.returning.as_ref(),
        _ => None,
    };
    let items = items.into_iter().flatten().map(|item| match item {
        sql::SelectItem::ExprWithAlias { alias, .. } => alias.value.clone(),
        other => other.to_string().trim_matches('"').to_owned(),
    });
    items.collect()
}

/// True for a query without a resource.
fn is_local(text: &str) -> bool {
    let parsed = strataql_sql::parse(text).ok().and_then(|mut all| all.pop());
    parsed.is_none_or(|parsed| resource(&parsed, &[], text).matches('.').count() < 2)
}

/// A request without an answer fails its statement.
fn hard_failure(outcome: &Outcome) -> Option<String> {
    let unanswered = outcome.issues().into_iter().find(|issue| {
        issue.status.is_none()
            && matches!(
                issue.code,
                Code::RemoteUnavailable | Code::Timeout | Code::TlsFailed | Code::NoCredential
            )
    });
    unanswered.map(|issue| issue.message.replace('`', "'"))
}

/// Answers that could not be read, and lists that were cut.
fn soft_failures(outcome: &Outcome) -> Vec<String> {
    let mut lines: Vec<String> = outcome
        .issues()
        .into_iter()
        .filter(|issue| matches!(issue.code, Code::UnexpectedBody | Code::IncompleteList))
        .map(|issue| format!("error processing response: {}", cause(&issue.message)))
        .collect();
    for scan in outcome.scans() {
        if scan.metrics.cut > 0 {
            lines.push(format!(
                "the limit of pages was reached for {}: rows are missing (--http.response.pageLimit)",
                scan.name
            ));
        }
    }
    lines
}

/// Why an answer cannot be read, as the reference words it where it can be told.
fn cause(message: &str) -> String {
    if message.contains("HTML page") {
        return "invalid character '<' looking for beginning of value".to_owned();
    }
    match message.split_once("has no `").and_then(|(_, rest)| rest.split_once('`')) {
        Some((key, _)) => format!("unknown key {}", key.rsplit('.').next().unwrap_or(key)),
        None => message.replace('`', "'"),
    }
}

fn purge(kind: Option<&str>) -> Result<Answer, String> {
    let Some(kind) = kind else {
        let mut answer = Answer::rows(Table::of(&["message"], [vec!["purge 'GLOBAL' completed"]]));
        answer.messages.push(messages::PURGED.to_owned());
        return Ok(answer);
    };
    match kind.to_ascii_uppercase().as_str() {
        "CACHE" | "CONSERVATIVE" | "CONTROL_TABLES" | "EPHEMERAL" => {
            Ok(Answer::rows(Table::of(&["message"], [vec![messages::purged(kind).as_str()]])))
        }
        _ => Err(messages::no_purge(kind)),
    }
}
