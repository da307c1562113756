//! Reports as the fields of errors and notices.

use bytes::{BufMut, BytesMut};
use strataql_diag::Report;

use crate::messages::text;

/// How severe a report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    /// The statement failed.
    Error,
    /// The session ends.
    Fatal,
    Warning,
    Notice,
}

impl Severity {
    pub(crate) fn is_error(self) -> bool {
        matches!(self, Self::Error | Self::Fatal)
    }

    fn word(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
            Self::Warning => "WARNING",
            Self::Notice => "NOTICE",
        }
    }
}

/// Why something failed, and the SQLSTATE where drivers expect another than that of its code.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) report: Box<Report>,
    state: Option<&'static str>,
}

impl Failure {
    /// A failure with an SQLSTATE of its own.
    pub(crate) fn new(state: &'static str, report: Report) -> Self {
        Self { report: Box::new(report), state: Some(state) }
    }

    /// The same in a text in which the statement begins at a byte.
    pub(crate) fn shifted(self, offset: usize) -> Self {
        Self { report: Box::new(self.report.shifted(offset)), ..self }
    }

    fn state(&self, severity: Severity) -> &'static str {
        match (self.state, severity) {
            (Some(state), _) => state,
            (None, Severity::Notice) => "00000",
            (None, _) => self.report.code.sqlstate(),
        }
    }
}

impl From<Box<Report>> for Failure {
    fn from(report: Box<Report>) -> Self {
        Self { report, state: None }
    }
}

impl From<Report> for Failure {
    fn from(report: Report) -> Self {
        Box::new(report).into()
    }
}

/// Appends the fields of a report; its labels are places in `statement`.
pub(crate) fn fields(
    severity: Severity,
    failure: &Failure,
    statement: Option<&str>,
    out: &mut BytesMut,
) {
    let report = &failure.report;
    let mut field = |kind: u8, value: &str| {
        out.put_u8(kind);
        text(out, value);
    };
    field(b'S', severity.word());
    field(b'V', severity.word());
    field(b'C', failure.state(severity));
    field(b'M', &report.message);
    let detail = detail(report);
    if !detail.is_empty() {
        field(b'D', &detail);
    }
    if !report.help.is_empty() {
        field(b'H', &report.help.join("\n"));
    }
    let place = statement.zip(report.labels.first()).and_then(|(statement, label)| {
        let before = statement.get(..label.span.start)?;
        Some(before.chars().count() + 1)
    });
    if let Some(place) = place {
        field(b'P', &place.to_string());
    }
    // tools show it beside the SQLSTATE, which several codes share
    field(b'R', report.code.id());
    out.put_u8(0);
}

/// Labels, the failed request and the notes, a line each.
fn detail(report: &Report) -> String {
    let mut lines: Vec<String> = Vec::new();
    let labels = report.labels.iter().map(|label| label.text.clone());
    lines.extend(labels.filter(|text| !text.is_empty()));
    if let Some(remote) = &report.remote {
        let mut line = format!("{} {}", remote.verb, remote.url);
        if let Some(status) = remote.status {
            line.push_str(&format!(": status {status}"));
        }
        for part in [&remote.code, &remote.message].into_iter().flatten() {
            line.push_str(&format!(", {part}"));
        }
        if let Some(id) = &remote.request_id {
            line.push_str(&format!(", request id {id}"));
        }
        lines.push(line);
    }
    if let Some(place) = &report.place {
        lines.push(format!("in {}, line {}", place.file, place.line));
    }
    lines.extend(report.notes.iter().cloned());
    lines.join("\n")
}
