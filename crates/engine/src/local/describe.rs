//! SHOW VIEWS, SHOW TABLES, and DESCRIBE of what is kept here or defined by a document as a view.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use strataql_diag::Report;
use strataql_sql::{Describe, Statement};

use super::define::elsewhere;
use super::manifest::Content;
use super::types::sql_name;
use super::{Found, Relations, Store};
use crate::front::views::{described_parameters, document_view};
use crate::meta::texts;
use crate::parameters::Parameters;
use crate::session::{ResultSet, Session};

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
    texts(&["name", "kind", "definition"], rows)
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

/// DESCRIBE, if the name is one of ours or a document's view; `None` for other resources.
///
/// # Errors
/// Those of reading the view.
pub(crate) async fn describe(session: &Session, describe: &Describe) -> Found<Option<ResultSet>> {
    if describe.method {
        return Ok(None);
    }
    let given = match describe.name.parts.as_slice() {
        [part] => {
            let manifest = session.local().manifest()?;
            if manifest.find(&part.value, part.quoted).is_none() {
                return Ok(None);
            }
            Vec::new()
        }
        _ => match session
            .catalog_resource(&describe.name)
            .ok()
            .and_then(|found| document_view(&found))
        {
            None => return Ok(None),
            Some(view) => described_parameters(&view),
        },
    };
    let name: Vec<String> = describe
        .name
        .parts
        .iter()
        .map(|part| if part.quoted { quoted(&part.value) } else { part.value.clone() })
        .collect();
    // the conditions let a view of a document be planned; nothing is requested
    let conditions: Vec<String> =
        given.iter().map(|name| format!("{} = 'x'", quoted(name))).collect();
    let mut text = format!("SELECT * FROM {}", name.join("."));
    if !conditions.is_empty() {
        text.push_str(" WHERE ");
        text.push_str(&conditions.join(" AND "));
    }
    let fields = planned_fields(session, &text)
        .await
        .map_err(|report| elsewhere(report, &describe.name.dotted(), describe.name.span))?;
    let mut rows: Vec<Vec<Option<String>>> = fields
        .iter()
        .map(|field| {
            let is_given = given.iter().any(|name| name.eq_ignore_ascii_case(field.name()));
            vec![
                Some(field.name().clone()),
                Some(sql_name(field)),
                is_given.then(|| "required".to_owned()),
            ]
        })
        .collect();
    for name in &given {
        if !fields.iter().any(|field| field.name().eq_ignore_ascii_case(name)) {
            rows.push(vec![
                Some(name.clone()),
                Some("TEXT".to_owned()),
                Some("required".to_owned()),
            ]);
        }
    }
    texts(&["name", "type", "parameter"], rows).map(ResultSet::of_batch).map(Some)
}

/// The columns of a query, without running it.
async fn planned_fields(session: &Session, text: &str) -> Found<Vec<Field>> {
    let mut all = strataql_sql::parse(text)?;
    let Some(parsed) = all.pop() else { return Ok(Vec::new()) };
    let Statement::Query(query) = &parsed.statement else { return Ok(Vec::new()) };
    let locals = Relations::of(session, query).await?;
    let logical = session.plan_with(session.settings(), text, &locals, |front| {
        front.plan(&parsed, query, &Parameters::default())
    })?;
    let planned = logical.planned;
    let schema = planned.plan.schema();
    let names = planned.labels.iter().zip(schema.fields());
    Ok(names.map(|(label, field)| field.as_ref().clone().with_name(label)).collect())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
