//! What the relation names of a statement mean in a session: files, local tables and views, system
//! tables, `(EXEC …)`.
//!
//! Surprise: nothing is read from the store before a statement names a relation of one part.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::TableProvider;
use datafusion::sql::sqlparser::ast::Query;
use strataql_diag::{Code, Report};
use strataql_query::front::RelationResolver;
use strataql_query::front::views::Definition;
use strataql_query::statement::{Relations, Statement};
use strataql_sql::{Exec, Name};

use crate::local::{self, Content, Entry, Manifest, Store, Wanted};
use crate::meta::pg_catalog::{Own, Owned};
use crate::meta::system::{self, SystemTables};
use crate::write::{self, WriteContext};

/// Opens the relations of a session's statements.
pub(crate) struct SessionRelations {
    store: Arc<Store>,
    writes: WriteContext,
}

impl SessionRelations {
    pub(crate) fn new(store: Arc<Store>, writes: WriteContext) -> Self {
        Self { store, writes }
    }
}

#[async_trait]
impl Relations for SessionRelations {
    async fn open<'a>(
        &'a self,
        statement: &'a Statement,
        query: &Query,
    ) -> Result<Box<dyn RelationResolver + 'a>, Box<Report>> {
        let (store, ledger) = (self.store.as_ref(), self.writes.recording.folder());
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
            if !statement.settings.local_files {
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
            let table = local::open_file(&statement.engine.state, &path).await?;
            files.push((path, table));
        }
        let system = SystemTables { statement, ledger, own: owned(&self.store) };
        Ok(Box::new(Opened { system, writes: &self.writes, manifest, tables, files }))
    }
}

/// Lists the tables and views of a store.
pub(crate) fn owned(store: &Arc<Store>) -> Owned {
    let store = Arc::clone(store);
    Arc::new(move || {
        let manifest = store.manifest()?;
        let all = manifest.entries().iter().map(|entry| {
            let (kind, view) = match &entry.content {
                Content::Table { .. } => ("r", None),
                Content::View { view } => ("v", Some(view)),
                Content::MaterializedView { view, .. } => ("m", Some(view)),
            };
            let files = entry.content.files();
            let columns = if files.is_empty() {
                None
            } else {
                Some(store.table(&entry.name, files)?.schema())
            };
            let definition = view.map(|view| view.sql.clone());
            Ok(Own { name: entry.name.clone(), kind, columns, definition })
        });
        all.collect()
    })
}

/// The relations of one query.
struct Opened<'a> {
    system: SystemTables<'a>,
    writes: &'a WriteContext,
    manifest: Manifest,
    tables: Vec<(String, Arc<dyn TableProvider>)>,
    files: Vec<(String, Arc<dyn TableProvider>)>,
}

impl Opened<'_> {
    fn entry(&self, name: &Name) -> Option<&Entry> {
        let [part] = name.parts.as_slice() else { return None };
        self.manifest.find(&part.value, part.quoted)
    }
}

impl RelationResolver for Opened<'_> {
    fn table(&self, name: &Name) -> Option<(String, Arc<dyn TableProvider>)> {
        if let Some(found) = self.system.table(name) {
            return Some(found);
        }
        let key = self.entry(name)?.name.to_lowercase();
        let (key, table) = self.tables.iter().find(|(known, _)| *known == key)?;
        Some((key.clone(), Arc::clone(table)))
    }

    fn view(&self, name: &Name) -> Option<Definition> {
        self.entry(name)?.view()
    }

    fn names(&self) -> Vec<String> {
        self.manifest.entries().iter().map(|entry| entry.name.clone()).collect()
    }

    fn file(&self, path: &str) -> Option<(String, Arc<dyn TableProvider>)> {
        let (_, table) = self.files.iter().find(|(known, _)| known == path)?;
        Some((local::file_alias(path), Arc::clone(table)))
    }

    fn exec(&self, exec: &Exec) -> Result<Arc<dyn TableProvider>, Box<Report>> {
        write::exec_table(self.system.statement, self.writes, exec)
    }

    fn missing(&self, name: &Name) -> Option<Box<Report>> {
        system::no_table(name)
    }
}
