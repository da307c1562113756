//! The environment of the process; the only module that reads it.
//!
//! Owns: the names of the variables that strataql knows, and [`Environment`].
//! Refuses: interpretation; `settings` parses values, providers' credentials are looked up where
//! they are used.
//! Surprise: an empty variable counts as absent, as in the XDG specification. In the sandbox the
//! whole environment is absent.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use strataql_diag::{Code, Report, Result};

/// An environment variable that is no key of the configuration file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    /// What it does.
    pub(crate) meaning: &'static str,
}

const fn variable(name: &'static str, meaning: &'static str) -> Variable {
    Variable { name, meaning }
}

pub(crate) const STRATAQL_CONFIG: Variable = variable(
    "STRATAQL_CONFIG",
    "the configuration file, instead of `$XDG_CONFIG_HOME/strataql/config.toml`",
);
pub(crate) const STRATAQL_MCP_TOKEN: Variable =
    variable("STRATAQL_MCP_TOKEN", "the token that clients of `strataql mcp --http` have to bring");
pub(crate) const HOME: Variable = variable("HOME", "the folder of the user");
pub(crate) const XDG_DATA_HOME: Variable =
    variable("XDG_DATA_HOME", "base of the folder for data; `$HOME/.local/share` if it is not set");
pub(crate) const XDG_CACHE_HOME: Variable = variable(
    "XDG_CACHE_HOME",
    "base of the folder for compiled documents; `$HOME/.cache` if it is not set",
);
pub(crate) const XDG_CONFIG_HOME: Variable = variable(
    "XDG_CONFIG_HOME",
    "base of the folder for the configuration file; `$HOME/.config` if it is not set",
);
pub(crate) const PAGER: Variable = variable(
    "PAGER",
    "what `strataql shell` shows results in that do not fit the screen; `less` without it",
);
pub(crate) const VISUAL: Variable = variable("VISUAL", "what `\\e` of `strataql shell` edits in");
pub(crate) const EDITOR: Variable = variable("EDITOR", "the same, if `VISUAL` is not set");
pub(crate) const NO_COLOR: Variable = variable("NO_COLOR", "no colours, whatever its value");
pub(crate) const TERM: Variable =
    variable("TERM", "the kind of terminal; `dumb` has no colours and no progress line");

pub(crate) const STRATAQL_VAR: Variable = variable(
    "STRATAQL_VAR_<name>",
    "the value of `{{ name }}`, unless `--var` or `--vars` gives one; also with the name in upper case",
);

/// Every one of them.
pub(crate) const VARIABLES: [Variable; 12] = [
    STRATAQL_CONFIG,
    STRATAQL_MCP_TOKEN,
    STRATAQL_VAR,
    HOME,
    XDG_DATA_HOME,
    XDG_CACHE_HOME,
    XDG_CONFIG_HOME,
    PAGER,
    VISUAL,
    EDITOR,
    NO_COLOR,
    TERM,
];

/// What libraries read by themselves.
pub(crate) const LIBRARIES: [Variable; 6] = [
    variable("HTTPS_PROXY", "the proxy for `https` addresses; also in lower case"),
    variable("HTTP_PROXY", "the proxy for `http` addresses; also in lower case"),
    variable("ALL_PROXY", "the proxy for all other addresses; also in lower case"),
    variable("NO_PROXY", "hosts without a proxy, separated by commas; also in lower case"),
    variable("SSL_CERT_FILE", "trusted certificates in PEM form, instead of the system's"),
    variable("SSL_CERT_DIR", "a folder of trusted certificates, instead of the system's"),
];

/// Finds the value of a variable.
pub(crate) type Lookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A view of environment variables.
#[derive(Clone)]
pub(crate) struct Environment {
    lookup: Lookup,
}

impl Environment {
    /// The environment of this process.
    pub(crate) fn of_process() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the place that reads the environment"
        )]
        let lookup = |name: &str| std::env::var(name).ok();
        Self { lookup: Arc::new(lookup) }
    }

    /// No variables, for the sandbox, so that no real credential can reach it.
    pub(crate) fn empty() -> Self {
        Self { lookup: Arc::new(|_: &str| None) }
    }

    /// This environment, and below it the variables of files; of two files, the first has precedence.
    ///
    /// # Errors
    /// `local-io` for a file that cannot be read, `config` for a line that sets no variable.
    pub(crate) fn with_files(self, files: &[PathBuf]) -> Result<Self> {
        let mut pairs: BTreeMap<String, String> = BTreeMap::new();
        for path in files {
            for (name, value) in read(path)? {
                pairs.entry(name).or_insert(value);
            }
        }
        let own = self.lookup;
        let lookup = move |name: &str| own(name).or_else(|| pairs.get(name).cloned());
        Ok(Self { lookup: Arc::new(lookup) })
    }

    /// This environment, and below it some variables.
    pub(crate) fn with_variables(self, variables: BTreeMap<String, String>) -> Self {
        let own = self.lookup;
        let lookup = move |name: &str| own(name).or_else(|| variables.get(name).cloned());
        Self { lookup: Arc::new(lookup) }
    }

    /// This environment, with some variables above it.
    pub(crate) fn with_overriding(self, variables: BTreeMap<String, String>) -> Self {
        let own = self.lookup;
        let lookup = move |name: &str| variables.get(name).cloned().or_else(|| own(name));
        Self { lookup: Arc::new(lookup) }
    }

    /// Exactly these variables.
    #[cfg(test)]
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        let pairs: Vec<(String, String)> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self {
            lookup: Arc::new(move |name: &str| {
                pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
            }),
        }
    }

    /// The value of a variable, unless it is empty.
    pub(crate) fn get(&self, variable: Variable) -> Option<String> {
        self.value(variable.name)
    }

    /// The value of a variable that is named after a key of the configuration file.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    /// The lookup itself, for libraries that look up what provider documents name.
    pub(crate) fn lookup(&self) -> Lookup {
        Arc::clone(&self.lookup)
    }

    /// Whether a stream that is (or is not) a terminal gets colours.
    pub(crate) fn wants_color(&self, is_terminal: bool) -> bool {
        is_terminal && self.get(NO_COLOR).is_none() && self.get(TERM).as_deref() != Some("dumb")
    }
}

/// The variables of a file: `NAME=value` lines, `#` comments, quotes around values.
pub(crate) fn read(path: &Path) -> Result<Vec<(String, String)>> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Box::new(
            Report::new(
                Code::LocalIo,
                format!("the environment file `{name}` cannot be read: {error}"),
            )
            .with_help("give the path of a text file with lines `NAME=value`"),
        )
    })?;
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(number, line)| {
            // the line may hold a secret: the report does not quote it
            pair(line).ok_or_else(|| {
                Box::new(
                    Report::new(Code::Config, "the line sets no environment variable")
                        .with_place(&name, number)
                        .with_help("write `NAME=value`, or begin a comment with `#`"),
                )
            })
        })
        .collect()
}

/// `NAME=value`, with `export` before it or quotes around the value.
fn pair(line: &str) -> Option<(String, String)> {
    let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
    let (name, value) = line.split_once('=')?;
    let name = name.trim_end();
    let is_name = !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    let value = value.trim();
    let unquoted = ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value);
    is_name.then(|| (name.to_owned(), unquoted.to_owned()))
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_values_are_absent() {
        let environment = Environment::of(&[("STRATAQL_CONFIG", "file"), ("HOME", "")]);
        assert_eq!(environment.get(STRATAQL_CONFIG).as_deref(), Some("file"));
        assert_eq!(environment.get(HOME), None);
        assert_eq!(Environment::empty().value("PATH"), None);
        assert!(Environment::of_process().value("PATH").is_some());
        assert_eq!((environment.lookup())("STRATAQL_CONFIG").as_deref(), Some("file"));
    }

    #[test]
    fn lines_of_files_are_variables() {
        let set = |line: &str| pair(line);
        let owned = |name: &str, value: &str| Some((name.to_owned(), value.to_owned()));
        assert_eq!(set("A=1"), owned("A", "1"));
        assert_eq!(set("export A = 'x = y'"), owned("A", "x = y"));
        assert_eq!(set("A=\"\""), owned("A", ""));
        for line in ["A", "=1", "1A=2", "A B=1"] {
            assert_eq!(set(line), None, "{line}");
        }
    }

    #[test]
    fn colors_need_a_terminal_and_no_objection() {
        assert!(Environment::empty().wants_color(true));
        assert!(!Environment::empty().wants_color(false));
        assert!(!Environment::of(&[("NO_COLOR", "1")]).wants_color(true));
        assert!(!Environment::of(&[("TERM", "dumb")]).wants_color(true));
    }
}
