//! Where tokens stand in their text.

use sqlparser::tokenizer::{Location, Token, TokenWithSpan};
use strataql_diag::{LineColumn, Span};

/// True for anything but white space and comments.
pub(crate) fn is_real(token: &TokenWithSpan) -> bool {
    !matches!(token.token, Token::Whitespace(_) | Token::EOF)
}

/// The bytes of a piece, from its first to its last real token.
pub(crate) fn piece_span(text: &str, piece: &[TokenWithSpan]) -> Span {
    let mut real = piece.iter().filter(|token| is_real(token));
    let first = real.next();
    let last = real.next_back().or(first);
    match (first, last) {
        (Some(first), Some(last)) => byte_span(text, first).to(byte_span(text, last)),
        _ => Span::new(text.len(), text.len()),
    }
}

/// The bytes of a token in the text it was lexed from.
pub fn byte_span(text: &str, token: &TokenWithSpan) -> Span {
    location_span(text, token.span)
}

/// The bytes of a parser span.
pub(crate) fn location_span(text: &str, span: sqlparser::tokenizer::Span) -> Span {
    if span.start.line == 0 {
        return Span::new(0, 0);
    }
    Span::new(Span::offset(text, position(span.start)), Span::offset(text, position(span.end)))
}

/// A position of the tokenizer.
pub(crate) fn position(location: Location) -> LineColumn {
    LineColumn {
        line: usize::try_from(location.line).unwrap_or(usize::MAX),
        column: usize::try_from(location.column).unwrap_or(usize::MAX),
    }
}
