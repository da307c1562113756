//! Tables of the session: its requests, and what its last read of services lacks.

use datafusion::arrow::array::RecordBatch;
use strataql_diag::Report;
use strataql_query::statement::Statement;

use super::sheet::Kind::{Integer, Text};
use super::sheet::{Cell, Sheet, schema_of};

/// `sys.requests`.
pub(super) fn requests(statement: &Statement) -> Result<RecordBatch, Box<Report>> {
    let schema = schema_of(&[
        ("statement", Integer),
        ("provider", Text),
        ("verb", Text),
        ("url", Text),
        ("status", Integer),
        ("error", Text),
        ("bytes", Integer),
        ("elapsed_ms", Integer),
        ("attempts", Integer),
    ]);
    let mut sheet = Sheet::new(&schema, None);
    for sent in &statement.run.journal.requests() {
        let elapsed = u64::try_from(sent.elapsed.as_millis()).unwrap_or(u64::MAX);
        sheet.row([
            Cell::from(sent.statement),
            Cell::from(&sent.provider),
            Cell::from(sent.verb.as_str()),
            Cell::from(&sent.url),
            Cell::from(sent.status.map(u64::from)),
            Cell::from(sent.error.map(|code| code.id())),
            Cell::from(sent.bytes),
            Cell::from(elapsed),
            Cell::from(sent.attempts.map(u64::from)),
        ]);
    }
    sheet.batch()
}

/// `sys.last_query_issues`.
pub(super) fn issues(statement: &Statement) -> Result<RecordBatch, Box<Report>> {
    let schema = schema_of(&[
        ("scope", Text),
        ("request_id", Text),
        ("status", Integer),
        ("class", Text),
        ("message", Text),
        ("rows_lost", Integer),
    ]);
    let mut sheet = Sheet::new(&schema, None);
    for issue in &statement.run.journal.last().issues() {
        sheet.row([
            Cell::from(&issue.scope),
            Cell::from(issue.request_id.as_ref()),
            Cell::from(issue.status.map(u64::from)),
            Cell::from(issue.code.id()),
            Cell::from(&issue.message),
            Cell::from(issue.rows_lost),
        ]);
    }
    sheet.batch()
}
