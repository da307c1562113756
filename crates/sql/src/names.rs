//! Names of relations in a query.
//!
//! Owns: the list of relations that a query reads, without its common table expressions.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{ObjectName, Query, Spanned, TableFactor, Visit, Visitor};

use crate::ast::{Name, NamePart};
use crate::spans::location_span;

/// A relation in a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Its name as written.
    pub name: Name,
}

/// Names of common table expressions anywhere in the tree, lower case.
pub fn cte_names(tree: &impl Visit) -> BTreeSet<String> {
    let mut collector = Collector::default();
    let _done: ControlFlow<()> = tree.visit(&mut collector);
    collector.ctes
}

/// The relations of the tree, in order, once per occurrence.
///
/// A one-part name that is a common table expression anywhere in the statement is left out.
pub fn relations(tree: &impl Visit, text: &str) -> Vec<Relation> {
    let mut collector = Collector::default();
    let _done: ControlFlow<()> = tree.visit(&mut collector);
    let ctes = collector.ctes;
    collector
        .relations
        .iter()
        .filter_map(|name| relation(name, text))
        .filter(|relation| {
            relation.name.parts.len() > 1
                || !ctes.contains(&relation.name.parts[0].value.to_lowercase())
        })
        .collect()
}

/// An `ObjectName` as a [`Relation`]; `None` when a part is not an identifier.
fn relation(name: &ObjectName, text: &str) -> Option<Relation> {
    let parts: Option<Vec<NamePart>> = name
        .0
        .iter()
        .map(|part| {
            let ident = part.as_ident()?;
            Some(NamePart {
                value: ident.value.clone(),
                quoted: ident.quote_style.is_some(),
                span: location_span(text, ident.span),
            })
        })
        .collect();
    let parts = parts.filter(|parts| !parts.is_empty())?;
    let span = location_span(text, name.span());
    Some(Relation { name: Name { parts, span } })
}

#[derive(Default)]
struct Collector {
    relations: Vec<ObjectName>,
    ctes: BTreeSet<String>,
    is_function: bool,
}

impl Visitor for Collector {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.ctes.insert(cte.alias.name.value.to_lowercase());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        // the visitor visits the name of a table function as a relation, right after this
        self.is_function = matches!(factor, TableFactor::Table { args: Some(_), .. });
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        if !std::mem::take(&mut self.is_function) {
            self.relations.push(relation.clone());
        }
        ControlFlow::Continue(())
    }
}
