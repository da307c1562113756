//! The object before a write, for the change ledger (`SET ledger.before_image = on`).
//!
//! Owns: which request reads it, and what it means when it cannot be read.
//! Surprise: an object that is being created is not looked for, and one that is not there has no image;
//! any other trouble with reading keeps the write from being sent.

use serde_json::Value as Json;
use strataql_call::{BoundCall, Exchange, bind, request_of};
use strataql_diag::Report;
use strataql_net::status_report;
use strataql_spec::{Method, SqlVerb};

use super::send::Prepared;
use super::{WriteContext, masking};
use crate::recording::Recording;
use crate::resource::ResourceRef;
use crate::statement::Statement;

/// True if the session reads objects before it writes them.
pub(crate) fn is_wanted(statement: &Statement, context: &WriteContext) -> bool {
    statement.settings.before_image && !matches!(context.recording, Recording::Off { .. })
}

/// The request that reads what a write is about to change: the first lookup of the resource that the
/// write's own values bind.
pub(crate) fn lookup<'a>(
    resource: &'a ResourceRef,
    method: &Method,
    write: &Prepared,
) -> Option<(&'a Method, BoundCall)> {
    let creates = resource
        .resource()
        .candidates(SqlVerb::Insert)
        .any(|creation| creation.name == method.name);
    if creates || method.verb.is_safe() { None } else { bound(resource, write) }
}

/// The first lookup of the resource that the values of a write bind.
pub(crate) fn bound<'a>(
    resource: &'a ResourceRef,
    write: &Prepared,
) -> Option<(&'a Method, BoundCall)> {
    resource
        .resource()
        .candidates(SqlVerb::Select)
        .filter(|lookup| lookup.is_lookup())
        .find_map(|lookup| Some((lookup, bind(&resource.service, lookup, &write.arguments).ok()?)))
}

/// Reads the object, its secrets masked; `None` when it is not there, or there is no lookup for it.
///
/// # Errors
/// What kept the object from being read.
pub(crate) async fn read(
    exchange: &dyn Exchange,
    resource: &ResourceRef,
    method: &Method,
    write: &Prepared,
) -> Result<Option<Json>, Box<Report>> {
    let Some((lookup, call)) = lookup(resource, method, write) else { return Ok(None) };
    let refused = |report: Box<Report>| {
        let note = "the object could not be read before the write, which was not sent";
        let help = "`SET ledger.before_image = off` writes without reading before";
        Box::new(report.with_note(note).with_help(help))
    };
    let answer = exchange.exchange(request_of(&call, false)?).await.map_err(refused)?;
    if answer.status == 404 {
        return Ok(None);
    }
    if !answer.is_success() {
        return Err(refused(Box::new(status_report(&answer.facts, &answer))));
    }
    let object: Option<Json> = serde_json::from_slice(&answer.body).ok();
    Ok(object.map(|object| masking::masked(method, &masking::masked(lookup, &object))))
}
