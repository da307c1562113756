//! Queries and conditions of PostgreSQL that DataFusion does not plan, or plans as something else.
//!
//! Owns: windows that are built on named windows, frames with EXCLUDE, subqueries in VALUES,
//! `ARRAY(SELECT …)`.
//! Refuses: windows that do not exist, or that override what they are built on.

use std::ops::ControlFlow;

use datafusion::execution::SessionState;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, Ident, NamedWindowExpr, ObjectName, OrderByExpr, OrderByKind, Query,
    SelectItem, SetExpr, SetOperator, SetQuantifier, UnaryOperator, Value, VisitMut, VisitorMut,
    WindowSpec, WindowType, visit_expressions,
};
use strataql_diag::{Code, Report};
use strataql_functions::{Exclusion, excluding_name};
use strataql_sql::EXCLUDE;

use super::rewrite::{call_of, has_groups, is_aggregate};
use super::rows;

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
    let mut resolver = Windows { known: &known, depth: 0 };
    let mut done = select.projection.visit(&mut resolver);
    if done.is_continue() {
        done = select.qualify.visit(&mut resolver);
    }
    if let (ControlFlow::Continue(()), Some(order)) = (&done, &mut query.order_by) {
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
    let (excluded, own): (Vec<&Expr>, Vec<&Expr>) =
        spec.partition_by.iter().partition(|expr| exclusion(expr).is_some());
    if !own.is_empty() {
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
        partition_by: excluded.into_iter().chain(&base.partition_by).cloned().collect(),
        order_by: order_by.clone(),
        window_frame: spec.window_frame.clone(),
    })
}

/// The words after EXCLUDE that a key of PARTITION BY holds.
fn exclusion(key: &Expr) -> Option<&str> {
    let Expr::Value(value) = key else { return None };
    let Value::SingleQuotedString(text) = &value.value else { return None };
    text.strip_prefix(EXCLUDE)
}

/// Makes an aggregate over a frame with EXCLUDE the window function that computes it.
pub(super) fn exclude(expr: &mut Expr) {
    let Expr::Function(function) = expr else { return };
    let Some(WindowType::WindowSpec(spec)) = &mut function.over else { return };
    let words = spec.partition_by.iter().find_map(exclusion).map(str::to_owned);
    let Some(exclusion) = words.as_deref().and_then(Exclusion::of) else { return };
    spec.partition_by.retain(|key| self::exclusion(key).is_none());
    let name = function.name.to_string().to_lowercase();
    let FunctionArguments::List(list) = &mut function.args else { return };
    // they do not read the frame
    if FRAMELESS.contains(&name.as_str()) {
        return;
    }
    for argument in &mut list.args {
        if let FunctionArg::Unnamed(own @ FunctionArgExpr::Wildcard) = argument {
            *own = FunctionArgExpr::Expr(Expr::value(Value::Number("1".to_owned(), false)));
        }
    }
    let name = excluding_name(&name, list.args.len(), exclusion);
    let condition = function.filter.take().map_or_else(
        || Expr::value(Value::Boolean(true)),
        // unknown is not true
        |condition| Expr::IsTrue(Box::new(Expr::Nested(condition))),
    );
    let keys = spec.order_by.iter().map(|key| key.expr.clone());
    let more = std::iter::once(condition).chain(keys);
    list.args.extend(more.map(|expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))));
    function.name = ObjectName::from(vec![Ident::with_quote('"', name)]);
}

/// Window functions that do not read the frame.
const FRAMELESS: &[&str] =
    &["cume_dist", "dense_rank", "lag", "lead", "ntile", "percent_rank", "rank", "row_number"];

struct Windows<'a> {
    known: &'a [(String, WindowSpec)],
    depth: usize,
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
        // here, since DataFusion resolves names in subqueries by the WINDOW clause outside of them
        let spec = match over {
            WindowType::WindowSpec(spec) if spec.window_name.is_some() => built(self.known, spec),
            WindowType::NamedWindow(name) => found(self.known, name).cloned(),
            WindowType::WindowSpec(_) => return ControlFlow::Continue(()),
        };
        match spec {
            Ok(spec) => *over = WindowType::WindowSpec(spec),
            Err(report) => return ControlFlow::Break(report),
        }
        ControlFlow::Continue(())
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

/// `ARRAY(SELECT …)` as an aggregate of its rows, in their order.
pub(super) fn array(expr: &Expr, state: &SessionState) -> Option<Expr> {
    let query = array_query(expr)?;
    let mut query = query.clone();
    let keys = take_order(&mut query);
    // a query of rows becomes the aggregate itself, since nothing inside of a derived table can be correlated
    if let Some(values) = row_values(&query, keys.len(), state) {
        let SetExpr::Select(select) = query.body.as_ref() else { return None };
        let mut select = select.as_ref().clone();
        select.projection = vec![SelectItem::UnnamedExpr(all_of(values, keys))];
        return Some(Expr::Subquery(Box::new(Query {
            with: query.with.clone(),
            ..rows::around(&query, select)
        })));
    }
    let (mut from, mut columns) = rows::derived(&query, 1 + keys.len());
    if keys.is_empty() {
        (from, columns) = rows::derived(&query, 1);
    }
    let mut select = strataql_sql::empty_select();
    select.projection = vec![SelectItem::UnnamedExpr(all_of(columns, keys))];
    select.from = vec![from];
    Some(Expr::Subquery(Box::new(rows::around(&query, select))))
}

/// The array of a value, sorted by the values behind it.
fn all_of(values: Vec<Expr>, keys: Vec<OrderByExpr>) -> Expr {
    let mut values = values.into_iter();
    let mut all = call_of("array_agg", values.by_ref().take(1).collect());
    if let Expr::Function(Function { args: FunctionArguments::List(list), .. }) = &mut all
        && !keys.is_empty()
    {
        let order = keys.into_iter().zip(values);
        let order = order.map(|(key, expr)| OrderByExpr { expr, ..key }).collect();
        list.clauses.push(FunctionArgumentClause::OrderBy(order));
    }
    call_of("coalesce", vec![all, call_of("make_array", vec![])])
}

/// What a query computes from each row of its tables, if it does nothing else: the value, and its keys.
fn row_values(query: &Query, keys: usize, state: &SessionState) -> Option<Vec<Expr>> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let is_more = query.limit_clause.is_some()
        || query.fetch.is_some()
        || select.distinct.is_some()
        || select.having.is_some()
        || select.qualify.is_some()
        || has_groups(select)
        || select.from.is_empty();
    if is_more || select.projection.len() != keys + 1 {
        return None;
    }
    let value = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
            Some(expr.clone())
        }
        _ => None,
    };
    let values: Vec<Expr> = select.projection.iter().map(value).collect::<Option<_>>()?;
    let is_of_rows = |expr: &Expr| match expr {
        Expr::Function(function) => {
            let is_unnest = function.name.to_string().eq_ignore_ascii_case("unnest");
            if function.over.is_some() || is_unnest || is_aggregate(function, state) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        }
        _ => ControlFlow::Continue(()),
    };
    values.iter().all(|value| visit_expressions(value, is_of_rows).is_continue()).then_some(values)
}

/// The query of `ARRAY(SELECT …)`.
fn array_query(expr: &Expr) -> Option<&Query> {
    match expr {
        Expr::Function(Function {
            name,
            args: FunctionArguments::Subquery(query),
            over: None,
            ..
        }) if name.to_string().eq_ignore_ascii_case("array") => Some(query),
        Expr::Nested(inner) => array_query(inner),
        _ => None,
    }
}

/// `= ANY (ARRAY(SELECT …))` as `= ANY (SELECT …)`, `= ANY (ARRAY[…])` as IN, and what holds for any element as NOT of
/// what holds for all: DataFusion's ANY takes an element that is NULL for one that differs.
pub(super) fn any_of_array(expr: &mut Expr) {
    if let Expr::AnyOp { right, .. } | Expr::AllOp { right, .. } = expr
        && let Some(query) = array_query(right)
    {
        **right = Expr::Subquery(Box::new(query.clone()));
    }
    let Expr::AnyOp { left, compare_op, right, .. } = expr else { return };
    let none = || Box::new(Expr::value(Value::Null));
    let take = |part: &mut Box<Expr>| std::mem::replace(part, none());
    let opposite = match compare_op {
        BinaryOperator::Eq => BinaryOperator::NotEq,
        BinaryOperator::NotEq => BinaryOperator::Eq,
        BinaryOperator::Lt => BinaryOperator::GtEq,
        BinaryOperator::LtEq => BinaryOperator::Gt,
        BinaryOperator::Gt => BinaryOperator::LtEq,
        BinaryOperator::GtEq => BinaryOperator::Lt,
        _ => return,
    };
    match right.as_mut() {
        Expr::Array(array) if *compare_op == BinaryOperator::Eq && !array.elem.is_empty() => {
            let list = std::mem::take(&mut array.elem);
            *expr = Expr::InList { expr: take(left), list, negated: false };
        }
        // a parameter stays, since only its value tells whether it can be sent
        Expr::Array(_) | Expr::Identifier(_) | Expr::CompoundIdentifier(_) => {
            let all = Expr::AllOp { left: take(left), compare_op: opposite, right: take(right) };
            let all = Box::new(Expr::Nested(Box::new(all)));
            *expr = Expr::UnaryOp { op: UnaryOperator::Not, expr: all };
        }
        _ => {}
    }
}

/// The keys that a query of one column is sorted by, whose values become columns of the query.
fn take_order(query: &mut Query) -> Vec<OrderByExpr> {
    let Some(OrderByKind::Expressions(keys)) = query.order_by.as_ref().map(|order| &order.kind)
    else {
        return Vec::new();
    };
    let mut keys = keys.clone();
    let SetExpr::Select(select) = query.body.as_mut() else { return Vec::new() };
    let [item] = select.projection.as_slice() else { return Vec::new() };
    let (value, name) = match item {
        SelectItem::UnnamedExpr(expr @ Expr::Identifier(name)) => (expr, Some(name)),
        SelectItem::UnnamedExpr(expr) => (expr, None),
        SelectItem::ExprWithAlias { expr, alias } => (expr, Some(alias)),
        _ => return Vec::new(),
    };
    let value = value.clone();
    for key in &mut keys {
        let is_value = match &key.expr {
            Expr::Value(_) => true,
            Expr::Identifier(own) => name.is_some_and(|name| same(name, own)),
            _ => false,
        };
        if is_value {
            key.expr = value.clone();
        }
    }
    if select.distinct.is_some() && keys.iter().any(|key| key.expr != value) {
        return Vec::new();
    }
    for (position, key) in keys.iter().enumerate() {
        let alias = Ident::with_quote('"', format!("\u{1}key{position}"));
        select.projection.push(SelectItem::ExprWithAlias { expr: key.expr.clone(), alias });
    }
    keys
}

fn same(one: &Ident, other: &Ident) -> bool {
    one.value.eq_ignore_ascii_case(&other.value)
}
