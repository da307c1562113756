//! AWAIT: a write is done when its change is.
//!
//! Owns: the hint, the patience, what is said about a wait, and RETURNING of the finished object.
//! Refuses: polling (`strataql_call::Waiter` does).
//! Surprise: whether a method can be awaited is settled before anything is sent.

use std::sync::Arc;
use std::time::Duration;

use strataql_call::{
    CallMetrics, Exchange, MethodCall, MethodRef, Mismatch, ServerVariables, Waiter, decode_answer,
};
use strataql_diag::{Code, Report};
use strataql_net::Response;
use strataql_query::activity::Activity;
use strataql_query::outcome::Outcome;
use strataql_query::result_set::ResultSet;
use strataql_query::statement::Statement;
use strataql_spec::{Method, RowShape, SqlVerb};

use super::hints;

/// A wait that a statement asks for.
pub(crate) struct Awaiting {
    waiter: Waiter,
    name: String,
    /// The method that shows the finished object, when it is wanted.
    object: Option<MethodRef>,
    is_quiet: bool,
    activity: Activity,
}

impl Awaiting {
    /// The wait that the hints ask for, if they do.
    ///
    /// # Errors
    /// `unsupported-syntax` if the method cannot be awaited, or its finished object not be read.
    pub(crate) fn of(
        statement: &Statement,
        target: &MethodRef,
        hints: &[String],
        wants_object: bool,
    ) -> Result<Option<Self>, Box<Report>> {
        if !hints::has(hints, "AWAIT") {
            return Ok(None);
        }
        let timeout = statement.settings.await_timeout;
        let waiter = Waiter::of(target, timeout)?;
        let is_delete = target.resource().verb_of(&target.method().name) == SqlVerb::Delete;
        let object = match wants_object {
            false => None,
            true if is_delete => return Err(nothing_left(target)),
            true => Some(object_method(target, &waiter)?),
        };
        let is_quiet = hints::has(hints, "NOSTATUS");
        let (name, activity) = (target.name(), statement.activity.clone());
        Ok(Some(Self { waiter, name, object, is_quiet, activity }))
    }

    /// The method whose answer RETURNING reads.
    pub(super) fn object(&self) -> Option<&MethodRef> {
        self.object.as_ref()
    }

    /// Waits for the end of one change; gives the answer that shows it.
    pub(super) async fn wait(
        &self,
        exchange: &dyn Exchange,
        metrics: &CallMetrics,
        call: &MethodCall,
        outcome: &Outcome,
        first: Response,
    ) -> Result<Response, Box<Report>> {
        let told = self.activity.begin();
        let watch = |status: Option<&str>, waited: Duration| {
            let status = status.map(|status| format!(" ({status})")).unwrap_or_default();
            told.tell(format!("awaiting `{}`{status}, {} s", self.name, waited.as_secs()));
        };
        let ended = self.waiter.finish(exchange, metrics, call, first, &watch).await?;
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
            Some(object) => self.waiter.object(exchange, metrics, call, ended, object).await,
        }
    }

    /// The result of an EXEC that was awaited: with SHOWRESULTS the finished object.
    pub(super) async fn exec_result(
        &self,
        exchange: &Arc<dyn Exchange>,
        metrics: &CallMetrics,
        call: &MethodCall,
        outcome: Outcome,
        first: Response,
    ) -> Result<ResultSet, Box<Report>> {
        let response = self.wait(exchange.as_ref(), metrics, call, &outcome, first).await?;
        match &self.object {
            None => Ok(ResultSet { outcome, ..ResultSet::nothing() }),
            Some(object) => {
                let columns = object.columns(|_| false);
                let plan = object.decode_plan(columns, call.arguments(), Mismatch::Error)?;
                let batch = decode_answer(plan, &response)?;
                Ok(ResultSet { outcome, ..ResultSet::of_batch(batch) })
            }
        }
    }

    /// The step of EXPLAIN: method and address.
    pub(super) fn described(&self, variables: &ServerVariables) -> (String, String) {
        self.waiter.described(variables)
    }
}

/// The method that shows the finished object: the polled one, else the first lookup.
fn object_method(target: &MethodRef, waiter: &Waiter) -> Result<MethodRef, Box<Report>> {
    let polled = waiter.object_method().and_then(|name| target.sibling(name));
    let is_lookup = |method: &&Method| method.verb.is_safe() && method.response.rows.is_single();
    let lookup = || {
        let lookup = target.resource().candidates(SqlVerb::Select).find(is_lookup)?;
        target.neighbour(&lookup.name)
    };
    let has_rows =
        |found: &MethodRef| !matches!(found.method().response.rows, RowShape::Nothing { .. });
    let found = polled.or_else(lookup).filter(has_rows).ok_or_else(|| {
        Box::new(
            Report::new(
                Code::UnsupportedSyntax,
                format!(
                    "`{}` has no method that shows one object, so the result of `{}` cannot be returned",
                    target.resource_name(),
                    target.method().name
                ),
            )
            .with_help("leave out RETURNING or SHOWRESULTS, or leave out AWAIT")
            .with_note("nothing was sent"),
        )
    })?;
    found.check_readable()?;
    Ok(found)
}

fn nothing_left(target: &MethodRef) -> Box<Report> {
    Box::new(
        Report::new(
            Code::UnsupportedSyntax,
            format!("after `{}` is done there is no object to return", target.name()),
        )
        .with_help("leave out RETURNING, or leave out AWAIT to return the answer of the deletion")
        .with_note("nothing was sent"),
    )
}
