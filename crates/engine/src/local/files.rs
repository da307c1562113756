//! Files that a statement names: `FROM 'apps.csv'`.
//!
//! Owns: which names are files, their formats, and their columns.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::parsers::CompressionTypeVariant;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::execution::SessionState;
use datafusion::object_store::path::Path as ObjectPath;
use datafusion::object_store::{ObjectStore, ObjectStoreExt};
use datafusion::physical_plan::streaming::PartitionStream;
use strataql_diag::{Code, Report, did_you_mean};
use strataql_query::error::report_of;

use super::Found;
use super::csv::CsvFile;
use super::scan::FileTable;

/// Rows that are looked at to tell the types of columns.
const LOOK_AT: usize = 100_000;

/// Opens a file.
///
/// # Errors
/// `local-io` if it cannot be read, `unsupported-syntax` for other formats.
pub(crate) async fn open(state: &SessionState, written: &str) -> Found<Arc<dyn TableProvider>> {
    if written.contains("://") {
        return Err(Box::new(
            Report::new(Code::UnsupportedSyntax, format!("`{written}` is no local file"))
                .with_help("fetch it first, then name the file"),
        ));
    }
    let unusable = |why: &str| {
        Box::new(
            Report::new(Code::LocalIo, format!("the file `{written}` cannot be read: {why}"))
                .with_help("its ending has to tell what it holds, and it has to be whole"),
        )
    };
    let path = std::fs::canonicalize(written).map_err(|error| not_there(written, &error))?;
    let is_file = std::fs::metadata(&path).map_err(|error| not_there(written, &error))?.is_file();
    if !is_file {
        return Err(Box::new(
            Report::new(Code::LocalIo, format!("`{written}` is a folder, no file"))
                .with_help("name one of the files in it"),
        ));
    }
    let format = match format_of(written, &path)? {
        Format::Other(format) => format,
        Format::Delimited(delimiter, compression) => {
            let file = CsvFile::open(written, path, delimiter, compression)?;
            let schema = Arc::clone(PartitionStream::schema(&file));
            let table = StreamingTable::try_new(schema, vec![Arc::new(file)])
                .map_err(|error| unusable(&report_of(&error, "").message))?;
            return Ok(Arc::new(table));
        }
    };
    let location =
        ObjectPath::from_absolute_path(&path).map_err(|error| unusable(&error.to_string()))?;
    let describe = |error| {
        let report = report_of(&error, "");
        unusable(&report.message)
    };
    let store: Arc<dyn ObjectStore> =
        state.runtime_env().object_store(ObjectStoreUrl::local_filesystem()).map_err(describe)?;
    let meta = store.head(&location).await.map_err(|error| unusable(&error.to_string()))?;
    let schema =
        format.infer_schema(state, &store, std::slice::from_ref(&meta)).await.map_err(describe)?;
    if schema.fields().is_empty() {
        return Err(unusable("it has no columns"));
    }
    Ok(Arc::new(FileTable { schema, format, files: vec![meta] }))
}

/// The report of a path that leads nowhere.
fn not_there(written: &str, error: &std::io::Error) -> Box<Report> {
    let is_absent = error.kind() == std::io::ErrorKind::NotFound;
    let why = if is_absent { "there is none".to_owned() } else { error.to_string() };
    let report = Report::new(Code::LocalIo, format!("the file `{written}` cannot be read: {why}"));
    let path = Path::new(written);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    if written.contains(['*', '?', '[']) {
        return Box::new(report.with_help(
            "`*` and `?` mean nothing here: name one file, and join several with UNION ALL",
        ));
    }
    let names: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    Box::new(
        report
            .with_help_if(did_you_mean(&name, names.iter().map(String::as_str)))
            .with_help("give an absolute path, or one from the current folder"),
    )
}

/// The name that a file gets in a statement: without folders and endings.
pub(crate) fn stem(written: &str) -> String {
    let name = Path::new(written).file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_else(|| written.to_owned());
    let plain = name.strip_suffix(".gz").unwrap_or(&name);
    match plain.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem.to_owned(),
        _ => plain.to_owned(),
    }
}

/// How a file is read.
enum Format {
    /// Comma-separated values with this delimiter.
    Delimited(u8, FileCompressionType),
    Other(Arc<dyn FileFormat>),
}

fn format_of(written: &str, path: &Path) -> Found<Format> {
    let lower = written.to_lowercase();
    let (plain, compression) = match lower.strip_suffix(".gz") {
        Some(plain) => (plain, CompressionTypeVariant::GZIP),
        None => (lower.as_str(), CompressionTypeVariant::UNCOMPRESSED),
    };
    let ending = plain.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending {
        "parquet" if compression == CompressionTypeVariant::UNCOMPRESSED => {
            Ok(Format::Other(parquet()))
        }
        "csv" | "tsv" => {
            let delimiter = if ending == "tsv" { b'\t' } else { b',' };
            Ok(Format::Delimited(delimiter, FileCompressionType::from(compression)))
        }
        "json" | "jsonl" | "ndjson" => {
            let lines = ending != "json"
                || compression != CompressionTypeVariant::UNCOMPRESSED
                || !is_array(path);
            Ok(Format::Other(Arc::new(
                JsonFormat::default()
                    .with_schema_infer_max_rec(LOOK_AT)
                    .with_file_compression_type(FileCompressionType::from(compression))
                    .with_newline_delimited(lines),
            )))
        }
        _ => Err(Box::new(
            Report::new(
                Code::UnsupportedSyntax,
                format!("`{written}` is no file that can be read"),
            )
            .with_help(
                "files end in .parquet, .csv, .tsv, .json or .jsonl; .gz may follow the texts",
            ),
        )),
    }
}

/// Parquet as we write and read it: plain text columns, with the metadata of columns.
pub(super) fn parquet() -> Arc<dyn FileFormat> {
    Arc::new(ParquetFormat::default().with_force_view_types(false).with_skip_metadata(false))
}

/// True if the first thing in a JSON file is a `[`.
fn is_array(path: &Path) -> bool {
    let Ok(mut file) = std::fs::File::open(path) else { return false };
    let mut start = [0_u8; 4096];
    let Ok(read) = file.read(&mut start) else { return false };
    let start = start[..read].strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start[..read]);
    start.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_by_its_stem() {
        assert_eq!(stem("/data/apps.csv.gz"), "apps");
        assert_eq!(stem("a.b.parquet"), "a.b");
        assert_eq!(stem(".csv"), ".csv");
    }
}
