//! Words that `sqlparser` reads in other dialects only, or leaves out.
//!
//! Owns: `AS [NOT] MATERIALIZED (…)`, which is a hint; FROM without SELECT, `TABLE t`; FROM without characters in trim.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Select, SelectFlavor, SelectItem, VisitMut, VisitorMut, WildcardAdditionalOptions,
};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::spans::is_real;

/// Removes these words.
pub(super) fn drop_materialized(tokens: &mut Vec<TokenWithSpan>) {
    if !tokens.iter().any(|token| is_word(token, "MATERIALIZED")) {
        return;
    }
    let mut all: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    for (position, token) in tokens.iter().enumerate() {
        let mut before = all.iter().rev().filter(|token| is_real(token));
        let (last, second) = (before.next(), before.next());
        let follows = |name: &str| last.is_some_and(|last| is_word(last, name));
        let next = tokens[position + 1..].iter().find(|token| is_real(token));
        let is_query = next.is_some_and(|next| next.token == Token::LParen);
        let is_not = follows("NOT") && second.is_some_and(|second| is_word(second, "AS"));
        if is_word(token, "MATERIALIZED") && is_query && (follows("AS") || is_not) {
            if is_not {
                let at = all.iter().rposition(|token| is_word(token, "NOT"));
                all.truncate(at.unwrap_or(all.len()));
            }
            continue;
        }
        all.push(token.clone());
    }
    *tokens = all;
}

/// Removes FROM of `trim(LEADING FROM x)`.
pub(super) fn drop_trim_from(tokens: &mut Vec<TokenWithSpan>) {
    let is_where = |token: &TokenWithSpan| {
        ["LEADING", "TRAILING", "BOTH"].into_iter().any(|word| is_word(token, word))
    };
    let mut dropped = Vec::new();
    let real: Vec<usize> = (0..tokens.len()).filter(|&at| is_real(&tokens[at])).collect();
    for places in real.windows(4) {
        let &[name, open, place, from] = places else { continue };
        if is_word(&tokens[name], "TRIM")
            && tokens[open].token == Token::LParen
            && is_where(&tokens[place])
            && is_word(&tokens[from], "FROM")
        {
            dropped.push(from);
        }
    }
    for at in dropped.into_iter().rev() {
        tokens.remove(at);
    }
}

/// `TABLE t` as `FROM t`, which selects all columns.
pub(super) fn from_table(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let mut tokens = tokens.to_vec();
    if let Some(first) = tokens.iter_mut().find(|token| is_real(token)) {
        first.token = Token::make_keyword("FROM");
    }
    tokens
}

/// Makes `FROM t` select all columns.
pub(super) fn select_all(tree: &mut impl VisitMut) {
    struct Selects;

    impl VisitorMut for Selects {
        type Break = ();

        fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
            if select.flavor == SelectFlavor::FromFirstNoSelect {
                select.flavor = SelectFlavor::Standard;
                let options = WildcardAdditionalOptions::default();
                select.projection = vec![SelectItem::Wildcard(options)];
            }
            ControlFlow::Continue(())
        }
    }

    let _done = tree.visit(&mut Selects);
}

fn is_word(token: &TokenWithSpan, name: &str) -> bool {
    matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    fn shown(text: &str) -> String {
        let crate::Statement::Query(query) =
            crate::parse(text).expect(text).pop().expect("one").statement
        else {
            panic!("{text}")
        };
        query.to_string()
    }

    #[test]
    fn from_alone_selects_all_columns() {
        assert_eq!(shown("FROM t"), "SELECT * FROM t");
        assert_eq!(shown("SELECT * FROM (FROM t) AS q"), "SELECT * FROM (SELECT * FROM t) AS q");
    }

    #[test]
    fn a_table_alone_selects_all_columns() {
        assert_eq!(shown("TABLE t ORDER BY x"), "SELECT * FROM t ORDER BY x");
    }

    #[test]
    fn trim_needs_no_characters() {
        assert_eq!(shown("SELECT trim(leading from x)"), "SELECT TRIM(LEADING x)");
        assert_eq!(shown("SELECT trim(both 'a' from x)"), "SELECT TRIM(BOTH 'a' FROM x)");
    }

    #[test]
    fn materialized_is_a_hint() {
        let plain = "WITH a AS (SELECT 1) SELECT * FROM a";
        assert_eq!(shown("WITH a AS MATERIALIZED (SELECT 1) SELECT * FROM a"), plain);
        assert_eq!(shown("WITH a AS NOT MATERIALIZED (SELECT 1) SELECT * FROM a"), plain);
        assert_eq!(shown("SELECT materialized FROM a"), "SELECT materialized FROM a");
    }
}
