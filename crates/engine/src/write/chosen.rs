//! The method of a write, and what names its object.

use strataql_call::MethodRef;
use strataql_spec::{Method, SqlVerb};

/// The method that a write calls.
pub(crate) struct Chosen {
    pub(crate) target: MethodRef,
    /// The statement that it was chosen for.
    pub(crate) verb: SqlVerb,
    /// What names its object, as columns are called: parameters, and fields of the body.
    pub(crate) keys: Vec<String>,
}

impl Chosen {
    pub(crate) fn method(&self) -> &Method {
        self.target.method()
    }
}
