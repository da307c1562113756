//! The call of `(EXEC …)` in FROM, and whether a method may change something.
//!
//! Owns: the columns of the relation, and sending what may change something as any write is sent.
//! Refuses: EXEC inside views and inside INSERT, UPDATE, REPLACE and DELETE.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::sql::sqlparser::ast as sql;
use futures::{StreamExt, TryStreamExt};
use strataql_call::{CallContext, DecodePlan, Mismatch, decode_answer};
use strataql_diag::{Code, Report};
use strataql_query::operators::{CallRelation, CallRuntime, CallTable};
use strataql_query::resource::ResourceRef;
use strataql_query::result_set::Batches;
use strataql_query::statement::Statement;
use strataql_spec::{Paging, RowShape};
use strataql_sql::{Exec, Name, Parsed};
use tokio::sync::OnceCell;

use super::context::WriteContext;
use super::prepared::PreparedWrite;
use super::record::{Record, StatementText};
use super::sender::Sender;
use super::{call_statement, image, returning};
use crate::recording::Recording;

/// How a resource is found by its name.
pub(crate) type Find<'a> = &'a dyn Fn(&Name) -> Result<ResourceRef, Box<Report>>;

/// True if the method that EXEC names may change something; false also when there is none.
pub(crate) fn changes(find: Find<'_>, call: &Exec) -> bool {
    call_statement::method_of(find, &call.method).is_ok_and(|target| target.method().is_write())
}

/// Refuses `(EXEC …)` in a view, whose text could not be read again.
pub(crate) fn refuse_in_view(
    parsed: &Parsed,
    definition: &sql::Statement,
) -> Result<(), Box<Report>> {
    match definition {
        sql::Statement::CreateView(_) => refuse(parsed, "a view"),
        _ => Ok(()),
    }
}

/// Refuses `(EXEC …)` in a write of resources.
pub(crate) fn refuse_in_write(parsed: &Parsed) -> Result<(), Box<Report>> {
    refuse(parsed, "INSERT, UPDATE, REPLACE and DELETE")
}

fn refuse(parsed: &Parsed, place: &str) -> Result<(), Box<Report>> {
    let Some(call) = parsed.execs.first() else { return Ok(()) };
    Err(Box::new(
        Report::new(
            Code::UnsupportedSyntax,
            format!("EXEC as a relation cannot stand in {place} in this version"),
        )
        .with_label(call.span, "")
        .with_help(
            "keep its rows with CREATE TABLE … AS SELECT … FROM (EXEC …), and read that table",
        ),
    ))
}

/// The relation that an EXEC is.
///
/// # Errors
/// As EXEC itself, and `unsupported-syntax` for a method without rows or with hints of a statement.
pub(crate) fn table(
    statement: &Statement,
    writes: &WriteContext,
    call: &Exec,
) -> Result<Arc<dyn TableProvider>, Box<Report>> {
    let find = |name: &Name| statement.resource(name);
    let target = call_statement::method_of(&find, &call.method)?;
    let method = target.method();
    if let Some(hint) = call.hints.iter().find(|hint| *hint == "AWAIT") {
        return Err(Box::new(
            Report::new(Code::UnsupportedSyntax, format!("{hint} has no meaning inside FROM"))
                .with_label(call.span, "")
                .with_help("run EXEC with AWAIT as a statement, then read the object"),
        ));
    }
    if let RowShape::Nothing { reason } = &method.response.rows {
        return Err(Box::new(
            Report::new(
                Code::UnsupportedSyntax,
                format!("method `{}` returns no rows: {reason}", method.name),
            )
            .with_label(call.span, "")
            .with_help("run EXEC as a statement"),
        ));
    }
    let labelled = |report: Box<Report>| Box::new(report.with_label(call.span, ""));
    let (given, fields) = call_statement::arguments(call, &target)?;
    let columns = target.columns(|param| given.value(param).is_some());
    let variables = statement.call_variables(!method.is_write());
    let write =
        PreparedWrite::bound(&target, given, fields, &variables, false).map_err(labelled)?;
    let plan = write.call.decode_plan(columns, Mismatch::Error).map_err(labelled)?;
    let schema = returning::documented(&target, plan.schema());
    let is_change = method.is_write();
    let call = ExecCall {
        write,
        plan,
        is_change,
        images: image::is_wanted(statement, writes),
        recording: writes.recording.clone(),
        text: Arc::clone(&statement.text),
        parsed: Arc::clone(&statement.parsed),
        answer: OnceCell::new(),
    };
    Ok(Arc::new(CallTable::new(schema, Arc::new(call))))
}

/// The call of an EXEC in FROM.
struct ExecCall {
    write: PreparedWrite,
    plan: DecodePlan,
    is_change: bool,
    /// Objects are read before they are written.
    images: bool,
    recording: Recording,
    /// The statement, for the record of changes.
    text: Arc<str>,
    parsed: Arc<Parsed>,
    /// The rows of a call that may change something.
    answer: OnceCell<Result<RecordBatch, Box<Report>>>,
}

impl ExecCall {
    /// Sends the request of a method that may change something.
    async fn send(&self, runtime: &CallRuntime) -> Result<RecordBatch, Box<Report>> {
        let metrics = runtime.metrics(self.name());
        let exchange = runtime.run.forgetting(&runtime.exchange);
        let exchange = exchange.as_ref();
        let source = StatementText { text: &self.text, parsed: &self.parsed };
        let calls = [&self.write.call];
        let record = Record::of(&self.recording, self.images, exchange, source, &calls)?;
        let sender = Sender::new(exchange, &metrics, &record, &runtime.outcome);
        runtime.run.budget.take_writes(1)?;
        let response = sender.write(0, &self.write).await.response()?;
        runtime.outcome.note(format!("`{}` answered {}", self.name(), response.status));
        decode_answer(self.plan.clone(), &response)
    }
}

impl CallRelation for ExecCall {
    fn name(&self) -> String {
        self.write.call.target().name()
    }

    fn http(&self) -> &'static str {
        self.write.call.verb().as_str()
    }

    fn url(&self) -> String {
        self.write.call.url().to_string()
    }

    fn is_change(&self) -> bool {
        self.is_change
    }

    fn paging(&self) -> &'static str {
        let paging = &self.write.call.method().paging;
        if self.is_change { Paging::None.name() } else { paging.name() }
    }

    fn rows(self: Arc<Self>, runtime: Arc<CallRuntime>) -> Batches {
        if self.is_change {
            return futures::stream::once(async move {
                self.answer.get_or_init(|| self.send(&runtime)).await.clone()
            })
            .boxed();
        }
        let context = CallContext::new(Arc::clone(&runtime.exchange), runtime.metrics(self.name()));
        let pages = self.write.call.pages(context, self.plan.clone());
        pages.map_ok(|page| page.batch).boxed()
    }
}
