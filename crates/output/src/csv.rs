//! Comma-separated values.
//!
//! Owns: the `csv` output per RFC 4180, with `\n` as line end.
//! Refuses: escaping for spreadsheets; `=1+1` stays `=1+1`.
//! Surprise: NULL is an empty field and the empty string is `""`, so that both can be read back.

use std::io::Write;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use strataql_diag::Result;

use crate::cells::columns;
use crate::failure::write_failed;
use crate::neutral::neutral;
use crate::writer::{Options, ResultWriter, Sink, drain, drain_if_large, out_of_order};

/// Writes rows as they arrive.
pub(crate) struct Csv {
    sink: Sink,
    rules: Rules,
    header: bool,
    buffer: Vec<u8>,
    schema: Option<Schema>,
}

/// Settings for fields.
struct Rules {
    delimiter: Vec<u8>,
    null: Vec<u8>,
    terminal: bool,
}

impl Csv {
    pub(crate) fn new(sink: Sink, options: Options) -> Self {
        let rules = Rules {
            delimiter: options.delimiter.unwrap_or(',').to_string().into_bytes(),
            null: options.null.unwrap_or_default().into_bytes(),
            terminal: options.terminal,
        };
        let header = options.header.unwrap_or(true);
        Self { sink, rules, header, buffer: Vec::new(), schema: None }
    }
}

impl Rules {
    /// Quotes the bytes appended since `start`, if needed.
    fn close(&self, start: usize, out: &mut Vec<u8>) {
        if self.terminal {
            let text = String::from_utf8_lossy(&out[start..]);
            if let std::borrow::Cow::Owned(text) = neutral(&text) {
                out.truncate(start);
                out.extend_from_slice(text.as_bytes());
            }
        }
        let field = &out[start..];
        let is_plain = field != self.null
            && !field.is_empty()
            && !field.iter().any(|byte| matches!(byte, b'"' | b'\n' | b'\r'))
            && !contains(field, &self.delimiter);
        if is_plain {
            return;
        }
        let field = out.split_off(start);
        out.push(b'"');
        for byte in field {
            if byte == b'"' {
                out.push(b'"');
            }
            out.push(byte);
        }
        out.push(b'"');
    }
}

fn contains(field: &[u8], delimiter: &[u8]) -> bool {
    match delimiter {
        [byte] => field.contains(byte),
        bytes => field.windows(bytes.len()).any(|window| window == bytes),
    }
}

impl ResultWriter for Csv {
    fn start(&mut self, schema: &Schema, labels: &[String]) -> Result<()> {
        self.schema = Some(schema.clone());
        if !self.header || labels.is_empty() {
            return Ok(());
        }
        for (position, label) in labels.iter().enumerate() {
            if position > 0 {
                self.buffer.extend_from_slice(&self.rules.delimiter);
            }
            let start = self.buffer.len();
            self.buffer.extend_from_slice(label.as_bytes());
            self.rules.close(start, &mut self.buffer);
        }
        self.buffer.push(b'\n');
        drain(&mut self.buffer, &mut self.sink)
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let schema = self.schema.as_ref().ok_or_else(out_of_order)?;
        let columns = columns(schema, batch)?;
        for row in 0..batch.num_rows() {
            for (position, column) in columns.iter().enumerate() {
                if position > 0 {
                    self.buffer.extend_from_slice(&self.rules.delimiter);
                }
                if column.is_null(row) {
                    self.buffer.extend_from_slice(&self.rules.null);
                    continue;
                }
                let start = self.buffer.len();
                column.text(row, &mut self.buffer)?;
                self.rules.close(start, &mut self.buffer);
            }
            self.buffer.push(b'\n');
            drain_if_large(&mut self.buffer, &mut self.sink)?;
        }
        drain(&mut self.buffer, &mut self.sink)
    }

    fn finish(&mut self) -> Result<()> {
        self.schema.take().ok_or_else(out_of_order)?;
        self.sink.flush().map_err(write_failed)
    }
}
