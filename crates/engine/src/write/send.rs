//! Sending the requests of a write.
//!
//! Owns: what is said about all of them together.
//! Surprise: several requests are in flight, results keep the order of the rows, and the first failure
//! keeps all that have not left from leaving.

use std::sync::Arc;

use futures::StreamExt;
use strataql_call::CallMetrics;
use strataql_diag::{Code, Report};
use strataql_query::outcome::Outcome;
use strataql_query::result_set::ResultSet;
use strataql_query::statement::Statement;
use strataql_spec::{HttpVerb, SqlVerb};

use super::chosen::Chosen;
use super::context::WriteContext;
use super::prepared::PreparedWrite;
use super::record::{Record, StatementText};
use super::resolve::{Seen, look};
use super::returning::Returning;
use super::sender::{Sender, WriteOutcome};
use super::undo::{Plans, Undo};
use super::writer::Writer;
use super::{image, shown_once};

/// Writes in flight at once; the gate of the transport bounds requests.
const CONCURRENCY: usize = 16;

/// Sends the writes and reports on them.
pub(crate) async fn send(
    writer: &Writer<'_>,
    chosen: &Chosen,
    mut prepared: Vec<PreparedWrite>,
    returning: Option<Returning>,
) -> Result<ResultSet, Box<Report>> {
    let Writer { statement, context, .. } = *writer;
    statement.run.budget.take_writes(prepared.len())?;
    let exchange = statement.exchange();
    let outcome = Outcome::default();
    let metrics = Arc::new(CallMetrics::default());
    outcome.add_scan(chosen.target.name(), Arc::clone(&metrics));
    let within = (statement, context);
    let plans = Plans::of(within, exchange.as_ref(), &metrics, &mut prepared).await?;
    let calls: Vec<_> = prepared.iter().map(|write| &write.call).collect();
    let source = StatementText { text: writer.text, parsed: writer.parsed };
    let images = image::is_wanted(statement, context);
    let record = Record::of(&context.recording, images, exchange.as_ref(), source, &calls)?;
    let stops = !statement.settings.continue_on_write_error;
    let sender = Sender::new(exchange.as_ref(), &metrics, &record, &outcome)
        .concurrent(CONCURRENCY)
        .stopping(stops);
    let count = prepared.len();
    // by position: over references the compiler cannot tell that the future may be sent
    let mut ended: Vec<(usize, WriteOutcome)> = futures::stream::iter(0..count)
        .map(|position| {
            let (sender, write, plans) = (&sender, &prepared[position], plans.as_ref());
            async move {
                let outcome = sender.write(position, write).await;
                if let Some(plans) = plans {
                    plans.note(&context.undo, position, write, &outcome);
                }
                (position, writer.end(outcome, sender, write).await)
            }
        })
        // those that are done wait for the disk while others are on their way
        .buffer_unordered(2 * CONCURRENCY)
        .collect()
        .await;
    ended.sort_unstable_by_key(|(position, _)| *position);
    let outcomes: Vec<WriteOutcome> = ended.into_iter().map(|(_, outcome)| outcome).collect();
    let applied =
        outcomes.iter().filter(|outcome| matches!(outcome, WriteOutcome::Applied(_))).count();
    if let Some(report) = failure(&outcomes, applied, count) {
        return Err(report);
    }
    let rows = if applied == 1 { "1 row".to_owned() } else { format!("{applied} rows") };
    let done = match chosen.verb {
        SqlVerb::Insert => "inserted into",
        SqlVerb::Delete => "deleted from",
        SqlVerb::Replace => "replaced in",
        _ => "updated in",
    };
    let responses = outcomes.iter().filter_map(|outcome| match outcome {
        WriteOutcome::Applied(response) => Some(response),
        _ => None,
    });
    let is_known = |name: &str| {
        let returned = returning.iter().flat_map(Returning::columns);
        writer.mentioned_identifiers.contains(&name.to_lowercase())
            || returned.into_iter().any(|(column, _)| column == name)
    };
    let lost = shown_once::warning(chosen.method(), chosen.verb, responses, is_known);
    if let Some(lost) = lost {
        outcome.warn(lost);
    }
    match returning {
        None => {
            outcome.note(format!("{rows} {done} `{}`", chosen.target.resource_name()));
            Ok(ResultSet { outcome, affected: Some(applied as u64), ..ResultSet::nothing() })
        }
        Some(returning) => {
            let answers = outcomes.into_iter().zip(&prepared);
            let answers = answers.filter_map(|(outcome, write)| match outcome {
                WriteOutcome::Applied(response) => Some((response, write.call.arguments())),
                _ => None,
            });
            let mut result = returning.evaluate(writer, chosen, answers.collect()).await?;
            result.outcome = outcome;
            result.affected = Some(applied as u64);
            Ok(result)
        }
    }
}

impl Writer<'_> {
    /// The outcome of a write after its change has ended, if the statement awaits it.
    pub(super) async fn end(
        &self,
        outcome: WriteOutcome,
        sender: &Sender<'_>,
        write: &PreparedWrite,
    ) -> WriteOutcome {
        let (Some(awaiting), WriteOutcome::Applied(first)) = (&self.awaiting, &outcome) else {
            return outcome;
        };
        let Sender { exchange, metrics, outcome, .. } = sender;
        let wait = awaiting.wait(*exchange, metrics, &write.call, outcome, first.clone());
        let ended = self.statement.run.budget.in_time(wait).await.map_err(|report| {
            Box::new(report.with_note("the change was accepted; whether it is done is not known"))
        });
        match ended.flatten() {
            Ok(answer) => WriteOutcome::Applied(answer),
            Err(report) => {
                sender.fail();
                WriteOutcome::Failed(report)
            }
        }
    }
}

/// The report of the first write that failed, with the outcomes of the others.
fn failure(outcomes: &[WriteOutcome], applied: usize, count: usize) -> Option<Box<Report>> {
    let unknown = outcomes.iter().find_map(|outcome| match outcome {
        WriteOutcome::Unknown(report) => Some(report),
        _ => None,
    });
    let failed = outcomes.iter().find_map(|outcome| match outcome {
        WriteOutcome::Failed(report) => Some(report),
        _ => None,
    });
    // an unknown outcome outweighs a refusal: it needs the user's eyes
    let report = unknown.or(failed)?;
    if count == 1 {
        return Some(report.clone());
    }
    let number =
        |pick: fn(&WriteOutcome) -> bool| outcomes.iter().filter(|outcome| pick(outcome)).count();
    let refused = number(|outcome| matches!(outcome, WriteOutcome::Failed(_)));
    let open = number(|outcome| matches!(outcome, WriteOutcome::Unknown(_)));
    let left = number(|outcome| matches!(outcome, WriteOutcome::NotSent));
    Some(Box::new(report.as_ref().clone().with_note(format!(
        "of {count} rows {applied} were written, {refused} failed, {open} have an unknown outcome and {left} were not sent"
    ))))
}

/// Sends what undoes a change.
///
/// # Errors
/// Why it is not undone.
pub(crate) async fn send_undo(
    statement: &Statement,
    context: &WriteContext,
    undo: &Undo,
    metrics: &CallMetrics,
    outcome: &Outcome,
) -> Result<(), String> {
    let write = undo.write.as_ref().map_err(Clone::clone)?;
    let exchange = statement.exchange();
    let source = StatementText { text: &statement.text, parsed: &statement.parsed };
    let record = Record::of(&context.recording, false, exchange.as_ref(), source, &[&write.call])
        .map_err(|report| report.message)?;
    let sender = Sender::new(exchange.as_ref(), metrics, &record, outcome);
    match sender.write(0, write).await.response() {
        Ok(_) => Ok(()),
        Err(report) => {
            // what is to be deleted is gone, if the service says so and not a gateway
            let is_missing =
                write.call.verb() == HttpVerb::Delete && report.code == Code::RemoteMissing;
            if !is_missing {
                return Err(report.message);
            }
            match look(exchange.as_ref(), metrics, write, false).await {
                Seen::Applied(_) => Ok(()),
                // nothing shows the object; an error with a code of its own is the service's
                Seen::Unclear if report.remote.is_some_and(|remote| remote.code.is_some()) => {
                    Ok(())
                }
                Seen::Unclear | Seen::NotApplied => Err(report.message),
            }
        }
    }
}
