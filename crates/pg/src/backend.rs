//! What the server needs to run statements.
//!
//! Owns: the traits that the owner of an engine implements.
//! Refuses: the engine itself, so that this crate builds without it.

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Schema, SchemaRef};
use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use std::sync::Arc;
use strataql_diag::Report;

/// Opens sessions.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// A session for a client that has logged in.
    ///
    /// # Errors
    /// Why it may not have one, or why none can be made.
    async fn connect(&self, login: &Login) -> Result<Box<dyn Session>, Box<Report>>;
}

/// Who has logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user's name; authenticated if the server has users.
    pub user: String,
    /// The database that the client named.
    pub database: String,
    /// What the client calls itself.
    pub application: String,
}

/// A session; the server runs one statement of it at a time.
#[async_trait]
pub trait Session: Send + Sync {
    /// The columns and parameters of one statement, which is not run. `types` are those that the client
    /// gives to `$1`, `$2` and so on.
    ///
    /// # Errors
    /// `syntax` and reports of planning.
    async fn describe(
        &self,
        text: &str,
        types: &[Option<DataType>],
    ) -> Result<Description, Box<Report>>;

    /// Runs one statement. Values are arrays of one row, for `$1`, `$2` and so on. Dropping the future
    /// or the rows cancels it.
    ///
    /// # Errors
    /// Reports of planning; those of execution come through the rows.
    async fn run(&self, text: &str, values: &[ArrayRef]) -> Result<Answer, Box<Report>>;

    /// Changes a setting, as SET does.
    ///
    /// # Errors
    /// `unknown-setting`, `bad-param-value`.
    async fn set(&self, name: &str, value: &str) -> Result<(), Box<Report>>;

    /// True while a transaction is open.
    fn in_transaction(&self) -> bool;

    /// The end of the session: a transaction that is open is given up.
    async fn close(&self) {}
}

/// What a statement takes and returns.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// Columns; an empty schema for statements without rows.
    pub schema: SchemaRef,
    /// What is shown above the columns; empty for the names of the schema.
    pub labels: Vec<String>,
    /// The types of `$1`, `$2` and so on, where the statement implies one.
    pub parameters: Vec<Option<DataType>>,
}

/// The result of a statement.
pub struct Answer {
    /// Columns; an empty schema for statements without rows.
    pub schema: SchemaRef,
    /// What is shown above the columns; empty for the names of the schema.
    pub labels: Vec<String>,
    /// The rows as they arrive.
    pub rows: BoxStream<'static, Result<RecordBatch, Box<Report>>>,
    /// Objects or rows that a write changed.
    pub affected: Option<u64>,
    /// Notes and warnings; asked for once the rows have ended.
    pub notices: Box<dyn FnOnce() -> Vec<Notice> + Send>,
}

/// A remark about a statement that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A fact.
    Note(String),
    /// What the user can act on.
    Warning(Box<Report>),
}

impl Answer {
    /// An answer without rows and columns.
    pub fn nothing() -> Self {
        Self {
            schema: Arc::new(Schema::empty()),
            labels: Vec::new(),
            rows: futures::stream::empty().boxed(),
            affected: None,
            notices: Box::new(Vec::new),
        }
    }

    /// An answer that is already there.
    pub fn of_batch(batch: RecordBatch) -> Self {
        Self {
            schema: batch.schema(),
            rows: futures::stream::iter([Ok(batch)]).boxed(),
            ..Self::nothing()
        }
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("schema", &self.schema).finish_non_exhaustive()
    }
}
