//! DataFusion's errors as reports.
//!
//! Owns: unwrapping, and the wording of planner and execution errors in the user's terms.
//! Surprise: our own reports travel through DataFusion as `External` errors and come out unchanged.

mod messages;

pub use messages::sql_types;
pub use strataql_functions::external;

use datafusion::arrow::error::ArrowError;
use datafusion::common::{DataFusionError, SchemaError};
use strataql_diag::{Code, LineColumn, Report, Span, did_you_mean, listed};

/// The report in or for an error. `text` is the input that spans refer to.
pub fn report_of(error: &DataFusionError, text: &str) -> Box<Report> {
    if let Some(report) = own(error) {
        return report;
    }
    let span = error.diagnostic().and_then(|diagnostic| diagnostic.span).map(|span| {
        let at = |location: datafusion::common::Location| {
            Span::offset(
                text,
                LineColumn {
                    line: usize::try_from(location.line).unwrap_or(usize::MAX),
                    column: usize::try_from(location.column).unwrap_or(usize::MAX),
                },
            )
        };
        Span::new(at(span.start), at(span.end))
    });
    let report = describe(error);
    let span = span.or_else(|| missing_column(error).and_then(|name| only_word(name, text)));
    Box::new(report.with_span(span, ""))
}

/// The report of an error in a plan of which all names are known: only a subquery that could not be
/// taken apart misses a column there.
pub(crate) fn report_of_planned(error: &DataFusionError, text: &str) -> Box<Report> {
    match missing_column(error) {
        Some(_) => Box::new(messages::correlated()),
        None => report_of(error, text),
    }
}

/// The name of a column that was not found.
fn missing_column(error: &DataFusionError) -> Option<&str> {
    match error.find_root() {
        DataFusionError::SchemaError(error, _) => match error.as_ref() {
            SchemaError::FieldNotFound { field, .. } => Some(&field.name),
            _ => None,
        },
        _ => None,
    }
}

/// The place of a word that stands in a text once.
fn only_word(word: &str, text: &str) -> Option<Span> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut places = text.match_indices(word).filter(|(at, _)| {
        !text[..*at].ends_with(is_part) && !text[at + word.len()..].starts_with(is_part)
    });
    let (at, _) = places.next()?;
    places.next().is_none().then(|| Span::new(at, at + word.len()))
}

/// The report that was wrapped somewhere in the chain.
fn own(error: &DataFusionError) -> Option<Box<Report>> {
    match error {
        DataFusionError::External(inner) => own_in(inner.as_ref()),
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => own(inner),
        DataFusionError::Shared(inner) => own(inner),
        DataFusionError::Collection(all) => all.iter().find_map(own),
        DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
            ArrowError::ExternalError(inner) => own_in(inner.as_ref()),
            _ => None,
        },
        _ => None,
    }
}

fn own_in(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Option<Box<Report>> {
    if let Some(report) = error.downcast_ref::<Report>() {
        return Some(Box::new(report.clone()));
    }
    if let Some(report) = error.downcast_ref::<Box<Report>>() {
        return Some(report.clone());
    }
    error.downcast_ref::<DataFusionError>().and_then(own)
}

/// The innermost error that says what happened.
fn root(error: &DataFusionError) -> &DataFusionError {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => root(inner),
        DataFusionError::Shared(inner) => root(inner),
        DataFusionError::Collection(all) => all.first().map_or(error, root),
        _ => error,
    }
}

fn describe(error: &DataFusionError) -> Report {
    if let Some(report) = messages::of_pattern(&error.strip_backtrace()) {
        return report;
    }
    match root(error) {
        DataFusionError::SchemaError(schema, _) => schema_error(schema),
        DataFusionError::ArrowError(error, _) => arrow_error(&error.to_string()),
        DataFusionError::Plan(message) => messages::of_planner(message),
        DataFusionError::NotImplemented(message) => messages::of_missing(message),
        DataFusionError::Execution(message) => execution_message(message),
        DataFusionError::ResourcesExhausted(message) => {
            Report::new(Code::MemoryLimit, "the statement needs more memory than it may use")
                .with_note(sentence(message))
                .with_help("select fewer rows or columns, or raise `SET memory.limit`")
        }
        DataFusionError::IoError(error) => {
            Report::new(Code::LocalIo, format!("a local file could not be used: {error}"))
        }
        DataFusionError::ObjectStore(error) => {
            Report::new(Code::LocalIo, format!("a local file could not be used: {error}"))
        }
        DataFusionError::ParquetError(error) => {
            Report::new(Code::LocalIo, format!("a Parquet file could not be used: {error}"))
        }
        DataFusionError::SQL(error, _) => Report::new(Code::Syntax, sentence(&error.to_string())),
        DataFusionError::Internal(message) if messages::is_about_types(message) => {
            messages::of_planner(message)
        }
        other => {
            let message = other.strip_backtrace();
            Report::internal(sentence(&message))
        }
    }
}

fn schema_error(error: &SchemaError) -> Report {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let mut names: Vec<&str> = Vec::new();
            for column in valid_fields {
                if !names.contains(&column.name.as_str()) {
                    names.push(&column.name);
                }
            }
            let twins: Vec<&str> = names
                .iter()
                .copied()
                .filter(|name| name.eq_ignore_ascii_case(&field.name))
                .collect();
            if let [one, _, ..] = twins.as_slice() {
                return Report::new(
                    Code::AmbiguousName,
                    format!("`{}` fits more than one column: {}", field.name, listed(&twins)),
                )
                .with_help(format!("write one of them in its own case, as `\"{one}\"`"));
            }
            let mut report = Report::new(
                Code::UnknownColumn,
                format!("there is no column `{}` here", field.flat_name().replace('"', "")),
            )
            .with_help(
                did_you_mean(&field.name, names.iter().copied()).unwrap_or_else(|| {
                    "name a column that FROM provides; text is written in single quotes".to_owned()
                }),
            );
            if !names.is_empty() {
                report = report.with_note(format!("columns are {}", listed(&names)));
            }
            report
        }
        SchemaError::AmbiguousReference { field } => Report::new(
            Code::AmbiguousName,
            format!("`{}` is a column of more than one table here", field.name),
        )
        .with_help(format!("write the table before it: `t.{}`", field.name)),
        SchemaError::DuplicateQualifiedField { name, .. }
        | SchemaError::DuplicateUnqualifiedField { name } => {
            Report::new(Code::AmbiguousName, format!("two columns here are named `{name}`"))
                .with_help("give one of them an alias with AS")
        }
    }
}

fn arrow_error(message: &str) -> Report {
    if message.contains("Divide by zero") {
        return Report::new(Code::BadValue, "division by zero")
            .with_help("guard the divisor, for example with `nullif(x, 0)`");
    }
    let message = message.split_once("error: ").map_or(message, |(_, rest)| rest);
    Report::new(Code::BadValue, sql_types(&sentence(message)))
        .with_help("`TRY_CAST` gives NULL for values that cannot be converted")
}

fn execution_message(message: &str) -> Report {
    if message.contains("more than one row") {
        return Report::new(Code::BadValue, "a scalar subquery gives more than one row")
            .with_help("add a condition or LIMIT 1, or use IN in place of `=`");
    }
    Report::new(Code::BadValue, sql_types(&sentence(first_line(message))))
}

pub(super) fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or(message)
}

/// A message of a library as a lower-case sentence without its prefix and final stop.
pub(super) fn sentence(message: &str) -> String {
    let message = message
        .trim()
        .trim_start_matches("Error during planning: ")
        .trim_start_matches("Execution error: ")
        .trim_start_matches("This feature is not implemented: ")
        .trim_end_matches('.');
    let mut chars = message.chars();
    let Some(first) = chars.next() else { return "the statement failed".to_owned() };
    let keeps_case = chars.clone().next().is_some_and(char::is_uppercase);
    if keeps_case { message.to_owned() } else { first.to_lowercase().chain(chars).collect() }
}
