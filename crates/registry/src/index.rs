//! The index of a service: the data for SHOW, without schemas.
//!
//! Owns: [`ServiceIndex`], derived from a model and stored beside it, so that listing a whole
//! provider reads a few kilobytes per service instead of its model.

use serde::{Deserialize, Serialize};
use strataql_spec::method::{HttpVerb, Method, SqlVerb};
use strataql_spec::service::{Resource, Service};

/// The resources of a service with their methods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceIndex {
    /// Provider name.
    pub provider: String,
    /// Service name in SQL.
    pub service: String,
    /// Title.
    pub title: String,
    /// Description.
    pub description: String,
    /// Resources in document order.
    pub resources: Vec<ResourceSummary>,
}

/// A resource without its schemas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceSummary {
    /// Name in SQL.
    pub name: String,
    /// `provider.service.resource`.
    pub id: String,
    /// Title.
    pub title: String,
    /// Description.
    pub description: String,
    /// True when the document defines a view for it.
    pub has_view: bool,
    /// What reading that view needs, by SQL name.
    pub view_required: Vec<String>,
    /// Methods in document order.
    pub methods: Vec<MethodSummary>,
}

/// A method without its schemas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodSummary {
    /// Key in the resource.
    pub name: String,
    /// Its SQL verb.
    pub sql_verb: SqlVerb,
    /// Its HTTP verb.
    pub http_verb: HttpVerb,
    /// The path key of the document.
    pub path: String,
    /// Required inputs by SQL name: parameters, then body attributes.
    pub required: Vec<String>,
    /// True when its response has rows.
    pub is_selectable: bool,
    /// The summary, else the description.
    pub description: String,
}

impl ServiceIndex {
    /// The index of a model.
    pub fn of(service: &Service) -> Self {
        Self {
            provider: service.provider.clone(),
            service: service.name.clone(),
            title: service.title.clone(),
            description: service.description.clone(),
            resources: service
                .resources
                .values()
                .map(|it| ResourceSummary::of(service, it))
                .collect(),
        }
    }
}

impl ResourceSummary {
    fn of(service: &Service, resource: &Resource) -> Self {
        let methods = resource.methods.values();
        Self {
            name: resource.name.clone(),
            id: resource.id.clone(),
            title: resource.title.clone(),
            description: resource.description.clone(),
            has_view: !resource.views.is_empty(),
            view_required: service.view_parameters(resource),
            methods: methods.map(|method| MethodSummary::of(resource, method)).collect(),
        }
    }
}

impl MethodSummary {
    fn of(resource: &Resource, method: &Method) -> Self {
        let mut required: Vec<String> =
            method.required_params().map(|param| param.name.clone()).collect();
        for property in method.body.iter().flat_map(|body| &body.properties) {
            if property.required && !required.contains(&property.name) {
                required.push(property.name.clone());
            }
        }
        Self {
            name: method.name.clone(),
            sql_verb: resource.verb_of(&method.name),
            http_verb: method.verb,
            path: method.path.raw.clone(),
            required,
            is_selectable: method.is_selectable(),
            description: method
                .summary
                .as_ref()
                .or(method.description.as_ref())
                .cloned()
                .unwrap_or_default(),
        }
    }
}
