//! BEGIN, COMMIT and ROLLBACK: several writes as one decision.
//!
//! Owns: the queue of a queued transaction, what an eager one has to undo, and what is refused inside.
//! Refuses: promising more than services give. Others see each change at once, and a COMMIT that
//! fails half way names what was done.
//! Surprise: a queued write is checked at once and planned again at COMMIT, since what comes before it
//! may change what it finds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::TryStreamExt;
use strataql_call::CallMetrics;
use strataql_diag::{Code, Report};
use strataql_query::outcome::Outcome;
use strataql_query::parameters::Parameters;
use strataql_query::result_set::ResultSet;
use strataql_query::settings::Settings;
use strataql_query::statement::Statement;
use strataql_sql::{Parsed, Statement as Syntax, Transaction as Word};

use crate::local::{self, Store};
use crate::write::{self, Undo, UndoLog, WriteContext};

/// The transaction of a session.
#[derive(Default)]
pub(crate) struct Transaction(Mutex<State>);

/// An eager transaction is the open undo log.
#[derive(Default)]
enum State {
    /// No queued one.
    #[default]
    None,
    /// Writes wait for COMMIT.
    Queued(Vec<Queued>),
}

/// A write that waits.
struct Queued {
    text: Arc<str>,
    parsed: Arc<Parsed>,
    parameters: Arc<Parameters>,
    namespace: Vec<String>,
    /// Settings of server variables.
    variables: BTreeMap<(String, String), String>,
}

/// A transaction that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenTransaction {
    /// This many writes wait for COMMIT.
    Queued(usize),
    /// This many changes are made.
    Eager(usize),
}

impl Transaction {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The transaction that is open.
    pub(crate) fn open(&self, undo: &UndoLog) -> Option<OpenTransaction> {
        match &*self.state() {
            State::Queued(all) => Some(OpenTransaction::Queued(all.len())),
            State::None => undo.len().map(OpenTransaction::Eager),
        }
    }
}

/// Runs BEGIN, COMMIT or ROLLBACK.
///
/// # Errors
/// `transaction` at the wrong place; the first failure of a COMMIT; what a ROLLBACK could not undo.
pub(crate) async fn run(
    transaction: &Transaction,
    statement: &Statement,
    writes: &WriteContext,
    word: Word,
) -> Result<ResultSet, Box<Report>> {
    let parsed = statement.parsed.as_ref();
    match (word, transaction.open(&writes.undo)) {
        (Word::Begin, None) => {
            let is_eager = statement.settings.eager;
            let note = if is_eager {
                writes.undo.open();
                "a transaction begins: ROLLBACK undoes what is written"
            } else {
                *transaction.state() = State::Queued(Vec::new());
                "a transaction begins: nothing is written before COMMIT"
            };
            Ok(noted(note.to_owned()))
        }
        (Word::Begin, Some(_)) => Err(wrong(
            parsed,
            "a transaction is open already",
            "end it with COMMIT or ROLLBACK; transactions do not nest",
        )),
        (Word::Commit | Word::Rollback, None) => {
            Err(wrong(parsed, "no transaction is open", "begin one with BEGIN"))
        }
        (Word::Other, _) => Err(Box::new(
            Report::new(
                Code::UnsupportedSyntax,
                "savepoints and levels of isolation cannot be run by this version",
            )
            .with_label(parsed.span, "")
            .with_help("BEGIN, COMMIT and ROLLBACK can"),
        )),
        (word, Some(_)) => {
            // from here on writes are sent
            let state = std::mem::take(&mut *transaction.state());
            match (word, state) {
                (Word::Commit, State::Queued(all)) => {
                    Box::pin(commit(statement, writes, all)).await
                }
                (Word::Commit, State::None) => Ok(noted(format!(
                    "{} done for good",
                    counted(writes.undo.close().len(), "change is", "changes are")
                ))),
                (_, State::Queued(all)) => Ok(noted(format!(
                    "{} dropped; nothing was sent",
                    counted(all.len(), "write was", "writes were")
                ))),
                (_, State::None) => {
                    let all = writes.undo.close();
                    Box::pin(roll_back(statement, writes, all)).await
                }
            }
        }
    }
}

/// Takes a statement into a queued transaction; gives nothing when it is to run now.
///
/// # Errors
/// `transaction` for what cannot be part of one; what is wrong with a write.
pub(crate) async fn take(
    transaction: &Transaction,
    statement: &Statement,
    store: &Store,
    writes: &WriteContext,
) -> Result<Option<ResultSet>, Box<Report>> {
    let Some(open) = transaction.open(&writes.undo) else { return Ok(None) };
    let parsed = statement.parsed.as_ref();
    match &parsed.statement {
        Syntax::Definition(_) | Syntax::Refresh(_) => Err(kept_here(parsed)),
        Syntax::Write(_, write) if local::owns(store, write)? => Err(kept_here(parsed)),
        Syntax::Query(_)
            if parsed
                .execs
                .iter()
                .any(|exec| write::changes(&|name| statement.resource(name), exec)) =>
        {
            Err(wrong(
                parsed,
                "EXEC in FROM that may change something cannot be part of a transaction",
                "run EXEC as a statement",
            ))
        }
        Syntax::Exec(exec) if !write::changes(&|name| statement.resource(name), exec) => Ok(None),
        Syntax::Write(..) | Syntax::Exec(_) => match open {
            OpenTransaction::Eager(_) => Ok(None),
            OpenTransaction::Queued(count) => {
                check(statement, writes).await?;
                let queued = Queued {
                    text: Arc::clone(&statement.text),
                    parsed: Arc::clone(&statement.parsed),
                    parameters: Arc::clone(&statement.parameters),
                    namespace: statement.settings.namespace.clone(),
                    variables: statement.settings.variables.clone(),
                };
                if let State::Queued(all) = &mut *transaction.state() {
                    all.push(queued);
                }
                Ok(Some(noted(format!("queued as number {}; COMMIT sends it", count + 1))))
            }
        },
        _ => Ok(None),
    }
}

/// What can be known of a write before it is sent.
async fn check(statement: &Statement, writes: &WriteContext) -> Result<(), Box<Report>> {
    let parsed = statement.parsed.as_ref();
    match &parsed.statement {
        Syntax::Exec(exec) => {
            if exec.hints.iter().any(|hint| hint == "SHOWRESULTS") {
                return Err(no_rows(parsed));
            }
            Box::pin(write::exec(statement, writes, exec, true)).await.map(drop)
        }
        _ => {
            if write::has_returning(&parsed.statement) {
                return Err(no_rows(parsed));
            }
            Box::pin(write::check(statement, writes)).await
        }
    }
}

async fn commit(
    statement: &Statement,
    writes: &WriteContext,
    all: Vec<Queued>,
) -> Result<ResultSet, Box<Report>> {
    let outcome = Outcome::default();
    let count = all.len();
    let mut done = Vec::new();
    let mut failed = None;
    for queued in all {
        let Queued { text, parsed, parameters, namespace, variables } = queued;
        let settings = statement.settings.as_ref().clone();
        let settings = Settings { variables, namespace, ..settings };
        statement.run.budget.restart_writes();
        let part = statement.part(text, parsed, parameters).with_settings(settings);
        let result = match &part.parsed.statement {
            Syntax::Exec(exec) => Box::pin(write::exec(&part, writes, exec, false)).await,
            _ => Box::pin(write::write(&part, writes, false)).await,
        };
        let ended = match result {
            Ok(result) => {
                outcome.absorb(&result.outcome);
                result.rows.try_collect::<Vec<_>>().await.map(drop)
            }
            Err(report) => Err(report),
        };
        match ended {
            Ok(()) => done.push(format!("{} {}", done.len() + 1, part.parsed.statement.keyword())),
            Err(report) => {
                failed = Some(report);
                break;
            }
        }
    }
    let Some(report) = failed else {
        outcome.note(counted(count, "write was committed", "writes were committed"));
        return Ok(ResultSet { outcome, ..ResultSet::nothing() });
    };
    let left = count - done.len() - 1;
    let mut report = report.with_note(format!(
        "COMMIT ended at write {} of {count}: {} made, {left} not sent",
        done.len() + 1,
        counted(done.len(), "was", "were")
    ));
    if !done.is_empty() {
        report = report.with_note(format!(
            "undo them if they shall not stand alone: {}; `sys.changes` has their requests",
            done.join(", ")
        ));
    }
    Err(Box::new(report))
}

async fn roll_back(
    statement: &Statement,
    writes: &WriteContext,
    all: Vec<Undo>,
) -> Result<ResultSet, Box<Report>> {
    let outcome = Outcome::default();
    let count = all.len();
    let mut left = Vec::new();
    for undo in all.into_iter().rev() {
        let metrics = Arc::new(CallMetrics::default());
        outcome.add_scan(undo.name(), Arc::clone(&metrics));
        if let Err(why) = write::send_undo(statement, writes, &undo, &metrics, &outcome).await {
            left.push(format!("`{}`: {why}", undo.name()));
        }
    }
    if left.is_empty() {
        outcome.note(counted(count, "change was undone", "changes were undone"));
        return Ok(ResultSet { outcome, ..ResultSet::nothing() });
    }
    let mut report = Report::new(
        Code::Transaction,
        format!(
            "of {} {} not undone",
            counted(count, "change", "changes"),
            counted(left.len(), "was", "were")
        ),
    )
    .with_label(statement.parsed.span, "")
    .with_help(
        "`SELECT * FROM sys.changes` shows the requests; take back by hand what shall not stay",
    );
    for why in left {
        report = report.with_note(why);
    }
    Err(Box::new(report))
}

/// `1 change is`, `3 changes are`.
fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn noted(note: String) -> ResultSet {
    let outcome = Outcome::default();
    outcome.note(note);
    ResultSet { outcome, ..ResultSet::nothing() }
}

fn wrong(parsed: &Parsed, message: &str, help: &str) -> Box<Report> {
    Box::new(Report::new(Code::Transaction, message).with_label(parsed.span, "").with_help(help))
}

fn kept_here(parsed: &Parsed) -> Box<Report> {
    wrong(
        parsed,
        "what is kept on this machine cannot be part of a transaction",
        "run the statement before BEGIN or after the end",
    )
}

fn no_rows(parsed: &Parsed) -> Box<Report> {
    wrong(
        parsed,
        "a queued write has no rows to return",
        "leave out RETURNING, or begin with `SET transaction.mode = 'eager'`",
    )
}
