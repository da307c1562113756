//! Arrays and lines of objects. Every value is a JSON string, NULL is `"null"`, keys are in byte order.
//!
//! Surprise: an array has no newline behind it, and one without rows is `null`.

use std::collections::BTreeMap;

use super::{Table, shown};
use crate::go_json::push_text;

pub(super) fn array(table: &Table) -> String {
    if table.rows.is_empty() {
        return "null".to_owned();
    }
    let mut out = String::from("[");
    for (at, row) in table.rows.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        object(&table.labels, row, &mut out);
    }
    out.push(']');
    out
}

pub(super) fn lines(table: &Table) -> String {
    let mut out = String::new();
    for row in &table.rows {
        object(&table.labels, row, &mut out);
        out.push('\n');
    }
    out
}

fn object(labels: &[String], row: &[Option<String>], out: &mut String) {
    // of two columns with a name, the last counts
    let cells: BTreeMap<&str, &str> = labels
        .iter()
        .zip(row)
        .map(|(label, cell)| (label.as_str(), shown(cell.as_deref())))
        .collect();
    out.push('{');
    for (at, (label, cell)) in cells.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        push_text(label, out);
        out.push(':');
        push_text(cell, out);
    }
    out.push('}');
}
