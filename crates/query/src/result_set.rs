//! The result of a statement: columns, rows as they arrive, and what was done.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use futures::StreamExt;
use futures::stream::BoxStream;
use strataql_diag::Report;

use crate::outcome::Outcome;

/// The rows of a result as they arrive.
pub type Batches = BoxStream<'static, Result<RecordBatch, Box<Report>>>;

/// The result of one statement.
pub struct ResultSet {
    /// Columns; an empty schema for statements without rows.
    pub schema: SchemaRef,
    /// What stands above the columns; may repeat.
    pub labels: Vec<String>,
    /// The rows, as they arrive.
    pub rows: Batches,
    /// Notes, completeness and counters, shared with the running statement.
    pub outcome: Outcome,
    /// Objects or rows that a write inserted, changed or deleted; `None` for every other statement.
    pub affected: Option<u64>,
}

impl ResultSet {
    /// A result without rows and columns.
    pub fn nothing() -> Self {
        Self {
            schema: Arc::new(Schema::empty()),
            labels: Vec::new(),
            rows: futures::stream::empty().boxed(),
            outcome: Outcome::default(),
            affected: None,
        }
    }

    /// A result that is already there.
    pub fn of_batch(batch: RecordBatch) -> Self {
        let schema = batch.schema();
        Self {
            labels: schema.fields().iter().map(|field| field.name().clone()).collect(),
            schema,
            rows: futures::stream::iter([Ok(batch)]).boxed(),
            ..Self::nothing()
        }
    }

    /// True when there are no columns to show.
    pub fn is_empty(&self) -> bool {
        self.schema.fields().is_empty()
    }
}

impl std::fmt::Debug for ResultSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResultSet").field("labels", &self.labels).finish_non_exhaustive()
    }
}
