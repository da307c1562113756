//! Sources: folders of documents, and the embedded documents.
//!
//! Owns: the syntax of `--registry`, the folder layout `src/<provider>/<version>/provider.yaml`,
//! the provider folders of a source.
//! Refuses: HTTP registries; their documents are pulled into a folder first.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value as Json;
use strataql_diag::{Code, Report};
use strataql_spec::{Overlay, SplitDocument};

use crate::document::{Document, existing, overlay_of, parts, read_file, unreadable};
use crate::embedded;
use crate::version::highest;

/// The file that marks a folder as a provider version.
pub(crate) const ENTRY: &str = "provider.yaml";

/// The kind of source of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A folder that the user named with `--registry`.
    Registry,
    /// The folder of `registry pull`.
    Pulled,
    /// The embedded documents.
    Embedded,
}

impl Origin {
    /// The name in SHOW PROVIDERS.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Pulled => "pulled",
            Self::Embedded => "embedded",
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A source of provider documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    origin: Origin,
    /// `None` for the embedded documents.
    root: Option<PathBuf>,
    /// Folder under the root with the provider folders; `None` looks for `src`.
    prefix: Option<String>,
}

impl Source {
    /// Parses a `--registry` value: `PATH`, `file:PATH`, `file:///abs`, `file://./rel`, or the JSON
    /// object
    /// object `{"url": "file:…", "srcPrefix": "src"}`.
    ///
    /// # Errors
    /// `config` when it is not a folder.
    pub fn parse(text: &str) -> Result<Self, Box<Report>> {
        let text = text.trim();
        if text.starts_with('{') {
            return Self::parse_json(text);
        }
        Ok(Self::folder(Origin::Registry, local_path(text)?))
    }

    fn parse_json(text: &str) -> Result<Self, Box<Report>> {
        let json: Json = serde_json::from_str(text)
            .map_err(|error| wrong(&format!("the registry setting is not JSON: {error}")))?;
        let field = |key: &str| json.get(key).and_then(Json::as_str);
        let url = field("url").ok_or_else(|| wrong("the registry setting has no `url`"))?;
        let prefix = field("srcPrefix").map(str::to_owned);
        Ok(Self { prefix, ..Self::folder(Origin::Registry, local_path(url)?) })
    }

    /// A folder that contains `src/<provider>/…`, or the provider folders themselves.
    pub fn folder(origin: Origin, root: impl Into<PathBuf>) -> Self {
        Self { origin, root: Some(root.into()), prefix: None }
    }

    /// The pulled documents of a home folder (`STRATAQL_HOME`).
    pub fn pulled(home: &Path) -> Self {
        Self::folder(Origin::Pulled, home.join("registry"))
    }

    /// The embedded documents.
    pub fn embedded() -> Self {
        Self { origin: Origin::Embedded, root: None, prefix: None }
    }

    /// The kind of source.
    pub fn origin(&self) -> Origin {
        self.origin
    }
}

fn wrong(message: &str) -> Box<Report> {
    Box::new(
        Report::new(Code::Config, message)
            .with_help("give a folder: `--registry PATH` or `--registry file:PATH`"),
    )
}

/// The path in a plain or `file:` text.
fn local_path(text: &str) -> Result<PathBuf, Box<Report>> {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    let path = match scheme.as_deref() {
        Some("file") => {
            let rest = &text["file:".len()..];
            match rest.strip_prefix("//") {
                // `file://./rel`: a host of `.` means the working folder
                Some(address) => percent_decoded(
                    address
                        .strip_prefix("localhost/")
                        .map_or(address.to_owned(), |path| format!("/{path}")),
                ),
                None => rest.to_owned(),
            }
        }
        Some("http" | "https") => {
            return Err(Box::new(
                Report::new(Code::Config, "documents are not read over HTTP while a query runs")
                    .with_help(
                        "run `strataql registry pull PROVIDER` once, then leave `--registry` out",
                    ),
            ));
        }
        _ => text.to_owned(),
    };
    if path.is_empty() { Err(wrong("the registry setting is empty")) } else { Ok(path.into()) }
}

fn percent_decoded(text: String) -> String {
    if !text.contains('%') {
        return text;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('%') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let hex = rest.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(hex.unwrap_or(b'%'));
        rest = &rest[at + if hex.is_some() { 3 } else { 1 }..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).unwrap_or(text)
}

/// A source whose folder exists.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    pub(crate) origin: Origin,
    /// The folder with the provider folders; `None` for the embedded documents.
    base: Option<PathBuf>,
}

/// A provider folder with its highest version.
pub(crate) struct Installed {
    pub(crate) folder: String,
    pub(crate) version: String,
}

impl Tree {
    /// Opens a source; `None` when nothing was pulled yet.
    ///
    /// A folder that the user named must exist: falling back to other documents silently would use
    /// another API description than the one requested.
    pub(crate) fn open(source: &Source) -> Result<Option<Self>, Box<Report>> {
        let Some(root) = &source.root else {
            return Ok(Some(Self { origin: source.origin, base: None }));
        };
        match fs::metadata(root) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(wrong(&format!("`{}` is not a folder", root.display()))),
            Err(error)
                if error.kind() == ErrorKind::NotFound && source.origin == Origin::Pulled =>
            {
                return Ok(None);
            }
            Err(error) => return Err(unreadable(root, &error)),
        }
        let base = match source.prefix.as_deref() {
            Some("") => root.clone(),
            Some(prefix) => root.join(prefix),
            None if root.join("src").is_dir() => root.join("src"),
            None => root.clone(),
        };
        Ok(Some(Self { origin: source.origin, base: Some(base) }))
    }

    /// The providers of this source, in the order of folder names.
    pub(crate) fn installed(&self) -> Result<Vec<Installed>, Box<Report>> {
        let mut found = Vec::new();
        for folder in self.folders()? {
            let version = highest(self.versions(&folder)?);
            found.extend(version.map(|version| Installed { folder, version }));
        }
        Ok(found)
    }

    fn folders(&self) -> Result<Vec<String>, Box<Report>> {
        match &self.base {
            Some(base) => subfolders(base),
            None => Ok(embedded_parts(|path| path.split('/').next())),
        }
    }

    /// Versions of a provider folder that have an entry document.
    pub(crate) fn versions(&self, folder: &str) -> Result<Vec<String>, Box<Report>> {
        match &self.base {
            Some(base) => {
                let base = base.join(folder);
                let mut versions = subfolders(&base)?;
                versions.retain(|version| base.join(version).join(ENTRY).is_file());
                Ok(versions)
            }
            None => Ok(embedded_parts(|path| {
                path.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(ENTRY)?.strip_suffix('/')
            })),
        }
    }

    /// A path of this source, for display.
    pub(crate) fn display(&self, path: &str) -> String {
        match &self.base {
            Some(base) => base.join(path).display().to_string(),
            None => format!("embedded:{path}"),
        }
    }

    /// True if the document exists; the caller has checked that the path stays inside.
    pub(crate) fn has(&self, path: &str) -> bool {
        match &self.base {
            Some(base) => existing(&base.join(path)).exists(),
            None => embedded::paths().any(|known| known == path),
        }
    }

    /// Reads a document; the caller has checked that the path stays inside.
    pub(crate) fn read(&self, path: &str) -> Result<Document, Box<Report>> {
        let Some(base) = &self.base else {
            let text = embedded::read(path).unwrap_or_else(|| {
                Err(Box::new(
                    Report::new(Code::BadDocument, format!("no document `{path}` is embedded"))
                        .with_help("the provider document names a file that does not exist"),
                ))
            })?;
            return Ok(Document {
                text,
                name: self.display(path),
                overlays: Vec::new(),
                parts: Vec::new(),
            });
        };
        read_file(&existing(&base.join(path)))
    }

    /// The documents that a register names, as far as they are there.
    pub(crate) fn parts(
        &self,
        register: &Document,
        entry: &str,
    ) -> Result<Vec<SplitDocument>, Box<Report>> {
        let own = entry.strip_suffix(ENTRY).unwrap_or_default();
        parts(&register.text, own, &|path| self.has(path), &|path| self.read(path))
    }

    /// What mends a service document: an embedded overlay for documents of other people, then the file beside
    /// it, which therefore wins.
    pub(crate) fn overlays(&self, path: &str, service: &str) -> Result<Vec<Overlay>, Box<Report>> {
        let mut found = Vec::new();
        let folder = path.split('/').next().unwrap_or_default();
        let own = format!("{folder}/overlays/{service}.x-strataql.yaml");
        if self.base.is_some()
            && let Some(text) = embedded::read(&own)
        {
            found.push(Overlay { text: text?, file: format!("embedded:{own}") });
        }
        if let Some(beside) = overlay_of(path).filter(|beside| self.has(beside)) {
            let Document { text, name, .. } = self.read(&beside)?;
            found.push(Overlay { text, file: name });
        }
        Ok(found)
    }
}

fn embedded_parts(part: impl Fn(&'static str) -> Option<&'static str>) -> Vec<String> {
    let mut parts: Vec<String> = embedded::paths().filter_map(part).map(str::to_owned).collect();
    parts.sort_unstable();
    parts.dedup();
    parts
}

/// Names of the folders in a folder, sorted, without hidden ones and names that are not UTF-8.
pub(crate) fn subfolders(folder: &Path) -> Result<Vec<String>, Box<Report>> {
    let failed = |error: &std::io::Error| unreadable(folder, error);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| failed(&error))? {
        let entry = entry.map_err(|error| failed(&error))?;
        // `is_dir` follows links, so that a working copy can be linked into a registry
        if let Ok(name) = entry.file_name().into_string()
            && !name.starts_with('.')
            && entry.path().is_dir()
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_folder_is_read() {
        for (text, expected) in [
            ("/srv/docs", "/srv/docs"),
            ("docs", "docs"),
            ("file:/srv/docs", "/srv/docs"),
            ("file:docs", "docs"),
            ("file:///srv/my%20docs", "/srv/my docs"),
            ("file://./docs", "./docs"),
            ("FILE://localhost/srv", "/srv"),
            (r#"{"url": "file:///srv/docs", "useEmbedded": false}"#, "/srv/docs"),
        ] {
            let source = Source::parse(text).expect(text);
            assert_eq!(source.root.as_deref(), Some(Path::new(expected)), "{text}");
            assert_eq!(source.origin(), Origin::Registry);
        }
    }

    #[test]
    fn what_is_no_folder_is_refused() {
        for text in ["https://registry.example/providers", "", "file:", "{\"url\": 1}", "{"] {
            let report = Source::parse(text).expect_err(text);
            assert_eq!((report.code, report.help.is_empty()), (Code::Config, false), "{text}");
        }
    }

    #[test]
    fn a_missing_folder_is_an_error_unless_it_is_the_pulled_one() {
        let missing = Path::new("/nonexistent/strataql");
        let report = Tree::open(&Source::folder(Origin::Registry, missing)).expect_err("missing");
        assert_eq!(report.code, Code::LocalIo);
        assert!(Tree::open(&Source::pulled(missing)).expect("nothing pulled").is_none());
    }
}
