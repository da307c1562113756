//! Conditions of a SELECT that can reach into a view: `p = v`, `p IN (…)`, and keys of joins.
//!
//! Owns: reading them from the tree, and building the same condition on another column.

use std::collections::BTreeMap;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Value,
};

/// What is known of a parameter's value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ParameterSource {
    /// Constants.
    Values(Vec<Expr>),
    /// Something that is known only while rows flow: a join key, a subquery.
    Fed,
}

/// Values by lower-case parameter name.
pub(super) type Givens = BTreeMap<String, ParameterSource>;

/// A condition on one column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condition {
    /// The names before the column.
    pub(super) qualifier: Vec<String>,
    /// The column.
    pub(super) column: Ident,
    pub(super) given: ParameterSource,
}

impl Condition {
    /// The column in lower case.
    pub(super) fn key(&self) -> String {
        self.column.value.to_lowercase()
    }
}

/// The AND-ed parts of a condition.
pub(super) fn split(expr: Expr) -> Vec<Expr> {
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            let mut parts = split(*left);
            parts.extend(split(*right));
            parts
        }
        Expr::Nested(inner) if is_and(&inner) => split(*inner),
        other => vec![other],
    }
}

fn is_and(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryOp { op: BinaryOperator::And, .. } => true,
        Expr::Nested(inner) => is_and(inner),
        _ => false,
    }
}

/// Parts joined by AND; `None` for no parts. Many parts make a balanced tree: one that is as deep as the
/// list is long would overflow the stack.
pub(super) fn join(parts: Vec<Expr>) -> Option<Expr> {
    let and = |left, right| Expr::BinaryOp {
        left: Box::new(bracketed(left)),
        op: BinaryOperator::And,
        right: Box::new(bracketed(right)),
    };
    let mut level = parts;
    while level.len() > 16 {
        let mut next = Vec::with_capacity(level.len().div_ceil(2));
        let mut parts = level.into_iter();
        while let Some(left) = parts.next() {
            next.push(match parts.next() {
                Some(right) => and(left, right),
                None => left,
            });
        }
        level = next;
    }
    level.into_iter().reduce(and)
}

fn bracketed(expr: Expr) -> Expr {
    match expr {
        Expr::BinaryOp { op: BinaryOperator::Or, .. } => Expr::Nested(Box::new(expr)),
        other => other,
    }
}

/// The conditions that an AND-ed part states: none, one, or two for `a.p = b.p`.
pub(super) fn read(part: &Expr) -> Vec<Condition> {
    match part {
        Expr::Nested(inner) => read(inner),
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
            let side = |column: &Expr, value: &Expr| {
                let given = if is_constant(value) {
                    ParameterSource::Values(vec![value.clone()])
                } else {
                    ParameterSource::Fed
                };
                let (qualifier, column) = column_of(column)?;
                Some(Condition { qualifier, column, given })
            };
            [side(left, right), side(right, left)].into_iter().flatten().collect()
        }
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
            either(read(left), read(right)).into_iter().collect()
        }
        Expr::InList { expr, list, negated: false } => {
            let Some((qualifier, column)) = column_of(expr) else { return Vec::new() };
            let given = if list.iter().all(is_constant) {
                ParameterSource::Values(list.clone())
            } else {
                ParameterSource::Fed
            };
            vec![Condition { qualifier, column, given }]
        }
        Expr::InSubquery { expr, negated: false, .. } => column_of(expr)
            .map(|(qualifier, column)| Condition { qualifier, column, given: ParameterSource::Fed })
            .into_iter()
            .collect(),
        _ => Vec::new(),
    }
}

/// `p = 'a' OR p = 'b'` is `p IN ('a', 'b')`.
fn either(left: Vec<Condition>, right: Vec<Condition>) -> Option<Condition> {
    let ([left], [right]) = (left.as_slice(), right.as_slice()) else { return None };
    let same = left.qualifier == right.qualifier && left.key() == right.key();
    match (&left.given, &right.given) {
        (ParameterSource::Values(some), ParameterSource::Values(more)) if same => {
            let values = some.iter().chain(more).cloned().collect();
            Some(Condition { given: ParameterSource::Values(values), ..left.clone() })
        }
        _ => None,
    }
}

/// The qualifier and name of a column.
fn column_of(expr: &Expr) -> Option<(Vec<String>, Ident)> {
    match expr {
        Expr::Identifier(ident) => Some((Vec::new(), ident.clone())),
        Expr::CompoundIdentifier(parts) => {
            let (last, rest) = parts.split_last()?;
            Some((rest.iter().map(|part| part.value.clone()).collect(), last.clone()))
        }
        Expr::Nested(inner) => column_of(inner),
        _ => None,
    }
}

/// Functions whose value differs from call to call.
const VOLATILE: &[&str] = &["random", "rand", "uuid", "uuidv4", "gen_random_uuid"];

/// True if an expression reads no column and gives the same value each time.
pub(super) fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => !matches!(value.value, Value::Null),
        Expr::TypedString(_) => true,
        Expr::Nested(inner)
        | Expr::UnaryOp { expr: inner, .. }
        | Expr::Cast { expr: inner, .. } => is_constant(inner),
        Expr::BinaryOp { left, right, .. } => is_constant(left) && is_constant(right),
        Expr::Function(function) => {
            let name = function.name.to_string().to_lowercase();
            let FunctionArguments::List(list) = &function.args else { return false };
            function.over.is_none()
                && !VOLATILE.contains(&name.as_str())
                && list.args.iter().all(|arg| match arg {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => is_constant(expr),
                    _ => false,
                })
        }
        _ => false,
    }
}

/// `column = value` or `column IN (values)`.
pub(super) fn condition(column: Expr, values: &[Expr]) -> Expr {
    match values {
        [one] => Expr::BinaryOp {
            left: Box::new(column),
            op: BinaryOperator::Eq,
            right: Box::new(one.clone()),
        },
        several => Expr::InList { expr: Box::new(column), list: several.to_vec(), negated: false },
    }
}

/// A column as an expression; its names are taken as they are.
pub(super) fn column(qualifier: &[String], name: &str) -> Expr {
    let ident = |part: &String| Ident::with_quote('"', part.clone());
    let mut parts: Vec<Ident> = qualifier.iter().map(ident).collect();
    parts.push(ident(&name.to_owned()));
    if parts.len() == 1 {
        Expr::Identifier(parts.remove(0))
    } else {
        Expr::CompoundIdentifier(parts)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn parsed(text: &str) -> Expr {
        let dialect = GenericDialect {};
        Parser::new(&dialect).try_with_sql(text).and_then(|mut p| p.parse_expr()).expect("parses")
    }

    fn shown(text: &str) -> Vec<String> {
        split(parsed(text))
            .iter()
            .flat_map(read)
            .map(|condition| {
                let given = match &condition.given {
                    ParameterSource::Fed => "fed".to_owned(),
                    ParameterSource::Values(values) => {
                        values.iter().map(ToString::to_string).collect::<Vec<_>>().join("|")
                    }
                };
                format!("{}{}:{given}", condition.qualifier.concat(), condition.column.value)
            })
            .collect()
    }

    #[test]
    fn reads_equalities_lists_and_keys() {
        assert_eq!(shown("a = 'x' AND (v.b IN (1, 2) AND 'y' = c)"), ["a:'x'", "vb:1|2", "c:'y'"]);
        assert_eq!(shown("a = 'x' OR a = lower('Y')"), ["a:'x'|lower('Y')"]);
        assert_eq!(shown("v.p = t.q"), ["vp:fed", "tq:fed"]);
        assert_eq!(shown("p IN (SELECT q FROM t)"), ["p:fed"]);
        assert_eq!(shown("p = random()"), ["p:fed"]);
        assert!(shown("p <> 'x' AND p NOT IN ('y') AND (p = 'x' OR q = 'y')").is_empty());
    }

    #[test]
    fn joined_parts_keep_their_meaning() {
        let parts = split(parsed("(a = 1 OR b = 2) AND c = 3"));
        assert_eq!(
            join(parts).map(|expr| expr.to_string()),
            Some("(a = 1 OR b = 2) AND c = 3".into())
        );
    }
}
