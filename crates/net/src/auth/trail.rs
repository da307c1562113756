//! The record of a chain of sources.
//!
//! Owns: which sources were tried, which one was used, and why the others were not.
//! Surprise: a source that is not configured is skipped; one that is configured and fails ends the
//! chain, or requests would be sent as somebody else than the user expects.

use std::sync::{Mutex, PoisonError};

use strataql_diag::{Code, Report};

use crate::failure::Failure;

/// A source of credentials that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The source, for example `environment`.
    pub source: String,
    /// Why it was not used; `None` for the one that was.
    pub why_not: Option<String>,
}

/// What a source of a chain has.
pub(in crate::auth) enum Step<T> {
    /// A credential.
    Found(T),
    /// It is not configured, for this reason.
    Absent(String),
}

/// The sources that were tried since the chain was last started.
#[derive(Default)]
pub(in crate::auth) struct Trail(Mutex<Vec<Tried>>);

impl Trail {
    /// Starts the chain anew.
    pub(in crate::auth) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The sources so far.
    pub(in crate::auth) fn tried(&self) -> Vec<Tried> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes the outcome of a source: a credential ends the chain, an absent one does not.
    ///
    /// # Errors
    /// What the source failed with.
    pub(in crate::auth) fn note<T>(
        &self,
        source: &str,
        step: Result<Step<T>, Failure>,
    ) -> Result<Option<T>, Failure> {
        let (why_not, result) = match step {
            Ok(Step::Found(found)) => (None, Ok(Some(found))),
            Ok(Step::Absent(why)) => (Some(why), Ok(None)),
            Err(failure) => (Some(failure.cause.to_string()), Err(failure)),
        };
        let tried = Tried { source: source.to_owned(), why_not };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(tried);
        result
    }

    /// The report of a chain that has come to its end.
    pub(in crate::auth) fn exhausted(&self, provider: &str, help: &str) -> Report {
        let report = Report::new(
            Code::NoCredential,
            format!("provider `{provider}` has no credential: none of its sources has one"),
        )
        .with_help(help);
        self.tried().into_iter().fold(report, |report, tried| {
            let why = tried.why_not.unwrap_or_default();
            report.with_note(format!("{}: {why}", tried.source))
        })
    }
}
