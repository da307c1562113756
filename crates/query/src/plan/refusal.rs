//! Why a scan cannot be answered, and what would help.

use strataql_diag::{Code, Report};

use super::method_choice::{Lack, NoChoice};
use crate::resource_table::ResourceTable;

/// The error for a scan that no method can answer.
pub(crate) fn refusal(table: &ResourceTable, reason: &NoChoice) -> Box<Report> {
    let name = table.occurrence.shown();
    let span = table.occurrence.span;
    let listing = |lack: &Lack| {
        let missing: Vec<String> = lack.missing.iter().map(|name| format!("`{name}`")).collect();
        missing.join(", ")
    };
    Box::new(match reason {
        NoChoice::NoMethods => {
            Report::new(Code::NoSuchVerb, format!("{name} has no method that SELECT can call"))
                .with_label(span, "")
                .with_help(format!(
                    "`SHOW METHODS IN {}` lists what it has",
                    table.resource.dotted()
                ))
        }
        NoChoice::Missing(lacks) => missing_report(table, lacks),
        NoChoice::Column { column, by: Some(lack) } => Report::new(
            Code::MissingParam,
            format!("reading `{column}` of {name} needs {}", listing(lack)),
        )
        .with_label(span, "")
        .with_help(format!(
            "add `{} = '…'` to WHERE, or leave out `{column}`",
            lack.missing.first().map_or("…", String::as_str)
        ))
        .with_note(format!("only method `{}` returns `{column}`", lack.method)),
        NoChoice::Column { column, by: None } => {
            Report::new(Code::UnknownColumn, format!("no method of {name} returns `{column}`"))
                .with_label(span, "")
                .with_help(format!("`DESCRIBE {}` lists its columns", table.resource.dotted()))
        }
        NoChoice::NotAccepted { name: param, by: Some(lack) } if !lack.missing.is_empty() => {
            Report::new(
                Code::MissingParam,
                format!("`{param}` of {name} needs {} too", listing(lack)),
            )
            .with_label(span, "")
            .with_help(format!("add `{} = '…'` to WHERE", lack.missing[0]))
            .with_note(format!("only method `{}` takes `{param}`", lack.method))
        }
        NoChoice::NotAccepted { name: param, by } => {
            let report = Report::new(
                Code::BadParamValue,
                format!("no single method of {name} takes `{param}` together with the other values given"),
            )
            .with_label(span, "")
            .with_help(format!("`SHOW METHODS IN {}` lists the parameters of each", table.resource.dotted()));
            match by {
                Some(lack) => report.with_note(format!("method `{}` takes `{param}`", lack.method)),
                None => report,
            }
        }
    })
}

/// `reading X needs a`, naming every method that would do and what it lacks.
fn missing_report(table: &ResourceTable, lacks: &[Lack]) -> Report {
    let name = table.occurrence.shown();
    // parameters that every candidate lacks come first: they are needed in any case
    let common: Vec<&String> = lacks[0]
        .missing
        .iter()
        .filter(|name| lacks.iter().all(|lack| lack.missing.contains(*name)))
        .collect();
    let nearest = lacks.iter().min_by_key(|lack| lack.missing.len()).unwrap_or(&lacks[0]);
    let named: Vec<String> =
        if common.is_empty() { nearest.missing.iter().collect() } else { common }
            .into_iter()
            .map(|name| format!("`{name}`"))
            .collect();
    let conditions: Vec<String> =
        nearest.missing.iter().map(|name| format!("{name} = '…'")).collect();
    let first = nearest.missing.first().map_or("…", String::as_str);
    let mut report =
        Report::new(Code::MissingParam, format!("reading {name} needs {}", named.join(" and ")))
            .with_label(table.occurrence.span, "")
            .with_help(format!(
                "add `WHERE {}`, or join a table that has the column `{first}`",
                conditions.join(" AND ")
            ));
    for lack in lacks.iter().take(4) {
        let missing: Vec<String> = lack.missing.iter().map(|name| format!("`{name}`")).collect();
        let rows = if lack.is_lookup { "fetches one row" } else { "lists rows" };
        report = report.with_note(format!(
            "method `{}` {rows} and lacks {}",
            lack.method,
            missing.join(", ")
        ));
    }
    report
}
