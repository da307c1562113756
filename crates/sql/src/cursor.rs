//! A cursor over the tokens of one statement, for the dialect's own statements.

use sqlparser::tokenizer::{Token, TokenWithSpan};
use strataql_diag::{Code, Report, Span};

use crate::ast::{Literal, Name, NamePart};
use crate::lexer::hints;
use crate::spans::{byte_span, is_real};

/// Reads tokens one by one; comments are skipped, hints collected.
pub(crate) struct Cursor<'a> {
    text: &'a str,
    tokens: Vec<&'a TokenWithSpan>,
    at: usize,
    pub(crate) hints: Vec<String>,
}

type Read<T> = Result<T, Box<Report>>;

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str, tokens: &'a [TokenWithSpan]) -> Self {
        Self {
            text,
            hints: tokens.iter().filter_map(hints).flatten().collect(),
            tokens: tokens.iter().filter(|token| is_real(token)).collect(),
            at: 0,
        }
    }

    pub(crate) fn peek(&self) -> Option<&'a TokenWithSpan> {
        self.tokens.get(self.at).copied()
    }

    pub(crate) fn peek_at(&self, ahead: usize) -> Option<&'a TokenWithSpan> {
        self.tokens.get(self.at + ahead).copied()
    }

    pub(crate) fn next(&mut self) -> Option<&'a TokenWithSpan> {
        let token = self.peek();
        self.at += 1;
        token
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.peek().is_none()
    }

    /// The tokens from here on.
    pub(crate) fn rest(&self) -> Vec<TokenWithSpan> {
        self.tokens[self.at.min(self.tokens.len())..].iter().map(|token| (*token).clone()).collect()
    }

    /// The bytes of the next token, or the end of the statement.
    pub(crate) fn here(&self) -> Span {
        match (self.peek(), self.tokens.last()) {
            (Some(token), _) => byte_span(self.text, token),
            (None, Some(last)) => {
                let end = byte_span(self.text, last).end;
                Span::new(end, end)
            }
            (None, None) => Span::new(0, 0),
        }
    }

    pub(crate) fn all(&self) -> Span {
        match (self.tokens.first(), self.tokens.last()) {
            (Some(first), Some(last)) => byte_span(self.text, first).to(byte_span(self.text, last)),
            _ => Span::new(0, 0),
        }
    }

    /// True if the next token is that unquoted word (any case).
    pub(crate) fn sees(&self, word: &str) -> bool {
        self.peek().is_some_and(|token| is_word(token, word))
    }

    /// True if the next tokens are those words.
    pub(crate) fn sees_all(&self, words: &[&str]) -> bool {
        words
            .iter()
            .enumerate()
            .all(|(ahead, word)| self.peek_at(ahead).is_some_and(|token| is_word(token, word)))
    }

    /// Takes the word if it is next.
    pub(crate) fn accept(&mut self, word: &str) -> bool {
        let seen = self.sees(word);
        if seen {
            self.at += 1;
        }
        seen
    }

    pub(crate) fn accept_token(&mut self, wanted: &Token) -> bool {
        let seen = self.peek().is_some_and(|token| &token.token == wanted);
        if seen {
            self.at += 1;
        }
        seen
    }

    pub(crate) fn expect(&mut self, word: &str) -> Read<()> {
        if self.accept(word) { Ok(()) } else { Err(self.unexpected(&format!("`{word}`"))) }
    }

    pub(crate) fn expect_token(&mut self, wanted: &Token) -> Read<()> {
        if self.accept_token(wanted) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("`{wanted}`")))
        }
    }

    /// An error unless the statement ends here.
    pub(crate) fn expect_end(&self) -> Read<()> {
        if self.is_at_end() { Ok(()) } else { Err(self.unexpected("the end of the statement")) }
    }

    /// A syntax error at the next token.
    pub(crate) fn unexpected(&self, wanted: &str) -> Box<Report> {
        let found = match self.peek() {
            Some(token) => format!("`{}`", token.token),
            None => "the end of the statement".to_owned(),
        };
        let message = format!("expected {wanted}, found {found}");
        let help = crate::error::next_step(&message, self.text);
        Box::new(Report::new(Code::Syntax, message).with_label(self.here(), "").with_help(help))
    }

    /// A dotted name of at least one part.
    pub(crate) fn name(&mut self, what: &str) -> Read<Name> {
        let mut parts = vec![self.part(what)?];
        while self.accept_token(&Token::Period) {
            parts.push(self.part("a name after `.`")?);
        }
        let span = parts[0].span.to(parts[parts.len() - 1].span);
        Ok(Name { parts, span })
    }

    fn part(&mut self, what: &str) -> Read<NamePart> {
        match self.peek().map(|token| &token.token) {
            Some(Token::Word(word)) => {
                let part = NamePart {
                    value: word.value.clone(),
                    quoted: word.quote_style.is_some(),
                    span: self.here(),
                };
                self.at += 1;
                Ok(part)
            }
            _ => Err(self.unexpected(what)),
        }
    }

    /// A literal: text, number (signed), TRUE, FALSE or NULL.
    pub(crate) fn literal(&mut self) -> Read<Literal> {
        let negative = self.accept_token(&Token::Minus);
        let literal = match self.peek().map(|token| &token.token) {
            Some(Token::Number(digits, _)) => {
                Literal::Number(if negative { format!("-{digits}") } else { digits.clone() })
            }
            _ if negative => return Err(self.unexpected("a number")),
            Some(
                Token::SingleQuotedString(text)
                | Token::EscapedStringLiteral(text)
                | Token::NationalStringLiteral(text),
            ) => Literal::Text(text.clone()),
            Some(Token::DollarQuotedString(text)) => Literal::Text(text.value.clone()),
            Some(Token::Word(word)) if word.quote_style.is_none() => {
                match word.value.to_ascii_lowercase().as_str() {
                    "true" => Literal::Boolean(true),
                    "false" => Literal::Boolean(false),
                    "null" => Literal::Null,
                    _ => return Err(self.unexpected("a literal value")),
                }
            }
            _ => return Err(self.unexpected("a literal value")),
        };
        self.at += 1;
        Ok(literal)
    }

    /// True if a text in single quotes is next.
    pub(crate) fn sees_text(&self) -> bool {
        matches!(self.peek().map(|token| &token.token), Some(Token::SingleQuotedString(_)))
    }

    /// Text in quotes.
    pub(crate) fn quoted_text(&mut self, what: &str) -> Read<String> {
        if let Ok(Literal::Text(text)) = self.literal() {
            Ok(text)
        } else {
            self.at = self.at.saturating_sub(usize::from(self.is_at_end()));
            Err(self.unexpected(what))
        }
    }
}

fn is_word(token: &TokenWithSpan, word: &str) -> bool {
    matches!(&token.token, Token::Word(found) if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
}
