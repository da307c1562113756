//! AST rewrites: path spellings that the planner's hooks do not see, bind parameters, functions in
//! FROM that read the tables before them, and spellings of calls that DataFusion does not plan.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments, Ident, Join, JoinConstraint, JoinOperator,
    JsonPathElem, LimitClause, ObjectName, Query, Select, Subscript, TableFactor, Value, VisitMut,
    VisitorMut,
};
use strataql_diag::{Code, Report};

use crate::functions::{is_row_function, make_lateral};

/// Rewrites a query.
pub(super) fn rewrite(query: &mut Query) -> Result<(), Box<Report>> {
    let mut rewriter = Rewriter { placeholders: 0 };
    match query.visit(&mut rewriter) {
        ControlFlow::Break(report) => Err(report),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct Rewriter {
    placeholders: usize,
}

impl VisitorMut for Rewriter {
    type Break = Box<Report>;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        match take_fetch(query) {
            Ok(()) => ControlFlow::Continue(()),
            Err(report) => ControlFlow::Break(report),
        }
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        join_row_functions(select);
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

/// A call of a function of one argument.
fn call(name: &str, argument: Expr) -> Expr {
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))],
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
