//! The end of a run inside a transaction: it is rolled back.

use futures::TryStreamExt;
use strataql_diag::{Code, Report};
use strataql_engine::{OpenTransaction, Parameters, Session};

use crate::console::Console;
use crate::exit::Exit;

/// Ends a transaction that the run left open.
pub(super) async fn end(session: &Session, exit: &Result<Exit, Box<Report>>, console: &Console) {
    let is_cancelled = matches!(exit, Err(report) if report.code == Code::Cancelled);
    match session.open_transaction() {
        None | Some(OpenTransaction::Eager(0)) => {}
        Some(OpenTransaction::Queued(count)) => {
            let writes =
                if count == 1 { "1 queued write" } else { &format!("{count} queued writes") };
            console.note(&format!("the run ends inside a transaction: {writes} not sent"));
        }
        Some(OpenTransaction::Eager(count)) if is_cancelled => {
            console.note(&format!(
                "the run was interrupted inside a transaction: {count} of its changes are made; \
                 `SELECT * FROM sys.changes` lists them"
            ));
        }
        Some(OpenTransaction::Eager(_)) => {
            console.note("the run ends inside a transaction, which is undone");
            if let Err(report) = roll_back(session, console).await {
                console.show(&report, None);
            }
        }
    }
}

async fn roll_back(session: &Session, console: &Console) -> Result<(), Box<Report>> {
    let text = "ROLLBACK";
    for parsed in Session::parse(text)? {
        let result = session.run_statement(text, &parsed, &Parameters::default()).await?;
        let outcome = result.outcome.clone();
        result.rows.try_collect::<Vec<_>>().await?;
        for note in outcome.notes() {
            console.note(&note);
        }
    }
    Ok(())
}
