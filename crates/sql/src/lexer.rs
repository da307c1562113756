//! Tokens: lexing, splitting into statements, word lists.
//!
//! Surprise: a `;` inside a comment does not end a statement (`… = 'x' --required;`), and the end of
//! the input does (docs/decisions/0012-end-of-input-ends-a-statement.md).

use std::collections::BTreeSet;

use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Whitespace};
use strataql_diag::{Code, Report, Span};

use crate::limits;
use crate::spans::{is_real, position};

/// Lexes a text.
pub(crate) fn tokens(text: &str) -> Result<Vec<TokenWithSpan>, Box<Report>> {
    let tokens = lexed(text)?;
    limits::refuse(text, &tokens)?;
    Ok(tokens)
}

fn lexed(text: &str) -> Result<Vec<TokenWithSpan>, Box<Report>> {
    let dialect = GenericDialect {};
    Tokenizer::new(&dialect, text).tokenize_with_location().map_err(|error| {
        let at = Span::offset(text, position(error.location));
        let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
        let message = error.message.trim_end_matches(['.', ' ']).to_lowercase();
        let help = if message.contains("string literal") {
            "close the text with `'`; a quote inside it is written `''`"
        } else if message.contains("delimiter") || message.contains("delimited") {
            "close the quoted name with `\"`"
        } else if message.contains("comment") {
            "close the comment with `*/`"
        } else {
            "remove or correct the marked character"
        };
        Box::new(
            Report::new(Code::Syntax, format!("the statement cannot be read: {message}"))
                .with_label(Span::new(at, end), "here")
                .with_help(help),
        )
    })
}

/// The tokens of one statement.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    pub(crate) tokens: Vec<TokenWithSpan>,
    /// It ends with `\G`.
    pub(crate) vertical: bool,
}

/// Splits tokens at `;` and `\G`; pieces without a real token are dropped.
pub(crate) fn split(tokens: Vec<TokenWithSpan>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut piece = Piece::default();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token.token {
            Token::EOF => {}
            Token::SemiColon => pieces.push(std::mem::take(&mut piece)),
            Token::Backslash if tokens.next_if(is_g).is_some() => {
                piece.vertical = true;
                pieces.push(std::mem::take(&mut piece));
            }
            _ => piece.tokens.push(token),
        }
    }
    pieces.push(piece);
    pieces.retain(|piece| piece.tokens.iter().any(is_real));
    pieces
}

/// The `G` of `\G`.
fn is_g(token: &TokenWithSpan) -> bool {
    matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value == "G")
}

/// Every word of the tokens in lower case, including quoted ones: all names in the statement.
pub fn words(tokens: &[TokenWithSpan]) -> BTreeSet<String> {
    tokens
        .iter()
        .filter_map(|token| match &token.token {
            Token::Word(word) => Some(word.value.to_lowercase()),
            _ => None,
        })
        .collect()
}

/// True when the text is complete: it lexes and its last statement ends with `;`, or there is none.
pub fn is_complete(text: &str) -> bool {
    match tokens(text) {
        Ok(tokens) => {
            let mut real = tokens.iter().rev().filter(|token| is_real(token));
            match real.next() {
                None => true,
                Some(last) if last.token == Token::SemiColon => true,
                Some(last) => {
                    is_g(last) && real.next().is_some_and(|token| token.token == Token::Backslash)
                }
            }
        }
        Err(_) => false,
    }
}

/// Hints of a `/*+ … */` comment, upper case.
pub(crate) fn hints(token: &TokenWithSpan) -> Option<Vec<String>> {
    match &token.token {
        Token::Whitespace(Whitespace::MultiLineComment(text)) => {
            let inside = text.strip_prefix('+')?;
            let words = inside.split(|c: char| c.is_whitespace() || c == ',');
            Some(words.filter(|word| !word.is_empty()).map(str::to_ascii_uppercase).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spans::piece_span;

    fn pieces(text: &str) -> Vec<&str> {
        split(tokens(text).expect("lexes"))
            .iter()
            .map(|piece| piece_span(text, &piece.tokens).slice(text))
            .collect()
    }

    #[test]
    fn semicolons_in_texts_and_comments_do_not_split() {
        assert_eq!(
            pieces("SELECT ';' ; -- a;\n DELETE FROM t WHERE a = 'x' --required;\n; /* ; */ ;"),
            ["SELECT ';'", "DELETE FROM t WHERE a = 'x'"]
        );
        assert_eq!(pieces(" ;; \n"), Vec::<&str>::new());
        assert_eq!(pieces("SELECT 'ä' AS ö; SELECT 2"), ["SELECT 'ä' AS ö", "SELECT 2"]);
    }

    #[test]
    fn a_backslash_and_g_end_a_statement() {
        let text = "SELECT 1\\G SELECT G; SELECT '\\G' \\G";
        assert_eq!(pieces(text), ["SELECT 1", "SELECT G", "SELECT '\\G'"]);
        let vertical =
            split(tokens(text).expect("lexes")).iter().map(|one| one.vertical).collect::<Vec<_>>();
        assert_eq!(vertical, [true, false, true]);
    }

    #[test]
    fn completeness_needs_a_final_semicolon() {
        assert!(is_complete("SELECT 1;"));
        assert!(is_complete("SELECT 1\\G"));
        assert!(is_complete(""));
        assert!(!is_complete("SELECT 1"));
        assert!(!is_complete("SELECT 'x;"));
    }

    #[test]
    fn lexing_errors_point_at_their_place() {
        let report = tokens("SELECT 'abc").expect_err("open text");
        assert_eq!((report.code, report.labels[0].span.start), (Code::Syntax, 7));
    }
}
