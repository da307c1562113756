//! Results as the profile prints them.
//!
//! Owns: the formats table, csv, text, pptext, json, jsonl: their bytes.
//! Refuses: how a value is spelt as text; a cell comes as text, or as NULL.

mod csv;
mod json;
mod table;
mod text;
mod wrap;

use std::str::FromStr;

/// How NULL is printed.
pub const NULL: &str = "null";

/// A result: labels and rows of cells, NULL being `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// What stands above the columns; may repeat.
    pub labels: Vec<String>,
    /// The rows; each has a cell per label.
    pub rows: Vec<Vec<Option<String>>>,
}

impl Table {
    /// A result of texts.
    pub fn of<'a>(labels: &[&str], rows: impl IntoIterator<Item = Vec<&'a str>>) -> Self {
        let row = |row: Vec<&str>| row.into_iter().map(|cell| Some(cell.to_owned())).collect();
        Self {
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            rows: rows.into_iter().map(row).collect(),
        }
    }
}

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Cells in a grid.
    Table,
    /// Comma-separated values.
    Csv,
    /// Cells joined by commas, unquoted.
    Text,
    /// The same, with indented JSON.
    PrettyText,
    /// One array of objects.
    Json,
    /// One object a line.
    JsonLines,
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "table" => Self::Table,
            "csv" => Self::Csv,
            "text" => Self::Text,
            "pptext" => Self::PrettyText,
            "json" => Self::Json,
            "jsonl" | "ndjson" => Self::JsonLines,
            _ => return Err(crate::messages::no_writer(text)),
        })
    }
}

/// How results are printed.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// The format.
    pub layout: Layout,
    /// No headers in csv and text.
    pub hides_headers: bool,
    /// Between the values of csv.
    pub delimiter: char,
}

impl Style {
    /// The bytes of a result.
    pub fn print(&self, table: &Table) -> String {
        match self.layout {
            Layout::Table => table::print(table),
            Layout::Csv => csv::print(table, self.delimiter, self.hides_headers),
            Layout::Text => text::print(table, self.hides_headers, false),
            Layout::PrettyText => text::print(table, self.hides_headers, true),
            Layout::Json => json::array(table),
            Layout::JsonLines => json::lines(table),
        }
    }
}

/// The text of a cell.
fn shown(cell: Option<&str>) -> &str {
    cell.unwrap_or(NULL)
}

#[cfg(test)]
mod tests;
