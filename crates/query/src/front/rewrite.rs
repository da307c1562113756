//! AST rewrites: path spellings that the planner's hooks do not see, bind parameters, functions in
//! FROM that read the tables before them, and spellings of calls that DataFusion does not plan.

use std::ops::ControlFlow;

use datafusion::execution::SessionState;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentClause, FunctionArgumentList, FunctionArguments, GroupByExpr, Ident, Join,
    JoinConstraint, JoinOperator, JsonPathElem, LimitClause, ObjectName, Query, Select, Subscript,
    TableFactor, UnaryOperator, Value, VisitMut, VisitorMut, visit_expressions,
};
use strataql_diag::{Code, Report};
use strataql_functions::{is_row_function, make_lateral};

use super::{forms, item_names, postgres, recursion, rows};

/// Rewrites a query.
pub(super) fn rewrite(query: &mut Query, state: &SessionState) -> Result<(), Box<Report>> {
    let mut rewriter = Rewriter { state, placeholders: 0, depth: 0 };
    match query.visit(&mut rewriter) {
        ControlFlow::Break(report) => Err(report),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct Rewriter<'a> {
    state: &'a SessionState,
    placeholders: usize,
    /// Queries around the place.
    depth: usize,
}

impl VisitorMut for Rewriter<'_> {
    type Break = Box<Report>;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        item_names::name_items(query, self.depth == 0);
        self.depth += 1;
        forms::values(&mut query.body);
        let checked = take_fetch(query).and_then(|()| recursion::check(query));
        match checked.and_then(|()| forms::windows(query)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(report) => ControlFlow::Break(report),
        }
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Self::Break> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        join_row_functions(select);
        postgres::unnest_series(select);
        if let Some(condition) = &mut select.selection {
            rows::conditions(condition);
        }
        for join in select.from.iter_mut().flat_map(|from| &mut from.joins) {
            // the right side of these joins exists without the left
            let is_own = matches!(
                join.join_operator,
                JoinOperator::Right(_) | JoinOperator::RightOuter(_) | JoinOperator::FullOuter(_)
            );
            if is_own {
                make_lateral(&mut join.relation, false);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        make_lateral(factor, true);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        if let Expr::JsonAccess { value, path } = expr {
            // `col:a.b` is `col['a']['b']`
            let access_chain = path
                .path
                .iter()
                .map(|step| match step {
                    JsonPathElem::Dot { key, .. } => subscript(key),
                    JsonPathElem::Bracket { key } | JsonPathElem::ColonBracket { key } => {
                        AccessExpr::Subscript(Subscript::Index { index: key.clone() })
                    }
                })
                .collect();
            *expr = Expr::CompoundFieldAccess { root: value.clone(), access_chain };
        }
        if let Expr::Cast { expr: inner, data_type: DataType::JSON | DataType::JSONB, .. } = expr {
            *expr = call("json", inner.as_ref().clone());
        }
        forms::any_of_array(expr);
        if let Some(plain) = operator_call(expr) {
            *expr = plain;
        }
        // the planner resolves what stands inside of the literal by itself, without the tables around it
        if let Expr::Array(array) = expr
            && array.elem.iter().any(has_column)
        {
            *expr = call_of("make_array", std::mem::take(&mut array.elem));
        }
        if let Err(report) = postgres::respell(expr) {
            return ControlFlow::Break(report);
        }
        if let Expr::Function(function) = expr {
            take_separator(function);
        }
        if let Expr::CompoundFieldAccess { access_chain, .. } = expr {
            // a name after a subscript is a key: `col['a'].b`
            let mut after = false;
            for access in access_chain {
                match access {
                    AccessExpr::Subscript(_) => after = true,
                    AccessExpr::Dot(Expr::Identifier(ident)) if after => {
                        *access = subscript(&ident.value.clone());
                    }
                    AccessExpr::Dot(_) => {}
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        postgres::unnest_rows(expr);
        // what is repeated has its parameters numbered by now
        if let Some(plain) = forms::array(expr, self.state).or_else(|| rows::plain(expr)) {
            *expr = plain;
        }
        forms::exclude(expr);
        ControlFlow::Continue(())
    }

    fn pre_visit_value(
        &mut self,
        value: &mut datafusion::sql::sqlparser::ast::ValueWithSpan,
    ) -> ControlFlow<Self::Break> {
        if let Value::Placeholder(name) = &mut value.value {
            if name == "?" {
                self.placeholders += 1;
                *name = format!("${}", self.placeholders);
            } else if let Some(rest) = name.strip_prefix(':') {
                *name = format!("${rest}");
            }
        }
        ControlFlow::Continue(())
    }
}

/// True if an expression reads a column.
pub(super) fn has_column(expr: &Expr) -> bool {
    let is_column = |expr: &Expr| match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    visit_expressions(expr, is_column).is_break()
}

/// True if a SELECT has GROUP BY.
pub(super) fn has_groups(select: &Select) -> bool {
    !matches!(&select.group_by, GroupByExpr::Expressions(keys, _) if keys.is_empty())
}

/// True for the call of an aggregate.
pub(super) fn is_aggregate(function: &Function, state: &SessionState) -> bool {
    state.aggregate_functions().contains_key(&function.name.to_string().to_lowercase())
}

fn subscript(key: &str) -> AccessExpr {
    AccessExpr::Subscript(Subscript::Index {
        index: Expr::value(Value::SingleQuotedString(key.to_owned())),
    })
}

/// `FROM a, json_each(a.x) AS e JOIN b …` as `FROM a CROSS JOIN json_each(a.x) AS e JOIN b …`: the
/// function then stands beside the tables that it reads, and what follows it sees them too.
fn join_row_functions(select: &mut Select) {
    let has_function = select.from.iter().skip(1).any(|from| is_row_function(&from.relation));
    // these joins mean the same after a cross join
    let is_free = |join: &Join| {
        matches!(
            &join.join_operator,
            JoinOperator::CrossJoin(_)
                | JoinOperator::Join(JoinConstraint::On(_) | JoinConstraint::None)
                | JoinOperator::Inner(JoinConstraint::On(_) | JoinConstraint::None)
                | JoinOperator::Left(JoinConstraint::On(_))
                | JoinOperator::LeftOuter(JoinConstraint::On(_))
        )
    };
    if !has_function || !select.from.iter().skip(1).flat_map(|from| &from.joins).all(is_free) {
        return;
    }
    let rest = select.from.split_off(1);
    let Some(first) = select.from.first_mut() else { return };
    for item in rest {
        first.joins.push(Join {
            relation: item.relation,
            global: false,
            join_operator: JoinOperator::CrossJoin(JoinConstraint::None),
        });
        first.joins.extend(item.joins);
    }
}

/// `OFFSET m ROWS FETCH FIRST n ROWS ONLY` is `LIMIT n OFFSET m`.
fn take_fetch(query: &mut Query) -> Result<(), Box<Report>> {
    let Some(fetch) = query.fetch.take() else { return Ok(()) };
    let refused = |what: &str| {
        Err(Box::new(
            Report::new(
                Code::UnsupportedSyntax,
                format!("`FETCH FIRST … {what}` cannot be run by this version"),
            )
            .with_help("write `FETCH FIRST n ROWS ONLY`, or `LIMIT n`"),
        ))
    };
    if fetch.with_ties {
        return refused("WITH TIES");
    }
    if fetch.percent {
        return refused("PERCENT");
    }
    // without a number it is one row
    let count = fetch.quantity.unwrap_or_else(|| Expr::value(Value::Number("1".to_owned(), false)));
    match &mut query.limit_clause {
        None => {
            query.limit_clause = Some(LimitClause::LimitOffset {
                limit: Some(count),
                offset: None,
                limit_by: vec![],
            });
        }
        Some(LimitClause::LimitOffset { limit: limit @ None, .. }) => *limit = Some(count),
        Some(_) => {
            return Err(Box::new(
                Report::new(Code::Syntax, "the query has both LIMIT and FETCH")
                    .with_help("leave out one of them"),
            ));
        }
    }
    Ok(())
}

/// Operators that are functions here, and functions that are operators: `x #>> '{a,b}'`,
/// `x REGEXP p`, `mod(x, y)`.
fn operator_call(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::BinaryOp { left, op, right } => {
            let name = match op {
                BinaryOperator::HashArrow => "json_extract_path",
                BinaryOperator::HashLongArrow => "json_extract_path_text",
                _ => return None,
            };
            let mut arguments = vec![left.as_ref().clone()];
            arguments.extend(path_keys(right)?);
            if name == "json_extract_path" {
                let mut steps = arguments.into_iter();
                let root = steps.next()?;
                // `x #> '{a,0}'` is `x -> 'a' -> 0`
                return Some(steps.fold(root, |left, step| Expr::BinaryOp {
                    left: Box::new(left),
                    op: BinaryOperator::Arrow,
                    right: Box::new(as_index(step)),
                }));
            }
            Some(call_of(name, arguments))
        }
        Expr::RLike { negated, expr, pattern, .. } => {
            let found = call_of("regexp_like", vec![expr.as_ref().clone(), *pattern.clone()]);
            Some(if *negated {
                Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(found) }
            } else {
                found
            })
        }
        Expr::Function(function) if is_named(function, "mod") => {
            let FunctionArguments::List(list) = &function.args else { return None };
            let [
                FunctionArg::Unnamed(FunctionArgExpr::Expr(left)),
                FunctionArg::Unnamed(FunctionArgExpr::Expr(right)),
            ] = list.args.as_slice()
            else {
                return None;
            };
            let nested = |expr: &Expr| Box::new(Expr::Nested(Box::new(expr.clone())));
            Some(Expr::Nested(Box::new(Expr::BinaryOp {
                left: nested(left),
                op: BinaryOperator::Modulo,
                right: nested(right),
            })))
        }
        _ => None,
    }
}

pub(super) fn is_named(function: &Function, name: &str) -> bool {
    let [part] = function.name.0.as_slice() else { return false };
    part.as_ident().is_some_and(|ident| ident.value.eq_ignore_ascii_case(name))
}

/// The keys of a path such as `'{a,0,b}'`, if it is a constant, or of `ARRAY['a', '0', 'b']`.
fn path_keys(path: &Expr) -> Option<Vec<Expr>> {
    if let Expr::Array(keys) = path {
        return Some(keys.elem.clone());
    }
    let Expr::Value(value) = path else { return None };
    let Value::SingleQuotedString(text) = &value.value else { return None };
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let keys = inner.split(',').map(str::trim).filter(|key| !key.is_empty());
    let keys = keys.map(|key| key.trim_matches('"').to_owned());
    Some(keys.map(|key| Expr::value(Value::SingleQuotedString(key))).collect())
}

/// A key of digits is the place in an array.
fn as_index(key: Expr) -> Expr {
    if let Expr::Value(value) = &key
        && let Value::SingleQuotedString(text) = &value.value
        && text.parse::<i32>().is_ok()
    {
        return Expr::value(Value::Number(text.clone(), false));
    }
    key
}

/// A call of a function of one argument.
fn call(name: &str, argument: Expr) -> Expr {
    call_of(name, vec![argument])
}

/// A call of a function.
pub(super) fn call_of(name: &str, arguments: Vec<Expr>) -> Expr {
    let unnamed = |argument| FunctionArg::Unnamed(FunctionArgExpr::Expr(argument));
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments.into_iter().map(unnamed).collect(),
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

/// `group_concat(x SEPARATOR ';')` is `group_concat(x, ';')`.
fn take_separator(function: &mut Function) {
    let FunctionArguments::List(list) = &mut function.args else { return };
    let at = list
        .clauses
        .iter()
        .position(|clause| matches!(clause, FunctionArgumentClause::Separator(_)));
    if let Some(at) = at
        && let FunctionArgumentClause::Separator(value) = list.clauses.remove(at)
    {
        list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))));
    }
}
