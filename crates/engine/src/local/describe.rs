//! SHOW VIEWS, SHOW TABLES, and DESCRIBE of what is kept here or defined by a document as a view.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use strataql_diag::{Code, Report, Span};
use strataql_query::front::views::{described_parameters, document_view};
use strataql_query::parameters::Parameters;
use strataql_query::result_set::ResultSet;
use strataql_query::statement::Statement;
use strataql_query::text_table::text_table;
use strataql_sql::{Describe, Name, Statement as Syntax};

use super::define::elsewhere;
use super::manifest::Content;
use super::types::sql_name;
use super::{Found, Store};

/// The rows of SHOW VIEWS.
pub(crate) fn show_views(store: &Store) -> Found<RecordBatch> {
    let manifest = store.manifest()?;
    let rows = manifest
        .entries()
        .iter()
        .filter_map(|entry| match &entry.content {
            Content::View { view } | Content::MaterializedView { view, .. } => Some(vec![
                Some(entry.name.clone()),
                Some(entry.content.kind().to_owned()),
                Some(view.sql.clone()),
            ]),
            Content::Table { .. } => None,
        })
        .collect();
    text_table(&["name", "kind", "definition"], rows)
}

/// The rows of SHOW TABLES.
pub(crate) fn show_tables(store: &Store) -> Found<RecordBatch> {
    let manifest = store.manifest()?;
    let kept: Vec<_> = manifest
        .entries()
        .iter()
        .filter(|entry| !matches!(entry.content, Content::View { .. }))
        .collect();
    let number = |pick: fn(&super::manifest::DataFile) -> u64| -> ArrayRef {
        let sums = kept.iter().map(|entry| {
            i64::try_from(entry.content.files().iter().map(pick).sum::<u64>()).unwrap_or(i64::MAX)
        });
        Arc::new(Int64Array::from_iter_values(sums))
    };
    let text = |values: Vec<&str>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let columns = vec![
        text(kept.iter().map(|entry| entry.name.as_str()).collect()),
        text(kept.iter().map(|entry| entry.content.kind()).collect()),
        number(|file| file.rows),
        number(|file| file.bytes),
    ];
    let schema = Schema::new(vec![
        Field::new("name", DataType::Utf8, false),
        Field::new("kind", DataType::Utf8, false),
        Field::new("rows", DataType::Int64, false),
        Field::new("bytes", DataType::Int64, false),
    ]);
    RecordBatch::try_new(Arc::new(schema), columns)
        .map_err(|error| Box::new(Report::internal(error.to_string())))
}

/// What DESCRIBE is about, if a SELECT has to be planned for its columns.
enum Subject {
    /// A view of a document, with the parameters that it needs.
    Document(Vec<String>),
    /// A view that is kept here.
    View,
    /// A table of ours, a file, or nothing at all.
    Other,
}

/// DESCRIBE of anything but a resource with methods of its own; `None` for those.
///
/// # Errors
/// Those of reading the relation: `unknown-resource` with suggestions, `local-io` for files.
pub(crate) async fn describe(
    statement: &Statement,
    store: &Store,
    is_system: &(dyn Fn(&Name) -> bool + Sync),
    describe: &Describe,
) -> Found<Option<ResultSet>> {
    let Some(subject) = subject(statement, store, is_system, describe)? else { return Ok(None) };
    let given = match &subject {
        Subject::Document(given) => given.as_slice(),
        _ => &[],
    };
    let text = select_from(describe, given);
    let (fields, missing) = planned_fields(statement, &text).await.map_err(|report| {
        let dotted = describe.name.dotted();
        match subject {
            Subject::Other => placed(report, describe.name.span),
            _ => elsewhere(report, &dotted, describe.name.span),
        }
    })?;
    let mut rows: Vec<Vec<Option<String>>> = fields
        .iter()
        .map(|field| {
            let is_given = given.iter().any(|name| name.eq_ignore_ascii_case(field.name()));
            row(field.name(), &sql_name(field), is_given, describe.extended)
        })
        .collect();
    for name in given {
        if !fields.iter().any(|field| field.name().eq_ignore_ascii_case(name)) {
            rows.push(row(name, "TEXT", true, describe.extended));
        }
    }
    let mut names = vec!["name", "type", "parameter"];
    if describe.extended {
        names.push("description");
    }
    let result = ResultSet::of_batch(text_table(&names, rows)?);
    if let Some(missing) = missing {
        result.outcome.note(missing);
    }
    Ok(Some(result))
}

fn row(name: &str, kind: &str, is_required: bool, extended: bool) -> Vec<Option<String>> {
    let role = if is_required { "required" } else { "" };
    let mut row = vec![name, kind, role];
    if extended {
        row.push("");
    }
    row.into_iter().map(|cell| Some(cell.to_owned())).collect()
}

fn subject(
    statement: &Statement,
    store: &Store,
    is_system: &dyn Fn(&Name) -> bool,
    describe: &Describe,
) -> Found<Option<Subject>> {
    if describe.method {
        return Ok(None);
    }
    if describe.file {
        return Ok(Some(Subject::Other));
    }
    let name = &describe.name;
    if let [part] = name.parts.as_slice()
        && let Some(entry) = store.manifest()?.find(&part.value, part.quoted)
    {
        let is_view = matches!(entry.content, Content::View { .. });
        return Ok(Some(if is_view { Subject::View } else { Subject::Other }));
    }
    if is_system(name) {
        return Ok(Some(Subject::Other));
    }
    Ok(match statement.resource(name) {
        Ok(found) => document_view(&found)
            .map(|view| Subject::Document(described_parameters(&view, statement.registry()))),
        // a SELECT knows what else the name may have meant
        Err(_) if name.parts.len() < 3 => Some(Subject::Other),
        Err(_) => None,
    })
}

/// The SELECT whose columns are wanted.
fn select_from(describe: &Describe, given: &[String]) -> String {
    let parts = describe.name.parts.iter().map(|part| match part.quoted {
        true if describe.file => format!("'{}'", part.value.replace('\'', "''")),
        true => quoted(&part.value),
        false => part.value.clone(),
    });
    let mut text = format!("SELECT * FROM {}", parts.collect::<Vec<_>>().join("."));
    // the conditions let a view of a document be planned; nothing is requested
    let conditions: Vec<String> =
        given.iter().map(|name| format!("{} = 'x'", quoted(name))).collect();
    if !conditions.is_empty() {
        text.push_str(" WHERE ");
        text.push_str(&conditions.join(" AND "));
    }
    text
}

/// The report, about the name in the statement.
fn placed(mut report: Box<Report>, span: Span) -> Box<Report> {
    report.labels.clear();
    Box::new(report.with_label(span, ""))
}

/// The columns of a query, without running it, and what it lacks to be run.
async fn planned_fields(statement: &Statement, text: &str) -> Found<(Vec<Field>, Option<String>)> {
    let mut all = strataql_sql::parse(text)?;
    let Some(parsed) = all.pop() else { return Ok((Vec::new(), None)) };
    let Syntax::Query(query) = &parsed.statement else { return Ok((Vec::new(), None)) };
    let part = statement.part(text, parsed.clone(), Parameters::default());
    let relations = part.relations.open(&part, query).await?;
    let logical = part.plan_with(relations.as_ref(), |front| {
        front.plan(&parsed, query, &Parameters::default())
    })?;
    let planned = &logical.planned;
    let schema = planned.plan.schema();
    let names = planned.labels.iter().zip(schema.fields());
    let fields = names.map(|(label, field)| field.as_ref().clone().with_name(label)).collect();
    let lacks = part.operators(logical).await.err();
    let lacks = lacks.filter(|report| report.code == Code::MissingParam);
    Ok((fields, lacks.map(|report| report.message)))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
