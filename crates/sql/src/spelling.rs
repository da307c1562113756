//! Respelling: identifiers in the case that the documents use.
//!
//! Owns: the map from a lower-case word to its spelling, and its use on tokens (exact match, else the
//! only case-insensitive match: docs/decisions/0004-names-match-in-any-case.md).
//! Surprise: quoted words are never changed, nor are keys of nested values and new names of columns. A
//! word with two spellings stays as written.

use std::collections::HashMap;

use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::roles::{Role, TableNames, roles};

/// Lower-case word → its spellings.
#[derive(Debug, Clone, Default)]
pub struct Spelling {
    known: HashMap<String, Vec<String>>,
    /// Other words for names, which count only where nothing is called so.
    others: HashMap<String, String>,
}

impl Spelling {
    /// Adds a name in the spelling of its document.
    pub fn add(&mut self, name: &str) {
        let spellings = self.known.entry(name.to_lowercase()).or_default();
        if !spellings.iter().any(|known| known == name) {
            spellings.push(name.to_owned());
        }
    }

    /// Adds another word for a name.
    pub fn add_other(&mut self, word: &str, name: &str) {
        self.others.entry(word.to_lowercase()).or_insert_with(|| name.to_owned());
    }

    /// Gives words that no document has the spelling of their first occurrence, first of all that of the
    /// column that is called so in the statement.
    pub fn complete(&mut self, tokens: &[TokenWithSpan], tables: &TableNames) {
        let roles = roles(tokens, tables, &|word| self.is_known(word));
        let words = tokens.iter().zip(&roles).filter_map(|(token, role)| match &token.token {
            Token::Word(word) => role.map(|role| (word, role)),
            _ => None,
        });
        let (outputs, words): (Vec<_>, Vec<_>) = words
            .filter(|(_, role)| *role != Role::Key)
            .partition(|(_, role)| *role == Role::Output);
        for (word, _) in outputs {
            self.add(&word.value);
        }
        for (word, _) in words {
            let key = word.value.to_lowercase();
            if !self.others.contains_key(&key) {
                self.known.entry(key).or_insert_with(|| vec![word.value.clone()]);
            }
        }
    }

    /// The only spelling of a word, if there is just one.
    pub fn of(&self, word: &str) -> Option<&str> {
        let key = word.to_lowercase();
        match self.known.get(&key).map(Vec::as_slice) {
            Some([one]) => Some(one),
            Some(_) => None,
            None => self.others.get(&key).map(String::as_str),
        }
    }

    /// All spellings of a word.
    pub fn all(&self, word: &str) -> &[String] {
        self.known.get(&word.to_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// True if some name is spelt like the word but for case.
    pub fn is_known(&self, word: &str) -> bool {
        let key = word.to_lowercase();
        self.known.contains_key(&key) || self.others.contains_key(&key)
    }
}

/// Respells unquoted words.
pub fn respell(tokens: &mut [TokenWithSpan], spelling: &Spelling, tables: &TableNames) {
    let roles = roles(tokens, tables, &|word| spelling.is_known(word));
    for (token, role) in tokens.iter_mut().zip(roles) {
        if let Token::Word(word) = &mut token.token
            && word.quote_style.is_none()
            && !matches!(role, Some(Role::Key | Role::Output))
            && let Some(known) = spelling.of(&word.value)
            && known != word.value
        {
            known.clone_into(&mut word.value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn respelt(text: &str, names: &[&str]) -> String {
        let mut parsed = crate::parse(text).expect("parses").pop().expect("one");
        let crate::Statement::Query(query) = &parsed.statement else { panic!("no query") };
        let tables = TableNames::of(query.as_ref());
        let mut spelling = Spelling::default();
        for name in names {
            spelling.add(name);
        }
        spelling.add_other("data__size", "Size");
        spelling.complete(&parsed.tokens, &tables);
        respell(&mut parsed.tokens, &spelling, &tables);
        parsed.tokens.iter().map(|token| token.token.to_string()).collect()
    }

    #[test]
    fn unquoted_words_take_the_only_known_spelling() {
        assert_eq!(
            respelt(
                "SELECT INSTANCEID, \"instanceid\", Name, X FROM t AS x",
                &["instanceId", "Name", "name"]
            ),
            "SELECT instanceId, \"instanceid\", Name, X FROM t AS X"
        );
        assert_eq!(respelt("SELECT data__Size FROM t", &["Size"]), "SELECT Size FROM t");
    }

    #[test]
    fn keys_and_output_names_stay_as_written() {
        assert_eq!(
            respelt("SELECT TAGS.Name, v.NAME, v.Tags.NAME AS Name FROM t V", &["name", "tags"]),
            "SELECT tags.Name, v.NAME, v.tags.NAME AS Name FROM t v"
        );
        assert_eq!(
            respelt("SELECT total FROM (SELECT 1 AS Total) ORDER BY TOTAL", &[]),
            "SELECT Total FROM (SELECT 1 AS Total) ORDER BY Total"
        );
    }
}
