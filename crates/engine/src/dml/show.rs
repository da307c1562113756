//! EXPLAIN of a write: the exact requests, secrets masked.

use std::sync::Arc;

use strataql_diag::Report;

use super::rows::Source;
use super::send::Prepared;
use super::{Chosen, Writer, masking};
use crate::explain;
use crate::local::Relations;
use crate::meta::texts;
use crate::session::ResultSet;
use crate::table::ResourceRef;

/// The requests of a write whose rows are all known.
pub(crate) fn requests(
    resource: &ResourceRef,
    chosen: &Chosen,
    prepared: &[Prepared],
) -> Result<ResultSet, Box<Report>> {
    let method = chosen.of(resource);
    let rows = prepared
        .iter()
        .enumerate()
        .map(|(position, write)| {
            let body = write
                .call
                .body
                .as_ref()
                .and_then(|body| body.json())
                .map(|body| masking::masked(method, &body).to_string());
            vec![
                Some((position + 1).to_string()),
                Some(format!("{}.{}", resource.dotted(), method.name)),
                Some(write.call.verb.to_string()),
                Some(write.call.url(&[]).to_string()),
                body,
                Some("sent once per row".to_owned()),
            ]
        })
        .collect();
    let names = ["step", "method", "http", "url", "body", "why"];
    texts(&names, rows).map(ResultSet::of_batch)
}

/// A write whose rows a SELECT finds: the steps of the SELECT, then the write.
pub(crate) async fn resolved(
    writer: &Writer<'_>,
    resource: &ResourceRef,
    chosen: &Chosen,
    source: &Source,
) -> Result<ResultSet, Box<Report>> {
    let locals = Relations::of(writer.session, &source.query).await?;
    let prepared = writer
        .session
        .prepare_with(writer.text, &locals, |front| {
            front.plan_derived(source.query.clone(), Arc::clone(&writer.words), writer.parameters)
        })
        .await?;
    let method = chosen.of(resource);
    let mut rows: Vec<Vec<Option<String>>> =
        explain::requests(&prepared.plan, writer.session.registry())?
            .into_iter()
            .enumerate()
            .map(|(position, step)| {
                vec![
                    Some((position + 1).to_string()),
                    step.method,
                    step.http,
                    step.url,
                    None,
                    Some("finds the rows that WHERE names".to_owned()),
                ]
            })
            .collect();
    let server = method.servers.first().map(|server| server.url.clone()).unwrap_or_default();
    rows.push(vec![
        Some((rows.len() + 1).to_string()),
        Some(format!("{}.{}", resource.dotted(), method.name)),
        Some(method.verb.to_string()),
        Some(format!("{server}{}", method.path.raw)),
        None,
        Some("once per row found".to_owned()),
    ]);
    let names = ["step", "method", "http", "url", "body", "why"];
    texts(&names, rows).map(ResultSet::of_batch)
}
