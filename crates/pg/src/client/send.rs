//! Sending rows: `DataRow`, FETCH, COPY.

use bytes::{BufMut, BytesMut};

use super::run::no_portal;
use super::{Client, Progress, Stop};
use crate::backend::Notice;
use crate::commands::{Command, CopyForm};
use crate::portal::{Formats, Rows};
use crate::report::{Failure, Severity};
use crate::wire::Socket;
use strataql_diag::{Code, Report};

/// Bytes of rows that are encoded before they are handed to the connection.
const CHUNK: usize = 16 << 10;

impl<S: Socket> Client<S> {
    /// Sends rows up to a limit (0 is none) and then the tag; `false` if rows are left.
    pub(super) async fn send(
        &mut self,
        rows: &mut Rows,
        formats: &Formats,
        words: &str,
        limit: usize,
    ) -> Result<bool, Stop> {
        let (sent, ended) = self.send_rows(rows, formats, limit, true).await?;
        if !ended {
            self.outgoing.put(b's', |_| {});
            return Ok(false);
        }
        self.send_notices(rows);
        let tag = rows.tag(words, sent);
        self.complete(&tag);
        Ok(true)
    }

    /// Sends or skips rows; gives their count, and whether they have ended.
    async fn send_rows(
        &mut self,
        rows: &mut Rows,
        formats: &Formats,
        limit: usize,
        shows: bool,
    ) -> Result<(u64, bool), Stop> {
        let mut sent = 0;
        let mut out = BytesMut::new();
        let result = loop {
            if limit > 0 && sent == limit as u64 {
                break Ok(false);
            }
            match self.next_row(rows).await {
                Ok(true) => {}
                Ok(false) => break Ok(true),
                Err(stop) => break Err(stop),
            }
            if shows {
                if let Err(failure) = rows.put(formats, &mut out) {
                    break Err(failure.into());
                }
            } else {
                rows.row();
            }
            sent += 1;
            if out.len() >= CHUNK {
                self.outgoing.put_all(&out);
                out.clear();
                self.outgoing.send_if_full().await.map_err(gone)?;
            }
        };
        // what was converted before a failure is sent before its report
        self.outgoing.put_all(&out);
        self.shared.metrics.rows(sent);
        result.map(|ended| (sent, ended))
    }

    /// FETCH and MOVE.
    pub(super) async fn fetch(
        &mut self,
        name: &str,
        count: Option<usize>,
        moves: bool,
    ) -> Result<(), Stop> {
        self.check(&Command::Run("FETCH".to_owned()))?;
        let mut portal = self.portals.remove(name).ok_or_else(|| no_portal(name))?;
        let word = if moves { "MOVE" } else { "FETCH" };
        let mut sent = 0;
        if let Progress::Running(rows) = &mut portal.progress {
            if !moves {
                let columns = rows.columns().to_vec();
                self.describe_columns(&columns, &portal.formats);
            }
            if count != Some(0) {
                let limit = count.unwrap_or(0);
                let (rows_sent, ended) =
                    self.send_rows(rows, &portal.formats, limit, !moves).await?;
                sent = rows_sent;
                if ended {
                    self.send_notices(rows);
                }
            }
        }
        self.portals.insert(name.to_owned(), portal);
        self.complete(&format!("{word} {sent}"));
        Ok(())
    }

    /// COPY … TO STDOUT.
    pub(super) async fn copy(&mut self, mut rows: Rows, form: &CopyForm) -> Result<(), Stop> {
        let count = i16::try_from(rows.columns().len()).unwrap_or(i16::MAX);
        self.outgoing.put(b'H', |out| {
            out.put_u8(0);
            out.put_i16(count);
            (0..count).for_each(|_| out.put_i16(0));
        });
        let mut line = BytesMut::new();
        if form.header {
            for (index, column) in rows.columns().iter().enumerate() {
                separate(index, form, &mut line);
                cell(column.label.as_bytes(), form, &mut line);
            }
            line.put_u8(b'\n');
            self.outgoing.put(b'd', |out| out.put_slice(&line));
        }
        let mut sent = 0;
        let mut value = BytesMut::new();
        while self.next_row(&mut rows).await? {
            line.clear();
            let Some((cells, row)) = rows.row() else { break };
            for (index, cells) in cells.iter().enumerate() {
                separate(index, form, &mut line);
                value.clear();
                if cells.text(row, &mut value).map_err(Failure::from)? {
                    cell(&value, form, &mut line);
                } else {
                    line.put_slice(form.null.as_bytes());
                }
            }
            line.put_u8(b'\n');
            self.outgoing.put(b'd', |out| out.put_slice(&line));
            sent += 1;
            self.outgoing.send_if_full().await.map_err(gone)?;
        }
        self.shared.metrics.rows(sent);
        self.outgoing.put(b'c', |_| {});
        self.send_notices(&mut rows);
        self.complete(&format!("COPY {sent}"));
        Ok(())
    }

    /// Notes and warnings of a statement that has ended.
    pub(super) fn send_notices(&mut self, rows: &mut Rows) {
        for notice in rows.notices() {
            let (severity, report) = match notice {
                Notice::Note(text) => {
                    (Severity::Notice, Box::new(Report::warning(Code::Partial, text)))
                }
                Notice::Warning(report) => (Severity::Warning, report),
            };
            self.outgoing.report(severity, &report.into(), None);
        }
    }
}

fn gone(error: std::io::Error) -> Stop {
    Stop::End(error.into())
}

fn separate(index: usize, form: &CopyForm, line: &mut BytesMut) {
    if index > 0 {
        line.put_u8(form.delimiter);
    }
}

/// A value of COPY, escaped as its form has it.
fn cell(value: &[u8], form: &CopyForm, line: &mut BytesMut) {
    if form.csv {
        let special = |byte: &u8| matches!(byte, b'"' | b'\n' | b'\r') || *byte == form.delimiter;
        // an empty text is not NULL
        if !value.iter().any(special) && value != form.null.as_bytes() {
            return line.put_slice(value);
        }
        line.put_u8(b'"');
        for byte in value {
            if *byte == b'"' {
                line.put_u8(b'"');
            }
            line.put_u8(*byte);
        }
        return line.put_u8(b'"');
    }
    for byte in value {
        match byte {
            b'\\' => line.put_slice(b"\\\\"),
            b'\n' => line.put_slice(b"\\n"),
            b'\r' => line.put_slice(b"\\r"),
            b'\t' => line.put_slice(b"\\t"),
            byte if *byte == form.delimiter => line.put_slice(&[b'\\', *byte]),
            byte => line.put_u8(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::message;

    #[test]
    fn copied_values_are_escaped() {
        let copied = |value: &str, csv: bool| {
            let null = if csv { String::new() } else { "\\N".to_owned() };
            let form =
                CopyForm { csv, header: false, delimiter: if csv { b',' } else { b'\t' }, null };
            let mut line = BytesMut::new();
            cell(value.as_bytes(), &form, &mut line);
            String::from_utf8(line.to_vec()).expect("UTF-8")
        };
        assert_eq!(copied("a,\"b\"", true), "\"a,\"\"b\"\"\"");
        assert_eq!(copied("", true), "\"\"");
        assert_eq!(copied("plain", true), "plain");
        assert_eq!(copied("a\tb\\N\n", false), "a\\tb\\\\N\\n");
        let mut out = BytesMut::new();
        message(&mut out, b'd', |out| out.put_slice(b"x"));
        assert_eq!(&out[..], b"d\0\0\0\x05x");
    }
}
