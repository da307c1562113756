//! The StackQL profile: what SQLite means by the same words.
//!
//! Owns: LIKE without case, NULL below all values, `split_part` behind the last part, `regexp_replace` of
//! every match.
//! Surprise: only the tree changes; labels were taken from the text before.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    ObjectName, OrderByExpr, OrderByKind, Query, Value, VisitMut, VisitorMut, WindowType,
};

/// Rewrites a query.
pub(super) fn rewrite(query: &mut Query) {
    let _done = query.visit(&mut Sqlite);
}

struct Sqlite;

impl VisitorMut for Sqlite {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let Some(order) = &mut query.order_by
            && let OrderByKind::Expressions(items) = &mut order.kind
        {
            nulls_lowest(items);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Like { .. } => *expr = without_case(expr),
            Expr::Function(function) => {
                if let Some(WindowType::WindowSpec(window)) = &mut function.over {
                    nulls_lowest(&mut window.order_by);
                }
                if let Some(other) = replaced(function) {
                    *expr = other;
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn without_case(expr: &Expr) -> Expr {
    match expr.clone() {
        Expr::Like { negated, any, expr, pattern, escape_char } => {
            Expr::ILike { negated, any, expr, pattern, escape_char }
        }
        other => other,
    }
}

/// Where nothing is said, NULL comes first in ascending order and last in descending.
fn nulls_lowest(items: &mut [OrderByExpr]) {
    for item in items {
        if item.options.nulls_first.is_none() {
            item.options.nulls_first = Some(item.options.asc.unwrap_or(true));
        }
    }
}

/// The arguments of a call, if they are plain.
fn arguments(function: &Function) -> Option<(String, &[FunctionArg])> {
    let [part] = function.name.0.as_slice() else { return None };
    let FunctionArguments::List(list) = &function.args else { return None };
    Some((part.as_ident()?.value.to_ascii_lowercase(), &list.args))
}

fn replaced(function: &Function) -> Option<Expr> {
    let (name, given) = arguments(function)?;
    match (name.as_str(), given) {
        // the element of an array that it does not have is NULL
        ("split_part", [text, separator, position]) => {
            let parts = call(function, "string_to_array", vec![text.clone(), separator.clone()]);
            let parts = FunctionArg::Unnamed(FunctionArgExpr::Expr(parts));
            Some(call(function, "array_element", vec![parts, position.clone()]))
        }
        ("regexp_replace", [text, pattern, replacement]) => {
            let all = Expr::value(Value::SingleQuotedString("g".to_owned()));
            let all = FunctionArg::Unnamed(FunctionArgExpr::Expr(all));
            let given = vec![text.clone(), pattern.clone(), with_backslashes(replacement), all];
            Some(call(function, "regexp_replace", given))
        }
        _ => None,
    }
}

/// The replacement of a regular expression, whose groups are `$1` here, as PostgreSQL writes it.
fn with_backslashes(replacement: &FunctionArg) -> FunctionArg {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) = replacement else {
        return replacement.clone();
    };
    let Value::SingleQuotedString(text) = &value.value else { return replacement.clone() };
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match (char, chars.peek().copied()) {
            ('$', Some('$')) => {
                chars.next();
                out.push('$');
            }
            ('$', Some(digit @ '0'..='9')) => {
                chars.next();
                out.extend(['\\', digit]);
            }
            ('\\', _) => out.push_str("\\\\"),
            (char, _) => out.push(char),
        }
    }
    let text = Expr::value(Value::SingleQuotedString(out));
    FunctionArg::Unnamed(FunctionArgExpr::Expr(text))
}

/// A call of another function in the place of this one.
fn call(function: &Function, name: &str, args: Vec<FunctionArg>) -> Expr {
    let mut other = function.clone();
    other.name = ObjectName::from(vec![Ident::new(name)]);
    other.args = FunctionArguments::List(FunctionArgumentList {
        duplicate_treatment: None,
        args,
        clauses: Vec::new(),
    });
    Expr::Function(other)
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::rewrite;

    fn rewritten(text: &str) -> String {
        let mut parser = Parser::new(&GenericDialect {}).try_with_sql(text).expect("tokens");
        let mut query = parser.parse_query().expect("a query");
        rewrite(&mut query);
        query.to_string()
    }

    #[test]
    fn words_mean_what_sqlite_means() {
        for (text, expected) in [
            ("SELECT a FROM t WHERE a LIKE 'X%'", "SELECT a FROM t WHERE a ILIKE 'X%'"),
            ("SELECT a FROM t ORDER BY a", "SELECT a FROM t ORDER BY a NULLS FIRST"),
            (
                "SELECT a FROM t ORDER BY a DESC, b ASC NULLS LAST",
                "SELECT a FROM t ORDER BY a DESC NULLS LAST, b ASC NULLS LAST",
            ),
            (
                "SELECT rank() OVER (ORDER BY a) FROM t",
                "SELECT rank() OVER (ORDER BY a NULLS FIRST) FROM t",
            ),
            (
                "SELECT split_part(a, '/', -1) FROM t",
                "SELECT array_element(string_to_array(a, '/'), -1) FROM t",
            ),
            (
                "SELECT regexp_replace(a, 'b', 'c') FROM t",
                "SELECT regexp_replace(a, 'b', 'c', 'g') FROM t",
            ),
            ("SELECT upper(a) FROM t", "SELECT upper(a) FROM t"),
        ] {
            assert_eq!(rewritten(text), expected);
        }
    }
}
