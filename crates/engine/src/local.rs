//! What a session keeps itself: views, tables, materialized views; and files that a statement names.
//!
//! Owns: CREATE, DROP, REFRESH and INSERT of them, their store, and what their names mean in a query.
//! Refuses: provider resources; a name of several parts is never ours.
//! Surprise: nothing is read from the store before a statement names a relation of one part, and
//! nothing is written for a query, so a home that cannot be written still answers.

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
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::sql::sqlparser::ast::{Query, TableFactor, Visit, Visitor};
use strataql_diag::{Code, Report};
use strataql_sql::{Name, Statement, cte_names};

pub(crate) use define::{define, explain, refresh};
pub(crate) use describe::{describe, show_tables, show_views};
pub(crate) use insert::{owns, write};
use manifest::{Content, Entry, Manifest};
pub(crate) use store::Store;
pub use store::stored_views;

use crate::front::Locals;
use crate::front::views::Definition;
use crate::meta::system::SystemTables;
use crate::session::Session;

type Found<T> = Result<T, Box<Report>>;

/// What the names of one statement mean here.
pub(crate) struct Relations<'a> {
    around: SystemTables<'a>,
    manifest: Manifest,
    tables: Vec<(String, Arc<dyn TableProvider>)>,
    files: Vec<(String, Arc<dyn TableProvider>)>,
}

impl<'a> Relations<'a> {
    /// Opens what a query and the views in it name.
    ///
    /// # Errors
    /// `local-io`, and `unsupported-syntax` if files may not be read.
    pub(crate) async fn of(session: &'a Session, query: &Query) -> Found<Self> {
        let store = session.local();
        let around = SystemTables { session };
        let mut wanted = Wanted::default();
        let needs_store = wanted.collect(query);
        let manifest = if needs_store { store.manifest()? } else { Manifest::default() };
        wanted.follow(&manifest);
        let mut tables = Vec::new();
        for entry in manifest.entries() {
            let is_named = wanted.names.contains(&entry.name.to_lowercase());
            if is_named && !entry.content.files().is_empty() {
                let table = store.table(&entry.name, entry.content.files())?;
                tables.push((entry.name.to_lowercase(), table));
            }
        }
        let mut files: Vec<(String, Arc<dyn TableProvider>)> = Vec::new();
        for path in wanted.files {
            if !session.settings().local_files {
                return Err(Box::new(
                    Report::new(
                        Code::UnsupportedSyntax,
                        format!("the file `{path}` may not be read in this session"),
                    )
                    .with_help("the setting `local_files` is off"),
                ));
            }
            if files.iter().any(|(known, _)| known.to_lowercase() == path.to_lowercase()) {
                return Err(Box::new(
                    Report::new(
                        Code::UnsupportedSyntax,
                        format!("two files here are named `{path}` but for upper and lower case"),
                    )
                    .with_help("read them in two statements, or rename one"),
                ));
            }
            let table = files::open(&session.engine().state(), &path).await?;
            files.push((path, Arc::new(table)));
        }
        Ok(Self { around, manifest, tables, files })
    }

    fn entry(&self, name: &Name) -> Option<&Entry> {
        let [part] = name.parts.as_slice() else { return None };
        self.manifest.find(&part.value, part.quoted)
    }
}

impl Locals for Relations<'_> {
    fn table(&self, name: &Name) -> Option<(String, Arc<dyn TableProvider>)> {
        if let Some(found) = self.around.table(name) {
            return Some(found);
        }
        let key = self.entry(name)?.name.to_lowercase();
        let (key, table) = self.tables.iter().find(|(known, _)| *known == key)?;
        Some((key.clone(), Arc::clone(table)))
    }

    fn view(&self, name: &Name) -> Option<Definition> {
        let entry = self.entry(name)?;
        match &entry.content {
            Content::View { view } => Some(Definition {
                name: entry.name.clone(),
                sql: view.sql.clone(),
                columns: view.columns.clone(),
                namespace: view.namespace.clone(),
                from_document: false,
                required: Vec::new(),
            }),
            _ => None,
        }
    }

    fn names(&self) -> Vec<String> {
        self.manifest.entries().iter().map(|entry| entry.name.clone()).collect()
    }

    fn file(&self, path: &str) -> Option<(String, Arc<dyn TableProvider>)> {
        let (_, table) = self.files.iter().find(|(known, _)| known == path)?;
        Some((files::stem(path), Arc::clone(table)))
    }
}

/// Names that may be ours.
#[derive(Default)]
struct Wanted {
    /// One-part names, lower case.
    names: BTreeSet<String>,
    /// Files, in order.
    files: Vec<String>,
}

impl Wanted {
    /// Adds the names of a query; true if one may be in the store.
    fn collect(&mut self, query: &Query) -> bool {
        let before = self.names.len();
        let ctes = cte_names(query);
        let mut collector = Collector { wanted: self, ctes };
        let _done: ControlFlow<()> = query.visit(&mut collector);
        self.names.len() > before
    }

    /// Adds the names in the views that are named.
    fn follow(&mut self, manifest: &Manifest) {
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
