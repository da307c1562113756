//! Rendering of reports for people and programs.
//!
//! Owns: the text form with the statement marked, and the JSON form, one object per line.
//! Refuses: deciding on colours and width, and printing.
//! Surprise: the terminal interprets no character of a remote message or of the statement; control
//! characters are shown as symbols.

use std::borrow::Cow;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use strataql_diag::{RemoteFailure, Report, Severity, Span};
use strataql_output::neutral;

/// Placeholder for the name of a typed statement; no real name has this character.
const TYPED: &str = "\u{e000}";

/// The text that labels refer to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    /// Its file; `None` when it was typed.
    pub(crate) file: Option<&'a str>,
    /// The text as the user wrote it.
    pub(crate) text: &'a str,
}

/// Options of the text form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// With colours.
    pub(crate) color: bool,
    /// Columns of the terminal; 100 without one.
    pub(crate) width: usize,
}

impl Default for Look {
    fn default() -> Self {
        Self { color: false, width: 100 }
    }
}

/// The report as text, ending in a line feed.
pub(crate) fn text(report: &Report, source: Option<Source<'_>>, look: Look) -> String {
    let level = match report.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group =
        Group::with_title(level.primary_title(neutral(&report.message)).id(report.code.id()));
    if let Some(place) = &report.place {
        let origin = Origin::path(neutral(&place.file));
        group = group.element(if place.line > 0 { origin.line(place.line) } else { origin });
    }
    if let Some(source) = source.filter(|source| !source.text.is_empty()) {
        group = with_labels(group, report, source);
    }
    for help in &report.help {
        group = group.element(Level::HELP.message(lines(help)));
    }
    for note in &report.notes {
        group = group.element(Level::NOTE.message(neutral(note)));
    }
    if let Some(note) = report.remote.as_deref().and_then(|remote| exchange(report, remote)) {
        group = group.element(Level::NOTE.message(note));
    }
    let renderer = if look.color { Renderer::styled() } else { Renderer::plain() };
    let rendered = renderer.term_width(look.width).render(&[group]);
    format!("{}\n", in_words(without_stroke(rendered), report, source))
}

/// Removes the line that joins a statement to its annotation, where no statement is shown.
fn without_stroke(rendered: String) -> String {
    let mut lines = rendered.lines();
    let stroke = lines.by_ref().position(is_stroke);
    let Some(at) = stroke.filter(|at| *at > 0) else { return rendered };
    let has_place = rendered.lines().take(at).any(|line| line.contains("--> "));
    if has_place {
        return rendered;
    }
    let kept: Vec<&str> = rendered
        .lines()
        .enumerate()
        .filter(|(position, _)| *position != at)
        .map(|(_, line)| line)
        .collect();
    kept.join("\n")
}

/// True for a line with only a stroke, whatever its colour.
fn is_stroke(line: &str) -> bool {
    let mut rest = line;
    let mut plain = String::new();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    plain.trim() == "|"
}

/// The report as JSON: one object, one line, ending in a line feed.
pub(crate) fn json(report: &Report, source: Option<Source<'_>>) -> String {
    format!("{}\n", json_value(report, source))
}

/// The report as a JSON object.
pub(crate) fn json_value(report: &Report, source: Option<Source<'_>>) -> serde_json::Value {
    let mut value = serde_json::to_value(report).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        object.insert("sqlstate".to_owned(), report.code.sqlstate().into());
    }
    let labels = value.get_mut("labels").and_then(serde_json::Value::as_array_mut);
    if let (Some(labels), Some(source)) = (labels, source) {
        for (label, shown) in labels.iter_mut().zip(&report.labels) {
            let at = shown.span.position(source.text);
            if let Some(object) = label.as_object_mut() {
                object.insert("line".to_owned(), at.line.into());
                object.insert("column".to_owned(), at.column.into());
            }
        }
    }
    value
}

/// Adds the statement with its labels; the first one is the primary.
fn with_labels<'a>(group: Group<'a>, report: &'a Report, source: Source<'a>) -> Group<'a> {
    if report.labels.is_empty() {
        return group;
    }
    let annotations = report.labels.iter().enumerate().map(|(position, label)| {
        let kind = if position == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
        let annotation = kind.span(within(label.span, source.text));
        if label.text.is_empty() { annotation } else { annotation.label(neutral(&label.text)) }
    });
    let path = source.file.map_or(Cow::Borrowed(TYPED), neutral);
    group.element(Snippet::source(same_length(source.text)).path(path).annotations(annotations))
}

/// A typed statement has no file name: `line 2, column 6` instead of `name:2:6`.
fn in_words(rendered: String, report: &Report, source: Option<Source<'_>>) -> String {
    let (Some(source), Some(label)) = (source, report.labels.first()) else { return rendered };
    if source.file.is_some() {
        return rendered;
    }
    let at = Span::new(within(label.span, source.text).start, 0).position(source.text);
    let (line, column) = (at.line, at.column);
    rendered.replacen(
        &format!("{TYPED}:{line}:{column}"),
        &format!("line {line}, column {column}"),
        1,
    )
}

/// The span on character boundaries of the text, at least one character wide if there is one.
fn within(span: Span, text: &str) -> std::ops::Range<usize> {
    let mut start = span.start.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = span.end.clamp(start, text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}

/// The statement with control characters replaced by symbols of the same length, so that spans stay
/// valid.
fn same_length(text: &str) -> Cow<'_, str> {
    let sign = |c: char| match c {
        '\n' | '\t' => c,
        '\0'..='\u{1f}' | '\u{7f}' => '?',
        '\u{80}'..='\u{9f}' => '·',
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        _ => c,
    };
    if text.chars().all(|c| sign(c) == c) {
        return Cow::Borrowed(text);
    }
    // a carriage return before a line feed is part of a normal line end
    Cow::Owned(text.replace("\r\n", " \n").chars().map(sign).collect())
}

/// Text of one or several lines.
fn lines(text: &str) -> String {
    text.split('\n').map(neutral).collect::<Vec<_>>().join("\n")
}

/// The failed request in one line; empty when the message has everything.
fn exchange(report: &Report, remote: &RemoteFailure) -> Option<String> {
    let is_told = remote.url.is_empty() || report.message.contains(&remote.url);
    if is_told && remote.status.is_none() && remote.code.is_none() && remote.message.is_none() {
        return None;
    }
    let mut out = match (remote.verb.as_str(), remote.url.as_str()) {
        ("", "") => return None,
        (verb, url) => neutral(&format!("{verb} {url}")).into_owned(),
    };
    match remote.status {
        Some(status) => out = format!("{out} answered {status}"),
        None if remote.attempts == 0 => out.push_str(" was not sent"),
        None => out.push_str(" was not answered"),
    }
    let is_new = |text: &&String| !report.message.contains(text.as_str());
    if let Some(code) = remote.code.as_ref().filter(is_new) {
        out = format!("{out} {}", neutral(code));
    }
    if let Some(message) = remote.message.as_ref().filter(is_new) {
        out = format!("{out}: \"{}\"", neutral(message));
    }
    let request = remote.request_id.as_ref().filter(is_new);
    let request = request.map(|id| format!("request id {}", neutral(id)));
    let attempts = (remote.attempts > 1).then(|| format!("{} attempts", remote.attempts));
    let extra: Vec<String> = request.into_iter().chain(attempts).collect();
    if !extra.is_empty() {
        out = format!("{out} ({})", extra.join(", "));
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use strataql_diag::Code;

    use super::*;

    const SQL: &str = "SELECT name\nFROM dbx.oauth2.published_app_integration\nWHERE naem = 'x'";

    fn span(part: &str) -> Span {
        let start = SQL.find(part).expect("in the statement");
        Span::new(start, start + part.len())
    }

    fn shown(report: &Report) -> String {
        text(report, Some(Source { file: None, text: SQL }), Look::default())
    }

    fn lines(lines: &[&str]) -> String {
        lines.iter().flat_map(|line| [*line, "\n"]).collect()
    }

    #[test]
    fn the_statement_is_marked_and_help_follows() {
        let report = Report::new(
            Code::MissingParam,
            "reading `dbx.oauth2.published_app_integration` needs `account_id`",
        )
        .with_label(
            span("dbx.oauth2.published_app_integration"),
            "this resource is listed per account",
        )
        .with_help("add `WHERE account_id = '…'`, or join a table that has the column `account_id`")
        .with_note("`integration_id` is optional; with it a single row is fetched");
        assert_eq!(
            shown(&report),
            lines(&[
                "error[missing-param]: reading `dbx.oauth2.published_app_integration` needs `account_id`",
                " --> line 2, column 6",
                "  |",
                "2 | FROM dbx.oauth2.published_app_integration",
                "  |      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ this resource is listed per account",
                "  |",
                "  = help: add `WHERE account_id = '…'`, or join a table that has the column `account_id`",
                "  = note: `integration_id` is optional; with it a single row is fetched",
            ])
        );
    }

    #[test]
    fn several_labels_on_several_lines_are_shown() {
        let report = Report::new(Code::UnknownColumn, "there is no column `naem`")
            .with_label(span("naem"), "not known")
            .with_label(span("dbx.oauth2.published_app_integration"), "searched here")
            .with_label(span("name"), "");
        let shown = shown(&report);
        assert!(shown.contains(" --> line 3, column 7"), "{shown}");
        assert!(shown.contains("^^^^ not known"), "{shown}");
        assert!(shown.contains("------------------------------------ searched here"), "{shown}");
        assert!(shown.contains("1 | SELECT name\n  |        ----\n"), "{shown}");
    }

    #[test]
    fn labels_may_span_lines_and_lie_outside() {
        let report = Report::new(Code::Syntax, "the statement ends too early")
            .with_label(Span::new(0, SQL.len()), "all of it")
            .with_label(Span::new(SQL.len(), SQL.len() + 9), "here");
        let shown = shown(&report);
        assert!(shown.contains("1 | / SELECT name"), "{shown}");
        assert!(shown.contains("all of it") && shown.contains("here"), "{shown}");
        let source = Source { file: None, text: "ä" };
        for span in [Span::new(1, 1), Span::new(1, 2), Span::new(0, 1), Span::new(7, 9)] {
            let report = Report::new(Code::Syntax, "x").with_label(span, "here");
            assert!(text(&report, Some(source), Look::default()).contains("here"));
        }
    }

    #[test]
    fn files_and_places_are_named() {
        let report = Report::new(Code::Syntax, "no").with_label(span("naem"), "");
        let source = Source { file: Some("q.sql"), text: SQL };
        assert!(text(&report, Some(source), Look::default()).contains(" --> q.sql:3:7\n"));
        let report = Report::new(Code::BadDocument, "no").with_place("p/oauth2.yaml", 12);
        assert_eq!(
            text(&report, None, Look::default()),
            lines(&["error[bad-document]: no", "--> p/oauth2.yaml:12"])
        );
    }

    #[test]
    fn failed_requests_are_told_once() {
        let remote = RemoteFailure {
            status: Some(403),
            code: Some("PERMISSION_DENIED".to_owned()),
            message: Some("not yours\nhelp: run \u{1b}[1mrm\u{9b}".to_owned()),
            request_id: Some("7f3".to_owned()),
            verb: "GET".to_owned(),
            url: "https://h/a".to_owned(),
            attempts: 2,
        };
        let report = Report::new(Code::CredentialRefused, "the API answered 403 PERMISSION_DENIED")
            .with_remote(remote);
        assert_eq!(
            text(&report, None, Look::default()),
            lines(&[
                "error[credential-refused]: the API answered 403 PERMISSION_DENIED",
                " = note: GET https://h/a answered 403: \"not yours⏎help: run ␛[1mrm�\" (request id 7f3, 2 attempts)",
            ])
        );
    }

    #[test]
    fn no_control_character_passes() {
        let bad = "a\u{1b}]0;x\u{7}\u{9b}31m\rb\u{202e}";
        let mut report = Report::warning(Code::Partial, bad).with_help(bad).with_note(bad);
        report = report.with_place(bad, 1).with_label(Span::new(1, 2), bad);
        let shown = text(&report, Some(Source { file: Some(bad), text: bad }), Look::default());
        assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
        assert!(!shown.contains('\u{202e}'), "{shown:?}");
        assert!(shown.starts_with("warning[partial]: a␛"), "{shown}");
    }

    #[test]
    fn colors_are_used_only_on_request() {
        let report = Report::new(Code::Syntax, "no").with_label(span("naem"), "here");
        assert!(!shown(&report).contains('\u{1b}'));
        let look = Look { color: true, ..Look::default() };
        assert!(text(&report, Some(Source { file: None, text: SQL }), look).contains('\u{1b}'));
    }

    #[test]
    fn json_is_one_line_with_positions() {
        let report =
            Report::new(Code::UnknownColumn, "two\nlines").with_label(span("naem"), "here");
        let line = json(&report, Some(Source { file: None, text: SQL }));
        assert_eq!(line.matches('\n').count(), 1);
        let value: serde_json::Value = serde_json::from_str(&line).expect("valid");
        assert_eq!(value["code"], "unknown-column");
        assert_eq!(value["sqlstate"], "42703");
        assert_eq!(value["severity"], "error");
        assert_eq!(value["labels"][0]["line"], 3);
        assert_eq!(value["labels"][0]["column"], 7);
        assert_eq!(value["labels"][0]["span"]["start"], span("naem").start);
    }
}
