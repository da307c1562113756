//! `sys.changes`: the change ledger as a table.
//!
//! Owns: its columns.
//! Refuses: checking the chain; that is `strataql ledger verify`.
//! Surprise: the ledger is read when rows are asked for, so the table shows the writes of earlier
//! statements of the same session, and a ledger that cannot be read fails the statement.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use strataql_ledger::{Entry, read};

use crate::error::external;

/// The ledger of a folder, or an empty table without one.
#[derive(Debug)]
pub(crate) struct Changes {
    folder: Option<PathBuf>,
}

/// Names of the columns; `true` for whole numbers.
const COLUMNS: &[(&str, bool)] = &[
    ("seq", true),
    ("id", false),
    ("at", false),
    ("statement", false),
    ("row", true),
    ("provider", false),
    ("service", false),
    ("resource", false),
    ("method", false),
    ("verb", false),
    ("url", false),
    ("auth_type", false),
    ("principal", false),
    ("request_digest", false),
    ("body", false),
    ("before", false),
    ("idempotency_key", false),
    ("outcome", false),
    ("status", true),
    ("request_id", false),
    ("message", false),
    ("ended_at", false),
    ("resolution", false),
];

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let field = |(name, is_number): &(&str, bool)| {
        let kind = if *is_number { DataType::Int64 } else { DataType::Utf8 };
        Field::new(*name, kind, true)
    };
    Arc::new(Schema::new(COLUMNS.iter().map(field).collect::<Vec<_>>()))
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
        let batch = RecordBatch::try_new(self.schema(), columns(&entries))?;
        let table = MemTable::try_new(self.schema(), vec![vec![batch]])?;
        table.scan(state, projection, filters, limit).await
    }
}

/// The cells, in the order of [`COLUMNS`].
fn columns(entries: &[Entry]) -> Vec<ArrayRef> {
    let text = |cell: &dyn Fn(&Entry) -> Option<String>| {
        Arc::new(entries.iter().map(cell).collect::<StringArray>()) as ArrayRef
    };
    let number = |cell: &dyn Fn(&Entry) -> Option<i64>| {
        Arc::new(entries.iter().map(cell).collect::<Int64Array>()) as ArrayRef
    };
    vec![
        number(&|entry| i64::try_from(entry.seq).ok()),
        text(&|entry| Some(entry.id.to_string())),
        text(&|entry| Some(entry.intent.at.to_string())),
        text(&|entry| Some(entry.intent.statement.clone())),
        number(&|entry| i64::try_from(entry.intent.row).ok()),
        text(&|entry| Some(entry.intent.provider.clone())),
        text(&|entry| Some(entry.intent.service.clone())),
        text(&|entry| Some(entry.intent.resource.clone())),
        text(&|entry| Some(entry.intent.method.clone())),
        text(&|entry| Some(entry.intent.verb.clone())),
        text(&|entry| Some(entry.intent.url.clone())),
        text(&|entry| Some(entry.intent.principal.auth_type.clone())),
        text(&|entry| entry.intent.principal.identity.clone()),
        text(&|entry| Some(entry.intent.request_digest.clone())),
        text(&|entry| entry.intent.body.as_ref().map(ToString::to_string)),
        text(&|entry| entry.intent.before.as_ref().map(ToString::to_string)),
        text(&|entry| entry.intent.idempotency_key.clone()),
        text(&|entry| Some(entry.outcome.as_ref()?.kind.as_str().to_owned())),
        number(&|entry| entry.outcome.as_ref()?.status.map(i64::from)),
        text(&|entry| entry.outcome.as_ref()?.request_id.clone()),
        text(&|entry| entry.outcome.as_ref()?.message.clone()),
        text(&|entry| Some(entry.outcome.as_ref()?.at.to_string())),
        text(&|entry| Some(entry.resolution.as_ref()?.kind.as_str().to_owned())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_cells_of_its_type() {
        let batch = RecordBatch::try_new(Arc::clone(&SCHEMA), columns(&[])).expect("fits");
        assert_eq!((batch.num_columns(), batch.num_rows()), (COLUMNS.len(), 0));
    }
}
