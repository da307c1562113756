//! The operator GLOB, which `sqlparser` does not support.
//!
//! Surprise: it is parsed as RLIKE, which has the same precedence and may be negated, and then
//! replaced by a function call. To distinguish the two, RLIKE is parsed as REGEXP there.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    ObjectName, UnaryOperator, VisitMut, VisitorMut,
};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::precedence::nothing;
use crate::spans::is_real;

/// Makes the parser read `x GLOB p` as RLIKE, and RLIKE as its synonym REGEXP; true if there is
/// one. [`calls`] turns them into functions.
pub(super) fn read_as_rlike(tokens: &mut [TokenWithSpan]) -> bool {
    let real: Vec<usize> =
        (0..tokens.len()).filter(|position| is_real(&tokens[*position])).collect();
    let found: Vec<usize> = real
        .windows(3)
        .filter(|around| {
            let [before, at, after] = [around[0], around[1], around[2]];
            is_glob(&tokens[at].token)
                && ends_operand(&tokens[before].token)
                && begins_operand(&tokens[after].token)
        })
        .map(|around| around[1])
        .collect();
    if found.is_empty() {
        return false;
    }
    for token in tokens.iter_mut() {
        if let Token::Word(word) = &mut token.token
            && word.keyword == Keyword::RLIKE
            && word.quote_style.is_none()
        {
            word.keyword = Keyword::REGEXP;
        }
    }
    for at in found {
        if let Token::Word(word) = &mut tokens[at].token {
            word.keyword = Keyword::RLIKE;
        }
    }
    true
}

fn is_glob(token: &Token) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("GLOB"))
}

/// False after tokens that need an operand: there GLOB is a name.
fn ends_operand(token: &Token) -> bool {
    const CLAUSES: &[Keyword] = &[
        Keyword::ALL,
        Keyword::AND,
        Keyword::AS,
        Keyword::BETWEEN,
        Keyword::BY,
        Keyword::CASE,
        Keyword::DISTINCT,
        Keyword::ELSE,
        Keyword::FROM,
        Keyword::HAVING,
        Keyword::ILIKE,
        Keyword::IN,
        Keyword::JOIN,
        Keyword::LIKE,
        Keyword::LIMIT,
        Keyword::ON,
        Keyword::OR,
        Keyword::REGEXP,
        Keyword::RETURNING,
        Keyword::RLIKE,
        Keyword::SELECT,
        Keyword::SET,
        Keyword::THEN,
        Keyword::WHEN,
        Keyword::WHERE,
    ];
    match token {
        Token::Word(word) => word.quote_style.is_some() || !CLAUSES.contains(&word.keyword),
        Token::Number(..) | Token::Placeholder(_) | Token::RParen | Token::RBracket => true,
        other => is_text(other),
    }
}

/// True for tokens that can begin a pattern, but no clause.
fn begins_operand(token: &Token) -> bool {
    match token {
        Token::Word(word) => {
            word.quote_style.is_some()
                || matches!(
                    word.keyword,
                    Keyword::NoKeyword | Keyword::NULL | Keyword::CAST | Keyword::CASE
                )
        }
        Token::Number(..) | Token::Placeholder(_) | Token::LParen | Token::Colon => true,
        other => is_text(other),
    }
}

fn is_text(token: &Token) -> bool {
    matches!(
        token,
        Token::SingleQuotedString(_)
            | Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::NationalStringLiteral(_)
            | Token::DollarQuotedString(_)
    )
}

/// Turns the expressions that [`read_as_rlike`] changed into `glob(p, x)`.
pub(super) fn calls(statement: &mut impl VisitMut) {
    struct Globs;

    impl VisitorMut for Globs {
        type Break = ();

        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            if let Expr::RLike { negated, expr: value, pattern, regexp: false } = expr {
                let take = |inner: &mut Box<Expr>| std::mem::replace(inner.as_mut(), nothing());
                let arguments = [take(pattern), take(value)];
                let call = glob_call(arguments);
                *expr = if *negated {
                    Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(call) }
                } else {
                    call
                };
            }
            ControlFlow::Continue(())
        }
    }

    let _done = statement.visit(&mut Globs);
}

fn glob_call(arguments: [Expr; 2]) -> Expr {
    let arguments = arguments.map(|one| FunctionArg::Unnamed(FunctionArgExpr::Expr(one)));
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new("glob")]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments.into(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use crate::parse::tests::shown;

    #[test]
    fn glob_is_an_operator_where_it_stands_between_operands() {
        for (written, meant) in [
            ("a GLOB 'x*'", "glob('x*', a)"),
            ("name glob 'x*' AND b = 1", "glob('x*', name) AND b = 1"),
            ("a NOT GLOB b || '*'", "NOT glob(b || '*', a)"),
            ("a GLOB ('x' || b) OR c RLIKE 'd'", "glob(('x' || b), a) OR c REGEXP 'd'"),
            ("a GLOB $1", "glob($1, a)"),
            ("glob('x*', a)", "glob('x*', a)"),
            ("NOT glob('x*', a)", "NOT glob('x*', a)"),
            ("a RLIKE 'd'", "a RLIKE 'd'"),
            ("glob = 'x' AND t.glob = 'GLOB'", "glob = 'x' AND t.glob = 'GLOB'"),
        ] {
            let text = shown(&format!("SELECT 1 WHERE {written}"));
            assert_eq!(text, format!("SELECT 1 WHERE {meant}"), "{written}");
        }
        assert_eq!(shown("SELECT a glob, b FROM t glob"), "SELECT a AS glob, b FROM t glob");
    }
}
