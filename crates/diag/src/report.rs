//! The report: one failure (or warning) as data.
//!
//! Owns: the shape that the command line, the PostgreSQL wire, JSON and MCP all render.
//! Refuses: rendering.

use std::fmt;

use serde::Serialize;

use crate::{Code, Redactor, Span};

/// Severity of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// There is no result, or it must not be used.
    Error,
    /// Something the user can act on.
    Warning,
}

/// A part of the statement with a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Label {
    /// Byte range in the statement text.
    pub span: Span,
    /// The label; may be empty.
    pub text: String,
}

/// A location in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Path, in the form that the user knows.
    pub file: String,
    /// 1-based line, 0 when unknown.
    pub line: usize,
}

/// The facts of a failed request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct RemoteFailure {
    /// HTTP status, absent when no response arrived.
    pub status: Option<u16>,
    /// The service's own error code, for example `PERMISSION_DENIED`.
    pub code: Option<String>,
    /// The service's own message, quoted as remote text.
    pub message: Option<String>,
    /// The service's request identifier.
    pub request_id: Option<String>,
    /// HTTP verb.
    pub verb: String,
    /// Redacted URL.
    pub url: String,
    /// How often the request was sent.
    pub attempts: u32,
}

/// A failure or warning with everything an interface needs to render it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Stable code.
    pub code: Code,
    /// Severity.
    pub severity: Severity,
    /// One sentence, lower case, no final stop, literals in backticks.
    pub message: String,
    /// Labelled parts of the statement.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
    /// The location in a file, for reports about documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Actions the user can take now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub help: Vec<String>,
    /// Facts that help to understand the cause.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The failed request, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<Box<RemoteFailure>>,
}

impl Report {
    /// An error with only a message.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            labels: Vec::new(),
            place: None,
            help: Vec::new(),
            notes: Vec::new(),
            remote: None,
        }
    }

    /// A warning.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::new(code, message) }
    }

    /// A bug in strataql itself.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Code::Internal, message)
            .with_help("this is a defect of strataql; please report it with the statement")
    }

    /// Adds a labelled span of the statement.
    #[must_use]
    pub fn with_label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Adds a span if there is one.
    #[must_use]
    pub fn with_span(self, span: Option<Span>, text: impl Into<String>) -> Self {
        match span {
            Some(span) => self.with_label(span, text),
            None => self,
        }
    }

    /// Sets the location in a file.
    #[must_use]
    pub fn with_place(mut self, file: impl Into<String>, line: usize) -> Self {
        self.place = Some(Place { file: file.into(), line });
        self
    }

    /// Adds an action the user can take.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Adds a help line if there is one.
    #[must_use]
    pub fn with_help_if(mut self, help: Option<String>) -> Self {
        self.help.extend(help);
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Attaches the failed request.
    #[must_use]
    pub fn with_remote(mut self, remote: RemoteFailure) -> Self {
        self.remote = Some(Box::new(remote));
        self
    }

    /// Moves every label by `offset` bytes: a statement's spans become spans of the whole input.
    #[must_use]
    pub fn shifted(mut self, offset: usize) -> Self {
        for label in &mut self.labels {
            label.span = Span::new(label.span.start + offset, label.span.end + offset);
        }
        self
    }

    /// The same report with every text passed through the redactor.
    #[must_use]
    pub fn redacted(mut self, redactor: &Redactor) -> Self {
        let clean = |text: &mut String| {
            if let std::borrow::Cow::Owned(masked) = redactor.redact(text) {
                *text = masked;
            }
        };
        clean(&mut self.message);
        self.labels.iter_mut().for_each(|label| clean(&mut label.text));
        self.help.iter_mut().for_each(clean);
        self.notes.iter_mut().for_each(clean);
        if let Some(remote) = &mut self.remote {
            clean(&mut remote.url);
            remote.message.iter_mut().for_each(clean);
            remote.code.iter_mut().for_each(clean);
            remote.request_id.iter_mut().for_each(clean);
        }
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}[{}]: {}", self.code, self.message)?;
        if let Some(place) = &self.place {
            write!(f, " ({}:{})", place.file, place.line)?;
        }
        Ok(())
    }
}

impl std::error::Error for Report {}

/// At most forty characters of a value, for messages.
pub fn excerpt(text: &str) -> String {
    if text.char_indices().nth(40).is_none() {
        return text.to_owned();
    }
    text.chars().take(39).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redaction_reaches_every_text() {
        let redactor = Redactor::new();
        redactor.register("hunter22");
        let report = Report::new(Code::RemoteRejected, "a hunter22")
            .with_label(Span::new(0, 1), "b hunter22")
            .with_help("c hunter22")
            .with_note("d hunter22")
            .with_remote(RemoteFailure {
                url: "https://h/?t=hunter22".into(),
                message: Some("e hunter22".into()),
                ..RemoteFailure::default()
            })
            .redacted(&redactor);
        assert!(!format!("{report:?}").contains("hunter22"), "{report:?}");
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        let forty = "é".repeat(40);
        assert_eq!(excerpt(&forty), forty);
        assert_eq!(excerpt(&format!("{forty}x")), format!("{}…", "é".repeat(39)));
    }

    #[test]
    fn display_is_one_line_with_the_code() {
        let report = Report::new(Code::MissingParam, "reading `t` needs `account_id`");
        assert_eq!(report.to_string(), "error[missing-param]: reading `t` needs `account_id`");
    }
}
