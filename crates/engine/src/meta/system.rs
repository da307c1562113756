//! Tables about the session itself and its documents: `sys.*` and `information_schema.*`.
//!
//! Owns: their names, columns and how they come into a statement.
//! Refuses: opening documents at planning, and at execution those that a filter on provider, service
//! or resource excludes.
//! Surprise: `information_schema` has the provider as catalog and the service as schema.

mod changes;
mod documents;
mod places;
mod rows;
mod session;
mod sheet;

use std::path::Path;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use strataql_diag::{Code, Report, did_you_mean, listed};
use strataql_query::statement::Statement;
use strataql_sql::Name;

use self::changes::Changes;
use self::documents::DocumentTable;
use super::pg_catalog::{self, Owned};

const SYS: &str = "sys";

/// The change ledger, which is read from disk when rows are asked for.
const CHANGES: &str = "changes";

/// Tables of `sys` that are made of the session alone.
const OF_SESSION: &[&str] = &["settings", "functions", "requests", "last_query_issues", CHANGES];

/// System tables of a session.
pub(crate) struct SystemTables<'a> {
    pub(crate) statement: &'a Statement,
    /// Folder of the change ledger.
    pub(crate) ledger: Option<&'a Path>,
    /// Lists what the user keeps.
    pub(crate) own: Owned,
}

impl SystemTables<'_> {
    fn of_session(&self, table: &str) -> Result<Option<Arc<dyn TableProvider>>, Box<Report>> {
        let batch = match table {
            CHANGES => {
                return Ok(Some(Arc::new(Changes::new(self.ledger.map(Into::into)))));
            }
            "settings" => super::show::settings_table(self.statement)?,
            "functions" => super::show::functions(self.statement, true)?,
            "requests" => session::requests(self.statement)?,
            "last_query_issues" => session::issues(self.statement)?,
            _ => return Ok(None),
        };
        let table = MemTable::try_new(batch.schema(), vec![vec![batch]])
            .map_err(|error| Box::new(Report::internal(error.to_string())))?;
        Ok(Some(Arc::new(table)))
    }
}

impl SystemTables<'_> {
    /// True if the name is one of ours.
    pub(crate) fn has(&self, name: &Name) -> bool {
        self.table(name).is_some()
    }

    /// The lower-case full name and the table that a name means, if it is one of ours.
    pub(crate) fn table(&self, name: &Name) -> Option<(String, Arc<dyn TableProvider>)> {
        if let Some(found) = pg_catalog::table(self.statement, name, &self.own) {
            return Some(found);
        }
        let [schema, table] = name.parts.as_slice() else { return None };
        let schema = schema.value.to_ascii_lowercase();
        let table = table.value.to_ascii_lowercase();
        let key = format!("{schema}.{table}");
        if let Some(layout) = rows::LAYOUTS.iter().find(|layout| layout.name == key) {
            let registry = Arc::clone(self.statement.registry());
            let only = pg_catalog::provider(self.statement).filter(|_| schema != SYS);
            return Some((key, Arc::new(DocumentTable::new(layout, registry, only))));
        }
        if schema != SYS {
            return None;
        }
        let table = self.of_session(&table).ok()??;
        Some((key, table))
    }
}

/// The tables of a schema; none if it is no schema of ours.
pub(crate) fn tables(schema: &str) -> Vec<&'static str> {
    let schema = schema.to_ascii_lowercase();
    rows::LAYOUTS
        .iter()
        .filter_map(|layout| layout.name.strip_prefix(&schema)?.strip_prefix('.'))
        .chain(OF_SESSION.iter().copied().filter(|_| schema == SYS))
        .collect()
}

/// The report of a name that only a system table could have, if it is one.
pub(crate) fn no_table(name: &Name) -> Option<Box<Report>> {
    let [schema, table] = name.parts.as_slice() else { return None };
    let schema = schema.value.to_ascii_lowercase();
    let own = tables(&schema);
    if own.is_empty() {
        return None;
    }
    let report =
        Report::new(Code::UnknownResource, format!("`{schema}` has no table `{}`", table.value));
    Some(Box::new(
        report
            .with_label(table.span, "")
            .with_help_if(did_you_mean(&table.value, own.iter().copied()))
            .with_help(format!("its tables are {}", listed(&own))),
    ))
}

#[cfg(test)]
mod tests;
