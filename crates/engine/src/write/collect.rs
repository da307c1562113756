//! Reading the rows of a write.
//!
//! Owns: one row per object, values as they are meant (`JSON(…)`, `string(…)`), and that a row is the object
//! which WHERE names.
//! Surprise: a lookup may answer with another object than was asked for. Nothing is written then.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::ScalarValue;
use futures::TryStreamExt;

use strataql_call::{Value, read_json, wrong_object};
use strataql_diag::{Code, Report, Span};
use strataql_query::budget;
use strataql_query::predicate::bindings::value_of;

use super::cells::{Cell, CellValue, Row, SourceColumn};
use super::rows::{Asked, RowSource};
use super::statement::Marker;
use super::writer::Writer;

/// Reads all rows, at most `limit`.
///
/// # Errors
/// `max-writes` when there are more, `wrong-object` for a row that is another object than was asked for,
/// `unexpected-body` for one that does not tell its name, `ambiguous-name` for an object that would be set to
/// different values; reports of the query.
pub(crate) async fn collect(
    writer: &Writer<'_>,
    source: &RowSource,
    limit: usize,
    span: Span,
) -> Result<Vec<Row>, Box<Report>> {
    let prepared = source.prepare(writer, span).await?;
    let result = writer.statement.execute(prepared)?;
    let mut batches = result.rows;
    let mut rows = Vec::new();
    let mut seen = BTreeMap::new();
    while let Some(batch) = batches.try_next().await? {
        for row in 0..batch.num_rows() {
            let Some(values) = read_row(&batch, row, source)? else { continue };
            // the same object is written once, however often a join or a list names it
            if source.is_distinct {
                let all = format!("{values:?}");
                match seen.entry(format!("{:?}", key_of(&values, source))) {
                    Entry::Vacant(entry) => entry.insert(all),
                    Entry::Occupied(known) if *known.get() == all => continue,
                    Entry::Occupied(_) => return Err(twice(&values, source, span)),
                };
            }
            rows.push(values);
            if rows.len() > limit {
                let report = budget::too_many_writes(limit).with_label(span, "");
                return Err(Box::new(report.with_note("nothing was sent")));
            }
        }
    }
    Ok(rows)
}

fn key_of<'r>(row: &'r Row, source: &RowSource) -> Vec<&'r CellValue> {
    source.keys.iter().map(|key| &row[*key].value).collect()
}

/// A row; `None` when a key that the statement gives is NULL and so names no object.
fn read_row(
    batch: &RecordBatch,
    row: usize,
    source: &RowSource,
) -> Result<Option<Row>, Box<Report>> {
    let schema = batch.schema();
    let scalar = |position: usize| {
        ScalarValue::try_from_array(batch.column(position), row)
            .map_err(|error| crate::report_of(&error, ""))
    };
    let mut values: Row = Vec::with_capacity(source.columns.len());
    for (position, column) in source.columns.iter().enumerate() {
        let is_json = schema
            .field(position)
            .metadata()
            .get("ARROW:extension:name")
            .is_some_and(|name| name == "arrow.json");
        let given = match value_of(&scalar(position)?) {
            None => CellValue::Null,
            Some(value) => CellValue::Value(marked(value, column, is_json)?),
        };
        values.push(Cell { path: column.path.clone(), to: column.to, value: given });
    }
    for asked in &source.asked {
        let Some(shown) = value_of(&scalar(asked.shown)?) else { continue };
        let mut wanted = Vec::new();
        for position in asked.values.clone() {
            wanted.extend(value_of(&scalar(position)?));
        }
        if wanted.is_empty() {
            continue;
        }
        let meant = wanted.iter().find(|value| value.is_same_object(&shown.text()));
        match (meant, asked.key) {
            (Some(meant), Some(key)) => values[key].value = CellValue::Value(meant.clone()),
            (Some(_), None) => {}
            (None, _) => return Err(another(source, asked, &wanted, &shown)),
        }
    }
    for key in &source.keys {
        if values[*key].value == CellValue::Null {
            return if source.is_resolved() { Err(nameless(source, *key)) } else { Ok(None) };
        }
    }
    Ok(Some(values))
}

fn another(source: &RowSource, asked: &Asked, wanted: &[Value], shown: &Value) -> Box<Report> {
    let texts: Vec<String> = wanted.iter().map(Value::text).collect();
    let report = wrong_object(&source.resource, &asked.name, &texts.join("` or `"), &shown.text());
    Box::new(report.with_note("nothing was sent"))
}

fn nameless(source: &RowSource, key: usize) -> Box<Report> {
    let name = source.columns[key].path.join(".");
    Box::new(
        Report::new(
            Code::UnexpectedBody,
            format!("a row of `{}` was found that does not tell its `{name}`", source.resource),
        )
        .with_help(format!("name the object in WHERE: `{name} = '…'`"))
        .with_note("nothing was sent"),
    )
}

fn twice(row: &Row, source: &RowSource, span: Span) -> Box<Report> {
    let names = source.keys.iter().filter_map(|key| match &row[*key].value {
        CellValue::Value(value) => {
            Some(format!("`{}` = `{}`", row[*key].path.join("."), value.text()))
        }
        CellValue::Null => None,
    });
    let names = names.collect::<Vec<_>>().join(" and ");
    let object = if names.is_empty() { String::new() } else { format!(" with {names}") };
    let message = format!("an object of `{}`{object} is set to different values", source.resource);
    Box::new(
        Report::new(Code::AmbiguousName, message)
            .with_label(span, "")
            .with_help("write a condition that finds one row for each object")
            .with_note("nothing was sent"),
    )
}

fn marked(value: Value, column: &SourceColumn, is_json: bool) -> Result<Value, Box<Report>> {
    match (value, column.marker) {
        (Value::Text(text), Marker::Json) => match read_json(&text) {
            Ok(json) => Ok(Value::Json(json)),
            Err(error) => Err(Box::new(
                Report::new(
                    Code::BadParamValue,
                    format!(
                        "`{}` is given JSON text that is not valid: {error}",
                        column.path.join(".")
                    ),
                )
                .with_help("correct the text inside `JSON(…)`"),
            )),
        },
        (value, Marker::Json | Marker::Text) => Ok(value),
        (Value::Text(text), Marker::None) if is_json => {
            Ok(read_json(&text).map_or(Value::Text(text), Value::Json))
        }
        (value, Marker::None) => Ok(value),
    }
}
