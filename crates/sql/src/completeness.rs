//! Whether a text is complete: for whoever reads statements line by line.

use sqlparser::tokenizer::Token;
use strataql_diag::Report;

use crate::lexer::{Open, Unread, is_g, lexed, open_comment, tokens};
use crate::parse::parse;
use crate::spans::{byte_span, is_real};

/// Whether the statements of a text are complete.
#[derive(Debug, Clone, PartialEq)]
pub enum Completeness {
    /// The text has no statement, or its last one ends with `;` or `\G`, and all can be read.
    Complete,
    /// More has to follow.
    Incomplete {
        /// What is open.
        open: Open,
        /// The byte where that begins; the end of the text for a terminator.
        at: usize,
    },
    /// No text that follows makes a statement of it.
    Invalid(Box<Report>),
}

/// Whether the statements of `text` are complete.
pub fn completeness(text: &str) -> Completeness {
    let all = match lexed(text) {
        Ok(all) => all,
        Err(Unread { open: Some(open), at, .. }) => {
            let at = match open {
                Open::Comment => open_comment(text).unwrap_or(at),
                _ => at,
            };
            // what came before may be wrong already
            let before = ends(text, at).unwrap_or(0);
            return match parse(&text[..before]) {
                Err(report) => Completeness::Invalid(report),
                Ok(_) => Completeness::Incomplete { open, at },
            };
        }
        Err(unread) => return Completeness::Invalid(unread.report()),
    };
    if let Err(report) = tokens(text) {
        return Completeness::Invalid(report);
    }
    // places are computed for the few tokens that need one
    let mut opened = Vec::new();
    let (mut end, mut is_open) = (None, false);
    let mut after_backslash = false;
    for token in all.iter().filter(|token| is_real(token)) {
        let ends_vertical = after_backslash && is_g(token);
        after_backslash = token.token == Token::Backslash;
        if ends_vertical {
            opened.clear();
            (end, is_open) = (Some(token), false);
            continue;
        }
        is_open = true;
        match token.token {
            Token::LParen | Token::LBracket | Token::LBrace => opened.push(token),
            Token::RParen | Token::RBracket | Token::RBrace if opened.pop().is_none() => {
                // the parser says what it expected
                return match parse(text) {
                    Err(report) => Completeness::Invalid(report),
                    Ok(_) => Completeness::Complete,
                };
            }
            Token::SemiColon => {
                opened.clear();
                (end, is_open) = (Some(token), false);
            }
            _ => {}
        }
    }
    let end = end.map_or(0, |token| byte_span(text, token).end);
    if let Err(report) = parse(&text[..end]) {
        return Completeness::Invalid(report);
    }
    match opened.last() {
        Some(token) => {
            let at = byte_span(text, token).start;
            Completeness::Incomplete { open: Open::Parenthesis, at }
        }
        None if is_open => Completeness::Incomplete { open: Open::Terminator, at: text.len() },
        None => Completeness::Complete,
    }
}

/// The end of the last `;` before a position up to which the text can be read.
fn ends(text: &str, before: usize) -> Option<usize> {
    let all = lexed(text.get(..before)?).ok()?;
    let last = all.iter().rev().find(|token| token.token == Token::SemiColon)?;
    Some(byte_span(text, last).end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &str) -> (Open, usize) {
        match completeness(text) {
            Completeness::Incomplete { open, at } => (open, at),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_terminator_completes() {
        for text in [
            "SELECT 1;",
            "SELECT 1\\G",
            "",
            "  -- nothing\n",
            "SELECT ';' ; SELECT (2);\n/* ; */",
            ";;",
        ] {
            assert_eq!(completeness(text), Completeness::Complete, "{text}");
        }
        assert_eq!(open("SELECT 1"), (Open::Terminator, 8));
        assert_eq!(open("SELECT 1; SELECT\n  2 -- ;"), (Open::Terminator, 25));
    }

    #[test]
    fn what_is_open_has_its_place() {
        assert_eq!(open("SELECT 'a;"), (Open::Text, 7));
        assert_eq!(open("SELECT 1; SELECT 'it''s;"), (Open::Text, 17));
        assert_eq!(open("SELECT \"a;"), (Open::Name, 7));
        assert_eq!(open("SELECT 1 /* a; "), (Open::Comment, 9));
        assert_eq!(open("SELECT f(1, (2)"), (Open::Parenthesis, 8));
        assert_eq!(open("SELECT ("), (Open::Parenthesis, 7));
        assert_eq!(open("SELECT 'ä' AS x, [1"), (Open::Parenthesis, 18));
    }

    #[test]
    fn what_can_never_be_read_is_a_report() {
        let place = |text: &str| match completeness(text) {
            Completeness::Invalid(report) => report.labels.first().map(|label| label.span.start),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(place("SELECT (1 2);"), Some(10));
        assert_eq!(place("SELEC 1; SELECT 'a"), Some(0));
        assert!(place("SELECT (1;").is_some());
        assert!(place("SELECT 1)").is_some());
    }
}
