//! What the relation names of a statement stand for.
//!
//! Owns: the seam by which a statement's own relations (local tables, views, files, system tables,
//! `(EXEC …)`) come into a query.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::logical_expr::LogicalPlan;
use strataql_diag::Report;
use strataql_spec::Method;
use strataql_sql::{Exec, Name, Spelling};

use super::views::Definition;
use crate::resource::ResourceRef;

/// What may stand before the name of a body's attribute.
const BODY_PREFIX: &str = "data__";

/// A query, planned.
pub struct Planned {
    /// The logical plan, analyzed and not yet optimized.
    pub plan: LogicalPlan,
    /// Labels of the output columns, as the user typed them.
    pub labels: Vec<String>,
    /// The corrections of DataFusion that changed the plan.
    pub(crate) corrections: Vec<&'static str>,
}

/// Relations that are no resources, found before provider names are tried.
pub trait RelationResolver: Send + Sync {
    /// The lower-case full name and the table that a name means, if it is one of ours.
    fn table(&self, name: &Name) -> Option<(String, Arc<dyn TableProvider>)>;

    /// The view that a name means, if it is one of ours.
    fn view(&self, _name: &Name) -> Option<Definition> {
        None
    }

    /// Names of one part that would mean something here, for suggestions.
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    /// The relation that `(EXEC …)` in FROM is.
    ///
    /// # Errors
    /// As EXEC itself.
    fn exec(&self, exec: &Exec) -> Result<Arc<dyn TableProvider>, Box<Report>> {
        Err(Box::new(Report::internal(format!("`{}` is no relation here", exec.method.dotted()))))
    }

    /// Why a name means nothing, where it could only be one of ours.
    fn missing(&self, _name: &Name) -> Option<Box<Report>> {
        None
    }

    /// The alias and the table of a file that the statement reads.
    fn file(&self, _path: &str) -> Option<(String, Arc<dyn TableProvider>)> {
        None
    }
}

/// What a relation name of a statement stands for.
#[derive(Debug, Clone)]
pub enum Relation {
    /// A resource of a provider.
    Resource(Arc<ResourceRef>),
    /// A table of our own: system tables, local tables.
    Table(Arc<dyn TableProvider>),
}

/// Relations of a statement by lower-case full name.
#[derive(Debug, Default)]
pub struct Tables(HashMap<String, Relation>);

impl Tables {
    pub(crate) fn insert(&mut self, name: String, relation: Relation) {
        self.0.entry(name).or_insert(relation);
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Relation> {
        self.0.get(name)
    }

    /// True if a relation is as a test has it.
    pub(crate) fn any(&self, is: impl FnMut(&Relation) -> bool) -> bool {
        self.0.values().any(is)
    }

    /// The resource of that name.
    pub(crate) fn resource(&self, name: &str) -> Option<&Arc<ResourceRef>> {
        match self.0.get(name) {
            Some(Relation::Resource(resource)) => Some(resource),
            _ => None,
        }
    }
}

/// Adds the spellings of a resource: its names, columns and parameters.
pub fn spell(spelling: &mut Spelling, resource: &ResourceRef) {
    spelling.add(&resource.provider.name);
    spelling.add(&resource.service.name);
    spelling.add(&resource.name);
    for column in resource.columns() {
        spelling.add(&column.name);
    }
    for parameter in resource.parameters() {
        spelling.add(&parameter);
    }
    // an attribute of a body may be named with and without its prefix
    let inputs = resource.select_methods().flat_map(Method::inputs);
    for input in inputs.filter(|input| input.location.is_none()) {
        match input.name.strip_prefix(BODY_PREFIX) {
            Some(bare) => spelling.add_other(bare, input.name),
            None => spelling.add_other(&format!("{BODY_PREFIX}{}", input.name), input.name),
        }
    }
}
