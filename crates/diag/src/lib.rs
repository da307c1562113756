//! Errors and warnings, in one representation for every interface.
//!
//! Owns: [`Report`] (code, message, labels, help, notes), the [`Code`] registry with SQLSTATE and
//! exit code, byte [`Span`]s, "did you mean" ([`suggest`]), [`duration`]s as text and redaction by value
//! ([`Redactor`]).
//! Refuses: rendering (done by the interfaces), printing, I/O.
//! Surprise: a `Report` never holds a secret because every text that came from outside passes a
//! [`Redactor`] before it is stored or shown.

mod code;
mod duration;
mod redact;
mod report;
mod secret;
mod secret_text;
mod span;
mod suggest;
mod wording;

pub use code::{Class, Code};
pub use duration::duration;
pub use redact::{MASK, Redactor};
pub use report::{Label, Place, RemoteFailure, Report, Severity, excerpt};
pub use secret::{is_secret_name, is_secret_value_name};
pub use secret_text::secrets_in_text;
pub use span::{LineColumn, Span};
pub use suggest::{did_you_mean, suggest};
pub use wording::{counted, listed};

/// Result whose error is a [`Report`].
pub type Result<T, E = Box<Report>> = std::result::Result<T, E>;
