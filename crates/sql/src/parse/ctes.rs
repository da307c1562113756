//! Scopes of common table expressions.
//!
//! Gives a common table expression a name of its own if the statement uses its name for something else,
//! too: for a table outside of its scope, or for another common table expression. References keep the
//! written name as their alias. DataFusion resolves these names in the whole statement, and refuses
//! a name that is defined twice.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use sqlparser::ast::{Ident, ObjectName, Query, TableAlias, TableFactor, VisitMut, VisitorMut};

/// Renames common table expressions of a statement whose names have more than one meaning.
pub(super) fn normalize(tree: &mut impl VisitMut) {
    let mut scopes = Scopes::default();
    let _done = tree.visit(&mut scopes);
    if scopes.definitions == 0 {
        return;
    }
    let ambiguous = scopes.uses.into_iter().filter(|(_, uses)| *uses > 1).map(|(name, _)| name);
    let mut scopes = Scopes { ambiguous: Some(ambiguous.collect()), ..Scopes::default() };
    if scopes.ambiguous.as_ref().is_some_and(Vec::is_empty) {
        return;
    }
    let _done = tree.visit(&mut scopes);
}

/// The queries around a place, outermost first.
#[derive(Default)]
struct Scopes {
    open: Vec<Scope>,
    /// Definitions so far.
    definitions: usize,
    /// How many meanings a lower-case name has.
    uses: BTreeMap<String, usize>,
    /// The names to replace; `None` while they are collected.
    ambiguous: Option<Vec<String>>,
    /// Names of tables that are no common table expressions.
    tables: Vec<String>,
}

/// The common table expressions of a query.
#[derive(Default)]
struct Scope {
    /// The lower-case name, and what replaces it.
    names: Vec<(String, Option<String>)>,
    is_recursive: bool,
    /// How many of their queries were visited; those are the first queries inside.
    visited: usize,
}

impl Scope {
    /// The names that are visible at the place.
    fn visible(&self) -> &[(String, Option<String>)] {
        let own = usize::from(self.is_recursive && self.visited < self.names.len());
        &self.names[..self.visited + own]
    }
}

impl Scopes {
    fn find(&self, name: &str) -> Option<&Option<String>> {
        let mut scopes = self.open.iter().rev().flat_map(|scope| scope.visible().iter().rev());
        scopes.find(|(known, _)| known == name).map(|(_, own)| own)
    }
}

impl VisitorMut for Scopes {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let mut scope = Scope::default();
        if let Some(with) = &mut query.with {
            scope.is_recursive = with.recursive;
            for cte in &mut with.cte_tables {
                self.definitions += 1;
                let name = cte.alias.name.value.to_lowercase();
                let mut own = None;
                match &self.ambiguous {
                    None => *self.uses.entry(name.clone()).or_default() += 1,
                    Some(names) if names.contains(&name) => {
                        let unique = format!("{}\u{2}{}", cte.alias.name.value, self.definitions);
                        cte.alias.name = Ident { value: unique.clone(), ..cte.alias.name.clone() };
                        cte.alias.name.quote_style = Some('"');
                        own = Some(unique);
                    }
                    Some(_) => {}
                }
                scope.names.push((name, own));
            }
        }
        self.open.push(scope);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.open.pop();
        if let Some(around) = self.open.last_mut()
            && around.visited < around.names.len()
        {
            around.visited += 1;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let TableFactor::Table { name, alias, args: None, .. } = factor else {
            return ControlFlow::Continue(());
        };
        let [part] = name.0.as_slice() else { return ControlFlow::Continue(()) };
        let Some(written) = part.as_ident().cloned() else { return ControlFlow::Continue(()) };
        let key = written.value.to_lowercase();
        match self.find(&key) {
            Some(Some(unique)) => {
                let unique = Ident { value: unique.clone(), quote_style: Some('"'), ..written };
                let written = Ident { value: written.value, ..unique.clone() };
                *name = ObjectName::from(vec![unique]);
                alias.get_or_insert(TableAlias {
                    explicit: true,
                    name: written,
                    columns: vec![],
                    at: None,
                });
            }
            Some(None) => {}
            None if self.ambiguous.is_none() && !self.tables.contains(&key) => {
                *self.uses.entry(key.clone()).or_default() += 1;
                self.tables.push(key);
            }
            None => {}
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use crate::Statement;

    fn normalized(text: &str) -> String {
        let Statement::Query(query) = crate::parse(text).expect(text).pop().expect("one").statement
        else {
            panic!("{text}")
        };
        query.to_string().replace('\u{2}', "#")
    }

    #[test]
    fn a_name_with_one_meaning_stays() {
        for text in [
            "WITH a AS (SELECT 1), b AS (SELECT * FROM a) SELECT * FROM a, b, c",
            "WITH RECURSIVE a AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM a) SELECT * FROM a",
            "SELECT * FROM t AS a, a AS t",
        ] {
            assert_eq!(normalized(text), text);
        }
    }

    #[test]
    fn a_table_of_the_name_is_the_table_outside_of_the_scope() {
        assert_eq!(
            normalized("WITH t AS (SELECT * FROM t) SELECT * FROM t, T AS u"),
            "WITH \"t#1\" AS (SELECT * FROM t) SELECT * FROM \"t#1\" AS \"t\", \"t#1\" AS u"
        );
        assert_eq!(
            normalized("SELECT (WITH t AS (SELECT 1) SELECT * FROM t), (SELECT 2 FROM t)"),
            "SELECT (WITH \"t#1\" AS (SELECT 1) SELECT * FROM \"t#1\" AS \"t\"), (SELECT 2 FROM t)"
        );
    }

    #[test]
    fn an_inner_name_hides_the_outer_one() {
        assert_eq!(
            normalized(
                "WITH x AS (SELECT 1), y AS (WITH x AS (SELECT 2) SELECT * FROM x) SELECT * FROM x, y"
            ),
            "WITH \"x#1\" AS (SELECT 1), y AS (WITH \"x#3\" AS (SELECT 2) SELECT * FROM \"x#3\" AS \"x\") SELECT * FROM \"x#1\" AS \"x\", y"
        );
    }

    #[test]
    fn a_recursive_name_means_itself() {
        assert_eq!(
            normalized(
                "WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT * FROM t) SELECT * FROM t, (WITH t AS (SELECT 2) SELECT * FROM t) AS u"
            ),
            "WITH RECURSIVE \"t#1\" AS (SELECT 1 UNION ALL SELECT * FROM \"t#1\" AS \"t\") SELECT * FROM \"t#1\" AS \"t\", (WITH \"t#2\" AS (SELECT 2) SELECT * FROM \"t#2\" AS \"t\") AS u"
        );
    }
}
