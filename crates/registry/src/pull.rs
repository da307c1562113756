//! Pulling documents from a registry server into the folder of pulled documents.
//!
//! Owns: the addresses of the registry protocol, its index, which version is pulled, the checks of an
//! archive, installation as a whole or not at all, the lock file.
//! Refuses: HTTP itself; bytes come through [`Fetch`].
//! Surprise: a version is immutable. Another archive under the name of a version that was pulled before
//! is refused, as is an index whose newest version is older than what is installed.

mod archive;
mod listing;
mod lock;
mod store;

use std::path::Path;

use serde::Serialize;
use strataql_diag::{Code, Report};

pub use listing::Listed;
pub use store::{Problem, Store, Verified};

use crate::name::{Kind, find, folder_name};
use crate::version::{Version, highest};

/// The most bytes of an index.
const MAX_INDEX: u64 = 8 << 20;
/// The most bytes of an archive.
const MAX_ARCHIVE: u64 = 256 << 20;

/// Gets the bytes of an address.
pub trait Fetch {
    /// The body of a success response.
    ///
    /// # Errors
    /// Why there is none: no connection, a status that is no success, or more than `limit` bytes.
    fn fetch(&self, url: &str, limit: u64) -> Result<Vec<u8>, Box<Report>>;
}

/// What statements ask of a registry server. Both may take long and must not be called where other tasks
/// wait.
pub trait Server: Send + Sync {
    /// The providers of the server with their versions.
    ///
    /// # Errors
    /// As [`Remote::list`], or `config` if nothing says where the server is.
    fn list(&self) -> Result<Vec<Listed>, Box<Report>>;

    /// Installs a version of a provider, the highest if none is named.
    ///
    /// # Errors
    /// As [`Remote::pull`], or `config` if nothing says where the server is, or where documents go.
    fn pull(&self, provider: &str, version: Option<&str>) -> Result<Pulled, Box<Report>>;
}

/// A registry server.
#[derive(Debug, Clone)]
pub struct Remote {
    base: String,
}

/// A provider that was pulled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pulled {
    /// Its name in SQL.
    pub provider: String,
    /// The version.
    pub version: String,
    /// SHA-256 of the archive.
    pub sha256: String,
    /// Files of the version.
    pub files: usize,
    /// True if it was installed already, and nothing was changed.
    pub was_there: bool,
    /// The version that statements use, if it is another one: the highest counts.
    pub in_use: Option<String>,
}

impl Remote {
    /// A server by its address, such as `https://registry.example/providers`.
    ///
    /// # Errors
    /// `usage` for what is no address, and for `http` to other machines: nothing would protect the
    /// documents on their way.
    pub fn new(url: &str) -> Result<Self, Box<Report>> {
        let base = url.trim().trim_end_matches('/').to_owned();
        let lower = base.to_ascii_lowercase();
        let host = |rest: &str| rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned();
        let is_local = |host: &str| {
            let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
            matches!(name, "127.0.0.1" | "localhost" | "[::1]")
        };
        let is_right = match (lower.strip_prefix("https://"), lower.strip_prefix("http://")) {
            (Some(rest), _) => !host(rest).is_empty(),
            (_, Some(rest)) => is_local(&host(rest)),
            _ => false,
        };
        if is_right && !base.contains(['?', '#', ' ']) && !base.contains('@') {
            return Ok(Self { base });
        }
        Err(Box::new(
            Report::new(Code::Usage, format!("`{base}` is not the address of a registry"))
                .with_help("give an address such as `https://registry.example/providers`"),
        ))
    }

    /// The providers of the server with their versions, in the order of names.
    ///
    /// # Errors
    /// Those of [`Fetch`], and `bad-document` for an index that cannot be read.
    pub fn list(&self, fetch: &dyn Fetch) -> Result<Vec<Listed>, Box<Report>> {
        let url = format!("{}/dist/providers.yaml", self.base);
        listing::read(&fetch.fetch(&url, MAX_INDEX)?, &url)
    }

    /// Pulls a version of a provider, the highest if none is named.
    ///
    /// # Errors
    /// `unknown-provider`; `usage` for a version that is not there; `untrusted-document` for an archive
    /// that is not what the index or an earlier pull says, or that is unsafe to unpack; those of
    /// [`Fetch`]; `local-io`. What was installed stays as it was.
    pub fn pull(
        &self,
        fetch: &dyn Fetch,
        store: &Store,
        provider: &str,
        version: Option<&str>,
    ) -> Result<Pulled, Box<Report>> {
        let listed = self.list(fetch)?;
        let kind = Kind { noun: "provider in the registry", unknown: Code::UnknownProvider };
        let name = find(provider, listed.iter().map(|it| it.provider.as_str()), kind)?;
        let Some(entry) = listed.iter().find(|it| it.provider == name) else {
            return Err(Box::new(Report::internal("a listed provider is not listed")));
        };
        let _exclusive = store.exclusive()?;
        let installed = highest(store.versions(name)?);
        let version = match version {
            Some(version) => entry.named(version)?,
            None => entry.newest(installed.as_deref())?,
        };
        let expected = entry.digest(&version);
        let locked = store.lock()?.digest(name, &version);
        if let Some(locked) = &locked
            && store.has(name, &version)
            && expected.as_ref().is_none_or(|expected| expected == locked)
        {
            let files = store.lock()?.files(name, &version);
            return Ok(self.pulled(name, version, locked.clone(), files, true, installed));
        }
        let url = format!("{}/dist/{}/{version}.tgz", self.base, folder_name(name));
        let bytes = fetch.fetch(&url, MAX_ARCHIVE)?;
        let sha256 = archive::sha256(&bytes);
        let differs = |from: &str, other: &str| {
            Box::new(
                Report::new(
                    Code::UntrustedDocument,
                    format!("the archive of `{name}` {version} is not the one that {from}"),
                )
                .with_note(format!("its SHA-256 is {sha256}, expected is {other}"))
                .with_help("do not use it; ask whoever runs the registry"),
            )
        };
        if let Some(expected) = expected.filter(|expected| *expected != sha256) {
            return Err(differs("the index lists", &expected));
        }
        if let Some(locked) = locked.filter(|locked| *locked != sha256) {
            return Err(differs("was pulled before", &locked));
        }
        let files = store.install(name, &version, &bytes, &sha256, &url)?;
        Ok(self.pulled(name, version, sha256, files, false, installed))
    }

    fn pulled(
        &self,
        name: &str,
        version: String,
        sha256: String,
        files: usize,
        was_there: bool,
        installed: Option<String>,
    ) -> Pulled {
        let is_higher = |other: &String| Version::parse(other) > Version::parse(&version);
        let in_use = installed.filter(is_higher);
        Pulled { provider: name.to_owned(), version, sha256, files, was_there, in_use }
    }
}

/// A report about a file of the store.
fn failed(path: &Path, what: &str, error: &std::io::Error) -> Box<Report> {
    Box::new(
        Report::new(Code::LocalIo, format!("`{}` cannot be {what}: {error}", path.display()))
            .with_help("check that you may write to the folder and that its disk has room"),
    )
}
