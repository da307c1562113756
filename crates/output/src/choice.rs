//! The writer of each format.

use std::io::Write;

use crate::Format;
use crate::arrow_stream::ArrowStream;
use crate::csv::Csv;
use crate::events::Events;
use crate::json::{Json, Jsonl};
use crate::junit::Junit;
use crate::markdown::Markdown;
use crate::parquet_file::Parquet;
use crate::records::Vertical;
use crate::table::Table;
use crate::text::Text;
use crate::writer::{Options, ResultWriter};

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
