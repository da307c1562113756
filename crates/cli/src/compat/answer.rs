//! What a statement gives.

use strataql_compat::layout::{Style, Table};

/// The rows of a statement, and what is said about it.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Its rows; `None` for a statement that has none.
    pub(super) table: Option<Table>,
    /// What it did, a line each.
    pub(super) messages: Vec<String>,
    /// Why it failed.
    pub(super) error: Option<String>,
}

impl Answer {
    /// Rows.
    pub(super) fn rows(table: Table) -> Self {
        Self { table: Some(table), ..Self::default() }
    }

    /// A line about what was done.
    pub(super) fn said(message: impl Into<String>) -> Self {
        Self { messages: vec![message.into()], ..Self::default() }
    }

    /// A failure.
    pub(super) fn failed(error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), ..Self::default() }
    }

    /// Prints it: rows to `out`, the rest to `err`.
    pub(super) fn print(
        &self,
        style: Style,
        is_record: bool,
        out: &mut String,
        err: &mut dyn FnMut(&str),
    ) {
        if let Some(table) = &self.table {
            out.push_str(&style.print(table));
        }
        for message in &self.messages {
            err(&format!("{message}\n"));
        }
        match &self.error {
            Some(error) if is_record => {
                out.push_str(&style.print(&Table::of(&["error"], [vec![error.as_str()]])));
            }
            Some(error) => err(&format!("{error}\n")),
            None => {}
        }
    }
}
