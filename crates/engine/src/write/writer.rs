//! What the parts of a write share: the statement, and what it waits for.

use std::collections::BTreeSet;
use std::sync::Arc;

use strataql_call::{MethodRef, ServerVariables};
use strataql_query::parameters::Parameters;
use strataql_query::statement::Statement;
use strataql_sql::Parsed;

use super::awaiting::Awaiting;
use super::chosen::Chosen;
use super::context::WriteContext;

/// A statement with everything that is needed to write.
pub(crate) struct Writer<'a> {
    pub(crate) statement: &'a Statement,
    pub(crate) context: &'a WriteContext,
    pub(crate) text: &'a str,
    pub(crate) parsed: &'a Parsed,
    pub(crate) parameters: &'a Parameters,
    /// Every identifier of the statement, lower case.
    pub(crate) mentioned_identifiers: Arc<BTreeSet<String>>,
    /// Source of server variables that are not in the statement.
    pub(crate) variables: ServerVariables,
    /// The wait of a statement with AWAIT.
    pub(crate) awaiting: Option<Awaiting>,
}

impl Writer<'_> {
    /// The same statement with another wait.
    pub(super) fn awaiting(&self, awaiting: Option<Awaiting>) -> Self {
        Self {
            mentioned_identifiers: Arc::clone(&self.mentioned_identifiers),
            variables: self.variables.clone(),
            awaiting,
            ..*self
        }
    }

    /// The method whose response RETURNING reads.
    pub(super) fn returned_method<'m>(&'m self, chosen: &'m Chosen) -> &'m MethodRef {
        self.awaiting.as_ref().and_then(Awaiting::object).unwrap_or(&chosen.target)
    }
}
