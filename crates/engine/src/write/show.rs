//! EXPLAIN of a write: the exact requests, secrets masked.

use strataql_call::{MethodRef, ServerVariables, json_text};
use strataql_diag::Report;
use strataql_query::explain;
use strataql_query::result_set::ResultSet;
use strataql_query::statement::Statement;
use strataql_query::text_table::text_table;
use strataql_spec::SqlVerb;

use super::awaiting::Awaiting;
use super::chosen::Chosen;
use super::context::WriteContext;
use super::prepared::PreparedWrite;
use super::rows::RowSource;
use super::writer::Writer;
use super::{image, masking, template, undo};

/// A statement and what its session's writes share.
type Within<'a> = (&'a Statement, &'a WriteContext);

/// A row of EXPLAIN without its number: method, HTTP verb, URL, body, why.
type Step = Vec<Option<String>>;

/// The requests of a write whose rows are all known.
pub(crate) fn requests(
    writer: &Writer<'_>,
    chosen: &Chosen,
    prepared: &[PreparedWrite],
) -> Result<ResultSet, Box<Report>> {
    let mut rows = Vec::new();
    for write in prepared {
        rows.extend(image_read((writer.statement, writer.context), write)?);
        rows.push(step(write, "sent once per row"));
    }
    rows.extend(wait(writer.awaiting.as_ref(), &writer.variables));
    rows.extend(undoing(writer, chosen));
    numbered(rows)
}

/// EXEC of a method.
pub(crate) fn exec(
    within: Within<'_>,
    write: &PreparedWrite,
    awaiting: Option<&Awaiting>,
    variables: &ServerVariables,
) -> Result<ResultSet, Box<Report>> {
    let mut rows: Vec<Step> = image_read(within, write)?.into_iter().collect();
    rows.push(step(write, "the method that EXEC names"));
    rows.extend(wait(awaiting, variables));
    numbered(rows)
}

/// A write whose rows only requests can tell: the steps of its SELECT, then the write as a template.
/// `None` if the rows are known here.
pub(crate) async fn unknown(
    writer: &Writer<'_>,
    chosen: &Chosen,
    source: &RowSource,
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
    let body = template::body(chosen.method(), source);
    rows.extend(per_row(writer, chosen, body, writes));
    numbered(rows).map(Some)
}

/// An upsert: the question which rows exist, then both ways.
pub(super) async fn upsert(
    finder: &RowSource,
    update: Option<(&Writer<'_>, &Chosen, &RowSource)>,
    insert: (&Writer<'_>, &[PreparedWrite]),
) -> Result<ResultSet, Box<Report>> {
    let (writer, inserts) = insert;
    if inserts.is_empty() {
        return numbered(Vec::new());
    }
    let mut rows = finding(writer, finder, "asks which rows exist").await?;
    rows.extend(inserts.iter().map(|write| step(write, "unless the row exists")));
    rows.extend(wait(writer.awaiting.as_ref(), &writer.variables));
    if let Some((writer, chosen, source)) = update {
        let why = "once per row that exists, instead of its INSERT";
        let body = template::body(chosen.method(), source);
        rows.extend(per_row(writer, chosen, body, why));
    }
    numbered(rows)
}

/// An upsert whose rows only requests can tell; `None` if they are known here.
pub(super) async fn unread_upsert(
    writer: &Writer<'_>,
    (insert, source): (&Chosen, &RowSource),
    update: Option<(&Chosen, &RowSource)>,
) -> Result<Option<ResultSet>, Box<Report>> {
    let mut rows =
        finding(writer, source, "gives the rows; which of them exist is asked then").await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let body = template::body(insert.method(), source);
    rows.extend(per_row(writer, insert, body, "once per row that does not exist"));
    if let Some((chosen, source)) = update {
        let why = "once per row that exists, instead of its INSERT";
        let body = template::body(chosen.method(), source);
        rows.extend(per_row(writer, chosen, body, why));
    }
    numbered(rows).map(Some)
}

/// The request of a write.
fn step(write: &PreparedWrite, why: &str) -> Step {
    let (call, method) = (&write.call, write.call.method());
    vec![
        Some(call.target().name()),
        Some(call.verb().to_string()),
        Some(masking::masked_url(method, &call.url())),
        call.body().map(|body| json_text(&masking::masked(method, &body))),
        Some(why.to_owned()),
    ]
}

/// The requests of a method whose values are not known yet.
fn template_step(
    target: &MethodRef,
    variables: &ServerVariables,
    body: Option<String>,
    why: String,
) -> Step {
    vec![
        Some(target.name()),
        Some(target.method().verb.to_string()),
        Some(target.url_template(variables)),
        body,
        Some(why),
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
fn image_read(within: Within<'_>, write: &PreparedWrite) -> Result<Option<Step>, Box<Report>> {
    let Some(why) = why_read(within) else { return Ok(None) };
    let Some(lookup) = image::lookup(write)? else { return Ok(None) };
    Ok(Some(vec![
        Some(lookup.target().name()),
        Some(lookup.verb().to_string()),
        Some(masking::masked_url(lookup.method(), &lookup.url())),
        None,
        Some(why.to_owned()),
    ]))
}

/// What AWAIT adds.
fn wait(awaiting: Option<&Awaiting>, variables: &ServerVariables) -> Option<Step> {
    let (method, url) = awaiting?.described(variables);
    Some(vec![
        Some(method),
        Some("GET".to_owned()),
        Some(url),
        None,
        Some("asked again until each change is done (AWAIT)".to_owned()),
    ])
}

/// What ROLLBACK does in an eager transaction.
fn undoing(writer: &Writer<'_>, chosen: &Chosen) -> Option<Step> {
    if !writer.context.undo.is_open() {
        return None;
    }
    let target = &chosen.target;
    let (undone, why) = match undo::inverse(target.resource(), chosen.method()) {
        Ok(inverse) => {
            (target.neighbour(&inverse.name)?, "ROLLBACK undoes each change with it".to_owned())
        }
        Err(why) => (target.clone(), format!("cannot be undone: {why}")),
    };
    Some(template_step(&undone, &writer.variables, None, why))
}

/// The requests of a SELECT that finds objects.
async fn finding(
    writer: &Writer<'_>,
    source: &RowSource,
    why: &str,
) -> Result<Vec<Step>, Box<Report>> {
    let prepared = source.prepare(writer, writer.parsed.span).await?;
    let steps = explain::requests(&prepared.plan, writer.statement.registry())?;
    let exchange = writer.statement.exchange();
    let redacted = |url: Option<String>| url.map(|url| exchange.redact(&url));
    Ok(steps
        .into_iter()
        .map(|step| vec![step.method, step.http, redacted(step.url), None, Some(why.to_owned())])
        .collect())
}

/// The requests of rows that are not known yet.
fn per_row(writer: &Writer<'_>, chosen: &Chosen, body: Option<String>, why: &str) -> Vec<Step> {
    let (target, variables) = (&chosen.target, &writer.variables);
    let mut rows = Vec::new();
    if let Some(reason) = why_read((writer.statement, writer.context))
        && let Some(lookup) =
            target.resource().candidates(SqlVerb::Select).find(|method| method.is_lookup())
        && let Some(lookup) = target.neighbour(&lookup.name)
    {
        rows.push(template_step(&lookup, variables, None, format!("once per row: {reason}")));
    }
    rows.push(template_step(target, variables, body, why.to_owned()));
    rows.extend(wait(writer.awaiting.as_ref(), variables));
    rows.extend(undoing(writer, chosen));
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
