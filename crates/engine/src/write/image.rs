//! The object before a write, for the change ledger (`SET ledger.before_image = on`).
//!
//! Owns: the call that reads it, and what happens when it cannot be read.
//! Surprise: a created object is not read, and a missing one (404) has no image. Any other failure to
//! read it prevents the write.

use serde_json::Value as Json;
use strataql_call::{CallMetrics, Exchange, MethodCall, Sight};
use strataql_diag::Report;
use strataql_query::statement::Statement;
use strataql_spec::SqlVerb;

use super::context::WriteContext;
use super::masking;
use super::prepared::PreparedWrite;
use crate::recording::Recording;

/// True if objects are read before they are written.
pub(crate) fn is_wanted(statement: &Statement, context: &WriteContext) -> bool {
    statement.settings.before_image && !matches!(context.recording, Recording::Off { .. })
}

/// The call that reads the object of a write, if there is one.
///
/// # Errors
/// `unsupported-syntax` when its response could not be read.
pub(crate) fn lookup(write: &PreparedWrite) -> Result<Option<MethodCall>, Box<Report>> {
    let method = write.call.method();
    let mut creations = write.call.target().resource().candidates(SqlVerb::Insert);
    let creates = creations.any(|creation| creation.name == method.name);
    if creates || !method.is_write() { Ok(None) } else { write.call.lookup() }
}

/// Reads the object and masks its secrets; `None` when it does not exist or has no lookup.
///
/// # Errors
/// The failure to read it.
pub(crate) async fn read(
    exchange: &dyn Exchange,
    metrics: &CallMetrics,
    write: &PreparedWrite,
) -> Result<Option<Json>, Box<Report>> {
    let refused = |report: Box<Report>| {
        let note = "the object could not be read before the write, which was not sent";
        let help = "`SET ledger.before_image = off` writes without reading before";
        Box::new(report.with_note(note).with_help(help))
    };
    let Some(lookup) = lookup(write).map_err(refused)? else { return Ok(None) };
    let object = match lookup.look_up(exchange, metrics).await.map_err(refused)? {
        Sight::Object(shown) => shown.object,
        Sight::Missing(_) => return Ok(None),
        Sight::Unclear(report) => return Err(refused(report)),
    };
    Ok(Some(masking::masked(write.call.method(), &masking::masked(lookup.method(), &object))))
}
