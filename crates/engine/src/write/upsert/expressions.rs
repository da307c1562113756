//! Expressions of the SELECT that finds what exists.

use datafusion::sql::sqlparser::ast as sql;

use super::super::rows::Given;

pub(super) fn qualified(relation: &str, column: &str) -> sql::Expr {
    sql::Expr::CompoundIdentifier(vec![
        sql::Ident::with_quote('"', relation),
        sql::Ident::with_quote('"', column),
    ])
}

pub(super) fn literal_true() -> sql::Expr {
    sql::Expr::Value(sql::Value::Boolean(true).into())
}

pub(super) fn number_literal(text: String) -> sql::Expr {
    sql::Expr::Value(sql::Value::Number(text, false).into())
}

pub(super) fn literal(given: &Given) -> sql::Expr {
    use strataql_call::Value;

    let value = match given {
        Given::Null => sql::Value::Null,
        Given::Value(Value::Boolean(flag)) => sql::Value::Boolean(*flag),
        Given::Value(Value::Integer(number)) => sql::Value::Number(number.to_string(), false),
        Given::Value(Value::Number(number)) => sql::Value::Number(format!("{number:?}"), false),
        Given::Value(other) => sql::Value::SingleQuotedString(other.text()),
    };
    sql::Expr::Value(value.into())
}

pub(super) fn text_of(given: &Given) -> Option<String> {
    match given {
        Given::Null => None,
        Given::Value(value) => Some(value.text()),
    }
}

pub(super) fn is_true(given: &Given) -> bool {
    *given == Given::Value(strataql_call::Value::Boolean(true))
}
