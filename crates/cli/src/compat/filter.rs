//! WHERE of SHOW.

use strataql_compat::layout::Table;
use strataql_sql::sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value};
use strataql_sql::sqlparser::dialect::GenericDialect;
use strataql_sql::sqlparser::parser::Parser;

/// Keeps the rows that fit a condition.
///
/// # Errors
/// The message for a column that is not there, or a condition of another form.
pub(super) fn apply(table: &mut Table, condition: &str) -> Result<(), String> {
    let parsed = Parser::new(&GenericDialect {})
        .try_with_sql(condition)
        .and_then(|mut parser| parser.parse_expr())
        .map_err(|error| error.to_string())?;
    let labels = table.labels.clone();
    let mut failure = None;
    table.rows.retain(|row| match fits(&parsed, &labels, row) {
        Ok(fits) => fits,
        Err(message) => {
            failure.get_or_insert(message);
            false
        }
    });
    if table.rows.is_empty() && failure.is_none() {
        // names are checked without rows, too
        let none = vec![None; labels.len()];
        fits(&parsed, &labels, &none)?;
    }
    failure.map_or(Ok(()), Err)
}

fn fits(expr: &Expr, labels: &[String], row: &[Option<String>]) -> Result<bool, String> {
    let truth = |expr: &Expr| fits(expr, labels, row);
    match expr {
        Expr::Nested(inner) => truth(inner),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => truth(expr).map(|fits| !fits),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => Ok(truth(left)? & truth(right)?),
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => Ok(truth(left)? | truth(right)?),
        Expr::BinaryOp { left, op, right } => {
            let (left, right) = (cell(left, labels, row)?, cell(right, labels, row)?);
            let (Some(left), Some(right)) = (left, right) else { return Ok(false) };
            Ok(match op {
                BinaryOperator::Eq => left == right,
                BinaryOperator::NotEq => left != right,
                BinaryOperator::Lt => left < right,
                BinaryOperator::LtEq => left <= right,
                BinaryOperator::Gt => left > right,
                BinaryOperator::GtEq => left >= right,
                other => return Err(format!("SHOW does not take the operator '{other}'")),
            })
        }
        Expr::Like { negated, expr, pattern, .. } | Expr::ILike { negated, expr, pattern, .. } => {
            let (text, pattern) = (cell(expr, labels, row)?, cell(pattern, labels, row)?);
            let (Some(text), Some(pattern)) = (text, pattern) else { return Ok(false) };
            Ok(strataql_compat::shapes::is_like(&text, &pattern) != *negated)
        }
        other => Err(format!("SHOW does not take the condition '{other}'")),
    }
}

fn cell(expr: &Expr, labels: &[String], row: &[Option<String>]) -> Result<Option<String>, String> {
    match expr {
        Expr::Identifier(name) => labels
            .iter()
            .position(|label| *label == name.value)
            .map(|at| row[at].clone())
            .ok_or_else(|| format!("col name = '{}' not found in table name = ''", name.value)),
        Expr::Value(value) => Ok(match &value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            Value::Number(number, _) => Some(number.clone()),
            Value::Boolean(flag) => Some(flag.to_string()),
            _ => None,
        }),
        other => Err(format!("SHOW does not compare '{other}'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(condition: &str) -> Result<usize, String> {
        let rows = [vec!["a", "SELECT"], vec!["b", "INSERT"], vec!["ab", "EXEC"]];
        let mut table = Table::of(&["MethodName", "SQLVerb"], rows);
        apply(&mut table, condition).map(|()| table.rows.len())
    }

    #[test]
    fn conditions_keep_rows() {
        for (condition, rows) in [
            ("MethodName = 'a'", 1),
            ("MethodName like 'a%' and SQLVerb != 'EXEC'", 1),
            ("SQLVerb = 'EXEC' or (MethodName = 'b')", 2),
            ("not MethodName like '%b'", 1),
            ("MethodName > 'aa'", 2),
        ] {
            assert_eq!(kept(condition), Ok(rows), "{condition}");
        }
        assert_eq!(
            kept("x = 'a'").expect_err("no column"),
            "col name = 'x' not found in table name = ''"
        );
        assert!(kept("upper(MethodName) = 'A'").is_err());
    }
}
