//! Words with several spellings: which of them a name means where it stands.
//!
//! `SELECT id AS ID` gives a statement two spellings of one word. As elsewhere a name means the column that
//! is spelt exactly so, else the only one that differs in case; but here that depends on the tables and
//! subqueries that the name can see.
//! Owns: the names that a SELECT, a subquery and ORDER BY can see.
//! Refuses: quoted names, and names that nothing visible is spelt like: they stay as they are written.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Join, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr,
    TableFactor, TableWithJoins, VisitMut, VisitorMut,
};
use strataql_sql::Spelling;

use super::wildcards::{constraint_mut, full_name, last_part, name_parts};
use super::{Relation, Tables};

/// Names of columns; `None` where they cannot be known.
type Columns = Option<Vec<String>>;

/// Respells the ambiguous names of a query.
pub(super) fn rewrite(query: &mut Query, tables: &Tables, spelling: &Spelling) {
    let resolver = Resolver { tables, spelling };
    resolver.query(query, &Seen::default());
}

/// What a place can see of the query around it.
#[derive(Default, Clone)]
struct Seen {
    ctes: HashMap<String, Columns>,
    /// The tables of each SELECT around the place, outermost first.
    scopes: Vec<Vec<Item>>,
}

/// A table in FROM.
#[derive(Clone)]
struct Item {
    name: Option<String>,
    columns: Columns,
}

struct Resolver<'a> {
    tables: &'a Tables,
    spelling: &'a Spelling,
}

impl Resolver<'_> {
    /// True for a word whose spelling depends on the place.
    fn is_ambiguous(&self, ident: &Ident) -> bool {
        ident.quote_style.is_none() && self.spelling.all(&ident.value).len() > 1
    }

    /// Respells a query; the names of its columns.
    fn query(&self, query: &mut Query, around: &Seen) -> Columns {
        let mut seen = around.clone();
        if let Some(with) = &mut query.with {
            let is_recursive = with.recursive;
            for cte in &mut with.cte_tables {
                let key = cte.alias.name.value.to_lowercase();
                let given: Vec<String> =
                    cte.alias.columns.iter().map(|column| column.name.value.clone()).collect();
                let given = (!given.is_empty()).then_some(given);
                if is_recursive {
                    seen.ctes.insert(key.clone(), given.clone());
                }
                let own = self.query(&mut cte.query, &seen);
                seen.ctes.insert(key, given.or(own));
            }
        }
        let (outputs, items) = self.body(&mut query.body, &seen);
        if let Some(order) = &mut query.order_by {
            seen.scopes.push(items);
            let shown = outputs.clone().unwrap_or_default();
            let _done =
                order.visit(&mut Names { resolver: self, seen: &seen, first: &shown, depth: 0 });
        }
        outputs
    }

    fn body(&self, body: &mut SetExpr, seen: &Seen) -> (Columns, Vec<Item>) {
        match body {
            SetExpr::Select(select) => self.select(select, seen),
            SetExpr::Query(query) => (self.query(query, seen), Vec::new()),
            SetExpr::SetOperation { left, right, .. } => {
                let (outputs, _) = self.body(left, seen);
                self.body(right, seen);
                (outputs, Vec::new())
            }
            _ => (None, Vec::new()),
        }
    }

    fn select(&self, select: &mut Select, around: &Seen) -> (Columns, Vec<Item>) {
        let mut seen = around.clone();
        seen.scopes.push(Vec::new());
        let mut from = std::mem::take(&mut select.from);
        for item in &mut from {
            self.joined(item, &mut seen, around);
        }
        let mut names = Names { resolver: self, seen: &seen, first: &[], depth: 0 };
        let _done = select.visit(&mut names);
        select.from = from;
        let items = seen.scopes.pop().unwrap_or_default();
        (outputs(&select.projection, &items), items)
    }

    /// Adds the tables of an item of FROM to the innermost scope, and respells what joins them.
    fn joined(&self, item: &mut TableWithJoins, seen: &mut Seen, around: &Seen) {
        self.factor(&mut item.relation, seen, around);
        for Join { relation, join_operator, .. } in &mut item.joins {
            self.factor(relation, seen, around);
            if let Some(constraint) = constraint_mut(join_operator) {
                let mut names = Names { resolver: self, seen, first: &[], depth: 0 };
                let _done = constraint.visit(&mut names);
            }
        }
    }

    fn factor(&self, factor: &mut TableFactor, seen: &mut Seen, around: &Seen) {
        let (name, columns, alias) = match factor {
            TableFactor::Table { name, alias, args, .. } => {
                let columns =
                    if args.is_some() { None } else { self.table(name_parts(name), seen) };
                (Some(last_part(name)), columns, alias.as_ref())
            }
            TableFactor::Derived { lateral, subquery, alias, .. } => {
                let columns = self.query(subquery, if *lateral { seen } else { around });
                (None, columns, alias.as_ref())
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                self.joined(table_with_joins, seen, around);
                return;
            }
            TableFactor::Function { alias, .. }
            | TableFactor::UNNEST { alias, .. }
            | TableFactor::TableFunction { alias, .. } => (None, None, alias.as_ref()),
            _ => (None, None, None),
        };
        let given: Vec<String> = alias
            .iter()
            .flat_map(|alias| &alias.columns)
            .map(|column| column.name.value.clone())
            .collect();
        let name = alias.map(|alias| alias.name.value.clone()).or(name);
        let columns = if given.is_empty() { columns } else { Some(given) };
        if let Some(scope) = seen.scopes.last_mut() {
            scope.push(Item { name, columns });
        }
    }

    fn table(&self, parts: Option<Vec<String>>, seen: &Seen) -> Columns {
        let parts = parts?;
        if let [one] = parts.as_slice()
            && let Some(columns) = seen.ctes.get(&one.to_lowercase())
        {
            return columns.clone();
        }
        Some(match self.tables.get(&full_name(&parts))? {
            Relation::Resource(resource) => {
                let columns = resource.columns().into_iter().map(|column| column.name);
                columns.chain(resource.parameters()).collect()
            }
            Relation::Table(table) => {
                table.schema().fields().iter().map(|field| field.name().clone()).collect()
            }
        })
    }
}

/// The names of the columns of a select list.
fn outputs(projection: &[SelectItem], items: &[Item]) -> Columns {
    let mut names = Vec::new();
    for item in projection {
        match item {
            SelectItem::ExprWithAlias { alias, .. } => names.push(alias.value.clone()),
            SelectItem::UnnamedExpr(Expr::Identifier(ident)) => names.push(ident.value.clone()),
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
                names.extend(parts.last().map(|part| part.value.clone()));
            }
            SelectItem::Wildcard(_) => {
                for item in items {
                    names.extend(item.columns.clone()?);
                }
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                let wanted = last_part(name);
                let is_it = |item: &&Item| {
                    item.name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(&wanted))
                };
                names.extend(items.iter().find(is_it)?.columns.clone()?);
            }
            _ => {}
        }
    }
    Some(names)
}

/// The spelling that a word has among names: its own, else the only one that differs in case.
fn spelt<'n>(word: &str, names: impl Iterator<Item = &'n String>) -> Option<&'n str> {
    let mut twins: Vec<&str> = Vec::new();
    for name in names.filter(|name| name.to_lowercase() == word.to_lowercase()) {
        if name == word {
            return Some(name);
        }
        if !twins.contains(&name.as_str()) {
            twins.push(name);
        }
    }
    match twins.as_slice() {
        [one] => Some(one),
        _ => None,
    }
}

/// Respells the names of expressions.
struct Names<'r, 'a> {
    resolver: &'r Resolver<'a>,
    seen: &'r Seen,
    /// Names that are looked at first: the columns of the result, in ORDER BY.
    first: &'r [String],
    /// Subqueries around the place, which have been respelt by then.
    depth: usize,
}

impl Names<'_, '_> {
    fn column(&self, ident: &mut Ident) {
        if !self.resolver.is_ambiguous(ident) {
            return;
        }
        let scopes = self.seen.scopes.iter().rev();
        let found = spelt(&ident.value, self.first.iter()).or_else(|| {
            scopes
                .map(|scope| scope.iter().filter_map(|item| item.columns.as_ref()).flatten())
                .find_map(|names| spelt(&ident.value, names))
        });
        if let Some(found) = found {
            found.clone_into(&mut ident.value);
        }
    }

    fn compound(&self, parts: &mut [Ident]) {
        let [first, rest @ ..] = parts else { return };
        let is_it = |item: &&Item| {
            item.name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(&first.value))
        };
        let item = self.seen.scopes.iter().rev().find_map(|scope| scope.iter().find(is_it));
        let Some(item) = item else { return self.column(first) };
        if let Some(name) = item.name.as_ref().filter(|_| self.resolver.is_ambiguous(first)) {
            name.clone_into(&mut first.value);
        }
        if let (Some(column), Some(columns)) = (rest.first_mut(), &item.columns)
            && self.resolver.is_ambiguous(column)
            && let Some(found) = spelt(&column.value, columns.iter())
        {
            found.clone_into(&mut column.value);
        }
    }
}

impl VisitorMut for Names<'_, '_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if self.depth == 0 {
            self.resolver.query(query, self.seen);
        }
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0 {
            match expr {
                Expr::Identifier(ident) => self.column(ident),
                Expr::CompoundIdentifier(parts) => self.compound(parts),
                _ => {}
            }
        }
        ControlFlow::Continue(())
    }
}
