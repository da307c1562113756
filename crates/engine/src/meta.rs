//! SHOW and DESCRIBE, and what USE may name.
//!
//! Owns: the rows of metadata statements, read from the compiled index.
//! Refuses: opening more than the statement asks for.

mod describe;
mod fields;
pub(crate) mod pg_catalog;
pub(crate) mod pull;
mod resources;
mod show;
pub(crate) mod system;
mod templates;

use strataql_diag::Report;
use strataql_query::statement::Statement;
use strataql_sql::Name;

pub(crate) use describe::describe;
pub(crate) use show::{filtered, function_rows, rows};

/// The namespace that USE sets: a provider, or a provider and a service.
pub(crate) fn namespace(statement: &Statement, name: &Name) -> Result<Vec<String>, Box<Report>> {
    let catalog = statement.catalog();
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
