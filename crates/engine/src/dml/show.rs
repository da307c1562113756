//! EXPLAIN of a write: the exact requests, secrets masked.

use std::sync::Arc;

use strataql_diag::Report;
use strataql_spec::{Method, SqlVerb};

use super::rows::Source;
use super::send::Prepared;
use super::{Chosen, Writer, image, masking};
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
    images: bool,
) -> Result<ResultSet, Box<Report>> {
    let method = chosen.of(resource);
    let mut rows = Vec::new();
    for write in prepared {
        rows.extend(images.then(|| image_read(resource, method, write)).flatten());
        rows.push(step(resource, method, write, "sent once per row"));
    }
    numbered(rows)
}

/// The request of a write as a row without its number.
fn step(
    resource: &ResourceRef,
    method: &Method,
    write: &Prepared,
    why: &str,
) -> Vec<Option<String>> {
    let body = write.call.body.as_ref().and_then(|body| body.json());
    vec![
        Some(format!("{}.{}", resource.dotted(), method.name)),
        Some(write.call.verb.to_string()),
        Some(masking::masked_url(method, &write.call.url(&[]))),
        body.map(|body| masking::masked(method, &body).to_string()),
        Some(why.to_owned()),
    ]
}

/// The request that reads an object before it is written.
fn image_read(
    resource: &ResourceRef,
    method: &Method,
    write: &Prepared,
) -> Option<Vec<Option<String>>> {
    let (lookup, call) = image::lookup(resource, method, write)?;
    Some(vec![
        Some(format!("{}.{}", resource.dotted(), lookup.name)),
        Some(call.verb.to_string()),
        Some(masking::masked_url(lookup, &call.url(&[]))),
        None,
        Some("`ledger.before_image` is on".to_owned()),
    ])
}

fn numbered(rows: Vec<Vec<Option<String>>>) -> Result<ResultSet, Box<Report>> {
    let rows = (1..).zip(rows).map(|(number, mut row): (usize, _)| {
        row.insert(0, Some(number.to_string()));
        row
    });
    let names = ["step", "method", "http", "url", "body", "why"];
    texts(&names, rows.collect()).map(ResultSet::of_batch)
}

/// EXEC of a method.
pub(crate) fn exec(
    resource: &ResourceRef,
    method: &Method,
    write: &Prepared,
    images: bool,
) -> Result<ResultSet, Box<Report>> {
    let mut rows: Vec<_> =
        images.then(|| image_read(resource, method, write)).flatten().into_iter().collect();
    rows.push(step(resource, method, write, "the method that EXEC names"));
    numbered(rows)
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
            .map(|step| {
                vec![
                    step.method,
                    step.http,
                    step.url,
                    None,
                    Some("finds the rows that WHERE names".to_owned()),
                ]
            })
            .collect();
    let per_row = |method: &Method, why: &str| {
        let server = method.servers.first().map(|server| server.url.as_str()).unwrap_or_default();
        vec![
            Some(format!("{}.{}", resource.dotted(), method.name)),
            Some(method.verb.to_string()),
            Some(format!("{server}{}", method.path.raw)),
            None,
            Some(why.to_owned()),
        ]
    };
    if image::is_wanted(writer.session)
        && let Some(lookup) =
            resource.resource().candidates(SqlVerb::Select).find(|method| method.is_lookup())
    {
        rows.push(per_row(lookup, "once per row found: `ledger.before_image` is on"));
    }
    rows.push(per_row(method, "once per row found"));
    numbered(rows)
}
