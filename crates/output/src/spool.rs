//! Buffering of output until the end of the result.
//!
//! Owns: a buffer that moves from memory to an unnamed temporary file, and batches in it.
//! Refuses: interpreting the bytes.
//! Surprise: batches are kept as an Arrow IPC stream from the first one on. Below the limit that
//! costs a copy in memory and avoids a second representation.

use std::io::{self, Seek, SeekFrom};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{Field, Schema};
use strataql_diag::{Report, Result};
use tempfile::SpooledTempFile;

use crate::failure::{arrow_failed, write_failed};
use crate::writer::Sink;

/// Copies all of the spool to the sink.
pub(crate) fn pour(spool: &mut SpooledTempFile, sink: &mut Sink) -> Result<()> {
    spool.seek(SeekFrom::Start(0)).map_err(write_failed)?;
    io::copy(spool, sink).map_err(write_failed)?;
    sink.flush().map_err(write_failed)
}

/// Rows that are read again when all have arrived.
pub(crate) struct Batches(StreamWriter<SpooledTempFile>);

impl Batches {
    /// An empty spool for batches of that schema.
    pub(crate) fn new(schema: &Schema, bytes: usize) -> Result<Self> {
        StreamWriter::try_new(SpooledTempFile::new(bytes), &nullable(schema, None))
            .map(Self)
            .map_err(arrow_failed)
    }

    /// Adds rows.
    pub(crate) fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        self.0.write(batch).map_err(arrow_failed)
    }

    /// The rows from the first one on.
    pub(crate) fn replay(self) -> Result<impl Iterator<Item = Result<RecordBatch>>> {
        let mut spool = self.0.into_inner().map_err(arrow_failed)?;
        spool.seek(SeekFrom::Start(0)).map_err(write_failed)?;
        let reader = StreamReader::try_new_buffered(spool, None).map_err(arrow_failed)?;
        Ok(reader.map(|batch| batch.map_err(arrow_failed)))
    }
}

/// The schema with nullable columns, and other names if given.
///
/// Batches may declare nulls differently from their plan; refusing them here would help nobody.
pub(crate) fn nullable(schema: &Schema, names: Option<&[String]>) -> Schema {
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .enumerate()
        .map(|(at, field)| {
            let field = field.as_ref().clone().with_nullable(true);
            match names.and_then(|names| names.get(at)) {
                Some(name) => field.with_name(name),
                None => field,
            }
        })
        .collect();
    Schema::new_with_metadata(fields, schema.metadata().clone())
}

/// The batch under another schema of the same types.
pub(crate) fn recast(batch: &RecordBatch, schema: &Arc<Schema>) -> Result<RecordBatch> {
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), batch.columns().to_vec(), &options)
        .map_err(|error| {
            Box::new(Report::internal(format!("a batch does not have its result's shape: {error}")))
        })
}

#[cfg(test)]
mod tests {
    use arrow_array::{Int64Array, StringArray};
    use arrow_schema::DataType;

    use super::*;

    #[test]
    fn batches_survive_the_move_to_disk() {
        let schema = Arc::new(Schema::new(vec![
            Field::new("id", DataType::Int64, false),
            Field::new("name", DataType::Utf8, true),
        ]));
        for limit in [1 << 20, 64] {
            let mut spool = Batches::new(&schema, limit).expect("a spool");
            let mut expected = Vec::new();
            for start in 0..5_i64 {
                let ids = Int64Array::from_iter_values(start * 10..start * 10 + 10);
                let names = StringArray::from(vec!["x"; 10]);
                let batch =
                    RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(ids), Arc::new(names)])
                        .expect("a batch");
                spool.push(&batch).expect("written");
                expected.push(batch.columns().to_vec());
            }
            let read: Vec<_> = spool
                .replay()
                .expect("a reader")
                .map(|batch| batch.expect("a batch").columns().to_vec())
                .collect();
            assert_eq!(read, expected);
        }
    }
}
