//! Failures in the words of the profile.
//!
//! Owns: which message a report becomes. A report without one keeps its own sentence.

use strataql_compat::messages;
use strataql_diag::{Code, Report};

/// What is known of the statement that failed.
#[derive(Debug, Clone, Default)]
pub(super) struct About<'a> {
    /// The statement.
    pub(super) text: &'a str,
    /// Its verb, in small letters: `select`, `insert`, `exec`.
    pub(super) verb: &'a str,
    /// The resource that it names first.
    pub(super) resource: String,
}

impl About<'_> {
    /// True for the first part of the resource's name.
    fn is_provider(&self, name: &str) -> bool {
        self.resource.split('.').next() == Some(name)
    }
}

/// The message of a report.
pub(super) fn message(report: &Report, about: &About<'_>) -> String {
    let names = quoted(&report.message);
    let first = names.first().copied().unwrap_or_default();
    match report.code {
        Code::Syntax => syntax(report, about.text),
        Code::MissingParam if about.verb == "exec" => {
            let name = names.get(1).or(names.first()).copied().unwrap_or_default();
            messages::no_exec_parameter(name)
        }
        Code::MissingParam | Code::NoSuchVerb if !about.resource.is_empty() => {
            messages::no_method(about.verb, &about.resource)
        }
        Code::UnknownProvider => messages::no_provider(first),
        Code::UnknownService => {
            let service = names.iter().find(|name| !about.is_provider(name));
            messages::no_service(service.copied().unwrap_or(first))
        }
        Code::UnknownResource
            if first.contains('.') || about.resource.matches('.').count() == 2 =>
        {
            messages::NO_RESOURCE.to_owned()
        }
        Code::UnknownResource => messages::no_table(first),
        Code::UnknownMethod => messages::no_method_key(names.last().copied().unwrap_or(first)),
        Code::UnknownColumn if is_in_where(report, about.text) => {
            messages::no_symbol(last_part(&names))
        }
        Code::UnknownColumn => messages::no_column(last_part(&names)),
        Code::Transaction if report.message.contains("no transaction") => {
            messages::NO_TRANSACTION.to_owned()
        }
        Code::NoCredential => credential(report),
        _ if report.message.contains("there is a view `") => {
            "UNIQUE constraint failed: __iql__.views.view_name".to_owned()
        }
        _ if report.message.contains("cannot be awaited") => {
            format!("method {} is not awaitable", first.rsplit('.').next().unwrap_or(first))
        }
        _ => plain(&report.message),
    }
}

/// The column that a report is about, without its table.
fn last_part<'a>(names: &[&'a str]) -> &'a str {
    let column = names
        .iter()
        .find(|name| name.matches('.').count() < 2)
        .or(names.first())
        .copied()
        .unwrap_or_default();
    column.rsplit('.').next().unwrap_or(column)
}

/// An environment variable that holds nothing.
fn credential(report: &Report) -> String {
    let text = plain(&report.message);
    format!("{text}: references empty string")
}

/// The names in backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// A sentence without backticks.
fn plain(text: &str) -> String {
    text.replace('`', "'")
}

fn syntax(report: &Report, text: &str) -> String {
    let start = report.labels.first().map_or(text.len(), |label| label.span.start).min(text.len());
    let start = (0..=start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let rest = text[start..].trim_start();
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let near = if end == 0 { rest.chars().take(1).collect() } else { rest[..end].to_owned() };
    // the reference counts from one, up to the end of the token
    messages::syntax(start + near.len() + 1, &near)
}

/// True if what a report is about stands behind WHERE.
fn is_in_where(report: &Report, text: &str) -> bool {
    let place = report.labels.first().map(|label| label.span.start);
    let upper = text.to_ascii_uppercase();
    match (place, upper.find("WHERE")) {
        (Some(place), Some(clause)) => {
            place > clause && !upper[..place.min(upper.len())].contains("ORDER BY")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use strataql_diag::Span;

    use super::*;

    fn said(code: Code, message_text: &str, about: &About<'_>) -> String {
        message(&Report::new(code, message_text), about)
    }

    #[test]
    fn names_become_those_of_the_reference() {
        let about = About { text: "", verb: "select", resource: "p.s.r".to_owned() };
        assert_eq!(
            said(Code::MissingParam, "`p.s.r` needs `x`", &about),
            messages::no_method("select", "p.s.r")
        );
        assert_eq!(
            said(Code::UnknownProvider, "there is no provider `p`", &about),
            messages::no_provider("p")
        );
        assert_eq!(
            said(Code::UnknownColumn, "`p.s.r` has no column `x`", &about),
            messages::no_column("x")
        );
        let local = About { resource: String::new(), ..about.clone() };
        assert_eq!(
            said(Code::UnknownResource, "there is no relation `x`", &local),
            "could not locate table 'x'"
        );
        let exec = About { verb: "exec", ..about };
        assert_eq!(
            said(Code::MissingParam, "method `m` needs `x`", &exec),
            "required param not supplied for exec: could not find variable 'x'"
        );
    }

    #[test]
    fn places_tell_clauses_and_tokens() {
        let text = "select a from t where b = 1";
        let report = Report::new(Code::UnknownColumn, "there is no column `b`")
            .with_label(Span::new(22, 23), "");
        let about = About { text, ..About::default() };
        assert_eq!(message(&report, &about), "could not locate symbol b");
        let report = Report::new(Code::Syntax, "x").with_label(Span::new(9, 13), "");
        assert!(message(&report, &about).contains("syntax error at position 14 near 'from'"));
    }
}
