//! EXPLAIN of a write: the exact requests, secrets masked.

use std::sync::Arc;

use strataql_diag::Report;
use strataql_spec::{Method, SqlVerb};

use super::rows::Source;
use super::send::Prepared;
use super::{Awaiting, Chosen, Writer, image, masking};
use crate::explain;
use crate::local::Relations;
use crate::meta::texts;
use crate::session::ResultSet;
use crate::table::ResourceRef;

/// A row of EXPLAIN without its number: method, HTTP verb, URL, body, why.
type Step = Vec<Option<String>>;

/// The requests of a write whose rows are all known.
pub(crate) fn requests(
    writer: &Writer<'_>,
    resource: &ResourceRef,
    chosen: &Chosen,
    prepared: &[Prepared],
) -> Result<ResultSet, Box<Report>> {
    let method = chosen.of(resource);
    let images = image::is_wanted(writer.session);
    let mut rows = Vec::new();
    for write in prepared {
        rows.extend(images.then(|| image_read(resource, method, write)).flatten());
        rows.push(step(resource, method, write, "sent once per row"));
    }
    rows.extend(wait(writer.awaiting.as_ref()));
    numbered(rows)
}

/// EXEC of a method.
pub(crate) fn exec(
    resource: &ResourceRef,
    method: &Method,
    write: &Prepared,
    awaiting: Option<&Awaiting>,
    images: bool,
) -> Result<ResultSet, Box<Report>> {
    let mut rows: Vec<Step> =
        images.then(|| image_read(resource, method, write)).flatten().into_iter().collect();
    rows.push(step(resource, method, write, "the method that EXEC names"));
    rows.extend(wait(awaiting));
    numbered(rows)
}

/// A write whose rows a SELECT finds: the steps of the SELECT, then the write.
pub(crate) async fn resolved(
    writer: &Writer<'_>,
    resource: &ResourceRef,
    chosen: &Chosen,
    source: &Source,
) -> Result<ResultSet, Box<Report>> {
    let mut rows = finding(writer, source, "finds the rows that WHERE names").await?;
    rows.extend(per_row(writer, resource, chosen, "once per row found"));
    numbered(rows)
}

/// An upsert: the question which rows exist, then both ways.
pub(super) async fn upsert(
    resource: &ResourceRef,
    finder: &Source,
    update: Option<(&Writer<'_>, &Chosen)>,
    insert: (&Writer<'_>, &Chosen, &[Prepared]),
) -> Result<ResultSet, Box<Report>> {
    let (writer, chosen, inserts) = insert;
    if inserts.is_empty() {
        return numbered(Vec::new());
    }
    let mut rows = finding(writer, finder, "asks which rows exist").await?;
    let method = chosen.of(resource);
    rows.extend(inserts.iter().map(|write| step(resource, method, write, "unless the row exists")));
    rows.extend(wait(writer.awaiting.as_ref()));
    if let Some((writer, chosen)) = update {
        let why = "once per row that exists, instead of its INSERT";
        rows.extend(per_row(writer, resource, chosen, why));
    }
    numbered(rows)
}

/// The request of a write.
fn step(resource: &ResourceRef, method: &Method, write: &Prepared, why: &str) -> Step {
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
fn image_read(resource: &ResourceRef, method: &Method, write: &Prepared) -> Option<Step> {
    let (lookup, call) = image::lookup(resource, method, write)?;
    Some(vec![
        Some(format!("{}.{}", resource.dotted(), lookup.name)),
        Some(call.verb.to_string()),
        Some(masking::masked_url(lookup, &call.url(&[]))),
        None,
        Some("`ledger.before_image` is on".to_owned()),
    ])
}

/// What AWAIT adds.
fn wait(awaiting: Option<&Awaiting>) -> Option<Step> {
    let (method, url) = awaiting?.described();
    Some(vec![
        Some(method),
        Some("GET".to_owned()),
        Some(url),
        None,
        Some("asked again until each change is done (AWAIT)".to_owned()),
    ])
}

/// The requests of a SELECT that finds objects.
async fn finding(
    writer: &Writer<'_>,
    source: &Source,
    why: &str,
) -> Result<Vec<Step>, Box<Report>> {
    let locals = Relations::of(writer.session, &source.query).await?;
    let prepared = writer
        .session
        .prepare_with(writer.text, &locals, |front| {
            front.plan_derived(source.query.clone(), Arc::clone(&writer.words), writer.parameters)
        })
        .await?;
    let steps = explain::requests(&prepared.plan, writer.session.registry())?;
    Ok(steps
        .into_iter()
        .map(|step| vec![step.method, step.http, step.url, None, Some(why.to_owned())])
        .collect())
}

/// The requests of rows that are not known yet.
fn per_row(writer: &Writer<'_>, resource: &ResourceRef, chosen: &Chosen, why: &str) -> Vec<Step> {
    let template = |method: &Method, why: &str| {
        let server = method.servers.first().map(|server| server.url.as_str()).unwrap_or_default();
        vec![
            Some(format!("{}.{}", resource.dotted(), method.name)),
            Some(method.verb.to_string()),
            Some(format!("{server}{}", method.path.raw)),
            None,
            Some(why.to_owned()),
        ]
    };
    let mut rows = Vec::new();
    if image::is_wanted(writer.session)
        && let Some(lookup) =
            resource.resource().candidates(SqlVerb::Select).find(|method| method.is_lookup())
    {
        rows.push(template(lookup, "once per row found: `ledger.before_image` is on"));
    }
    rows.push(template(chosen.of(resource), why));
    rows.extend(wait(writer.awaiting.as_ref()));
    rows
}

fn numbered(rows: Vec<Step>) -> Result<ResultSet, Box<Report>> {
    let rows = (1..).zip(rows).map(|(number, mut row): (usize, _)| {
        row.insert(0, Some(number.to_string()));
        row
    });
    let names = ["step", "method", "http", "url", "body", "why"];
    texts(&names, rows.collect()).map(ResultSet::of_batch)
}
