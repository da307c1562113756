//! Tables for people.
//!
//! Owns: the `table` output: one header, one rule, one line per row, widths from the data.
//! Refuses: row counts (stderr) and wrapping.
//! Rows marked with [`BLOCKS`] that do not fit the terminal are printed as blocks, a line per
//! value.
//! Surprise: cells are shortened and columns left out on a terminal only, both visibly (`…`,
//! `+3 …`); a file or pipe gets every character. Control sequences are always neutralised.

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use strataql_diag::Result;

use crate::cells::{Column, columns};
use crate::neutral::neutral;
use crate::spool::Batches;
use crate::width::{GAP, cut, fit, more, total, width};
use crate::writer::{Options, ResultWriter, Sink, drain, drain_if_large, out_of_order};

/// Maximum width of a cell on a terminal.
const WIDEST: usize = 60;

/// Schema metadata key: every value matters, so rows that are too wide are printed as blocks.
pub const BLOCKS: &str = "strataql:blocks";

/// Schema metadata key: cells are multi-line texts to copy. A table prints them unchanged, without
/// heading, separated by a blank line.
pub const LINES: &str = "strataql:lines";

/// Writes a table when all rows are known.
pub(crate) struct Table {
    sink: Sink,
    options: Options,
    cell: Vec<u8>,
    buffer: Vec<u8>,
    open: Option<Open>,
    has_printed: bool,
}

/// A result set being collected.
struct Open {
    schema: Schema,
    headings: Vec<Heading>,
    rows: Batches,
}

/// One column of the table.
struct Heading {
    label: String,
    width: usize,
    is_number: bool,
}

impl Table {
    pub(crate) fn new(sink: Sink, options: Options) -> Self {
        Self { sink, options, cell: Vec::new(), buffer: Vec::new(), open: None, has_printed: false }
    }

    fn null(&self) -> &str {
        self.options.null.as_deref().unwrap_or("NULL")
    }

    fn limit(&self, schema: &Schema) -> usize {
        let is_cut = self.options.terminal && !schema.metadata().contains_key(BLOCKS);
        if is_cut { WIDEST } else { usize::MAX }
    }

    /// How many columns are shown, after narrowing them to the terminal.
    fn fit(&self, headings: &mut [Heading]) -> usize {
        let room = self.options.width.filter(|_| self.options.terminal);
        let Some(room) = room else { return headings.len() };
        let mut widths: Vec<usize> = headings.iter().map(|heading| heading.width).collect();
        let shown = fit(&mut widths, room);
        for (heading, width) in headings.iter_mut().zip(widths) {
            heading.width = width;
        }
        shown
    }

    fn print(&mut self, mut open: Open) -> Result<()> {
        if open.schema.metadata().contains_key(LINES) {
            return self.print_lines(open);
        }
        if self.needs_blocks(&open) {
            return self.print_blocks(open);
        }
        let shown = self.fit(&mut open.headings);
        let hidden = open.headings.len() - shown;
        open.headings.truncate(shown);
        if self.has_printed {
            self.buffer.push(b'\n');
        }
        for (position, heading) in open.headings.iter().enumerate() {
            self.push_cell(position, &open.headings, &heading.label, false);
        }
        self.end_line(hidden, &more(hidden));
        for (position, heading) in open.headings.iter().enumerate() {
            self.push_cell(position, &open.headings, &"─".repeat(heading.width), false);
        }
        self.end_line(hidden, &"─".repeat(width(&more(hidden))));
        for batch in open.rows.replay()? {
            let batch = batch?;
            let columns = columns(&open.schema, &batch)?;
            for row in 0..batch.num_rows() {
                self.push_row(&columns, &open.headings, row)?;
                self.end_line(hidden, "…");
                drain_if_large(&mut self.buffer, &mut self.sink)?;
            }
        }
        drain(&mut self.buffer, &mut self.sink)
    }

    /// Prints every cell on its own lines.
    fn print_lines(&mut self, open: Open) -> Result<()> {
        let mut is_first = !self.has_printed;
        for batch in open.rows.replay()? {
            let batch = batch?;
            let columns = columns(&open.schema, &batch)?;
            for row in 0..batch.num_rows() {
                for column in columns.iter().filter(|column| !column.is_null(row)) {
                    if !is_first {
                        self.buffer.push(b'\n');
                    }
                    is_first = false;
                    self.cell.clear();
                    column.text(row, &mut self.cell)?;
                    for line in String::from_utf8_lossy(&self.cell).lines() {
                        self.buffer.extend_from_slice(neutral(line).as_bytes());
                        self.buffer.push(b'\n');
                    }
                }
                drain_if_large(&mut self.buffer, &mut self.sink)?;
            }
        }
        drain(&mut self.buffer, &mut self.sink)
    }

    fn needs_blocks(&self, open: &Open) -> bool {
        let Some(room) = self.options.width.filter(|_| self.options.terminal) else { return false };
        let widths: Vec<usize> = open.headings.iter().map(|heading| heading.width).collect();
        open.schema.metadata().contains_key(BLOCKS) && total(&widths) > room
    }

    /// A block per row: the first value next to its label, the others below it, absent ones
    /// omitted.
    fn print_blocks(&mut self, open: Open) -> Result<()> {
        let widest = open.headings.iter().map(|heading| width(&heading.label)).max().unwrap_or(0);
        let mut is_first = !self.has_printed;
        for batch in open.rows.replay()? {
            let batch = batch?;
            let columns = columns(&open.schema, &batch)?;
            for row in 0..batch.num_rows() {
                if !is_first {
                    self.buffer.push(b'\n');
                }
                is_first = false;
                for (position, (heading, column)) in open.headings.iter().zip(&columns).enumerate()
                {
                    if column.is_null(row) {
                        continue;
                    }
                    let indent = if position == 0 { 0 } else { GAP };
                    self.push_blanks(indent);
                    self.buffer.extend_from_slice(heading.label.as_bytes());
                    self.push_blanks(
                        (widest + 2 * GAP).saturating_sub(indent + width(&heading.label)),
                    );
                    self.cell.clear();
                    column.text(row, &mut self.cell)?;
                    let text = neutral(&String::from_utf8_lossy(&self.cell)).into_owned();
                    self.buffer.extend_from_slice(text.as_bytes());
                    self.end_line(0, "");
                }
                drain_if_large(&mut self.buffer, &mut self.sink)?;
            }
        }
        drain(&mut self.buffer, &mut self.sink)
    }

    fn push_row(&mut self, columns: &[Column<'_>], headings: &[Heading], row: usize) -> Result<()> {
        for (position, column) in columns.iter().take(headings.len()).enumerate() {
            if column.is_null(row) {
                let null = self.null().to_owned();
                self.push_cell(position, headings, &null, self.options.color);
                continue;
            }
            let mut cell = std::mem::take(&mut self.cell);
            cell.clear();
            column.text(row, &mut cell)?;
            self.push_cell(position, headings, &neutral(&String::from_utf8_lossy(&cell)), false);
            self.cell = cell;
        }
        Ok(())
    }

    /// Appends a cell with its padding.
    fn push_cell(&mut self, position: usize, headings: &[Heading], text: &str, is_dim: bool) {
        let heading = &headings[position];
        if position > 0 {
            self.push_blanks(GAP);
        }
        let (text, is_cut) = cut(text, heading.width);
        let blanks = heading.width.saturating_sub(width(text) + usize::from(is_cut));
        if heading.is_number {
            self.push_blanks(blanks);
        }
        if is_dim {
            self.buffer.extend_from_slice(b"\x1b[2m");
        }
        self.buffer.extend_from_slice(text.as_bytes());
        if is_cut {
            self.buffer.extend_from_slice("…".as_bytes());
        }
        if is_dim {
            self.buffer.extend_from_slice(b"\x1b[0m");
        }
        if !heading.is_number {
            self.push_blanks(blanks);
        }
    }

    fn push_blanks(&mut self, count: usize) {
        self.buffer.resize(self.buffer.len() + count, b' ');
    }

    /// Ends a line, with the marker for columns that do not fit.
    fn end_line(&mut self, hidden: usize, sign: &str) {
        if hidden > 0 {
            self.push_blanks(GAP);
            self.buffer.extend_from_slice(sign.as_bytes());
        }
        while self.buffer.last() == Some(&b' ') {
            self.buffer.pop();
        }
        self.buffer.push(b'\n');
    }
}

impl ResultWriter for Table {
    fn start(&mut self, schema: &Schema, labels: &[String]) -> Result<()> {
        let limit = self.limit(schema);
        let headings = schema.fields().iter().zip(labels).map(|(field, label)| {
            let label = neutral(label).into_owned();
            Heading {
                width: width(&label).min(limit),
                label,
                is_number: field.data_type().is_numeric(),
            }
        });
        self.open = Some(Open {
            schema: schema.clone(),
            headings: headings.collect(),
            rows: Batches::new(schema, self.options.spool_bytes)?,
        });
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let null = width(self.null());
        let schema = self.open.as_ref().map(|open| &open.schema).ok_or_else(out_of_order)?;
        let limit = self.limit(schema);
        let open = self.open.as_mut().ok_or_else(out_of_order)?;
        for (heading, column) in open.headings.iter_mut().zip(columns(&open.schema, batch)?) {
            for row in 0..batch.num_rows() {
                let needed = if column.is_null(row) {
                    null
                } else {
                    self.cell.clear();
                    column.text(row, &mut self.cell)?;
                    width(&neutral(&String::from_utf8_lossy(&self.cell)))
                };
                heading.width = heading.width.max(needed.min(limit));
            }
        }
        open.rows.push(batch)
    }

    fn finish(&mut self) -> Result<()> {
        let open = self.open.take().ok_or_else(out_of_order)?;
        if !open.headings.is_empty() {
            self.print(open)?;
            self.has_printed = true;
        }
        Ok(())
    }
}
