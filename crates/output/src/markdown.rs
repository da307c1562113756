//! Tables of GitHub-flavoured Markdown.
//!
//! Owns: the `markdown` output and its escapes (`\|`, `\\`, `\<`, `<br>` for a line feed).
//! Surprise: columns are not aligned with blanks; renderers do that, and rows stay short.

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use strataql_diag::Result;
use tempfile::SpooledTempFile;

use crate::cells::columns;
use crate::neutral::sign;
use crate::spool::pour;
use crate::writer::{Options, ResultWriter, Sink, drain, drain_if_large, out_of_order};

/// Writes a table when it is complete.
pub(crate) struct Markdown {
    sink: Sink,
    options: Options,
    cell: Vec<u8>,
    buffer: Vec<u8>,
    open: Option<(Schema, SpooledTempFile)>,
    has_printed: bool,
}

impl Markdown {
    pub(crate) fn new(sink: Sink, options: Options) -> Self {
        Self { sink, options, cell: Vec::new(), buffer: Vec::new(), open: None, has_printed: false }
    }
}

/// Appends a cell, escaping everything that would end it or start markup.
fn push_cell(cell: &str, out: &mut Vec<u8>) {
    let mut bytes = [0; 4];
    out.push(b' ');
    for c in cell.chars() {
        match c {
            '\n' => out.extend_from_slice(b"<br>"),
            '\r' => {}
            '|' | '\\' | '<' => out.extend_from_slice(&[b'\\', c as u8]),
            c => {
                let shown = sign(c).unwrap_or(c);
                out.extend_from_slice(shown.encode_utf8(&mut bytes).as_bytes());
            }
        }
    }
    out.extend_from_slice(b" |");
}

impl ResultWriter for Markdown {
    fn start(&mut self, schema: &Schema, labels: &[String]) -> Result<()> {
        self.buffer.clear();
        self.open = Some((schema.clone(), SpooledTempFile::new(self.options.spool_bytes)));
        if labels.is_empty() {
            return Ok(());
        }
        // without a blank line between them, two tables would become one
        if self.has_printed {
            self.buffer.push(b'\n');
        }
        self.buffer.push(b'|');
        for label in labels {
            push_cell(label, &mut self.buffer);
        }
        self.buffer.extend_from_slice(b"\n|");
        for field in schema.fields() {
            let rule: &[u8] = if field.data_type().is_numeric() { b" ---: |" } else { b" --- |" };
            self.buffer.extend_from_slice(rule);
        }
        self.buffer.push(b'\n');
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let (schema, spool) = self.open.as_mut().ok_or_else(out_of_order)?;
        let columns = columns(schema, batch)?;
        if columns.is_empty() {
            return Ok(());
        }
        for row in 0..batch.num_rows() {
            self.buffer.push(b'|');
            for column in &columns {
                if column.is_null(row) {
                    push_cell(self.options.null.as_deref().unwrap_or("NULL"), &mut self.buffer);
                    continue;
                }
                self.cell.clear();
                column.text(row, &mut self.cell)?;
                push_cell(&String::from_utf8_lossy(&self.cell), &mut self.buffer);
            }
            self.buffer.push(b'\n');
            drain_if_large(&mut self.buffer, spool)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        let (_, mut spool) = self.open.take().ok_or_else(out_of_order)?;
        self.has_printed = true;
        drain(&mut self.buffer, &mut spool)?;
        pour(&mut spool, &mut self.sink)
    }
}
