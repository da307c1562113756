//! Errors of the ledger as reports.
//!
//! Owns: every message about a ledger that cannot be written, read or trusted.

use std::fmt::Display;
use std::path::Path;

use strataql_diag::{Code, Report};

const INSPECT: &str =
    "`strataql ledger verify` lists what is wrong; move the folder away to begin a new ledger";

/// Nothing can be recorded, so nothing must be sent.
pub(crate) fn unwritable(folder: &Path, step: &str, cause: impl Display) -> Box<Report> {
    Box::new(
        Report::new(
            Code::LocalIo,
            format!("the change ledger `{}` cannot be written: {step}: {cause}", folder.display()),
        )
        .with_help(
            "make the folder writable, or set `STRATAQL_HOME` to a folder that is; \
             `--no-ledger` writes to the account without a record",
        ),
    )
}

/// What was recorded cannot be read.
pub(crate) fn unreadable(folder: &Path, step: &str, cause: impl Display) -> Box<Report> {
    Box::new(
        Report::new(
            Code::LocalIo,
            format!("the change ledger `{}` cannot be read: {step}: {cause}", folder.display()),
        )
        .with_help("make the folder and its files readable"),
    )
}

/// The folder was changed by something else, so no record may be added.
pub(crate) fn damaged(folder: &Path, cause: impl Display) -> Box<Report> {
    Box::new(
        Report::new(
            Code::LocalIo,
            format!("the change ledger `{}` is damaged: {cause}", folder.display()),
        )
        .with_help(INSPECT)
        .with_help("`--no-ledger` writes to the account without a record"),
    )
}

/// A problem with its location.
pub(crate) fn problem(file: &Path, line: usize, message: impl Into<String>) -> Report {
    Report::new(Code::LocalIo, message).with_place(file.display().to_string(), line)
}

/// A problem that prevents reading the ledger.
pub(crate) fn unusable(file: &Path, line: usize, message: impl Into<String>) -> Box<Report> {
    Box::new(problem(file, line, message).with_help(INSPECT))
}
