//! The lock file: what was pulled, from where, with digests.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The content of `lock.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lock {
    /// By provider, then by version.
    pub(super) providers: BTreeMap<String, BTreeMap<String, Locked>>,
}

/// A version that was pulled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Locked {
    /// Where its archive was.
    pub(super) url: String,
    /// SHA-256 of the archive.
    pub(super) sha256: String,
    /// SHA-256 of each file.
    pub(super) files: BTreeMap<String, String>,
}

impl Lock {
    fn get(&self, provider: &str, version: &str) -> Option<&Locked> {
        self.providers.get(provider)?.get(version)
    }

    pub(super) fn digest(&self, provider: &str, version: &str) -> Option<String> {
        self.get(provider, version).map(|locked| locked.sha256.clone())
    }

    pub(super) fn files(&self, provider: &str, version: &str) -> usize {
        self.get(provider, version).map_or(0, |locked| locked.files.len())
    }
}
