//! Hints of a statement: `/*+ AWAIT, NOSTATUS */`.

/// The words of hints, upper case.
pub(super) fn words<'a>(hints: impl Iterator<Item = &'a str>) -> Vec<String> {
    hints
        .flat_map(|text| text.split([' ', '\t', '\r', '\n', ',']))
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_uppercase)
        .collect()
}

/// True if the hints have a word.
pub(super) fn has(hints: &[String], word: &str) -> bool {
    hints.iter().any(|hint| hint == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_separated_by_blanks_and_commas() {
        let found = words([" await,NoStatus\n", "x"].into_iter());
        assert_eq!(found, ["AWAIT", "NOSTATUS", "X"]);
        assert!(has(&found, "AWAIT") && !has(&found, "SHOWRESULTS"));
    }
}
