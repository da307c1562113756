//! The store of a session: a folder, or memory when there is none.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::object_store::ObjectMeta;
use datafusion::object_store::path::Path as ObjectPath;
use datafusion::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use strataql_diag::{Code, Report};
use strataql_query::error::report_of;

use super::Found;
use super::files::parquet;
use super::folder::Folder;
use super::manifest::{Content, DataFile, Entry, Manifest};
use super::scan::FileTable;

/// Where views and tables are kept.
#[derive(Debug, Clone)]
pub(crate) enum Store {
    Folder(Folder),
    Memory(Arc<Mutex<Memory>>),
}

/// Views and tables of one session.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    manifest: Manifest,
    pub(super) files: HashMap<String, Arc<Kept>>,
    /// Files that are finished and not yet in the list.
    pub(super) pending: BTreeSet<String>,
    pub(super) count: u64,
}

/// Rows in memory.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) schema: SchemaRef,
    pub(super) batches: Vec<RecordBatch>,
    /// Held as long as the rows are.
    pub(super) _memory: MemoryReservation,
}

impl Store {
    pub(crate) fn new(folder: Option<std::path::PathBuf>) -> Self {
        match folder {
            Some(path) => Self::Folder(Folder::new(path)),
            None => Self::Memory(Arc::default()),
        }
    }

    /// True if what is kept here outlives the session.
    pub(super) const fn is_lasting(&self) -> bool {
        matches!(self, Self::Folder(_))
    }

    /// The list now.
    ///
    /// # Errors
    /// `local-io`.
    pub(crate) fn manifest(&self) -> Found<Manifest> {
        match self {
            Self::Folder(folder) => folder.read(),
            Self::Memory(memory) => Ok(locked(memory).manifest.clone()),
        }
    }

    /// Changes the list: all of it or nothing.
    ///
    /// # Errors
    /// What `change` refuses; `local-io`.
    pub(super) async fn commit<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Manifest) -> Found<T> + Send + 'static,
    ) -> Found<T> {
        match self {
            Self::Folder(folder) => {
                let folder = folder.clone();
                // waits for other processes and for the disk
                tokio::task::spawn_blocking(move || folder.commit(change))
                    .await
                    .map_err(|error| Box::new(Report::internal(error.to_string())))?
            }
            Self::Memory(memory) => {
                let mut memory = locked(memory);
                let mut new = memory.manifest.clone();
                let result = change(&mut new)?;
                if new != memory.manifest {
                    new.generation += 1;
                    let Memory { files, pending, .. } = &mut *memory;
                    files.retain(|name, _| {
                        pending.contains(name) || new.files().any(|file| file.name == *name)
                    });
                    memory.manifest = new;
                }
                Ok(result)
            }
        }
    }

    /// Files as a table.
    ///
    /// # Errors
    /// `local-io` if a file cannot be read.
    pub(crate) fn table(&self, name: &str, files: &[DataFile]) -> Found<Arc<dyn TableProvider>> {
        match self {
            Self::Folder(folder) => {
                let unusable = |why: &str| {
                    Box::new(
                        Report::new(
                            Code::LocalIo,
                            format!("the rows of `{name}` cannot be read: {why}"),
                        )
                        .with_help("drop it and make it again"),
                    )
                };
                let Some(first) = files.first() else { return Err(unusable("there is no file")) };
                let schema = schema_of(folder, first).map_err(|why| unusable(&why))?;
                let metas = files
                    .iter()
                    .map(|file| meta(folder, file).map_err(|why| unusable(&why)))
                    .collect::<Found<Vec<_>>>()?;
                Ok(Arc::new(FileTable { schema, format: parquet(), files: metas }))
            }
            Self::Memory(memory) => {
                let memory = locked(memory);
                let kept: Vec<&Arc<Kept>> =
                    files.iter().filter_map(|file| memory.files.get(&file.name)).collect();
                let Some(first) = kept.first() else {
                    return Err(Box::new(Report::internal(format!(
                        "the rows of `{name}` are gone"
                    ))));
                };
                let batches = kept.iter().flat_map(|kept| kept.batches.clone()).collect();
                let table = MemTable::try_new(Arc::clone(&first.schema), vec![batches])
                    .map_err(|error| report_of(&error, ""))?;
                Ok(Arc::new(table))
            }
        }
    }
}

/// The texts of the views that are kept in a folder, each with the names that USE had chosen.
///
/// # Errors
/// `local-io` if the list cannot be read.
pub fn stored_views(folder: &std::path::Path) -> Found<Vec<String>> {
    let manifest = Folder::new(folder.to_owned()).read()?;
    let text = |entry: &Entry| match &entry.content {
        Content::View { view } | Content::MaterializedView { view, .. } => {
            Some(format!("{} {}", view.namespace.join("."), view.sql))
        }
        Content::Table { .. } => None,
    };
    Ok(manifest.entries().iter().filter_map(text).collect())
}

pub(super) fn locked(memory: &Mutex<Memory>) -> std::sync::MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The schema of a file of ours.
fn schema_of(folder: &Folder, file: &DataFile) -> Result<SchemaRef, String> {
    let file = File::open(folder.file(&file.name)).map_err(|error| error.to_string())?;
    ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())
        .map(|metadata| Arc::clone(metadata.schema()))
        .map_err(|error| error.to_string())
}

fn meta(folder: &Folder, file: &DataFile) -> Result<ObjectMeta, String> {
    let path = std::path::absolute(folder.file(&file.name)).map_err(|error| error.to_string())?;
    let metadata = std::fs::metadata(&path).map_err(|error| error.to_string())?;
    if metadata.len() != file.bytes {
        return Err("a file does not have the size that it was written with".to_owned());
    }
    Ok(ObjectMeta {
        location: ObjectPath::from_absolute_path(&path).map_err(|error| error.to_string())?,
        last_modified: metadata.modified().map_err(|error| error.to_string())?.into(),
        size: file.bytes,
        e_tag: None,
        version: None,
    })
}
