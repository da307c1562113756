//! The interface to every format.
//!
//! Owns: [`ResultWriter`], [`Options`] and the choice of the implementation.
//! Refuses: opening files; the caller passes the sink.
//! Surprise: column labels are passed separately from the schema. SQL allows `SELECT name, name`,
//! while Arrow schemas, JSON objects and Parquet files need distinct names.

use std::io::Write;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use strataql_diag::{Report, Result};

use crate::Format;
use crate::arrow_stream::ArrowStream;
use crate::csv::Csv;
use crate::events::Events;
use crate::failure::write_failed;
use crate::json::{Json, Jsonl};
use crate::junit::Junit;
use crate::markdown::Markdown;
use crate::parquet_file::Parquet;
use crate::records::Vertical;
use crate::run::{Begin, End};
use crate::table::Table;
use crate::text::Text;

/// The sink.
pub(crate) type Sink = Box<dyn Write + Send>;

/// Writes result sets, one after the other: `start`, any number of `batch`, `finish`.
///
/// An unfinished set is not printed or, in streaming formats, ends at its last row.
pub trait ResultWriter: Send {
    /// Begins a result set. `labels` are the column headings of the statement.
    fn start(&mut self, schema: &Schema, labels: &[String]) -> Result<()>;

    /// Takes the next rows.
    fn batch(&mut self, batch: &RecordBatch) -> Result<()>;

    /// Ends the result set; buffered output is written now.
    fn finish(&mut self) -> Result<()>;

    /// A statement begins. Formats that hold rows only ignore it, and [`Self::end`].
    fn begin(&mut self, _: &Begin<'_>) -> Result<()> {
        Ok(())
    }

    /// Takes a note, warning or error: an object with `severity` and `message`. Returns false if the
    /// format has no place for it.
    fn tell(&mut self, _: &serde_json::Value) -> Result<bool> {
        Ok(false)
    }

    /// The statement has ended.
    fn end(&mut self, _: &End<'_>) -> Result<()> {
        Ok(())
    }

    /// The run has ended with that exit code.
    fn close(&mut self, _: u8) -> Result<()> {
        Ok(())
    }
}

/// Options of a writer.
#[derive(Debug, Clone)]
pub struct Options {
    /// The sink is a terminal: long cells are cut and control characters neutralised.
    pub terminal: bool,
    /// Width of that terminal in columns; unknown means that tables are as wide as their data.
    pub width: Option<usize>,
    /// Escape sequences may be used.
    pub color: bool,
    /// Text for NULL in table, markdown (default `NULL`), csv and text (default empty); JSON has
    /// its own.
    pub null: Option<String>,
    /// Whether csv (yes) and text (no) begin with the column labels.
    pub header: Option<bool>,
    /// The field separator of csv (`,`) and text (a tab).
    pub delimiter: Option<char>,
    /// Bytes held in memory before output moves to a temporary file.
    pub spool_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            terminal: false,
            width: None,
            color: false,
            null: None,
            header: None,
            delimiter: None,
            spool_bytes: 64 << 20,
        }
    }
}

/// The writer of a format.
pub fn writer(
    format: Format,
    sink: Box<dyn Write + Send>,
    options: Options,
) -> Box<dyn ResultWriter> {
    match format {
        Format::Table => Box::new(Table::new(sink, options)),
        Format::Json => Box::new(Json::new(sink, options.spool_bytes)),
        Format::Jsonl => Box::new(Jsonl::new(sink)),
        Format::Csv => Box::new(Csv::new(sink, options)),
        Format::Text => Box::new(Text::new(sink, options)),
        Format::Vertical => Box::new(Vertical::new(sink, options)),
        Format::Markdown => Box::new(Markdown::new(sink, options)),
        Format::Arrow => Box::new(ArrowStream::new(sink, options.spool_bytes)),
        Format::Parquet => Box::new(Parquet::new(sink, options.spool_bytes)),
        Format::Events => Box::new(Events::new(sink)),
        Format::Junit => Box::new(Junit::new(sink)),
    }
}

/// Writes the buffer when it is large enough for a system call.
pub(crate) fn drain_if_large(buffer: &mut Vec<u8>, sink: &mut impl Write) -> Result<()> {
    const LARGE: usize = 64 << 10;
    if buffer.len() < LARGE {
        return Ok(());
    }
    sink.write_all(buffer).map_err(write_failed)?;
    buffer.clear();
    Ok(())
}

/// Writes and flushes the buffer.
pub(crate) fn drain(buffer: &mut Vec<u8>, sink: &mut impl Write) -> Result<()> {
    sink.write_all(buffer).map_err(write_failed)?;
    buffer.clear();
    sink.flush().map_err(write_failed)
}

/// A call out of order: a bug in the caller.
pub(crate) fn out_of_order() -> Box<Report> {
    Box::new(Report::internal("rows were written outside of a result set"))
}
