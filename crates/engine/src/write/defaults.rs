//! Default parameters of writes: what a statement needs, does not give, and has a default for.

use datafusion::sql::sqlparser::ast as sql;
use strataql_call::ServerVariables;
use strataql_query::resource::ResourceRef;
use strataql_spec::NoChoice;
use strataql_sql::WriteKind;

use super::method::given;
use super::statement::WriteStatement;

/// Gives a statement the defaults that it lacks: INSERT as values, the others as conditions. It stays as it is if
/// that is not enough for any method.
pub(super) fn fill(
    statement: &mut WriteStatement,
    resource: &ResourceRef,
    variables: &ServerVariables,
) {
    let choose = |statement: &WriteStatement| {
        let given = given(resource, statement);
        resource.resource().choose_write(&resource.service.schemas, &given).map(drop)
    };
    let Err(NoChoice::Lacks { missing, .. }) = choose(statement) else { return };
    let default = |name: &String| {
        let value = variables.default_of(&resource.provider, name)?;
        Some((name.clone(), value))
    };
    // what has none may be found by the others
    let defaults: Vec<_> = missing.iter().filter_map(default).collect();
    if defaults.is_empty() {
        return;
    }
    let condition = statement.condition.clone();
    if statement.kind != WriteKind::Insert {
        let all = defaults.iter().map(|(name, value)| equality(name, value));
        let own = condition.clone().map(|own| sql::Expr::Nested(Box::new(own)));
        statement.condition = own.into_iter().chain(all).reduce(both);
    }
    statement.defaulted = defaults;
    if choose(statement).is_err() {
        statement.condition = condition;
        statement.defaulted.clear();
    }
}

fn equality(name: &str, value: &str) -> sql::Expr {
    let value = sql::Value::SingleQuotedString(value.to_owned());
    sql::Expr::BinaryOp {
        left: Box::new(sql::Expr::Identifier(sql::Ident::with_quote('"', name))),
        op: sql::BinaryOperator::Eq,
        right: Box::new(sql::Expr::value(value)),
    }
}

fn both(left: sql::Expr, right: sql::Expr) -> sql::Expr {
    let (left, right) = (Box::new(left), Box::new(right));
    sql::Expr::BinaryOp { left, op: sql::BinaryOperator::And, right }
}
