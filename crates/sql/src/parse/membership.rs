//! `x = ANY (SELECT …)` is `x IN (SELECT …)`.
//!
//! Both mean the same by the SQL standard; as IN it may give the values of a parameter.

use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, VisitMut, VisitorMut};

/// Rewrites a tree.
pub(super) fn normalize(tree: &mut impl VisitMut) {
    let _done = tree.visit(&mut Membership);
}

struct Membership;

impl VisitorMut for Membership {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } = expr
            && let Expr::Subquery(subquery) = right.as_ref()
        {
            let (left, subquery) = (left.clone(), subquery.clone());
            *expr = Expr::InSubquery { expr: left, subquery, negated: false };
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn equal_to_any_is_in() {
        for (text, expected) in [
            ("SELECT a = ANY (SELECT b FROM t)", "SELECT a IN (SELECT b FROM t)"),
            ("SELECT a = SOME (SELECT b FROM t)", "SELECT a IN (SELECT b FROM t)"),
            ("SELECT a > ANY (SELECT b FROM t)", "SELECT a > ANY(SELECT b FROM t)"),
            ("SELECT a = ALL (SELECT b FROM t)", "SELECT a = ALL(SELECT b FROM t)"),
        ] {
            let parsed = crate::parse(text).expect(text).pop().expect("one");
            let crate::Statement::Query(query) = parsed.statement else { panic!("{text}") };
            let shown = query.to_string().replace("ANY (", "ANY(").replace("ALL (", "ALL(");
            assert_eq!(shown, expected);
        }
    }
}
