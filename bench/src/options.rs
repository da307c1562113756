//! Options of the form `--name value`.

use std::str::FromStr;

/// The commands and their options.
pub(crate) const USAGE: &str = "strataql-bench COMMAND

  run [SCENARIO…]     measure; every scenario when none is named
    --list            name the scenarios and what each measures
    --binary PATH     the command to measure (default: `strataql` beside this program)
    --runs N          runs of which the median counts (default 5; starts: 6 times as many)
    --json FILE       write the figures as JSON, too
    --save            write them to bench/history/<date>.json; refused on a busy machine
  serve               the server alone, until it is stopped
    --port N          (default 0: any)
    --rows N          objects of each list (default 10000)
    --page-rows N     objects of a page when the request names no page size (default 1000)
    --keys N          different principals among the custom apps (default 200)
    --latency MS      wait before each answer of the API (default 0)
    --threads N       threads that answer (default 1)";

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
            Some(word) => Err(format!("there is no option `{word}`\n\n{USAGE}")),
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
