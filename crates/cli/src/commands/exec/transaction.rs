//! The end of a run inside a transaction: it is rolled back.

use futures::TryStreamExt;
use strataql_diag::{Code, Report, counted};
use strataql_engine::{OpenTransaction, Parameters, Session};

use super::output::Printer;
use crate::exit::Exit;

/// Ends a transaction that the run left open.
pub(super) async fn end(
    session: &Session,
    exit: &Result<Exit, Box<Report>>,
    printer: &mut Printer<'_>,
) {
    let is_cancelled = matches!(exit, Err(report) if report.code == Code::Cancelled);
    match session.open_transaction() {
        None | Some(OpenTransaction::Eager(0)) => {}
        Some(OpenTransaction::Queued(count)) => {
            let writes = counted(count as u64, "queued write");
            printer.note(&format!("the run ends inside a transaction: {writes} not sent"));
        }
        Some(OpenTransaction::Eager(count)) if is_cancelled => {
            printer.note(&format!(
                "the run was interrupted inside a transaction: {count} of its changes are made; \
                 `SELECT * FROM sys.changes` lists them"
            ));
        }
        Some(OpenTransaction::Eager(_)) => {
            printer.note("the run ends inside a transaction, which is undone");
            if let Err(report) = roll_back(session, printer).await {
                printer.show(&report, None);
            }
        }
    }
}

/// Ends a transaction in which a statement failed, while the run goes on.
pub(super) async fn abandon(session: &Session, printer: &mut Printer<'_>) {
    printer.note(
        "a statement of the transaction failed: it is rolled back, and the rest of it is not run",
    );
    if let Err(report) = roll_back(session, printer).await {
        printer.show(&report, None);
    }
}

async fn roll_back(session: &Session, printer: &mut Printer<'_>) -> Result<(), Box<Report>> {
    let text = "ROLLBACK";
    for parsed in Session::parse(text)? {
        let result = session.run_statement(text, &parsed, &Parameters::default()).await?;
        let outcome = result.outcome.clone();
        result.rows.try_collect::<Vec<_>>().await?;
        for note in outcome.notes() {
            printer.note(&note);
        }
    }
    Ok(())
}
