//! Reports for write failures.
//!
//! Owns: turning I/O, Arrow and Parquet errors into reports.
//! Surprise: a closed pipe (`… | head`) is a report like any other, so that it stops the query; the
//! command line checks [`is_broken_pipe`] and prints nothing.

use std::io;

use arrow_schema::ArrowError;
use parquet::errors::ParquetError;
use strataql_diag::{Code, Report};

const GONE: &str = "the reader of the output has gone away";

/// True for the report of a closed pipe: the reader has finished, which is not an error.
pub fn is_broken_pipe(report: &Report) -> bool {
    report.code == Code::LocalIo && report.message == GONE
}

/// A failed write to the sink or the spool.
#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
pub(crate) fn write_failed(error: io::Error) -> Box<Report> {
    Box::new(match error.kind() {
        io::ErrorKind::BrokenPipe => Report::new(Code::LocalIo, GONE),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Report::new(Code::LocalIo, format!("cannot write the result: {error}"))
                .with_help("make room on the volume of the output or of the temporary folder")
        }
        _ => Report::new(Code::LocalIo, format!("cannot write the result: {error}")),
    })
}

/// A failure of Arrow's encoders or of the display of a value.
pub(crate) fn arrow_failed(error: ArrowError) -> Box<Report> {
    match error {
        ArrowError::IoError(_, error) => write_failed(error),
        other => Box::new(Report::new(
            Code::BadValue,
            format!("a value of the result cannot be written: {other}"),
        )),
    }
}

/// A failure of the Parquet encoder.
pub(crate) fn parquet_failed(error: ParquetError) -> Box<Report> {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => write_failed(*error),
            Err(other) => not_in_parquet(&other.to_string()),
        },
        other => not_in_parquet(&other.to_string()),
    }
}

fn not_in_parquet(cause: &str) -> Box<Report> {
    Box::new(
        Report::new(Code::TypeMismatch, format!("the result cannot be stored in Parquet: {cause}"))
            .with_help("cast the column to text, or write `arrow` instead"),
    )
}

/// A second result set for a format that holds one.
pub(crate) fn one_result_set(format: &str) -> Box<Report> {
    Box::new(
        Report::new(Code::Usage, format!("`{format}` output holds exactly one result set"))
            .with_help("run one statement per output file, or write `jsonl`"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_told_apart() {
        let pipe = write_failed(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(is_broken_pipe(&pipe));
        let full = write_failed(io::Error::from(io::ErrorKind::StorageFull));
        assert!(!is_broken_pipe(&full));
        assert_eq!((full.code, full.help.len()), (Code::LocalIo, 1));
        let wrapped = ArrowError::IoError(
            "while writing".to_owned(),
            io::Error::from(io::ErrorKind::BrokenPipe),
        );
        assert!(is_broken_pipe(&arrow_failed(wrapped)));
    }
}
