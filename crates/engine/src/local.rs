//! What a session keeps itself: views, tables, materialized views; and files that a statement names.
//!
//! Owns: CREATE, DROP, REFRESH and INSERT of them, their store, and what their names mean in a query.
//! Refuses: provider resources; a name of several parts is never ours.
//! Surprise: nothing is read from the store before a statement names a relation of one part, and
//! nothing is written for a query, so a home that cannot be written still answers.

mod csv;
mod define;
mod describe;
mod files;
mod fill;
mod folder;
mod insert;
mod manifest;
mod scan;
mod store;
mod types;
mod writer;

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Query, TableFactor, Visit, Visitor};
use strataql_diag::Report;
use strataql_sql::{Statement, cte_names};

pub(crate) use define::{define, explain, refresh};
pub(crate) use describe::{describe, show_tables, show_views};
pub(crate) use files::{open as open_file, stem as file_alias};
pub(crate) use insert::{owns, write};
pub(crate) use manifest::{Content, Entry, Manifest};
pub(crate) use store::Store;
pub use store::stored_views;

type Found<T> = Result<T, Box<Report>>;

/// Names that may be ours.
#[derive(Default)]
pub(crate) struct Wanted {
    /// One-part names, lower case.
    pub(crate) names: BTreeSet<String>,
    /// Files, in order.
    pub(crate) files: Vec<String>,
}

impl Wanted {
    /// Adds the names of a query; true if one may be in the store.
    pub(crate) fn collect(&mut self, query: &Query) -> bool {
        let before = self.names.len();
        let ctes = cte_names(query);
        let mut collector = Collector { wanted: self, ctes };
        let _done: ControlFlow<()> = query.visit(&mut collector);
        self.names.len() > before
    }

    /// Adds the names in the views that are named.
    pub(crate) fn follow(&mut self, manifest: &Manifest) {
        let mut seen = BTreeSet::new();
        loop {
            let next = manifest.entries().iter().find_map(|entry| match &entry.content {
                Content::View { view } => {
                    let key = entry.name.to_lowercase();
                    (self.names.contains(&key) && seen.insert(key)).then(|| view.sql.clone())
                }
                _ => None,
            });
            let Some(text) = next else { return };
            // a view that does not read is reported where it is put in place
            let Ok(all) = strataql_sql::parse(&text) else { continue };
            for parsed in &all {
                if let Statement::Query(query) = &parsed.statement {
                    self.collect(query);
                }
            }
        }
    }
}

struct Collector<'a> {
    wanted: &'a mut Wanted,
    ctes: BTreeSet<String>,
}

impl Visitor for Collector<'_> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        let TableFactor::Table { name, args: None, .. } = factor else {
            return ControlFlow::Continue(());
        };
        if let [part] = name.0.as_slice()
            && let Some(ident) = part.as_ident()
        {
            let key = ident.value.to_lowercase();
            if ident.quote_style == Some('\'') {
                if !self.wanted.files.contains(&ident.value) {
                    self.wanted.files.push(ident.value.clone());
                }
            } else if !self.ctes.contains(&key) {
                self.wanted.names.insert(key);
            }
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests;
