//! Comma-separated values.
//!
//! Surprise: NULL is the bare word `null`, as the text `null` is.

use super::{Table, shown};

pub(super) fn print(table: &Table, delimiter: char, hides_headers: bool) -> String {
    let mut out = String::new();
    if !hides_headers {
        line(table.labels.iter().map(String::as_str), delimiter, &mut out);
    }
    for row in &table.rows {
        line(row.iter().map(|cell| shown(cell.as_deref())), delimiter, &mut out);
    }
    out
}

fn line<'a>(cells: impl Iterator<Item = &'a str>, delimiter: char, out: &mut String) {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            out.push(delimiter);
        }
        if needs_quotes(cell, delimiter) {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(cell);
        }
    }
    out.push('\n');
}

fn needs_quotes(cell: &str, delimiter: char) -> bool {
    cell == "\\."
        || cell.contains([delimiter, '"', '\r', '\n'])
        || cell.starts_with(char::is_whitespace)
}
