//! The Arrow IPC stream format.
//!
//! Owns: the `arrow` output: schema message, batches, end-of-stream marker, readable by
//! `pyarrow.ipc.open_stream` and every other Arrow library, from pipes too.
//! Surprise: it is the *stream* format, not the file format, which needs seeking.

use std::io::Write;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{Schema, SchemaRef};
use strataql_diag::Result;
use tempfile::SpooledTempFile;

use crate::failure::{arrow_failed, one_result_set};
use crate::labels::unique;
use crate::spool::{nullable, pour, recast};
use crate::writer::{ResultWriter, Sink, out_of_order};

/// Writes one result set as an Arrow IPC stream.
pub(crate) struct ArrowStream {
    sink: Sink,
    spool_bytes: usize,
    started: bool,
    open: Option<(SchemaRef, StreamWriter<SpooledTempFile>)>,
}

impl ArrowStream {
    pub(crate) fn new(sink: Sink, spool_bytes: usize) -> Self {
        Self { sink, spool_bytes, started: false, open: None }
    }
}

impl ResultWriter for ArrowStream {
    fn start(&mut self, schema: &Schema, labels: &[String]) -> Result<()> {
        if std::mem::replace(&mut self.started, true) {
            return Err(one_result_set("arrow"));
        }
        let schema = Arc::new(nullable(schema, Some(&unique(labels))));
        let spool = SpooledTempFile::new(self.spool_bytes);
        let writer = StreamWriter::try_new(spool, &schema).map_err(arrow_failed)?;
        self.open = Some((schema, writer));
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let (schema, writer) = self.open.as_mut().ok_or_else(out_of_order)?;
        writer.write(&recast(batch, schema)?).map_err(arrow_failed)
    }

    fn finish(&mut self) -> Result<()> {
        let (_, writer) = self.open.take().ok_or_else(out_of_order)?;
        let mut spool = writer.into_inner().map_err(arrow_failed)?;
        spool.flush().map_err(crate::failure::write_failed)?;
        pour(&mut spool, &mut self.sink)
    }
}
