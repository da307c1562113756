//! EXEC, as a statement and as a relation.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};
use strataql_diag::{Code, Report};

use super::{Read, Spliced};
use crate::ast::{Argument, Exec};
use crate::cursor::Cursor;
use crate::spans::{is_real, piece_span};

/// `EXEC [hint] p.s.r.m @name = literal [, …] [@@json = '…']`.
pub(super) fn exec(cursor: &mut Cursor<'_>) -> Read<Exec> {
    let span = cursor.all();
    cursor.next();
    let method = cursor.name("provider.service.resource.method")?;
    if method.parts.len() < 3 {
        return Err(Box::new(
            Report::new(Code::Syntax, format!("`{}` names no method", method.dotted()))
                .with_label(method.span, "")
                .with_help("write `EXEC provider.service.resource.method @name = 'value'`"),
        ));
    }
    let mut exec =
        Exec { method, arguments: Vec::new(), payload: None, hints: cursor.hints.clone(), span };
    while !cursor.is_at_end() {
        cursor.accept_token(&Token::Comma);
        let here = cursor.here();
        let name = argument_name(cursor)?;
        cursor.expect_token(&Token::Eq)?;
        if let Some(payload) = name.strip_prefix('@') {
            if !payload.eq_ignore_ascii_case("json") {
                return Err(Box::new(
                    Report::new(Code::Syntax, format!("`@@{payload}` is no part of EXEC"))
                        .with_label(here, "")
                        .with_help("the request body is given as `@@json = '…'`"),
                ));
            }
            exec.payload = Some(cursor.quoted_text("the request body as quoted JSON text")?);
            continue;
        }
        let value = cursor.literal()?;
        exec.arguments.push(Argument { name, value, span: here });
    }
    Ok(exec)
}

/// `@name`, `@"max-n"` or `@@json`; the result keeps the second `@`.
fn argument_name(cursor: &mut Cursor<'_>) -> Read<String> {
    let mut prefix = String::new();
    while cursor.accept_token(&Token::AtSign) {
        prefix.push('@');
    }
    let mut name = prefix + &cursor.name("`@name = value`")?.dotted();
    let signs = name.chars().take_while(|c| *c == '@').count();
    if signs == 0 {
        return Err(Box::new(
            Report::new(Code::Syntax, format!("expected `@{name} = value`"))
                .with_label(cursor.here(), "arguments of EXEC begin with `@`")
                .with_help(format!("write `@{name} = 'value'`, with commas between arguments")),
        ));
    }
    name.remove(0);
    Ok(name)
}

/// Replaces each `(EXEC …)` relation of a query by a call `exec_relation_<n>()`.
pub(super) fn splice(text: &str, tokens: Vec<TokenWithSpan>) -> Read<Spliced> {
    let mut out = Vec::with_capacity(tokens.len());
    let mut execs = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let Some((start, end)) = exec_in_parentheses(&tokens, at) else {
            out.push(tokens[at].clone());
            at += 1;
            continue;
        };
        let inside = &tokens[start..end];
        let span = inside[0].span;
        let mut cursor = Cursor::new(text, inside);
        let mut exec = exec(&mut cursor)?;
        exec.span = piece_span(text, inside);
        let call = Word {
            value: format!("exec_relation_{}", execs.len()),
            quote_style: None,
            keyword: Keyword::NoKeyword,
        };
        for token in [Token::Word(call), Token::LParen, Token::RParen] {
            out.push(TokenWithSpan { token, span });
        }
        execs.push(exec);
        at = end + 1;
    }
    Ok((out, execs))
}

/// The range between the parentheses that open at `at`, if they contain an EXEC.
fn exec_in_parentheses(tokens: &[TokenWithSpan], at: usize) -> Option<(usize, usize)> {
    if tokens[at].token != Token::LParen {
        return None;
    }
    let first = tokens[at + 1..].iter().find(|token| is_real(token))?;
    let is_exec = matches!(&first.token, Token::Word(word) if word.quote_style.is_none()
        && (word.value.eq_ignore_ascii_case("exec") || word.value.eq_ignore_ascii_case("execute")));
    if !is_exec {
        return None;
    }
    let mut depth = 0usize;
    for (offset, token) in tokens[at..].iter().enumerate() {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => {
                depth -= 1;
                if depth == 0 {
                    return Some((at + 1, at + offset));
                }
            }
            _ => {}
        }
    }
    None
}
