//! `sqlparser`'s errors as reports with spans.

use sqlparser::tokenizer::TokenWithSpan;
use strataql_diag::{Code, LineColumn, Report, Span, did_you_mean};

use crate::spans::{byte_span, is_real, position};

/// The report of a parse error; the error has its position in its text only.
pub(crate) fn report(message: &str, text: &str, tokens: &[TokenWithSpan]) -> Box<Report> {
    let (message, location) = split_location(message);
    let span = location.and_then(|at| token_at(text, tokens, at)).or_else(|| {
        let last = tokens.iter().rev().find(|token| is_real(token))?;
        Some(byte_span(text, last))
    });
    Box::new(
        Report::new(Code::Syntax, readable(message))
            .with_span(span, "")
            .with_help(next_step(message, text)),
    )
}

/// `…, found: x at Line: 2, Column: 10` into message and position.
fn split_location(message: &str) -> (&str, Option<LineColumn>) {
    let Some((head, place)) = message.rsplit_once(" at Line: ") else { return (message, None) };
    let Some((line, column)) = place.split_once(", Column: ") else { return (message, None) };
    match (line.trim().parse(), column.trim().parse()) {
        (Ok(line), Ok(column)) => (head, Some(LineColumn { line, column })),
        _ => (message, None),
    }
}

fn token_at(text: &str, tokens: &[TokenWithSpan], at: LineColumn) -> Option<Span> {
    let key = |at: LineColumn| (at.line, at.column);
    let at = key(at);
    let real = || tokens.iter().filter(|token| is_real(token));
    let begins = |token: &&TokenWithSpan| key(position(token.span.start)) == at;
    let holds = |token: &&TokenWithSpan| {
        key(position(token.span.start)) <= at && at < key(position(token.span.end))
    };
    let found = real().find(begins).or_else(|| real().find(holds))?;
    Some(byte_span(text, found))
}

/// `Expected: x, found: y` as one lower-case sentence with literals in backticks.
fn readable(message: &str) -> String {
    let message = message.trim();
    // a final stop may be the token that was found
    let message =
        if message.ends_with("found: .") { message } else { message.trim_end_matches('.') };
    let Some(rest) =
        message.strip_prefix("Expected: ").or_else(|| message.strip_prefix("Expected "))
    else {
        let mut chars = message.chars();
        return match chars.next() {
            Some(first) => first.to_lowercase().chain(chars).collect(),
            None => "the statement is not valid SQL".to_owned(),
        };
    };
    match rest.split_once(", found: ").or_else(|| rest.split_once(" found: ")) {
        Some((wanted, "EOF")) => format!("expected {wanted}, found the end of the statement"),
        Some((wanted, found)) => format!("expected {wanted}, found `{found}`"),
        None => format!("expected {rest}"),
    }
}

/// Words that statements begin with.
const BEGINNINGS: [&str; 17] = [
    "SELECT", "WITH", "VALUES", "INSERT", "UPDATE", "REPLACE", "DELETE", "EXEC", "EXPLAIN", "SHOW",
    "DESCRIBE", "USE", "SET", "RESET", "CREATE", "DROP", "REFRESH",
];

/// Help for a syntax error.
pub(crate) fn next_step(message: &str, text: &str) -> String {
    let found = message.rsplit_once("found: ").map_or("", |(_, found)| found);
    let word = found.split_whitespace().next().unwrap_or_default();
    let is_word = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if message.contains("an SQL statement") {
        let known = did_you_mean(word, BEGINNINGS.iter().copied());
        return known.unwrap_or_else(|| format!("a statement begins with {}", or(&BEGINNINGS)));
    }
    if is_word && word != "EOF" && message.contains("identifier") {
        return format!("`{word}` is a keyword here; as a name it is written `\"{word}\"`");
    }
    if word == "EOF" || message.contains("the end of the statement") {
        let opened = text.matches('(').count();
        if opened > text.matches(')').count() {
            return "close the parenthesis that is still open".to_owned();
        }
        return "complete the statement; `strataql exec --help` has examples".to_owned();
    }
    "look for a comma, an operator or a bracket that is missing or too many before the mark; \
     text is written in single quotes, a name with special characters in double quotes"
        .to_owned()
}

fn or(words: &[&str]) -> String {
    match words {
        [head @ .., last] if !head.is_empty() => format!("{} or {last}", head.join(", ")),
        _ => words.join(""),
    }
}
