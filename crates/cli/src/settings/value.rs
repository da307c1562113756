//! The forms of values: switches, pairs.

use clap::ValueEnum;
use strataql_diag::Result;

use super::unfit;

/// `on`, `off` and their synonyms.
pub(super) fn on_or_off(key: &str, value: &str) -> Result<bool> {
    match value.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => Err(unfit(key, value, "`on` or `off`")),
    }
}

/// One of the words that a flag takes.
pub(super) fn word<T: ValueEnum>(key: &str, value: &str) -> Result<T> {
    T::from_str(value, false).map_err(|_| {
        let words = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let words: Vec<String> = words.map(|word| format!("`{}`", word.get_name())).collect();
        unfit(key, value, &words.join(" or "))
    })
}

/// `name=value`.
pub(super) fn pair<'a>(key: &str, entry: &'a str) -> Result<(&'a str, &'a str)> {
    match entry.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim(), value.trim())),
        _ => Err(unfit(key, entry, "a name and a value: `name=value`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_have_synonyms() {
        assert_eq!(on_or_off("x", "ON"), Ok(true));
        assert_eq!(on_or_off("x", "false"), Ok(false));
        assert_eq!(on_or_off("x", "maybe").expect_err("neither").help, ["write `on` or `off`"]);
    }
}
