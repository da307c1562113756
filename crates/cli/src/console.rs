//! The two output streams of the process.
//!
//! Owns: every byte on stdout and stderr except for clap's own texts.
//! Surprise: text for stderr passes the redactor once more, so that a secret that got into a
//! message is masked nevertheless.

use std::io::{IsTerminal, Write, stderr, stdout};

use strataql_diag::{Redactor, Report};

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
                strataql_diag::Code::LocalIo,
                format!("the output could not be written: {error}"),
            ))
        })
    }
}

/// Columns of the terminal.
fn terminal_width() -> Option<usize> {
    terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
}
