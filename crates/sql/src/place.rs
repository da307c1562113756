//! What a statement may have at a position: the syntax half of completion.
//!
//! Owns: the word that is being written, what may stand there, and the names around it.
//! Refuses: meaning. Whether a name exists is for the engine to say.
//! Surprise: nothing is parsed, since a statement that is being written seldom can be.

mod scan;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use strataql_diag::Span;

use self::scan::Scan;
use crate::lexer::{Open, Unread, lexed};

/// What may stand at a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The bytes of the word that is being written; what is chosen replaces them.
    pub word: Span,
    /// The word up to the position, without quotes.
    pub prefix: String,
    /// The names before the word: `a` and `b` in `a.b.wo`.
    pub path: Vec<String>,
    /// What may stand here.
    pub expects: Expects,
    /// The relations of the statement.
    pub relations: Vec<NamedRelation>,
    /// Names that have a value, lower case: `a` in `a = 1` and `a IN (…)`.
    pub bound: BTreeSet<String>,
}

/// A relation that a statement names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRelation {
    /// The parts of its name.
    pub name: Vec<String>,
    /// Its alias.
    pub alias: Option<String>,
}

/// What may stand at a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expects {
    /// Nothing that could be listed: inside of a text, a number, a comment, or before a new name.
    Nothing,
    /// The first word of a statement.
    Statement,
    /// One of these words.
    Words(&'static [&'static str]),
    /// A relation, or the provider or service that its name begins with.
    Relation,
    /// A provider or what it has, down to this many parts: service, resource, method.
    Name(usize),
    /// A parameter of a method, after `@`.
    Argument {
        /// The parts of the method's name.
        method: Vec<String>,
    },
    /// The name of a setting; the path is part of it.
    Setting,
    /// The value of a setting.
    Value {
        /// The name of the setting.
        setting: String,
    },
    /// A column that a write assigns.
    Assigned {
        /// The first word of the statement, in upper case.
        verb: String,
    },
    /// An expression.
    Expression {
        /// True where conditions stand: WHERE, ON, HAVING.
        is_condition: bool,
        /// Words that may follow instead.
        words: &'static [&'static str],
    },
}

impl Place {
    /// What may stand at a byte of the text; a position inside of a character counts as before it.
    pub fn of(text: &str, position: usize) -> Self {
        let mut position = position.min(text.len());
        while !text.is_char_boundary(position) {
            position -= 1;
        }
        let mut word = Word::before(text, position);
        let before = match lexed(&text[..word.start]) {
            Ok(tokens) => tokens,
            Err(Unread { open: Some(Open::Name), at, .. }) => {
                word = Word::quoted(text, at, position);
                match lexed(&text[..word.start]) {
                    Ok(tokens) => tokens,
                    Err(_) => return word.place(Scan::default()),
                }
            }
            Err(_) => return word.place(Scan::default()),
        };
        // a comment that is open takes the word, too
        if lexed(&text[..position]).is_err_and(|unread| unread.open == Some(Open::Comment))
            || in_line_comment(text, position)
        {
            return word.place(Scan::default());
        }
        // what follows may be anything, and is used if it can be read
        let after = lexed(&text[position..]).unwrap_or_default();
        let scan = Scan::of(&before, &after, &word);
        word.place(scan)
    }
}

/// True if the position is in a `--` comment.
fn in_line_comment(text: &str, position: usize) -> bool {
    use sqlparser::tokenizer::{Token, Whitespace};
    lexed(&text[..position]).is_ok_and(|tokens| {
        let last = tokens.iter().rev().find(|token| token.token != Token::EOF);
        last.is_some_and(|token| {
            matches!(&token.token,
                Token::Whitespace(Whitespace::SingleLineComment { comment, .. })
                    if !comment.ends_with('\n'))
        })
    })
}

/// The word at the position.
#[derive(Debug)]
struct Word {
    /// Where it and its path begin.
    start: usize,
    span: Span,
    prefix: String,
    path: Vec<String>,
    /// True after `@`.
    is_argument: bool,
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

impl Word {
    fn before(text: &str, position: usize) -> Self {
        let start = text[..position]
            .char_indices()
            .rev()
            .take_while(|(_, c)| is_word(*c))
            .last()
            .map_or(position, |(at, _)| at);
        let tail = text[position..].chars().take_while(|c| is_word(*c));
        let end = position + tail.map(char::len_utf8).sum::<usize>();
        let prefix = text[start..position].to_owned();
        Self::after(text, start, Span::new(start, end), prefix)
    }

    /// A word whose quote opens at `quote`.
    fn quoted(text: &str, quote: usize, position: usize) -> Self {
        let prefix = text[quote..position].trim_start_matches('"').replace("\"\"", "\"");
        Self::after(text, quote, Span::new(quote, position), prefix)
    }

    /// Adds the names before the word.
    fn after(text: &str, word: usize, span: Span, prefix: String) -> Self {
        let (mut start, mut path) = (word, Vec::new());
        while let Some(rest) = text[..start].strip_suffix('.') {
            let (name, at) = if let Some(inner) = rest.strip_suffix('"') {
                let Some(quote) = inner.rfind('"') else { break };
                (inner[quote + 1..].to_owned(), quote)
            } else {
                let name: String = rest.chars().rev().take_while(|c| is_word(*c)).collect();
                (name.chars().rev().collect(), rest.len() - name.len())
            };
            if name.is_empty() {
                break;
            }
            path.insert(0, name);
            start = at;
        }
        let is_argument = path.is_empty() && text[..start].ends_with('@');
        if is_argument {
            start -= 1;
        }
        Self { start, span, prefix, path, is_argument }
    }

    fn place(self, scan: Scan) -> Place {
        let is_number = self.path.is_empty() && self.prefix.starts_with(|c: char| c.is_numeric());
        let Scan { expects, relations, bound } = scan;
        let expects = if is_number { Expects::Nothing } else { expects };
        Place { word: self.span, prefix: self.prefix, path: self.path, expects, relations, bound }
    }
}
