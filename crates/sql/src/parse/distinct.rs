//! Precedence of `IS [NOT] DISTINCT FROM`.
//!
//! Surprise: `sqlparser` parses everything after FROM as its right side, so that
//! `a IS DISTINCT FROM b AND c` would be `a IS DISTINCT FROM (b AND c)`. This module moves AND and
//! OR out again. Explicit parentheses are nodes of their own and stay.

use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, VisitMut, VisitorMut};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// Rewrites expressions while visiting.
struct Comparisons;

impl VisitorMut for Comparisons {
    type Break = ();

    // top-down: the operators around a comparison are rewritten together with it
    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if swallows(expr) {
            let whole = std::mem::replace(expr, super::precedence::nothing());
            let mut terms = Terms::default();
            terms.read(whole);
            *expr = terms.rebuilt();
        }
        ControlFlow::Continue(())
    }
}

/// Corrects the right side of those comparisons in a statement or condition; true if there may be one.
pub(super) fn normalize(tree: &mut impl VisitMut, tokens: &[TokenWithSpan]) -> bool {
    let is_distinct = |token: &TokenWithSpan| matches!(&token.token, Token::Word(word) if word.keyword == Keyword::DISTINCT);
    let is_any = tokens.iter().any(is_distinct);
    if is_any {
        let _done = tree.visit(&mut Comparisons);
    }
    is_any
}

/// True if a comparison that took an AND or OR is reached through NOT, AND and OR only.
fn swallows(expr: &Expr) -> bool {
    let mut expr = expr;
    loop {
        match expr {
            Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
                if swallows(right) {
                    return true;
                }
                // long chains are left-deep
                expr = left;
            }
            Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } => expr = inner,
            Expr::IsDistinctFrom(_, right) | Expr::IsNotDistinctFrom(_, right) => {
                if let Expr::BinaryOp { op: BinaryOperator::And | BinaryOperator::Or, .. } =
                    right.as_ref()
                {
                    return true;
                }
                expr = right;
            }
            _ => return false,
        }
    }
}

/// Terms with the operators between them, as written.
#[derive(Default)]
struct Terms {
    /// Terms joined by AND; the lists are joined by OR.
    all: Vec<Vec<Expr>>,
    /// Number of NOTs before the next term.
    nots: usize,
    /// The left side of a comparison whose right side is the next term.
    comparison: Option<Comparison>,
}

type Comparison = (Box<Expr>, fn(Box<Expr>, Box<Expr>) -> Expr);

impl Terms {
    fn read(&mut self, expr: Expr) {
        match expr {
            Expr::BinaryOp { left, op: op @ (BinaryOperator::And | BinaryOperator::Or), right } => {
                let mut rest = vec![(op, *right)];
                let mut first = *left;
                while let Expr::BinaryOp {
                    left,
                    op: op @ (BinaryOperator::And | BinaryOperator::Or),
                    right,
                } = first
                {
                    rest.push((op, *right));
                    first = *left;
                }
                self.read(first);
                for (op, right) in rest.into_iter().rev() {
                    if op == BinaryOperator::Or {
                        self.all.push(Vec::new());
                    }
                    self.read(right);
                }
            }
            // a NOT after FROM belongs to the right side
            Expr::UnaryOp { op: UnaryOperator::Not, expr } if self.comparison.is_none() => {
                self.nots += 1;
                self.read(*expr);
            }
            Expr::IsDistinctFrom(left, right) if self.comparison.is_none() => {
                self.comparison = Some((left, Expr::IsDistinctFrom));
                self.read(*right);
            }
            Expr::IsNotDistinctFrom(left, right) if self.comparison.is_none() => {
                self.comparison = Some((left, Expr::IsNotDistinctFrom));
                self.read(*right);
            }
            term => {
                let mut term = match self.comparison.take() {
                    Some((left, compare)) => compare(left, Box::new(term)),
                    None => term,
                };
                for _ in 0..std::mem::take(&mut self.nots) {
                    term = Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(term) };
                }
                match self.all.last_mut() {
                    Some(terms) => terms.push(term),
                    None => self.all.push(vec![term]),
                }
            }
        }
    }

    fn rebuilt(self) -> Expr {
        let joined = |terms: Vec<Expr>, op: BinaryOperator| {
            terms.into_iter().reduce(|left, right| Expr::BinaryOp {
                left: Box::new(left),
                op: op.clone(),
                right: Box::new(right),
            })
        };
        let arms = self.all.into_iter().filter_map(|terms| joined(terms, BinaryOperator::And));
        joined(arms.collect(), BinaryOperator::Or).unwrap_or_else(super::precedence::nothing)
    }
}

#[cfg(test)]
mod tests {
    use sqlparser::ast::Expr;

    use crate::Statement;

    /// The condition with explicit parentheses.
    fn tree(text: &str) -> String {
        let mut all = crate::parse(&format!("SELECT 1 WHERE {text}")).expect(text);
        let Statement::Query(query) = all.pop().expect("one").statement else { panic!("{text}") };
        let select = query.body.as_select().expect(text);
        without_parentheses(select.selection.as_ref().expect(text))
    }

    fn without_parentheses(expr: &Expr) -> String {
        match expr {
            Expr::Nested(inner) => without_parentheses(inner),
            Expr::BinaryOp { left, op, right } => {
                format!("({} {op} {})", without_parentheses(left), without_parentheses(right))
            }
            Expr::UnaryOp { op, expr } => format!("({op} {})", without_parentheses(expr)),
            Expr::IsDistinctFrom(left, right) => {
                format!("({} <!> {})", without_parentheses(left), without_parentheses(right))
            }
            Expr::IsNotDistinctFrom(left, right) => {
                format!("({} <=> {})", without_parentheses(left), without_parentheses(right))
            }
            other => other.to_string(),
        }
    }

    #[test]
    fn a_comparison_ends_before_and_or() {
        for (written, meant) in [
            ("a IS DISTINCT FROM b AND c", "(a IS DISTINCT FROM b) AND c"),
            ("a IS NOT DISTINCT FROM b OR c", "(a IS NOT DISTINCT FROM b) OR c"),
            ("x AND a IS DISTINCT FROM b OR c", "(x AND (a IS DISTINCT FROM b)) OR c"),
            ("x OR a IS DISTINCT FROM b AND c", "x OR ((a IS DISTINCT FROM b) AND c)"),
            ("NOT a IS DISTINCT FROM b AND c", "(NOT (a IS DISTINCT FROM b)) AND c"),
            (
                "a IS DISTINCT FROM b AND c IS NOT DISTINCT FROM d AND e OR f",
                "(((a IS DISTINCT FROM b) AND (c IS NOT DISTINCT FROM d)) AND e) OR f",
            ),
            ("a IS DISTINCT FROM b + 1 AND c", "(a IS DISTINCT FROM (b + 1)) AND c"),
            ("a IS DISTINCT FROM b = c AND d", "(a IS DISTINCT FROM (b = c)) AND d"),
        ] {
            assert_eq!(tree(written), tree(meant), "{written}");
        }
    }

    #[test]
    fn parentheses_stay() {
        for text in [
            "a IS DISTINCT FROM (b AND c)",
            "(a IS DISTINCT FROM b) AND c",
            "NOT (a IS NOT DISTINCT FROM (b OR c))",
        ] {
            let mut all = crate::parse(&format!("SELECT 1 WHERE {text}")).expect(text);
            let Statement::Query(query) = all.pop().expect("one").statement else {
                panic!("{text}")
            };
            assert_eq!(query.to_string(), format!("SELECT 1 WHERE {text}"));
        }
    }
}
