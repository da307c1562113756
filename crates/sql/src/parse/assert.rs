//! ASSERT.
//!
//! Surprise: it is a query with a check. `ASSERT x > 1` becomes `SELECT x > 1`, so that names, views
//! and EXPLAIN work as in any query.

use sqlparser::ast as sql;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};
use strataql_diag::{Code, Report};

use super::Read;
use crate::ast::{Assertion, Check, Statement};
use crate::spans::{is_real, piece_span};

/// Its syntax, for help lines.
const FORMS: &str = "write `ASSERT condition, 'message'`, or `ASSERT SELECT …, 'message'` for a query whose \
                     rows are violations; the message may be left out";

/// The tokens of the query of an ASSERT, and what it checks; `None` for other statements.
///
/// # Errors
/// `syntax` if nothing is asserted.
pub(super) fn split(
    text: &str,
    tokens: &[TokenWithSpan],
) -> Read<Option<(Vec<TokenWithSpan>, Assertion)>> {
    let Some(at) = tokens.iter().position(is_real).filter(|at| is_word(&tokens[*at], "ASSERT"))
    else {
        return Ok(None);
    };
    let (end, message) = message(tokens, at + 1);
    let body = &tokens[at + 1..end];
    let Some(first) = body.iter().find(|token| is_real(token)) else {
        return Err(Box::new(
            Report::new(Code::Syntax, "ASSERT has nothing to check")
                .with_label(piece_span(text, tokens), "")
                .with_help(FORMS),
        ));
    };
    let is_query = ["SELECT", "WITH", "VALUES", "TABLE"].iter().any(|word| is_word(first, word))
        || is_query_in_parentheses(body);
    let mut query = tokens[..at].to_vec();
    let check = if is_query {
        Check::NoRows
    } else {
        let select =
            Word { value: "SELECT".to_owned(), quote_style: None, keyword: Keyword::SELECT };
        query.push(TokenWithSpan { token: Token::Word(select), span: tokens[at].span });
        Check::Condition
    };
    query.extend_from_slice(body);
    Ok(Some((query, Assertion { check, message })))
}

/// Refuses a condition that is more than one expression.
///
/// # Errors
/// `syntax`.
pub(super) fn check(
    text: &str,
    tokens: &[TokenWithSpan],
    assertion: &Assertion,
    statement: &Statement,
) -> Read<()> {
    let is_sound = match (assertion.check, statement) {
        (Check::NoRows, Statement::Query(_)) => true,
        (Check::Condition, Statement::Query(query)) => is_one_expression(query),
        _ => false,
    };
    if is_sound {
        return Ok(());
    }
    Err(Box::new(
        Report::new(Code::Syntax, "ASSERT takes one condition or one query")
            .with_label(piece_span(text, tokens), "")
            .with_help(FORMS),
    ))
}

fn is_one_expression(query: &sql::Query) -> bool {
    let sql::SetExpr::Select(select) = query.body.as_ref() else { return false };
    let [sql::SelectItem::UnnamedExpr(_)] = select.projection.as_slice() else { return false };
    let is_bare = select.from.is_empty()
        && select.selection.is_none()
        && select.having.is_none()
        && select.distinct.is_none();
    is_bare && query.order_by.is_none() && query.limit_clause.is_none()
}

/// Where the query or condition ends, and the message after it: a text after the last comma.
fn message(tokens: &[TokenWithSpan], start: usize) -> (usize, Option<String>) {
    let mut real = (start..tokens.len()).rev().filter(|at| is_real(&tokens[*at]));
    let last = real.next().map(|at| &tokens[at].token);
    let (Some(Token::SingleQuotedString(message)), Some(comma)) = (last, real.next()) else {
        return (tokens.len(), None);
    };
    if tokens[comma].token != Token::Comma {
        return (tokens.len(), None);
    }
    (comma, Some(message.clone()))
}

/// True if the first parenthesis holds a query and closes at the end.
fn is_query_in_parentheses(body: &[TokenWithSpan]) -> bool {
    let real: Vec<&TokenWithSpan> = body.iter().filter(|token| is_real(token)).collect();
    let opened = real.iter().take_while(|token| token.token == Token::LParen).count();
    let is_query = opened > 0
        && real.get(opened).is_some_and(|token| {
            ["SELECT", "WITH", "VALUES"].iter().any(|word| is_word(token, word))
        });
    let mut depth = 0_usize;
    let closes = real.iter().position(|token| {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    });
    is_query && closes == Some(real.len() - 1)
}

fn is_word(token: &TokenWithSpan, word: &str) -> bool {
    matches!(&token.token, Token::Word(found)
        if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
}
