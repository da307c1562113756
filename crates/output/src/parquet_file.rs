//! The Parquet format.
//!
//! Owns: the `parquet` output: one result set, compressed with Zstandard.
//! Surprise: repeated labels get suffixes, because readers find columns by name.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use strataql_diag::Result;
use tempfile::SpooledTempFile;

use crate::failure::{one_result_set, parquet_failed};
use crate::labels::unique;
use crate::spool::{nullable, pour, recast};
use crate::writer::{ResultWriter, Sink, out_of_order};

/// A row group is closed at this many encoded bytes, to limit memory with wide rows.
const ROW_GROUP_BYTES: usize = 64 << 20;

/// Writes one result set as a Parquet file.
pub(crate) struct Parquet {
    sink: Sink,
    spool_bytes: usize,
    started: bool,
    open: Option<(SchemaRef, ArrowWriter<SpooledTempFile>)>,
}

impl Parquet {
    pub(crate) fn new(sink: Sink, spool_bytes: usize) -> Self {
        Self { sink, spool_bytes, started: false, open: None }
    }
}

impl ResultWriter for Parquet {
    fn start(&mut self, schema: &Schema, labels: &[String]) -> Result<()> {
        if std::mem::replace(&mut self.started, true) {
            return Err(one_result_set("parquet"));
        }
        let schema = Arc::new(nullable(schema, Some(&unique(labels))));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(parquet::basic::ZstdLevel::default()))
            .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
            .build();
        let spool = SpooledTempFile::new(self.spool_bytes);
        let writer = ArrowWriter::try_new(spool, Arc::clone(&schema), Some(properties))
            .map_err(parquet_failed)?;
        self.open = Some((schema, writer));
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let (schema, writer) = self.open.as_mut().ok_or_else(out_of_order)?;
        writer.write(&recast(batch, schema)?).map_err(parquet_failed)
    }

    fn finish(&mut self) -> Result<()> {
        let (_, writer) = self.open.take().ok_or_else(out_of_order)?;
        let mut spool = writer.into_inner().map_err(parquet_failed)?;
        pour(&mut spool, &mut self.sink)
    }
}
