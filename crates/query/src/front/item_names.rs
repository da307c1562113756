//! Names of select items that DataFusion cannot tell apart, or that hide a column.
//!
//! A repeated expression of a subquery gets an internal name. A cast is named after its column, as in
//! PostgreSQL; `SELECT v::text … ORDER BY v` sorts by the text, `ORDER BY t.v` by the column.
//! Surprise: an internal name ends with the name to show.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, OrderByKind, Query, Select, SelectItem, SetExpr, visit_expressions,
};

use super::labels::MERGED;

/// Names the casts and the repeated items of a query's select lists. The labels of a result are made from
/// its first list, whose items keep their texts unless ORDER BY needs a name.
pub(super) fn name_items(query: &mut Query, is_result: bool) {
    let keys: Vec<Expr> = match query.order_by.as_ref().map(|order| &order.kind) {
        Some(OrderByKind::Expressions(keys)) => keys.iter().map(|key| key.expr.clone()).collect(),
        _ => Vec::new(),
    };
    let is_set = matches!(query.body.as_ref(), SetExpr::SetOperation { .. });
    let mut is_first = true;
    each_select(&mut query.body, &mut |select| {
        let is_labelled = is_first && is_result;
        if is_first && !(is_labelled && keys.is_empty()) {
            name_casts(select, &keys, (is_set, is_labelled));
        }
        is_first = false;
        if !is_labelled {
            name_repeats(select);
        }
    });
}

fn each_select(body: &mut SetExpr, change: &mut impl FnMut(&mut Select)) {
    match body {
        SetExpr::Select(select) => change(select),
        SetExpr::SetOperation { left, right, .. } => {
            each_select(left, change);
            each_select(right, change);
        }
        _ => {}
    }
}

fn name_casts(select: &mut Select, keys: &[Expr], (is_set, is_labelled): (bool, bool)) {
    for position in 0..select.projection.len() {
        let SelectItem::UnnamedExpr(expr @ Expr::Cast { .. }) = &select.projection[position] else {
            continue;
        };
        let Some(name) = cast_column(expr).cloned() else { continue };
        let (expr, name) = (expr.clone(), name);
        let is_taken = select.projection.iter().enumerate().any(|(at, item)| match item {
            _ if at == position => false,
            SelectItem::UnnamedExpr(other) => match other {
                Expr::Identifier(own) => same(own, &name),
                Expr::CompoundIdentifier(parts) => parts.last().is_some_and(|own| same(own, &name)),
                other => at < position && cast_column(other).is_some_and(|own| same(own, &name)),
            },
            SelectItem::ExprWithAlias { alias, .. } => same(alias, &name),
            _ => true,
        });
        let is_key = |key: &Expr| matches!(key, Expr::Identifier(own) if same(own, &name));
        // the column itself is read beside the cast
        let is_hidden = !is_set && keys.iter().any(|key| !is_key(key) && reads(key, &name));
        if is_labelled && !is_hidden && !keys.iter().any(is_key) {
            continue;
        }
        let alias = if is_taken || is_hidden {
            internal(position, &name.value)
        } else {
            Ident::with_quote('"', name.value)
        };
        select.projection[position] = SelectItem::ExprWithAlias { expr, alias };
    }
}

fn name_repeats(select: &mut Select) {
    let mut seen: HashSet<String> = HashSet::new();
    for (position, item) in select.projection.iter_mut().enumerate() {
        let SelectItem::UnnamedExpr(expr) = item else { continue };
        let text = expr.to_string();
        if seen.contains(&text) {
            let name = match expr {
                Expr::Identifier(name) => name.value.clone(),
                Expr::CompoundIdentifier(parts) => {
                    parts.last().map(|name| name.value.clone()).unwrap_or_default()
                }
                _ => text,
            };
            let alias = internal(position, &name);
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
        } else {
            seen.insert(text);
        }
    }
}

/// A name that no other item has, and that is shown as this one.
fn internal(position: usize, name: &str) -> Ident {
    Ident::with_quote('"', format!("{MERGED}{position}{MERGED}{name}"))
}

fn same(one: &Ident, other: &Ident) -> bool {
    one.value.eq_ignore_ascii_case(&other.value)
}

fn cast_column(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Cast { expr, .. } => match expr.as_ref() {
            Expr::Identifier(name) => Some(name),
            Expr::CompoundIdentifier(parts) => parts.last(),
            inner => cast_column(inner),
        },
        _ => None,
    }
}

fn reads(expr: &Expr, name: &Ident) -> bool {
    let found = visit_expressions(expr, |inner| {
        let is_it = match inner {
            Expr::Identifier(own) => same(own, name),
            Expr::CompoundIdentifier(parts) => parts.last().is_some_and(|own| same(own, name)),
            _ => false,
        };
        if is_it { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    found.is_break()
}
