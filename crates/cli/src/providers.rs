//! Provider documents for commands.

use std::sync::Arc;

use strataql_diag::Report;
use strataql_registry::{Origin, Registry, Settings as RegistrySettings, Source};
use strataql_sandbox::ProviderSource;

use crate::settings::Places;

/// The registry: `--registry`, then pulled, then embedded documents.
pub(crate) fn registry(named: Option<&str>, places: &Places) -> Result<Arc<Registry>, Box<Report>> {
    let mut sources = Vec::new();
    if let Some(text) = named {
        sources.push(Source::parse(text)?);
    }
    if let Some(folder) = places.registry() {
        sources.push(Source::folder(Origin::Pulled, folder));
    }
    sources.push(Source::embedded());
    let settings = RegistrySettings { sources, cache_dir: places.cache.clone() };
    Registry::new(settings).map(Arc::new)
}

/// A provider for the sandbox, with services loaded on demand.
pub(crate) fn simulated(
    registry: &Arc<Registry>,
    name: &str,
) -> Result<ProviderSource, Box<Report>> {
    let provider = registry.provider(name)?;
    let documents = Arc::clone(registry);
    let of = provider.name.clone();
    let loader = Arc::new(move |service: &str| documents.service(&of, service));
    Ok(ProviderSource::lazy(provider.as_ref().clone(), loader))
}
