//! `EXCLUDE` of window frames, which `sqlparser` does not support.
//!
//! The words become a text in front of the keys of PARTITION BY: a constant, which changes nothing for a
//! reader that does not know it.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use crate::spans::is_real;

/// Begins the text that holds the words after EXCLUDE; no statement can spell it.
pub const EXCLUDE: &str = "\u{1}exclude ";

/// Moves the words of each frame.
pub(super) fn move_exclusions(tokens: &mut Vec<TokenWithSpan>) {
    let mut from = 0;
    while let Some(at) = (from..tokens.len()).find(|at| is_word(&tokens[*at], "EXCLUDE")) {
        from = at + 1;
        let next: Vec<usize> =
            (at + 1..tokens.len()).filter(|at| is_real(&tokens[*at])).take(3).collect();
        let is = |position: usize, name: &str| {
            next.get(position).is_some_and(|at| is_word(&tokens[*at], name))
        };
        let (words, count) = if is(0, "CURRENT") && is(1, "ROW") {
            ("current row", 2)
        } else if is(0, "NO") && is(1, "OTHERS") {
            ("", 2)
        } else if is(0, "GROUP") {
            ("group", 1)
        } else if is(0, "TIES") {
            ("ties", 1)
        } else {
            continue;
        };
        let is_end = next.get(count).is_some_and(|at| tokens[*at].token == Token::RParen);
        let Some(open) = opening(&tokens[..at]).filter(|_| is_end) else { continue };
        let span = tokens[at].span;
        tokens.drain(at..=next[count - 1]);
        if words.is_empty() {
            continue;
        }
        let mut text = vec![Token::SingleQuotedString(format!("{EXCLUDE}{words}"))];
        let mut real = (open + 1..tokens.len()).filter(|at| is_real(&tokens[*at]));
        let mut place = real.next().unwrap_or(open + 1);
        let clauses = ["PARTITION", "ORDER", "ROWS", "RANGE", "GROUPS"];
        if !clauses.iter().any(|name| is_word(&tokens[place], name)) {
            // the window that this one is built on
            place = real.next().unwrap_or(place);
        }
        if is_word(&tokens[place], "PARTITION") {
            place = real.next().unwrap_or(place) + 1;
            text.push(Token::Comma);
        } else {
            let word = |value: &str, keyword| {
                Token::Word(Word { value: value.to_owned(), quote_style: None, keyword })
            };
            text.splice(0..0, [word("PARTITION", Keyword::PARTITION), word("BY", Keyword::BY)]);
        }
        let text = text.into_iter().map(|token| TokenWithSpan { token, span });
        tokens.splice(place..place, text);
    }
}

/// The parenthesis that is open at the end.
fn opening(tokens: &[TokenWithSpan]) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().rev() {
        match token.token {
            Token::RParen => depth += 1,
            Token::LParen if depth == 0 => return Some(at),
            Token::LParen => depth -= 1,
            _ => {}
        }
    }
    None
}

fn is_word(token: &TokenWithSpan, name: &str) -> bool {
    matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use crate::parse::tests::shown;

    #[test]
    fn exclusions_are_keys() {
        let moved = |text: &str| shown(text).replace('\u{1}', "#");
        assert_eq!(
            moved(
                "SELECT sum(v) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) FROM w"
            ),
            "SELECT sum(v) OVER (PARTITION BY '#exclude current row' ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM w"
        );
        assert_eq!(
            moved(
                "SELECT sum(v) OVER (p PARTITION BY f(g) RANGE UNBOUNDED PRECEDING EXCLUDE TIES)"
            ),
            "SELECT sum(v) OVER (p PARTITION BY '#exclude ties', f(g) RANGE UNBOUNDED PRECEDING)"
        );
        assert_eq!(
            moved("SELECT sum(v) OVER (p ROWS CURRENT ROW EXCLUDE GROUP)"),
            "SELECT sum(v) OVER (p PARTITION BY '#exclude group' ROWS CURRENT ROW)"
        );
        assert_eq!(
            moved("SELECT sum(v) OVER (ROWS CURRENT ROW EXCLUDE NO OTHERS)"),
            "SELECT sum(v) OVER (ROWS CURRENT ROW)"
        );
        assert_eq!(moved("SELECT exclude FROM t"), "SELECT exclude FROM t");
    }
}
