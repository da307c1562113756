//! What the server needs of strataql.
//!
//! Owns: the trait and the values that cross it.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use strataql_diag::Report;

/// A value of a row.
pub type Cell = serde_json::Value;

/// A row: values by column, in the order of the columns.
pub type Row = serde_json::Map<String, Cell>;

type Result<T, E = Box<Report>> = std::result::Result<T, E>;

/// Runs statements. Each call is a session of its own with the settings of the server.
pub trait Backend: Send + Sync + 'static {
    /// What this is.
    fn about(&self) -> About;

    /// The statements of a text, and what each may change by its tree. Nothing is sent.
    ///
    /// # Errors
    /// `syntax`.
    fn statements(&self, text: &str) -> Result<Vec<Statement>>;

    /// Begins a text of one statement and gives its rows as they arrive.
    ///
    /// # Errors
    /// Reports of planning; those of running come through the rows.
    fn query(&self, text: String) -> BoxFuture<'_, Result<Table>>;

    /// Runs all statements of a text, each to its end, and writes at most so many rows.
    ///
    /// # Errors
    /// The first failure, with what was done before it.
    fn execute(
        &self,
        text: String,
        max_writes: Option<u64>,
    ) -> BoxFuture<'_, Result<Vec<Done>, Stopped>>;

    /// The requests that each statement of a text would send. Nothing is sent.
    ///
    /// # Errors
    /// Reports of planning.
    fn explain(&self, text: String) -> BoxFuture<'_, Result<Vec<Planned>>>;

    /// The columns and parameters of a statement. Nothing is sent.
    ///
    /// # Errors
    /// Reports of planning.
    fn describe(&self, text: String) -> BoxFuture<'_, Result<Described>>;

    /// Resources whose names or descriptions hold the words, best first. Without a word all fit.
    ///
    /// # Errors
    /// `unknown-provider`, `unknown-service`, and documents that cannot be read.
    fn search(
        &self,
        words: String,
        provider: Option<String>,
        service: Option<String>,
    ) -> BoxFuture<'_, Result<Vec<Found>>>;

    /// Reads files of variables again and forgets tokens; tells what each provider's credential is.
    ///
    /// # Errors
    /// `local-io`, `config`, `unknown-provider`.
    fn reload_credentials(
        &self,
        provider: Option<String>,
    ) -> BoxFuture<'_, Result<(Vec<String>, Vec<Credential>)>>;

    /// A text without secrets.
    fn redacted(&self, text: &str) -> String;
}

/// What a server is.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// Version of strataql.
    pub version: String,
    /// Where documents come from.
    pub registry: String,
    /// True with simulated providers.
    pub is_sandbox: bool,
}

/// What a statement may change, in the order of the care that it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Nothing.
    Select,
    /// Settings of the session.
    Session,
    /// INSERT, UPDATE, REPLACE.
    Write,
    /// DELETE.
    Delete,
    /// EXEC of a method that may change something.
    Exec,
    /// Anything else.
    Other,
}

/// A statement of a text.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Its first word.
    pub keyword: String,
    /// What it may change.
    pub effect: Effect,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its label.
    pub name: String,
    /// Its SQL type.
    pub kind: String,
}

/// A result whose rows arrive.
pub struct Table {
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows.
    pub rows: BoxStream<'static, Result<Vec<Row>>>,
    /// What else is known, as of now.
    pub facts: Arc<dyn Fn() -> Facts + Send + Sync>,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("columns", &self.columns).finish_non_exhaustive()
    }
}

/// What a statement did beside its rows.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Facts for the user.
    pub notes: Vec<String>,
    /// What the user can act on.
    pub warnings: Vec<Report>,
    /// True if rows or values are missing because the user allowed it.
    pub is_partial: bool,
    /// Requests that were answered.
    pub requests: u64,
}

/// A statement that was run.
#[derive(Debug, Clone, Default)]
pub struct Done {
    /// Its first word.
    pub keyword: String,
    /// Objects or rows that it wrote.
    pub affected: Option<u64>,
    /// Columns of what it returned.
    pub columns: Vec<Column>,
    /// What it returned.
    pub rows: Vec<Row>,
    /// What else is known.
    pub facts: Facts,
}

/// A run that a failure stopped.
#[derive(Debug)]
pub struct Stopped {
    /// The failure.
    pub report: Box<Report>,
    /// Statements that were run before.
    pub done: Vec<Done>,
}

/// The requests of a statement.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The statement's first word.
    pub keyword: String,
    /// Rows of EXPLAIN.
    pub steps: Vec<Row>,
}

/// What a statement takes and returns.
#[derive(Debug, Clone)]
pub struct Described {
    /// Its first word.
    pub keyword: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its parameters, with the types that are known.
    pub parameters: Vec<Column>,
}

/// A resource that a search found.
#[derive(Debug, Clone)]
pub struct Found {
    /// Provider.
    pub provider: String,
    /// Service.
    pub service: String,
    /// Resource.
    pub resource: String,
    /// What it is.
    pub description: String,
    /// Its methods.
    pub methods: Vec<FoundMethod>,
    /// How well it fits.
    pub score: u32,
}

/// A method of a resource.
#[derive(Debug, Clone)]
pub struct FoundMethod {
    /// Its name.
    pub name: String,
    /// `SELECT`, `INSERT`, `UPDATE`, `REPLACE`, `DELETE` or `EXEC`.
    pub verb: String,
    /// HTTP verb and path.
    pub request: String,
    /// What it does.
    pub description: String,
    /// Parameters that it needs.
    pub required: Vec<String>,
}

/// The credential of a provider.
#[derive(Debug, Clone)]
pub struct Credential {
    /// The provider.
    pub provider: String,
    /// Kind of credential.
    pub auth_type: String,
    /// Where it comes from.
    pub sourced_from: String,
    /// `ok`, `unresolved` or `not_checked`.
    pub status: &'static str,
    /// Why it is not there; empty otherwise.
    pub detail: String,
}
