//! The call of a scan, as the planner chose it.

use std::collections::BTreeMap;

use super::alternatives::Alternatives;
use super::bindings::ParameterSource;

/// The call of a scan.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScanCall {
    /// Method key.
    pub(crate) method: String,
    /// Values by SQL name of the parameter.
    pub(crate) bindings: BTreeMap<String, ParameterSource>,
    /// Disjunctions that the values come from: which of them go together.
    pub(crate) alternatives: Vec<Alternatives>,
    /// Parameters of which several values are sent, and which may bring rows of other values.
    pub(crate) compared: Vec<String>,
    /// Parameters that say which object is requested, and which a row answers with a column.
    pub(crate) asked: Vec<String>,
    /// Why this method, for EXPLAIN.
    pub(crate) why: String,
    /// Predicates that are checked on the rows, for EXPLAIN.
    pub(crate) local: Vec<String>,
    /// Those of them that the method takes too, in its filter language.
    pub(crate) remote: Vec<String>,
    /// Facts for the user.
    pub(crate) notes: Vec<String>,
}
