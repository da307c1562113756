//! ASSERT: the check on the rows of a query.
//!
//! Surprise: rows that violate an assertion are delivered before the error, because they are what it
//! found.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::DataType;
use futures::{StreamExt, TryStreamExt};
use strataql_diag::{Code, Report, Span, counted};
use strataql_sql::{Assertion, Check, Parsed};

use crate::result_set::{Batches, ResultSet};
use crate::statement::Statement;

/// The result of an ASSERT; of other statements, the result unchanged.
///
/// # Errors
/// `type-mismatch` for a condition that is not boolean. `assertion-failed` comes after the rows.
pub fn checked(statement: &Statement, result: ResultSet) -> Result<ResultSet, Box<Report>> {
    let Some(assertion) = &statement.parsed.assertion else { return Ok(result) };
    let failure = Failure {
        assertion: assertion.clone(),
        mark: first_line(&statement.text, &statement.parsed),
    };
    match assertion.check {
        Check::NoRows => {
            let rows = without_rows(result.rows, failure);
            Ok(ResultSet { rows, ..result })
        }
        Check::Condition => {
            let kind = result.schema.field(0).data_type();
            if !matches!(kind, DataType::Boolean | DataType::Null) {
                return Err(failure.not_boolean(kind));
            }
            let rows = is_true(result.rows, failure);
            Ok(ResultSet { rows, outcome: result.outcome, ..ResultSet::nothing() })
        }
    }
}

/// The rows, and an error after them if there was one.
fn without_rows(rows: Batches, failure: Failure) -> Batches {
    let seen = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&seen);
    let rows = rows.inspect_ok(move |batch| {
        count.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
    });
    let end = futures::stream::once(async move { seen.load(Ordering::Relaxed) });
    let end = end.filter_map(move |seen| {
        let report = (seen > 0).then(|| failure.rows(seen));
        async move { report.map(Err) }
    });
    rows.chain(end).boxed()
}

/// No rows; an error if a value of the first column is not true.
fn is_true(rows: Batches, failure: Failure) -> Batches {
    let checked = rows.try_filter_map(move |batch| {
        let verdict = match first_failure(&batch) {
            None => Ok(None),
            Some(value) => Err(failure.value(value)),
        };
        async move { verdict }
    });
    checked.boxed()
}

/// The first value that is not true, as text.
fn first_failure(batch: &RecordBatch) -> Option<&'static str> {
    let values = batch.column(0);
    (0..values.len()).find_map(|row| {
        // an array of the null type has no null bits
        if values.is_null(row) || matches!(values.data_type(), DataType::Null) {
            return Some("NULL");
        }
        let is_true = values.as_boolean_opt().is_some_and(|values| values.value(row));
        (!is_true).then_some("false")
    })
}

/// The report of an assertion that does not hold.
struct Failure {
    assertion: Assertion,
    mark: Span,
}

impl Failure {
    fn rows(&self, count: u64) -> Box<Report> {
        let fact = match count {
            1 => "1 row violates the assertion".to_owned(),
            count => format!("{} violate the assertion", counted(count, "row")),
        };
        self.report(fact, "the result has the rows that violate the assertion")
    }

    fn value(&self, value: &str) -> Box<Report> {
        self.report(
            format!("the condition is {value}"),
            "run SELECT with the parts of the condition to see their values",
        )
    }

    fn report(&self, fact: String, help: &str) -> Box<Report> {
        let report = match &self.assertion.message {
            Some(message) => Report::new(Code::AssertionFailed, message.clone()).with_note(fact),
            None => Report::new(Code::AssertionFailed, fact),
        };
        Box::new(report.with_label(self.mark, "").with_help(help))
    }

    fn not_boolean(&self, kind: &DataType) -> Box<Report> {
        Box::new(
            Report::new(
                Code::TypeMismatch,
                format!("the condition of ASSERT is {kind}, which is neither true nor false"),
            )
            .with_label(self.mark, "")
            .with_help(
                "compare the value, or write `ASSERT SELECT …` to check that there are no rows",
            ),
        )
    }
}

/// The first line of a statement.
fn first_line(text: &str, parsed: &Parsed) -> Span {
    let whole = parsed.span.slice(text);
    let line = whole.lines().next().unwrap_or_default().trim_end();
    Span::new(parsed.span.start, parsed.span.start + line.len())
}
