//! Rows as JSON.
//!
//! Surprise: a number that JSON's numbers here would change, such as one of thirty digits, becomes a
//! text.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use strataql_diag::Report;
use strataql_engine::ResultSet;
use strataql_mcp::{Column, Row};
use strataql_output::{Format, Options, ResultWriter, sql_type, writer};

/// The columns of a result.
pub(super) fn columns(result: &ResultSet) -> Vec<Column> {
    let fields = result.labels.iter().zip(result.schema.fields());
    fields.map(|(label, field)| Column { name: label.clone(), kind: sql_type(field) }).collect()
}

/// Bytes that a writer and its reader share.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Turns batches into rows.
pub(super) struct Reader {
    writer: Box<dyn ResultWriter>,
    written: Shared,
    schema: SchemaRef,
    labels: Vec<String>,
    is_begun: bool,
}

impl Reader {
    pub(super) fn new(result: &ResultSet) -> Self {
        let written = Shared::default();
        let sink = Box::new(written.clone());
        Self {
            writer: writer(Format::Jsonl, sink, Options::default()),
            written,
            schema: Arc::clone(&result.schema),
            labels: result.labels.clone(),
            is_begun: false,
        }
    }

    /// The rows of a batch.
    ///
    /// # Errors
    /// What the writer says.
    pub(super) fn rows(&mut self, batch: &RecordBatch) -> Result<Vec<Row>, Box<Report>> {
        if !self.is_begun {
            self.writer.start(&self.schema, &self.labels)?;
            self.is_begun = true;
        }
        self.writer.batch(batch)?;
        let bytes =
            std::mem::take(&mut *self.written.0.lock().unwrap_or_else(PoisonError::into_inner));
        bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| {
                let mut reader = serde_json::Deserializer::from_slice(line);
                reader.deserialize_map(Cells).map_err(|error| {
                    Box::new(Report::internal(format!("a row is no JSON: {error}")))
                })
            })
            .collect()
    }
}

/// The cells of a row.
struct Cells;

impl<'de> Visitor<'de> for Cells {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Row, A::Error> {
        let mut row = Map::new();
        while let Some((name, raw)) = access.next_entry::<String, &RawValue>()? {
            row.insert(name, exact(raw.get()));
        }
        Ok(row)
    }
}

/// The value, or its text if the value would be another one.
fn exact(raw: &str) -> Value {
    match serde_json::from_str(raw) {
        Ok(value) if has_same_numbers(raw, &value) => value,
        _ => Value::String(raw.to_owned()),
    }
}

/// False if a number was changed by reading it.
fn has_same_numbers(raw: &str, value: &Value) -> bool {
    match value {
        Value::Number(number) if number.is_f64() => number.to_string() == raw,
        Value::Array(_) | Value::Object(_) => {
            let written = value.to_string();
            digits(raw) == digits(&written)
        }
        _ => true,
    }
}

/// What numbers are made of, without the texts around them.
fn digits(json: &str) -> String {
    let (mut is_text, mut is_escaped) = (false, false);
    json.chars()
        .filter(|c| {
            let was_text = is_text;
            match c {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = is_text,
                '"' => is_text = !is_text,
                _ => {}
            }
            !was_text && matches!(c, '0'..='9' | '.' | '-' | '+' | 'e' | 'E' | ',')
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        assert_eq!(exact("12"), json!(12));
        assert_eq!(exact("1.5"), json!(1.5));
        assert_eq!(
            exact("123456789012345678901234567890"),
            json!("123456789012345678901234567890")
        );
        assert_eq!(exact("1.10"), json!("1.10"));
        assert_eq!(exact(r#"{"a": [1, "2.30"]}"#), json!({"a": [1, "2.30"]}));
        let long = r#"{"a": 123456789012345678901}"#;
        assert_eq!(exact(long), json!(long));
        assert_eq!(exact("null"), Value::Null);
    }
}
