//! Statements of the shell: running, printing, interrupting.

use std::fs::{File, OpenOptions};
use std::io::{self, Write, stdout};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures::TryStreamExt;
use strataql_diag::{Code, Report};
use strataql_engine::{Outcome, Parameters, Session};
use strataql_output::{Begin, Format, Options};
use strataql_sql::{Parsed, Statement};

use super::{Shell, pager};
use crate::commands::exec::output::{Counted, Failure, Layout, Printer};
use crate::progress::Progress;
use crate::render::Source;
use crate::settings::parameters;
use crate::vars::{Template, fill};

/// How a text ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Well,
    Failed,
    Interrupted,
}

/// Bytes that are printed once they are all there.
#[derive(Clone, Default)]
struct Held(Arc<Mutex<Vec<u8>>>);

impl Write for Held {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shell<'_> {
    /// Runs the statements of a text; what fails is shown, and ends it.
    pub(super) fn statements(&self, text: &str) {
        _ = self.run_all(text);
    }

    /// The same, and tells how it ended.
    pub(super) fn run_all(&self, text: &str) -> Ended {
        let source = Source { file: None, text };
        let mut variables = self.variables.clone();
        let drop_unset = self.arguments.common.variables.drop_unset;
        let filled = variables
            .add_environment(text, self.environment)
            .and_then(|()| fill(text, &variables, drop_unset));
        let template = match filled {
            Ok(template) => template,
            Err(report) => {
                self.console.show(&report, Some(source));
                return Ended::Failed;
            }
        };
        // values that a statement has no place for wait for the next one
        let statements = match Session::parse(&template.text) {
            Ok(statements) => statements,
            Err(report) => {
                self.console.show(&template.relabelled(*report), Some(source));
                return Ended::Failed;
            }
        };
        for (index, parsed) in statements.into_iter().enumerate() {
            for secret in strataql_sql::secret_literals(&parsed) {
                self.console.redactor.register(&secret);
            }
            match self.one(index + 1, parsed, &template, source) {
                Ended::Well => {}
                other => return other,
            }
        }
        Ended::Well
    }

    fn one(&self, number: usize, parsed: Parsed, template: &Template, source: Source<'_>) -> Ended {
        let held = Held::default();
        let is_held = self.output.is_none()
            && matches!(
                self.format,
                Format::Table | Format::Vertical | Format::Markdown | Format::Json
            );
        let sink: Box<dyn Write + Send> = match (&self.output, is_held) {
            (Some(path), _) => match append(path) {
                Ok(file) => Box::new(file),
                Err(report) => {
                    self.console.show(&report, None);
                    return Ended::Failed;
                }
            },
            (None, true) => Box::new(held.clone()),
            (None, false) => Box::new(stdout()),
        };
        let is_terminal = self.output.is_none();
        let options = Options {
            terminal: is_terminal,
            // a pager scrolls to the side
            width: self.console.width.filter(|_| self.pager.is_none()),
            color: is_terminal && self.console.stdout_color,
            ..Options::default()
        };
        let mut printer = Printer::to(self.console, self.format, sink, options).timing(self.timing);
        let began = Instant::now();
        let mut done = Counted::default();
        let ran = self.runtime.block_on(async {
            tokio::select! {
                ran = self.run_one(number, parsed, template, &mut printer, &mut done) => Some(ran),
                _ = tokio::signal::ctrl_c() => None,
            }
        });
        let (ended, failure) = match ran {
            Some(Ok(())) => (Ended::Well, None),
            Some(Err(Failure::Statement(report))) => (Ended::Failed, Some(report)),
            Some(Err(Failure::Output(report))) => {
                self.console.show(&report, None);
                return Ended::Failed;
            }
            None => {
                let report = Report::new(Code::Cancelled, "the statement was cancelled")
                    .with_note("requests in flight were abandoned");
                (Ended::Interrupted, Some(Box::new(report)))
            }
        };
        let bytes = std::mem::take(&mut *held.0.lock().unwrap_or_else(PoisonError::into_inner));
        if !bytes.is_empty()
            && let Err(report) = pager::show(self.console, self.pager.as_deref(), &bytes)
        {
            self.console.show(&report, None);
        }
        if let Some(report) = &failure {
            self.console.show(&template.relabelled(report.as_ref().clone()), Some(source));
        }
        if let Err(Failure::Output(report) | Failure::Statement(report)) =
            printer.end(number, &done, began, failure.as_deref())
        {
            self.console.show(&report, None);
        }
        ended
    }

    async fn run_one(
        &self,
        number: usize,
        parsed: Parsed,
        template: &Template,
        printer: &mut Printer<'_>,
        done: &mut Counted,
    ) -> Result<(), Failure> {
        let layout = Layout {
            vertical: parsed.vertical,
            whole: matches!(parsed.statement, Statement::Write(..) | Statement::Exec(_)),
            hides_empty: parsed.assertion.is_some(),
        };
        printer.begin(&Begin {
            number,
            kind: parsed.keyword(),
            text: "",
            line: 1,
            file: None,
            is_check: parsed.assertion.is_some(),
            title: None,
        })?;
        let mut bound = Parameters::default();
        let given = parameters(&self.session_flags.param).map_err(Failure::Statement)?;
        for (name, value) in given {
            bound.add_text(&name, &value);
        }
        let progress = Arc::clone(&self.opened.progress);
        let mut line =
            Progress::start(Arc::clone(&progress), Outcome::default(), self.console.has_progress());
        let text = Arc::from(template.text.as_str());
        let result = self.opened.session.start(text, Arc::new(parsed), Arc::new(bound)).await;
        line.finish();
        printer.print(result.map_err(Failure::Statement)?, layout, &progress, done).await
    }
}

/// Rolls a transaction back.
///
/// # Errors
/// What the statement fails with.
pub(super) async fn roll_back(session: &Session) -> Result<(), Box<Report>> {
    for parsed in Session::parse("ROLLBACK")? {
        let result = session.run_statement("ROLLBACK", &parsed, &Parameters::default()).await?;
        result.rows.try_collect::<Vec<_>>().await?;
    }
    Ok(())
}

/// Makes the file of `\o`, empty.
///
/// # Errors
/// `local-io`.
pub(super) fn create(path: &Path) -> Result<(), Box<Report>> {
    File::create(path).map(drop).map_err(|error| cannot_write(path, &error))
}

fn append(path: &Path) -> Result<File, Box<Report>> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &io::Error) -> Box<Report> {
    Box::new(
        Report::new(
            Code::LocalIo,
            format!("the file `{}` cannot be written: {error}", path.display()),
        )
        .with_help("`\\o` without a name prints to the terminal again"),
    )
}
