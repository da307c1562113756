//! WHERE of a write.
//!
//! Owns: telling a condition that is nothing but values of the method's parameters from any other.

use datafusion::sql::sqlparser::ast as sql;
use strataql_spec::Method;

/// Values of one parameter.
#[derive(Debug, Clone)]
pub(crate) struct ParamValues {
    pub(crate) name: String,
    pub(crate) values: Vec<sql::Expr>,
}

/// AND-ed parts of a condition.
pub(crate) fn conjuncts(condition: &sql::Expr) -> Vec<&sql::Expr> {
    match condition {
        sql::Expr::BinaryOp { left, op: sql::BinaryOperator::And, right } => {
            let mut all = conjuncts(left);
            all.extend(conjuncts(right));
            all
        }
        sql::Expr::Nested(inner) => conjuncts(inner),
        other => vec![other],
    }
}

/// Names that the condition gives values to, in whatever shape.
pub(crate) fn names(condition: Option<&sql::Expr>) -> Vec<String> {
    condition
        .map(conjuncts)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|part| values(part).map(|values| values.name))
        .collect()
}

/// The constant that the condition gives to a parameter of all rows.
pub(crate) fn only_value(condition: &sql::Expr, name: &str) -> Option<sql::Expr> {
    conjuncts(condition).into_iter().find_map(|part| {
        let mut found = values(part).filter(|found| found.name == name)?.values;
        let value = found.pop()?;
        found.is_empty().then_some(value)
    })
}

/// `p = constant` or `p IN (constants)`, either way round.
pub(crate) fn values(part: &sql::Expr) -> Option<ParamValues> {
    match part {
        sql::Expr::Nested(inner) => values(inner),
        sql::Expr::BinaryOp { left, op: sql::BinaryOperator::Eq, right } => {
            [(left, right), (right, left)].into_iter().find_map(|(column, value)| {
                let name = column_name(column)?;
                is_constant(value)
                    .then(|| ParamValues { name, values: vec![value.as_ref().clone()] })
            })
        }
        sql::Expr::InList { expr, list, negated: false } if list.iter().all(is_constant) => {
            Some(ParamValues { name: column_name(expr)?, values: list.clone() })
        }
        _ => None,
    }
}

fn column_name(expr: &sql::Expr) -> Option<String> {
    match expr {
        sql::Expr::Identifier(ident) => Some(ident.value.clone()),
        sql::Expr::CompoundIdentifier(parts) if parts.len() == 2 => {
            parts.last().map(|part| part.value.clone())
        }
        sql::Expr::Nested(inner) => column_name(inner),
        _ => None,
    }
}

/// True for expressions that name no column and read nothing.
pub(crate) fn is_constant(expr: &sql::Expr) -> bool {
    use std::ops::ControlFlow;

    let found = sql::visit_expressions(expr, |inner: &sql::Expr| match inner {
        sql::Expr::Identifier(_)
        | sql::Expr::CompoundIdentifier(_)
        | sql::Expr::CompoundFieldAccess { .. }
        | sql::Expr::Subquery(_)
        | sql::Expr::InSubquery { .. }
        | sql::Expr::Exists { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_continue()
}

/// The values of each parameter, if the condition is nothing else and gives every required one.
///
/// `known` tells which parameters have values from elsewhere (settings).
pub(crate) fn parameters(
    condition: &sql::Expr,
    method: &Method,
    known: &dyn Fn(&str) -> bool,
) -> Option<Vec<ParamValues>> {
    let mut all: Vec<ParamValues> = Vec::new();
    for part in conjuncts(condition) {
        let found = values(part)?;
        let param = method.param(&found.name)?;
        if all.iter().any(|other| other.name == found.name) || param.name != found.name {
            return None;
        }
        all.push(found);
    }
    let complete = method
        .required_params()
        .all(|param| known(&param.name) || all.iter().any(|found| found.name == param.name));
    complete.then_some(all)
}
