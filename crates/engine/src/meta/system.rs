//! Tables about the session itself: `sys.*` and `information_schema.*`.
//!
//! Owns: their names and how they come into a statement.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use strataql_sql::Name;

use crate::front::Locals;
use crate::session::Session;

/// System tables of a session.
pub(crate) struct SystemTables<'a> {
    pub(crate) session: &'a Session,
}

impl Locals for SystemTables<'_> {
    fn table(&self, name: &Name) -> Option<(String, Arc<dyn TableProvider>)> {
        let [schema, table] = name.parts.as_slice() else { return None };
        if !schema.value.eq_ignore_ascii_case("sys") {
            return None;
        }
        let batch = match table.value.to_ascii_lowercase().as_str() {
            "providers" => super::show::providers(self.session).ok()?,
            "settings" => super::show::settings_table(self.session).ok()?,
            "functions" => super::show::functions(self.session).ok()?,
            _ => return None,
        };
        let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).ok()?;
        Some((name.dotted().to_lowercase(), Arc::new(table)))
    }
}
