//! A walk over the tokens before a position.

use std::collections::BTreeSet;

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{Expects, NamedRelation, Word};
use crate::spans::is_real;

/// What the tokens around a position say about it.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) expects: Expects,
    pub(super) relations: Vec<NamedRelation>,
    pub(super) bound: BTreeSet<String>,
}

impl Default for Scan {
    fn default() -> Self {
        Self { expects: Expects::Nothing, relations: Vec::new(), bound: BTreeSet::new() }
    }
}

/// Words after which a relation stands.
const BEFORE_RELATION: &[&str] = &["FROM", "JOIN", "INTO", "UPDATE", "REPLACE", "TABLE"];

/// Words that are no alias.
const CLAUSES: &[&str] = &[
    "WHERE",
    "ON",
    "USING",
    "JOIN",
    "LEFT",
    "RIGHT",
    "INNER",
    "FULL",
    "CROSS",
    "NATURAL",
    "LATERAL",
    "GROUP",
    "ORDER",
    "HAVING",
    "LIMIT",
    "OFFSET",
    "FETCH",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "SET",
    "VALUES",
    "SELECT",
    "RETURNING",
    "WINDOW",
    "AS",
    "FROM",
    "INTO",
    "AND",
    "OR",
    "WITH",
];

const AFTER_RELATION: &[&str] = &[
    "AS",
    "WHERE",
    "JOIN",
    "LEFT JOIN",
    "INNER JOIN",
    "CROSS JOIN",
    "FULL JOIN",
    "ON",
    "USING",
    "GROUP BY",
    "ORDER BY",
    "LIMIT",
    "UNION ALL",
    "SET",
    "VALUES",
    "RETURNING",
];
const IN_SELECT: &[&str] =
    &["DISTINCT", "FROM", "CASE", "CAST", "AS", "NOT", "NULL", "TRUE", "FALSE"];
const IN_CONDITION: &[&str] = &[
    "AND",
    "OR",
    "NOT",
    "IN",
    "IS NULL",
    "IS NOT NULL",
    "LIKE",
    "BETWEEN",
    "EXISTS",
    "CASE",
    "CAST",
    "GROUP BY",
    "ORDER BY",
    "LIMIT",
    "RETURNING",
    "NULL",
    "TRUE",
    "FALSE",
];
const IN_LIST: &[&str] =
    &["ASC", "DESC", "NULLS LAST", "HAVING", "ORDER BY", "LIMIT", "CASE", "CAST"];
const NONE: &[&str] = &[];
const SHOW: &[&str] = &[
    "PROVIDERS",
    "SERVICES IN",
    "RESOURCES IN",
    "METHODS IN",
    "EXTENDED",
    "FUNCTIONS",
    "SETTINGS",
    "TABLES",
    "VIEWS",
    "VERSION",
    "INSERT INTO",
    "UPDATE",
    "SELECT",
    "DELETE FROM",
    "EXEC",
];
const CREATE: &[&str] = &["TABLE", "VIEW", "MATERIALIZED VIEW", "OR REPLACE", "TEMPORARY"];
const DROP: &[&str] = &["TABLE", "VIEW", "MATERIALIZED VIEW"];

/// A parenthesis, or the statement.
#[derive(Debug, Clone)]
struct Frame {
    state: State,
    /// True where a `,` begins another relation.
    lists_relations: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Relation,
    AfterRelation,
    Select,
    Condition,
    List,
    Assigned,
    Value,
}

impl Scan {
    /// `before` are the tokens in front of the word and its path, `after` those behind it.
    pub(super) fn of(before: &[TokenWithSpan], after: &[TokenWithSpan], word: &Word) -> Self {
        let real = |all: &[TokenWithSpan]| -> Vec<Token> {
            let real = all.iter().filter(|token| is_real(token));
            real.map(|token| token.token.clone()).collect()
        };
        let mut before = real(before);
        if let Some(end) = before.iter().rposition(|token| *token == Token::SemiColon) {
            before.drain(..=end);
        }
        let mut after = real(after);
        if let Some(end) = after.iter().position(|token| *token == Token::SemiColon) {
            after.truncate(end);
        }
        let expects = expects(&before, word);
        let mut relations = relations(&before);
        let mut bound = bound(&before);
        relations.extend(self::relations(&after));
        bound.extend(self::bound(&after));
        Self { expects, relations, bound }
    }
}

/// The word in upper case, unless it is quoted.
fn keyword(token: &Token) -> Option<String> {
    match token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_uppercase()),
        _ => None,
    }
}

fn is(token: Option<&Token>, wanted: &str) -> bool {
    token.and_then(keyword).is_some_and(|word| word == wanted)
}

fn expects(before: &[Token], word: &Word) -> Expects {
    let mut tokens = before;
    while let [first, rest @ ..] = tokens
        && ["EXPLAIN", "ANALYZE", "VERBOSE"].iter().any(|word| is(Some(first), word))
    {
        tokens = rest;
    }
    let Some(first) = tokens.first() else { return Expects::Statement };
    let last = tokens.last();
    match keyword(first).unwrap_or_default().as_str() {
        "SHOW" => {
            let named = tokens.iter().rev().find_map(keyword).unwrap_or_default();
            match named.as_str() {
                "SHOW" | "EXTENDED" => Expects::Words(SHOW),
                "IN" | "FROM" | "INTO" | "UPDATE" | "EXEC" | "SELECT" => {
                    Expects::Name(levels_of_show(tokens))
                }
                _ => Expects::Words(&["IN", "LIKE", "WHERE"]),
            }
        }
        "USE" => Expects::Name(2),
        "DESCRIBE" | "DESC" => {
            let is_method = tokens.iter().any(|token| is(Some(token), "METHOD"));
            if is_method { Expects::Name(4) } else { Expects::Relation }
        }
        "SET" => setting(tokens),
        "EXEC" | "EXECUTE" => {
            if word.is_argument {
                return Expects::Argument { method: name_at(&tokens[1..]).0 };
            }
            match tokens.len() {
                1 => Expects::Name(4),
                _ if matches!(last, Some(Token::Eq)) => Expects::Nothing,
                _ => Expects::Argument { method: name_at(&tokens[1..]).0 },
            }
        }
        "CREATE" if tokens.len() == 1 => Expects::Words(CREATE),
        "DROP" if tokens.len() == 1 => Expects::Words(DROP),
        "REFRESH" => Expects::Words(&["MATERIALIZED VIEW"]),
        "BEGIN" | "COMMIT" | "ROLLBACK" => Expects::Nothing,
        _ => in_clauses(tokens, word),
    }
}

/// How many parts a name in SHOW has.
fn levels_of_show(tokens: &[Token]) -> usize {
    let has = |word: &str| tokens.iter().any(|token| is(Some(token), word));
    match () {
        () if has("SERVICES") => 1,
        () if has("RESOURCES") => 2,
        () if has("EXEC") => 4,
        () => 3,
    }
}

fn setting(tokens: &[Token]) -> Expects {
    let is_end = |token: &Token| *token == Token::Eq || is(Some(token), "TO");
    match tokens.iter().position(is_end) {
        Some(at) => {
            let (name, _) = name_at(&tokens[1..at]);
            Expects::Value { setting: name.join(".") }
        }
        None if tokens.len() == 1 => Expects::Setting,
        None => Expects::Words(&["="]),
    }
}

fn in_clauses(tokens: &[Token], word: &Word) -> Expects {
    let mut frames = vec![Frame { state: State::Start, lists_relations: false }];
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        let outer = frames.last().cloned();
        let Some(frame) = frames.last_mut() else { break };
        match token {
            Token::LParen => {
                let state = match outer.map_or(State::Start, |frame| frame.state) {
                    State::Relation => State::Start,
                    // INSERT INTO name (
                    State::AfterRelation => State::Assigned,
                    state => state,
                };
                frames.push(Frame { state, lists_relations: false });
            }
            Token::RParen => {
                frames.pop();
                if let Some(frame) = frames.last_mut()
                    && frame.state == State::Relation
                {
                    frame.state = State::AfterRelation;
                }
            }
            Token::Comma if frame.lists_relations && frame.state == State::AfterRelation => {
                frame.state = State::Relation;
            }
            Token::Comma if frame.state == State::Value => frame.state = State::Assigned,
            Token::Eq if frame.state == State::Assigned => frame.state = State::Value,
            Token::Word(_) => {
                let is_name = frame.state == State::Relation;
                let known = keyword(token).unwrap_or_default();
                match known.as_str() {
                    _ if is_name && !["LATERAL", "ONLY"].contains(&known.as_str()) => {
                        let (_, length) = name_at(&tokens[at - 1..]);
                        at += length.saturating_sub(1);
                        frame.state = State::AfterRelation;
                    }
                    known if BEFORE_RELATION.contains(&known) => {
                        frame.state = State::Relation;
                        frame.lists_relations = known == "FROM";
                    }
                    "SELECT" | "RETURNING" | "DISTINCT" => frame.state = State::Select,
                    "WHERE" | "ON" | "HAVING" => frame.state = State::Condition,
                    "BY" => frame.state = State::List,
                    "SET" => frame.state = State::Assigned,
                    "VALUES" | "LIMIT" | "OFFSET" => frame.state = State::Value,
                    "UNION" | "INTERSECT" | "EXCEPT" => frame.state = State::Start,
                    _ => {}
                }
            }
            _ => {}
        }
    }
    let is_after_as = is(tokens.last(), "AS");
    let state = frames.last().map_or(State::Start, |frame| frame.state);
    match state {
        _ if is_after_as && state != State::Start => Expects::Nothing,
        State::Start => Expects::Words(&["SELECT", "VALUES", "WITH", "FROM", "AS"]),
        State::Relation => Expects::Relation,
        State::AfterRelation if !word.path.is_empty() => {
            Expects::Expression { is_condition: false, words: NONE }
        }
        State::AfterRelation => Expects::Words(AFTER_RELATION),
        State::Assigned => {
            let verb = tokens.first().and_then(keyword).unwrap_or_default();
            Expects::Assigned { verb }
        }
        State::Select => Expects::Expression { is_condition: false, words: IN_SELECT },
        State::Condition => Expects::Expression { is_condition: true, words: IN_CONDITION },
        State::List => Expects::Expression { is_condition: false, words: IN_LIST },
        State::Value => Expects::Expression { is_condition: false, words: NONE },
    }
}

/// The dotted name that the tokens begin with, and how many tokens it has.
fn name_at(tokens: &[Token]) -> (Vec<String>, usize) {
    let (mut parts, mut at) = (Vec::new(), 0);
    while let Some(Token::Word(word)) = tokens.get(at) {
        parts.push(word.value.clone());
        at += 1;
        if tokens.get(at) != Some(&Token::Period) {
            break;
        }
        at += 1;
    }
    (parts, at)
}

/// The relations that the tokens name.
fn relations(tokens: &[Token]) -> Vec<NamedRelation> {
    let mut found = Vec::new();
    // depths at which a `,` begins another relation
    let (mut depth, mut lists) = (0_usize, BTreeSet::new());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        let begins = match token {
            Token::LParen => {
                depth += 1;
                false
            }
            Token::RParen => {
                lists.remove(&depth);
                depth = depth.saturating_sub(1);
                false
            }
            Token::Comma => lists.contains(&depth),
            Token::Word(_) => {
                let word = keyword(token).unwrap_or_default();
                if word == "FROM" {
                    lists.insert(depth);
                } else if CLAUSES.contains(&word.as_str()) && word != "AS" && word != "JOIN" {
                    lists.remove(&depth);
                }
                BEFORE_RELATION.contains(&word.as_str())
            }
            _ => false,
        };
        if !begins {
            continue;
        }
        let (name, length) = name_at(&tokens[at..]);
        if name.is_empty() {
            continue;
        }
        at += length;
        let mut alias = tokens.get(at);
        if is(alias, "AS") {
            alias = tokens.get(at + 1);
        }
        let alias = match alias {
            Some(Token::Word(word))
                if word.quote_style.is_some()
                    || !CLAUSES.contains(&word.value.to_uppercase().as_str()) =>
            {
                Some(word.value.clone())
            }
            _ => None,
        };
        found.push(NamedRelation { name, alias });
    }
    found
}

/// Names that are compared with `=` or IN.
fn bound(tokens: &[Token]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, token) in tokens.iter().enumerate() {
        let Token::Word(word) = token else { continue };
        let next = tokens.get(at + 1);
        let is_left = matches!(next, Some(Token::Eq)) || is(next, "IN");
        // the right side of a join's condition
        let is_right = !matches!(next, Some(Token::Period)) && follows_equality(&tokens[..at]);
        if is_left || is_right {
            found.insert(word.value.trim_start_matches('@').to_lowercase());
        }
    }
    found
}

/// True if the tokens end with `=`, or with `= name.`.
fn follows_equality(tokens: &[Token]) -> bool {
    let mut rest = tokens;
    while let [before @ .., Token::Word(_), Token::Period] = rest {
        rest = before;
    }
    matches!(rest.last(), Some(Token::Eq))
}
