//! Printing results to stdout or a file, and messages to the output or stderr.
//!
//! Owns: which messages go where: formats that report the run take them, stderr gets the rest.

use std::io::{Write, stdout};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::datatypes::Schema;
use futures::StreamExt;
use strataql_diag::{Code, Report};
use strataql_engine::{Completeness, Outcome, ResultSet};
use strataql_output::{
    AtomicFile, Begin, End, Format, Options, RECORDS, ResultWriter, Status, WHOLE, writer,
};

use crate::args::ExecArguments;
use crate::console::{Console, Timing};
use crate::exit::Exit;
use crate::progress::{Progress, ProgressState};
use crate::render::{self, Source};
use crate::settings::Settings;

/// Prints the results of a run.
pub(crate) struct Printer<'a> {
    console: &'a Console,
    writer: Box<dyn ResultWriter>,
    format: Format,
    file: Option<AtomicFile>,
    timing: bool,
    has_progress: bool,
    partial: bool,
}

/// Why a statement did not end well.
pub(crate) enum Failure {
    /// The statement failed.
    Statement(Box<Report>),
    /// Its result cannot be written.
    Output(Box<Report>),
}

/// How the rows of a statement are printed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Layout {
    /// As records: it ends with `\G`.
    pub(crate) vertical: bool,
    /// Nothing may be cut.
    pub(crate) whole: bool,
    /// Without rows there is nothing to print: an assertion that holds.
    pub(crate) hides_empty: bool,
}

/// What a statement did.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    rows: u64,
    affected: Option<u64>,
    pub(super) outcome: Outcome,
}

impl Counted {
    /// Rows of the result.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }
}

impl<'a> Printer<'a> {
    pub(super) fn new(
        arguments: &ExecArguments,
        settings: &Settings,
        console: &'a Console,
    ) -> Result<Self, Box<Report>> {
        let file = arguments.common.output.file().map(AtomicFile::create).transpose()?;
        let sink: Box<dyn Write + Send> = match &file {
            Some(file) => file.sink()?,
            None => Box::new(stdout()),
        };
        let terminal = file.is_none() && console.stdout_is_terminal;
        if terminal && settings.output.is_binary() {
            return Err(Box::new(
                Report::new(
                    Code::Usage,
                    format!("`{}` is no text for a terminal", settings.output),
                )
                .with_help("name a file with `-f`, or send stdout to a file or a pipe"),
            ));
        }
        let options = Options {
            terminal,
            width: console.width,
            color: terminal && console.stdout_color,
            ..Options::default()
        };
        let printer = Self::to(console, settings.output, sink, options);
        Ok(Self { file, timing: arguments.timing, ..printer })
    }

    /// A printer to a sink.
    pub(crate) fn to(
        console: &'a Console,
        format: Format,
        sink: Box<dyn Write + Send>,
        options: Options,
    ) -> Self {
        Self {
            console,
            writer: writer(format, sink, options),
            format,
            file: None,
            timing: false,
            has_progress: console.has_progress(),
            partial: false,
        }
    }

    /// The printer with the cost of each statement on stderr.
    pub(crate) fn timing(self, timing: bool) -> Self {
        Self { timing, ..self }
    }

    /// True if the output reports failures, too.
    pub(super) fn is_report(&self) -> bool {
        self.format.is_report()
    }

    /// A statement begins.
    pub(crate) fn begin(&mut self, statement: &Begin<'_>) -> Result<(), Failure> {
        self.writer.begin(statement).map_err(Failure::Output)
    }

    /// Prints one result, reading its rows to the end. `counted` grows while rows arrive.
    pub(crate) async fn print(
        &mut self,
        result: ResultSet,
        layout: Layout,
        state: &Arc<ProgressState>,
        counted: &mut Counted,
    ) -> Result<(), Failure> {
        counted.affected = result.affected;
        counted.outcome = result.outcome.clone();
        let mut progress =
            Progress::start(Arc::clone(state), result.outcome.clone(), self.has_progress);
        let shown = !result.is_empty();
        let schema = marked(&result.schema, layout);
        // the header waits for the first rows: a statement that fails before them prints nothing
        let mut begun = false;
        let mut rows = result.rows;
        let mut failure = None;
        while let Some(batch) = rows.next().await {
            let batch = match batch {
                Ok(batch) => batch,
                Err(report) => {
                    failure = Some(report);
                    break;
                }
            };
            counted.rows += batch.num_rows() as u64;
            if shown {
                if !begun {
                    self.start(&schema, &result.labels)?;
                    begun = true;
                }
                self.writer.batch(&batch).map_err(Failure::Output)?;
            }
        }
        progress.finish();
        // rows that violate an assertion are its report
        let is_whole = failure.as_ref().is_none_or(|report| report.code == Code::AssertionFailed);
        let is_hidden = layout.hides_empty && counted.rows == 0;
        if shown && is_whole && !is_hidden {
            if !begun {
                self.start(&schema, &result.labels)?;
            }
            self.writer.finish().map_err(Failure::Output)?;
        }
        for note in result.outcome.notes() {
            self.note(&note);
        }
        for warning in result.outcome.warnings() {
            self.show(&warning, None);
        }
        self.partial |= result.outcome.completeness() == Completeness::Partial;
        failure.map_or(Ok(()), |report| Err(Failure::Statement(report)))
    }

    fn start(&mut self, schema: &Schema, labels: &[String]) -> Result<(), Failure> {
        self.writer.start(schema, labels).map_err(Failure::Output)
    }

    /// The statement has ended.
    pub(crate) fn end(
        &mut self,
        number: usize,
        counted: &Counted,
        started: Instant,
        failure: Option<&Report>,
    ) -> Result<(), Failure> {
        let totals = counted.outcome.totals();
        let duration: Duration = started.elapsed();
        let end = End {
            status: if failure.is_some() { Status::Failed } else { Status::Done },
            rows: counted.rows,
            affected: counted.affected,
            complete: counted.outcome.completeness() == Completeness::Complete,
            requests: totals.requests,
            pages: totals.pages,
            bytes: totals.bytes,
            duration,
            failure,
        };
        self.writer.end(&end).map_err(Failure::Output)?;
        if self.timing && failure.is_none() && self.format != Format::Events {
            self.console.timing(&Timing {
                statement: number,
                rows: end.rows,
                requests: end.requests,
                pages: end.pages,
                bytes: end.bytes,
                duration,
            });
        }
        Ok(())
    }

    /// The statement is not run.
    pub(super) fn skip(&mut self) -> Result<(), Failure> {
        self.writer.end(&End::SKIPPED).map_err(Failure::Output)
    }

    /// Prints a note.
    pub(crate) fn note(&mut self, text: &str) {
        let text = self.console.redactor.redact(text);
        let message = serde_json::json!({ "severity": "note", "message": text });
        if !self.is_taken(&message) {
            self.console.note(&text);
        }
    }

    /// Prints an error or a warning.
    pub(crate) fn show(&mut self, report: &Report, source: Option<Source<'_>>) {
        let clean = report.clone().redacted(&self.console.redactor);
        if !self.is_taken(&render::json_value(&clean, source)) {
            self.console.show(report, source);
        }
    }

    /// True if the output has taken the message. One that cannot be written goes to stderr.
    fn is_taken(&mut self, message: &serde_json::Value) -> bool {
        self.writer.tell(message).unwrap_or(false)
    }

    /// A run that failed before its first statement; gives the exit code.
    pub(super) fn refuse(mut self, report: &Report, source: Option<Source<'_>>) -> Exit {
        self.show(report, source);
        self.close(Exit::from(report))
    }

    /// The run has ended: the file appears under its name. Gives the exit code.
    pub(crate) fn close(mut self, exit: Exit) -> Exit {
        let exit =
            if exit == Exit::SUCCESS && self.partial { Exit::from(Code::Partial) } else { exit };
        let has_result =
            exit == Exit::SUCCESS || exit == Exit::CHECK_FALSE || exit == Exit::from(Code::Partial);
        let closed = self.writer.close(exit.code()).and_then(|()| match self.file.take() {
            Some(file) if has_result || self.format.is_report() => file.commit(),
            _ => Ok(()),
        });
        match closed {
            // the first failure decides
            Err(report) if exit == Exit::SUCCESS => self.console.fail(&report, None),
            _ => exit,
        }
    }
}

/// The schema with marks for the layout of a table.
fn marked(schema: &Schema, layout: Layout) -> Schema {
    let mut schema = schema.clone();
    for (key, is_set) in [(RECORDS, layout.vertical), (WHOLE, layout.whole)] {
        if is_set {
            schema.metadata.insert(key.to_owned(), "1".to_owned());
        }
    }
    schema
}
