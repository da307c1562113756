//! SHOW and DESCRIBE as the profile prints them, from the models of documents.
//!
//! Owns: their columns and the order of rows.
//! Refuses: LIKE and WHERE, which are applied to the rows afterwards.

mod insert;
mod methods;
mod resource;

use strataql_registry::Registry;
use strataql_spec::{Resource, Service};

use crate::layout::Table;
use crate::messages;

pub use self::filter::{is_like, like};
pub use self::insert::{Wanted, insert};
pub use self::methods::{Environment, methods};
pub use self::resource::{describe, describe_method};

mod filter;

/// Why there are no rows, as the profile says it.
type Result<T> = std::result::Result<T, String>;

/// SHOW PROVIDERS.
pub fn providers(registry: &Registry) -> Table {
    let rows = registry.providers().into_iter();
    Table {
        labels: vec!["name".to_owned(), "version".to_owned()],
        rows: rows.map(|it| vec![Some(it.name), Some(it.version)]).collect(),
    }
}

/// SHOW SERVICES.
///
/// # Errors
/// The message for a provider that is not installed.
pub fn services(registry: &Registry, provider: &str, extended: bool) -> Result<Table> {
    let provider = registry.provider(provider).map_err(|_| messages::no_provider(provider))?;
    let mut entries: Vec<_> = provider.services.values().collect();
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    let mut labels = vec!["id", "name", "title"];
    if extended {
        labels.extend(["description", "version", "preferred"]);
    }
    let rows = entries.into_iter().map(|entry| {
        let mut row = vec![entry.id.clone(), entry.name.clone(), entry.title.clone()];
        if extended {
            row.extend([
                entry.description.clone(),
                entry.version.clone(),
                entry.preferred.to_string(),
            ]);
        }
        row.into_iter().map(Some).collect()
    });
    Ok(Table { labels: owned(&labels), rows: rows.collect() })
}

/// SHOW RESOURCES.
///
/// # Errors
/// The message for a provider or service that is not there.
pub fn resources(
    registry: &Registry,
    provider: &str,
    service: &str,
    extended: bool,
) -> Result<Table> {
    let known = registry.provider(provider).map_err(|_| messages::no_provider(provider))?;
    if !known.services.contains_key(service) {
        return Err(messages::no_service(service));
    }
    let index = registry.index(&known.name, service).map_err(|report| report.message.clone())?;
    let mut all: Vec<_> = index.resources.iter().collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    let rows = all.into_iter().map(|resource| {
        let mut row = vec![Some(resource.name.clone()), Some(resource.id.clone())];
        if extended {
            row.push(Some(resource.description.clone()));
        }
        row
    });
    let labels: &[&str] = if extended { &["name", "id", "description"] } else { &["name", "id"] };
    Ok(Table { labels: owned(labels), rows: rows.collect() })
}

/// SHOW VERSION.
pub fn version(build: crate::help::Build<'_>, extended: bool) -> Table {
    let version = format!("v{}", build.version);
    if extended {
        let row = vec![version.as_str(), build.commit, build.date, build.platform];
        return Table::of(&["version", "commit", "build_date", "platform"], [row]);
    }
    Table::of(&["version"], [vec![version.as_str()]])
}

/// SHOW TRANSACTION ISOLATION LEVEL.
pub fn isolation() -> Table {
    Table::of(&["transaction_isolation"], [vec!["read committed"]])
}

/// A service, and the resource of it that a name means.
fn resource<'s>(service: &'s Service, name: &str) -> Result<&'s Resource> {
    service.resources.get(name).ok_or_else(|| messages::NO_RESOURCE.to_owned())
}

/// The service of a name of three parts.
pub(crate) fn service(
    registry: &Registry,
    provider: &str,
    name: &str,
) -> Result<std::sync::Arc<Service>> {
    let known = registry.provider(provider).map_err(|_| messages::no_provider(provider))?;
    if !known.services.contains_key(name) {
        return Err(messages::no_service(name));
    }
    registry.service(&known.name, name).map_err(|report| report.message.clone())
}

fn owned(labels: &[&str]) -> Vec<String> {
    labels.iter().map(|label| (*label).to_owned()).collect()
}

#[cfg(test)]
mod tests;
