//! What the pieces of a text are, for whoever shows it in colours. The text may be unfinished.

use std::ops::Range;

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace};

use crate::lexer::{Unread, lexed};
use crate::spans::byte_span;

/// What a piece of a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// A word of the language.
    Keyword,
    /// A name.
    Name,
    /// A text in quotes.
    Text,
    /// A number.
    Number,
    /// A comment.
    Comment,
    /// A parameter.
    Parameter,
    /// Anything else.
    Other,
}

/// The pieces of a text that are more than signs and white space, in order.
pub fn pieces(text: &str) -> Vec<(Range<usize>, Piece)> {
    match lexed(text) {
        Ok(tokens) => of_tokens(text, &tokens),
        // what is open reaches to the end
        Err(Unread { open, at, .. }) => {
            let at = at.min(text.len());
            let start = text[..at].char_indices().next_back().map_or(0, |(start, _)| start);
            let opened = open.map_or(at, |_| beginning(text, start, at));
            let mut pieces = match lexed(&text[..opened]) {
                Ok(tokens) => of_tokens(text, &tokens),
                Err(_) => Vec::new(),
            };
            pieces.push((opened..text.len(), Piece::Text));
            pieces
        }
    }
}

/// The first of two places up to which the text can be read.
fn beginning(text: &str, before: usize, at: usize) -> usize {
    if lexed(&text[..at]).is_ok() { at } else { before }
}

fn of_tokens(text: &str, tokens: &[TokenWithSpan]) -> Vec<(Range<usize>, Piece)> {
    let mut after_dot = false;
    tokens
        .iter()
        .enumerate()
        .filter_map(|(position, token)| {
            let before_dot =
                matches!(tokens.get(position + 1), Some(next) if next.token == Token::Period);
            let piece = piece(&token.token, after_dot || before_dot);
            after_dot = token.token == Token::Period;
            let span = byte_span(text, token);
            piece.map(|piece| (span.start..span.end, piece))
        })
        .collect()
}

fn piece(token: &Token, is_dotted: bool) -> Option<Piece> {
    Some(match token {
        Token::Word(word) if word.quote_style.is_some() || is_dotted => Piece::Name,
        Token::Word(word) if word.keyword == Keyword::NoKeyword && !is_ours(&word.value) => {
            Piece::Name
        }
        Token::Word(_) => Piece::Keyword,
        Token::Number(..) => Piece::Number,
        Token::SingleQuotedString(_)
        | Token::DollarQuotedString(_)
        | Token::EscapedStringLiteral(_)
        | Token::UnicodeStringLiteral(_)
        | Token::NationalStringLiteral(_)
        | Token::HexStringLiteral(_)
        | Token::TripleSingleQuotedString(_) => Piece::Text,
        Token::DoubleQuotedString(_) => Piece::Name,
        Token::Placeholder(_) => Piece::Parameter,
        Token::Whitespace(
            Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_),
        ) => Piece::Comment,
        Token::Whitespace(_) | Token::EOF => return None,
        _ => Piece::Other,
    })
}

/// Words of our own statements.
fn is_ours(word: &str) -> bool {
    ["PROVIDERS", "SERVICES", "RESOURCES", "METHODS", "EXEC", "AWAIT", "REGISTRY", "ASSERT"]
        .iter()
        .any(|own| own.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<(&str, Piece)> {
        pieces(text).into_iter().map(|(range, piece)| (&text[range], piece)).collect()
    }

    #[test]
    fn pieces_of_whole_and_open_texts() {
        use Piece::{Comment, Keyword, Name, Number, Other, Text};
        assert_eq!(
            shown("SELECT a.name, 'x' -- y\nFROM t WHERE n = 1"),
            [
                ("SELECT", Keyword),
                ("a", Name),
                (".", Other),
                ("name", Name),
                (",", Other),
                ("'x'", Text),
                ("-- y\n", Comment),
                ("FROM", Keyword),
                ("t", Name),
                ("WHERE", Keyword),
                ("n", Name),
                ("=", Other),
                ("1", Number),
            ]
        );
        assert_eq!(shown("SELECT 'open"), [("SELECT", Keyword), ("'open", Text)]);
        assert_eq!(shown("SELECT \"open"), [("SELECT", Keyword), ("\"open", Text)]);
        assert_eq!(shown("SHOW PROVIDERS"), [("SHOW", Keyword), ("PROVIDERS", Keyword)]);
        assert!(pieces("é 'ü").last().is_some_and(|(range, _)| range.end == "é 'ü".len()));
        for text in ["", "'", "\"", "/* x", "$$", "SELECT '日本"] {
            let _no_panic = pieces(text);
        }
    }
}
