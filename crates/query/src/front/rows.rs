//! Rows that are compared with subqueries.
//!
//! DataFusion compares single values. `(a, b) IN (SELECT …)` becomes EXISTS where a row has to fulfil it,
//! and elsewhere a CASE that knows NULL; `(a, b) = (SELECT …)` compares the columns of the only row. Two rows
//! are compared item by item, so that a NULL leaves open what it decides.

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Query,
    Select, SelectItem, SetExpr, TableAlias, TableAliasColumnDef, TableFactor, TableWithJoins,
    Value,
};

use super::rewrite::is_named;

/// Conditions `(a, b) IN (SELECT …)` that a row has to fulfil, as EXISTS.
pub(super) fn conditions(condition: &mut Expr) {
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            conditions(left);
            conditions(right);
        }
        Expr::Nested(inner) => conditions(inner),
        Expr::InSubquery { expr, subquery, negated: false } => {
            if let Expr::Tuple(items) = expr.as_ref() {
                let (equal, from) = compared_row(items, subquery);
                *condition = exists(subquery, from, equal);
            }
        }
        _ => {}
    }
}

/// The form that a comparison of a row has in DataFusion.
pub(super) fn plain(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::InSubquery { expr, subquery, negated } => is_in(tuple(expr)?, subquery, *negated),
        Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => {
            is_in(tuple(left)?, query_of(right)?, false)
        }
        Expr::AllOp { left, compare_op: BinaryOperator::NotEq, right } => {
            is_in(tuple(left)?, query_of(right)?, true)
        }
        Expr::BinaryOp { left, op, right } => {
            if let (Some(items), Some(others)) = (row(left), row(right)) {
                // of different lengths: DataFusion says so
                return (items.len() == others.len())
                    .then(|| compared(&items, op, &others))
                    .flatten()
                    .map(|comparison| Expr::Nested(Box::new(comparison)));
            }
            let (items, query, op) = match (tuple(left), tuple(right)) {
                (Some(items), None) => (items, query_of(right)?, op.clone()),
                (None, Some(items)) => (items, query_of(left)?, mirrored(op)?),
                _ => return None,
            };
            // the only row; more are an error
            let (from, columns) = derived(query, items.len());
            let comparison = compared(items, &op, &columns)?;
            let mut select = strataql_sql::empty_select();
            select.projection = vec![SelectItem::UnnamedExpr(comparison)];
            select.from = vec![from];
            Some(Expr::Subquery(Box::new(around(query, select))))
        }
        _ => None,
    }
}

fn tuple(expr: &Expr) -> Option<&[Expr]> {
    match expr {
        Expr::Tuple(items) => Some(items),
        Expr::Nested(inner) => tuple(inner),
        _ => None,
    }
}

/// The items of `(a, b)` and `ROW(a, b)`.
fn row(expr: &Expr) -> Option<Vec<Expr>> {
    if let Some(items) = tuple(expr) {
        return Some(items.to_vec());
    }
    let Expr::Function(function) = expr else { return None };
    let FunctionArguments::List(list) = &function.args else { return None };
    if !is_named(function, "row") || list.args.is_empty() {
        return None;
    }
    let items = list.args.iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(item)) => Some(item.clone()),
        _ => None,
    });
    items.collect()
}

fn query_of(expr: &Expr) -> Option<&Query> {
    match expr {
        Expr::Subquery(query) => Some(query),
        Expr::Nested(inner) => query_of(inner),
        _ => None,
    }
}

/// The operator for exchanged operands.
fn mirrored(op: &BinaryOperator) -> Option<BinaryOperator> {
    Some(match op {
        BinaryOperator::Eq | BinaryOperator::NotEq => op.clone(),
        BinaryOperator::Lt => BinaryOperator::Gt,
        BinaryOperator::LtEq => BinaryOperator::GtEq,
        BinaryOperator::Gt => BinaryOperator::Lt,
        BinaryOperator::GtEq => BinaryOperator::LtEq,
        _ => return None,
    })
}

/// `(a, b) op (c, d)`, item by item.
fn compared(items: &[Expr], op: &BinaryOperator, columns: &[Expr]) -> Option<Expr> {
    let binary = |left: &Expr, op: BinaryOperator, right: &Expr| Expr::BinaryOp {
        left: Box::new(Expr::Nested(Box::new(left.clone()))),
        op,
        right: Box::new(right.clone()),
    };
    let nested = |expr: Expr| Expr::Nested(Box::new(expr));
    let join = |left: Expr, op: BinaryOperator, right: Expr| Expr::BinaryOp {
        left: Box::new(nested(left)),
        op,
        right: Box::new(nested(right)),
    };
    let mut pairs = items.iter().zip(columns).rev();
    let (last, column) = pairs.next()?;
    let strict = match op {
        BinaryOperator::LtEq => BinaryOperator::Lt,
        BinaryOperator::GtEq => BinaryOperator::Gt,
        BinaryOperator::Eq | BinaryOperator::NotEq | BinaryOperator::Lt | BinaryOperator::Gt => {
            op.clone()
        }
        _ => return None,
    };
    let last = binary(last, op.clone(), column);
    Some(pairs.fold(last, |rest, (item, column)| {
        let equal = || binary(item, BinaryOperator::Eq, column);
        match op {
            BinaryOperator::Eq => join(equal(), BinaryOperator::And, rest),
            BinaryOperator::NotEq => {
                let unequal = binary(item, BinaryOperator::NotEq, column);
                join(unequal, BinaryOperator::Or, rest)
            }
            _ => {
                let first = binary(item, strict.clone(), column);
                join(first, BinaryOperator::Or, join(equal(), BinaryOperator::And, rest))
            }
        }
    }))
}

fn is_in(items: &[Expr], subquery: &Query, negated: bool) -> Option<Expr> {
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
        else_result: Some(Box::new(truth(negated))),
    })
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
pub(super) fn derived(subquery: &Query, width: usize) -> (TableWithJoins, Vec<Expr>) {
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
pub(super) fn around(query: &Query, select: Select) -> Query {
    let mut query = query.clone();
    query.with = None;
    query.body = Box::new(SetExpr::Select(Box::new(select)));
    query.order_by = None;
    query.limit_clause = None;
    query.fetch = None;
    query
}
