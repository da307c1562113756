//! Labels: what stands above the columns of a result.
//!
//! Owns: labels as the user typed them, and select lists that name a column twice (which DataFusion
//! refuses: every output needs a name of its own, so repeats get an internal one).

use std::ops::ControlFlow;

use datafusion::common::DFSchema;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Query, Select, SelectItem, SetExpr, VisitMut, VisitorMut, visit_expressions,
};

fn has_subquery(expr: &Expr) -> bool {
    let found = visit_expressions(expr, |inner| match inner {
        Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// A select item's label.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Label {
    /// Fixed text: an alias, or the text of an expression.
    Text(String),
    /// The name of the planned column (its document spelling, or the path); this one if it got an
    /// internal name.
    Column(String),
    /// As many columns as a wildcard gives.
    Wildcard,
}

/// The labels of a query's first select list.
#[derive(Debug, Clone)]
pub(super) struct Labels(Vec<Label>);

impl Labels {
    pub(super) fn of(query: &Query) -> Self {
        let Some(select) = first_select(&query.body) else { return Self(vec![Label::Wildcard]) };
        Self(select.projection.iter().map(label).collect())
    }

    /// Gives repeated items of the first select list internal names.
    pub(super) fn make_unique(&self, query: &mut Query) {
        let Some(select) = first_select_mut(&mut query.body) else { return };
        let has_wildcard = self.0.contains(&Label::Wildcard);
        let mut seen: Vec<String> = Vec::new();
        for (position, item) in select.projection.iter_mut().enumerate() {
            let (name, expr) = match item {
                SelectItem::UnnamedExpr(expr) => (output_name(expr), expr.clone()),
                SelectItem::ExprWithAlias { expr, alias } => {
                    (alias.value.to_lowercase(), expr.clone())
                }
                _ => continue,
            };
            let is_column = matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
            // a subquery's column has a name without a table, which may clash with any other, and an
            // expression around one is named without its text
            let is_subquery = matches!(item, SelectItem::UnnamedExpr(expr) if has_subquery(expr));
            let is_taken = seen.iter().any(|other| is_same(other, &name));
            if is_taken || is_subquery || (has_wildcard && is_column) {
                let alias = Ident::with_quote('"', format!("\u{1}{position}"));
                *item = SelectItem::ExprWithAlias { expr, alias };
            } else {
                seen.push(name);
            }
        }
    }

    /// One label per column of the planned schema.
    pub(super) fn for_schema(&self, schema: &DFSchema) -> Vec<String> {
        let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let fixed = self.0.iter().filter(|label| **label != Label::Wildcard).count();
        let wildcards = self.0.len() - fixed;
        let spread = names.len().checked_sub(fixed);
        let Some(spread) =
            spread.filter(|_| wildcards <= 1 && (wildcards == 1 || fixed == names.len()))
        else {
            return names;
        };
        let mut labels = Vec::with_capacity(names.len());
        for label in &self.0 {
            match label {
                Label::Text(text) => labels.push(text.clone()),
                Label::Column(own) => {
                    let name = &names[labels.len()];
                    let is_internal = name.starts_with('\u{1}');
                    labels.push(if is_internal { own.clone() } else { name.clone() });
                }
                Label::Wildcard => {
                    let from = labels.len();
                    labels.extend(names[from..from + spread].iter().cloned());
                }
            }
        }
        labels
    }
}

fn label(item: &SelectItem) -> Label {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Label::Text(alias.value.clone()),
        SelectItem::UnnamedExpr(Expr::Identifier(ident)) => Label::Text(ident.value.clone()),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
            Label::Column(parts.last().map(|part| part.value.clone()).unwrap_or_default())
        }
        SelectItem::UnnamedExpr(expr) => Label::Text(expr.to_string()),
        _ => Label::Wildcard,
    }
}

/// The name under which DataFusion would put an item out.
fn output_name(expr: &Expr) -> String {
    /// Casts and parentheses leave no trace in a name.
    struct Plain;

    impl VisitorMut for Plain {
        type Break = ();

        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            while let Expr::Cast { expr: inner, .. } | Expr::Nested(inner) = expr {
                *expr = inner.as_ref().clone();
            }
            ControlFlow::Continue(())
        }
    }

    let mut plain = expr.clone();
    let _done = plain.visit(&mut Plain);
    match plain {
        // nor do subqueries leave anything else
        Expr::Subquery(_) => "<subquery>".to_owned(),
        // both arrows are one function there
        _ => plain.to_string().to_lowercase().replace("->>", "->"),
    }
}

/// True for names that DataFusion would not tell apart: `x` may be `t.x`.
fn is_same(one: &str, other: &str) -> bool {
    let bare = |name: &str, full: &str| {
        !name.contains('.') && full.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'))
    };
    one == other || bare(one, other) || bare(other, one)
}

fn first_select(body: &SetExpr) -> Option<&Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(query) => first_select(&query.body),
        SetExpr::SetOperation { left, .. } => first_select(left),
        _ => None,
    }
}

fn first_select_mut(body: &mut SetExpr) -> Option<&mut Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(query) => first_select_mut(&mut query.body),
        SetExpr::SetOperation { left, .. } => first_select_mut(left),
        _ => None,
    }
}
