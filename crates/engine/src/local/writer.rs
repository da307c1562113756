//! Writing rows into a file, or into memory.
//!
//! Owns: files that are being written, and that they go again when nothing comes to hold them: a
//! statement that fails or is given up leaves nothing behind.

use std::sync::{Arc, Mutex};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::parquet::arrow::AsyncArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::properties::WriterProperties;
use strataql_diag::{Code, Report};
use strataql_query::error::report_of;

use super::Found;
use super::folder::Folder;
use super::manifest::DataFile;
use super::store::{Kept, Memory, Store, locked};

/// Rows of one row group: what the writer holds in memory at most.
const GROUP_ROWS: usize = 65_536;

impl Store {
    /// Starts a file of rows.
    ///
    /// # Errors
    /// `local-io`.
    pub(super) fn writer(&self, schema: &SchemaRef, pool: &Arc<dyn MemoryPool>) -> Found<Writer> {
        let target = match self {
            Self::Folder(folder) => {
                let (name, file) = folder.create_file()?;
                let unfinished = Unfinished { folder: folder.clone(), name, is_kept: false };
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(ZstdLevel::default()))
                    .set_max_row_group_row_count(Some(GROUP_ROWS))
                    .build();
                let file = tokio::fs::File::from_std(file);
                let writer = AsyncArrowWriter::try_new(file, Arc::clone(schema), Some(properties))
                    .map_err(|error| failed(&unfinished.folder, &error))?;
                Target::File { writer: Box::new(writer), unfinished }
            }
            Self::Memory(memory) => Target::Memory {
                memory: Arc::clone(memory),
                batches: Vec::new(),
                reservation: MemoryConsumer::new("rows of a local table").register(pool),
            },
        };
        Ok(Writer { schema: Arc::clone(schema), target, rows: 0 })
    }
}

fn failed(folder: &Folder, error: &ParquetError) -> Box<Report> {
    match error {
        ParquetError::External(inner) => match inner.downcast_ref::<std::io::Error>() {
            Some(error) => folder.unwritable(error),
            None => folder.unwritable(&std::io::Error::other(inner.to_string())),
        },
        ParquetError::NYI(why) => Box::new(
            Report::new(Code::UnsupportedSyntax, format!("a column cannot be kept: {why}"))
                .with_help("convert it with CAST"),
        ),
        other => folder.unwritable(&std::io::Error::other(other.to_string())),
    }
}

/// Writes rows as they come.
pub(super) struct Writer {
    schema: SchemaRef,
    target: Target,
    rows: u64,
}

enum Target {
    File { writer: Box<AsyncArrowWriter<tokio::fs::File>>, unfinished: Unfinished },
    Memory { memory: Arc<Mutex<Memory>>, batches: Vec<RecordBatch>, reservation: MemoryReservation },
}

/// A file that goes unless the list comes to hold it.
#[derive(Debug)]
struct Unfinished {
    folder: Folder,
    name: String,
    is_kept: bool,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_kept {
            // what cannot be removed now is cleared away later
            let _ignored = std::fs::remove_file(self.folder.file(&self.name));
        }
    }
}

/// A finished file; it goes again unless it is kept.
#[must_use]
pub(super) struct Written {
    pub(super) file: DataFile,
    guard: Guard,
}

enum Guard {
    File(Unfinished),
    Memory(Pending),
}

/// Rows in memory that go unless the list comes to hold them.
struct Pending {
    memory: Arc<Mutex<Memory>>,
    name: String,
    is_kept: bool,
}

impl Drop for Pending {
    fn drop(&mut self) {
        let mut memory = locked(&self.memory);
        memory.pending.remove(&self.name);
        if !self.is_kept {
            memory.files.remove(&self.name);
        }
    }
}

impl Written {
    /// The list holds the file now.
    pub(super) fn keep(mut self) {
        match &mut self.guard {
            Guard::File(unfinished) => unfinished.is_kept = true,
            Guard::Memory(pending) => pending.is_kept = true,
        }
    }
}

impl Writer {
    pub(super) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds rows.
    ///
    /// # Errors
    /// `local-io`, `memory-limit`.
    pub(super) async fn write(&mut self, batch: RecordBatch) -> Found<()> {
        self.rows += u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
        match &mut self.target {
            Target::File { writer, unfinished } => {
                writer.write(&batch).await.map_err(|error| failed(&unfinished.folder, &error))
            }
            Target::Memory { batches, reservation, .. } => {
                let size = batch.get_array_memory_size();
                reservation.try_grow(size).map_err(|error| report_of(&error, ""))?;
                batches.push(batch);
                Ok(())
            }
        }
    }

    /// Ends the file and makes it durable.
    ///
    /// # Errors
    /// `local-io`.
    pub(super) async fn finish(self) -> Found<Written> {
        let rows = self.rows;
        match self.target {
            Target::File { mut writer, unfinished } => {
                let folder = unfinished.folder.clone();
                writer.finish().await.map_err(|error| failed(&folder, &error))?;
                let file = writer.into_inner();
                let io = |error: std::io::Error| folder.unwritable(&error);
                file.sync_all().await.map_err(io)?;
                let bytes = file.metadata().await.map_err(io)?.len();
                folder.sync().map_err(io)?;
                let file = DataFile { name: unfinished.name.clone(), rows, bytes };
                Ok(Written { file, guard: Guard::File(unfinished) })
            }
            Target::Memory { memory, batches, reservation } => {
                let bytes = u64::try_from(reservation.size()).unwrap_or(u64::MAX);
                let kept = Kept { schema: self.schema, batches, _memory: reservation };
                let name = {
                    let mut memory = locked(&memory);
                    memory.count += 1;
                    let name = format!("rows-{}", memory.count);
                    memory.files.insert(name.clone(), Arc::new(kept));
                    memory.pending.insert(name.clone());
                    name
                };
                let file = DataFile { name: name.clone(), rows, bytes };
                Ok(Written { file, guard: Guard::Memory(Pending { memory, name, is_kept: false }) })
            }
        }
    }
}
