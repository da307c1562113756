//! The documents that a path refers to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use strataql_diag::{Code, Report};
use strataql_spec::load_provider;
use strataql_spec::provider::{Provider, ServiceEntry};

use super::LintReport;
use crate::document::{existing, inside, read_file, unreadable};
use crate::name::sql_name;
use crate::registry::leaves_registry;
use crate::source::{ENTRY, subfolders};

/// One service document to read.
pub(super) struct Job {
    pub(super) path: PathBuf,
    /// The folder of provider folders.
    pub(super) root: PathBuf,
    pub(super) provider: Arc<Provider>,
    pub(super) entry: ServiceEntry,
}

/// The documents to read, and findings so far.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) jobs: Vec<Job>,
    pub(super) report: LintReport,
}

/// Finds the documents of a registry, a `src` folder, a provider or version folder, or one file.
pub(super) fn gather(path: &Path) -> Result<Gathered, Box<Report>> {
    let found = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    let mut gathered = Gathered::default();
    if found.is_file() {
        gathered.file(path)?;
    } else {
        let src = path.join("src");
        let root = if src.is_dir() { src.as_path() } else { path };
        let versions = version_folders(root)?;
        if versions.is_empty() {
            return Err(Box::new(
                Report::new(
                    Code::BadDocument,
                    format!("`{}` holds no provider documents", path.display()),
                )
                .with_help("a registry holds `src/<provider>/<version>/provider.yaml`"),
            ));
        }
        for version in versions {
            gathered.provider(&version.join(ENTRY));
        }
    }
    Ok(gathered)
}

/// Folders with an entry document: this one, or those up to two levels below.
fn version_folders(root: &Path) -> Result<Vec<PathBuf>, Box<Report>> {
    if root.join(ENTRY).is_file() {
        return Ok(vec![root.to_path_buf()]);
    }
    let mut found = Vec::new();
    for first in subfolders(root)? {
        let first = root.join(first);
        if first.join(ENTRY).is_file() {
            found.push(first);
            continue;
        }
        for second in subfolders(&first)? {
            let second = first.join(second);
            if second.join(ENTRY).is_file() {
                found.push(second);
            }
        }
    }
    Ok(found)
}

impl Gathered {
    /// Adds a provider with all its services.
    fn provider(&mut self, entry: &Path) {
        self.report.providers += 1;
        match self.read_provider(entry) {
            Ok(provider) => {
                for service in provider.services.values() {
                    self.service(entry, &provider, service);
                }
            }
            Err(report) => {
                self.report.fatal += 1;
                self.report.reports.push(*report);
            }
        }
    }

    fn read_provider(&mut self, entry: &Path) -> Result<Arc<Provider>, Box<Report>> {
        let document = read_file(entry)?;
        self.report.bytes += document.text.len() as u64;
        let (provider, reports) = load_provider(&document.text, &document.name)?;
        self.report.reports.extend(reports);
        let folder = entry.ancestors().nth(2).and_then(Path::file_name);
        if let Some(folder) = folder.and_then(|name| name.to_str())
            && sql_name(folder) != provider.name
        {
            self.report.reports.push(
                Report::warning(
                    Code::BadDocument,
                    format!("provider `{}` is in the folder `{folder}`", provider.name),
                )
                .with_place(&document.name, 1)
                .with_help("SQL finds a provider by its folder; rename one of them"),
            );
        }
        Ok(Arc::new(provider))
    }

    fn service(&mut self, entry: &Path, provider: &Arc<Provider>, service: &ServiceEntry) {
        let Some(path) = inside(&service.document) else {
            self.report.fatal += 1;
            let report = leaves_registry(service, &entry.display().to_string());
            self.report.reports.push(*report);
            return;
        };
        // the path is relative to the folder of provider folders: three levels above the entry
        let root = entry.ancestors().nth(3).unwrap_or(Path::new("")).to_path_buf();
        let path = existing(&root.join(path));
        if !path.exists() {
            self.report.missing += 1;
            let file = entry.display().to_string();
            self.report.reports.push(
                Report::warning(
                    Code::BadDocument,
                    format!("the document of service `{}` does not exist", service.name),
                )
                .with_place(file, service.line as usize)
                .with_help(format!("add `{}` or remove the service", path.display())),
            );
            return;
        }
        self.jobs.push(Job { path, root, provider: Arc::clone(provider), entry: service.clone() });
    }

    /// Adds one file: an entry document with its services, or a service document.
    fn file(&mut self, path: &Path) -> Result<(), Box<Report>> {
        if path.file_name().is_some_and(|name| name == ENTRY) {
            self.provider(path);
            return Ok(());
        }
        let (provider, entry) = match self.owner(path) {
            Some(owner) => owner,
            None => stand_in(path)?,
        };
        let root = path.ancestors().nth(4).unwrap_or(Path::new("")).to_path_buf();
        self.jobs.push(Job { path: path.to_path_buf(), root, provider, entry });
        Ok(())
    }

    /// The provider next to a service document, and the entry that names it.
    fn owner(&mut self, path: &Path) -> Option<(Arc<Provider>, ServiceEntry)> {
        let file = path.file_name()?.to_str()?;
        let entry = path.parent()?.parent()?.join(ENTRY);
        let provider = self.read_provider(&entry).ok()?;
        let suffix = format!("/services/{file}");
        let service = provider.services.values().find(|s| s.document.ends_with(&suffix))?.clone();
        self.report.providers += 1;
        Some((provider, service))
    }
}

/// A provider for a service document without one.
fn stand_in(path: &Path) -> Result<(Arc<Provider>, ServiceEntry), Box<Report>> {
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("service");
    let name = name.replace(|c: char| !c.is_alphanumeric(), "_");
    let text = format!(
        "name: provider\nproviderServices:\n  {name}:\n    service:\n      $ref: {name}.yaml\n"
    );
    let (provider, _) = load_provider(&text, &path.display().to_string())?;
    let entry = provider
        .services
        .first()
        .map(|(_, entry)| entry.clone())
        .ok_or_else(|| Box::new(Report::internal("the stand-in provider has no service")))?;
    Ok((Arc::new(provider), entry))
}
