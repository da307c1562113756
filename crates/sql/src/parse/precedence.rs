//! Differences of `sqlparser` from PostgreSQL.
//!
//! Owns: the precedence of `->`, `->>` and `||`, `x ISNULL` and `x NOTNULL`, and `DO UPDATE`
//! without SET.
//! Surprise: in the generic dialect `=` binds tighter than `->>`, so that `a ->> 'b' = 'c'` would
//! be `a ->> ('b' = 'c')`. Explicit parentheses are nodes of their own and stay.

use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, VisitMut, VisitorMut};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use crate::spans::is_real;

/// The SET target that represents every field of the row: `DO UPDATE` without SET.
pub const WHOLE_ROW: &str = "*";

/// Makes `->` and `->>` bind tighter than comparisons, and `||` less tightly than arithmetic.
pub(super) fn operators(tree: &mut impl VisitMut) {
    struct Arrows;

    impl VisitorMut for Arrows {
        type Break = ();

        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            normalize(expr);
            sign(expr);
            concatenation(expr);
            ControlFlow::Continue(())
        }
    }

    let _done = tree.visit(&mut Arrows);
}

/// The sign of the first operand of `^`: `-2 ^ 2` was read as `-(2 ^ 2)`.
fn sign(expr: &mut Expr) {
    let Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } = expr else { return };
    let is_power =
        |expr: &Expr| matches!(expr, Expr::BinaryOp { op: BinaryOperator::BitwiseXor, .. });
    if !is_power(inner) {
        return;
    }
    let mut whole = take(inner);
    let mut first = whole.as_mut();
    while let Expr::BinaryOp { left, op: BinaryOperator::BitwiseXor, .. } = first {
        first = left.as_mut();
    }
    let operand = Box::new(std::mem::replace(first, nothing()));
    *first = Expr::UnaryOp { op: UnaryOperator::Minus, expr: operand };
    *expr = *whole;
}

/// Moves an arrow below the looser operator that took one of its operands.
fn normalize(expr: &mut Expr) {
    let Expr::BinaryOp { left, op, right } = expr else { return };
    if !matches!(op, BinaryOperator::Arrow | BinaryOperator::LongArrow) {
        return;
    }
    let arrow = op.clone();
    // `x = a -> b` was parsed as `(x = a) -> b`
    if let Expr::BinaryOp { op: looser, right: inner, .. } = left.as_mut()
        && is_looser(looser)
    {
        let key = std::mem::replace(right, Box::new(nothing()));
        let object = std::mem::replace(inner, Box::new(nothing()));
        let mut lifted = Expr::BinaryOp { left: object, op: arrow, right: key };
        normalize(&mut lifted);
        **inner = lifted;
        let whole = std::mem::replace(left.as_mut(), nothing());
        *expr = whole;
        return;
    }
    // `a -> b = x` was parsed as `a -> (b = x)`
    let Some(first) = first_operand(right) else { return };
    let key = std::mem::replace(first, Box::new(nothing()));
    let object = std::mem::replace(left, Box::new(nothing()));
    let mut lowered = Expr::BinaryOp { left: object, op: arrow, right: key };
    normalize(&mut lowered);
    **first = lowered;
    let whole = std::mem::replace(right.as_mut(), nothing());
    *expr = whole;
}

/// Makes `||` bind less tightly than arithmetic: `a || b + c` was parsed as `(a || b) + c`.
fn concatenation(expr: &mut Expr) {
    let is_join =
        |expr: &Expr| matches!(expr, Expr::BinaryOp { op: BinaryOperator::StringConcat, .. });
    let Expr::BinaryOp { left, op, right } = expr else { return };
    if !is_arithmetic(op) || !(is_join(left) || is_join(right)) {
        return;
    }
    let (left, right) = (take(left), take(right));
    let (before, left) = match *left {
        Expr::BinaryOp { left, op: BinaryOperator::StringConcat, right } => (Some(left), right),
        other => (None, Box::new(other)),
    };
    let (right, after) = match *right {
        Expr::BinaryOp { left, op: BinaryOperator::StringConcat, right } => (left, Some(right)),
        other => (Box::new(other), None),
    };
    let mut whole = Expr::BinaryOp { left, op: op.clone(), right };
    concatenation(&mut whole);
    let join = |left: Box<Expr>, right: Box<Expr>| Expr::BinaryOp {
        left,
        op: BinaryOperator::StringConcat,
        right,
    };
    if let Some(before) = before {
        whole = join(before, Box::new(whole));
    }
    if let Some(after) = after {
        whole = join(Box::new(whole), after);
    }
    *expr = whole;
}

fn take(expr: &mut Expr) -> Box<Expr> {
    Box::new(std::mem::replace(expr, nothing()))
}

const fn is_arithmetic(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
    )
}

/// The leftmost operand of an operator that is looser than an arrow.
fn first_operand(expr: &mut Expr) -> Option<&mut Box<Expr>> {
    match expr {
        Expr::BinaryOp { left, op, .. } if is_looser(op) => Some(left),
        Expr::InList { expr, .. }
        | Expr::InSubquery { expr, .. }
        | Expr::Between { expr, .. }
        | Expr::Like { expr, .. }
        | Expr::ILike { expr, .. }
        | Expr::IsNull(expr)
        | Expr::IsNotNull(expr)
        | Expr::IsTrue(expr)
        | Expr::IsFalse(expr)
        | Expr::IsNotTrue(expr)
        | Expr::IsNotFalse(expr)
        | Expr::IsDistinctFrom(expr, _)
        | Expr::IsNotDistinctFrom(expr, _) => Some(expr),
        _ => None,
    }
}

fn is_looser(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
            | BinaryOperator::Spaceship
            | BinaryOperator::StringConcat
            | BinaryOperator::PGRegexMatch
            | BinaryOperator::PGRegexIMatch
            | BinaryOperator::PGRegexNotMatch
            | BinaryOperator::PGRegexNotIMatch
    )
}

/// The placeholder for an expression that is being moved.
pub(super) fn nothing() -> Expr {
    Expr::Value(sqlparser::ast::Value::Null.into())
}

/// The tokens of an INSERT with the optional parts of ON CONFLICT added; `None` when nothing is
/// missing. `DO UPDATE` without SET becomes `DO UPDATE SET "*" = NULL`, and a SELECT without FROM
/// gets `WHERE TRUE` before ON, which would be an alias otherwise.
pub(super) fn on_conflict(tokens: &[TokenWithSpan]) -> Option<Vec<TokenWithSpan>> {
    let real: Vec<usize> =
        (0..tokens.len()).filter(|position| is_real(&tokens[*position])).collect();
    let is = |at: usize, keyword: Keyword| {
        real.get(at).is_some_and(|position| {
            matches!(&tokens[*position].token, Token::Word(word) if word.keyword == keyword && word.quote_style.is_none())
        })
    };
    if !is(0, Keyword::INSERT) && !is(0, Keyword::EXPLAIN) && !is(0, Keyword::WITH) {
        return None;
    }
    let conflict =
        (1..real.len()).rev().find(|at| is(*at, Keyword::ON) && is(*at + 1, Keyword::CONFLICT))?;
    let update = (conflict..real.len()).find(|at| {
        is(*at, Keyword::UPDATE) && is(*at - 1, Keyword::DO) && !is(*at + 1, Keyword::SET)
    });
    let is_bare = {
        let mut depth = 0_usize;
        let mut bare = false;
        for at in 0..conflict {
            match &tokens[real[at]].token {
                Token::LParen => depth += 1,
                Token::RParen => depth = depth.saturating_sub(1),
                _ if depth > 0 => {}
                _ if is(at, Keyword::SELECT) => bare = true,
                _ if is(at, Keyword::FROM) || is(at, Keyword::WHERE) => bare = false,
                _ => {}
            }
        }
        bare
    };
    if update.is_none() && !is_bare {
        return None;
    }
    let mut all = Vec::with_capacity(tokens.len() + 6);
    for (position, token) in tokens.iter().enumerate() {
        if is_bare && position == real[conflict] {
            let words = [word("WHERE", None, Keyword::WHERE), word("TRUE", None, Keyword::TRUE)];
            all.extend(words.map(|word| TokenWithSpan { token: word, span: token.span }));
        }
        all.push(token.clone());
        if update.is_some_and(|update| position == real[update]) {
            let set = [
                word("SET", None, Keyword::SET),
                word(WHOLE_ROW, Some('"'), Keyword::NoKeyword),
                Token::Eq,
                word("NULL", None, Keyword::NULL),
            ];
            all.extend(set.map(|word| TokenWithSpan { token: word, span: token.span }));
        }
    }
    Some(all)
}

/// The tokens with `IS NULL` for a postfix `ISNULL` and `IS NOT NULL` for `NOTNULL`; `None` when
/// there is none.
pub(super) fn null_tests(tokens: &[TokenWithSpan]) -> Option<Vec<TokenWithSpan>> {
    let negated = |token: &TokenWithSpan| match &token.token {
        Token::Word(word) if word.quote_style.is_none() => {
            let is = |name: &str| word.value.eq_ignore_ascii_case(name);
            if is("NOTNULL") { Some(true) } else { is("ISNULL").then_some(false) }
        }
        _ => None,
    };
    if !tokens.iter().any(|token| negated(token).is_some()) {
        return None;
    }
    let ends_operand = |token: &TokenWithSpan| match &token.token {
        Token::RParen | Token::RBracket | Token::Number(..) | Token::SingleQuotedString(_) => true,
        Token::Word(word) => {
            word.quote_style.is_some()
                || matches!(
                    word.keyword,
                    Keyword::NoKeyword
                        | Keyword::NULL
                        | Keyword::TRUE
                        | Keyword::FALSE
                        | Keyword::END
                )
        }
        _ => false,
    };
    let mut all: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len() + 4);
    for (position, token) in tokens.iter().enumerate() {
        let follows = all.iter().rev().find(|token| is_real(token)).is_some_and(ends_operand);
        let mut rest = tokens[position + 1..].iter().filter(|token| is_real(token));
        let is_call = rest.next().is_some_and(|next| next.token == Token::LParen);
        match negated(token).filter(|_| follows && !is_call) {
            Some(negated) => {
                let not = negated.then(|| word("NOT", None, Keyword::NOT));
                let words = [Some(word("IS", None, Keyword::IS)), not];
                let words = words.into_iter().flatten().chain([word("NULL", None, Keyword::NULL)]);
                all.extend(words.map(|word| TokenWithSpan { token: word, span: token.span }));
            }
            None => all.push(token.clone()),
        }
    }
    Some(all)
}

fn word(value: &str, quote_style: Option<char>, keyword: Keyword) -> Token {
    Token::Word(Word { value: value.to_owned(), quote_style, keyword })
}

#[cfg(test)]
mod tests {
    use sqlparser::ast::{BinaryOperator, Expr};

    use crate::Statement;
    use crate::parse::tests::shown;

    #[test]
    fn arrows_bind_tighter_than_comparisons() {
        for (written, meant) in [
            ("a ->> 'b' = 'c'", "(a ->> 'b') = 'c'"),
            ("'c' = a ->> 'b'", "'c' = (a ->> 'b')"),
            ("a -> 'b' ->> 'c' = 'd'", "(a -> 'b' ->> 'c') = 'd'"),
            ("x = 1 AND a ->> 'b' <> 'c'", "x = 1 AND (a ->> 'b') <> 'c'"),
            ("a ->> 'b' IS NULL", "(a ->> 'b') IS NULL"),
            ("a ->> 'b' IN ('c', 'd')", "(a ->> 'b') IN ('c', 'd')"),
            ("a ->> 'b' LIKE 'c%'", "(a ->> 'b') LIKE 'c%'"),
            ("a ->> 'b' = c ->> 'd'", "(a ->> 'b') = (c ->> 'd')"),
        ] {
            let plain = shown(&format!("SELECT 1 WHERE {written}"));
            let meant = shown(&format!("SELECT 1 WHERE {meant}"));
            let flat = |text: &str| text.replace(['(', ')'], "");
            assert_eq!(flat(&plain), flat(&meant), "{written}");
            let tree = &crate::parse(&format!("SELECT 1 WHERE {written}")).expect(written)[0];
            let Statement::Query(query) = &tree.statement else { panic!("{written}") };
            let condition = query.body.as_select().and_then(|select| select.selection.clone());
            let is_arrow = matches!(
                condition,
                Some(Expr::BinaryOp { op: BinaryOperator::Arrow | BinaryOperator::LongArrow, .. })
            );
            assert!(!is_arrow, "{written}");
        }
    }

    #[test]
    fn texts_are_joined_after_arithmetic() {
        for (written, meant) in [
            ("a || b + c", "a || (b + c)"),
            ("a + b || c", "(a + b) || c"),
            ("a || b * c || d", "(a || (b * c)) || d"),
            ("a - b || c + d", "(a - b) || (c + d)"),
            ("a + b * c || d || e", "((a + (b * c)) || d) || e"),
            ("a || b = c", "(a || b) = c"),
        ] {
            assert_eq!(tree(written), tree(meant), "{written}");
        }
    }

    /// The tree of an expression, without explicit parentheses.
    fn tree(text: &str) -> String {
        fn shown(expr: &Expr) -> String {
            match expr {
                Expr::Nested(inner) => shown(inner),
                Expr::BinaryOp { left, op, right } => {
                    format!("({} {op} {})", shown(left), shown(right))
                }
                other => other.to_string(),
            }
        }
        let parsed = &crate::parse(&format!("SELECT 1 WHERE {text}")).expect(text)[0];
        let Statement::Query(query) = &parsed.statement else { panic!("{text}") };
        shown(query.body.as_select().and_then(|select| select.selection.as_ref()).expect(text))
    }

    #[test]
    fn null_tests_may_follow_their_operand() {
        let text = "SELECT a ISNULL, (b) notnull, isnull(c) FROM t WHERE d NOTNULL AND e = 1";
        let meant =
            "SELECT a IS NULL, (b) IS NOT NULL, isnull(c) FROM t WHERE d IS NOT NULL AND e = 1";
        assert_eq!(shown(text), meant);
    }

    #[test]
    fn an_update_of_the_whole_row_has_no_set() {
        let text = "INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE RETURNING a";
        assert!(shown(text).contains("DO UPDATE SET \"*\" = NULL RETURNING a"), "{}", shown(text));
        let text = "INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2";
        assert!(shown(text).ends_with("DO UPDATE SET a = 2"));
        let text = "INSERT INTO t (a) SELECT (SELECT 1 FROM x) ON CONFLICT DO NOTHING";
        assert!(shown(text).ends_with("WHERE true ON CONFLICT DO NOTHING"), "{}", shown(text));
        let text = "INSERT INTO t (a) SELECT a FROM x ON CONFLICT DO NOTHING";
        assert!(shown(text).ends_with("FROM x ON CONFLICT DO NOTHING"), "{}", shown(text));
    }
}
