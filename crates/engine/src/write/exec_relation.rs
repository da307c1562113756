//! The call of `(EXEC …)` in FROM, and whether a method may change something.
//!
//! Owns: the columns of the relation, and sending what may change something as any write is sent.
//! Refuses: EXEC inside views and inside INSERT, UPDATE, REPLACE and DELETE.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use datafusion::arrow::array::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::sql::sqlparser::ast as sql;
use futures::{StreamExt, TryStreamExt};
use strataql_call::{CallContext, CallMetrics, DecodePlan, Pager, decode_answer, pages};
use strataql_diag::{Code, Report};
use strataql_spec::{Method, Paging, RowShape, SqlVerb};
use strataql_sql::{Exec, Name, Parsed};
use tokio::sync::{OnceCell, Semaphore};

use super::record::{Record, StatementText};
use super::send::Prepared;
use super::sender::{Fate, Sender};
use super::{WriteContext, awaiting, call_statement, image, returning};
use crate::operators::{CallRelation, CallRuntime, CallTable};
use crate::recording::Recording;
use crate::resource::ResourceRef;
use crate::result_set::Batches;
use crate::statement::Statement;

/// How a resource is found by its name.
pub(crate) type Find<'a> = &'a dyn Fn(&Name) -> Result<ResourceRef, Box<Report>>;

/// True if the method that EXEC names may change something; false also when there is none.
pub(crate) fn changes(find: Find<'_>, call: &Exec) -> bool {
    call_statement::method_of(find, &call.method)
        .is_ok_and(|(resource, method)| may_change(&resource, &method))
}

/// True unless the method surely only reads: a select method, or a safe HTTP verb whose path key
/// carries no action of its own (`?Action=TerminateInstances`).
pub(super) fn may_change(resource: &ResourceRef, method: &Method) -> bool {
    match resource.resource().verb_of(&method.name) {
        SqlVerb::Select => false,
        SqlVerb::Exec => !method.verb.is_safe() || !method.path.query.is_empty(),
        _ => true,
    }
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
    let (resource, method) = call_statement::method_of(&find, &call.method)?;
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
    let arguments = call_statement::arguments(call, &method)?;
    let write = Prepared::bound(&resource, &method, arguments, false)
        .map_err(|report| Box::new(report.with_label(call.span, "")))?;
    let plan = call_statement::decode_plan(&resource, &method, &write.arguments);
    let plan = awaiting::with_parameters(plan, &resource, &method, &write.arguments);
    let schema = returning::documented(&resource, &method, plan.schema());
    let is_change = may_change(&resource, &method);
    let call = ExecCall {
        resource,
        method,
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
    resource: ResourceRef,
    method: Method,
    write: Prepared,
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
        let record = Record::of(
            &self.recording,
            self.images,
            &self.resource,
            &self.method,
            exchange,
            StatementText { text: &self.text, parsed: &self.parsed },
            &[&self.write.call],
        )?;
        let sender = Sender {
            exchange,
            metrics: &metrics,
            resource: &self.resource,
            method: &self.method,
            record: &record,
            outcome: &runtime.outcome,
            slots: Semaphore::new(1),
            stop: AtomicBool::new(false),
            stops: true,
        };
        let response = match sender.write(0, &self.write).await {
            Fate::Applied(response) => response,
            Fate::Failed(report) | Fate::Unknown(report) => return Err(report),
            Fate::NotSent => return Err(Box::new(Report::internal("EXEC sent nothing"))),
        };
        runtime.outcome.note(format!("`{}` answered {}", self.name(), response.status));
        decode_answer(self.plan.clone(), &response)
    }
}

impl CallRelation for ExecCall {
    fn name(&self) -> String {
        format!("{}.{}", self.resource.dotted(), self.method.name)
    }

    fn http(&self) -> &'static str {
        self.method.verb.as_str()
    }

    fn url(&self) -> String {
        self.write.call.url(&[]).to_string()
    }

    fn is_change(&self) -> bool {
        self.is_change
    }

    fn paging(&self) -> &'static str {
        if self.is_change { Paging::None.name() } else { self.method.paging.name() }
    }

    fn rows(self: Arc<Self>, runtime: Arc<CallRuntime>) -> Batches {
        runtime.exchange.introduce(&self.resource.provider);
        if self.is_change {
            return futures::stream::once(async move {
                self.answer.get_or_init(|| self.send(&runtime)).await.clone()
            })
            .boxed();
        }
        let method = &self.method;
        let metrics: Arc<CallMetrics> = runtime.metrics(self.name());
        let context = CallContext {
            exchange: Arc::clone(&runtime.exchange),
            metrics,
            missing_is_empty: false,
            shared: None,
        };
        let pager =
            Pager::new(method.paging.clone(), &method.name, None, &method.extension.origins);
        pages(context, Arc::new(self.write.call.clone()), self.plan.clone(), pager)
            .map_ok(|page| page.batch)
            .boxed()
    }
}
