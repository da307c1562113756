//! AWAIT: a write is done when its change is.
//!
//! Owns: the hint, the patience, what is said about a wait, and RETURNING of the finished object.
//! Refuses: polling (`strataql_call::Waiter` does).
//! Surprise: whether a method can be awaited is settled before anything is sent.

use std::sync::Arc;
use std::time::Duration;

use strataql_call::{
    Arguments, CallMetrics, ColumnPlan, DecodePlan, Exchange, Waiter, decode_answer,
};
use strataql_diag::{Code, Report};
use strataql_net::Response;
use strataql_spec::{Method, RowShape, SqlVerb};

use super::send::Prepared;
use super::sender::{Fate, Sender};
use super::{Writer, call_statement};
use crate::activity::Activity;
use crate::outcome::Outcome;
use crate::resource::ResourceRef;
use crate::result_set::ResultSet;
use crate::statement::Statement;

/// A wait that a statement asks for.
pub(crate) struct Awaiting {
    waiter: Waiter,
    name: String,
    /// The method that shows the finished object, when it is wanted.
    object: Option<Method>,
    is_quiet: bool,
    activity: Activity,
}

/// The words of hints, upper case.
pub(super) fn words<'a>(hints: impl Iterator<Item = &'a str>) -> Vec<String> {
    hints
        .flat_map(|text| text.split([' ', '\t', '\r', '\n', ',']))
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_uppercase)
        .collect()
}

fn has(hints: &[String], word: &str) -> bool {
    hints.iter().any(|hint| hint == word)
}

impl Awaiting {
    /// The wait that the hints ask for, if they do.
    ///
    /// # Errors
    /// `unsupported-syntax` if the method cannot be awaited, or its finished object not be read.
    pub(crate) fn of(
        statement: &Statement,
        resource: &ResourceRef,
        method: &Method,
        hints: &[String],
        wants_object: bool,
    ) -> Result<Option<Self>, Box<Report>> {
        if !has(hints, "AWAIT") {
            return Ok(None);
        }
        let timeout = statement.settings.await_timeout;
        let waiter = Waiter::of(&resource.service, &resource.name, method, timeout)?;
        let is_delete = resource.resource().verb_of(&method.name) == SqlVerb::Delete;
        let object = match wants_object {
            false => None,
            true if is_delete => return Err(nothing_left(resource, method)),
            true => Some(object_method(resource, method, &waiter)?),
        };
        let name = format!("{}.{}", resource.dotted(), method.name);
        let is_quiet = has(hints, "NOSTATUS");
        Ok(Some(Self { waiter, name, object, is_quiet, activity: statement.activity.clone() }))
    }

    /// The method whose answer RETURNING reads.
    pub(super) fn object(&self) -> Option<&Method> {
        self.object.as_ref()
    }

    /// Waits for the end of one change; gives the answer that shows it.
    async fn wait(
        &self,
        exchange: &dyn Exchange,
        metrics: &CallMetrics,
        arguments: &Arguments,
        outcome: &Outcome,
        first: Response,
    ) -> Result<Response, Box<Report>> {
        let told = self.activity.begin();
        let watch = |status: Option<&str>, waited: Duration| {
            let status = status.map(|status| format!(" ({status})")).unwrap_or_default();
            told.tell(format!("awaiting `{}`{status}, {} s", self.name, waited.as_secs()));
        };
        let ended = self.waiter.finish(exchange, metrics, arguments, first, &watch).await?;
        drop(told);
        if !self.is_quiet {
            let asked = match ended.polls {
                1 => "asked once".to_owned(),
                polls => format!("asked {polls} times"),
            };
            outcome.note(format!(
                "`{}` is done after {} s, {asked}",
                self.name,
                ended.waited.as_secs()
            ));
        }
        match &self.object {
            None => Ok(ended.answer),
            Some(object) => self.waiter.object(exchange, metrics, arguments, ended, object).await,
        }
    }

    /// The result of an EXEC that was awaited: with SHOWRESULTS the finished object.
    pub(super) async fn exec_result(
        &self,
        exchange: &Arc<dyn Exchange>,
        metrics: &CallMetrics,
        resource: &ResourceRef,
        arguments: &Arguments,
        outcome: Outcome,
        first: Response,
    ) -> Result<ResultSet, Box<Report>> {
        let response = self.wait(exchange.as_ref(), metrics, arguments, &outcome, first).await?;
        match &self.object {
            None => Ok(ResultSet { outcome, ..ResultSet::nothing() }),
            Some(method) => {
                let plan = call_statement::decode_plan(resource, method, arguments);
                let batch = decode_answer(plan, &response)?;
                Ok(ResultSet { outcome, ..ResultSet::of_batch(batch) })
            }
        }
    }

    /// The step of EXPLAIN: method and address.
    pub(super) fn described(&self) -> (String, String) {
        self.waiter.described()
    }
}

impl Writer<'_> {
    /// The fate of a write after its change has ended, if the statement awaits it.
    pub(super) async fn end(&self, fate: Fate, sender: &Sender<'_>, write: &Prepared) -> Fate {
        let (Some(awaiting), Fate::Applied(first)) = (&self.awaiting, &fate) else { return fate };
        let Sender { exchange, metrics, outcome, .. } = sender;
        let ended =
            awaiting.wait(*exchange, metrics, &write.arguments, outcome, first.clone()).await;
        match ended {
            Ok(answer) => Fate::Applied(answer),
            Err(report) => {
                sender.fail();
                Fate::Failed(report)
            }
        }
    }
}

/// The method that shows the finished object: the polled one, else the first lookup.
fn object_method(
    resource: &ResourceRef,
    method: &Method,
    waiter: &Waiter,
) -> Result<Method, Box<Report>> {
    let polled = waiter
        .object_method()
        .and_then(|name| resource.service.resources.get(&name.resource)?.methods.get(&name.method));
    let lookup = || {
        resource
            .select_methods()
            .find(|method| method.verb.is_safe() && method.response.rows.is_single())
    };
    let found = polled
        .or_else(lookup)
        .filter(|method| !matches!(method.response.rows, RowShape::Nothing { .. }));
    found.cloned().ok_or_else(|| {
        Box::new(
            Report::new(
                Code::UnsupportedSyntax,
                format!(
                    "`{}` has no method that shows one object, so the result of `{}` cannot be returned",
                    resource.dotted(),
                    method.name
                ),
            )
            .with_help("leave out RETURNING or SHOWRESULTS, or leave out AWAIT")
            .with_note("nothing was sent"),
        )
    })
}

fn nothing_left(resource: &ResourceRef, method: &Method) -> Box<Report> {
    Box::new(
        Report::new(
            Code::UnsupportedSyntax,
            format!(
                "after `{}.{}` is done there is no object to return",
                resource.dotted(),
                method.name
            ),
        )
        .with_help("leave out RETURNING, or leave out AWAIT to return the answer of the deletion")
        .with_note("nothing was sent"),
    )
}

/// Columns of EXEC with SHOWRESULTS: those of the answer, then the given parameters.
pub(super) fn with_parameters(
    mut plan: DecodePlan,
    resource: &ResourceRef,
    method: &Method,
    arguments: &Arguments,
) -> DecodePlan {
    for param in method.params.iter().filter(|param| arguments.value(param).is_some()) {
        if !plan.columns.iter().any(|column| column.name == param.name) {
            plan.columns.push(ColumnPlan {
                name: param.name.clone(),
                wire: None,
                kind: strataql_spec::ColumnType::of(&resource.service.schemas[param.schema]),
                echo: arguments.value(param).cloned(),
            });
        }
    }
    plan
}
