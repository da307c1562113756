//! Queries about what there is none of.
//!
//! Clients ask PostgreSQL's catalogs for much that no service has: triggers, policies, partitions. A SELECT
//! that joins a table which is always empty has no rows, whatever it computes, so nothing of it is planned
//! but the names of its columns.
//! Owns: which SELECT that is, and what stands for it where its value is used.
//! Refuses: a SELECT with an aggregate and without GROUP BY, which has a row of nothing; and `*`.

use std::convert::Infallible;
use std::ops::ControlFlow;

use datafusion::catalog::TableProvider;
use datafusion::datasource::empty::EmptyTable;
use datafusion::execution::SessionState;
use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Ident, JoinOperator, Query, Select, SelectItem, SetExpr, SetOperator,
    TableFactor, TableWithJoins, Value, Visit, VisitMut, Visitor, VisitorMut,
};

use super::rewrite::{has_groups, is_aggregate};
use super::wildcards::{full_name, name_parts};
use super::{Relation, Tables};

/// Folds the SELECTs of a query that have no rows.
pub(super) fn fold(query: &mut Query, tables: &Tables, state: &SessionState) {
    if tables.any(is_always_empty) {
        let _done = query.visit(&mut Folder { tables, state });
    }
}

fn is_always_empty(relation: &Relation) -> bool {
    let Relation::Table(table) = relation else { return false };
    let table: &dyn TableProvider = table.as_ref();
    (table as &dyn std::any::Any).is::<EmptyTable>()
}

struct Folder<'a> {
    tables: &'a Tables,
    state: &'a SessionState,
}

impl VisitorMut for Folder<'_> {
    type Break = Infallible;

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<Infallible> {
        if select.from.iter().any(|item| self.is_empty(item)) && self.has_no_row(select) {
            nothing(select);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Infallible> {
        if is_folded(&query.body) {
            query.order_by = None;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Infallible> {
        let value = match expr {
            Expr::Subquery(query) if is_folded(&query.body) => Value::Null,
            Expr::Exists { subquery, negated } if is_folded(&subquery.body) => {
                Value::Boolean(*negated)
            }
            Expr::InSubquery { subquery, negated, .. } if is_folded(&subquery.body) => {
                Value::Boolean(*negated)
            }
            _ => return ControlFlow::Continue(()),
        };
        *expr = Expr::value(value);
        ControlFlow::Continue(())
    }
}

impl Folder<'_> {
    /// True if an item of FROM has no rows.
    fn is_empty(&self, item: &TableWithJoins) -> bool {
        let mut empty = self.is_empty_factor(&item.relation);
        for join in &item.joins {
            let right = self.is_empty_factor(&join.relation);
            empty = match &join.join_operator {
                JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_) => {
                    empty || right
                }
                JoinOperator::Right(_) | JoinOperator::RightOuter(_) => right,
                JoinOperator::FullOuter(_) => empty && right,
                // of the others, all that have rows have those of the left side
                _ => empty,
            };
        }
        empty
    }

    fn is_empty_factor(&self, factor: &TableFactor) -> bool {
        match factor {
            TableFactor::Table { name, args: None, .. } => name_parts(name)
                .and_then(|parts| self.tables.get(&full_name(&parts)))
                .is_some_and(is_always_empty),
            TableFactor::Derived { subquery, .. } => is_folded(&subquery.body),
            TableFactor::NestedJoin { table_with_joins, .. } => self.is_empty(table_with_joins),
            _ => false,
        }
    }

    /// True if a SELECT of nothing has no row.
    fn has_no_row(&self, select: &Select) -> bool {
        let is_wild = select.projection.iter().any(|item| {
            matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
        });
        !is_wild && (has_groups(select) || !self.has_aggregate(select))
    }

    fn has_aggregate(&self, select: &Select) -> bool {
        let mut finder = AggregateFinder { state: self.state, depth: 0 };
        select.having.is_some() || select.projection.visit(&mut finder).is_break()
    }
}

/// Finds an aggregate of the SELECT itself: those of its subqueries make no row of it.
struct AggregateFinder<'a> {
    state: &'a SessionState,
    depth: usize,
}

impl Visitor for AggregateFinder<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        if self.depth == 0 && is_aggregate(function, self.state) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// A SELECT without rows under the same names.
fn nothing(select: &mut Select) {
    for item in &mut select.projection {
        let null = Expr::value(Value::Null);
        *item = match item {
            SelectItem::ExprWithAlias { alias, .. } => {
                SelectItem::ExprWithAlias { expr: null, alias: alias.clone() }
            }
            SelectItem::UnnamedExpr(expr) => match name_of(expr) {
                Some(alias) => SelectItem::ExprWithAlias { expr: null, alias },
                None => SelectItem::UnnamedExpr(null),
            },
            _ => continue,
        };
    }
    select.from = Vec::new();
    select.distinct = None;
    select.selection = Some(Expr::value(Value::Boolean(false)));
    select.group_by = GroupByExpr::Expressions(Vec::new(), Vec::new());
    select.having = None;
    select.named_window = Vec::new();
    select.sort_by = Vec::new();
}

fn name_of(expr: &Expr) -> Option<Ident> {
    match expr {
        Expr::Identifier(name) => Some(name.clone()),
        Expr::CompoundIdentifier(parts) => parts.last().cloned(),
        Expr::Function(function) => function.name.0.last()?.as_ident().cloned(),
        Expr::Cast { expr, .. } | Expr::Nested(expr) => name_of(expr),
        _ => None,
    }
}

/// True for what [`nothing`] made, and for sets of it.
fn is_folded(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => {
            let is_false = |expr: &Expr| match expr {
                Expr::Value(value) => value.value == Value::Boolean(false),
                _ => false,
            };
            let is_null = |item: &SelectItem| match item {
                SelectItem::ExprWithAlias { expr, .. } | SelectItem::UnnamedExpr(expr) => {
                    matches!(expr, Expr::Value(value) if value.value == Value::Null)
                }
                _ => false,
            };
            select.from.is_empty()
                && select.selection.as_ref().is_some_and(is_false)
                && select.projection.iter().all(is_null)
        }
        SetExpr::Query(query) => is_folded(&query.body),
        SetExpr::SetOperation { op, left, right, .. } => match op {
            SetOperator::Union => is_folded(left) && is_folded(right),
            SetOperator::Intersect => is_folded(left) || is_folded(right),
            _ => is_folded(left),
        },
        _ => false,
    }
}
