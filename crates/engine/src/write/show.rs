//! EXPLAIN of a write: the exact requests, secrets masked.

use std::sync::Arc;

use strataql_diag::Report;
use strataql_spec::{Method, SqlVerb};

use super::rows::Source;
use super::send::Prepared;
use super::{Awaiting, Chosen, WriteContext, Writer, image, masking, rows, template, undo};
use crate::explain;
use crate::resource::ResourceRef;
use crate::result_set::ResultSet;
use crate::statement::Statement;
use crate::text_table::text_table;

/// A statement and what its session's writes share.
type Within<'a> = (&'a Statement, &'a WriteContext);

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
    let mut rows = Vec::new();
    for write in prepared {
        rows.extend(image_read((writer.statement, writer.context), resource, method, write));
        rows.push(step(resource, method, write, "sent once per row"));
    }
    rows.extend(wait(writer.awaiting.as_ref()));
    rows.extend(undoing(writer.context, resource, method));
    numbered(rows)
}

/// EXEC of a method.
pub(crate) fn exec(
    resource: &ResourceRef,
    method: &Method,
    write: &Prepared,
    awaiting: Option<&Awaiting>,
    within: Within<'_>,
) -> Result<ResultSet, Box<Report>> {
    let mut rows: Vec<Step> = image_read(within, resource, method, write).into_iter().collect();
    rows.push(step(resource, method, write, "the method that EXEC names"));
    rows.extend(wait(awaiting));
    numbered(rows)
}

/// A write whose rows only requests can tell: the steps of its SELECT, then the write as a template.
/// `None` if the rows are known here.
pub(crate) async fn unknown(
    writer: &Writer<'_>,
    resource: &ResourceRef,
    chosen: &Chosen,
    source: &Source,
) -> Result<Option<ResultSet>, Box<Report>> {
    let (reads, writes) = if source.is_resolved() {
        ("finds the rows that WHERE names", "once per row found")
    } else {
        ("gives the rows", "once per row of the SELECT")
    };
    let mut rows = finding(writer, source, reads).await?;
    if rows.is_empty() && !source.is_resolved() {
        return Ok(None);
    }
    let body = template::body(chosen.of(resource), source);
    rows.extend(per_row(writer, resource, chosen, body, writes));
    numbered(rows).map(Some)
}

/// An upsert: the question which rows exist, then both ways.
pub(super) async fn upsert(
    resource: &ResourceRef,
    finder: &Source,
    update: Option<(&Writer<'_>, &Chosen, &Source)>,
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
    if let Some((writer, chosen, source)) = update {
        let why = "once per row that exists, instead of its INSERT";
        let body = template::body(chosen.of(resource), source);
        rows.extend(per_row(writer, resource, chosen, body, why));
    }
    numbered(rows)
}

/// An upsert whose rows only requests can tell; `None` if they are known here.
pub(super) async fn unread_upsert(
    writer: &Writer<'_>,
    resource: &ResourceRef,
    (insert, source): (&Chosen, &Source),
    update: Option<(&Chosen, &Source)>,
) -> Result<Option<ResultSet>, Box<Report>> {
    let mut rows =
        finding(writer, source, "gives the rows; which of them exist is asked then").await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let body = template::body(insert.of(resource), source);
    rows.extend(per_row(writer, resource, insert, body, "once per row that does not exist"));
    if let Some((chosen, source)) = update {
        let why = "once per row that exists, instead of its INSERT";
        let body = template::body(chosen.of(resource), source);
        rows.extend(per_row(writer, resource, chosen, body, why));
    }
    numbered(rows).map(Some)
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

/// Why an object is read before it is written, if it is.
fn why_read((statement, context): Within<'_>) -> Option<&'static str> {
    if context.undo.is_open() {
        return Some("ROLLBACK restores what it shows");
    }
    image::is_wanted(statement, context).then_some("`ledger.before_image` is on")
}

/// The request that reads an object before it is written.
fn image_read(
    within: Within<'_>,
    resource: &ResourceRef,
    method: &Method,
    write: &Prepared,
) -> Option<Step> {
    let why = why_read(within)?;
    let (lookup, call) = image::lookup(resource, method, write)?;
    Some(vec![
        Some(format!("{}.{}", resource.dotted(), lookup.name)),
        Some(call.verb.to_string()),
        Some(masking::masked_url(lookup, &call.url(&[]))),
        None,
        Some(why.to_owned()),
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

/// What ROLLBACK does in an eager transaction.
fn undoing(context: &WriteContext, resource: &ResourceRef, method: &Method) -> Option<Step> {
    if !context.undo.is_open() {
        return None;
    }
    let step = |method: &Method, why: String| {
        let server = method.servers.first().map(|server| server.url.as_str()).unwrap_or_default();
        vec![
            Some(format!("{}.{}", resource.dotted(), method.name)),
            Some(method.verb.to_string()),
            Some(format!("{server}{}", method.path.raw)),
            None,
            Some(why),
        ]
    };
    Some(match undo::inverse(resource, method) {
        Ok(inverse) => step(inverse, "ROLLBACK undoes each change with it".to_owned()),
        Err(why) => step(method, format!("cannot be undone: {why}")),
    })
}

/// The requests of a SELECT that finds objects.
async fn finding(
    writer: &Writer<'_>,
    source: &Source,
    why: &str,
) -> Result<Vec<Step>, Box<Report>> {
    let relations = writer.statement.relations.open(writer.statement, &source.query).await?;
    let prepared = writer
        .statement
        .prepare_with(relations.as_ref(), |front| {
            front.plan_derived(source.query.clone(), Arc::clone(&writer.words), writer.parameters)
        })
        .await?;
    rows::check_width(&prepared.plan, source, writer.parsed.span)?;
    let steps = explain::requests(&prepared.plan, writer.statement.registry())?;
    Ok(steps
        .into_iter()
        .map(|step| vec![step.method, step.http, step.url, None, Some(why.to_owned())])
        .collect())
}

/// The requests of rows that are not known yet.
fn per_row(
    writer: &Writer<'_>,
    resource: &ResourceRef,
    chosen: &Chosen,
    body: Option<String>,
    why: &str,
) -> Vec<Step> {
    let template = |method: &Method, body: Option<String>, why: &str| {
        let server = method.servers.first().map(|server| server.url.as_str()).unwrap_or_default();
        vec![
            Some(format!("{}.{}", resource.dotted(), method.name)),
            Some(method.verb.to_string()),
            Some(format!("{server}{}", method.path.raw)),
            body,
            Some(why.to_owned()),
        ]
    };
    let mut rows = Vec::new();
    if let Some(reason) = why_read((writer.statement, writer.context))
        && let Some(lookup) =
            resource.resource().candidates(SqlVerb::Select).find(|method| method.is_lookup())
    {
        rows.push(template(lookup, None, &format!("once per row: {reason}")));
    }
    rows.push(template(chosen.of(resource), body, why));
    rows.extend(wait(writer.awaiting.as_ref()));
    rows.extend(undoing(writer.context, resource, chosen.of(resource)));
    rows
}

fn numbered(rows: Vec<Step>) -> Result<ResultSet, Box<Report>> {
    let rows = (1..).zip(rows).map(|(number, mut row): (usize, _)| {
        row.insert(0, Some(number.to_string()));
        row
    });
    let names = ["step", "method", "http", "url", "body", "why"];
    text_table(&names, rows.collect()).map(ResultSet::of_batch)
}
