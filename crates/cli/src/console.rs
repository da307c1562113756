//! The two output streams of the process.
//!
//! Owns: every byte on stdout and stderr except for clap's own texts.
//! Surprise: text for stderr passes the redactor once more, so that a secret that got into a
//! message is masked nevertheless.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::time::Duration;

use strataql_diag::{Code, Redactor, Report, counted};

use crate::args::ErrorFormat;
use crate::env::Environment;
use crate::exit::Exit;
use crate::render::{self, Look, Source};

/// The streams and their properties.
#[derive(Debug, Clone)]
pub(crate) struct Console {
    pub(crate) redactor: Redactor,
    error_format: ErrorFormat,
    color: bool,
    pub(crate) stdout_is_terminal: bool,
    pub(crate) stderr_is_terminal: bool,
    pub(crate) stdout_color: bool,
    pub(crate) width: Option<usize>,
}

/// What a statement cost.
#[derive(Debug)]
pub(crate) struct Timing {
    pub(crate) statement: usize,
    pub(crate) rows: u64,
    pub(crate) requests: u64,
    pub(crate) pages: u64,
    pub(crate) bytes: u64,
    pub(crate) duration: Duration,
}

impl Console {
    pub(crate) fn new(environment: &Environment, error_format: ErrorFormat) -> Self {
        let (out, err) = (stdout().is_terminal(), stderr().is_terminal());
        Self {
            redactor: Redactor::new(),
            error_format,
            color: environment.wants_color(err),
            stdout_is_terminal: out,
            stderr_is_terminal: err,
            stdout_color: environment.wants_color(out),
            width: out.then(terminal_width).flatten(),
        }
    }

    /// Prints an error and returns its exit code.
    pub(crate) fn fail(&self, report: &Report, source: Option<Source<'_>>) -> Exit {
        let exit = Exit::from(report);
        if exit == Exit::SUCCESS {
            return exit;
        }
        self.show(report, source);
        exit
    }

    /// Prints a report.
    pub(crate) fn show(&self, report: &Report, source: Option<Source<'_>>) {
        let report = report.clone().redacted(&self.redactor);
        let text = match self.error_format {
            ErrorFormat::Text => {
                let width = self.width.unwrap_or(100);
                render::text(&report, source, Look { color: self.color, width })
            }
            ErrorFormat::Json => format!("{}\n", render::json(&report, source).trim_end()),
        };
        self.write_err(&text);
    }

    /// Prints a note.
    pub(crate) fn note(&self, text: &str) {
        let line = match self.error_format {
            ErrorFormat::Text => format!("note: {}\n", strataql_output::neutral(text)),
            ErrorFormat::Json => {
                format!("{}\n", serde_json::json!({ "severity": "note", "message": text }))
            }
        };
        self.write_err(&line);
    }

    /// Prints what a statement cost.
    pub(crate) fn timing(&self, timing: &Timing) {
        let line = match self.error_format {
            ErrorFormat::Text => format!(
                "{}, {}, {}, {} bytes, {:.1} ms\n",
                counted(timing.rows, "row"),
                counted(timing.requests, "request"),
                counted(timing.pages, "page"),
                timing.bytes,
                timing.duration.as_secs_f64() * 1000.0
            ),
            ErrorFormat::Json => format!(
                "{}\n",
                serde_json::json!({
                    "severity": "timing",
                    "statement": timing.statement,
                    "rows": timing.rows,
                    "requests": timing.requests,
                    "pages": timing.pages,
                    "bytes": timing.bytes,
                    "seconds": timing.duration.as_secs_f64(),
                })
            ),
        };
        self.write_err(&line);
    }

    /// Prints a line of a log.
    pub(crate) fn log(&self, line: &str) {
        match self.error_format {
            ErrorFormat::Text => self.write_err(&format!("{line}\n")),
            ErrorFormat::Json => {
                let object = serde_json::json!({ "severity": "log", "message": line });
                self.write_err(&format!("{object}\n"));
            }
        }
    }

    /// True if a progress line may be shown: a person reads stderr.
    pub(crate) fn has_progress(&self) -> bool {
        self.stderr_is_terminal && self.error_format == ErrorFormat::Text
    }

    /// Prints text to stderr, redacted.
    pub(crate) fn write_err(&self, text: &str) {
        // an error on stderr cannot be reported
        let _ignored = stderr().lock().write_all(self.redactor.redact(text).as_bytes());
    }

    /// Prints text to stdout.
    ///
    /// # Errors
    /// `local-io` when it cannot be written.
    pub(crate) fn write_out(&self, text: &str) -> Result<(), Box<Report>> {
        let mut out = stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| {
            Box::new(Report::new(
                Code::LocalIo,
                format!("the output could not be written: {error}"),
            ))
        })
    }
}

/// Columns of the terminal.
fn terminal_width() -> Option<usize> {
    terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
}
