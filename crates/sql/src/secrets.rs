//! Literals of a statement that stand for secrets.
//!
//! Owns: which literals belong to a name that suggests a secret, before anything is known about names.
//! Surprise: it reads tokens, so that it also works for statements that fail later.

use sqlparser::tokenizer::Token;
use strataql_diag::is_secret_name;

use crate::ast::Parsed;

/// The value of a literal.
pub fn literal_text(token: &Token) -> Option<String> {
    match token {
        Token::Number(text, _)
        | Token::SingleQuotedString(text)
        | Token::EscapedStringLiteral(text)
        | Token::UnicodeStringLiteral(text)
        | Token::NationalStringLiteral(text)
        | Token::TripleSingleQuotedString(text)
        | Token::SingleQuotedByteStringLiteral(text)
        | Token::HexStringLiteral(text) => Some(text.clone()),
        Token::DollarQuotedString(text) => Some(text.value.clone()),
        _ => None,
    }
}

/// The literals that are compared with, assigned to or inserted under names that suggest secrets.
pub fn secret_literals(parsed: &Parsed) -> Vec<String> {
    let tokens: Vec<&Token> = parsed
        .tokens
        .iter()
        .map(|token| &token.token)
        .filter(|token| !matches!(token, Token::Whitespace(_)))
        .collect();
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if is_named_secret(token) {
            found.extend(compared(&tokens[at + 1..]));
        }
    }
    found.extend(inserted(&tokens));
    found
}

fn is_named_secret(token: &Token) -> bool {
    matches!(token, Token::Word(word) if is_secret_name(&word.value))
}

/// True for a key word.
fn is_word(token: &Token, expected: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected))
}

/// The literals after a name: `= 'x'`, `IN ('x', 'y')`, `LIKE 'x'`, also with a cast or in parentheses.
fn compared(tokens: &[&Token]) -> Vec<String> {
    let operators = tokens
        .iter()
        .take_while(|token| {
            matches!(
                token,
                Token::Eq
                    | Token::Neq
                    | Token::DoubleEq
                    | Token::RArrow
                    | Token::Assignment
                    | Token::LParen
                    | Token::Colon
            ) || ["not", "in", "like", "ilike", "is", "distinct", "from", "any", "values"]
                .iter()
                .any(|word| is_word(token, word))
        })
        .count();
    if operators == 0 {
        return Vec::new();
    }
    let mut literals = Vec::new();
    for token in &tokens[operators..] {
        match literal_text(token) {
            Some(text) => literals.push(text),
            None if matches!(token, Token::Comma | Token::StringConcat) => {}
            None => break,
        }
        if operators == 1 && !matches!(tokens[0], Token::LParen) {
            break;
        }
    }
    literals
}

/// The literals of `INSERT INTO t (a, b) VALUES (…)` and `… SELECT …` in the places of secret columns.
fn inserted(tokens: &[&Token]) -> Vec<String> {
    let is_insert = |token: &&&Token| is_word(token, "insert") || is_word(token, "replace");
    if tokens.iter().take(8).find(is_insert).is_none() {
        return Vec::new();
    }
    let Some(open) = tokens.iter().position(|token| **token == Token::LParen) else {
        return Vec::new();
    };
    let Some(length) = tokens[open..].iter().position(|token| **token == Token::RParen) else {
        return Vec::new();
    };
    let columns: Vec<bool> = tokens[open + 1..open + length]
        .split(|token| **token == Token::Comma)
        .map(|column| column.iter().any(|token| is_named_secret(token)))
        .collect();
    if !columns.contains(&true) {
        return Vec::new();
    }
    let rest = &tokens[open + length + 1..];
    // depth 0 is the list of a SELECT, 1 a row of VALUES
    let row_depth = usize::from(rest.first().is_some_and(|token| is_word(token, "values")));
    let (mut depth, mut column) = (0, 0);
    let mut found = Vec::new();
    for token in rest {
        match token {
            Token::LParen => {
                depth += 1;
                if depth == row_depth {
                    column = 0;
                }
            }
            Token::RParen => depth = depth.saturating_sub(1),
            Token::Comma if depth == row_depth => column += 1,
            token if row_depth == 0 && depth == 0 && is_word(token, "select") => column = 0,
            token if row_depth == 0 && depth == 0 && is_word(token, "from") => column = usize::MAX,
            token if columns.get(column) == Some(&true) && depth >= row_depth => {
                found.extend(literal_text(token));
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let parsed = crate::parse(text).expect("valid").remove(0);
        assert_eq!(secret_literals(&parsed), expected, "{text}");
    }

    #[test]
    fn literals_under_names_of_secrets_are_found() {
        check("SELECT id FROM t WHERE api_key = 'a' AND name = 'b'", &["a"]);
        check(
            "SELECT id FROM t WHERE name = 'b' AND \"X-Token\" IN ('a', 'c') AND x = 'd'",
            &["a", "c"],
        );
        check("SELECT id FROM t WHERE page_token = 'a' AND t.secret <> 5", &["5"]);
        check("UPDATE t SET passphrase = 'a', name = 'b' WHERE id = 'c'", &["a"]);
        check(
            "INSERT INTO t (id, password, pin_secret) VALUES ('x', 'a', 1), ('y', 'b', 2)",
            &["a", "1", "b", "2"],
        );
        check(
            "INSERT INTO t (password, id) SELECT 'a' || 'b', 'x' FROM u WHERE id = 'y'",
            &["a", "b"],
        );
        check("SELECT password, 'x' FROM t", &[]);
        check("EXPLAIN SELECT id FROM t WHERE token = 'a'", &["a"]);
    }
}
