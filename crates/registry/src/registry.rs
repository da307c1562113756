//! The registry: available providers, and their documents on demand.
//!
//! Owns: precedence of sources, lookup by name, lazy loading with one copy in memory, compiled
//! models.
//! Refuses: caching failures; a repaired document loads at the next statement.
//! Surprise: two threads that need the same service share one compilation.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use serde::Serialize;
use strataql_diag::{Code, Report};
use strataql_spec::load_provider;
use strataql_spec::provider::{Provider, ServiceEntry};
use strataql_spec::service::Service;

use crate::cache::{Cache, Key};
use crate::document::{Document, inside};
use crate::index::ServiceIndex;
use crate::name::{Kind, find, sql_name};
use crate::source::{ENTRY, Origin, Source, Tree};

const PROVIDER: Kind = Kind { noun: "provider", unknown: Code::UnknownProvider };
const SERVICE: Kind = Kind { noun: "service", unknown: Code::UnknownService };

/// Configuration of a registry.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Sources; the first one that has a provider supplies all of it.
    pub sources: Vec<Source>,
    /// Folder for compiled models; `None` compiles each time.
    pub cache_dir: Option<PathBuf>,
}

/// A provider in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProviderSummary {
    /// Name in SQL.
    pub name: String,
    /// Version, as its folder is named.
    pub version: String,
    /// The kind of source.
    pub source: Origin,
    /// The path of its entry document, for display.
    pub path: String,
}

/// All provider documents of a process.
#[derive(Debug)]
pub struct Registry {
    sources: Vec<Source>,
    /// The only providers that there may be.
    only: Option<Vec<String>>,
    providers: RwLock<Arc<Providers>>,
    cache: Cache,
}

/// Providers by SQL name.
type Providers = BTreeMap<String, Arc<Installed>>;

#[derive(Debug)]
struct Installed {
    summary: ProviderSummary,
    tree: Tree,
    /// Path of the entry document inside its source.
    entry: String,
    loaded: Mutex<Option<Arc<Loaded>>>,
}

/// A provider whose entry document was read.
#[derive(Debug)]
struct Loaded {
    provider: Arc<Provider>,
    /// Text of the entry document; part of every compiled model's key.
    text: String,
    reports: Arc<[Report]>,
    slots: BTreeMap<String, Slot>,
}

/// The in-memory state of a service.
#[derive(Debug, Default)]
struct Slot {
    compiled: Mutex<Option<Compiled>>,
    index: Mutex<Option<Arc<ServiceIndex>>>,
}

#[derive(Debug, Clone)]
struct Compiled {
    service: Arc<Service>,
    reports: Arc<[Report]>,
}

impl Registry {
    /// Lists the providers of the sources; no document is read yet.
    ///
    /// # Errors
    /// `local-io` or `config` when a folder that the user named cannot be read.
    pub fn new(settings: Settings) -> Result<Self, Box<Report>> {
        let providers = RwLock::new(Arc::new(listed(&settings.sources, &Providers::new())?));
        let cache = Cache::new(settings.cache_dir);
        Ok(Self { sources: settings.sources, only: None, providers, cache })
    }

    /// Lists the providers again, after one was installed. Statements that run keep what they have;
    /// a version that is still the one in use stays loaded.
    ///
    /// # Errors
    /// As [`Self::new`]; the list stays as it was.
    pub fn reload(&self) -> Result<(), Box<Report>> {
        let before = self.installed();
        let mut now = listed(&self.sources, &before)?;
        if let Some(only) = &self.only {
            now.retain(|name, _| only.contains(name));
        }
        *self.providers.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(now);
        Ok(())
    }

    /// The registry with these providers and no others, for those who may use no others.
    ///
    /// # Errors
    /// `unknown-provider` for one that is not there.
    pub fn limited_to(self, names: &[String]) -> Result<Self, Box<Report>> {
        let all = self.installed();
        let mut kept = Providers::new();
        for name in names {
            let name = find(name, all.keys().map(String::as_str), PROVIDER)?;
            kept.extend(all.get(name).map(|it| (name.to_owned(), Arc::clone(it))));
        }
        let only = Some(kept.keys().cloned().collect());
        Ok(Self { providers: RwLock::new(Arc::new(kept)), only, ..self })
    }

    fn installed(&self) -> Arc<Providers> {
        Arc::clone(&self.providers.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The providers, in the order of names.
    pub fn providers(&self) -> Vec<ProviderSummary> {
        self.installed().values().map(|installed| installed.summary.clone()).collect()
    }

    /// A provider's entry document.
    ///
    /// # Errors
    /// `unknown-provider`, or the reason why its document cannot be read.
    pub fn provider(&self, name: &str) -> Result<Arc<Provider>, Box<Report>> {
        Ok(Arc::clone(&self.loaded(name)?.1.provider))
    }

    /// A compiled service.
    ///
    /// # Errors
    /// `unknown-provider`, `unknown-service`, or the reason why a document cannot be read.
    pub fn service(&self, provider: &str, name: &str) -> Result<Arc<Service>, Box<Report>> {
        Ok(self.compiled(provider, name)?.service)
    }

    /// The index of a service; cheaper than the service if it is cached.
    ///
    /// # Errors
    /// As [`Self::service`].
    pub fn index(&self, provider: &str, name: &str) -> Result<Arc<ServiceIndex>, Box<Report>> {
        let (installed, loaded) = self.loaded(provider)?;
        let (entry, slot) = loaded.service(name)?;
        let mut index = locked(&slot.index);
        if let Some(index) = &*index {
            return Ok(Arc::clone(index));
        }
        let in_memory = locked(&slot.compiled).clone();
        let found = if let Some(compiled) = in_memory {
            ServiceIndex::of(&compiled.service)
        } else {
            let (document, key) = installed.document(&loaded, entry)?;
            if let Some(stored) = self.cache.index(&key) {
                stored
            } else {
                let compiled = self.compile(slot, &loaded, entry, &document, &key)?;
                ServiceIndex::of(&compiled.service)
            }
        };
        Ok(Arc::clone(index.insert(Arc::new(found))))
    }

    /// True if the document of a service exists; a registry may list services without documents.
    ///
    /// # Errors
    /// `unknown-provider`, `unknown-service`, or the reason why the entry document cannot be read.
    pub fn has_document(&self, provider: &str, service: &str) -> Result<bool, Box<Report>> {
        let (installed, loaded) = self.loaded(provider)?;
        let (entry, _) = loaded.service(service)?;
        let path = inside(&entry.document)
            .ok_or_else(|| leaves_registry(entry, &installed.summary.path))?;
        Ok(installed.tree.has(&path))
    }

    /// The text of a service's document, as it is written.
    ///
    /// # Errors
    /// As [`Self::has_document`], or the reason why it cannot be read.
    pub fn document(&self, provider: &str, service: &str) -> Result<String, Box<Report>> {
        let (installed, loaded) = self.loaded(provider)?;
        let (entry, _) = loaded.service(service)?;
        let path = inside(&entry.document)
            .ok_or_else(|| leaves_registry(entry, &installed.summary.path))?;
        Ok(installed.tree.read(&path)?.text)
    }

    /// The findings of compiling a service.
    ///
    /// # Errors
    /// As [`Self::service`].
    pub fn reports(&self, provider: &str, service: &str) -> Result<Arc<[Report]>, Box<Report>> {
        Ok(self.compiled(provider, service)?.reports)
    }

    /// The findings of reading a provider's entry document.
    ///
    /// # Errors
    /// As [`Self::provider`].
    pub fn provider_reports(&self, provider: &str) -> Result<Arc<[Report]>, Box<Report>> {
        Ok(Arc::clone(&self.loaded(provider)?.1.reports))
    }

    fn loaded(&self, typed: &str) -> Result<(Arc<Installed>, Arc<Loaded>), Box<Report>> {
        let providers = self.installed();
        let names = providers.keys().map(String::as_str);
        let name = find(sql_name(typed), names, PROVIDER).map_err(|report| {
            let report = if providers.is_empty() {
                report.with_help("no provider is installed: run `strataql registry pull PROVIDER`")
            } else {
                report.with_help("`SHOW PROVIDERS` lists the installed providers")
            };
            Box::new(report)
        })?;
        let installed = Arc::clone(&providers[name]);
        let mut slot = locked(&installed.loaded);
        let loaded = match &*slot {
            Some(loaded) => Arc::clone(loaded),
            None => Arc::clone(slot.insert(Arc::new(installed.load()?))),
        };
        drop(slot);
        Ok((installed, loaded))
    }

    fn compiled(&self, provider: &str, name: &str) -> Result<Compiled, Box<Report>> {
        let (installed, loaded) = self.loaded(provider)?;
        let (entry, slot) = loaded.service(name)?;
        if let Some(compiled) = &*locked(&slot.compiled) {
            return Ok(compiled.clone());
        }
        let (document, key) = installed.document(&loaded, entry)?;
        self.compile(slot, &loaded, entry, &document, &key)
    }

    /// Fills a slot, from the cache if possible.
    fn compile(
        &self,
        slot: &Slot,
        loaded: &Loaded,
        entry: &ServiceEntry,
        document: &Document,
        key: &Key,
    ) -> Result<Compiled, Box<Report>> {
        let mut compiled = locked(&slot.compiled);
        if let Some(compiled) = &*compiled {
            return Ok(compiled.clone());
        }
        let stored = self.cache.model(key, &document.name);
        let (service, reports) = if let Some(stored) = stored {
            stored
        } else {
            let made = document.load(&loaded.provider, entry)?;
            self.cache.store(key, &made.0, &made.1);
            made
        };
        let fresh = Compiled { service: Arc::new(service), reports: reports.into() };
        Ok(compiled.insert(fresh).clone())
    }
}

/// The providers of the sources. One whose version and place are the same as `before` is that one.
fn listed(sources: &[Source], before: &Providers) -> Result<Providers, Box<Report>> {
    let mut providers = Providers::new();
    for source in sources {
        let Some(tree) = Tree::open(source)? else { continue };
        for found in tree.installed()? {
            let name = sql_name(&found.folder).to_owned();
            let entry = format!("{}/{}/{ENTRY}", found.folder, found.version);
            let summary = ProviderSummary {
                name: name.clone(),
                version: found.version,
                source: tree.origin,
                path: tree.display(&entry),
            };
            let same = before.get(&name).filter(|known| known.summary == summary);
            let fresh = || {
                Arc::new(Installed {
                    summary: summary.clone(),
                    tree: tree.clone(),
                    entry,
                    loaded: Mutex::default(),
                })
            };
            providers.entry(name).or_insert_with(|| same.map_or_else(fresh, Arc::clone));
        }
    }
    Ok(providers)
}

impl Installed {
    fn load(&self) -> Result<Loaded, Box<Report>> {
        let document = self.tree.read(&self.entry)?;
        let (provider, mut reports) = load_provider(&document.text, &document.name)?;
        if provider.name != self.summary.name {
            reports.push(
                Report::warning(
                    Code::BadDocument,
                    format!(
                        "the document is of provider `{}` but is in the folder of `{}`",
                        provider.name, self.summary.name
                    ),
                )
                .with_place(&document.name, 1)
                .with_help("rename the folder or the provider"),
            );
        }
        let slots = provider.services.keys().map(|name| (name.clone(), Slot::default())).collect();
        let provider = Arc::new(provider);
        Ok(Loaded { provider, text: document.text, reports: reports.into(), slots })
    }

    /// The document of a service, and the key of its cache entries.
    fn document(
        &self,
        loaded: &Loaded,
        entry: &ServiceEntry,
    ) -> Result<(Document, Key), Box<Report>> {
        let path =
            inside(&entry.document).ok_or_else(|| leaves_registry(entry, &self.summary.path))?;
        let mut document = self.tree.read(&path)?;
        document.overlays = self.tree.overlays(&path, &entry.name)?;
        if entry.is_register {
            document.parts = self.tree.parts(&document, &self.entry)?;
        }
        let mut texts = vec![document.text.as_str()];
        texts.extend(document.overlays.iter().map(|overlay| overlay.text.as_str()));
        texts.extend(document.parts.iter().map(|part| part.document.text.as_str()));
        let key = Key::of(&loaded.text, &entry.name, &texts);
        Ok((document, key))
    }
}

impl Loaded {
    fn service(&self, typed: &str) -> Result<(&ServiceEntry, &Slot), Box<Report>> {
        let names = self.slots.keys().map(String::as_str);
        let name =
            find(typed, names, SERVICE).map_err(|mut report| {
                report.message = format!("{} in provider `{}`", report.message, self.provider.name);
                Box::new(report.with_help(format!(
                    "`SHOW SERVICES IN {}` lists its services",
                    self.provider.name
                )))
            })?;
        Ok((&self.provider.services[name], &self.slots[name]))
    }
}

/// A report about a service whose document would be outside its registry.
pub(crate) fn leaves_registry(entry: &ServiceEntry, file: &str) -> Box<Report> {
    Box::new(
        Report::new(
            Code::UntrustedDocument,
            format!(
                "service `{}` names the document `{}`, which is not inside the registry",
                entry.name, entry.document
            ),
        )
        .with_place(file, entry.line as usize)
        .with_help("write the path as `<provider>/<version>/services/<name>.yaml`"),
    )
}

/// A panic of another thread leaves these values intact: they are replaced, never mutated.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
