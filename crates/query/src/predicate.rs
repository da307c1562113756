//! Predicates as the values of a call.
//!
//! Owns: which predicates give a parameter its values, which values of a disjunction go together, the
//! clauses that a method takes over, and the call of a scan that all of this comes to.
//! Refuses: choosing a method; `plan::resolve_scans` does.

pub(crate) mod alternatives;
pub mod bindings;
pub(crate) mod clauses;
mod scan_call;

pub(crate) use scan_call::ScanCall;
