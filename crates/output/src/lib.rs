//! Writers for result sets, one per format, and files that are written completely or not at all.
//!
//! Owns: the formats ([`Format`]), when each may print ([`ResultWriter`]), safe display of remote
//! text ([`neutral`]) and files that are renamed into place ([`AtomicFile`]).
//! Refuses: running queries, row counts and messages (those go to stderr, written by the caller).
//! Surprise: `jsonl`, `csv`, `text`, `vertical` and `events` print rows as they arrive; every other format prints nothing
//! before [`ResultWriter::finish`], so a failed statement leaves no half-written document behind.

mod arrow_stream;
mod cells;
mod choice;
mod csv;
mod events;
mod failure;
mod file;
mod format;
mod json;
mod junit;
mod labels;
mod markdown;
mod neutral;
mod parquet_file;
mod records;
mod run;
mod spool;
mod table;
mod text;
mod types;
mod width;
mod writer;

pub use cells::{holds_json, texts};
pub use choice::writer;
pub use failure::is_broken_pipe;
pub use file::AtomicFile;
pub use format::Format;
pub use neutral::neutral;
pub use run::{Begin, End, Status};
pub use table::{BLOCKS, LINES, RECORDS, WHOLE};
pub use types::sql_type;
pub use writer::{Options, ResultWriter};
