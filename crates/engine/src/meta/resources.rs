//! SHOW RESOURCES: of a service, of a provider, or of all.
//!
//! Surprise: of a service, the rows are named in it alone; of more than one, they have their full name.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use strataql_diag::Report;
use strataql_query::statement::Statement;
use strataql_query::text_table::text_table;
use strataql_registry::{ResourceSummary, ServiceIndex};
use strataql_sql::Name;

use super::show::{index, verbs};

/// The rows of SHOW RESOURCES; without a name, of what USE chose.
///
/// # Errors
/// Those of names, and of documents that cannot be read.
pub(super) fn resources(
    statement: &Statement,
    name: Option<&Name>,
    extended: bool,
) -> Result<RecordBatch, Box<Report>> {
    let catalog = &statement.catalog();
    match (name, catalog.namespace) {
        (None, [provider, service]) => {
            let index = statement.registry().index(provider, service)?;
            listed(&[index], false, extended)
        }
        (None, [provider]) => listed(&of_provider(statement, provider)?, true, extended),
        (None, _) => {
            let providers = statement.registry().providers();
            let found = providers.iter().map(|provider| of_provider(statement, &provider.name));
            listed(&found.collect::<Result<Vec<_>, _>>()?.concat(), true, extended)
        }
        (Some(name), namespace) => match provider_of(statement, name, namespace) {
            Some(provider) => listed(&of_provider(statement, &provider)?, true, extended),
            None => listed(&[index(statement, catalog, name, 2)?.0], false, extended),
        },
    }
}

/// The provider that a name of one part means, unless it is a service of what USE chose.
fn provider_of(statement: &Statement, name: &Name, namespace: &[String]) -> Option<String> {
    let [part] = name.parts.as_slice() else { return None };
    let used = namespace.first().and_then(|used| statement.registry().provider(used).ok());
    let is_service = used.is_some_and(|provider| {
        provider.services.keys().any(|key| key.eq_ignore_ascii_case(&part.value))
    });
    if is_service {
        return None;
    }
    statement.registry().provider(&part.value).ok().map(|provider| provider.name.clone())
}

/// The services of a provider that have a document.
fn of_provider(
    statement: &Statement,
    provider: &str,
) -> Result<Vec<Arc<ServiceIndex>>, Box<Report>> {
    let registry = statement.registry();
    let model = registry.provider(provider)?;
    let mut found = Vec::new();
    for service in model.services.keys() {
        if registry.has_document(provider, service)? {
            found.push(registry.index(provider, service)?);
        }
    }
    Ok(found)
}

fn listed(
    services: &[Arc<ServiceIndex>],
    with_path: bool,
    extended: bool,
) -> Result<RecordBatch, Box<Report>> {
    let row = |service: &ServiceIndex, resource: &ResourceSummary| {
        let mut row = vec![Some(resource.name.clone())];
        if with_path {
            let (provider, service) = (&service.provider, &service.service);
            row.push(Some(format!("{provider}.{service}.{}", resource.name)));
        }
        row.push(Some(verbs(resource)));
        if extended {
            row.push(Some(resource.id.clone()));
            row.push(Some(resource.description.clone()));
        }
        row
    };
    let rows = services
        .iter()
        .flat_map(|service| service.resources.iter().map(|one| row(service, one)))
        .collect();
    let mut names = vec!["name"];
    names.extend(with_path.then_some("path"));
    names.push("verbs");
    if extended {
        names.extend(["id", "description"]);
    }
    text_table(&names, rows)
}
