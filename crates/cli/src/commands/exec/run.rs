//! The statements of a run, one after the other.
//!
//! Owns: what a failure means for the statements after it; checks of the command line.
//! Surprise: with `--keep-going`, a failure inside a transaction rolls it back. The statements up to its
//! end are not run: they were meant to happen together.

use std::sync::Arc;
use std::time::Instant;

use strataql_diag::{Code, Report, Span, counted};
use strataql_engine::{Outcome, Parameters};
use strataql_output::{Begin, is_broken_pipe};
use strataql_sql::{Parsed, Statement, Transaction};

use super::output::{Counted, Failure, Layout, Printer};
use super::session::Opened;
use super::{explained, transaction};
use crate::args::ExecArguments;
use crate::console::Console;
use crate::exit::Exit;
use crate::progress::Progress;
use crate::render::Source;
use crate::vars::Template;

/// A run.
pub(super) struct Run<'a> {
    pub(super) arguments: &'a ExecArguments,
    pub(super) console: &'a Console,
    /// The text as the user wrote it.
    pub(super) source: Source<'a>,
    pub(super) template: &'a Template,
    /// The text with its variables replaced.
    pub(super) text: Arc<str>,
    pub(super) bound: Arc<Parameters>,
    pub(super) opened: &'a Opened,
}

/// Which statements are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Going {
    /// All that follow.
    On,
    /// None.
    Over,
    /// Those after the end of the transaction that failed.
    AfterTransaction,
}

impl Run<'_> {
    /// Runs the statements in order; gives the exit code of the first failure.
    ///
    /// # Errors
    /// An output that cannot be written. Failures of statements are printed.
    pub(super) async fn all(
        &self,
        printer: &mut Printer<'_>,
        statements: Vec<Parsed>,
    ) -> Result<Exit, Box<Report>> {
        let total = statements.len();
        let mut first = None;
        let mut going = Going::On;
        for (index, parsed) in statements.into_iter().enumerate() {
            let number = index + 1;
            let statement = self.next(printer, number, parsed, &mut going).await;
            let report = match statement {
                Ok(None) => continue,
                Ok(Some(report)) => report,
                Err(report) => return output_failed(report, total - number, first),
            };
            first = first.or(Some(Exit::from(report.as_ref())));
            going = self.after_failure(printer).await;
            if going == Going::Over && !printer.is_report() {
                break;
            }
        }
        Ok(first.unwrap_or(Exit::SUCCESS))
    }

    /// Runs one statement, or skips it; gives the report of its failure, which is printed.
    async fn next(
        &self,
        printer: &mut Printer<'_>,
        number: usize,
        parsed: Parsed,
        going: &mut Going,
    ) -> Result<Option<Box<Report>>, Box<Report>> {
        let output = |failure| match failure {
            Failure::Statement(report) | Failure::Output(report) => report,
        };
        self.begin(printer, number, &parsed).map_err(output)?;
        if *going != Going::On {
            if *going == Going::AfterTransaction && ends_transaction(&parsed) {
                *going = Going::On;
            }
            return printer.skip().map(|()| None).map_err(output);
        }
        let started = Instant::now();
        let mut done = Counted::default();
        let failure = match self.one(printer, parsed, &mut done).await {
            Ok(()) => None,
            Err(Failure::Statement(report)) => Some(report),
            Err(Failure::Output(report)) => return Err(report),
        };
        if let Some(report) = &failure {
            let report = self.template.relabelled(report.as_ref().clone());
            printer.show(&report, Some(self.source));
        }
        printer.end(number, &done, started, failure.as_deref()).map_err(output)?;
        Ok(failure)
    }

    fn begin(
        &self,
        printer: &mut Printer<'_>,
        number: usize,
        parsed: &Parsed,
    ) -> Result<(), Failure> {
        // secrets of a statement are known before it runs
        for secret in strataql_sql::secret_literals(parsed) {
            self.console.redactor.register(&secret);
        }
        let span = self.template.original(parsed.span);
        let text = self.console.redactor.redact(span.slice(self.source.text));
        let title = parsed.assertion.as_ref().and_then(|check| check.message.as_deref());
        printer.begin(&Begin {
            number,
            kind: parsed.keyword(),
            text: &text,
            line: span.position(self.source.text).line,
            file: self.source.file,
            is_check: self.is_check(parsed),
            title,
        })
    }

    fn is_check(&self, parsed: &Parsed) -> bool {
        let is_query = matches!(parsed.statement, Statement::Query(_));
        parsed.assertion.is_some() || self.arguments.fail_if_rows && is_query
    }

    async fn one(
        &self,
        printer: &mut Printer<'_>,
        mut parsed: Parsed,
        done: &mut Counted,
    ) -> Result<(), Failure> {
        let fails_with_rows = self.arguments.fail_if_rows
            && parsed.assertion.is_none()
            && matches!(parsed.statement, Statement::Query(_))
            && !self.arguments.dry_run;
        let layout = Layout {
            vertical: parsed.vertical,
            // an answer that is shown once must not be cut
            whole: matches!(parsed.statement, Statement::Write(..) | Statement::Exec(_)),
            hides_empty: parsed.assertion.is_some(),
        };
        if self.arguments.dry_run {
            parsed.statement = explained(parsed.statement);
            parsed.assertion = None;
        }
        let opened = self.opened;
        // a write is sent, and awaited, before there is a result
        let counts = Outcome::default();
        let mut line = Progress::start(
            Arc::clone(&opened.progress),
            counts.clone(),
            self.console.has_progress(),
        );
        let span = parsed.span;
        let (text, bound) = (Arc::clone(&self.text), Arc::clone(&self.bound));
        let result = opened.session.start_counted(text, Arc::new(parsed), bound, &counts).await;
        line.finish();
        done.outcome = counts;
        let result = result.map_err(Failure::Statement)?;
        printer.print(result, layout, &opened.progress, done).await?;
        if fails_with_rows && done.rows() > 0 {
            return Err(Failure::Statement(has_rows(done.rows(), span, &self.text)));
        }
        Ok(())
    }

    /// What follows after a statement has failed.
    async fn after_failure(&self, printer: &mut Printer<'_>) -> Going {
        if !self.arguments.keep_going {
            return Going::Over;
        }
        if self.opened.session.open_transaction().is_none() {
            return Going::On;
        }
        transaction::abandon(&self.opened.session, printer).await;
        Going::AfterTransaction
    }
}

/// True for the last statement of a transaction.
fn ends_transaction(parsed: &Parsed) -> bool {
    matches!(parsed.statement, Statement::Transaction(Transaction::Commit | Transaction::Rollback))
}

/// `--fail-if-rows`.
fn has_rows(rows: u64, span: Span, text: &str) -> Box<Report> {
    let line = span.slice(text).lines().next().unwrap_or_default().trim_end();
    Box::new(
        Report::new(
            Code::AssertionFailed,
            format!("the query has {}, and `--fail-if-rows` allows none", counted(rows, "row")),
        )
        .with_label(Span::new(span.start, span.start + line.len()), "")
        .with_help("the result has the rows"),
    )
}

/// The end of a run whose output cannot be written. A reader that has gone away has seen enough, unless
/// there were statements left to run.
fn output_failed(
    report: Box<Report>,
    left: usize,
    first: Option<Exit>,
) -> Result<Exit, Box<Report>> {
    if !is_broken_pipe(&report) {
        return Err(report);
    }
    if left == 0 {
        return Ok(first.unwrap_or(Exit::SUCCESS));
    }
    let statements = counted(left as u64, "statement");
    let were = if left == 1 { "was" } else { "were" };
    Err(Box::new(
        Report::new(
            Code::LocalIo,
            format!("the reader of the output has gone away, and {statements} {were} not run"),
        )
        .with_help("read the whole output, or write it to a file with `-f`"),
    ))
}
