//! Names of a subquery that begin with a table of the query around it.
//!
//! `b.x` there means column `x` of the outer table `b`, but DataFusion takes it for field `x` of the
//! inner column `b` where there is one: such names are collected, so that they can be refused. A path
//! into a column of the outer table (`b.spec.name`), which DataFusion does not read, becomes
//! `b.spec['name']`, which it does.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Ident, Query, Select, Subscript, TableFactor, TableWithJoins, Value,
    VisitMut, VisitorMut,
};

use super::wildcards::name_parts;

/// The lower-case parts of names that mean a column of an outer table.
pub(super) type OuterNames = BTreeSet<Vec<String>>;

/// Rewrites paths into columns of outer tables; gives the names that begin with such a table.
pub(super) fn rewrite(query: &mut Query) -> OuterNames {
    let mut scopes = Scopes::default();
    // nothing breaks
    let _ = query.visit(&mut scopes);
    scopes.found
}

#[derive(Debug, Default)]
struct Scopes {
    /// The names of the tables of each select around the place, outermost first.
    open: Vec<BTreeSet<String>>,
    /// For each derived table around the place that is not LATERAL, and sees no other: how many of
    /// `open` it does not see.
    unseen: Vec<usize>,
    found: OuterNames,
}

impl Scopes {
    /// True if the name is that of a table further out than the select at hand.
    fn is_outer(&self, name: &str) -> bool {
        let unseen = self.unseen.last().copied().unwrap_or_default();
        let Some((own, outer)) = self.open.get(unseen..).and_then(<[_]>::split_last) else {
            return false;
        };
        let name = name.to_lowercase();
        !own.contains(&name) && outer.iter().any(|names| names.contains(&name))
    }

    /// True, and noted, if the parts name a column of an outer table.
    fn note(&mut self, parts: &[Ident]) -> bool {
        let is_outer = parts.len() > 1 && self.is_outer(&parts[0].value);
        if is_outer {
            self.found.insert(parts.iter().map(|part| part.value.to_lowercase()).collect());
        }
        is_outer
    }
}

impl VisitorMut for Scopes {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let mut names = BTreeSet::new();
        for from in &select.from {
            add_names(from, &mut names);
        }
        self.open.push(names);
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _: &mut Select) -> ControlFlow<()> {
        self.open.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if matches!(factor, TableFactor::Derived { lateral: false, .. }) {
            self.unseen.push(self.open.len());
        }
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if matches!(factor, TableFactor::Derived { lateral: false, .. }) {
            self.unseen.pop();
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::CompoundIdentifier(parts) if self.note(parts) && parts.len() > 2 => {
                let steps = parts.split_off(2).into_iter().map(step).collect();
                let root = Box::new(Expr::CompoundIdentifier(std::mem::take(parts)));
                *expr = Expr::CompoundFieldAccess { root, access_chain: steps };
            }
            Expr::CompoundFieldAccess { root, access_chain } => {
                if let Expr::Identifier(first) = root.as_ref() {
                    let mut parts = vec![first.clone()];
                    parts.extend(access_chain.iter().map_while(named));
                    if self.note(&parts) {
                        let steps: Vec<AccessExpr> =
                            parts.split_off(2).into_iter().map(step).collect();
                        access_chain.splice(..=steps.len(), steps);
                        **root = Expr::CompoundIdentifier(parts);
                    }
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// The name of `.name`.
fn named(access: &AccessExpr) -> Option<Ident> {
    match access {
        AccessExpr::Dot(Expr::Identifier(name)) => Some(name.clone()),
        _ => None,
    }
}

/// `['name']`.
fn step(name: Ident) -> AccessExpr {
    let span = name.span;
    let index = Expr::Value(Value::SingleQuotedString(name.value).with_span(span));
    AccessExpr::Subscript(Subscript::Index { index })
}

fn add_names(from: &TableWithJoins, names: &mut BTreeSet<String>) {
    let joined = from.joins.iter().map(|join| &join.relation);
    for factor in std::iter::once(&from.relation).chain(joined) {
        match factor {
            TableFactor::Table { alias: Some(alias), .. }
            | TableFactor::Derived { alias: Some(alias), .. }
            | TableFactor::Function { alias: Some(alias), .. }
            | TableFactor::UNNEST { alias: Some(alias), .. }
            | TableFactor::TableFunction { alias: Some(alias), .. } => {
                names.insert(alias.name.value.to_lowercase());
            }
            TableFactor::Table { name, .. } => {
                let last = name_parts(name).and_then(|mut parts| parts.pop());
                names.extend(last.map(|name| name.to_lowercase()));
            }
            TableFactor::NestedJoin { table_with_joins, alias } => match alias {
                Some(alias) => drop(names.insert(alias.name.value.to_lowercase())),
                None => add_names(table_with_joins, names),
            },
            _ => {}
        }
    }
}
