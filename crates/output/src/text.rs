//! Tab-separated raw cells, for `cut`, `awk` and `while read`.
//!
//! Owns: the `text` output.
//! Surprise: a tab, line feed or carriage return inside a cell is written as `\t`, `\n`, `\r`, so that
//! a row is always one line; nothing else is escaped, not even the backslash.

use std::io::Write;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use strataql_diag::Result;

use crate::cells::columns;
use crate::failure::write_failed;
use crate::neutral::sign;
use crate::writer::{Options, ResultWriter, Sink, drain, drain_if_large, out_of_order};

/// Writes rows as they arrive.
pub(crate) struct Text {
    sink: Sink,
    options: Options,
    delimiter: char,
    cell: Vec<u8>,
    buffer: Vec<u8>,
    schema: Option<Schema>,
}

impl Text {
    pub(crate) fn new(sink: Sink, options: Options) -> Self {
        let delimiter = options.delimiter.unwrap_or('\t');
        Self { sink, options, delimiter, cell: Vec::new(), buffer: Vec::new(), schema: None }
    }

    fn separate(&mut self, position: usize) {
        if position > 0 {
            let mut bytes = [0; 4];
            self.buffer.extend_from_slice(self.delimiter.encode_utf8(&mut bytes).as_bytes());
        }
    }

    /// Moves the cell into the line.
    fn push_cell(&mut self) {
        let is_plain = self.delimiter == '\t' && self.cell.iter().all(|byte| *byte >= 0x20);
        if is_plain && !self.options.terminal {
            self.buffer.append(&mut self.cell);
            return;
        }
        let cell = String::from_utf8_lossy(&self.cell);
        let mut bytes = [0; 4];
        for c in cell.chars() {
            let shown = match c {
                '\n' => Ok("\\n"),
                '\r' => Ok("\\r"),
                '\t' if self.delimiter == '\t' => Ok("\\t"),
                c if c == self.delimiter => {
                    self.buffer.push(b'\\');
                    Err(c)
                }
                c if self.options.terminal => Err(sign(c).unwrap_or(c)),
                c => Err(c),
            };
            let shown = match shown {
                Ok(escape) => escape,
                Err(c) => c.encode_utf8(&mut bytes),
            };
            self.buffer.extend_from_slice(shown.as_bytes());
        }
        self.cell.clear();
    }
}

impl ResultWriter for Text {
    fn start(&mut self, schema: &Schema, labels: &[String]) -> Result<()> {
        self.schema = Some(schema.clone());
        if !self.options.header.unwrap_or(false) || labels.is_empty() {
            return Ok(());
        }
        for (position, label) in labels.iter().enumerate() {
            self.separate(position);
            self.cell.extend_from_slice(label.as_bytes());
            self.push_cell();
        }
        self.buffer.push(b'\n');
        drain(&mut self.buffer, &mut self.sink)
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let schema = self.schema.as_ref().ok_or_else(out_of_order)?;
        let columns = columns(schema, batch)?;
        for row in 0..batch.num_rows() {
            for (position, column) in columns.iter().enumerate() {
                self.separate(position);
                if column.is_null(row) {
                    let null = self.options.null.as_deref().unwrap_or_default();
                    self.buffer.extend_from_slice(null.as_bytes());
                    continue;
                }
                column.text(row, &mut self.cell)?;
                self.push_cell();
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
