//! USING and NATURAL.
//!
//! The merged column is the left side's, in RIGHT joins the right side's, in FULL joins that of the side
//! that has the row. DataFusion takes the column of the table whose name sorts first, finds the name
//! ambiguous in WHERE, and resolves it outside of a subquery instead. Here such joins become ON, and the
//! merged column is spelt out wherever it is named without a table. `*` shows merged columns first.
//! Surprise: an inner or left join whose tables do not show their columns here (derived tables) stays as
//! it is, unless one table alone can have the column.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Ident, JoinConstraint, JoinOperator, OrderByKind, Query, Select,
    SelectItem, SetExpr, TableFactor, TableWithJoins, VisitMut, VisitorMut,
    WildcardAdditionalOptions,
};
use strataql_diag::{Code, Report};

use super::labels::MERGED;
use super::rewrite::call_of;
use super::wildcards::{
    Shapes, constraint_mut, excluded, factors, has, last_part, name_parts, qualified_wildcard,
};

/// What the joins of a select merge.
struct Merged {
    /// Each merged column, and what it means.
    columns: Vec<(String, Expr)>,
    /// Items that do not show a column because it is merged, by position.
    hidden: Vec<(usize, String)>,
}

impl Shapes<'_> {
    /// Spells out the merged columns of a select, if one of its joins needs it.
    pub(super) fn spell_merged(&self, select: &mut Select) -> Result<(), Box<Report>> {
        if !select.from.iter().any(|from| merges(from, |_| true)) {
            return Ok(());
        }
        let mut spelt = select.clone();
        match self.spell(&mut spelt) {
            Ok(()) => *select = spelt,
            Err(report) if select.from.iter().any(|from| merges(from, is_outer)) => {
                return Err(report);
            }
            // DataFusion merges the columns
            Err(_) => {}
        }
        Ok(())
    }

    fn spell(&self, select: &mut Select) -> Result<(), Box<Report>> {
        let merged = self.merge(select)?;
        let items: Vec<TableFactor> = factors(select).into_iter().cloned().collect();
        let items: Vec<&TableFactor> = items.iter().collect();
        let mut projection = Vec::new();
        for item in std::mem::take(&mut select.projection) {
            match item {
                SelectItem::Wildcard(options) => {
                    projection.extend(self.expanded(&options, &items, &merged)?);
                }
                SelectItem::UnnamedExpr(Expr::Identifier(name)) => {
                    projection.push(match merged.meaning(&name.value) {
                        Some(expr) => SelectItem::ExprWithAlias { expr, alias: name },
                        None => SelectItem::UnnamedExpr(Expr::Identifier(name)),
                    });
                }
                other => projection.push(other),
            }
        }
        select.projection = projection;
        // nothing breaks
        let _ = select.visit(&mut Speller { merged: &merged, depth: 0 });
        Ok(())
    }

    /// As [`Self::spell_merged`], for what a query sorts its select by; before that.
    pub(super) fn spell_merged_order(&self, query: &mut Query) -> Result<(), Box<Report>> {
        let (SetExpr::Select(select), Some(order)) = (query.body.as_ref(), &mut query.order_by)
        else {
            return Ok(());
        };
        if !select.from.iter().any(|from| merges(from, |_| true)) {
            return Ok(());
        }
        let mut merged = match self.merge(&mut select.clone()) {
            Ok(merged) => merged,
            Err(report) if select.from.iter().any(|from| merges(from, is_outer)) => {
                return Err(report);
            }
            Err(_) => return Ok(()),
        };
        // an output column comes first
        merged.columns.retain(|(name, _)| {
            !select.projection.iter().any(|item| match item {
                SelectItem::ExprWithAlias { alias, .. } => alias.value.eq_ignore_ascii_case(name),
                SelectItem::UnnamedExpr(Expr::Identifier(ident)) => {
                    ident.value.eq_ignore_ascii_case(name)
                }
                SelectItem::Wildcard(_) => true,
                _ => false,
            })
        });
        if let OrderByKind::Expressions(keys) = &mut order.kind {
            for key in keys {
                let _ = key.visit(&mut Speller { merged: &merged, depth: 0 });
            }
        }
        Ok(())
    }

    /// Turns USING and NATURAL into ON.
    fn merge(&self, select: &mut Select) -> Result<Merged, Box<Report>> {
        let mut merged = Merged { columns: Vec::new(), hidden: Vec::new() };
        let mut position = 0;
        for from in &mut select.from {
            let mut own: Vec<(String, Expr)> = Vec::new();
            let mut left = vec![(position, from.relation.clone())];
            for join in &mut from.joins {
                position += 1;
                let right = join.relation.clone();
                let (is_right, is_full) =
                    (is_right(&join.join_operator), is_full(&join.join_operator));
                let mut conditions: Vec<Expr> = Vec::new();
                if let Some(constraint) = constraint_mut(&mut join.join_operator) {
                    let names = match constraint {
                        JoinConstraint::Using(names) => Some(names.iter().map(last_part).collect()),
                        JoinConstraint::Natural => {
                            let items: Vec<TableFactor> =
                                left.iter().map(|(_, item)| item.clone()).collect();
                            let names = self.common(&items, &right)?;
                            Some(names.iter().map(last_part).collect::<Vec<_>>())
                        }
                        _ => None,
                    };
                    for name in names.iter().flatten() {
                        let theirs = self.column(&right, name)?;
                        let ours =
                            match own.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
                                Some((_, expr)) => expr.clone(),
                                None => {
                                    let (at, item) = self.holder(&left, name)?;
                                    merged.hidden.push((at, name.clone()));
                                    self.column(item, name)?
                                }
                            };
                        merged.hidden.push((position, name.clone()));
                        conditions.push(equal(ours.clone(), theirs.clone()));
                        let meaning = match (is_right, is_full) {
                            (true, _) => theirs,
                            (_, true) => coalesce(vec![ours, theirs]),
                            _ => ours,
                        };
                        own.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
                        own.push((name.clone(), meaning));
                    }
                    if names.is_some() {
                        *constraint = match conditions.into_iter().reduce(both) {
                            Some(condition) => JoinConstraint::On(condition),
                            // nothing in common: every row fits
                            None => JoinConstraint::On(Expr::value(
                                datafusion::sql::sqlparser::ast::Value::Boolean(true),
                            )),
                        };
                    }
                }
                left.push((position, right));
            }
            position += 1;
            merged.columns.extend(own);
        }
        Ok(merged)
    }

    /// The item of the left side that has a column.
    fn holder<'a>(
        &self,
        left: &'a [(usize, TableFactor)],
        name: &str,
    ) -> Result<(usize, &'a TableFactor), Box<Report>> {
        let has_it = |item: &TableFactor| self.visible(item).map(|names| has(&names, name));
        let sure = left.iter().find(|(_, item)| has_it(item) == Some(true));
        let mut unknown = left.iter().filter(|(_, item)| has_it(item).is_none());
        let found = match (sure, unknown.next(), unknown.next()) {
            (Some(item), ..) | (None, Some(item), None) => Some(item),
            _ => left.first().filter(|_| left.len() == 1),
        };
        found.map(|(at, item)| (*at, item)).ok_or_else(|| untold(name))
    }

    /// A column of an item, with the item's name.
    fn column(&self, item: &TableFactor, name: &str) -> Result<Expr, Box<Report>> {
        let qualifier = self.name_of(item).ok_or_else(|| untold(name))?;
        let parts = name_parts(&qualifier).ok_or_else(|| untold(name))?;
        let parts = parts.into_iter().chain([name.to_owned()]);
        Ok(Expr::CompoundIdentifier(parts.map(|part| Ident::with_quote('"', part)).collect()))
    }

    /// `*`: the merged columns, and every item without them.
    fn expanded(
        &self,
        options: &WildcardAdditionalOptions,
        items: &[&TableFactor],
        merged: &Merged,
    ) -> Result<Vec<SelectItem>, Box<Report>> {
        let left_out = excluded(options);
        let shown = merged.columns.iter().filter(|(name, _)| !has(&left_out, name));
        let mut all = Vec::new();
        for (name, expr) in shown {
            // a column without a table may not have the name of one with a table; only a result that
            // nothing reads may get an internal name
            let is_taken = items.iter().enumerate().any(|(position, item)| {
                let is_hidden = |(at, hidden): &(usize, String)| {
                    *at == position && hidden.eq_ignore_ascii_case(name)
                };
                !merged.hidden.iter().any(is_hidden)
                    && self.visible(item).is_some_and(|names| has(&names, name))
            });
            let is_marked = is_taken && self.is_result();
            let alias = if is_marked { format!("{MERGED}{name}") } else { name.clone() };
            // a call, since a column by its name alone would be taken for one of the user's
            let expr = coalesce(vec![expr.clone()]);
            all.push(SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', alias) });
        }
        for (position, item) in items.iter().enumerate() {
            let hidden: Vec<String> = merged
                .hidden
                .iter()
                .filter(|(at, _)| *at == position)
                .map(|(_, name)| name.clone())
                .collect();
            let name = self.name_of(item).ok_or_else(|| untold("*"))?;
            if self.visible(item).is_some_and(|names| names.iter().all(|name| has(&hidden, name))) {
                continue;
            }
            let own = self.part_of(options, item, items);
            all.push(qualified_wildcard(name, &hidden, &own));
        }
        Ok(all)
    }
}

impl Merged {
    fn meaning(&self, name: &str) -> Option<Expr> {
        let found = self.columns.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, expr)| expr.clone())
    }
}

/// Puts merged columns in the place of their names, subqueries excluded.
struct Speller<'a> {
    merged: &'a Merged,
    depth: usize,
}

impl VisitorMut for Speller<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Identifier(name) = expr
            && self.depth == 0
            && let Some(meaning) = self.merged.meaning(&name.value)
        {
            *expr = meaning;
        }
        ControlFlow::Continue(())
    }
}

/// True if such a join of the item merges columns.
fn merges(from: &TableWithJoins, is_such: impl Fn(&JoinOperator) -> bool) -> bool {
    from.joins.iter().any(|join| {
        let mut operator = join.join_operator.clone();
        is_such(&operator)
            && matches!(
                constraint_mut(&mut operator),
                Some(JoinConstraint::Using(_) | JoinConstraint::Natural)
            )
    })
}

/// True if the merged columns are not the left side's.
const fn is_outer(operator: &JoinOperator) -> bool {
    is_right(operator) || is_full(operator)
}

const fn is_right(operator: &JoinOperator) -> bool {
    matches!(operator, JoinOperator::Right(_) | JoinOperator::RightOuter(_))
}

const fn is_full(operator: &JoinOperator) -> bool {
    matches!(operator, JoinOperator::FullOuter(_))
}

fn untold(name: &str) -> Box<Report> {
    Box::new(
        Report::new(
            Code::UnsupportedSyntax,
            format!("USING cannot tell here which table `{name}` is a column of"),
        )
        .with_help("give the tables aliases, and say `ON a.x = b.x`"),
    )
}

fn equal(left: Expr, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op: BinaryOperator::Eq, right: Box::new(right) }
}

fn both(left: Expr, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op: BinaryOperator::And, right: Box::new(right) }
}

fn coalesce(args: Vec<Expr>) -> Expr {
    call_of("coalesce", args)
}
