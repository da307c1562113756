//! Tables for people.
//!
//! Owns: the `table` output: one header, one rule, one line per row, widths from the data; the line
//! below it on a terminal.
//! Refuses: wrapping.
//! Rows marked with [`BLOCKS`] that do not fit the terminal are printed as blocks, a line per
//! value; those marked with [`WHOLE`], and a single row, as records.
//! Surprise: cells are shortened and columns left out on a terminal only, both visibly (`…`,
//! `+3 …`, and counted below the table); a file or pipe gets every character, and cells that are much
//! longer than a screen are not aligned there. Control sequences are always neutralised.

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use strataql_diag::{Result, counted};

use crate::cells::{Column, columns};
use crate::neutral::neutral;
use crate::records::Records;
use crate::spool::Batches;
use crate::width::{GAP, cut, fit, more, total, width};
use crate::writer::{Options, ResultWriter, Sink, drain, drain_if_large, out_of_order};

/// Maximum width of a cell on a terminal.
const WIDEST: usize = 60;

/// Maximum width of a column elsewhere: longer cells are whole and not aligned, so that one long cell
/// does not fill every row with blanks.
const ALIGNED: usize = 200;

/// Schema metadata key: every value matters, so rows that are too wide are printed as blocks.
pub const BLOCKS: &str = "strataql:blocks";

/// Schema metadata key: nothing may be cut. Rows that are too wide are printed as records.
pub const WHOLE: &str = "strataql:whole";

/// Schema metadata key: rows are printed as records.
pub const RECORDS: &str = "strataql:records";

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
    /// Cells of the current table that are cut.
    cut: usize,
}

/// A result set being collected.
struct Open {
    schema: Schema,
    headings: Vec<Heading>,
    rows: Batches,
    count: usize,
}

impl Open {
    fn is_marked(&self, key: &str) -> bool {
        self.schema.metadata().contains_key(key)
    }

    /// The width of the rows if nothing is cut.
    fn whole_width(&self) -> usize {
        total(&self.headings.iter().map(|heading| heading.width).collect::<Vec<_>>())
    }

    /// True if a cell is wider than a column may be on a terminal.
    fn has_long_cells(&self) -> bool {
        self.headings.iter().any(|heading| heading.width > WIDEST)
    }
}

/// One column of the table.
struct Heading {
    label: String,
    width: usize,
    is_number: bool,
}

impl Table {
    pub(crate) fn new(sink: Sink, options: Options) -> Self {
        Self {
            sink,
            options,
            cell: Vec::new(),
            buffer: Vec::new(),
            open: None,
            has_printed: false,
            cut: 0,
        }
    }

    fn null(&self) -> &str {
        self.options.null.as_deref().unwrap_or("NULL")
    }

    /// Maximum width of a column of a table.
    fn limit(&self, open: &Open) -> usize {
        if !self.options.terminal {
            ALIGNED
        } else if open.is_marked(BLOCKS) || open.is_marked(WHOLE) {
            usize::MAX
        } else {
            WIDEST
        }
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
        if open.is_marked(LINES) {
            return self.print_lines(open);
        }
        if open.is_marked(BLOCKS) && self.is_too_wide(&open) {
            return self.print_blocks(open);
        }
        if self.needs_records(&open) {
            return self.print_records(open);
        }
        let limit = self.limit(&open);
        for heading in &mut open.headings {
            heading.width = heading.width.min(limit);
        }
        let (count, has_footer) = (open.count, !open.is_marked(BLOCKS));
        self.cut = 0;
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
        if has_footer {
            self.push_footer(count, hidden);
        }
        drain(&mut self.buffer, &mut self.sink)
    }

    /// On a terminal: how many rows there are, and how to see what is cut.
    fn push_footer(&mut self, count: usize, hidden: usize) {
        if !self.options.terminal {
            return;
        }
        let rows = counted(count as u64, "row");
        let columns =
            (hidden > 0).then(|| format!("{} left out", counted(hidden as u64, "column")));
        let cells = (self.cut > 0).then(|| format!("{} cut", counted(self.cut as u64, "cell")));
        let missing: Vec<String> = columns.into_iter().chain(cells).collect();
        let line = if missing.is_empty() {
            format!("({rows})")
        } else {
            format!("({rows}; {}: end the statement with \\G to see all)", missing.join(", "))
        };
        let line = if self.options.color { format!("\x1b[2m{line}\x1b[0m") } else { line };
        self.buffer.extend_from_slice(line.as_bytes());
        self.buffer.push(b'\n');
    }

    /// Prints a record per row.
    fn print_records(&mut self, open: Open) -> Result<()> {
        if self.has_printed {
            self.buffer.push(b'\n');
        }
        let labels: Vec<String> =
            open.headings.iter().map(|heading| heading.label.clone()).collect();
        let mut records = Records::new(&labels, &self.options);
        let (count, has_lines) = (open.count, open.count > 1);
        for batch in open.rows.replay()? {
            let batch = batch?;
            let columns = columns(&open.schema, &batch)?;
            for row in 0..batch.num_rows() {
                if has_lines {
                    records.push_line(&mut self.buffer);
                }
                records.push(&columns, row, &mut self.buffer)?;
                drain_if_large(&mut self.buffer, &mut self.sink)?;
            }
        }
        self.cut = 0;
        self.push_footer(count, 0);
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

    fn is_too_wide(&self, open: &Open) -> bool {
        let room = self.options.width.filter(|_| self.options.terminal);
        room.is_some_and(|room| open.whole_width() > room)
    }

    fn needs_records(&self, open: &Open) -> bool {
        if open.count == 0 {
            return false;
        }
        let is_long = self.options.terminal && open.has_long_cells();
        open.is_marked(RECORDS)
            || open.is_marked(WHOLE) && self.is_too_wide(open)
            || open.count == 1 && (is_long || self.is_too_wide(open))
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
        // elsewhere nothing is cut
        let (text, is_cut) =
            if self.options.terminal { cut(text, heading.width) } else { (text, false) };
        self.cut += usize::from(is_cut);
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
        let headings = schema.fields().iter().zip(labels).map(|(field, label)| {
            let label = neutral(label).into_owned();
            Heading { width: width(&label), label, is_number: field.data_type().is_numeric() }
        });
        self.open = Some(Open {
            schema: schema.clone(),
            headings: headings.collect(),
            rows: Batches::new(schema, self.options.spool_bytes)?,
            count: 0,
        });
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let null = width(self.null());
        let open = self.open.as_mut().ok_or_else(out_of_order)?;
        open.count += batch.num_rows();
        for (heading, column) in open.headings.iter_mut().zip(columns(&open.schema, batch)?) {
            for row in 0..batch.num_rows() {
                let needed = if column.is_null(row) {
                    null
                } else {
                    self.cell.clear();
                    column.text(row, &mut self.cell)?;
                    width(&neutral(&String::from_utf8_lossy(&self.cell)))
                };
                heading.width = heading.width.max(needed);
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
