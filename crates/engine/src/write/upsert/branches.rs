//! The two ways of an upsert, INSERT and UPDATE: sending both, and their one answer.
//!
//! Surprise: all inserts are sent before the first update; results are in the order of the rows all
//! the same.

use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, UInt64Array};
use datafusion::arrow::compute::{concat_batches, take_record_batch};
use datafusion::arrow::error::ArrowError;
use futures::TryStreamExt;
use strataql_diag::{Code, Report};
use strataql_query::outcome::Outcome;
use strataql_query::resource::ResourceRef;
use strataql_query::result_set::ResultSet;

use super::super::chosen::Chosen;
use super::super::prepared::PreparedWrite;
use super::super::returning::Returning;
use super::super::send;
use super::super::statement::WriteStatement;
use super::super::writer::Writer;

/// One of the ways.
pub(super) struct Branch<'a> {
    pub(super) writer: Writer<'a>,
    pub(super) chosen: &'a Chosen,
    returning: Option<Returning>,
}

/// Both ways.
pub(super) struct Branches<'a> {
    pub(super) resource: &'a ResourceRef,
    pub(super) insert: Branch<'a>,
    pub(super) update: Option<Branch<'a>>,
}

impl<'a> Branch<'a> {
    pub(super) async fn plan(
        writer: Writer<'a>,
        chosen: &'a Chosen,
        statement: &WriteStatement,
    ) -> Result<Self, Box<Report>> {
        let returning = match &statement.returning {
            Some(items) => Some(Returning::plan(&writer, chosen, items, statement).await?),
            None => None,
        };
        Ok(Self { writer, chosen, returning })
    }
}

/// What one way did.
struct Done {
    batches: Vec<RecordBatch>,
    numbers: Vec<usize>,
}

impl Branches<'_> {
    /// Both ways must answer with the same columns.
    pub(super) fn check_returning(&self, statement: &WriteStatement) -> Result<(), Box<Report>> {
        let insert = self.insert.returning.as_ref().map(Returning::columns);
        let update =
            self.update.as_ref().map(|update| update.returning.as_ref().map(Returning::columns));
        if update.is_none_or(|update| update == insert) {
            return Ok(());
        }
        Err(Box::new(
            statement
                .target
                .error(
                    Code::UnsupportedSyntax,
                    format!(
                        "the responses to INSERT and UPDATE of `{}` differ in the columns of RETURNING",
                        self.resource.dotted()
                    ),
                )
                .with_help("name columns in RETURNING that both have, or leave it out")
                .with_note("nothing was sent"),
        ))
    }

    /// Sends all rows.
    pub(super) async fn send(
        self,
        inserts: Vec<(usize, PreparedWrite)>,
        updates: Vec<(usize, PreparedWrite)>,
        left: usize,
    ) -> Result<ResultSet, Box<Report>> {
        let outcome = Outcome::default();
        let is_returning = self.insert.returning.is_some();
        let goes_on = self.insert.writer.statement.settings.continue_on_write_error;
        let waiting = updates.len();
        let mut done = Vec::new();
        let mut failed = None;
        if !inserts.is_empty() || updates.is_empty() {
            match Box::pin(one(self.insert, inserts, &outcome)).await {
                Ok(rows) => done.push(rows),
                Err(report) if goes_on => failed = Some(report),
                Err(report) => return Err(unsent(report, waiting)),
            }
        }
        if let Some(update) = self.update.filter(|_| waiting > 0) {
            let before: usize = done.iter().map(|done| done.numbers.len()).sum();
            match Box::pin(one(update, updates, &outcome)).await {
                Ok(rows) => done.push(rows),
                Err(report) => {
                    let note = format!("before that, {before} rows were inserted");
                    failed = Some(failed.unwrap_or_else(|| Box::new(report.with_note(note))));
                }
            }
        }
        if let Some(report) = failed {
            return Err(report);
        }
        if left > 0 {
            let rows = if left == 1 { "1 row was".to_owned() } else { format!("{left} rows were") };
            let name = self.resource.dotted();
            outcome.note(format!("{rows} in `{name}` already and stayed as they are"));
        }
        let affected = Some(done.iter().map(|done| done.numbers.len() as u64).sum());
        if !is_returning {
            return Ok(ResultSet { outcome, affected, ..ResultSet::nothing() });
        }
        Ok(ResultSet { outcome, affected, ..ResultSet::of_batch(in_order(done)?) })
    }
}

async fn one(
    branch: Branch<'_>,
    writes: Vec<(usize, PreparedWrite)>,
    outcome: &Outcome,
) -> Result<Done, Box<Report>> {
    let (numbers, prepared): (Vec<usize>, Vec<PreparedWrite>) = writes
        .into_iter()
        .map(|(number, write)| (number, PreparedWrite { row: Some(number), ..write }))
        .unzip();
    let Branch { writer, chosen, returning } = branch;
    let result = send::send(&writer, chosen, prepared, returning).await?;
    outcome.absorb(&result.outcome);
    let schema = Arc::clone(&result.schema);
    let batches: Vec<RecordBatch> = result.rows.try_collect().await?;
    let whole = concat_batches(&schema, &batches).map_err(internal)?;
    Ok(Done { batches: vec![whole], numbers })
}

/// The answers in the order of the rows; one after the other where RETURNING gives other rows.
fn in_order(done: Vec<Done>) -> Result<RecordBatch, Box<Report>> {
    let mut numbers = Vec::new();
    let mut batches = Vec::new();
    for Done { batches: own, numbers: positions } in done {
        numbers.extend(positions);
        batches.extend(own);
    }
    let Some(first) = batches.first() else {
        return Err(Box::new(Report::internal("an upsert without a way")));
    };
    let schema = first.schema();
    let alike = batches
        .iter()
        .map(|batch| RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(internal)?;
    let all = concat_batches(&schema, &alike).map_err(internal)?;
    if all.num_rows() != numbers.len() {
        return Ok(all);
    }
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_by_key(|position| numbers[*position]);
    let order: UInt64Array = order.into_iter().map(|position| position as u64).collect();
    take_record_batch(&all, &order).map_err(internal)
}

fn unsent(report: Box<Report>, waiting: usize) -> Box<Report> {
    match waiting {
        0 => report,
        1 => Box::new(report.with_note("1 further row, an update, was not sent")),
        count => {
            Box::new(report.with_note(format!("{count} further rows, updates, were not sent")))
        }
    }
}

fn internal(error: ArrowError) -> Box<Report> {
    Box::new(Report::internal(error.to_string()))
}
