//! Properties of all texts. The fuzz target `reader` checks the same.

use strataql_diag::Report;
use strataql_sql::{Spelling, TableNames, completeness, parse, relations, reparse, respell, words};

/// Spellings for keywords, functions and names of every statement.
fn spelling(text: &str) -> Spelling {
    let mut spelling = Spelling::default();
    for word in ["Select", "FROM", "a", "A", "Name", "accountId", "Count", "ß", "İ"] {
        spelling.add(word);
    }
    // every second word of the text in the other case
    for (position, word) in text.split(|c: char| !c.is_alphanumeric() && c != '_').enumerate() {
        match position % 3 {
            0 => spelling.add(&word.to_uppercase()),
            1 => spelling.add(&word.to_lowercase()),
            _ => {}
        }
    }
    spelling
}

/// Parses a text in every supported way.
///
/// # Panics
/// If a report points outside the text, or a parsed statement cannot be parsed again.
pub(crate) fn check(text: &str) {
    let _whole = completeness(text);
    let statements = match parse(text) {
        Ok(statements) => statements,
        Err(report) => return points_into(text, &report),
    };
    for mut parsed in statements {
        let _words = words(&parsed.tokens);
        if let strataql_sql::Statement::Query(query) = &parsed.statement {
            for relation in relations(query, text) {
                assert!(relation.name.span.end <= text.len(), "{text:?}");
            }
        }
        if !parsed.execs.is_empty() {
            continue;
        }
        if let Err(report) = reparse(text, &parsed.tokens) {
            panic!("{text:?} was read, and then was not: {report}");
        }
        let mut known = spelling(text);
        let tables = match &parsed.statement {
            strataql_sql::Statement::Query(query) => TableNames::of(query.as_ref()),
            _ => TableNames::default(),
        };
        known.complete(&parsed.tokens, &tables);
        respell(&mut parsed.tokens, &known, &tables);
        if let Err(report) = reparse(text, &parsed.tokens) {
            points_into(text, &report);
        }
    }
}

fn points_into(text: &str, report: &Report) {
    assert!(!report.message.is_empty(), "{text:?}");
    assert!(!report.help.is_empty(), "no next step for {text:?}: {report}");
    for label in &report.labels {
        let (start, end) = (label.span.start, label.span.end);
        assert!(start <= end && end <= text.len(), "{start}..{end} of {text:?}");
        assert!(text.is_char_boundary(start) && text.is_char_boundary(end), "{text:?}");
    }
}
