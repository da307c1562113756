//! Rows one below the other, a line per value.
//!
//! Owns: the layout of a record, the `vertical` output and the layout that a table takes when a row
//! does not fit.

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use strataql_diag::Result;

use crate::cells::{Column, columns};
use crate::failure::write_failed;
use crate::neutral::neutral;
use crate::width::{GAP, width};
use crate::writer::{Options, ResultWriter, Sink, drain, drain_if_large, out_of_order};

/// Width of the line above a record.
const LINE: usize = 24;

/// The labels of a result, ready to be written before values.
pub(crate) struct Records {
    /// Labels with blanks up to the values.
    labels: Vec<String>,
    null: String,
    cell: Vec<u8>,
    number: u64,
}

impl Records {
    pub(crate) fn new(labels: &[String], options: &Options) -> Self {
        let labels: Vec<String> = labels.iter().map(|label| neutral(label).into_owned()).collect();
        let widest = labels.iter().map(|label| width(label)).max().unwrap_or(0);
        let padded = labels.into_iter().map(|label| {
            let blanks = widest + GAP - width(&label);
            label + &" ".repeat(blanks)
        });
        let null = options.null.clone().unwrap_or_else(|| "NULL".to_owned());
        let null = if options.color { format!("\x1b[2m{null}\x1b[0m") } else { null };
        Self { labels: padded.collect(), null, cell: Vec::new(), number: 0 }
    }

    /// Appends the line above the next record.
    pub(crate) fn push_line(&mut self, out: &mut Vec<u8>) {
        self.number += 1;
        let head = format!("─ {} ", self.number);
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice("─".repeat(LINE.saturating_sub(width(&head))).as_bytes());
        out.push(b'\n');
    }

    /// Appends a record.
    pub(crate) fn push(
        &mut self,
        columns: &[Column<'_>],
        row: usize,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        for (label, column) in self.labels.iter().zip(columns) {
            let start = out.len();
            out.extend_from_slice(label.as_bytes());
            if column.is_null(row) {
                out.extend_from_slice(self.null.as_bytes());
            } else {
                self.cell.clear();
                column.text(row, &mut self.cell)?;
                out.extend_from_slice(neutral(&String::from_utf8_lossy(&self.cell)).as_bytes());
            }
            while out.len() > start && out.last() == Some(&b' ') {
                out.pop();
            }
            out.push(b'\n');
        }
        Ok(())
    }
}

/// Writes records as rows arrive.
pub(crate) struct Vertical {
    sink: Sink,
    options: Options,
    buffer: Vec<u8>,
    open: Option<(Schema, Records)>,
    has_printed: bool,
}

impl Vertical {
    pub(crate) fn new(sink: Sink, options: Options) -> Self {
        Self { sink, options, buffer: Vec::new(), open: None, has_printed: false }
    }
}

impl ResultWriter for Vertical {
    fn start(&mut self, schema: &Schema, labels: &[String]) -> Result<()> {
        self.buffer.clear();
        if self.has_printed {
            self.buffer.push(b'\n');
        }
        self.open = Some((schema.clone(), Records::new(labels, &self.options)));
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let (schema, records) = self.open.as_mut().ok_or_else(out_of_order)?;
        let columns = columns(schema, batch)?;
        for row in 0..batch.num_rows() {
            records.push_line(&mut self.buffer);
            records.push(&columns, row, &mut self.buffer)?;
            drain_if_large(&mut self.buffer, &mut self.sink)?;
        }
        self.has_printed |= batch.num_rows() > 0;
        drain(&mut self.buffer, &mut self.sink)
    }

    fn finish(&mut self) -> Result<()> {
        let (_, records) = self.open.take().ok_or_else(out_of_order)?;
        if records.number == 0 {
            self.buffer.extend_from_slice(b"(no rows)\n");
            self.has_printed = true;
        }
        drain(&mut self.buffer, &mut self.sink)?;
        self.sink.flush().map_err(write_failed)
    }
}
