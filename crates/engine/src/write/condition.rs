//! WHERE of a write.
//!
//! Owns: which names it gives values to, which it equates with something else, and which it mentions.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast as sql;

use super::statement::Target;

/// Values of one parameter.
#[derive(Debug, Clone)]
pub(crate) struct ParamValues {
    pub(crate) name: String,
    pub(crate) values: Vec<sql::Expr>,
}

/// What names of a condition stand for.
pub(crate) struct ScopeNames<'a> {
    /// True for what is the same for all objects: parameters of the scope, options of the request.
    pub(crate) is_scope: &'a dyn Fn(&str) -> bool,
    /// True for columns of the target.
    pub(crate) is_column: &'a dyn Fn(&str) -> bool,
}

/// AND-ed parts of a condition.
pub(crate) fn conjuncts(condition: &sql::Expr) -> Vec<&sql::Expr> {
    split(condition, &sql::BinaryOperator::And)
}

fn split<'e>(condition: &'e sql::Expr, by: &sql::BinaryOperator) -> Vec<&'e sql::Expr> {
    match condition {
        sql::Expr::BinaryOp { left, op, right } if op == by => {
            let mut all = split(left, by);
            all.extend(split(right, by));
            all
        }
        sql::Expr::Nested(inner) => split(inner, by),
        other => vec![other],
    }
}

/// The names of the target's columns in expressions: bare, or behind the name of the target.
pub(crate) struct Scope {
    alias: String,
}

impl Scope {
    /// The scope of the resource that is written.
    pub(crate) fn of(target: &Target) -> Self {
        Self { alias: target.shown_as() }
    }

    /// `p = constant` or `p IN (constants)`, either way round.
    pub(crate) fn values(&self, part: &sql::Expr) -> Option<ParamValues> {
        let (name, values) = self.compared(part)?;
        let is_list = values.iter().all(|value| is_constant(value));
        is_list.then(|| ParamValues { name, values: values.into_iter().cloned().collect() })
    }

    /// A column of the target, and what it equals: one expression, or one of several.
    pub(crate) fn compared<'e>(&self, part: &'e sql::Expr) -> Option<(String, Vec<&'e sql::Expr>)> {
        match part {
            sql::Expr::Nested(inner) => self.compared(inner),
            sql::Expr::BinaryOp { left, op: sql::BinaryOperator::Eq, right } => {
                let of = |column: &sql::Expr, value: &'e sql::Expr| {
                    let name = self.column(column)?;
                    self.is_given(value).then(|| (name, vec![value]))
                };
                of(left, right).or_else(|| of(right, left))
            }
            sql::Expr::InList { expr, list, negated: false }
                if list.iter().all(|value| self.is_given(value)) =>
            {
                Some((self.column(expr)?, list.iter().collect()))
            }
            _ => None,
        }
    }

    /// The columns that a condition equates with anything, also with one of several things, in every row
    /// that it holds for.
    pub(crate) fn equated(&self, part: &sql::Expr) -> BTreeSet<String> {
        if let Some((name, _)) = self.compared(part) {
            return BTreeSet::from([name]);
        }
        let column = match part {
            sql::Expr::Nested(inner) => return self.equated(inner),
            sql::Expr::BinaryOp { op: sql::BinaryOperator::And, .. } => {
                return conjuncts(part).into_iter().flat_map(|one| self.equated(one)).collect();
            }
            sql::Expr::BinaryOp { op: sql::BinaryOperator::Or, .. } => {
                let arms = split(part, &sql::BinaryOperator::Or);
                let all = arms.into_iter().map(|arm| self.equated(arm));
                return all.reduce(|all, arm| &all & &arm).unwrap_or_default();
            }
            sql::Expr::BinaryOp { left, op: sql::BinaryOperator::Eq, right } => {
                let column = self.column(left).or_else(|| self.column(right));
                column.filter(|_| !self.is_same(left, right))
            }
            sql::Expr::InSubquery { expr, negated: false, .. } => self.column(expr),
            sql::Expr::AnyOp { left, compare_op: sql::BinaryOperator::Eq, .. } => self.column(left),
            _ => None,
        };
        column.into_iter().collect()
    }

    /// True if a condition picks some objects of a scope: it can be false for one of them. Not decided by
    /// values: `id LIKE '%'` picks.
    pub(crate) fn picks(&self, condition: &sql::Expr, names: &ScopeNames<'_>) -> bool {
        self.picks_unless(condition, names, false)
    }

    fn picks_unless(&self, condition: &sql::Expr, names: &ScopeNames<'_>, negated: bool) -> bool {
        use sql::BinaryOperator as Op;

        let picks = |part: &sql::Expr| self.picks_unless(part, names, negated);
        match condition {
            sql::Expr::Nested(inner) => picks(inner),
            sql::Expr::UnaryOp { op: sql::UnaryOperator::Not, expr } => {
                self.picks_unless(expr, names, !negated)
            }
            sql::Expr::BinaryOp { left, op: op @ (Op::And | Op::Or), right } => {
                // under NOT they change places
                if (*op == Op::And) == negated {
                    picks(left) && picks(right)
                } else {
                    picks(left) || picks(right)
                }
            }
            sql::Expr::BinaryOp { left, op: Op::Eq | Op::GtEq | Op::LtEq, right }
            | sql::Expr::IsNotDistinctFrom(left, right)
                if self.is_same(left, right) =>
            {
                negated
            }
            sql::Expr::BinaryOp { left, op: Op::NotEq | Op::Gt | Op::Lt, right }
            | sql::Expr::IsDistinctFrom(left, right)
                if self.is_same(left, right) =>
            {
                !negated
            }
            sql::Expr::Value(value) => match value.value {
                sql::Value::Boolean(value) => value == negated,
                _ => matches!(value.value, sql::Value::Null),
            },
            sql::Expr::BinaryOp { left, op: Op::Eq, right }
                if is_literal(left) && is_literal(right) =>
            {
                !negated
            }
            part => mentions_more(part, names),
        }
    }

    /// True for two constants, or two ways to write the same column.
    fn is_same(&self, left: &sql::Expr, right: &sql::Expr) -> bool {
        match (self.column(left), self.column(right)) {
            (Some(left), Some(right)) => left == right,
            (None, None) => left == right,
            _ => false,
        }
    }

    /// Every column that a condition mentions and that may be the target's.
    pub(crate) fn mentioned(&self, condition: &sql::Expr) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let _done = sql::visit_expressions(condition, |part: &sql::Expr| {
            match part {
                sql::Expr::Identifier(ident) => {
                    names.insert(ident.value.clone());
                }
                sql::Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                    [first, second, ..] if self.is_alias(first) => {
                        names.insert(second.value.clone());
                    }
                    // a path into a column; a column of another relation is nobody's here
                    [first, ..] => {
                        names.insert(first.value.clone());
                    }
                    [] => {}
                },
                _ => {}
            }
            ControlFlow::<()>::Continue(())
        });
        names
    }

    /// True for a value that does not come from the target's own row: a constant, a column of another
    /// relation, a subquery.
    fn is_given(&self, value: &sql::Expr) -> bool {
        if matches!(value, sql::Expr::Subquery(_)) {
            return true;
        }
        let found = sql::visit_expressions(value, |part: &sql::Expr| match part {
            sql::Expr::Identifier(_) => ControlFlow::Break(()),
            sql::Expr::CompoundIdentifier(parts)
                if parts.first().is_some_and(|first| self.is_alias(first)) =>
            {
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        });
        found.is_continue()
    }

    fn is_alias(&self, ident: &sql::Ident) -> bool {
        ident.value.eq_ignore_ascii_case(&self.alias)
    }

    fn column(&self, expr: &sql::Expr) -> Option<String> {
        match expr {
            sql::Expr::Identifier(ident) => Some(ident.value.clone()),
            sql::Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [first, second] if self.is_alias(first) => Some(second.value.clone()),
                _ => None,
            },
            sql::Expr::Nested(inner) => self.column(inner),
            _ => None,
        }
    }
}

/// True if an expression names more than the scope, or reads something.
fn mentions_more(part: &sql::Expr, names: &ScopeNames<'_>) -> bool {
    let found = sql::visit_expressions(part, |inner: &sql::Expr| match inner {
        sql::Expr::Identifier(name) if !(names.is_scope)(&name.value) => ControlFlow::Break(()),
        sql::Expr::CompoundIdentifier(path)
            if path.last().is_none_or(|last| !(names.is_scope)(&last.value))
                || path.first().is_some_and(|first| (names.is_column)(&first.value)) =>
        {
            ControlFlow::Break(())
        }
        sql::Expr::CompoundFieldAccess { .. }
        | sql::Expr::Subquery(_)
        | sql::Expr::InSubquery { .. }
        | sql::Expr::Exists { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// True for a number or a text as it is written: two that differ are taken for two values.
fn is_literal(expr: &sql::Expr) -> bool {
    matches!(expr, sql::Expr::Value(value) if matches!(
        value.value,
        sql::Value::Number(..) | sql::Value::SingleQuotedString(_)
    ))
}

/// The constant that the condition gives to a parameter of all rows.
pub(crate) fn only_value(scope: &Scope, condition: &sql::Expr, name: &str) -> Option<sql::Expr> {
    conjuncts(condition).into_iter().find_map(|part| {
        let mut found = scope.values(part).filter(|found| found.name == name)?.values;
        let value = found.pop()?;
        found.is_empty().then_some(value)
    })
}

/// True for expressions that name no column and read nothing.
pub(crate) fn is_constant(expr: &sql::Expr) -> bool {
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

/// The values of each name, if the condition is nothing else, names each once, and each is taken.
pub(crate) fn only_values(
    scope: &Scope,
    condition: &sql::Expr,
    takes: &dyn Fn(&str) -> bool,
) -> Option<Vec<ParamValues>> {
    let mut all: Vec<ParamValues> = Vec::new();
    for part in conjuncts(condition) {
        let found = scope.values(part).filter(|found| takes(&found.name))?;
        if all.iter().any(|other| other.name == found.name) {
            return None;
        }
        all.push(found);
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(text: &str) -> sql::Expr {
        let sql = format!("SELECT 1 FROM t WHERE {text}");
        let parsed = strataql_sql::parse(&sql).expect("valid").remove(0);
        let strataql_sql::Statement::Query(query) = parsed.statement else { panic!("no query") };
        let sql::SetExpr::Select(select) = *query.body else { panic!("no SELECT") };
        select.selection.expect("a condition")
    }

    fn scope() -> Scope {
        Scope { alias: "m".to_owned() }
    }

    #[test]
    fn columns_of_other_relations_name_nothing_here() {
        let constants = |text: &str| {
            let condition = condition(text);
            let names = conjuncts(&condition).into_iter().filter_map(|part| scope().values(part));
            names.map(|values| values.name).collect::<Vec<_>>().join(",")
        };
        assert_eq!(constants("a = 1 AND (b IN ('x', 'y')) AND 2 = c"), "a,b,c");
        assert_eq!(constants("m.a = 1 AND v.b = 2 AND M.c = lower('X')"), "a,c");
        assert_eq!(constants("a = v.b AND b = c AND d > 1 AND NOT e = 1 AND f = NULL"), "f");
        // a path into a column is no parameter
        assert_eq!(constants("spec.cpus = 4"), "");
    }

    #[test]
    fn what_is_equated_may_come_from_anywhere() {
        let equated = |text: &str| {
            let condition = condition(text);
            let names = conjuncts(&condition).into_iter().flat_map(|part| scope().equated(part));
            names.collect::<Vec<_>>().join(",")
        };
        assert_eq!(equated("a = 1 AND m.b = v.x AND c IN (SELECT x FROM v)"), "a,b,c");
        assert_eq!(equated("(a = 1 OR a = 2) AND (b = 1 OR c = 2)"), "a");
        assert_eq!(equated("a = a AND m.b = b AND c = d"), "c");
        assert_eq!(equated("a = (SELECT max(x) FROM v) AND b NOT IN (1) AND c < 2"), "a");
    }

    #[test]
    fn every_name_is_mentioned_once() {
        let mentioned = |text: &str| {
            let names: Vec<String> = scope().mentioned(&condition(text)).into_iter().collect();
            names.join(",")
        };
        assert_eq!(mentioned("a = 1 AND m.b > a OR upper(c) LIKE 'x%'"), "a,b,c");
        assert_eq!(mentioned("spec.cpus = 4 AND v.id = m.id"), "id,spec,v");
    }

    #[test]
    fn a_condition_that_holds_for_all_picks_none() {
        let picks = |text: &str| {
            let is_scope = |name: &str| name == "org";
            let is_column = |name: &str| ["id", "n", "tags"].contains(&name);
            let names = ScopeNames { is_scope: &is_scope, is_column: &is_column };
            scope().picks(&condition(text), &names)
        };
        for text in [
            "org = 'o'",
            "org = 'o' AND 1 = 1",
            "id = 'a' OR true",
            "id = 'a' OR 1 = 1",
            "id = 'a' OR org = 'o'",
            "org = 'o' AND (id = 'a' OR NOT false)",
            "id = id",
            "m.id = id AND org = 'o'",
            "NOT (id <> id)",
            "id IS NOT DISTINCT FROM m.id",
            "NOT (id = 'a' AND false)",
            "org = v.org",
        ] {
            assert!(!picks(text), "{text}");
        }
        for text in [
            "id = 'a'",
            "org = 'o' AND (id = 'a' OR n > 1)",
            "id = 'a' OR false",
            "id = 'a' OR 1 = 2",
            "NOT (id = 'a' OR n = 1)",
            "id <> id",
            "id = n",
            "tags.org = 'o'",
            "org = 'o' AND EXISTS (SELECT 1)",
        ] {
            assert!(picks(text), "{text}");
        }
    }

    #[test]
    fn only_values_names_each_thing_once() {
        let only = |text: &str| {
            let found = only_values(&scope(), &condition(text), &|name| name != "x")?;
            Some(found.into_iter().map(|values| values.name).collect::<Vec<_>>().join(","))
        };
        assert_eq!(only("a = 1 AND b IN (1, 2)").as_deref(), Some("a,b"));
        assert_eq!(only("a = 1 AND a = 2"), None);
        assert_eq!(only("a = 1 AND x = 2"), None);
        assert_eq!(only("a = 1 OR b = 2"), None);
    }
}
