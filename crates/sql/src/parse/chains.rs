//! Long chains of operators.
//!
//! `a AND b AND c` is parsed into a tree that is as deep as it is long. Chains of AND, OR, UNION and
//! INTERSECT become balanced trees, in which the order of the operands is the same.
//! Refuses: other chains that are longer than a limit; their operators cannot be regrouped.
//! Surprise: it is the first that visits a tree, since nothing else may meet a deep one.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, Query, SetExpr, SetOperator, SetQuantifier, VisitMut, VisitorMut,
};

/// Chains of this many operands remain as they are.
const SHORT: usize = 16;

/// Maximum length of a chain that cannot be balanced.
const MAX_CHAIN: usize = 1_000;

/// Balances the chains of a statement or condition.
///
/// # Errors
/// The length of a chain that is too long.
pub(super) fn balance(tree: &mut impl VisitMut) -> Result<(), usize> {
    match tree.visit(&mut Balancer) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(length) => Err(length),
    }
}

struct Balancer;

impl VisitorMut for Balancer {
    type Break = usize;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<usize> {
        set_operations(&mut query.body)
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<usize> {
        if let Expr::BinaryOp { op: op @ (BinaryOperator::And | BinaryOperator::Or), .. } = expr {
            let op = op.clone();
            if conditions(expr, &op) > SHORT {
                let mut operands = Vec::new();
                let mut rest = take(expr);
                rest = loop {
                    match rest {
                        Expr::BinaryOp { left, op: own, right } if own == op => {
                            operands.push(*right);
                            rest = *left;
                        }
                        first => break first,
                    }
                };
                operands.push(rest);
                operands.reverse();
                let joined = |left, right| Expr::BinaryOp {
                    left: Box::new(left),
                    op: op.clone(),
                    right: Box::new(right),
                };
                if let Some(balanced) = balanced(operands, &joined) {
                    *expr = balanced;
                }
            }
        }
        let length = length(expr);
        if length > MAX_CHAIN {
            // its drop would be as deep as the chain
            while let Some(inner) = first_operand_mut(expr) {
                let inner = take(inner);
                *expr = inner;
            }
            return ControlFlow::Break(length);
        }
        ControlFlow::Continue(())
    }
}

fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, super::precedence::nothing())
}

/// The number of conditions that are joined by the operator.
fn conditions(expr: &Expr, op: &BinaryOperator) -> usize {
    let mut length = 1;
    let mut rest = expr;
    while let Expr::BinaryOp { left, op: own, .. } = rest
        && own == op
    {
        length += 1;
        rest = left;
    }
    length
}

/// The number of operators on the way to the first operand of a chain, or of steps of a path.
fn length(expr: &Expr) -> usize {
    let mut length = 0;
    let mut rest = expr;
    while let Some(inner) = first_operand(rest) {
        length += 1;
        rest = inner;
    }
    match expr {
        Expr::CompoundFieldAccess { access_chain, .. } => length.max(access_chain.len()),
        Expr::CompoundIdentifier(parts) => parts.len(),
        _ => length,
    }
}

/// The first operand of what is parsed without recursion.
fn first_operand(expr: &Expr) -> Option<&Expr> {
    Some(match expr {
        Expr::BinaryOp { left, .. } => left,
        Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsUnknown(inner)
        | Expr::IsNotUnknown(inner)
        | Expr::IsDistinctFrom(inner, _)
        | Expr::IsNotDistinctFrom(inner, _) => inner,
        Expr::Cast { expr, .. }
        | Expr::Collate { expr, .. }
        | Expr::InList { expr, .. }
        | Expr::InSubquery { expr, .. }
        | Expr::Between { expr, .. }
        | Expr::Like { expr, .. }
        | Expr::ILike { expr, .. }
        | Expr::SimilarTo { expr, .. }
        | Expr::RLike { expr, .. } => expr,
        Expr::AtTimeZone { timestamp, .. } => timestamp,
        Expr::CompoundFieldAccess { root, .. } => root,
        Expr::JsonAccess { value, .. } => value,
        _ => return None,
    })
}

fn first_operand_mut(expr: &mut Expr) -> Option<&mut Expr> {
    Some(match expr {
        Expr::BinaryOp { left, .. } => left,
        Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsUnknown(inner)
        | Expr::IsNotUnknown(inner)
        | Expr::IsDistinctFrom(inner, _)
        | Expr::IsNotDistinctFrom(inner, _) => inner,
        Expr::Cast { expr, .. }
        | Expr::Collate { expr, .. }
        | Expr::InList { expr, .. }
        | Expr::InSubquery { expr, .. }
        | Expr::Between { expr, .. }
        | Expr::Like { expr, .. }
        | Expr::ILike { expr, .. }
        | Expr::SimilarTo { expr, .. }
        | Expr::RLike { expr, .. } => expr,
        Expr::AtTimeZone { timestamp, .. } => timestamp,
        Expr::CompoundFieldAccess { root, .. } => root,
        Expr::JsonAccess { value, .. } => value,
        _ => return None,
    })
}

fn set_operations(body: &mut SetExpr) -> ControlFlow<usize> {
    let SetExpr::SetOperation { op, set_quantifier, .. } = body else {
        return ControlFlow::Continue(());
    };
    let (op, quantifier) = (*op, *set_quantifier);
    let mut arms = Vec::new();
    let mut rest = std::mem::replace(body, nothing());
    // the operands of one operator, from the last to the first
    rest = loop {
        match rest {
            SetExpr::SetOperation { left, op: own, set_quantifier: own_quantifier, right }
                if own == op && own_quantifier == quantifier =>
            {
                arms.push(*right);
                rest = *left;
            }
            first => break first,
        }
    };
    arms.push(rest);
    arms.reverse();
    let joined = |left, right| SetExpr::SetOperation {
        left: Box::new(left),
        op,
        set_quantifier: quantifier,
        right: Box::new(right),
    };
    let is_associative = matches!(
        (op, quantifier),
        (SetOperator::Union, SetQuantifier::All | SetQuantifier::Distinct | SetQuantifier::None)
            | (SetOperator::Intersect, SetQuantifier::Distinct | SetQuantifier::None)
    );
    let length = arms.len();
    if !is_associative && length > MAX_CHAIN {
        return ControlFlow::Break(length);
    }
    for arm in &mut arms {
        set_operations(arm)?;
    }
    let whole = if is_associative && length > SHORT {
        balanced(arms, &joined)
    } else {
        arms.into_iter().reduce(joined)
    };
    if let Some(whole) = whole {
        *body = whole;
    }
    ControlFlow::Continue(())
}

fn nothing() -> SetExpr {
    SetExpr::Values(sqlparser::ast::Values {
        explicit_row: false,
        value_keyword: false,
        rows: vec![],
    })
}

/// The operands as a tree of the least depth.
fn balanced<T>(operands: Vec<T>, joined: &impl Fn(T, T) -> T) -> Option<T> {
    let mut level = operands;
    while level.len() > 1 {
        let mut next = Vec::with_capacity(level.len().div_ceil(2));
        let mut operands = level.into_iter();
        while let Some(left) = operands.next() {
            next.push(match operands.next() {
                Some(right) => joined(left, right),
                None => left,
            });
        }
        level = next;
    }
    level.pop()
}

#[cfg(test)]
mod tests {
    use sqlparser::ast::{Expr, SetExpr};

    use crate::Statement;

    const LONG: usize = 10_000;

    fn body(text: &str) -> SetExpr {
        let parsed = crate::parse(text).expect("reads").pop().expect("one");
        let Statement::Query(query) = parsed.statement else { panic!("no query") };
        *query.body
    }

    fn depth(expr: &Expr) -> usize {
        match expr {
            Expr::BinaryOp { left, right, .. } => 1 + depth(left).max(depth(right)),
            _ => 0,
        }
    }

    fn arms(body: &SetExpr) -> (usize, Vec<String>) {
        match body {
            SetExpr::SetOperation { left, right, .. } => {
                let ((depth, mut all), (other, more)) = (arms(left), arms(right));
                all.extend(more);
                (1 + depth.max(other), all)
            }
            other => (0, vec![other.to_string()]),
        }
    }

    #[test]
    fn long_conditions_are_balanced() {
        for op in [" AND ", " OR "] {
            let terms: Vec<String> = (0..LONG).map(|n| format!("a = {n}")).collect();
            let body = body(&format!("SELECT 1 WHERE {}", terms.join(op)));
            let SetExpr::Select(select) = body else { panic!("no select") };
            let condition = select.selection.expect("a condition");
            assert!(depth(&condition) < 20);
            assert_eq!(condition.to_string(), terms.join(op));
        }
        let mixed = vec!["a OR b AND c"; LONG].join(" AND ");
        let SetExpr::Select(select) = body(&format!("SELECT 1 WHERE {mixed}")) else {
            panic!("no select")
        };
        assert_eq!(select.selection.expect("a condition").to_string(), mixed);
    }

    #[test]
    fn long_unions_are_balanced() {
        for op in [" UNION ALL ", " UNION ", " INTERSECT "] {
            let selects: Vec<String> = (0..LONG).map(|n| format!("SELECT {n}")).collect();
            let (depth, all) = arms(&body(&selects.join(op)));
            assert!(depth < 20);
            assert_eq!(all, selects);
        }
        let text = "SELECT 1 EXCEPT SELECT 2 UNION SELECT 3 UNION ALL SELECT 4";
        assert_eq!(body(text).to_string(), text);
    }

    #[test]
    fn other_long_chains_are_refused() {
        for text in [
            format!("SELECT {}", vec!["1"; LONG].join(" + ")),
            format!("SELECT {}", vec!["1"; LONG].join(" + 1 - ")),
            format!("SELECT 1{}", "::int".repeat(LONG)),
            format!("SELECT 1{}", " IS NULL".repeat(LONG)),
            format!("SELECT a{}", "['b']".repeat(LONG)),
            format!("SELECT {} FROM", vec!["1"; LONG].join(" + ")),
            vec!["SELECT 1"; LONG].join(" EXCEPT "),
            format!("SELECT 1 WHERE {} !", vec!["1 = 1"; LONG].join(" AND ")),
        ] {
            assert!(crate::parse(&text).is_err(), "{}", &text[..80]);
        }
        assert!(crate::parse(&format!("SELECT {}", vec!["1"; 1_000].join(" + "))).is_ok());
    }
}
