//! Results that are being sent: rows, limits, tags.
//!
//! Owns: the columns that a client was told, and the position in the rows.
//! Surprise: rows are converted a batch at a time and sent as asked for; what is not asked for is not
//! fetched.

use arrow_schema::{DataType, SchemaRef};
use bytes::{BufMut, BytesMut};
use futures::StreamExt;
use strataql_diag::{Code, Report};

use crate::backend::{Answer, Notice};
use crate::cells::Cells;
use crate::kinds::{Kind, modifier};
use crate::messages::{message, text};
use crate::report::Failure;

/// A column of a result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub(crate) label: String,
    pub(crate) kind: Kind,
    modifier: i32,
}

impl Column {
    /// The columns of a schema.
    pub(crate) fn all(schema: &SchemaRef, labels: &[String]) -> Vec<Self> {
        let fields = schema.fields().iter().enumerate();
        fields
            .map(|(index, field)| Self {
                label: labels.get(index).unwrap_or(field.name()).clone(),
                kind: Kind::of(field),
                modifier: modifier(field.data_type()),
            })
            .collect()
    }
}

/// Appends the description of columns.
pub(crate) fn describe(columns: &[Column], formats: &Formats, out: &mut BytesMut) {
    if columns.is_empty() {
        return message(out, b'n', |_| {});
    }
    message(out, b'T', |out| {
        out.put_i16(i16::try_from(columns.len()).unwrap_or(i16::MAX));
        for (index, column) in columns.iter().enumerate() {
            text(out, &column.label);
            out.put_u32(0);
            out.put_i16(0);
            out.put_u32(column.kind.oid());
            out.put_i16(column.kind.size());
            out.put_i32(column.modifier);
            out.put_i16(i16::from(formats.is_binary(index)));
        }
    });
}

/// Which columns or parameters are in binary.
#[derive(Debug, Clone, Default)]
pub(crate) struct Formats(Vec<i16>);

impl Formats {
    /// The formats for `count` values: none for text, one for all, or one each.
    pub(crate) fn new(codes: Vec<i16>, count: usize, what: &str) -> Result<Self, Failure> {
        if codes.iter().any(|code| !matches!(code, 0 | 1)) {
            return Err(Failure::new(
                "08P01",
                Report::new(Code::Usage, "a format is neither text (0) nor binary (1)"),
            ));
        }
        if codes.len() > 1 && codes.len() != count {
            return Err(Failure::new(
                "08P01",
                Report::new(
                    Code::Usage,
                    format!("the message has {} formats for {count} {what}", codes.len()),
                )
                .with_help("send none, one for all, or one for each"),
            ));
        }
        Ok(Self(codes))
    }

    pub(crate) fn is_binary(&self, index: usize) -> bool {
        let code = if self.0.len() == 1 { self.0.first() } else { self.0.get(index) };
        code == Some(&1)
    }
}

/// Rows that are being sent.
pub(crate) struct Rows {
    columns: Vec<Column>,
    answer: Answer,
    current: Option<Batch>,
    ended: bool,
}

/// A batch that is being sent.
struct Batch {
    cells: Vec<Cells>,
    next: usize,
    rows: usize,
}

impl Rows {
    /// The rows of an answer. `columns` are those that the client was told, if it was.
    ///
    /// # Errors
    /// If the answer has others.
    pub(crate) fn new(answer: Answer, told: Option<&[Column]>) -> Result<Self, Failure> {
        let columns = Column::all(&answer.schema, &answer.labels);
        let columns = match told {
            Some(told) if told.len() != columns.len() => {
                return Err(Report::new(
                    Code::UnsupportedSyntax,
                    "the columns of the result have changed since the statement was prepared",
                )
                .with_help("prepare the statement again")
                .into());
            }
            Some(told) => told.to_vec(),
            None => columns,
        };
        Ok(Self { columns, answer, current: None, ended: false })
    }

    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// True if a row has been converted and not sent; or takes the next batch. `false` at the end.
    ///
    /// # Errors
    /// What keeps rows from arriving.
    pub(crate) async fn ready(&mut self) -> Result<bool, Failure> {
        loop {
            if self.current.as_ref().is_some_and(|batch| batch.next < batch.rows) {
                return Ok(true);
            }
            self.current = None;
            if self.ended {
                return Ok(false);
            }
            let Some(batch) = self.answer.rows.next().await else {
                self.ended = true;
                return Ok(false);
            };
            let batch = batch.inspect_err(|_| self.ended = true)?;
            let columns = self.columns.iter().zip(batch.columns());
            let cells = columns.map(|(column, array)| Cells::new(&column.kind, array));
            let cells = cells.collect::<Result<Vec<_>, _>>()?;
            self.current = Some(Batch { cells, next: 0, rows: batch.num_rows() });
        }
    }

    /// Appends the next row of the batch as a message.
    ///
    /// # Errors
    /// A value that cannot be sent; nothing is appended then.
    pub(crate) fn put(&mut self, formats: &Formats, out: &mut BytesMut) -> Result<(), Failure> {
        let Some(batch) = &mut self.current else { return Ok(()) };
        let (row, start) = (batch.next, out.len());
        batch.next += 1;
        let mut result = Ok(());
        message(out, b'D', |out| {
            out.put_i16(i16::try_from(batch.cells.len()).unwrap_or(i16::MAX));
            for (index, cells) in batch.cells.iter().enumerate() {
                result = cells.write(row, formats.is_binary(index), out);
                if result.is_err() {
                    break;
                }
            }
        });
        result.inspect_err(|_| out.truncate(start)).map_err(Failure::from)
    }

    /// The cells of the next row.
    pub(crate) fn row(&mut self) -> Option<(&[Cells], usize)> {
        let batch = self.current.as_mut()?;
        batch.next += 1;
        Some((&batch.cells, batch.next - 1))
    }

    /// The notes and warnings of the statement; once its rows have ended.
    pub(crate) fn notices(&mut self) -> Vec<Notice> {
        std::mem::replace(&mut self.answer.notices, Box::new(Vec::new))()
    }

    /// What is said of a statement that has ended.
    pub(crate) fn tag(&self, words: &str, rows: u64) -> String {
        let affected = self.answer.affected;
        match (words, affected) {
            ("INSERT", Some(count)) => format!("INSERT 0 {count}"),
            // drivers read a number after these words only
            ("UPDATE" | "REPLACE", Some(count)) => format!("UPDATE {count}"),
            ("DELETE", Some(count)) => format!("DELETE {count}"),
            _ if !self.columns.is_empty() => format!("SELECT {rows}"),
            _ => words.to_owned(),
        }
    }
}

/// The type that a parameter has for the server.
pub(crate) fn parameter(declared: u32, implied: Option<&DataType>) -> Kind {
    let implied = || implied.map(Kind::of_type);
    Kind::of_oid(declared).or_else(implied).unwrap_or(Kind::Text)
}
