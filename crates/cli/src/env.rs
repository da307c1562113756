//! The environment of the process; the only module that reads it.
//!
//! Owns: the names of the variables that strataql knows, and [`Environment`].
//! Refuses: interpretation; `settings` parses values, providers' credentials are looked up where
//! they are used.
//! Surprise: an empty variable counts as absent, as in the XDG specification. In the sandbox the
//! whole environment is absent.

use std::fmt;
use std::sync::Arc;

/// Where strataql keeps its data: `registry/`, `tables/`, `ledger/`.
pub(crate) const STRATAQL_HOME: &str = "STRATAQL_HOME";
/// The configuration file, instead of `$XDG_CONFIG_HOME/strataql/config.toml`.
pub(crate) const STRATAQL_CONFIG: &str = "STRATAQL_CONFIG";
/// Provider documents, as `--registry`.
pub(crate) const STRATAQL_REGISTRY: &str = "STRATAQL_REGISTRY";
/// Credentials as JSON, as `--auth`.
pub(crate) const STRATAQL_AUTH: &str = "STRATAQL_AUTH";
/// Other servers as `PROVIDER=URL`, separated by commas, as `--endpoint`.
pub(crate) const STRATAQL_ENDPOINT: &str = "STRATAQL_ENDPOINT";
/// The output format, as `--output`.
pub(crate) const STRATAQL_OUTPUT: &str = "STRATAQL_OUTPUT";
/// How failures are printed, as `--error-format`.
pub(crate) const STRATAQL_ERROR_FORMAT: &str = "STRATAQL_ERROR_FORMAT";
/// `on` refuses every write, as `--read-only`; nothing can switch it off again.
pub(crate) const STRATAQL_READ_ONLY: &str = "STRATAQL_READ_ONLY";
/// The longest a statement may take, as `--timeout`.
pub(crate) const STRATAQL_TIMEOUT: &str = "STRATAQL_TIMEOUT";
/// The most rows a statement may write, as `--max-writes`.
pub(crate) const STRATAQL_MAX_WRITES: &str = "STRATAQL_MAX_WRITES";
/// `off` keeps no record of writes, as `--no-ledger`.
pub(crate) const STRATAQL_LEDGER: &str = "STRATAQL_LEDGER";
/// Certificates in PEM form that are trusted too, as `--ca-bundle`.
pub(crate) const STRATAQL_CA_BUNDLE: &str = "STRATAQL_CA_BUNDLE";
/// No colours when set (<https://no-color.org>).
pub(crate) const NO_COLOR: &str = "NO_COLOR";
/// The kind of terminal; `dumb` has no colours and no progress line.
pub(crate) const TERM: &str = "TERM";
/// The user's folder.
pub(crate) const HOME: &str = "HOME";
/// Base of data folders; `$HOME/.local/share` when unset.
pub(crate) const XDG_DATA_HOME: &str = "XDG_DATA_HOME";
/// Base of cache folders; `$HOME/.cache` when unset.
pub(crate) const XDG_CACHE_HOME: &str = "XDG_CACHE_HOME";
/// Base of configuration folders; `$HOME/.config` when unset.
pub(crate) const XDG_CONFIG_HOME: &str = "XDG_CONFIG_HOME";

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
    pub(crate) fn get(&self, name: &str) -> Option<String> {
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
        let environment = Environment::of(&[(STRATAQL_OUTPUT, "json"), (STRATAQL_HOME, "")]);
        assert_eq!(environment.get(STRATAQL_OUTPUT).as_deref(), Some("json"));
        assert_eq!(environment.get(STRATAQL_HOME), None);
        assert_eq!(Environment::empty().get("PATH"), None);
        assert!(Environment::of_process().get("PATH").is_some());
        assert_eq!((environment.lookup())(STRATAQL_OUTPUT).as_deref(), Some("json"));
    }

    #[test]
    fn colors_need_a_terminal_and_no_objection() {
        assert!(Environment::empty().wants_color(true));
        assert!(!Environment::empty().wants_color(false));
        assert!(!Environment::of(&[(NO_COLOR, "1")]).wants_color(true));
        assert!(!Environment::of(&[(TERM, "dumb")]).wants_color(true));
    }
}
