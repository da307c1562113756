//! Checks as a `JUnit` report, for CI servers.
//!
//! Owns: the `junit` output: a test case per check, and per statement that failed or was not run.
//! Surprise: other statements are not in the report. It is written when the run has ended, whatever
//! its end.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use strataql_diag::{Code, Report, Result};

use crate::failure::write_failed;
use crate::run::{Begin, End, Status};
use crate::table::Table;
use crate::writer::{Options, ResultWriter, Sink, out_of_order};

/// Rows of a failed check that the report has; the others are counted.
const ROWS: usize = 200;

/// The name of a suite without a file.
const NO_FILE: &str = "strataql";

/// Longest name of a test case, in characters.
const NAME: usize = 120;

/// Collects the checks of a run.
pub(crate) struct Junit {
    sink: Sink,
    suite: String,
    open: Option<Open>,
    cases: Vec<Case>,
}

/// A statement that runs.
struct Open {
    name: String,
    line: usize,
    is_check: bool,
    rows: Buffer,
    table: Option<Table>,
    /// Rows that the report has not.
    more: usize,
    seen: usize,
}

struct Case {
    name: String,
    line: usize,
    duration: Duration,
    verdict: Verdict,
}

enum Verdict {
    Passed,
    Skipped,
    /// What is checked is false.
    Failure(String, String),
    /// The check could not be made.
    Error(String, String, String),
}

/// The table of a check's rows.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Junit {
    pub(crate) fn new(sink: Sink) -> Self {
        Self { sink, suite: NO_FILE.to_owned(), open: None, cases: Vec::new() }
    }

    fn count(&self, is_kind: impl Fn(&Verdict) -> bool) -> usize {
        self.cases.iter().filter(|case| is_kind(&case.verdict)).count()
    }

    /// The attributes that a suite, and the report of one suite, have.
    fn totals(&self) -> String {
        let time: Duration = self.cases.iter().map(|case| case.duration).sum();
        format!(
            "name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3}\"",
            escaped(&self.suite),
            self.cases.len(),
            self.count(|verdict| matches!(verdict, Verdict::Failure(..))),
            self.count(|verdict| matches!(verdict, Verdict::Error(..))),
            self.count(|verdict| matches!(verdict, Verdict::Skipped)),
            time.as_secs_f64()
        )
    }

    fn xml(&self) -> String {
        let totals = self.totals();
        let mut out = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {totals}>\n  <testsuite {totals}>\n"
        );
        for case in &self.cases {
            // writing to a string cannot fail
            _ = writeln!(
                out,
                "    <testcase name=\"{}\" classname=\"{}\" line=\"{}\" time=\"{:.3}\"{}",
                escaped(&case.name),
                escaped(&self.suite),
                case.line,
                case.duration.as_secs_f64(),
                inside(&case.verdict)
            );
        }
        out.push_str("  </testsuite>\n</testsuites>\n");
        out
    }
}

/// The rest of a test case after its attributes.
fn inside(verdict: &Verdict) -> String {
    let part = |tag: &str, kind: &str, message: &str, body: &str| {
        format!(
            ">\n      <{tag} type=\"{kind}\" message=\"{}\">{}</{tag}>\n    </testcase>",
            escaped(message),
            escaped(body)
        )
    };
    match verdict {
        Verdict::Passed => "/>".to_owned(),
        Verdict::Skipped => {
            ">\n      <skipped message=\"not run after an earlier failure\"/>\n    </testcase>"
                .to_owned()
        }
        Verdict::Failure(message, rows) => {
            part("failure", Code::AssertionFailed.id(), message, rows)
        }
        Verdict::Error(code, message, body) => part("error", code, message, body),
    }
}

fn verdict(end: &End<'_>, open: &Open) -> Verdict {
    match (end.status, end.failure) {
        (Status::Skipped, _) => Verdict::Skipped,
        (Status::Done, _) | (Status::Failed, None) => Verdict::Passed,
        (Status::Failed, Some(report)) if report.code == Code::AssertionFailed => {
            let mut rows = open.rows.text();
            if open.more > 0 {
                _ = writeln!(rows, "and {} more rows", open.more);
            }
            let notes = report.notes.iter().map(|note| format!("{note}\n"));
            Verdict::Failure(report.message.clone(), notes.collect::<String>() + &rows)
        }
        (Status::Failed, Some(report)) => {
            Verdict::Error(report.code.id().to_owned(), report.message.clone(), details(report))
        }
    }
}

fn details(report: &Report) -> String {
    let help = report.help.iter().map(|help| format!("help: {help}\n"));
    help.chain(report.notes.iter().map(|note| format!("note: {note}\n"))).collect()
}

/// Text for XML 1.0, which has no control characters at all.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push('\t'),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// The name of a test case: the message of the check, or the statement on one line.
fn name(statement: &Begin<'_>) -> String {
    if let Some(title) = statement.title {
        return title.to_owned();
    }
    let line = statement.text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= NAME {
        return line;
    }
    line.chars().take(NAME - 1).chain(['…']).collect()
}

impl ResultWriter for Junit {
    fn start(&mut self, schema: &Schema, labels: &[String]) -> Result<()> {
        if let Some(open) = self.open.as_mut().filter(|open| open.is_check) {
            let mut table = Table::new(Box::new(open.rows.clone()), Options::default());
            table.start(schema, labels)?;
            open.table = Some(table);
        }
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let open = self.open.as_mut().ok_or_else(out_of_order)?;
        let Some(table) = &mut open.table else { return Ok(()) };
        let shown = batch.num_rows().min(ROWS.saturating_sub(open.seen));
        open.seen += shown;
        open.more += batch.num_rows() - shown;
        if shown > 0 { table.batch(&batch.slice(0, shown)) } else { Ok(()) }
    }

    fn finish(&mut self) -> Result<()> {
        let open = self.open.as_mut().ok_or_else(out_of_order)?;
        open.table.take().map_or(Ok(()), |mut table| table.finish())
    }

    fn begin(&mut self, statement: &Begin<'_>) -> Result<()> {
        if let Some(file) = statement.file {
            file.clone_into(&mut self.suite);
        }
        self.open = Some(Open {
            name: name(statement),
            line: statement.line,
            is_check: statement.is_check,
            rows: Buffer::default(),
            table: None,
            more: 0,
            seen: 0,
        });
        Ok(())
    }

    /// An error before the first statement would leave a report without a failure.
    fn tell(&mut self, message: &serde_json::Value) -> Result<bool> {
        let text =
            |key: &str| message.get(key).and_then(|value| value.as_str()).unwrap_or_default();
        if text("severity") == "error" && self.open.is_none() {
            self.cases.push(Case {
                name: NO_FILE.to_owned(),
                line: 0,
                duration: Duration::ZERO,
                verdict: Verdict::Error(
                    text("code").to_owned(),
                    text("message").to_owned(),
                    String::new(),
                ),
            });
        }
        Ok(false)
    }

    fn end(&mut self, end: &End<'_>) -> Result<()> {
        let open = self.open.take().ok_or_else(out_of_order)?;
        if open.is_check || end.status != Status::Done {
            self.cases.push(Case {
                verdict: verdict(end, &open),
                name: open.name,
                line: open.line,
                duration: end.duration,
            });
        }
        Ok(())
    }

    fn close(&mut self, _: u8) -> Result<()> {
        let xml = self.xml();
        self.sink.write_all(xml.as_bytes()).and_then(|()| self.sink.flush()).map_err(write_failed)
    }
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(
            escaped("a<b & \"c\"\u{1b}[0m\n>"),
            "a&lt;b &amp; &quot;c&quot;\u{fffd}[0m&#10;&gt;"
        );
    }
}
