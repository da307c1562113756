//! The syntax tree of statements.
//!
//! Owns: the kinds of statements. Standard SQL stays a `sqlparser` tree.

use sqlparser::ast as sql;
use sqlparser::tokenizer::TokenWithSpan;
use strataql_diag::Span;

/// A statement with its span in the input.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The bytes of the statement in the input, without the `;`.
    pub span: Span,
    /// Its tokens, comments included, with spans in the whole input.
    pub tokens: Vec<TokenWithSpan>,
    /// The statement.
    pub statement: Statement,
    /// `(EXEC …)` relations, in order; the query calls them as `exec_relation_<n>()`.
    pub execs: Vec<Exec>,
    /// ASSERT: what the query is checked for. The statement is then a query.
    pub assertion: Option<Assertion>,
    /// It ended with `\G`: its rows are shown one value a line.
    pub vertical: bool,
}

/// What ASSERT checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// The kind of check.
    pub check: Check,
    /// The message that was given for a failure.
    pub message: Option<String>,
}

/// A kind of check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// `ASSERT condition`: the query returns the condition, which must be true.
    Condition,
    /// `ASSERT SELECT …`: each row of the query is a violation.
    NoRows,
}

impl Parsed {
    /// The keyword that names the statement in messages.
    pub fn keyword(&self) -> &'static str {
        if self.assertion.is_some() { "ASSERT" } else { self.statement.keyword() }
    }
}

/// A statement.
#[derive(Debug, Clone)]
pub enum Statement {
    /// SELECT, WITH, VALUES, TABLE, set operations.
    Query(Box<sql::Query>),
    /// INSERT, UPDATE, REPLACE or DELETE.
    Write(WriteKind, Box<sql::Statement>),
    /// EXEC of one method.
    Exec(Exec),
    /// EXPLAIN of another statement.
    Explain {
        /// Runs it too.
        analyze: bool,
        /// Adds the engine's own plan.
        verbose: bool,
        /// The statement.
        inner: Box<Statement>,
    },
    /// SHOW.
    Show(Show),
    /// DESCRIBE.
    Describe(Describe),
    /// USE provider, or provider.service.
    Use(Name),
    /// SET name = value.
    Set {
        /// The setting, dotted.
        name: Name,
        /// Its value.
        value: SetValue,
    },
    /// CREATE or DROP of views, materialized views and tables.
    Definition(Box<sql::Statement>),
    /// REFRESH MATERIALIZED VIEW.
    Refresh(Name),
    /// BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE.
    Transaction(Transaction),
    /// REGISTRY LIST or PULL.
    Registry(Registry),
    /// AUTH LOGIN or REVOKE, PURGE, SLEEP, SEARCH, NATIVEQUERY: known keywords that are not
    /// supported yet.
    Known(&'static str),
    /// Standard SQL that does not apply to control planes.
    Foreign(Box<sql::Statement>),
}

/// Which write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteKind {
    /// INSERT.
    Insert,
    /// UPDATE.
    Update,
    /// REPLACE (parsed as UPDATE).
    Replace,
    /// DELETE.
    Delete,
}

/// A dotted name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Its parts.
    pub parts: Vec<NamePart>,
    /// Its span.
    pub span: Span,
}

/// A part of a dotted name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePart {
    /// The text without quotes.
    pub value: String,
    /// True when it was quoted: then only the exact spelling matches.
    pub quoted: bool,
    /// Its span.
    pub span: Span,
}

impl Name {
    /// The parts joined by dots.
    pub fn dotted(&self) -> String {
        self.parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".")
    }
}

/// EXEC.
#[derive(Debug, Clone, PartialEq)]
pub struct Exec {
    /// provider.service.resource.method.
    pub method: Name,
    /// `@name = value`.
    pub arguments: Vec<Argument>,
    /// `@@json = '…'`.
    pub payload: Option<String>,
    /// Hints, upper case (`AWAIT`, `SHOWRESULTS`, `NOSTATUS`).
    pub hints: Vec<String>,
    /// Its span.
    pub span: Span,
}

/// An argument of EXEC.
#[derive(Debug, Clone, PartialEq)]
pub struct Argument {
    /// The parameter.
    pub name: String,
    /// Its value.
    pub value: Literal,
    /// Its span.
    pub span: Span,
}

/// A literal.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// Text.
    Text(String),
    /// A number as written.
    Number(String),
    /// TRUE or FALSE.
    Boolean(bool),
    /// NULL.
    Null,
}

/// The value of SET.
#[derive(Debug, Clone, PartialEq)]
pub enum SetValue {
    /// A literal or a bare word (`on`).
    Text(String),
    /// DEFAULT: resets the setting.
    Default,
}

/// SHOW.
#[derive(Debug, Clone)]
pub struct Show {
    /// EXTENDED was given.
    pub extended: bool,
    /// What to show.
    pub what: ShowWhat,
    /// LIKE pattern.
    pub like: Option<String>,
    /// WHERE condition.
    pub filter: Option<Box<sql::Expr>>,
    /// Span of the object's name, or of the whole statement.
    pub span: Span,
}

/// What SHOW shows.
#[derive(Debug, Clone)]
pub enum ShowWhat {
    /// PROVIDERS.
    Providers,
    /// SERVICES IN provider.
    Services(Name),
    /// RESOURCES, of a service, a provider or all.
    Resources(Option<Name>),
    /// METHODS IN provider.service.resource.
    Methods(Name),
    /// VIEWS.
    Views,
    /// TABLES.
    Tables,
    /// FUNCTIONS.
    Functions,
    /// SETTINGS.
    Settings,
    /// A statement template for a resource, or for one of its methods.
    Template(Template, Name),
    /// AUTH, with an optional provider.
    Auth(Option<Name>),
    /// VERSION.
    Version,
    /// TRANSACTION ISOLATION LEVEL.
    TransactionIsolation,
}

/// Which statement template SHOW prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Template {
    /// INSERT, `required` only with the hint REQUIRED.
    Insert {
        /// Only required fields.
        required: bool,
    },
    /// UPDATE.
    Update,
    /// REPLACE.
    Replace,
    /// DELETE.
    Delete,
    /// EXEC.
    Exec,
}

/// DESCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Describe {
    /// EXTENDED or FULL was given.
    pub extended: bool,
    /// METHOD was given: the name has four parts.
    pub method: bool,
    /// What to describe.
    pub name: Name,
    /// The name is the path of a file, in quotes, as its only part.
    pub file: bool,
}

/// A transaction statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transaction {
    /// BEGIN or START TRANSACTION.
    Begin,
    /// COMMIT.
    Commit,
    /// ROLLBACK.
    Rollback,
    /// SAVEPOINT, RELEASE, ROLLBACK TO, SET TRANSACTION.
    Other,
}

/// A registry statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registry {
    /// LIST, of one provider or all.
    List(Option<String>),
    /// PULL provider, optionally a version.
    Pull(String, Option<String>),
}

impl Statement {
    /// The keyword that names the statement in messages.
    pub fn keyword(&self) -> &'static str {
        match self {
            Self::Query(_) => "SELECT",
            Self::Write(WriteKind::Insert, _) => "INSERT",
            Self::Write(WriteKind::Update, _) => "UPDATE",
            Self::Write(WriteKind::Replace, _) => "REPLACE",
            Self::Write(WriteKind::Delete, _) => "DELETE",
            Self::Exec(_) => "EXEC",
            Self::Explain { .. } => "EXPLAIN",
            Self::Show(_) => "SHOW",
            Self::Describe(_) => "DESCRIBE",
            Self::Use(_) => "USE",
            Self::Set { .. } => "SET",
            Self::Definition(_) => "CREATE and DROP",
            Self::Refresh(_) => "REFRESH MATERIALIZED VIEW",
            Self::Transaction(_) => "transactions",
            Self::Registry(_) => "REGISTRY",
            Self::Known(word) => word,
            Self::Foreign(_) => "this statement",
        }
    }
}
