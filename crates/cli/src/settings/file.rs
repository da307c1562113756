//! The configuration file: TOML with line numbers for every value.
//!
//! Owns: parsing it and flattening tables to dotted keys.
//! Surprise: values are kept as text, so that the file and the environment share one set of rules.

use std::fs;
use std::io::ErrorKind;
use std::ops::Range;

use strataql_diag::{Code, Report, Result, Span};
use toml::de::{DeTable, DeValue};

use super::Places;
use crate::env::Environment;

/// One value of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// `read_only`, `endpoint.github`, …
    pub(super) key: String,
    /// The value as text.
    pub(super) value: String,
    /// The 1-based line.
    pub(super) line: usize,
}

/// The text of the configuration file, if there is one.
///
/// # Errors
/// `config` when a named file is missing, or an existing one cannot be read.
pub(crate) fn read_config(environment: &Environment) -> Result<Option<String>> {
    let places = Places::of(environment);
    let Some(path) = places.config else { return Ok(None) };
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error)
            if !places.config_is_named
                && matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(error) => Err(Box::new(
            Report::new(Code::Config, format!("cannot read `{}`: {error}", path.display()))
                .with_help("create the file, or name another one with `STRATAQL_CONFIG`"),
        )),
    }
}

/// The values of a file in the order of their lines.
pub(super) fn entries(name: &str, text: &str) -> Result<Vec<Entry>> {
    let root = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(0, |span| line_of(text, &span));
        Box::new(
            Report::new(Code::Config, format!("not valid TOML: {}", error.message()))
                .with_place(name, line)
                .with_help("write `key = \"value\"` lines and `[table]` headings"),
        )
    })?;
    let mut entries = Vec::new();
    let mut collector = Collector { name, text, entries: &mut entries };
    collector.table("", root.get_ref())?;
    entries.sort_by_key(|entry| entry.line);
    Ok(entries)
}

fn line_of(text: &str, span: &Range<usize>) -> usize {
    Span::new(span.start, span.end).position(text).line
}

struct Collector<'a> {
    name: &'a str,
    text: &'a str,
    entries: &'a mut Vec<Entry>,
}

impl Collector<'_> {
    fn table(&mut self, prefix: &str, table: &DeTable<'_>) -> Result<()> {
        for (key, value) in table {
            let line = line_of(self.text, &key.span());
            let key = match prefix {
                "" => key.get_ref().to_string(),
                prefix => format!("{prefix}.{}", key.get_ref()),
            };
            let text = match value.get_ref() {
                // credentials are a single JSON text everywhere else
                DeValue::Table(table) if key == "auth" => json_table(table).to_string(),
                DeValue::Table(table) => {
                    self.table(&key, table)?;
                    continue;
                }
                DeValue::String(text) => text.to_string(),
                DeValue::Boolean(flag) => flag.to_string(),
                DeValue::Integer(number) => number.to_string(),
                DeValue::Float(number) => number.to_string(),
                DeValue::Datetime(time) => time.to_string(),
                DeValue::Array(_) => {
                    return Err(Box::new(
                        Report::new(Code::Config, format!("`{key}` cannot be a list"))
                            .with_place(self.name, line)
                            .with_help("give it one value"),
                    ));
                }
            };
            self.entries.push(Entry { key, value: text, line });
        }
        Ok(())
    }
}

fn json_table(table: &DeTable<'_>) -> serde_json::Value {
    table.iter().map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref()))).collect()
}

fn json(value: &DeValue<'_>) -> serde_json::Value {
    match value {
        DeValue::String(text) => text.to_string().into(),
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Integer(number) => match number.to_string().parse::<i64>() {
            Ok(number) => number.into(),
            Err(_) => number.to_string().into(),
        },
        DeValue::Float(number) => number.to_string().into(),
        DeValue::Datetime(time) => time.to_string().into(),
        DeValue::Array(items) => items.iter().map(|item| json(item.get_ref())).collect(),
        DeValue::Table(table) => json_table(table),
    }
}
