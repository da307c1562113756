//! Results that are read in parts.
//!
//! Owns: the rows that were read and not given yet, and the streams that have more. Rows stay with the
//! stream until they are asked for, so an unread result costs no memory.
//! Surprise: a continuation works once. Whoever reads on gets a new one.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use serde_json::Value;
use strataql_diag::{Code, Report};

use crate::backend::{Column, Facts, Row, Table};
use crate::digest;

/// Results that may be open at once.
const MOST: usize = 16;
/// How long a result waits for its next reader.
const IDLE: Duration = Duration::from_mins(5);
/// A value longer than this is cut, in characters.
const LONGEST: usize = 4_000;
/// Bytes of a token.
const TOKEN: usize = 4;

/// A result that is being read.
pub(crate) struct Cursor {
    table: Table,
    ahead: std::collections::VecDeque<Row>,
    is_over: bool,
    given: usize,
}

/// A part of a result.
pub(crate) struct Part {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Row>,
    pub(crate) facts: Facts,
    /// Values that were cut.
    pub(crate) cut: usize,
    /// Rows of earlier parts.
    pub(crate) before: usize,
    /// The rest, if there is more.
    pub(crate) rest: Option<Cursor>,
}

impl Cursor {
    pub(crate) fn new(table: Table) -> Self {
        Self { table, ahead: std::collections::VecDeque::new(), is_over: false, given: 0 }
    }

    /// Reads rows until there are so many, or so many tokens.
    ///
    /// # Errors
    /// What fails while rows are read. Rows that came before are not given: they would look whole.
    pub(crate) async fn part(
        mut self,
        most_rows: usize,
        most_tokens: usize,
    ) -> Result<Part, Box<Report>> {
        let (mut rows, mut bytes, mut cut) = (Vec::new(), 0, 0);
        let before = self.given;
        let room = most_tokens.saturating_mul(TOKEN);
        let mut is_full = false;
        while !is_full {
            let Some(mut row) = self.next().await? else { break };
            let shortened = shorten(&mut row, room);
            let size = size(&row);
            is_full = rows.len() == most_rows || (!rows.is_empty() && bytes + size > room);
            if is_full {
                self.ahead.push_front(row);
            } else {
                cut += shortened;
                bytes += size;
                rows.push(row);
            }
        }
        self.given += rows.len();
        let facts = (self.table.facts)();
        let columns = self.table.columns.clone();
        Ok(Part { columns, rows, facts, cut, before, rest: is_full.then_some(self) })
    }

    async fn next(&mut self) -> Result<Option<Row>, Box<Report>> {
        while self.ahead.is_empty() && !self.is_over {
            match self.table.rows.next().await {
                Some(rows) => self.ahead.extend(rows?),
                None => self.is_over = true,
            }
        }
        Ok(self.ahead.pop_front())
    }
}

/// The bytes of a row as JSON.
fn size(row: &Row) -> usize {
    row.iter().map(|(name, value)| name.len() + value.to_string().len() + 4).sum()
}

/// Cuts values that are too long; gives their number.
fn shorten(row: &mut Row, room: usize) -> usize {
    let longest = LONGEST.min(room / row.len().max(1)).max(40);
    let mut cut = 0;
    for value in row.values_mut() {
        let Value::String(text) = value else {
            if value.is_object() || value.is_array() {
                let text = value.to_string();
                if text.chars().count() > longest {
                    *value = Value::String(start(&text, longest));
                    cut += 1;
                }
            }
            continue;
        };
        if text.chars().count() > longest {
            *text = start(text, longest);
            cut += 1;
        }
    }
    cut
}

fn start(text: &str, longest: usize) -> String {
    let kept: String = text.chars().take(longest).collect();
    let left = text.chars().count() - longest;
    format!("{kept}… [{left} more characters]")
}

/// Open results by their continuation.
#[derive(Default)]
pub(crate) struct Cursors {
    open: Mutex<BTreeMap<String, (Instant, Cursor)>>,
}

impl Cursors {
    /// Keeps the rest of a result; gives its continuation. The one that waits longest makes room.
    ///
    /// # Errors
    /// `internal` without random numbers.
    pub(crate) fn keep(&self, rest: Cursor) -> Result<String, Box<Report>> {
        let name = digest::handle()?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, (since, _)| since.elapsed() < IDLE);
        if open.len() >= MOST {
            let oldest = open.iter().min_by_key(|(_, (since, _))| *since);
            if let Some(name) = oldest.map(|(name, _)| name.clone()) {
                open.remove(&name);
            }
        }
        open.insert(name.clone(), (Instant::now(), rest));
        Ok(name)
    }

    /// Takes the rest of a result.
    ///
    /// # Errors
    /// `usage` if there is none of that name.
    pub(crate) fn take(&self, name: &str) -> Result<Cursor, Box<Report>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, (since, _)| since.elapsed() < IDLE);
        open.remove(name).map(|(_, cursor)| cursor).ok_or_else(|| {
            Box::new(
                Report::new(Code::Usage, "there is no result with this continuation")
                    .with_note(format!(
                        "a continuation works once, and for {} minutes",
                        IDLE.as_secs() / 60
                    ))
                    .with_help("run the query again, with a LIMIT or fewer columns"),
            )
        })
    }
}
