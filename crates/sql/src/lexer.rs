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
    limits::refuse_long(text)?;
    let tokens = lexed(text).map_err(Unread::report)?;
    limits::refuse(text, &tokens)?;
    Ok(tokens)
}

/// What an incomplete text needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// The end of a text in quotes.
    Text,
    /// The end of a name in quotes.
    Name,
    /// The end of a `/* … */` comment.
    Comment,
    /// A closing parenthesis, bracket or brace.
    Parenthesis,
    /// The `;` of the last statement.
    Terminator,
}

/// Why a text has no tokens.
#[derive(Debug)]
pub(crate) struct Unread {
    /// What is not closed, if that is why.
    pub(crate) open: Option<Open>,
    /// The byte of the place.
    pub(crate) at: usize,
    end: usize,
    message: String,
}

impl Unread {
    pub(crate) fn report(self) -> Box<Report> {
        let help = match self.open {
            Some(Open::Text) => "close the text with `'`; a quote inside it is written `''`",
            Some(Open::Name) => "close the quoted name with `\"`",
            Some(Open::Comment) => "close the comment with `*/`",
            _ => "remove or correct the marked character",
        };
        Box::new(
            Report::new(Code::Syntax, format!("the statement cannot be read: {}", self.message))
                .with_label(Span::new(self.at, self.end), "here")
                .with_help(help),
        )
    }
}

/// The tokens of a text of any size.
pub(crate) fn lexed(text: &str) -> Result<Vec<TokenWithSpan>, Unread> {
    let dialect = GenericDialect {};
    Tokenizer::new(&dialect, text).tokenize_with_location().map_err(|error| {
        let at = Span::offset(text, position(error.location));
        let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
        let message = error.message.trim_end_matches(['.', ' ']).to_lowercase();
        let open = if message.contains("string") && message.contains("unterminated") {
            Some(Open::Text)
        } else if message.contains("delimiter") || message.contains("delimited") {
            Some(Open::Name)
        } else if message.contains("comment") {
            Some(Open::Comment)
        } else {
            None
        };
        Unread { open, at, end, message }
    })
}

/// The byte where the comment begins that is open at the end of a text.
pub(crate) fn open_comment(text: &str) -> Option<usize> {
    // inner ones are in a text that cannot be read
    text.rmatch_indices("/*").map(|(at, _)| at).find(|at| lexed(&text[..*at]).is_ok())
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
pub(crate) fn is_g(token: &TokenWithSpan) -> bool {
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
    fn lexing_errors_point_at_their_place() {
        let report = tokens("SELECT 'abc").expect_err("open text");
        assert_eq!((report.code, report.labels[0].span.start), (Code::Syntax, 7));
    }
}
