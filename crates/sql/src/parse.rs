//! Parsing tokens into statements: keyword dispatch.
//!
//! Owns: which keywords begin which statement. The dialect's own statements are parsed here and in
//! `parse/`; everything else by `sqlparser`.

mod assert;
mod chains;
mod ctes;
mod distinct;
mod exec;
mod frames;
mod glob;
mod membership;
mod postgres;
mod precedence;
mod show;

use sqlparser::ast as sql;
use sqlparser::dialect::GenericDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};
use strataql_diag::{Code, Report};

use crate::ast::{Exec, Parsed, Registry, SetValue, Statement, Transaction, WriteKind};
use crate::cursor::Cursor;
use crate::{error, lexer, limits, spans};

pub use frames::EXCLUDE;
pub use precedence::WHOLE_ROW;

type Read<T> = Result<T, Box<Report>>;

/// Parses all statements of a text.
///
/// # Errors
/// `syntax` with the position of the first mistake.
pub fn parse(text: &str) -> Read<Vec<Parsed>> {
    lexer::split(lexer::tokens(text)?)
        .into_iter()
        .map(|piece| {
            let span = spans::piece_span(text, &piece.tokens);
            let (tokens, execs) = exec::splice(text, piece.tokens)?;
            let vertical = piece.vertical;
            let Some((query, assertion)) = assert::split(text, &tokens)? else {
                let statement = statement(text, &tokens)?;
                return Ok(Parsed { span, tokens, statement, execs, assertion: None, vertical });
            };
            let statement = statement(text, &query)?;
            assert::check(text, &tokens, &assertion, &statement)?;
            let assertion = Some(assertion);
            Ok(Parsed { span, tokens: query, statement, execs, assertion, vertical })
        })
        .collect()
}

/// Parses a statement again after its tokens were respelled.
///
/// # Errors
/// As [`parse`].
pub fn reparse(text: &str, tokens: &[TokenWithSpan]) -> Read<Statement> {
    statement(text, tokens)
}

/// A query that is nothing but its body.
pub fn query_of(body: sql::SetExpr) -> sql::Query {
    sql::Query {
        with: None,
        body: Box::new(body),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: vec![],
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: vec![],
    }
}

/// An empty SELECT, to be filled.
pub fn empty_select() -> sql::Select {
    let dialect = GenericDialect {};
    let parsed = Parser::parse_sql(&dialect, "SELECT 1").ok().and_then(|mut all| all.pop());
    match parsed {
        Some(sql::Statement::Query(query)) => match *query.body {
            sql::SetExpr::Select(mut select) => {
                select.projection.clear();
                *select
            }
            _ => unreachable!("`SELECT 1` is a SELECT"),
        },
        _ => unreachable!("`SELECT 1` is a query"),
    }
}

fn statement(text: &str, tokens: &[TokenWithSpan]) -> Read<Statement> {
    let mut cursor = Cursor::new(text, tokens);
    let Some(Token::Word(word)) = cursor.peek().map(|token| &token.token) else {
        return standard(text, tokens);
    };
    match word.value.to_ascii_uppercase().as_str() {
        "SHOW" => show::statement(text, &mut cursor),
        "DESCRIBE" | "DESC" => show::describe(&mut cursor).map(Statement::Describe),
        "EXEC" | "EXECUTE" => exec::exec(&mut cursor).map(Statement::Exec),
        "EXPLAIN" => explain(text, tokens),
        "REPLACE" => replace(text, tokens),
        "USE" => {
            cursor.next();
            let name = cursor.name("a provider name")?;
            cursor.expect_end()?;
            Ok(Statement::Use(name))
        }
        "SET" => set(&mut cursor),
        "REFRESH" => {
            cursor.next();
            cursor.expect("MATERIALIZED")?;
            cursor.expect("VIEW")?;
            let name = cursor.name("the name of a materialized view")?;
            cursor.expect_end()?;
            Ok(Statement::Refresh(name))
        }
        "REGISTRY" => registry(&mut cursor),
        "AUTH" => Ok(Statement::Known("AUTH")),
        "PURGE" => Ok(Statement::Known("PURGE")),
        "SLEEP" => Ok(Statement::Known("SLEEP")),
        "SEARCH" => Ok(Statement::Known("SEARCH")),
        "NATIVEQUERY" => Ok(Statement::Known("NATIVEQUERY")),
        "STACKQL" => Ok(Statement::Known("AUTH")),
        "TABLE" => standard(text, &postgres::from_table(tokens)),
        _ => standard(text, tokens),
    }
}

/// Statements that `sqlparser` parses.
fn standard(text: &str, tokens: &[TokenWithSpan]) -> Read<Statement> {
    let read = precedence::on_conflict(tokens).unwrap_or_else(|| tokens.to_vec());
    let mut read = precedence::null_tests(&read).unwrap_or(read);
    postgres::drop_materialized(&mut read);
    postgres::drop_trim_from(&mut read);
    frames::move_exclusions(&mut read);
    let has_globs = glob::read_as_rlike(&mut read);
    let mut too_long = None;
    let parsed = limits::read(text, tokens, read, |parser| {
        let mut statement = parser.parse_statement()?;
        // here, since the stack is large enough for a deep tree
        too_long = chains::balance(&mut statement).err();
        Ok(statement)
    });
    if let Some(length) = too_long {
        return Err(Box::new(
            Report::new(Code::Syntax, format!("an expression has a chain of {length} operators"))
                .with_label(spans::piece_span(text, tokens), "")
                .with_help("split it: common table expressions can hold parts of it, and `sum()` adds rows"),
        ));
    }
    let (mut statement, next) = parsed?;
    if next.token != Token::EOF {
        return Err(Box::new(
            Report::new(
                Code::Syntax,
                format!("expected the end of the statement, found `{}`", next.token),
            )
            .with_label(spans::byte_span(text, &next), "")
            .with_help(
                error::misspelled(text, tokens, spans::byte_span(text, &next))
                    .unwrap_or_else(|| "separate statements with `;`".to_owned()),
            ),
        ));
    }
    if distinct::normalize(&mut statement, tokens) {
        let _done = chains::balance(&mut statement);
    }
    precedence::operators(&mut statement);
    membership::normalize(&mut statement);
    postgres::select_all(&mut statement);
    ctes::normalize(&mut statement);
    if has_globs {
        glob::calls(&mut statement);
    }
    Ok(classify(statement))
}

fn classify(statement: sql::Statement) -> Statement {
    use sql::Statement as S;
    match statement {
        S::Query(query) => Statement::Query(query),
        S::Insert(_) => Statement::Write(WriteKind::Insert, Box::new(statement)),
        S::Update(_) => Statement::Write(WriteKind::Update, Box::new(statement)),
        S::Delete(_) => Statement::Write(WriteKind::Delete, Box::new(statement)),
        S::StartTransaction { .. } => Statement::Transaction(Transaction::Begin),
        S::Commit { .. } => Statement::Transaction(Transaction::Commit),
        S::Rollback { savepoint: None, .. } => Statement::Transaction(Transaction::Rollback),
        S::Rollback { .. } | S::Savepoint { .. } | S::ReleaseSavepoint { .. } => {
            Statement::Transaction(Transaction::Other)
        }
        S::CreateView(_) | S::CreateTable(_) | S::Drop { .. } | S::AlterTable(_) => {
            Statement::Definition(Box::new(statement))
        }
        other => Statement::Foreign(Box::new(other)),
    }
}

/// `EXPLAIN [ANALYZE] [VERBOSE] statement`.
fn explain(text: &str, tokens: &[TokenWithSpan]) -> Read<Statement> {
    let mut cursor = Cursor::new(text, tokens);
    cursor.next();
    let analyze = cursor.accept("ANALYZE");
    let verbose = cursor.accept("VERBOSE");
    if cursor.is_at_end() {
        return Err(cursor.unexpected("a statement"));
    }
    // checked before parsing: a text may consist of these words only
    let is_again = cursor.sees("EXPLAIN");
    // keep comments: hints of the inner statement are comments
    let rest = cursor.rest();
    let start = rest.first().map(|token| token.span);
    let from = tokens.iter().position(|token| Some(token.span) == start).unwrap_or(0);
    if is_again {
        return Err(Box::new(
            Report::new(Code::Syntax, "EXPLAIN cannot explain an EXPLAIN")
                .with_label(spans::piece_span(text, &tokens[from..]), "")
                .with_help("write EXPLAIN once"),
        ));
    }
    let inner = statement(text, &tokens[from..])?;
    Ok(Statement::Explain { analyze, verbose, inner: Box::new(inner) })
}

/// `REPLACE target SET … WHERE …` is an UPDATE with another verb.
fn replace(text: &str, tokens: &[TokenWithSpan]) -> Read<Statement> {
    let mut real = tokens.iter().filter(|token| spans::is_real(token)).skip(1);
    if let Some(into) = real.next().filter(|token| is_into(token)) {
        return Err(Box::new(
            Report::new(Code::UnsupportedSyntax, "REPLACE changes what exists and takes no INTO")
                .with_label(spans::piece_span(text, std::slice::from_ref(into)), "")
                .with_help(
                    "write `REPLACE provider.service.resource SET name = 'x' WHERE …`, \
                     or INSERT for something new",
                ),
        ));
    }
    let mut tokens = tokens.to_vec();
    if let Some(first) = tokens.iter_mut().find(|token| spans::is_real(token)) {
        first.token = Token::Word(Word {
            value: "UPDATE".to_owned(),
            quote_style: None,
            keyword: Keyword::UPDATE,
        });
    }
    match standard(text, &tokens)? {
        Statement::Write(WriteKind::Update, statement) => {
            Ok(Statement::Write(WriteKind::Replace, statement))
        }
        other => Ok(other),
    }
}

fn is_into(token: &TokenWithSpan) -> bool {
    matches!(&token.token, Token::Word(word) if word.keyword == Keyword::INTO)
}

/// `SET [SESSION|GLOBAL|LOCAL] name = value`.
fn set(cursor: &mut Cursor<'_>) -> Read<Statement> {
    cursor.next();
    let is_dotted = cursor.peek_at(1).is_some_and(|token| token.token == Token::Period);
    if cursor.sees("TRANSACTION") && !is_dotted {
        return Ok(Statement::Transaction(Transaction::Other));
    }
    for scope in ["SESSION", "GLOBAL", "LOCAL"] {
        if cursor.sees(scope) && !cursor.sees_all(&[scope, "="]) {
            cursor.accept(scope);
            break;
        }
    }
    let name = cursor.name("the name of a setting")?;
    if !cursor.accept_token(&Token::Eq) {
        cursor.expect("TO")?;
    }
    let value = if cursor.accept("DEFAULT") {
        SetValue::Default
    } else {
        SetValue::Text(set_text(cursor)?)
    };
    cursor.expect_end()?;
    Ok(Statement::Set { name, value })
}

/// A literal, or a bare word such as `on`.
fn set_text(cursor: &mut Cursor<'_>) -> Read<String> {
    use crate::ast::Literal;
    if let Some(Token::Word(word)) = cursor.peek().map(|token| &token.token) {
        cursor.next();
        return Ok(word.value.clone());
    }
    Ok(match cursor.literal()? {
        Literal::Text(text) | Literal::Number(text) => text,
        Literal::Boolean(flag) => flag.to_string(),
        Literal::Null => String::new(),
    })
}

/// `REGISTRY LIST [provider]`, `REGISTRY PULL provider [version]`.
fn registry(cursor: &mut Cursor<'_>) -> Read<Statement> {
    cursor.next();
    if cursor.accept("LIST") {
        let provider =
            if cursor.is_at_end() { None } else { Some(cursor.name("a provider name")?.dotted()) };
        cursor.expect_end()?;
        return Ok(Statement::Registry(Registry::List(provider)));
    }
    cursor.expect("PULL")?;
    let provider = cursor.name("a provider name")?.dotted();
    // a version such as v24.07.00246 is several tokens without blanks between them
    let version: String = cursor.rest().iter().map(|token| token.token.to_string()).collect();
    let version = version.trim_matches('\'').to_owned();
    Ok(Statement::Registry(Registry::Pull(provider, (!version.is_empty()).then_some(version))))
}

/// For `(EXEC …)` relations: see [`exec::splice`].
pub(crate) type Spliced = (Vec<TokenWithSpan>, Vec<Exec>);

#[cfg(test)]
mod tests;
