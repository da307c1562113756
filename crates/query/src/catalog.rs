//! Names: what a dotted name in a statement means.
//!
//! Owns: resolution of providers, services and resources (exact match, else the only
//! case-insensitive one), the namespace that USE chose, and the errors with suggestions.

use std::sync::Arc;

use strataql_diag::{Code, Report, Span, did_you_mean, listed};
use strataql_registry::Registry;
use strataql_spec::{Provider, Service};
use strataql_sql::Name;

use crate::resource::ResourceRef;

/// Services whose documents are searched for a resource that was named without its path.
const SEARCHED: usize = 24;

type Found<T> = Result<T, Box<Report>>;

/// Names of a session.
pub struct Catalog<'a> {
    /// Provider documents.
    pub registry: &'a Registry,
    /// What `USE` named: a provider, or a provider and a service.
    pub namespace: &'a [String],
}

impl Catalog<'_> {
    /// A provider by its name in a statement.
    pub fn provider(&self, name: &str, span: Span) -> Found<Arc<Provider>> {
        self.registry.provider(name).map_err(|report| at(report, span))
    }

    /// A service of a provider.
    pub fn service(&self, provider: &str, name: &str, span: Span) -> Found<Arc<Service>> {
        self.registry.service(provider, name).map_err(|report| at(report, span))
    }

    /// The full parts of a name, with those that USE supplies in front.
    ///
    /// `None` when the name is too short even so.
    pub fn full(&self, name: &Name, parts: usize) -> Option<Vec<String>> {
        let own: Vec<String> = name.parts.iter().map(|part| part.value.clone()).collect();
        if own.len() >= parts {
            return Some(own);
        }
        let missing = parts - own.len();
        let prefix = self.namespace.get(..missing)?;
        Some(prefix.iter().cloned().chain(own).collect())
    }

    /// The resource that a relation name means.
    pub fn resource(&self, name: &Name) -> Found<ResourceRef> {
        let parts = match self.full(name, 3) {
            Some(parts) if parts.len() == 3 => parts,
            _ => return Err(self.no_relation(name)),
        };
        let span = |back: usize| {
            let count = name.parts.len();
            count
                .checked_sub(back)
                .and_then(|index| name.parts.get(index))
                .map_or(name.span, |part| part.span)
        };
        let provider = self.provider(&parts[0], span(3))?;
        let service = self.service(&parts[0], &parts[1], span(2))?;
        let name = resource_name(&service, &parts[2], span(1))?;
        Ok(ResourceRef { provider, service, name })
    }

    /// What to do with the name of a provider or of a service where a resource is wanted.
    fn place(&self, name: &Name) -> Option<String> {
        let (first, rest) = name.parts.split_first()?;
        let provider = self.registry.provider(&first.value).ok()?;
        let Some(second) = rest.first() else {
            return Some(format!(
                "`{0}` is a provider; `SHOW SERVICES IN {0}` lists its services",
                provider.name
            ));
        };
        let found = provider.services.keys().find(|key| key.eq_ignore_ascii_case(&second.value));
        Some(match found {
            Some(service) => format!(
                "`{0}.{service}` is a service; `SHOW RESOURCES IN {0}.{service}` lists its resources",
                provider.name
            ),
            None => format!(
                "`{}` has no service `{}`; `SHOW SERVICES IN {0}` lists them",
                provider.name, second.value
            ),
        })
    }

    /// The full names of the resources that end with a name.
    fn elsewhere(&self, name: &Name) -> Option<String> {
        let wanted = name.parts.last().map(|part| part.value.as_str())?;
        let providers = self.registry.providers();
        let services = providers.iter().filter_map(|one| self.registry.provider(&one.name).ok());
        let places: Vec<(String, String)> = services
            .flat_map(|provider| {
                let services = provider.services.keys();
                services.map(|service| (provider.name.clone(), service.clone())).collect::<Vec<_>>()
            })
            .collect();
        if places.len() > SEARCHED {
            return Some(format!(
                "`SHOW RESOURCES LIKE '{}'` searches all providers for it",
                wanted.replace('\'', "''")
            ));
        }
        let found: Vec<String> = places
            .iter()
            .filter_map(|(provider, service)| {
                let index = self.registry.index(provider, service).ok()?;
                let mut all = index.resources.iter();
                let found = all.find(|resource| resource.name.eq_ignore_ascii_case(wanted))?;
                Some(format!("`{provider}.{service}.{}`", found.name))
            })
            .collect();
        (!found.is_empty()).then(|| format!("did you mean {}?", found.join(" or ")))
    }

    fn no_relation(&self, name: &Name) -> Box<Report> {
        let dotted = name.dotted();
        let report = if name.parts.len() > 3 {
            Report::new(Code::UnknownResource, format!("`{dotted}` has too many parts"))
                .with_help("a resource is written `provider.service.resource`")
        } else {
            let report =
                Report::new(Code::UnknownResource, format!("there is no relation `{dotted}` here"));
            match self.place(name) {
                Some(help) => report.with_help(help),
                None => report
                    .with_help_if(self.elsewhere(name))
                    .with_help("a resource is written `provider.service.resource`; `USE provider` shortens that"),
            }
        };
        let providers = self.registry.providers();
        let names: Vec<&str> = providers.iter().map(|provider| provider.name.as_str()).collect();
        Box::new(
            report.with_label(name.span, "").with_note(format!("providers are {}", listed(&names))),
        )
    }
}

/// The document's spelling of a resource name.
pub fn resource_name(service: &Service, typed: &str, span: Span) -> Found<String> {
    if service.resources.contains_key(typed) {
        return Ok(typed.to_owned());
    }
    let same: Vec<&String> =
        service.resources.keys().filter(|name| name.eq_ignore_ascii_case(typed)).collect();
    let place = format!("{}.{}", service.provider, service.name);
    match same.as_slice() {
        [one] => Ok((*one).clone()),
        [] => {
            let names: Vec<&str> = service.resources.keys().map(String::as_str).collect();
            Err(Box::new(
                Report::new(Code::UnknownResource, format!("`{place}` has no resource `{typed}`"))
                    .with_label(span, "")
                    .with_help_if(did_you_mean(typed, names.iter().copied()))
                    .with_help(format!("`SHOW RESOURCES IN {place}` lists them"))
                    .with_note(format!("its resources are {}", listed(&names))),
            ))
        }
        _ => Err(Box::new(
            Report::new(
                Code::AmbiguousName,
                format!("`{typed}` fits more than one resource of `{place}`"),
            )
            .with_label(span, "")
            .with_help("write it in quotes, in the document's own case"),
        )),
    }
}

fn at(report: Box<Report>, span: Span) -> Box<Report> {
    if report.labels.is_empty() { Box::new(report.with_label(span, "")) } else { report }
}
