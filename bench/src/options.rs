//! Options of the form `--name value`.

use std::str::FromStr;

/// Words of a command line that are still to be taken.
pub(crate) struct Options {
    words: Vec<String>,
}

impl Options {
    pub(crate) fn new(words: &[String]) -> Self {
        Self { words: words.to_vec() }
    }

    /// Takes a switch; true if it was given.
    pub(crate) fn switch(&mut self, name: &str) -> bool {
        let found = self.words.iter().position(|word| word == name);
        found.is_some_and(|at| {
            self.words.remove(at);
            true
        })
    }

    /// Takes an option with its value.
    pub(crate) fn value<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, String> {
        let Some(at) = self.words.iter().position(|word| word == name) else { return Ok(None) };
        self.words.remove(at);
        if at == self.words.len() {
            return Err(format!("`{name}` needs a value"));
        }
        let value = self.words.remove(at);
        value.parse().map(Some).map_err(|_| format!("`{name}` cannot be `{value}`"))
    }

    /// What is no option.
    pub(crate) fn rest(self) -> Result<Vec<String>, String> {
        match self.words.iter().find(|word| word.starts_with('-')) {
            Some(word) => Err(format!("there is no option `{word}`\n\n{}", crate::USAGE)),
            None => Ok(self.words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Options {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::new(&words)
    }

    #[test]
    fn options_stand_anywhere() {
        let mut options = options("count --runs 3 --save start");
        assert_eq!(options.value::<usize>("--runs"), Ok(Some(3)));
        assert!(options.switch("--save"));
        assert!(!options.switch("--list"));
        assert_eq!(options.rest(), Ok(vec!["count".to_owned(), "start".to_owned()]));
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert!(options("--runs").value::<usize>("--runs").is_err());
        assert!(options("--runs many").value::<usize>("--runs").is_err());
        assert!(options("--rnus 3").rest().is_err());
    }
}
