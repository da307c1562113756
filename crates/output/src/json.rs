//! JSON in two shapes: an array per result set, and an object per line.
//!
//! Owns: `json` and `jsonl`.
//! Surprise: repeated labels get suffixes (`name`, `name_2`), because an object has each key once.

pub(crate) mod value;

use std::io::Write;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use strataql_diag::Result;
use tempfile::SpooledTempFile;

use crate::cells::{Column, columns};
use crate::failure::write_failed;
use crate::labels::unique;
use crate::spool::pour;
use crate::writer::{ResultWriter, Sink, drain, drain_if_large, out_of_order};

/// Rows as objects.
pub(crate) struct Objects {
    schema: Schema,
    /// `{"first":` and `,"second":`, ready to be copied.
    keys: Vec<Vec<u8>>,
}

impl Objects {
    pub(crate) fn new(schema: &Schema, labels: &[String]) -> Self {
        let keys = unique(labels).into_iter().enumerate().map(|(position, label)| {
            let mut key = vec![if position == 0 { b'{' } else { b',' }];
            value::push_text(&label, &mut key);
            key.push(b':');
            key
        });
        Self { schema: schema.clone(), keys: keys.collect() }
    }

    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Appends a row as one object.
    pub(crate) fn push(&self, columns: &[Column<'_>], row: usize, out: &mut Vec<u8>) -> Result<()> {
        for (key, column) in self.keys.iter().zip(columns) {
            out.extend_from_slice(key);
            if column.is_null(row) {
                out.extend_from_slice(b"null");
            } else {
                column.json(row, out)?;
            }
        }
        out.extend_from_slice(if self.keys.is_empty() { b"{}" } else { b"}" });
        Ok(())
    }
}

/// One object per line, as rows arrive.
pub(crate) struct Jsonl {
    sink: Sink,
    buffer: Vec<u8>,
    objects: Option<Objects>,
}

impl Jsonl {
    pub(crate) fn new(sink: Sink) -> Self {
        Self { sink, buffer: Vec::new(), objects: None }
    }
}

impl ResultWriter for Jsonl {
    fn start(&mut self, schema: &Schema, labels: &[String]) -> Result<()> {
        self.objects = Some(Objects::new(schema, labels));
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let objects = self.objects.as_ref().ok_or_else(out_of_order)?;
        let columns = columns(&objects.schema, batch)?;
        for row in 0..batch.num_rows() {
            objects.push(&columns, row, &mut self.buffer)?;
            self.buffer.push(b'\n');
            drain_if_large(&mut self.buffer, &mut self.sink)?;
        }
        drain(&mut self.buffer, &mut self.sink)
    }

    fn finish(&mut self) -> Result<()> {
        self.objects.take().ok_or_else(out_of_order)?;
        self.sink.flush().map_err(write_failed)
    }
}

/// One array per result set, printed when complete.
pub(crate) struct Json {
    sink: Sink,
    spool_bytes: usize,
    buffer: Vec<u8>,
    open: Option<Open>,
}

struct Open {
    objects: Objects,
    spool: SpooledTempFile,
    is_empty: bool,
}

impl Json {
    pub(crate) fn new(sink: Sink, spool_bytes: usize) -> Self {
        Self { sink, spool_bytes, buffer: Vec::new(), open: None }
    }
}

impl ResultWriter for Json {
    fn start(&mut self, schema: &Schema, labels: &[String]) -> Result<()> {
        self.buffer.clear();
        self.open = Some(Open {
            objects: Objects::new(schema, labels),
            spool: SpooledTempFile::new(self.spool_bytes),
            is_empty: true,
        });
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let open = self.open.as_mut().ok_or_else(out_of_order)?;
        let columns = columns(&open.objects.schema, batch)?;
        for row in 0..batch.num_rows() {
            let before: &[u8] = if open.is_empty { b"[\n  " } else { b",\n  " };
            open.is_empty = false;
            self.buffer.extend_from_slice(before);
            open.objects.push(&columns, row, &mut self.buffer)?;
            drain_if_large(&mut self.buffer, &mut open.spool)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        let mut open = self.open.take().ok_or_else(out_of_order)?;
        self.buffer.extend_from_slice(if open.is_empty { b"[]\n" } else { b"\n]\n" });
        drain(&mut self.buffer, &mut open.spool)?;
        pour(&mut open.spool, &mut self.sink)
    }
}
