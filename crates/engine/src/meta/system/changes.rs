//! `sys.changes`: the change ledger as a table.
//!
//! Owns: its columns.
//! Refuses: checking the chain; that is `strataql ledger verify`.
//! Surprise: the ledger is read when rows are asked for, so the table shows the writes of earlier
//! statements of the same session, and a ledger that cannot be read fails the statement.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use strataql_diag::Report;
use strataql_ledger::{Entry, JsonText, read};
use strataql_query::error::external;

use super::sheet::Kind::{Integer, Json, Text};
use super::sheet::{Cell, Sheet, schema_of};

/// The ledger of a folder, or an empty table without one.
#[derive(Debug)]
pub(crate) struct Changes {
    folder: Option<PathBuf>,
}

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema_of(&[
        ("seq", Integer),
        ("id", Text),
        ("at", Text),
        ("statement", Text),
        ("row", Integer),
        ("provider", Text),
        ("service", Text),
        ("resource", Text),
        ("method", Text),
        ("verb", Text),
        ("url", Text),
        ("auth_type", Text),
        ("principal", Text),
        ("request_digest", Text),
        ("body", Json),
        ("before", Json),
        ("idempotency_key", Text),
        ("outcome", Text),
        ("status", Integer),
        ("request_id", Text),
        ("message", Text),
        ("ended_at", Text),
        ("resolution", Text),
    ])
});

impl Changes {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }
}

#[async_trait]
impl TableProvider for Changes {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&SCHEMA)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let entries = match &self.folder {
            Some(folder) => read(folder).map_err(external)?,
            None => Vec::new(),
        };
        let batch = rows(&entries).map_err(external)?;
        let table = MemTable::try_new(self.schema(), vec![vec![batch]])?;
        table.scan(state, projection, filters, limit).await
    }
}

fn rows(entries: &[Entry]) -> std::result::Result<RecordBatch, Box<Report>> {
    let mut sheet = Sheet::new(&SCHEMA, None);
    for entry in entries {
        sheet.row(cells(entry));
    }
    sheet.batch()
}

/// The cells of a write, in the order of the columns.
fn cells(entry: &Entry) -> [Cell<'_>; 23] {
    let intent = &entry.intent;
    let outcome = entry.outcome.as_ref();
    let json = |json: Option<&'_ JsonText>| Cell::from(json.map(|json| json.get().to_owned()));
    [
        Cell::from(entry.seq),
        Cell::from(entry.id.to_string()),
        Cell::from(intent.at.as_str()),
        Cell::from(&intent.statement),
        Cell::from(intent.row),
        Cell::from(&intent.provider),
        Cell::from(&intent.service),
        Cell::from(&intent.resource),
        Cell::from(&intent.method),
        Cell::from(&intent.verb),
        Cell::from(&intent.url),
        Cell::from(&intent.principal.auth_type),
        Cell::from(intent.principal.identity.as_ref()),
        Cell::from(&intent.request_digest),
        json(intent.body.as_ref()),
        json(intent.before.as_ref()),
        Cell::from(intent.idempotency_key.as_ref()),
        Cell::from(outcome.map(|outcome| outcome.kind.as_str())),
        Cell::from(outcome.and_then(|outcome| outcome.status).map(u64::from)),
        Cell::from(outcome.and_then(|outcome| outcome.request_id.as_ref())),
        Cell::from(outcome.and_then(|outcome| outcome.message.as_ref())),
        Cell::from(outcome.map(|outcome| outcome.at.as_str())),
        Cell::from(entry.resolution.as_ref().map(|resolution| resolution.kind.as_str())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_ledger_has_all_columns() {
        let batch = rows(&[]).expect("fits");
        assert_eq!((batch.num_columns(), batch.num_rows()), (23, 0));
    }
}
