//! SHOW and DESCRIBE, and what USE may name.
//!
//! Owns: the rows of metadata statements, read from the compiled index.
//! Refuses: opening more than the statement asks for.

mod describe;
mod show;
pub(crate) mod system;
mod templates;

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use strataql_diag::Report;
use strataql_sql::Name;

use crate::catalog::Catalog;
use crate::session::Session;

pub(crate) use describe::describe;
pub(crate) use show::show;

/// A table of texts.
pub(crate) fn texts(
    names: &[&str],
    rows: Vec<Vec<Option<String>>>,
) -> Result<RecordBatch, Box<Report>> {
    let fields: Vec<Field> =
        names.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
    let columns: Vec<ArrayRef> = (0..names.len())
        .map(|column| {
            let cells: StringArray = rows.iter().map(|row| row[column].clone()).collect();
            Arc::new(cells) as ArrayRef
        })
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .map_err(|error| Box::new(Report::internal(error.to_string())))
}

/// The namespace that USE sets: a provider, or a provider and a service.
pub(crate) fn namespace(session: &Session, name: &Name) -> Result<Vec<String>, Box<Report>> {
    let settings = session.settings();
    let catalog = Catalog { registry: session.registry(), namespace: &settings.namespace };
    let parts = &name.parts;
    let provider = catalog.provider(&parts[0].value, parts[0].span)?;
    match parts.get(1) {
        None => Ok(vec![provider.name.clone()]),
        Some(part) => {
            let service = catalog.service(&provider.name, &part.value, part.span)?;
            Ok(vec![provider.name.clone(), service.name.clone()])
        }
    }
}
