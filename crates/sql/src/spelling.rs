//! Respelling: identifiers in the case that the documents use.
//!
//! Owns: the map from a lower-case word to its spelling, and its use on tokens (exact match, else the
//! only case-insensitive match: docs/decisions/0004-names-match-in-any-case.md).
//! Surprise: quoted words are never changed, and a word with two spellings stays as written.

use std::collections::HashMap;

use sqlparser::tokenizer::{Token, TokenWithSpan};

/// Lower-case word → its spellings.
#[derive(Debug, Clone, Default)]
pub struct Spelling {
    known: HashMap<String, Vec<String>>,
}

impl Spelling {
    /// Adds a name in the spelling of its document.
    pub fn add(&mut self, name: &str) {
        let spellings = self.known.entry(name.to_lowercase()).or_default();
        if !spellings.iter().any(|known| known == name) {
            spellings.push(name.to_owned());
        }
    }

    /// Gives words that no document has the spelling of their first occurrence.
    pub fn complete(&mut self, tokens: &[TokenWithSpan]) {
        for token in tokens {
            if let Token::Word(word) = &token.token {
                let key = word.value.to_lowercase();
                self.known.entry(key).or_insert_with(|| vec![word.value.clone()]);
            }
        }
    }

    /// The only spelling of a word, if there is just one.
    pub fn of(&self, word: &str) -> Option<&str> {
        match self.known.get(&word.to_lowercase())?.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// All spellings of a word.
    pub fn all(&self, word: &str) -> &[String] {
        self.known.get(&word.to_lowercase()).map_or(&[], Vec::as_slice)
    }
}

/// Respells unquoted words.
pub fn respell(tokens: &mut [TokenWithSpan], spelling: &Spelling) {
    for token in tokens {
        if let Token::Word(word) = &mut token.token
            && word.quote_style.is_none()
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
    use crate::lexer::tokens;

    #[test]
    fn unquoted_words_take_the_only_known_spelling() {
        let mut list =
            tokens("SELECT INSTANCEID, \"instanceid\", Name, X FROM t AS x").expect("lexes");
        let mut spelling = Spelling::default();
        spelling.add("instanceId");
        spelling.add("Name");
        spelling.add("name");
        spelling.complete(&list);
        respell(&mut list, &spelling);
        let shown: String = list.iter().map(|token| token.token.to_string()).collect();
        assert_eq!(shown, "SELECT instanceId, \"instanceid\", Name, X FROM t AS X");
    }
}
