//! Queries and conditions of PostgreSQL that DataFusion does not plan, or plans as something else.
//!
//! Owns: windows that are built on named windows, rows on the left of IN, subqueries in VALUES,
//! `ARRAY(SELECT …)`, repeated expressions in subqueries with a column list, ORDER BY the name of a cast.
//! Refuses: windows that do not exist, or that override what they are built on.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, Function, FunctionArguments, Ident, NamedWindowExpr,
    OrderByKind, Query, Select, SelectItem, SetExpr, SetOperator, SetQuantifier, TableAlias,
    TableAliasColumnDef, TableFactor, TableWithJoins, Value, VisitMut, VisitorMut, WindowSpec,
    WindowType, visit_expressions,
};
use strataql_diag::{Code, Report};

use super::rewrite::call_of;

type Refusal = Box<Report>;

/// Resolves the windows of a query that are built on named ones, and of what it is sorted by.
pub(super) fn windows(query: &mut Query) -> Result<(), Refusal> {
    let SetExpr::Select(select) = query.body.as_mut() else { return Ok(()) };
    let mut known: Vec<(String, WindowSpec)> = Vec::new();
    for definition in &mut select.named_window {
        let spec = match &definition.1 {
            NamedWindowExpr::NamedWindow(name) => found(&known, name)?.clone(),
            NamedWindowExpr::WindowSpec(spec) => built(&known, spec)?,
        };
        definition.1 = NamedWindowExpr::WindowSpec(spec.clone());
        known.push((definition.0.value.to_lowercase(), spec));
    }
    let mut resolver = Windows { known: &known, depth: 0, is_order: false };
    let mut done = select.projection.visit(&mut resolver);
    if done.is_continue() {
        done = select.qualify.visit(&mut resolver);
    }
    if let (ControlFlow::Continue(()), Some(order)) = (&done, &mut query.order_by) {
        resolver.is_order = true;
        done = order.visit(&mut resolver);
    }
    match done {
        ControlFlow::Break(report) => Err(report),
        ControlFlow::Continue(()) => Ok(()),
    }
}

fn found<'a>(known: &'a [(String, WindowSpec)], name: &Ident) -> Result<&'a WindowSpec, Refusal> {
    let key = name.value.to_lowercase();
    let spec = known.iter().find(|(known, _)| *known == key).map(|(_, spec)| spec);
    spec.ok_or_else(|| {
        Box::new(
            Report::new(Code::Syntax, format!("there is no window `{}`", name.value))
                .with_help("define it in the WINDOW clause, before the windows that use it"),
        )
    })
}

/// The window with what it takes from the one that it is built on.
fn built(known: &[(String, WindowSpec)], spec: &WindowSpec) -> Result<WindowSpec, Refusal> {
    let Some(name) = &spec.window_name else { return Ok(spec.clone()) };
    let base = found(known, name)?;
    let refused = |what: &str| {
        let message = format!("a window that is built on `{}` cannot {what}", name.value);
        Err(Box::new(
            Report::new(Code::Syntax, message)
                .with_help("write the whole window: PARTITION BY, ORDER BY and the frame"),
        ))
    };
    if !spec.partition_by.is_empty() {
        return refused("have a PARTITION BY of its own");
    }
    if !base.order_by.is_empty() && !spec.order_by.is_empty() {
        return refused("replace its ORDER BY");
    }
    if base.window_frame.is_some() {
        return refused("take over its frame");
    }
    let order_by = if spec.order_by.is_empty() { &base.order_by } else { &spec.order_by };
    Ok(WindowSpec {
        window_name: None,
        partition_by: base.partition_by.clone(),
        order_by: order_by.clone(),
        window_frame: spec.window_frame.clone(),
    })
}

struct Windows<'a> {
    known: &'a [(String, WindowSpec)],
    depth: usize,
    /// In ORDER BY, which DataFusion plans without the WINDOW clause.
    is_order: bool,
}

impl VisitorMut for Windows<'_> {
    type Break = Refusal;

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<Refusal> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Refusal> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Refusal> {
        let Expr::Function(Function { over: Some(over), .. }) = expr else {
            return ControlFlow::Continue(());
        };
        if self.depth > 0 {
            return ControlFlow::Continue(());
        }
        let spec = match over {
            WindowType::WindowSpec(spec) if spec.window_name.is_some() => built(self.known, spec),
            WindowType::NamedWindow(name) if self.is_order => found(self.known, name).cloned(),
            _ => return ControlFlow::Continue(()),
        };
        match spec {
            Ok(spec) => *over = WindowType::WindowSpec(spec),
            Err(report) => return ControlFlow::Break(report),
        }
        ControlFlow::Continue(())
    }
}

/// Gives the casts of a select list the names of their columns where ORDER BY uses them: `SELECT v::text
/// … ORDER BY v` sorts by the text.
pub(super) fn order_by_cast(query: &mut Query) {
    let (SetExpr::Select(select), Some(order)) = (query.body.as_mut(), &query.order_by) else {
        return;
    };
    let OrderByKind::Expressions(keys) = &order.kind else { return };
    for key in keys {
        let Expr::Identifier(name) = &key.expr else { continue };
        let is_name = |item: &SelectItem| match item {
            SelectItem::UnnamedExpr(Expr::Identifier(own)) => same(own, name),
            SelectItem::ExprWithAlias { alias, .. } => same(alias, name),
            SelectItem::UnnamedExpr(_) => false,
            _ => true,
        };
        if select.projection.iter().any(is_name) {
            continue;
        }
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr @ Expr::Cast { .. }) = item
                && cast_column(expr).is_some_and(|own| same(own, name))
            {
                let alias = Ident::with_quote('"', name.value.clone());
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
                break;
            }
        }
    }
}

fn same(one: &Ident, other: &Ident) -> bool {
    one.value.eq_ignore_ascii_case(&other.value)
}

fn cast_column(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Cast { expr, .. } => cast_column(expr),
        Expr::Identifier(name) => Some(name),
        Expr::CompoundIdentifier(parts) => parts.last(),
        _ => None,
    }
}

/// Gives repeated expressions of a subquery with a column list names of their own.
pub(super) fn unique_columns(query: &mut Query, columns: &[TableAliasColumnDef]) {
    let mut body = query.body.as_mut();
    loop {
        match body {
            SetExpr::SetOperation { left, .. } => body = left.as_mut(),
            SetExpr::Query(query) => body = query.body.as_mut(),
            SetExpr::Select(select) => {
                if columns.len() == select.projection.len() {
                    unique_items(select);
                }
                return;
            }
            _ => return,
        }
    }
}

fn unique_items(select: &mut Select) {
    let mut seen: Vec<String> = Vec::new();
    for (position, item) in select.projection.iter_mut().enumerate() {
        let SelectItem::UnnamedExpr(expr) = item else { continue };
        let text = expr.to_string();
        if seen.contains(&text) {
            let alias = Ident::with_quote('"', format!("\u{1}{position}"));
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
        } else {
            seen.push(text);
        }
    }
}

/// `VALUES` with subqueries as `SELECT … UNION ALL SELECT …`.
pub(super) fn values(body: &mut SetExpr) {
    match body {
        SetExpr::SetOperation { left, right, .. } => {
            values(left);
            values(right);
        }
        SetExpr::Values(rows) if rows.rows.iter().any(|row| row.iter().any(has_subquery)) => {
            let arms = rows.rows.iter().map(|row| {
                let mut select = strataql_sql::empty_select();
                let items = row.iter().enumerate().map(|(position, expr)| {
                    let alias = Ident::new(format!("column{}", position + 1));
                    SelectItem::ExprWithAlias { expr: expr.clone(), alias }
                });
                select.projection = items.collect();
                SetExpr::Select(Box::new(select))
            });
            let all = arms.reduce(|left, right| SetExpr::SetOperation {
                op: SetOperator::Union,
                set_quantifier: SetQuantifier::All,
                left: Box::new(left),
                right: Box::new(right),
            });
            if let Some(all) = all {
                *body = all;
            }
        }
        _ => {}
    }
}

fn has_subquery(expr: &Expr) -> bool {
    let found = visit_expressions(expr, |inner| match inner {
        Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// Conditions `(a, b) IN (SELECT …)` that a row has to fulfil, as EXISTS.
pub(super) fn row_conditions(condition: &mut Expr) {
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            row_conditions(left);
            row_conditions(right);
        }
        Expr::Nested(inner) => row_conditions(inner),
        Expr::InSubquery { expr, subquery, negated: false } => {
            if let Expr::Tuple(items) = expr.as_ref() {
                let (equal, from) = compared_row(items, subquery);
                *condition = exists(subquery, from, equal);
            }
        }
        _ => {}
    }
}

/// The form that an expression has in DataFusion.
pub(super) fn plain(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::InSubquery { expr, subquery, negated } => {
            let Expr::Tuple(items) = expr.as_ref() else { return None };
            let (equal, from) = compared_row(items, subquery);
            let unknown = Expr::IsNull(Box::new(Expr::Nested(Box::new(equal.clone()))));
            let when = |condition, result| CaseWhen { condition, result };
            let truth = |value| Expr::value(Value::Boolean(value));
            Some(Expr::Case {
                case_token: AttachedToken::empty(),
                end_token: AttachedToken::empty(),
                operand: None,
                conditions: vec![
                    when(exists(subquery, from.clone(), equal), truth(!negated)),
                    when(exists(subquery, from, unknown), Expr::value(Value::Null)),
                ],
                else_result: Some(Box::new(truth(*negated))),
            })
        }
        Expr::Function(Function {
            name,
            args: FunctionArguments::Subquery(query),
            over: None,
            ..
        }) if name.to_string().eq_ignore_ascii_case("array") => {
            let (from, columns) = derived(query, 1);
            let all = call_of("array_agg", columns);
            let all = call_of("coalesce", vec![all, call_of("make_array", vec![])]);
            let mut select = strataql_sql::empty_select();
            select.projection = vec![SelectItem::UnnamedExpr(all)];
            select.from = vec![from];
            Some(Expr::Subquery(Box::new(around(query, select))))
        }
        _ => None,
    }
}

/// The comparison of a row with the columns of a subquery, and the subquery as an item of FROM.
fn compared_row(items: &[Expr], subquery: &Query) -> (Expr, TableWithJoins) {
    let (from, columns) = derived(subquery, items.len());
    let pairs = columns.into_iter().zip(items).map(|(column, item)| Expr::BinaryOp {
        left: Box::new(column),
        op: BinaryOperator::Eq,
        right: Box::new(Expr::Nested(Box::new(item.clone()))),
    });
    let all = pairs.reduce(|left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: BinaryOperator::And,
        right: Box::new(right),
    });
    (all.unwrap_or_else(|| Expr::value(Value::Boolean(true))), from)
}

/// A subquery as an item of FROM, and its columns, whose names are internal.
fn derived(subquery: &Query, width: usize) -> (TableWithJoins, Vec<Expr>) {
    let names: Vec<Ident> =
        (0..width).map(|at| Ident::with_quote('"', format!("\u{1}row{at}"))).collect();
    let columns = names.iter().cloned();
    let columns = columns.map(|name| TableAliasColumnDef { name, data_type: None }).collect();
    let name = Ident::with_quote('"', "\u{1}rows");
    let relation = TableFactor::Derived {
        lateral: false,
        subquery: Box::new(subquery.clone()),
        alias: Some(TableAlias { explicit: true, name, columns, at: None }),
        sample: None,
    };
    let columns = names.into_iter().map(Expr::Identifier).collect();
    (TableWithJoins { relation, joins: vec![] }, columns)
}

fn exists(subquery: &Query, from: TableWithJoins, condition: Expr) -> Expr {
    let mut select = strataql_sql::empty_select();
    select.projection =
        vec![SelectItem::UnnamedExpr(Expr::value(Value::Number("1".to_owned(), false)))];
    select.from = vec![from];
    select.selection = Some(condition);
    Expr::Exists { subquery: Box::new(around(subquery, select)), negated: false }
}

/// A query of that select and nothing else.
fn around(query: &Query, select: Select) -> Query {
    let mut query = query.clone();
    query.with = None;
    query.body = Box::new(SetExpr::Select(Box::new(select)));
    query.order_by = None;
    query.limit_clause = None;
    query.fetch = None;
    query
}
