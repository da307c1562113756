//! Clauses that a method takes over because its document says so (`queryParamPushdown`).
//!
//! Owns: conditions as `$filter` text, the columns that `$select` asks for, the row limit as `$top`.
//! Refuses: `orderBy`, `skip` and `count`. A service sorts NULL and text by rules that no document
//! states, so a list cut after the service's sort may lack rows of ours; sorting, skipping and counting
//! are done here.
//! Surprise: every condition that is sent is checked on the rows as well. Sending it saves transfer,
//! and the check forgives a service that gives more; so a limit is never sent beside a condition.

use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use serde::{Deserialize, Serialize};
use strataql_call::Value;
use strataql_spec::pushdown::ClausePushdown;
use strataql_spec::{ColumnType, Method};

use super::bindings::value_of;

/// What a scan adds to the query of its calls.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Clauses {
    /// Parameters with their values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pairs: Vec<(String, String)>,
    /// The parameter that takes the row limit, and the largest value it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top: Option<(String, Option<i64>)>,
}

impl Clauses {
    /// The clauses of a scan of a method: conditions that are checked on its rows, and the columns
    /// that are read.
    pub(crate) fn of(method: &Method, filters: &[String], columns: &[&str]) -> Self {
        let Some(pushdown) = &method.pushdown else { return Self::default() };
        let mut pairs = Vec::new();
        if let Some(clause) = &pushdown.filter
            && let Some((first, rest)) = filters.split_first()
        {
            let text = if !rest.is_empty() && has(&clause.operators, "and") {
                filters.join(" and ")
            } else {
                first.clone()
            };
            pairs.push((clause.param.clone(), text));
        }
        if let Some(clause) = &pushdown.select {
            let returned = method.response.columns.len();
            let all_supported = columns.iter().all(|column| has(&clause.columns, column));
            if !columns.is_empty() && columns.len() < returned && all_supported {
                let delimiter = clause.delimiter.as_deref().unwrap_or(",");
                pairs.push((clause.param.clone(), columns.join(delimiter)));
            }
        }
        // a number that also steers the pages is not touched
        let steers = |name: &str| method.paging.target().is_some_and(|target| target.name == name);
        let top = pushdown
            .top
            .as_ref()
            .filter(|clause| filters.is_empty() && !steers(&clause.param))
            .map(|clause| (clause.param.clone(), clause.max));
        Self { pairs, top }
    }

    /// The parameters of a call that ends after `limit` rows.
    pub(crate) fn with_limit(&self, limit: Option<usize>) -> Vec<(String, String)> {
        let mut pairs = self.pairs.clone();
        if let (Some((name, max)), Some(limit)) = (&self.top, limit)
            && limit > 0
            // cut down to its largest value it might end the list too early
            && max.is_none_or(|max| i64::try_from(limit).is_ok_and(|limit| limit <= max))
        {
            pairs.push((name.clone(), limit.to_string()));
        }
        pairs
    }
}

/// The condition in the method's filter language, if the method takes it.
pub(crate) fn filter(expr: &Expr, method: &Method) -> Option<String> {
    let clause = method.pushdown.as_ref()?.filter.as_ref()?;
    if clause.syntax.as_deref() != Some("odata") {
        return None;
    }
    odata(expr, clause, method)
}

/// True if the list has the name, or allows everything.
fn has(list: &[String], name: &str) -> bool {
    list.is_empty() || list.iter().any(|own| own == name || own == "*")
}

fn odata(expr: &Expr, clause: &ClausePushdown, method: &Method) -> Option<String> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let left = odata(left, clause, method)?;
            let right = odata(right, clause, method)?;
            has(&clause.operators, "or").then(|| format!("({left} or {right})"))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (left.as_ref(), right.as_ref()) {
            (Expr::Column(column), Expr::Literal(value, _)) => {
                compared(&column.name, *op, &value_of(value)?, clause, method)
            }
            (Expr::Literal(value, _), Expr::Column(column)) => {
                compared(&column.name, op.swap()?, &value_of(value)?, clause, method)
            }
            _ => None,
        },
        Expr::Column(column) => {
            compared(&column.name, Operator::Eq, &Value::Boolean(true), clause, method)
        }
        Expr::Not(inner) => match inner.as_ref() {
            Expr::Column(column) => {
                compared(&column.name, Operator::Eq, &Value::Boolean(false), clause, method)
            }
            _ => None,
        },
        Expr::InList(list) if !list.negated && has(&clause.operators, "or") => {
            let Expr::Column(column) = list.expr.as_ref() else { return None };
            let arms = list
                .list
                .iter()
                .map(|item| match item {
                    Expr::Literal(value, _) => {
                        compared(&column.name, Operator::Eq, &value_of(value)?, clause, method)
                    }
                    _ => None,
                })
                .collect::<Option<Vec<String>>>()?;
            Some(format!("({})", arms.join(" or ")))
        }
        Expr::Like(like) if !like.negated && !like.case_insensitive => {
            let (Expr::Column(column), Expr::Literal(pattern, _)) =
                (like.expr.as_ref(), like.pattern.as_ref())
            else {
                return None;
            };
            let Some(Value::Text(pattern)) = value_of(pattern) else { return None };
            let prefix = pattern.strip_suffix('%')?;
            if prefix.is_empty() || prefix.contains(['%', '_', '\\']) {
                return None;
            }
            let (wire, kind) = sent(&column.name, clause, method)?;
            (kind == ColumnType::Text && has(&clause.operators, "startswith"))
                .then(|| format!("startswith({wire},{})", quoted(prefix)))
        }
        _ => None,
    }
}

/// The column as the service names it, and its type.
fn sent<'m>(
    name: &str,
    clause: &ClausePushdown,
    method: &'m Method,
) -> Option<(&'m str, ColumnType)> {
    let column = method.column(name)?;
    (has(&clause.columns, name) || has(&clause.columns, &column.wire))
        .then_some((column.wire.as_str(), column.kind))
}

fn compared(
    name: &str,
    op: Operator,
    value: &Value,
    clause: &ClausePushdown,
    method: &Method,
) -> Option<String> {
    let word = match op {
        Operator::Eq => "eq",
        Operator::NotEq => "ne",
        Operator::Lt => "lt",
        Operator::LtEq => "le",
        Operator::Gt => "gt",
        Operator::GtEq => "ge",
        _ => return None,
    };
    let (wire, kind) = sent(name, clause, method)?;
    let is_range = !matches!(op, Operator::Eq | Operator::NotEq);
    let value = match (kind, value) {
        // text may be ordered otherwise there, or compared without case: rows would be missing
        (ColumnType::Text, Value::Text(text)) if op == Operator::Eq => quoted(text),
        (ColumnType::Integer | ColumnType::Number, Value::Integer(_) | Value::Number(_)) => {
            value.text()
        }
        (ColumnType::Boolean, Value::Boolean(_)) if !is_range => value.text(),
        _ => return None,
    };
    has(&clause.operators, word).then(|| format!("{wire} {word} {value}"))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_sent_only_where_it_cannot_cut() {
        let top = |max| Clauses { pairs: vec![], top: Some(("top".to_owned(), max)) };
        let sent = |clauses: Clauses, limit| clauses.with_limit(limit).len();
        assert_eq!(sent(top(None), Some(5)), 1);
        assert_eq!(sent(top(Some(5)), Some(5)), 1);
        assert_eq!(sent(top(Some(4)), Some(5)), 0);
        assert_eq!(sent(top(None), Some(0)), 0);
        assert_eq!(sent(top(None), None), 0);
        assert_eq!(sent(Clauses::default(), Some(5)), 0);
    }
}
