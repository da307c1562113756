//! Expressions of the SELECT that finds what exists.

use datafusion::sql::sqlparser::ast as sql;

use super::super::cells::CellValue;

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

pub(super) fn literal(given: &CellValue) -> sql::Expr {
    use strataql_call::Value;

    let value = match given {
        CellValue::Null => sql::Value::Null,
        CellValue::Value(Value::Boolean(flag)) => sql::Value::Boolean(*flag),
        CellValue::Value(Value::Integer(number)) => sql::Value::Number(number.to_string(), false),
        CellValue::Value(Value::Number(number)) => sql::Value::Number(format!("{number:?}"), false),
        CellValue::Value(other) => sql::Value::SingleQuotedString(other.text()),
    };
    sql::Expr::Value(value.into())
}

pub(super) fn text_of(given: &CellValue) -> Option<String> {
    match given {
        CellValue::Null => None,
        CellValue::Value(value) => Some(value.text()),
    }
}

pub(super) fn is_true(given: &CellValue) -> bool {
    *given == CellValue::Value(strataql_call::Value::Boolean(true))
}
