//! Locations of files.

use std::path::{Path, PathBuf};

use crate::env::{self, Environment, Variable};

/// Folders and files of the user; `None` when the location is unknown, and then nothing is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// Data: `registry/`, `tables/`, `ledger/`.
    pub(crate) home: Option<PathBuf>,
    /// Compiled documents; may be deleted at any time.
    pub(crate) cache: Option<PathBuf>,
    /// The configuration file.
    pub(crate) config: Option<PathBuf>,
    /// The configuration file was named, so it must exist.
    pub(crate) config_is_named: bool,
}

impl Places {
    /// The places that the environment names.
    pub(crate) fn of(environment: &Environment) -> Self {
        let user = environment.get(env::HOME).map(PathBuf::from);
        // a relative path is invalid and counts as absent, as the XDG specification has it
        let base = |variable: Variable, below: &str| {
            let given =
                environment.get(variable).map(PathBuf::from).filter(|path| path.is_absolute());
            given.or_else(|| Some(user.as_ref()?.join(below)))
        };
        let ours = |base: Option<PathBuf>| base.map(|base| base.join("strataql"));
        let named = environment.get(env::STRATAQL_CONFIG).map(PathBuf::from);
        Self {
            home: ours(base(env::XDG_DATA_HOME, ".local/share")),
            cache: ours(base(env::XDG_CACHE_HOME, ".cache")),
            config_is_named: named.is_some(),
            config: named
                .or_else(|| Some(ours(base(env::XDG_CONFIG_HOME, ".config"))?.join("config.toml"))),
        }
    }

    /// Replaces the home folder.
    pub(super) fn move_home(&mut self, home: &str) {
        self.home = Some(PathBuf::from(home));
    }

    /// Documents that were pulled.
    pub(crate) fn registry(&self) -> Option<PathBuf> {
        self.in_home("registry")
    }

    /// Tables and materialised views.
    pub(crate) fn tables(&self) -> Option<PathBuf> {
        self.in_home("tables")
    }

    /// The change ledger.
    pub(crate) fn ledger(&self) -> Option<PathBuf> {
        self.in_home("ledger")
    }

    fn in_home(&self, name: &str) -> Option<PathBuf> {
        self.home.as_deref().map(|home: &Path| home.join(name))
    }
}
