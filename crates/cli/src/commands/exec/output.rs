//! Printing results to stdout or a file, and notes to stderr.

use std::io::{Write, stdout};
use std::sync::Arc;
use std::time::Instant;

use arrow::datatypes::Schema;
use futures::StreamExt;
use strataql_diag::{Code, Report, counted};
use strataql_engine::{Completeness, ResultSet};
use strataql_output::{AtomicFile, Options, ResultWriter, writer};

use crate::args::ExecArguments;
use crate::console::Console;
use crate::exit::Exit;
use crate::progress::{Progress, ProgressState};
use crate::settings::Settings;

/// Prints the results of a run.
pub(super) struct Printer<'a> {
    console: &'a Console,
    writer: Box<dyn ResultWriter>,
    file: Option<AtomicFile>,
    timing: bool,
    partial: bool,
}

impl<'a> Printer<'a> {
    pub(super) fn new(
        arguments: &ExecArguments,
        settings: &Settings,
        console: &'a Console,
    ) -> Result<Self, Box<Report>> {
        let file = arguments.output.file().map(AtomicFile::create).transpose()?;
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
        Ok(Self {
            console,
            writer: writer(settings.output, sink, options),
            file,
            timing: arguments.timing,
            partial: false,
        })
    }

    /// Prints one result, reading its rows to the end.
    pub(super) async fn print(
        &mut self,
        result: ResultSet,
        state: &Arc<ProgressState>,
        started: Instant,
    ) -> Result<(), Box<Report>> {
        let outcome = result.outcome.clone();
        let mut progress =
            Progress::start(Arc::clone(state), outcome.clone(), self.console.stderr_is_terminal);
        let shown = !result.is_empty();
        // the header waits for the first rows: a statement that fails before them prints nothing
        let mut begun = false;
        let mut rows = result.rows;
        let mut count = 0;
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            count += batch.num_rows();
            if shown {
                if !begun {
                    self.start(&result.schema, &result.labels)?;
                    begun = true;
                }
                self.writer.batch(&batch)?;
            }
        }
        progress.finish();
        if shown {
            if !begun {
                self.start(&result.schema, &result.labels)?;
            }
            self.writer.finish()?;
        }
        for note in outcome.notes() {
            self.console.note(&note);
        }
        self.partial |= outcome.completeness() == Completeness::Partial;
        if self.timing {
            let totals = outcome.totals();
            self.console.write_err(&format!(
                "{}, {}, {}, {} bytes, {:.1} ms\n",
                counted(count as u64, "row"),
                counted(totals.requests, "request"),
                counted(totals.pages, "page"),
                totals.bytes,
                started.elapsed().as_secs_f64() * 1000.0
            ));
        }
        Ok(())
    }

    fn start(&mut self, schema: &Schema, labels: &[String]) -> Result<(), Box<Report>> {
        self.writer.start(schema, labels)
    }

    /// The file appears under its name; gives the exit code of the run.
    pub(super) fn commit(&mut self) -> Result<Exit, Box<Report>> {
        if let Some(file) = self.file.take() {
            file.commit()?;
        }
        Ok(if self.partial { Exit::from(Code::Partial) } else { Exit::SUCCESS })
    }
}
