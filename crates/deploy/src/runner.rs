//! What a run needs from outside: statements, and the machine it runs on.
//!
//! Owns: the traits that the command line implements over the engine, and tests over a table of answers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value as Json};
use strataql_diag::Report;

/// Finds environment variables.
pub type EnvironmentLookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// One row: values by column, in order.
pub type Row = Map<String, Json>;

/// A text of statements to run.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// One or more statements.
    pub sql: &'a str,
    /// Credentials by provider that replace the configured ones, with their values in place.
    pub auth: Option<&'a Json>,
    /// Refuse everything that could change something.
    pub only_reads: bool,
}

/// What a text of statements gave.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The rows of the last statement.
    pub rows: Vec<Row>,
    /// Objects that were written.
    pub affected: Option<u64>,
    /// What the engine notes.
    pub notes: Vec<String>,
}

/// A request that a statement would send.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Request {
    /// HTTP verb.
    pub method: String,
    /// Address, with `{parameters}` that are known later.
    pub url: String,
    /// Body, secrets masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// A resource of a provider document.
#[derive(Debug, Clone, Default)]
pub struct Described {
    /// `provider.service.resource`, as the document spells it.
    pub name: String,
    /// The methods that SQL verbs call, in the order of the document.
    pub methods: Vec<DescribedMethod>,
    /// The columns of SELECT, with their types.
    pub columns: Vec<Field>,
}

/// A method of a resource.
#[derive(Debug, Clone, Default)]
pub struct DescribedMethod {
    /// Its name.
    pub name: String,
    /// `select`, `insert`, `update`, `replace` or `delete`.
    pub verb: String,
    /// True if it gives one object.
    pub gives_one: bool,
    /// Parameters outside of the body.
    pub parameters: Vec<Field>,
    /// Fields of the body.
    pub body: Vec<Field>,
    /// Columns of the response.
    pub returns: Vec<String>,
}

/// A parameter, a column or a field of a body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Field {
    /// Its name; a path `a.b` inside of objects.
    pub name: String,
    /// Its type, as DESCRIBE shows it.
    pub kind: String,
    /// True if it must be given.
    pub is_required: bool,
    /// True if the document says that only the service sets it.
    pub is_read_only: bool,
    /// True if the document says that no answer shows it, or if its name is that of a secret.
    pub is_secret: bool,
    /// The values that the document allows.
    pub values: Vec<String>,
    /// What it is for.
    pub description: String,
    /// The members of an object, without those that only the service sets.
    pub members: Vec<String>,
}

/// Runs statements.
pub trait Runner {
    /// Runs statements one after the other; the first failure ends them.
    ///
    /// # Errors
    /// The report of the statement that failed.
    fn run(&self, ask: &Ask<'_>) -> Result<Answer, Box<Report>>;

    /// The requests that statements would send; none is sent.
    ///
    /// # Errors
    /// Reports of planning.
    fn requests(&self, ask: &Ask<'_>) -> Result<Vec<Request>, Box<Report>>;

    /// True if no statement of a text can change anything.
    ///
    /// # Errors
    /// `syntax`.
    fn only_reads(&self, sql: &str) -> Result<bool, Box<Report>>;

    /// A resource by its full name.
    ///
    /// # Errors
    /// `unknown-provider`, `unknown-service`, `unknown-resource`; those of reading the document.
    fn describe(&self, resource: &str) -> Result<Described, Box<Report>>;

    /// Installed providers with their versions.
    fn providers(&self) -> Vec<(String, String)>;
}

/// How important a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What goes wrong.
    Error,
    /// What deserves attention.
    Warn,
    /// What happens.
    Info,
    /// What is looked at.
    Debug,
}

/// A program to run.
#[derive(Debug, Clone)]
pub struct Script {
    /// The text for the shell.
    pub text: String,
    /// The folder in which it runs.
    pub folder: PathBuf,
    /// Variables beside those of the process.
    pub variables: BTreeMap<String, String>,
}

/// The machine and the reader of the output. Whatever it is told may hold secrets; it masks those that
/// it was told of.
pub trait Host {
    /// A line of the log.
    fn tell(&self, level: Level, text: &str);

    /// A text for stdout.
    ///
    /// # Errors
    /// `local-io`.
    fn print(&self, text: &str) -> Result<(), Box<Report>>;

    /// Masks a value from now on.
    fn keep_secret(&self, value: &str);

    /// The text with its secrets masked.
    fn masked(&self, text: &str) -> String;

    /// Waits.
    ///
    /// # Errors
    /// `cancelled` if the run is to end.
    fn wait(&self, time: Duration) -> Result<(), Box<Report>>;

    /// Runs a program; gives what it prints.
    ///
    /// # Errors
    /// `local-io` if it cannot be run or fails.
    fn script(&self, script: &Script) -> Result<String, Box<Report>>;

    /// Environment variables.
    fn environment(&self) -> EnvironmentLookup;

    /// Keeps a line of the journal, so that it is there even if the process is killed next.
    ///
    /// # Errors
    /// `local-io`.
    fn record(&self, line: &str) -> Result<(), Box<Report>>;
}
