//! What a writer learns of a run beside its rows.
//!
//! Owns: the beginning and the end of a statement as values.
//! Surprise: most formats hold rows only. For these the caller prints messages elsewhere.

use std::time::Duration;

use strataql_diag::Report;

/// A statement that begins.
#[derive(Debug, Clone, Copy)]
pub struct Begin<'a> {
    /// Its number in the run, from 1.
    pub number: usize,
    /// Its keyword, such as `SELECT`.
    pub kind: &'a str,
    /// Its text, without secrets.
    pub text: &'a str,
    /// The line on which it begins, from 1.
    pub line: usize,
    /// The file that it comes from.
    pub file: Option<&'a str>,
    /// True if it checks something.
    pub is_check: bool,
    /// What it checks, in the user's words.
    pub title: Option<&'a str>,
}

/// How a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It ran.
    Done,
    /// It failed, or what it checks is false.
    Failed,
    /// It was not run, because of an earlier failure.
    Skipped,
}

impl Status {
    /// Its name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// The end of a statement.
#[derive(Debug, Clone, Copy)]
pub struct End<'a> {
    /// How it ended.
    pub status: Status,
    /// Rows of its result.
    pub rows: u64,
    /// Objects or rows that a write changed.
    pub affected: Option<u64>,
    /// False if rows or values are missing that the user allowed to be.
    pub complete: bool,
    /// Requests that were sent.
    pub requests: u64,
    /// Pages that were read.
    pub pages: u64,
    /// Bytes that were received.
    pub bytes: u64,
    /// How long it took.
    pub duration: Duration,
    /// Why it failed.
    pub failure: Option<&'a Report>,
}

impl End<'_> {
    /// The end of a statement that was not run.
    pub const SKIPPED: End<'static> = End {
        status: Status::Skipped,
        rows: 0,
        affected: None,
        complete: false,
        requests: 0,
        pages: 0,
        bytes: 0,
        duration: Duration::ZERO,
        failure: None,
    };
}
